"""The control addresses under /_sim/ and the counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_control_needs_no_logon_and_is_not_counted(em: Any, connect: Callable[..., Any]) -> None:
    client = connect(em)
    assert client.send("GET", "/_sim/counters").json()["requests"] == 0
    client.log_on()
    client.get("tasks")
    client.get("agents/jobs?format=Entity")
    assert client.send("GET", "/_sim/counters").json() == em.counters()
    counters = em.counters()
    assert (counters["requests"], counters["reads"], counters["writes"]) == (3, 2, 0)
    assert counters["by_method"] == {"POST": 1, "GET": 2}


def test_log_of_requests(em: Any, api: Any) -> None:
    api.get("agents/jobs?format=Entity")
    last = api.send("GET", "/_sim/requests").json()[-1]
    assert (last["method"], last["path"], last["query"], last["status"]) == (
        "GET",
        "/api/agents/jobs",
        "format=Entity",
        200,
    )
    assert last["logon_session"] == api.session_id
    assert (last["accept"], last["content_type"]) == ("application/json", "")
    assert last["host"] == f"127.0.0.1:{em.port}"
    assert last["user_agent"].startswith("python-requests")


def test_faults_can_be_set_and_cleared(em: Any, api: Any) -> None:
    rules = [{"fault": "status", "times": "forever"}]
    assert api.send("POST", "/_sim/faults", json=rules).json() == {"added": 1}
    api.get("tasks", status=503)
    api.send("DELETE", "/_sim/faults")
    api.get("tasks")
    refused = api.send("POST", "/_sim/faults", json=[{"fault": "x"}])
    assert (refused.status_code, "unknown fault" in refused.json()["error"]) == (400, True)


def test_reset(em: Any, api: Any, job_id: Callable[..., str]) -> None:
    api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")
    em.set_job("Linux", schedule={"enabled": False})
    api.send("POST", "/_sim/reset")
    assert next(job for job in em.jobs() if job["name"] == "Linux")["schedule_enabled"] is True
    assert em.counters()["requests"] == 0
    assert em.counters()["open_logon_sessions"] == 0
    assert next(job for job in em.jobs() if job["name"] == "Linux")["runs"] == []
    api.get("tasks", status=401)


def test_change_a_job(em: Any, api: Any, job_id: Callable[..., str]) -> None:
    changed = api.send("POST", "/_sim/jobs/Linux", json={"schedule": {"enabled": False}})
    assert changed.json()["schedule_enabled"] is False
    assert api.get(f"agents/jobs/{job_id(em, 'Linux')}?format=Entity")["ScheduleEnabled"] is False
    for name, change in (("Nobody", {}), ("Linux", {"id": "x"}), ("Linux", {"colour": "red"})):
        assert api.send("POST", f"/_sim/jobs/{name}", json=change).status_code == 400


def test_unknown_control_address(em: Any, connect: Callable[..., Any]) -> None:
    assert connect(em).send("GET", "/_sim/nothing").status_code == 404


def test_foreign_host_is_counted(em: Any, api: Any) -> None:
    api.send("GET", "/api/", headers={"Host": "em.internal.invalid:9398"})
    assert em.counters()["foreign_host"] == 1


def test_job_that_runs_from_the_beginning(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    em = simulate({"agent_jobs": [{"name": "J", "machines": ["m"], "running": True}]})
    session = connect(em).log_on().get("backupSessions?format=Entity")["BackupJobSessions"]
    assert [one["State"] for one in session] == ["Working", "Working"]
    assert em.counters()["starts"] == {}
