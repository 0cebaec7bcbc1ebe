"""What is sent again and what is not, how long the pauses are, and what a 401 leads to."""

from __future__ import annotations

import email.utils
import time as real_time
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Response
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory

READ = {"method": "GET", "path": "/api/query"}
LOGON = {"method": "POST", "path": "/api/sessionMngr*"}
WRITE = {"method": "POST", "path": "/api/agents/jobs/*"}
START: dict[str, Any] = {"name": "Linux servers", "state": "started", "wait": True, "wait_timeout": 600}


def status(code: int, **options: Any) -> dict[str, Any]:
    return {"fault": "status", "with": {"status": code, **options}}


def sent(lab: Laboratory, match: dict[str, str]) -> int:
    path = match["path"].rstrip("*")
    return sum(each["method"] == match["method"] and each["path"].startswith(path) for each in lab.sim.requests())


@pytest.mark.parametrize("match", [READ, LOGON], ids=["read", "logon"])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_reads_and_logons_are_sent_again(lab: Laboratory, match: dict[str, str], retries: int) -> None:
    lab.sim.add_faults([{"match": match, "times": "forever", **status(503)}])
    result = lab.run("veeam_em_query_info", type="BackupServer", retries=retries)
    assert result["error"]["kind"] == "server"
    assert result["error"]["retryable"] is True
    assert sent(lab, match) == 1 + retries


@pytest.mark.parametrize("code", [429, 500, 502, 503])
@pytest.mark.parametrize("retries", [0, 3, 9])
def test_writes_are_never_sent_again(lab: Laboratory, code: int, retries: int) -> None:
    lab.sim.add_faults([{"match": WRITE, "times": "forever", **status(code, retry_after=1)}])
    result = lab.run("veeam_em_agent_job", retries=retries, **START)
    assert result["error"]["kind"] == "server"
    assert "may or may not have taken effect" in result["msg"]
    assert sent(lab, WRITE) == 1
    assert lab.counters["starts"] == {}


def test_pauses_grow_and_are_not_the_same_each_time(lab: Laboratory) -> None:
    pauses = []
    for _attempt in range(5):
        lab.begin()
        lab.sim.add_faults([{"match": READ, "times": 3, **status(503)}])
        assert lab.run("veeam_em_query_info", type="BackupServer", retries=3)["failed"] is False
        pauses.append(lab.time.slept)
    # 1, 2 and 4 seconds, each between half and whole.
    assert all(3.5 <= pause <= 7 for pause in pauses)
    assert len(set(pauses)) > 1


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("match", [READ, LOGON], ids=["read", "logon"])
def test_the_server_says_how_long_to_wait(lab: Laboratory, match: dict[str, str], form: str) -> None:
    lab.sim.add_faults([{"match": match, **status(503, retry_after=20, retry_after_as=form)}])
    assert lab.run("veeam_em_query_info", type="BackupServer")["failed"] is False
    assert 18 <= lab.time.slept <= 20


def test_a_server_that_asks_for_an_hour_is_not_waited_for(lab: Laboratory) -> None:
    lab.sim.add_faults([{"match": READ, **status(503, retry_after=3600)}])
    assert lab.run("veeam_em_query_info", type="BackupServer")["error"]["kind"] == "server"
    assert lab.time.slept == 0


def test_not_even_in_a_wait_that_has_hours_left(lab: Laboratory) -> None:
    lab.sim.add_faults(
        [{"match": {"path": "/api/backupSessions/*"}, "times": "forever", **status(503, retry_after=3600)}]
    )
    result = lab.run("veeam_em_agent_job", **{**START, "wait_timeout": 14400, "poll_error_timeout": 60})
    assert result["error"]["kind"] == "server"
    assert result["changed"] is True
    assert lab.time.slept < 120


def headers(**given: str) -> Response:
    return Response(503, {name.replace("_", "-"): text for name, text in given.items()}, b"", "GET", "/")


def http_date(moment: float) -> str:
    return email.utils.formatdate(moment, usegmt=True)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "\u00b2", "\u0663", "Mon, 99 Foo", "0x10", "1e3"])
