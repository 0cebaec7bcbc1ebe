"""Every fault as a client meets it, and whether the action took effect."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from simbase.faults import BadFault

START = {"method": "POST", "path": "/api/agents/jobs/*", "query": "action=start"}
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def start(api: Any, em: Any, job_id: Callable[..., str]) -> Callable[..., requests.Response]:
    """Start the job Linux while a fault is in place."""

    def act(fault: str, options: dict[str, Any] | None = None, timeout: float = 10) -> requests.Response:
        em.add_faults([{"match": START, "fault": fault, "with": options or {}}])
        return api.send("POST", f"/api/agents/jobs/{job_id(em, 'Linux')}?action=start", timeout=timeout)

    return act


def starts(em: Any) -> int:
    return em.counters()["starts"].get("Linux", 0)


@pytest.mark.parametrize(("fault", "effect"), [("reset_before", 0), ("reset_after", 1), ("refuse", 0)])
def test_resets(em: Any, api: Any, start: Callable[..., Any], fault: str, effect: int) -> None:
    with pytest.raises(BROKEN):
        start(fault)
    assert starts(em) == effect
    assert em.counters()["action_requests"] == {"Linux": 1}
    assert em.requests()[-1]["status"] is None
    api.get("tasks")


@pytest.mark.parametrize("effect", [False, True])
def test_timeout(em: Any, start: Callable[..., Any], effect: bool) -> None:
    begin = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        start("timeout", {"seconds": 30, "effect": effect}, timeout=0.3)
    assert time.monotonic() - begin < 5
    assert starts(em) == effect


def test_timeout_ends_with_a_closed_connection(start: Callable[..., Any]) -> None:
    with pytest.raises(BROKEN):
        start("timeout", {"seconds": 0.1})


@pytest.mark.parametrize("fault", ["slow_headers", "slow_body"])
def test_slow(em: Any, start: Callable[..., Any], fault: str) -> None:
    begin = time.monotonic()
    assert start(fault, {"seconds": 0.5}).json()["State"] == "Running"
    assert 0.4 < time.monotonic() - begin < 5
    assert starts(em) == 1


def test_truncated_body(em: Any, start: Callable[..., Any]) -> None:
    with pytest.raises(BROKEN):
        start("truncated_body")
    assert starts(em) == 1


@pytest.mark.parametrize("fault", ["malformed_body", "empty_body", "bom", "entity_bomb"])
def test_bodies_that_are_no_json(em: Any, start: Callable[..., Any], fault: str) -> None:
    answer = start(fault)
    assert answer.status_code == 202
    with pytest.raises(ValueError, match=r".*"):
        json.loads(answer.content.decode("utf-8", "replace"))
    assert starts(em) == 1


def test_bom_and_entity_bomb_are_what_they_say(start: Callable[..., Any]) -> None:
    assert start("bom").content[3:4] == b"{"
    bomb = start("entity_bomb")
    assert b"<!ENTITY e9" in bomb.content
    assert bomb.headers["Content-Type"].startswith("application/xml")


def test_wrong_content_type(start: Callable[..., Any]) -> None:
    answer = start("wrong_content_type", {"content_type": "text/html"})
    assert (answer.headers["Content-Type"], answer.json()["TaskId"]) == ("text/html", "task-1")


@pytest.mark.parametrize("status", [200, 502])
def test_html(em: Any, start: Callable[..., Any], status: int) -> None:
    answer = start("html", {"status": status})
    assert answer.status_code == status
    assert answer.text.startswith("<!DOCTYPE html>")
    assert starts(em) == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503])
def test_status_in_the_asked_format(em: Any, api: Any, start: Callable[..., Any], status: int) -> None:
    answer = start("status", {"status": status, "message": "Not now."})
    assert (answer.status_code, answer.json()["Message"]) == (status, "Not now.")
    assert "Retry-After" not in answer.headers
    assert starts(em) == 0
    assert em.requests()[-1]["status"] == status
    em.add_faults([{"fault": "status", "with": {"status": status}}])
    assert "<Error " in api.send("GET", "/api/tasks", headers={"Accept": "application/xml"}).text


def test_status_after_the_action_took_effect(em: Any, start: Callable[..., Any]) -> None:
    assert start("status", {"effect": True}).status_code == 503
    assert starts(em) == 1


def test_retry_after_in_seconds_and_as_a_date(start: Callable[..., Any]) -> None:
    assert start("status", {"status": 429, "retry_after": 7}).headers["Retry-After"] == "7"
    text = start("status", {"retry_after": 60, "retry_after_as": "date"}).headers["Retry-After"]
    assert 55 < email.utils.parsedate_to_datetime(text).timestamp() - time.time() <= 61


def test_redirect(em: Any, start: Callable[..., Any]) -> None:
    answer = start("redirect", {"location": "https://other.invalid/x", "status": 307})
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://other.invalid/x")
    assert starts(em) == 0


def test_huge_body(em: Any, start: Callable[..., Any]) -> None:
    answer = start("huge_body", {"megabytes": 3})
    assert len(answer.content) > 3 << 20
    assert set(answer.json()) == {"Padding"}
    assert starts(em) == 1


def test_expired_session(em: Any, api: Any, start: Callable[..., Any]) -> None:
    assert start("expire_session").status_code == 401
    assert starts(em) == 0
    assert em.counters()["open_logon_sessions"] == 0


@pytest.mark.parametrize("servers", [["vbr01"], ["vbr01", "vbr02"]])
def test_duplicate_jobs(simulate: Callable[..., Any], connect: Callable[..., Any], servers: list[str]) -> None:
    em = simulate(
        {
            "backup_servers": [{"name": name} for name in servers],
            "agent_jobs": [{"name": "Linux", "machines": ["m"]}, {"name": "Other", "machines": ["m"]}],
        }
    )
    rule = {"match": {"path": "/api/agents/jobs"}, "fault": "duplicate_jobs", "with": {"name": "Linux"}}
    em.add_faults([{**rule, "times": 2}])
    client = connect(em).log_on()
    for _number in range(2):
        found = client.get("agents/jobs")["Refs"]
        assert sorted(one["Name"] for one in found) == ["Linux", "Linux", "Other"]
    twins = [one for one in found if one["Name"] == "Linux"]
    assert len({one["Links"][0]["Name"] for one in twins}) == 2
    for one in twins:
        client.post(f"agents/jobs/{one['UID'].rpartition(':')[2]}?action=start")
    assert len(client.get("backupServers")["Refs"]) == 2


def test_clock_skew(em: Any, api: Any) -> None:
    before = api.send("GET", "/api/backupSessions")
    em.add_faults([{"fault": "clock_skew", "with": {"seconds": 86400}}])
    after = api.send("GET", "/api/backupSessions")
    assert before.json()["Refs"][0]["Name"] != after.json()["Refs"][0]["Name"]
    dates = [email.utils.parsedate_to_datetime(one.headers["Date"]) for one in (before, after)]
    assert (dates[1] - dates[0]).total_seconds() == 86400
    assert api.send("GET", "/api/backupSessions").json() == before.json()


def test_session_never_appears(em: Any, api: Any, clock: Any, start: Callable[..., Any]) -> None:
    start("session_never_appears")
    clock.move(800)
    assert [one for one in api.get("backupSessions")["Refs"] if one["Name"].startswith("Linux")] == []
    assert starts(em) == 1


def test_unknown_state(em: Any, api: Any, clock: Any, start: Callable[..., Any]) -> None:
    start("bom")
    clock.move(5)
    em.add_faults([{"match": {"path": "/api/backupSessions*"}, "fault": "unknown_state", "with": {"state": "Odd"}}])

    def states() -> set[str]:
        sessions = api.get("backupSessions?format=Entity")["BackupJobSessions"]
        return {one["State"] for one in sessions if one["JobName"].startswith("Linux")}

    assert states() == {"Odd"}
    assert states() == {"Working"}


def test_toggle_undone(em: Any, api: Any, clock: Any, job_id: Callable[..., str]) -> None:
    em.add_faults([{"match": {"query": "toggleScheduleEnabled"}, "fault": "toggle_undone"}])
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=toggleScheduleEnabled")
    clock.move(5)
    assert api.get(f"agents/jobs/{job}?format=Entity")["ScheduleEnabled"] is True
    assert em.counters()["toggles"] == {"Linux": 1}


def test_refused_connections(em: Any, connect: Callable[..., Any]) -> None:
    em.add_faults([{"fault": "refuse", "times": 2}])
    for _number in range(2):
        with pytest.raises(BROKEN):
            connect(em).send("GET", "/api/")
    assert connect(em).send("GET", "/api/").status_code == 200


def test_refused_request_and_the_connections_after_it(em: Any, connect: Callable[..., Any]) -> None:
    em.add_faults([{"match": {"path": "/api/"}, "fault": "refuse", "with": {"connections": 1}}])
    for _number in range(2):
        with pytest.raises(BROKEN):
            connect(em).send("GET", "/api/")
    assert connect(em).send("GET", "/api/").status_code == 200
    assert em.counters()["requests"] == 2


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({}, [1]),
        ({"times": 2}, [1, 2]),
        ({"times": "forever"}, [1, 2, 3, 4, 5]),
        ({"occurrence": 3}, [3]),
        ({"occurrence": [1, 4]}, [1, 4]),
        ({"occurrence": "from 3"}, [3, 4, 5]),
        ({"occurrence": "from 2", "times": 2}, [2, 3]),
    ],
)
def test_which_and_how_often(em: Any, connect: Callable[..., Any], rule: dict[str, Any], hit: list[int]) -> None:
    em.add_faults([{"match": {"method": "GET", "path": "/api/"}, "fault": "status", **rule}])
    client = connect(em)
    statuses = []
    for _number in range(5):
        client.send("POST", "/api/sessionMngr/?v=latest")
        statuses.append(client.send("GET", "/api/").status_code)
    assert [number for number, status in enumerate(statuses, 1) if status == 503] == hit


def test_query_is_matched_decoded(em: Any, api: Any) -> None:
    em.add_faults([{"match": {"query": 'name=="a b"'}, "fault": "status"}])
    api.get("query?type=Job&filter=Name%3D%3D%22a+b%22", status=503)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"fault": "nonsense"}, "unknown fault 'nonsense'"),
        ({"fault": "bom", "match": {"url": "x"}}, "unknown key 'url'"),
        ({"fault": "bom", "wiht": {}}, "unknown key 'wiht'"),
        ({"fault": "timeout", "with": {"minutes": 1}}, "unknown key 'minutes'"),
        ({"fault": "slow_body", "with": {"effect": False}}, "always takes effect"),
        ({"fault": "bom", "occurrence": "sometimes"}, "occurrence must be"),
        ("bom", "must be a mapping"),
    ],
)
def test_bad_rules(em: Any, api: Any, rule: Any, words: str) -> None:
    with pytest.raises(BadFault, match=words):
        em.add_faults([{"fault": "status"}, rule])
    api.get("tasks")
