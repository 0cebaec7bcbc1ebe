"""The main job of the collection in real playbooks: back up, wait, a verdict for every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator

Start = Callable[..., Simulator]

FULL = "Error: There is not enough space on volume E:."
FLEET: dict[str, Any] = {
    "agent_jobs": [
        {
            "name": "Linux",
            "machines": [{"name": "web01"}, {"name": "web02"}],
            "history": [{"ended_ago": 60, "result": "Failed"}],
        },
        {"name": "SQL", "machines": [{"name": "sql01"}, {"name": "sql02", "result": "Failed", "reason": FULL}]},
        {"name": "Long", "running": True, "machines": [{"name": "big", "duration": 90000}]},
        {"name": "Medium", "machines": [{"name": "big", "duration": 60}]},
        {"name": "Ad hoc", "schedule": {"configured": False, "enabled": False}},
    ],
    "vm_jobs": [
        {"name": "VMs", "machines": ["dc01"]},
        {"name": "Copy", "type": "BackupCopy", "machines": ["dc01"]},
        {"name": "Standby", "type": "Replica", "machines": ["erp01"]},
    ],
}
SOON = {"wait_interval": 0.1}


def tidy(sim: Simulator, **starts: int) -> None:
    """Each job was started so often, and no logon session is open."""
    counters = sim.counters()
    assert counters.get("starts", {}) == starts
    assert counters["open_logon_sessions"] == 0
    assert counters["logons"] == counters["logoffs"]


@pytest.mark.core_matrix
def test_back_up_before_a_change(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    backup = {
        "veeam_em_agent_job": {"name": ["Linux", "SQL"], "state": "started", "wait": True, **SOON},
        "name": "back up",
    }
    run = ansible.connected(sim).play(backup, {"ansible.builtin.debug": {"msg": "the change"}})
    tidy(sim, Linux=1, SQL=1)
    assert run.rc == 2
    # The change is not made.
    assert [result["task"] for result in run.results] == ["back up"]
    result = run["back up"]
    assert result["changed"] is True
    assert "sql02" in result["msg"]
    assert "not enough space on volume E:" in result["msg"]
    assert result["error"]["kind"] == "rejected"
    linux, sql = result["jobs"]
    assert linux["session"]["result"] == "Success"
    assert [(machine["name"], machine["result"], machine["reason"]) for machine in sql["machines"]] == [
        ("sql01", "Success", None),
        ("sql02", "Failed", FULL),
    ]
    assert "Traceback" not in run.output


@pytest.mark.core_matrix
def test_check_and_diff_write_nothing(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = ansible.connected(sim).play(
        {"name": "start", "veeam_em_agent_job": {"name": ["Linux", "Long"], "state": "started", "wait": True}},
        {"name": "stop", "veeam_em_agent_job": {"name": "Long", "state": "stopped", "schedule_enabled": False}},
        {"name": "retry", "veeam_em_agent_job": {"name": "Linux", "state": "retried"}},
        {"name": "freeze", "veeam_em_job": {"name": "VMs", "state": "schedule", "schedule_enabled": False}},
        {"name": "copy", "veeam_em_job": {"name": "Copy", "state": "started"}},
        {"name": "logon", "veeam_em_session": {}, "register": "logon"},
        {"name": "wait", "veeam_em_job_session_info": {"job_name": "Long"}},
        arguments=["--check", "--diff"],
    )
    assert run.rc == 0, run.output
    assert sim.counters().get("writes", 0) == 0
    tidy(sim)
    actions = {each["task"]: [row["action"] for row in each["jobs"]] for each in run.results if "jobs" in each}
    assert actions == {
        "start": ["start", "attach"],
        "stop": ["stop"],
        "retry": ["retry"],
        "freeze": ["disable"],
        "copy": ["start"],
    }
    assert all(run[name]["changed"] for name in actions)
    # What the user sees of the diff.
    assert '-        "schedule_enabled": true' in run.stdout
    assert '+        "schedule_enabled": false' in run.stdout
    assert '+        "running": true' in run.stdout
    assert run["logon"]["session_id"] == ""


def test_a_day_in_the_life_of_schedules_and_runs(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    freeze = {"veeam_em_agent_job": {"name": ["Linux", "SQL"], "state": "schedule", "schedule_enabled": False, **SOON}}
    run = ansible.connected(sim).play(
        {"name": "freeze", **freeze},
        {"name": "freeze again", **freeze},
        {"name": "stop", "veeam_em_agent_job": {"name": "Long", "state": "stopped", "wait": True, **SOON}},
        {"name": "stop again", "veeam_em_agent_job": {"name": "Long", "state": "stopped"}},
        {"name": "retry", "veeam_em_agent_job": {"name": "Linux", "state": "retried", "wait": True, **SOON}},
        {"name": "retry again", "veeam_em_agent_job": {"name": "Linux", "state": "retried", "wait": True, **SOON}},
        {"name": "thaw", "veeam_em_agent_job": {"name": "SQL", "state": "schedule", "schedule_enabled": True, **SOON}},
        {
            "name": "ad hoc",
            "veeam_em_agent_job": {"name": "Ad hoc", "state": "schedule", "schedule_enabled": True},
            "ignore_errors": True,
        },
    )
    assert run.rc == 0, run.output
    assert [(each["task"], each["changed"]) for each in run.results] == [
        ("freeze", True),
        ("freeze again", False),
        ("stop", True),
        ("stop again", False),
        ("retry", True),
        ("retry again", False),
        ("thaw", True),
        ("ad hoc", False),
    ]
    assert run["retry"]["jobs"][0]["session"]["is_retry"] is True
    assert run["ad hoc"]["error"]["kind"] == "conflict"
    assert "no schedule" in run["ad hoc"]["msg"]
    assert sim.counters()["toggles"] == {"Linux": 1, "SQL": 2}
    assert {job["name"]: job["schedule_enabled"] for job in sim.jobs()[:2]} == {"Linux": False, "SQL": True}
    tidy(sim)


@pytest.mark.core_matrix
def test_time_runs_out_and_the_wait_is_resumed(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    backup = {"name": "Medium", "state": "started", "wait": True, "wait_timeout": 0.5, **SOON}
    run = ansible.connected(sim).play(
        {"name": "back up", "veeam_em_agent_job": backup, "register": "backup", "ignore_errors": True},
        {"name": "wait", "veeam_em_job_session_wait": {"id": "{{ backup.jobs[0].session.id }}", **SOON}},
    )
    first, second = run["back up"], run["wait"]
    assert first["failed"]
    assert first["timed_out"] is True
    assert first["jobs"][0]["session"]["running"] is True
    assert first["jobs"][0]["session"]["id"] in first["msg"]
    assert "Nothing was stopped" in first["msg"]
    assert second["timed_out"] is False
    assert second["sessions"][0]["result"] == "Success"
    assert [machine["name"] for machine in second["sessions"][0]["machines"]] == ["big"]
    assert run.rc == 0
    assert sim.counters().get("stops", {}) == {}
    tidy(sim, Medium=1)


def test_many_jobs_in_one_task(emsim: Start, ansible: Ansible) -> None:
    names = [f"Job {number:02}" for number in range(60)]
    sim = emsim(
        {"agent_jobs": [{"name": name, "machines": [{"name": "m{n}", "count": 2}]} for name in names]}, speed=10
    )
    run = ansible.connected(sim).module("veeam_em_agent_job", name=names, state="started", wait=True, wait_interval=0.5)
    assert run.rc == 0, run.output
    tidy(sim, **dict.fromkeys(names, 1))
    assert [row["job"]["name"] for row in run.result["jobs"]] == names
    assert all([machine["result"] for machine in row["machines"]] == ["Success"] * 2 for row in run.result["jobs"])
    reads = sim.counters()["by_method"]["GET"]
    assert reads < 2 * len(names), reads


def test_jobs_of_all_other_kinds(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    names = ["VMs", "Copy", "Standby"]
    run = ansible.connected(sim).module("veeam_em_job", name=names, state="started", wait=True, **SOON)
    assert run.rc == 0, run.output
    tidy(sim, **dict.fromkeys(names, 1))
    assert [row["machines"][0]["name"] for row in run.result["jobs"]] == ["dc01", "dc01", "erp01"]
    assert [each["query"] for each in sim.requests() if each["method"] == "POST" and "/jobs/" in each["path"]] == [
        "action=start",
        "action=sync",
        "action=start",
    ]


def test_connection_from_module_defaults(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    connection = {
        "host": sim.host,
        "port": sim.port,
        "username": "administrator",
        "password": "emsim",
        "ca_path": sim.ca_path,
    }
    run = ansible.play(
        {"veeam_em_agent_job_info": {}},
        {"veeam_em_computer_info": {}},
        module_defaults={"group/backupops.veeam_em.veeam_em": connection},
    )
    assert run.rc == 0, run.output
    assert len(run.results[0]["jobs"]) == 5
    tidy(sim)
