"""One logon session for a whole play."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator

Start = Callable[..., Simulator]

FLEET = {"agent_jobs": [{"name": "A", "machines": ["m1"]}]}
TOKEN = {"session_id": "{{ logon.session_id }}"}
LOGON = {"name": "log on", "veeam_em_session": {}, "register": "logon"}
LOGOFF = {
    "name": "log off",
    "veeam_em_session": {**TOKEN, "state": "absent", "logon_session_id": "{{ logon.logon_session_id }}"},
}


@pytest.mark.core_matrix
def test_a_play_logs_on_once(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    run = ansible.connected(sim).play(
        LOGON,
        {"name": "start", "veeam_em_agent_job": {**TOKEN, "name": "A", "state": "started"}, "register": "started"},
        {"name": "task", "veeam_em_task_wait": {**TOKEN, "task_id": "{{ started.jobs[0].task.id }}"}},
        {"name": "tasks", "veeam_em_task_info": TOKEN},
        {"name": "forget", "veeam_em_task": {**TOKEN, "task_id": "{{ started.jobs[0].task.id }}"}},
        {"name": "forgotten", "veeam_em_task_info": TOKEN},
        {"name": "jobs", "veeam_em_agent_job_info": TOKEN},
        LOGOFF,
        {**LOGOFF, "name": "log off again"},
        {"name": "too late", "veeam_em_task_info": TOKEN, "ignore_errors": True},
    )
    assert run.rc == 0, run.output
    assert run["task"]["tasks"][0]["success"] is True
    assert [task["operation"] for task in run["tasks"]["tasks"]] == ["StartJob"]
    assert run["forget"]["changed"] is True
    assert run["forgotten"]["tasks"] == []
    assert run["log off"]["changed"] is True
    assert run["log off again"]["changed"] is False
    assert run["too late"]["error"]["kind"] == "authentication"
    assert "veeam_em_session" in run["too late"]["error"]["hint"]
    counters = sim.counters()
    assert (counters["logons"], counters["logoffs"], counters["open_logon_sessions"]) == (1, 1, 0)


def test_tasks_of_another_logon_session(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=10)
    task = {"task_id": "{{ started.jobs[0].task.id }}"}
    run = ansible.connected(sim).play(
        {"name": "start", "veeam_em_agent_job": {"name": "A", "state": "started"}, "register": "started"},
        {"name": "info", "veeam_em_task_info": task, "ignore_errors": True},
        {"name": "wait", "veeam_em_task_wait": task, "ignore_errors": True},
        {"name": "forget", "veeam_em_task": task},
    )
    for name in ("info", "wait"):
        assert run[name]["error"]["kind"] == "not_found"
        assert run[name]["error"]["http_status"] == 500
        assert "session_id" in run[name]["error"]["hint"]
    assert run["forget"]["changed"] is False
    assert sim.counters()["open_logon_sessions"] == 0


def test_an_expired_logon_session(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({**FLEET, "settings": {"idle_timeout": 0.5}})
    run = ansible.connected(sim).play(
        LOGON,
        {"ansible.builtin.pause": {"seconds": 1}},
        {"name": "start", "veeam_em_agent_job": {**TOKEN, "name": "A", "state": "started"}, "ignore_errors": True},
        LOGOFF,
    )
    assert run["start"]["error"]["kind"] == "authentication"
    assert "15 minutes" in run["start"]["error"]["hint"]
    assert run["log off"]["changed"] is False
    assert sim.counters().get("starts", {}) == {}
    assert sim.counters()["logons"] == 1


def test_check_mode(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    em = ansible.connected(sim)
    run = em.play(LOGON, arguments=["--check"])
    assert run["log on"]["changed"] is True
    assert run["log on"]["session_id"] == run["log on"]["logon_session_id"] == ""
    run = em.play(
        {**LOGON, "check_mode": False},
        {"name": "start", "veeam_em_agent_job": {**TOKEN, "name": "A", "state": "started"}},
        {**LOGOFF, "check_mode": True, "name": "would log off"},
        {**LOGOFF, "check_mode": False},
        arguments=["--check"],
    )
    assert run.rc == 0, run.output
    assert run["would log off"]["changed"] is True
    assert run["log off"]["changed"] is True
    assert sim.counters().get("writes", 0) == 0
    assert sim.counters()["open_logon_sessions"] == 0
