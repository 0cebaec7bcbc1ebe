"""Single misfortunes, looked at closely: what the fault matrix asserts in bulk, and what it cannot reach."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import session
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import SCENARIO, Laboratory, laboratory
from emsim import Simulator

START: dict[str, Any] = {"name": "Linux servers", "state": "started", "wait": True, "wait_timeout": 600}
ACTION = {"method": "POST", "path": "/api/agents/jobs/*"}
LOGON = {"method": "POST", "path": "/api/sessionMngr*"}
LOG_OFF = {"method": "DELETE", "path": "/api/logonSessions/*"}
SESSIONS = {"method": "GET", "path": "/api/query", "query": "type=BackupJobSession"}


# The run of now, and no other


@pytest.mark.parametrize("damage", ["empty_body", "malformed_body", "truncated_body", "html"])
@pytest.mark.parametrize("occurrence", ["from 1", "from 2"])
def test_if_the_known_sessions_cannot_be_read_nothing_is_started(lab: Laboratory, damage: str, occurrence: str) -> None:
    """Without them an old run could be taken for the new one."""
    lab.sim.add_faults([{"match": SESSIONS, "occurrence": occurrence, "fault": damage}])
    result = lab.run("veeam_em_agent_job", **START)
    assert result["error"]["kind"] in ("connection", "protocol")
    assert lab.counters["writes"] == 0
    assert lab.counters["starts"] == {}


@pytest.mark.parametrize("also_at_end", [False, True])
def test_an_old_run_in_an_unknown_state_is_not_the_new_one(lab: Laboratory, also_at_end: bool) -> None:
    options = {"state": "Hibernating", "also_at_end": also_at_end}
    lab.sim.add_faults([{"match": SESSIONS, "times": 3, "fault": "unknown_state", "with": options}])
    result = lab.run("veeam_em_agent_job", **START)
    assert result["changed"] is True
    assert lab.counters["starts"] == {"Linux servers": 1}
    run = next(job for job in lab.sim.jobs() if job["name"] == "Linux servers")["runs"][-1]
    assert result["jobs"][0]["session"]["id"] == run["id"]


@pytest.mark.parametrize("damage", ["reset_after", "malformed_body", "empty_body", "html", "status", "redirect"])
def test_a_start_whose_answer_is_lost_and_whose_session_is_late(monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """The session shows only minutes later: the task in our logon session tells that the start has arrived."""
    job = {"name": "Linux servers", "start_delay": 300, "machines": ["web01"], "history": [{"ended_ago": 9000}]}
    effect = {} if damage.endswith("body") else {"effect": True}
    with laboratory(monkeypatch, scenario={"users": _users(), "agent_jobs": [job]}) as lab:
        lab.sim.add_faults([{"match": ACTION, "fault": damage, "with": effect}])
        result = lab.run("veeam_em_agent_job", **START)
        assert result["failed"] is False
        assert result["changed"] is True
        assert result["jobs"][0]["session"]["result"] == "Success"
        assert [text for text in lab.module.warnings if "was lost" in text]
        assert lab.counters["starts"] == {"Linux servers": 1}


def test_when_all_traces_of_a_start_are_gone_it_is_said_so_and_the_next_task_attaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = {"name": "Linux servers", "start_delay": 60, "machines": [{"name": "web01", "duration": 600}]}
    with laboratory(monkeypatch, scenario={"users": _users(), "agent_jobs": [job]}) as lab:
        lab.sim.add_faults([{"match": ACTION, "fault": "reset_after"}])
        lab.sim.add_faults([{"match": {"path": "/api/tasks"}, "fault": "expire_session"}])
        result = lab.run("veeam_em_agent_job", **START)
        assert result["error"]["kind"] == "connection"
        assert "may or may not have taken effect" in result["msg"]
        assert "Check the job" in result["error"]["hint"]
        lab.time.sleep(60)
        again = lab.run("veeam_em_agent_job", **{**START, "wait_timeout": 1200})
        assert (again["failed"], again["changed"]) == (False, False)
        assert lab.counters["starts"] == {"Linux servers": 1}
        assert lab.counters["open_logon_sessions"] == 0


def test_a_verdict_that_was_known_is_not_lost(lab: Laboratory) -> None:
    """SQL servers ends after 15 seconds, Linux servers after 40; in between the server goes away for good."""
    names = ["SQL servers", "Linux servers"]
    began = lab.time.now
    sleep = lab.time.sleep

    def lightning(seconds: float) -> None:
        sleep(seconds)
        if lab.time.now - began > 30:
            lab.sim.clear_faults()
            lab.sim.add_faults([{"match": {"path": "/api/*"}, "times": "forever", "fault": "reset_before"}])

    lab.monkeypatch.setattr(lab.time, "sleep", lightning)
    result = lab.run("veeam_em_agent_job", **{**START, "name": names, "poll_error_timeout": 60})
    lab.monkeypatch.setattr(lab.time, "sleep", sleep)
    assert result["error"]["kind"] == "connection"
    assert "The backups continue" in result["error"]["hint"]
    known = {row["job"]["name"]: row["session"] for row in result["jobs"]}
    assert known["SQL servers"]["result"] == "Success"
    assert known["Linux servers"]["running"] is True
    assert result["changed"] is True


# Logon sessions


@pytest.mark.parametrize("damage", ["malformed_body", "truncated_body", "slow_body", "wrong_content_type", "bom"])
def test_a_damaged_logon_answer_leaves_no_logon_session(lab: Laboratory, damage: str) -> None:
    """Even where the token tells nothing about the id: it is found in what arrived of the answer."""
    lab.monkeypatch.setattr(session, "_id_in_token", lambda token: None)
    options = {"slow_body": {"seconds": 1}, "truncated_body": {"share": 0.8}}.get(damage, {})
    lab.sim.add_faults([{"match": LOGON, "fault": damage, "with": options}])
    assert lab.run("veeam_em_query_info", type="BackupServer", request_timeout=0.7)["failed"] is False
    assert lab.counters["open_logon_sessions"] == 0
    assert lab.counters["peak_logon_sessions"] == 1


@pytest.mark.parametrize("times", [1, "forever"])
@pytest.mark.parametrize("trouble", [401, 403, 404, 429, 500, 503])
def test_a_log_off_that_fails_does_not_hide_the_result(lab: Laboratory, trouble: int, times: Any) -> None:
    fault = {"fault": "status", "with": {"status": trouble}}
    lab.sim.add_faults([{"match": LOG_OFF, "times": times, **fault}])
    result = lab.run("veeam_em_query_info", type="BackupServer")
    assert result["failed"] is False
    assert result["resources"]
    told = [text for text in lab.module.warnings if "Logging off failed" in text]
    if times == 1:
        assert lab.counters["open_logon_sessions"] == 0
        assert told == []
    elif trouble not in (401, 404):
        assert len(told) == 1
        assert "15 idle minutes" in told[0]


@pytest.mark.parametrize("fault", ["html", "redirect", "reset_before", "reset_after", "empty_body"])
def test_a_log_off_is_believed_only_if_the_server_says_so(lab: Laboratory, fault: str) -> None:
    lab.sim.add_faults([{"match": LOG_OFF, "fault": fault}])
    assert lab.run("veeam_em_query_info", type="BackupServer")["failed"] is False
    assert lab.counters["open_logon_sessions"] == 0


def test_ending_a_logon_session_tells_the_truth_about_changed(lab: Laboratory) -> None:
    for fault, changed in (("reset_after", True), ("reset_before", True), (None, True)):
        logon = lab.run("veeam_em_session")
        given = {key: logon[key] for key in ("session_id", "logon_session_id")}
        if fault:
            lab.sim.add_faults([{"match": LOG_OFF, "fault": fault}])
        assert lab.run("veeam_em_session", state="absent", **given)["changed"] is changed
        assert lab.run("veeam_em_session", state="absent", **given)["changed"] is False
        assert lab.counters["open_logon_sessions"] == 0


# The session id stays with the configured host


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("match", [LOGON, SESSIONS, ACTION, LOG_OFF], ids=["logon", "read", "write", "log-off"])
def test_redirects_are_not_followed(lab: Laboratory, match: dict[str, str], code: int) -> None:
    with Simulator() as elsewhere:
        target = {"status": code, "location": f"{elsewhere.url}/api/"}
        lab.sim.add_faults([{"match": match, "fault": "redirect", "with": target}])
        result = lab.run("veeam_em_agent_job", **START)
        assert elsewhere.counters()["requests"] == 0
    if match is LOG_OFF:
        assert result["failed"] is False
    else:
        assert result["error"]["kind"] == "protocol"
        assert "host and port" in result["error"]["hint"] or "Check the job" in result["error"]["hint"]
    assert lab.counters["open_logon_sessions"] == 0


# Time and space


@pytest.mark.parametrize("fault", ["slow_headers", "slow_body"])
def test_a_server_that_drips_is_cut_off(lab: Laboratory, fault: str) -> None:
    """Each piece comes in time, the whole does not."""
    lab.sim.add_faults([{"match": SESSIONS, "fault": fault, "with": {"seconds": 8}}])
    result = lab.run("veeam_em_query_info", type="BackupJobSession", request_timeout=1, retries=0)
    assert result["error"]["kind"] == "timeout"
    assert "request_timeout" in result["error"]["hint"]
    assert lab.seconds < 4
    assert lab.counters["open_logon_sessions"] == 0


@pytest.mark.parametrize("fault", ["entity_bomb", "huge_body"])
@pytest.mark.parametrize("api_format", ["json", "xml"])
def test_bodies_that_are_meant_to_hurt(lab: Laboratory, fault: str, api_format: str) -> None:
    lab.sim.add_faults([{"match": SESSIONS, "times": "forever", "fault": fault}])
    result = lab.run("veeam_em_query_info", type="BackupJobSession", retries=0, api_format=api_format)
    assert result["error"]["kind"] == "protocol"
    assert lab.seconds < 15
    assert lab.counters["open_logon_sessions"] == 0


# Invalid options


def test_nothing_listens(lab: Laboratory) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = lab.run("veeam_em_query_info", type="BackupServer", port=closed.getsockname()[1])
    assert result["error"]["kind"] == "connection"
    assert "port" in result["error"]["hint"]


@pytest.mark.parametrize(
    "options",
    [
        {"host": "no-such-host.invalid"},
        {"host": "a..b"},
        {"host": "-"},
        {"host": "\u20ac"},
        {"host": "x" * 300},
        {"host": "127.0.0.1#x"},
        {"host": "127.0.0.1?x"},
        {"host": "127.0.0.1\\x"},
        {"host": "[::1"},
        {"host": "127.0.0.1\n"},
        {"proxy": "not a proxy"},
        {"proxy": "http://user:canary-of-the-proxy@[broken"},
        {"proxy": "http://user:canary-of-the-proxy@127.0.0.1:1"},
        {"ca_path": __file__},
        {"client_cert": __file__},
        {"request_timeout": float("nan")},
        {"request_timeout": float("inf")},
        {"request_timeout": 1e-9},
        {"retries": -5},
        {"session_id": "canary-of-the-session\n"},
        {"session_id": " canary-of-the-session"},
        {"session_id": "canary-of-the-session\u20ac"},
    ],
    ids=repr,
)
def test_options_that_make_no_sense(lab: Laboratory, options: dict[str, Any]) -> None:
    result = lab.run("veeam_em_query_info", type="BackupServer", **{"retries": 0, **options})
    if result["failed"]:
        assert result["error"]["kind"] in ("usage", "connection", "tls", "timeout", "authentication")
        assert "defect" not in result["msg"]
    assert "canary" not in str(result)
    assert lab.counters["foreign_host"] == 0


def _users() -> Any:
    return SCENARIO["users"]
