"""The change window: the playbook patch_window, and the role backup_before_change in every shape of play."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, ROOT, Ansible, Run
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
    "ansible_shell_executable": "/nowhere/shell",
    "ansible_python_interpreter": "/nowhere/python",
}


def inventory(ansible: Ansible, hosts: dict[str, Any], **variables: Any) -> None:
    content = {"all": {"hosts": {"localhost": {}}, "children": {"web": {"hosts": hosts, "vars": variables}}}}
    (ansible.folder / "hosts.yml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def window(
    ansible: Ansible, hosts: list[str], *arguments: str, change: Any = None, reached: Any = None, **variables: Any
) -> Run:
    """Run the playbook patch_window for these hosts."""
    inventory(ansible, {host: {} for host in hosts}, **(reached or {"ansible_connection": "local"}))
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


def last(run: Run) -> list[str]:
    """The last summary: one line for each host."""
    return [each for each in run.results if each["task"] == "Sum up" and "msg" in each][-1]["msg"]


def toggles(sim: Simulator) -> dict[str, int]:
    """How often each schedule was toggled; after a window all are enabled."""
    assert all(job["schedule_enabled"] for job in sim.jobs())
    return dict(sim.counters()["toggles"])


@pytest.mark.core_matrix
def test_a_window_changes_what_is_backed_up(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    (ansible.folder / "ansible.cfg").write_text("[privilege_escalation]\nbecome = True\n", encoding="utf-8")
    change = [{**CHANGE[0], "become": False}]
    run = window(ansible.connected(sim), ["web01", "web02", "vm01"], change=change, reached=HOSTILE_VARS)
    assert run.rc == 2, run.output
    assert changed(run) == sorted(GOOD), run.output
    assert toggles(sim) == {"Web servers": 2, "2024": 2}
    assert sim.counters()["starts"] == {"Web servers": 1, "2024": 1}
    summary = last(run)
    assert summary[0] == "web01: changed"
    assert summary[1] == f"web02: Not backed up: web02. Web servers: Failed: {REASON}."
    assert summary[2] == "vm01: changed"


FAIL = {"name": "Break", "ansible.builtin.fail": {"msg": "The change failed."}}
AWAY = {"name": "Reboot", "ansible.builtin.set_fact": {"ansible_connection": "ssh", "ansible_port": 1}}
PING = {"name": "Reach", "ansible.builtin.ping": {}}
ENDINGS: dict[str, tuple[list[str], list[dict[str, Any]], dict[str, Any], str | None]] = {
    "all backups fail": (["web02"], [], {}, "web02: Not backed up"),
    "the change fails": (GOOD, [FAIL], {}, "web01: backed up, but its change did not complete"),
    "everything ends": (
        [*GOOD, "vm02"],
        [{**FAIL, "any_errors_fatal": True}],
        {},
        "vm02: backed up, but its change did not complete",
    ),
    "batches": (["web02", *GOOD], [], {"patch_window_serial": 1}, "web01: changed"),
}
if shutil.which("ssh"):
    # The first host is lost before the others, which a failure ends then.
    ENDINGS["the last is lost, and that ends everything"] = (
        GOOD,
        [{**AWAY, "when": "inventory_hostname == 'web01'"}, PING, AWAY, {**PING, "any_errors_fatal": True}],
        {},
        # ansible-core 2.16 may end the run right after the thaw, without the summary.
        None,
    )
    ENDINGS["all are lost"] = (GOOD, [AWAY, PING], {}, "web01: backed up, but its change did not complete")


# How any_errors_fatal ends a run is what differs between releases of ansible-core.
MARKS = {
    "the last is lost, and that ends everything": [pytest.mark.core_matrix],
    "everything ends": [pytest.mark.full],
    "batches": [pytest.mark.full],
    "the change fails": [pytest.mark.full],
}


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
        assert any(told in line for line in last(run)), run.output
    assert sim.counters()["open_logon_sessions"] == 0


def test_tasks_that_end_the_play_or_clear_errors(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    change = [{"ansible.builtin.meta": "clear_host_errors"}, *CHANGE, {"ansible.builtin.meta": "end_play"}]
    run = window(ansible.connected(sim), ["web01", "web02"], change=change)
    assert run.rc == 2, run.output
    assert changed(run) == ["web01"], run.output
    assert toggles(sim) == {"Web servers": 2}, run.output
    assert last(run)[1].startswith("web02: Not backed up: web02.")
    assert "The change did not begin on web02. The summary above says why." in run.output
    assert "evaluated to" not in run.output


def test_tasks_that_cannot_be_loaded(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    mistyped = {"name": "Mistyped", "ansible.builtin.no_such_module": {}}
    run = window(ansible.connected(sim), GOOD, change=[*CHANGE, mistyped])
    assert run.rc != 0
    assert "ansible.builtin.no_such_module" in run.output
    assert sim.counters()["writes"] == 0, run.output


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--limit", "web01", "Select the hosts with patch_window_hosts, not with --limit"),
        pytest.param("--limit", "web01,localhost", "not with --limit", marks=pytest.mark.full),
        ("--tags", "upgrade", "run it without --tags"),
    ],
)
def test_a_window_refuses_a_part_of_itself(emsim: Start, ansible: Ansible, option: str, value: str, words: str) -> None:
    sim = emsim(FLEET)
    run = window(ansible.connected(sim), GOOD, option, value)
    assert run.rc != 0
    assert words in run.stdout
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


def kill_window(em: Ansible, sim: Simulator, given: dict[str, Any], how: str, requests: int) -> None:
    """Begin a window and kill it when the simulator has seen so many requests; Ctrl-C goes to the whole group."""
    process = subprocess.Popen(
        [BIN / "ansible-playbook", "-i", "hosts.yml", "backupops.veeam_em.patch_window", "-e", json.dumps(given)],
        cwd=em.folder,
        env=em.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None and len(sim.requests()) < requests:
            time.sleep(0.01)
        if process.poll() is None and how == "SIGKILL of ansible-playbook":
            process.kill()
        elif process.poll() is None:
            os.killpg(process.pid, getattr(signal, how))
        process.wait(120)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


# After which request, and how. A window of these hosts takes some eighty.
HOW = ("SIGKILL", "SIGKILL of ansible-playbook", "SIGINT")
KILLS = [(how, number) for how in HOW for number in (12, 20, 30, 45, 65)]
QUICK = ("SIGINT", 20)


@pytest.mark.parametrize(
    ("how", "number"),
    [pytest.param(*each, marks=[] if each == QUICK else [pytest.mark.slow, pytest.mark.full]) for each in KILLS],
)
def test_a_killed_window_is_made_good(emsim: Start, ansible: Ansible, how: str, number: int) -> None:
    jobs = {kind: [{**job, "toggle_delay": 0.5} for job in FLEET[kind]] for kind in ("agent_jobs", "vm_jobs")}
    jobs["agent_jobs"].append({"name": "Off", "machines": ["vm02"], "schedule": {"enabled": False}})
    sim = emsim({**FLEET, **jobs}, speed=20)
    em, memory = ansible.connected(sim), ansible.folder / "memory.json"
    before = {job["name"]: job["schedule_enabled"] for job in sim.jobs()}
    inventory(em, {host: {"ansible_connection": "local"} for host in [*GOOD, "vm02"]})
    (em.folder / "change.yml").write_text(yaml.safe_dump(CHANGE), encoding="utf-8")
    given = {
        "patch_window_hosts": "web",
        "patch_window_tasks": "change.yml",
        "patch_window_gather_facts": False,
        "patch_window_file": str(memory),
        "patch_window_expires_after": 0.1,
    }
    kill_window(em, sim, given, how, number)
    made_good = em.command(
        "ansible-playbook",
        "backupops.veeam_em.thaw",
        "-e",
        json.dumps({"maintenance_window_file": str(memory), "maintenance_window_overdue_only": True}),
    )
    assert made_good.rc == 0, made_good.output
    assert {job["name"]: job["schedule_enabled"] for job in sim.jobs()} == before
    counted = sim.counters()["toggles"]
    assert all(count == 2 for count in counted.values()), counted
    assert set(counted) <= {"Web servers", "2024"}
    assert all(count == 1 for count in sim.counters()["starts"].values())


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
        ({"backup_before_change_machine": 83}, "of the host web01 is 83, not a string"),
        ({"backup_before_change_machine": None}, "of the host web01 is null"),
        ({"backup_before_change_jobs": {"web01": None}}, "does not name the job of web01: its value is null"),
    ],
)
def test_what_is_not_a_name(emsim: Start, ansible: Ansible, variables: dict[str, Any], words: str) -> None:
    sim = emsim(FLEET)
    run = role(ansible.connected(sim), {"web01": variables})
    assert run.rc != 0
    # The sentence comes first, not what Ansible was doing.
    assert re.search(rf'"msg": "backup_before_change_\w+ [^"]*{words}', run.stdout), run.output
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


def test_a_role_that_runs_for_the_first_host_only_is_refused(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    hosts = {name: {"ansible_connection": "local"} for name in GOOD}
    run = role(ansible.connected(sim), hosts, tasks=[{**INCLUDE, "run_once": True}])
    assert "Remove run_once" in run.stdout, run.output
    assert "evaluated to" not in run.output
    assert changed(run) == []
    assert sim.counters()["writes"] == 0


def test_strategy_free_is_refused(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    hosts = {name: {"ansible_connection": "local"} for name in GOOD}
    run = role(ansible.connected(sim), hosts, strategy="free")
    assert run.rc == 2, run.output
    assert run.stdout.count("Use strategy: linear") >= 2
    (error,) = {json.dumps(each["error"]) for each in run.results if "error" in each}
    assert json.loads(error) == {
        "kind": "usage",
        "http_status": None,
        "em_message": None,
        "method": None,
        "path": None,
        "retryable": False,
        "hint": "Use strategy: linear in this play, or put the backup in a separate play.",
    }
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
