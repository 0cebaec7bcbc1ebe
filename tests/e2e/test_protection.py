"""Which jobs protect the hosts of a play, and starting them, in one real process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator

LAST_NIGHT = [{"ended_ago": 7200}]
FLEET: dict[str, Any] = {
    "protection_groups": [{"name": "Linux", "computers": ["web01", "2024"]}],
    "agent_jobs": [
        {"name": "Linux servers", "includes": ["Linux"], "machines": ["web01", "2024"], "history": LAST_NIGHT}
    ],
    "vm_jobs": [
        {
            "name": "Folder of VMs",
            "containers": ["Production"],
            "machines": ["APP01", "db.a.com", "db.b.com", "{{ 6 * 7 }}"],
            "history": [{"ended_ago": 3600, "machines": [{"name": "APP01", "result": "Failed", "reason": "Full."}]}],
        },
        {"name": "Databases", "machines": ["db.a.com", "db.b.com", "{{ 6 * 7 }}"], "history": LAST_NIGHT},
    ],
}
INVENTORY = """\
[web]
web01.example.com
app01
2024
[web:vars]
ansible_connection=winrm
ansible_host=192.0.2.1
"""


def test_hosts_of_a_play(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    (ansible.folder / "hosts").write_text(INVENTORY, encoding="utf-8")
    em = ansible.connected(sim).with_env(ANSIBLE_INVENTORY=str(ansible.folder / "hosts"))
    ask: Any = "veeam_em_protection_info"
    tasks: list[dict[str, Any]] = [
        {"name": "hosts", ask: {"machine": "{{ groups['web'] }}"}, "register": "found", "check_mode": True},
        {"name": "number", ask: {"machine": 2024}},
        {"name": "numbers", ask: {"machine": [2024, "nobody", "{{ '{{ 6 * 7 }}' }}"]}},
        {"name": "text", ask: {"machine": "web01, App01"}},
        {"name": "null", ask: {"machine": ["web01", None]}, "ignore_errors": True},
        {"name": "empty", ask: {"machine": []}, "ignore_errors": True},
        {"name": "nested", ask: {"machine": ["web01", {"name": "app01"}]}, "ignore_errors": True},
        {"name": "which", ask: {"machine": ["db", "web01"]}, "ignore_errors": True},
        {
            "name": "start",
            "veeam_em_job": {
                "id": "{{ found.machines | map(attribute='jobs') | flatten | map(attribute='id') | unique }}",
                "state": "started",
                "wait": True,
                "wait_interval": 0.1,
            },
        },
    ]
    run = em.play(*tasks, hosts="localhost", vars={"ansible_connection": "local"})
    assert run.rc == 0, run.output
    hosts = {each["name"]: each for each in run["hosts"]["machines"]}
    assert {name: [(job["name"], job["by"]) for job in each["jobs"]] for name, each in hosts.items()} == {
        "web01.example.com": [("Linux servers", "protection_group")],
        "app01": [("Folder of VMs", "history")],
        "2024": [("Linux servers", "protection_group")],
    }
    assert hosts["app01"]["last"]["reason"] == "Full."
    assert 1.9 < hosts["2024"]["last_good"]["age_hours"] < 2.1
    assert run["hosts"]["changed"] is False
    assert run["number"]["machines"] == [hosts["2024"]]
    assert run["numbers"]["unprotected"] == ["nobody"]
    assert run["numbers"]["machines"][2]["known_as"] == ["{{ 6 * 7 }}"]
    assert [each["name"] for each in run["text"]["machines"]] == ["web01", "App01"]
    errors = {name: run[name]["error"]["kind"] for name in ("null", "empty", "nested", "which")}
    assert errors == {"null": "usage", "empty": "usage", "nested": "usage", "which": "ambiguous"}
    assert "db.a.com on vbr01.example.com, db.b.com on vbr01.example.com" in run["which"]["msg"]
    assert sim.counters()["starts"] == {"Linux servers": 1, "Folder of VMs": 1}
    assert sim.counters()["open_logon_sessions"] == 0