def test_a_retry_after_that_makes_no_sense_is_ignored(text: str) -> None:
    assert headers(Retry_After=text).retry_after is None


def test_a_retry_after_date_of_a_server_with_another_clock() -> None:
    ahead = real_time.time() + 7200
    assert headers(Retry_After=http_date(ahead + 10), Date=http_date(ahead)).retry_after == 10
    assert headers(Retry_After=http_date(real_time.time() - 10)).retry_after == 0


def test_a_401_in_a_wait_logs_on_once_and_goes_on_with_the_job_session(lab: Laboratory) -> None:
    lab.sim.add_faults([{"match": {"path": "/api/tasks/*"}, "fault": "expire_session"}])
    result = lab.run("veeam_em_agent_job", **START)
    assert result["failed"] is False
    assert result["jobs"][0]["session"]["result"] == "Success"
    assert [text for text in lab.module.warnings if "no longer knows the task" in text]
    counters = lab.counters
    assert counters["starts"] == {"Linux servers": 1}
    assert (counters["logons"], counters["open_logon_sessions"], counters["peak_logon_sessions"]) == (2, 0, 1)


def test_a_401_although_the_logon_session_lives(lab: Laboratory) -> None:
    lab.sim.add_faults([{"match": {"path": "/api/backupSessions/*"}, "occurrence": 3, **status(401)}])
    result = lab.run("veeam_em_agent_job", **START)
    assert result["failed"] is False
    assert result["jobs"][0]["session"]["result"] == "Success"
    counters = lab.counters
    assert (counters["logons"], counters["logoffs"]) == (2, 2)
    assert (counters["open_logon_sessions"], counters["peak_logon_sessions"]) == (0, 1)


def test_a_second_401_in_a_row_is_an_authentication_failure(lab: Laboratory) -> None:
    lab.sim.add_faults([{"match": {"method": "GET"}, "occurrence": "from 9", **status(401)}])
    result = lab.run("veeam_em_agent_job", **START)
    assert result["error"]["kind"] == "authentication"
    assert "new logon session" in result["error"]["hint"]
    assert result["changed"] is True
    assert result["jobs"][0]["session"]["id"]
    counters = lab.counters
    assert (counters["logons"], counters["open_logon_sessions"]) == (2, 0)


def test_401s_that_hit_the_log_off_too(lab: Laboratory) -> None:
    # The read, both tries to end the old logon session, and the first at the end.
    lab.sim.add_faults([{"match": {"path": "/api/*"}, "occurrence": [4, 5, 6], **status(401)}])
    lab.sim.add_faults([{"match": {"method": "DELETE"}, "occurrence": 3, **status(401)}])
    assert lab.run("veeam_em_agent_job", **START)["failed"] is False
    assert lab.counters["logons"] == 2
    assert lab.counters["open_logon_sessions"] == 0


def test_401s_again_and_again_do_not_multiply_logon_sessions(lab: Laboratory) -> None:
    lab.sim.add_faults([{"match": {"path": "/api/backupSessions/*"}, "occurrence": [1, 3, 5, 7], **status(401)}])
    assert lab.run("veeam_em_agent_job", **START)["failed"] is False
    counters = lab.counters
    assert counters["logons"] == counters["logoffs"] == 5
    assert (counters["open_logon_sessions"], counters["peak_logon_sessions"]) == (0, 1)


def test_without_credentials_of_its_own_a_module_does_not_log_on(lab: Laboratory) -> None:
    logon = lab.run("veeam_em_session")
    lab.sim.add_faults([{"match": {"path": "/api/backupSessions/*"}, **status(401)}])
    result = lab.run("veeam_em_agent_job", session_id=logon["session_id"], **START)
    assert result["error"]["kind"] == "authentication"
    assert "veeam_em_session" in result["error"]["hint"]
    assert (lab.counters["logons"], lab.counters["logoffs"]) == (1, 0)


def test_wrong_credentials_are_sent_once(lab: Laboratory) -> None:
    result = lab.run("veeam_em_query_info", type="BackupServer", password="wrong")
    assert result["error"]["kind"] == "authentication"
    assert "DOMAIN\\user" in result["error"]["hint"]
    assert sent(lab, LOGON) == 1
