"""The change window: the playbook patch_window, and the role backup_before_change in every shape of play."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible, Run
from emsim import Simulator

Start = Callable[..., Simulator]

# What a server says must reach the user as it is, also when it looks like a template.
REASON = 'Volume {{ 6 * 7 }} is "full", it\'s {% raw'
FLEET = {
    "protection_groups": [{"name": "Web", "computers": ["web01.example.com", "web02.example.com"]}],
    "agent_jobs": [
        {
            "name": "Web servers",
            "includes": ["Web"],
            "machines": ["web01.example.com", {"name": "web02.example.com", "result": "Failed", "reason": REASON}],
        },
        {"name": "Not concerned", "machines": ["other"]},
    ],
    "vm_jobs": [{"name": "2024", "machines": ["vm01", "vm02"]}],
}
# Names of hosts whose machine is backed up, in an agent job and in a VM job.
GOOD = ["web01", "vm01"]
CHANGE = [{"name": "Change", "ansible.builtin.debug": {"msg": "changing {{ inventory_hostname }}"}}]
# What is left of the controller in such an inventory must not matter.
HOSTILE_VARS = {
    "ansible_become": True,
    "ansible_connection": "winrm",
    "ansible_shell_type": "powershell",
    "ansible_python_interpreter": "/nowhere/python",
}


def inventory(ansible: Ansible, hosts: dict[str, Any], **variables: Any) -> None:
    content = {"all": {"hosts": {"localhost": {}}, "children": {"web": {"hosts": hosts, "vars": variables}}}}
    (ansible.folder / "hosts.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def window(ansible: Ansible, hosts: list[str], *arguments: str, change: Any = CHANGE, **variables: Any) -> Run:
    """Run the playbook patch_window for these hosts."""
    inventory(ansible, {host: {} for host in hosts}, **{"ansible_connection": "local", **variables.pop("hosts", {})})
    (ansible.folder / "change.yml").write_text(yaml.safe_dump(change), encoding="utf-8")
    given = {
        "patch_window_hosts": "web",
        "patch_window_tasks": "change.yml",
        "patch_window_gather_facts": False,
        **variables,
    }
    return ansible.command(
        "ansible-playbook", "-i", "hosts.yml", "backupops.veeam_em.patch_window", "-e", json.dumps(given), *arguments
    )


def changed(run: Run) -> list[str]:
    """The hosts that reached the change, sorted."""
    return sorted(re.findall(r'"msg": "changing (\S+)"', run.stdout))


def toggles(sim: Simulator) -> dict[str, int]:
    """How often each schedule was toggled; after a window all are enabled."""
    assert all(job["schedule_enabled"] for job in sim.jobs())
    return dict(sim.counters()["toggles"])


@pytest.mark.core_matrix
def test_a_window_changes_what_is_backed_up(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    (ansible.folder / "ansible.cfg").write_text("[privilege_escalation]\nbecome = True\n", encoding="utf-8")
    change = [{**CHANGE[0], "become": False}]
    run = window(ansible.connected(sim), ["web01", "web02", "vm01"], change=change)
    assert run.rc == 2, run.output
    assert changed(run) == sorted(GOOD), run.output
    assert toggles(sim) == {"Web servers": 2, "2024": 2}
    assert sim.counters()["starts"] == {"Web servers": 1, "2024": 1}
    summary = run["Sum up"]["msg"].splitlines()
    assert summary[0] == "web01: changed"
    assert summary[1] == f"web02: Not backed up: web02. Web servers: Failed: {REASON}."
    assert summary[2] == "vm01: changed"


FAIL = {"name": "Break", "ansible.builtin.fail": {"msg": "The change failed."}}
AWAY = {"name": "Reboot", "ansible.builtin.set_fact": {"ansible_connection": "ssh", "ansible_port": 1}}
PING = {"name": "Reach", "ansible.builtin.ping": {}}
ENDINGS = {
    "all backups fail": (["web02"], [], {}, "web02: Not backed up"),
    "the change fails": (GOOD, [FAIL], {}, "web01: backed up, but its change did not end well"),
    "everything ends": ([*GOOD, "vm02"], [{**FAIL, "any_errors_fatal": True}], {}, None),
    "batches": (["web02", *GOOD], [], {"patch_window_serial": 1}, "web01: changed"),
}
if shutil.which("ssh"):
    ENDINGS["all are lost"] = (GOOD, [AWAY, PING], {}, "web01: backed up, but its change did not end well")


@pytest.mark.core_matrix
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_window_is_thawed_whatever_happens(emsim: Start, ansible: Ansible, ending: str) -> None:
    hosts, tasks, variables, told = ENDINGS[ending]
    sim = emsim(FLEET, speed=20)
    run = window(ansible.connected(sim), hosts, change=tasks or CHANGE, **variables)
    assert run.rc != 0, run.output
    assert set(toggles(sim).values()) == {2}, run.output
    assert set(sim.counters()["starts"].values()) == {1}
    if told:
        assert told in run["Sum up"]["msg"]
    assert sim.counters()["open_logon_sessions"] == 0
