"""The change window: the playbook patch_window, and the role backup_before_change in every shape of play."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible, Run
from ansible_collections.backupops.veeam_em.tests.e2e.snippets import snippets_in
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


def window(ansible: Ansible, hosts: list[str], *arguments: str, change: Any = None, **variables: Any) -> Run:
    """Run the playbook patch_window for these hosts."""
    inventory(ansible, {host: {} for host in hosts}, **{"ansible_connection": "local", **variables.pop("hosts", {})})
    (ansible.folder / "change.yml").write_text(yaml.safe_dump(change or CHANGE), encoding="utf-8")
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


# How any_errors_fatal ends a run is what differs between releases of ansible-core.
MARKS = {"everything ends": [pytest.mark.core_matrix], "batches": [pytest.mark.full]}


@pytest.mark.parametrize("ending", [pytest.param(each, marks=MARKS.get(each, [])) for each in ENDINGS])
def test_a_window_is_thawed_whatever_happens(emsim: Start, ansible: Ansible, ending: str) -> None:
    hosts, tasks, variables, told = ENDINGS[ending]
    sim = emsim(FLEET, speed=20)
    run = window(ansible.connected(sim), hosts, change=tasks or CHANGE, **variables)
    assert run.rc != 0, run.output
    # Where a batch failed, it has thawed, and the next one has frozen again.
    assert all(number % 2 == 0 for number in toggles(sim).values()), run.output
    assert sim.counters()["toggles"]
    assert set(sim.counters()["starts"].values()) == {1}
    if told:
        assert told in run["Sum up"]["msg"]
    assert sim.counters()["open_logon_sessions"] == 0


def test_a_window_refuses_limit(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = window(ansible.connected(sim), GOOD, "--limit", "web01")
    assert run.rc != 0
    assert "Choose the hosts with patch_window_hosts, not with --limit" in run.stdout
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


# The role in every shape of play

ROLE = "backupops.veeam_em.backup_before_change"
INCLUDE = {"name": "Include", "ansible.builtin.include_role": {"name": ROLE}}


def role(ansible: Ansible, hosts: dict[str, Any], *arguments: str, tasks: Any = (INCLUDE,), **play: Any) -> Run:
    """Run a play of these tasks and the change."""
    inventory(ansible, hosts)
    plays = [{"hosts": "web", "gather_facts": False, "tasks": [*tasks, *CHANGE], **play}]
    (ansible.folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    return ansible.command("ansible-playbook", "-i", "hosts.yml", "play.yml", *arguments)


@pytest.mark.core_matrix
def test_only_hosts_that_take_part(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    (ansible.folder / "ansible.cfg").write_text("[privilege_escalation]\nbecome = True\n", encoding="utf-8")
    again = {**INCLUDE, "vars": {"backup_before_change_again": True}, "when": "inventory_hostname == 'web01'"}
    run = role(
        ansible.connected(sim),
        {"num01": {}, "web01": {}},
        "--tags",
        "backup",
        "-e",
        # As a survey gives it: text.
        json.dumps({"backup_before_change_jobs": '{"num01": 2024, "nobody": null}'}),
        tasks=[{**each, "tags": "backup"} for each in (INCLUDE, again)],
        vars=HOSTILE_VARS,
    )
    # vm01 is the machine of the job 2024, num01 is not.
    assert "It is not among the machines of the runs that should have backed it up: 2024" in run.stdout, run.output
    assert sim.counters()["starts"] == {"Web servers": 2, "2024": 1}
    assert re.findall(r"^(\S+) +: ok=.* failed=1", run.stdout, re.MULTILINE) == ["num01"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"backup_before_change_machine": 83}, "of the host web01 is 83, not a text"),
        ({"backup_before_change_machine": None}, "of the host web01 is"),
        ({"backup_before_change_jobs": {"web01": None}}, "does not name the job of web01: it holds null"),
    ],
)
def test_what_is_not_a_name(emsim: Start, ansible: Ansible, variables: dict[str, Any], words: str) -> None:
    sim = emsim(FLEET)
    run = role(ansible.connected(sim), {"web01": variables})
    assert run.rc != 0
    assert words in run.output
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


def test_a_later_batch_waits_again(emsim: Start, ansible: Ansible) -> None:
    quick, slow = {"duration": 0.1}, {"duration": 14}
    machines = [{"name": "a1", **slow}, {"name": "a2", **quick}, {"name": "b1", **slow}, {"name": "b2", **quick}]
    sim = emsim({"agent_jobs": [{"name": "Shared", "machines": machines}], "defaults": {"start_delay": 0.2}})
    hosts = {name: {"ansible_connection": "local"} for name in ("a1", "a2", "b1", "b2")}
    timeout = {"backup_before_change_wait_timeout": 9}
    run = role(ansible.connected(sim), hosts, serial=2, vars=timeout)
    assert "a1. Shared: no result: the run had not ended after 9 seconds and continues" in run.stdout, run.output
    assert changed(run) == ["a2", "b1", "b2"], run.output
    assert sim.counters()["starts"] == {"Shared": 1}


def test_strategy_free_is_refused(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    hosts = {name: {"ansible_connection": "local"} for name in GOOD}
    run = role(ansible.connected(sim), hosts, strategy="free")
    assert re.search(r"^fatal: .*Use strategy: linear", run.stdout, re.MULTILINE), run.output
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


def test_check_mode_of_a_play_and_of_a_task(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    em = ansible.connected(sim)
    hosts = {name: {"ansible_connection": "local"} for name in ("web01", "web02")}
    predicted = role(em, hosts, check_mode=True)
    assert (predicted.rc, changed(predicted)) == (0, ["web01", "web02"]), predicted.output
    assert "Check mode: web01 was not backed up. Web servers: Would start." in predicted.stdout
    assert sim.counters()["writes"] == 0
    really = {"name": "Include", "ansible.builtin.include_role": {"name": ROLE, "apply": {"check_mode": False}}}
    judged = role(em, hosts, "--check", tasks=[really])
    assert "Not backed up: web02. Web servers: Failed" in judged.stdout, judged.output
    assert changed(judged) == ["web01"]
    assert sim.counters()["starts"] == {"Web servers": 1}


def test_a_good_run_of_a_short_while_ago_serves(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    em = ansible.connected(sim)
    hosts = {"vm01": {"ansible_connection": "local"}, "lost": {"ansible_connection": "local"}}
    valid = {"backup_before_change_valid_for": "600", "backup_before_change_unprotected": "ignore"}
    for _time in range(2):
        run = role(em, hosts, vars=valid)
        assert (run.rc, changed(run)) == (0, ["lost", "vm01"]), run.output
        assert "Not backed up: lost. No job protects it" in run.stdout
    assert sim.counters()["starts"] == {"2024": 1}


def test_the_recipe_of_the_guide_thaws_when_all_backups_fail(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    guide = snippets_in(ROOT / "docs" / "docsite" / "rst" / "guide_change_window.rst", "guide")
    recipe = next(snippet.text for snippet in guide if "hosts: web:localhost" in snippet.text)
    inventory(ansible, {"web02": {"ansible_connection": "local"}})
    (ansible.folder / "own.yml").write_text(recipe.replace("Linux servers", "Web servers"), encoding="utf-8")
    run = ansible.connected(sim).command("ansible-playbook", "-i", "hosts.yml", "own.yml")
    assert "Not backed up: web02. Web servers: Failed" in run.stdout, run.output
    assert "The change goes here." not in run.stdout
    assert toggles(sim) == {"Web servers": 2}
