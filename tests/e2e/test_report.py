"""The report and the gate as playbooks use them: files that others read, hosts that stop, names that attack."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible, Run
from ansible_collections.backupops.veeam_em.tests.unit.plugins.filter.promtool import promtool
from emsim import Simulator

Start = Callable[..., Simulator]

HOUR = 3600
HOSTILE = "<script>alert(1)</script>\"'{{ 6 * 7 }}"
FORMULA = '=HYPERLINK("http://evil.invalid","x")'
FLEET: dict[str, Any] = {
    "protection_groups": [{"name": "Web", "computers": ["web01.example.com", "web02.example.com"]}],
    "computers": [{"name": "spare01"}],
    "agent_jobs": [
        {
            "name": "Web servers",
            "includes": ["Web"],
            "machines": ["web01.example.com", "web02.example.com"],
            "history": [
                {
                    "ended_ago": 2 * HOUR,
                    "machines": [
                        "web01.example.com",
                        {"name": "web02.example.com", "result": "Failed", "reason": HOSTILE},
                    ],
                },
                {"ended_ago": 50 * HOUR},
            ],
        },
        {"name": FORMULA, "machines": ["db01"], "history": [{"ended_ago": 5 * HOUR}]},
        {"name": HOSTILE, "machines": ["\u202egnp.exe"], "history": [{"ended_ago": 5 * HOUR}]},
    ],
}


def role(ansible: Ansible, *arguments: str, **variables: Any) -> Run:
    given = json.dumps({"backup_report_directory": str(ansible.folder / "out"), **variables})
    return ansible.command("ansible-playbook", "backupops.veeam_em.report", "-e", given, *arguments)


@pytest.mark.core_matrix
def test_all_forms_of_a_hostile_server(emsim: Start, ansible: Ansible) -> None:
    em = ansible.connected(emsim(FLEET))
    run = role(em, backup_report_formats="html,csv,text,json,openmetrics", backup_report_hours=72)
    assert run.rc == 0, run.output
    folder = ansible.folder / "out"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "backup_report.csv",
        "backup_report.html",
        "backup_report.json",
        "backup_report.prom",
        "backup_report.txt",
        "backup_report_runs.csv",
    ]
    # Its own words, whole, and no markup of its own.
    page = (folder / "backup_report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;{{ 6 * 7 }}" in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "http://" not in page.replace("http://evil.invalid", "")
    data = json.loads((folder / "backup_report.json").read_text(encoding="utf-8"))
    assert data["failures"][0]["reason"] == HOSTILE
    assert data["totals"]["runs"] == 4
    with (folder / "backup_report.csv").open(encoding="utf-8", newline="") as file:
        text = file.read()
    assert text.count("\r\n") == text.count("\n") == 1 + len(data["machines"]) + 1
    rows = {row["machine"]: row for row in csv.DictReader(text.splitlines())}
    assert rows["db01"]["jobs"] == "'" + FORMULA
    assert rows["web02.example.com"]["last_reason"] == HOSTILE
    assert (rows["web02.example.com"]["rpo_breach"], rows["spare01"]["rpo_breach"]) == ("too_old", "unprotected")
    with (folder / "backup_report_runs.csv").open(encoding="utf-8", newline="") as file:
        assert [row["result"] for row in csv.DictReader(file)].count("Failed") == 1
    plain = (folder / "backup_report.txt").read_text(encoding="utf-8")
    assert max(map(len, plain.splitlines())) <= 80
    assert plain.replace("\n", "").isprintable()
    assert "web02.example.com (Web servers)" in plain
    metrics = (folder / "backup_report.prom").read_text(encoding="utf-8")
    assert metrics.endswith("# EOF\n")
    assert re.search(r'^veeam_em_machine_rpo_breach\{.*machine="web02.example.com".*\} 1$', metrics, re.MULTILINE)
    assert re.search(r'^veeam_em_machine_rpo_breach\{.*machine="web01.example.com".*\} 0$', metrics, re.MULTILINE)
    assert (folder / "backup_report.prom").stat().st_mode & 0o777 == 0o644
    # Last, as it is told when it cannot be had.
    assert promtool("check", "metrics", given=metrics) == ""


def test_check_mode_exclusions_and_a_second_run(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    em = ansible.connected(sim)
    folder = ansible.folder / "out"
    assert role(em, "--check").rc == 0
    assert not folder.exists()
    folder.mkdir()
    folder.chmod(0o2750)
    (folder / "backup_report.json").write_text("old", encoding="utf-8")
    before = (folder / "backup_report.json").stat().st_ino
    exclude = [{"machine": "spare*", "reason": "Cold spare."}, {"machine": "web02*", "reason": "Rebuilt."}]
    run = role(em, backup_report_exclude=exclude, backup_report_formats=["json"])
    assert run.rc == 0, run.output
    # It is replaced by a rename, so that no reader sees half of it.
    assert (folder / "backup_report.json").stat().st_ino != before
    # The folder may be /tmp, or one that a group shares.
    assert folder.stat().st_mode & 0o7777 == 0o2750
    data = json.loads((folder / "backup_report.json").read_text(encoding="utf-8"))
    assert (data["unprotected"], data["rpo_breaches"]) == ([], [])
    assert {each["machine"]: each["reason"] for each in data["excluded"]} == {
        "spare01": "Cold spare.",
        "web02.example.com": "Rebuilt.",
    }
    # What is excluded from backups still tells when it fails.
    assert [each["machine"] for each in data["failures"]] == ["web02.example.com"]
    assert sim.counters().get("writes", 0) == 0
    assert sim.counters()["open_logon_sessions"] == 0


@pytest.mark.full
def test_only_the_second_host_of_a_play_has_the_report(emsim: Start, ansible: Ansible) -> None:
    em = ansible.connected(emsim(FLEET))
    second = {"role": "backupops.veeam_em.backup_report", "when": "inventory_hostname == 'web02'"}
    directory = f"{ansible.folder}/out-{{{{ inventory_hostname }}}}"
    variables = {"backup_report_directory": directory, "backup_report_formats": "text"}
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "roles": [second], "vars": variables}
    path = ansible.folder / "second.yml"
    path.write_text(yaml.safe_dump([play]), encoding="utf-8")
    run = em.command("ansible-playbook", "-i", "web01,web02", str(path))
    assert run.rc == 0, run.output
    assert [each.parent.name for each in ansible.folder.glob("out-*/backup_report.txt")] == ["out-web02"]


def gate(
    ansible: Ansible, hosts: list[str], *arguments: str, play: dict[str, Any] | None = None, **variables: Any
) -> Run:
    """Run a play for these hosts, with the gate and then a change; `play` holds more of its keywords."""
    inventory = ansible.folder / "hosts"
    inventory.write_text("\n".join([*hosts, "[all:vars]", "ansible_connection=local"]), encoding="utf-8")
    change = {"name": "Change", "ansible.builtin.debug": {"msg": "changing {{ inventory_hostname }}"}, "tags": "change"}
    whole = {"hosts": "all", "gather_facts": False, "roles": ["backupops.veeam_em.rpo_gate"], "tasks": [change]}
    path = ansible.folder / "gate.yml"
    path.write_text(yaml.safe_dump([{**whole, "vars": variables, **(play or {})}]), encoding="utf-8")
    return ansible.command("ansible-playbook", "-i", str(inventory), str(path), *arguments)


def changed(run: Run) -> list[str]:
    """The hosts that reached the change."""
    return sorted(re.findall(r'"msg": "changing (\S+)"', run.stdout))


HOSTS = ["web01", "web02", "db01.example.com", "spare01", "stranger"]


@pytest.mark.core_matrix
def test_the_gate_stops_exactly_the_hosts_without_a_recent_backup(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = gate(ansible.connected(sim), HOSTS, rpo_gate_hours=24)
    assert changed(run) == ["db01.example.com", "web01"], run.output
    assert "web02.example.com: its newest good backup is 50" in run.stdout
    assert "spare01: no job protects it, and no good backup of it is known." in run.stdout
    assert "stranger: no job protects it, and no backup of it is known." in run.stdout
    # One logon for all hosts.
    assert (sim.counters()["logons"], sim.counters().get("writes", 0)) == (1, 0)


def test_the_gate_warns_excludes_stops_all_and_takes_limits_of_hosts(emsim: Start, ansible: Ansible) -> None:
    em = ansible.connected(emsim(FLEET))
    warned = gate(em, HOSTS, rpo_gate_on_breach="warn")
    assert (warned.rc, changed(warned)) == (0, sorted(HOSTS)), warned.output
    assert "web02.example.com: its newest good backup is 50" in warned.stdout
    excluded = gate(em, HOSTS[1:], rpo_gate_exclude=["s*", {"machine": "web02", "reason": "Rebuilt."}])
    assert (excluded.rc, changed(excluded)) == (0, sorted(HOSTS[1:])), excluded.output
    stopped = gate(em, ["web01", "web02"], rpo_gate_once=True)
    assert (stopped.rc, changed(stopped)) == (2, []), stopped.output
    own = gate(em, ["web01 rpo_gate_hours=1", "web02 rpo_gate_hours=60", "other rpo_gate_machine=db01"], "--check")
    assert changed(own) == ["other", "web02"], own.output


@pytest.mark.core_matrix
def test_the_gate_in_a_play_that_is_not_like_others(emsim: Start, ansible: Ansible) -> None:
    """Each host runs separately, winrm would reach it as another user, and only the tag of the change is selected."""
    sim = emsim(FLEET)
    reached = {"ansible_connection": "winrm", "ansible_become": True, "ansible_become_user": "nobody-here"}
    run = gate(
        ansible.connected(sim),
        HOSTS,
        *("--tags", "change"),
        play={"strategy": "free"},
        # As a survey of AWX gives it.
        rpo_gate_exclude='[{"machine": "SPARE*", "reason": "Cold spare."}]',
        **reached,
    )
    assert changed(run) == ["db01.example.com", "spare01", "web01"], run.output
    assert "Set rpo_gate_machine if the machine has another name in Veeam" in run.stdout
    assert (sim.counters().get("writes", 0), sim.counters()["open_logon_sessions"]) == (0, 0)


def test_the_gate_refuses_what_would_let_unchecked_hosts_go_on(emsim: Start, ansible: Ansible) -> None:
    em = ansible.connected(emsim(FLEET))
    once = {"roles": [{"role": "backupops.veeam_em.rpo_gate", "run_once": True}]}
    run = gate(em, ["web01", "web02"], play=once)
    assert changed(run) == [], run.output
    assert '"msg": "With run_once, the role rpo_gate would check only' in run.stdout, run.output
    free = gate(em, ["web01", "web02"], play={"strategy": "free"}, rpo_gate_once=True)
    assert "web02" not in changed(free), free.output
    assert "rpo_gate_once cannot stop all hosts together" in free.output
