"""Logging on and off, roles, and what happens without (em_rest 2 and 3)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"
SOMEBODY = {"users": [{"name": "j\u00f6rg", "password": "p\u00e4ss:w\u00f6rd\u20ac", "domain": "EXAMPLE"}]}


def test_root_needs_no_logon(em: Any, connect: Callable[..., Any]) -> None:
    root = connect(em, accept="*/*").send("GET", "/api/")
    assert root.status_code == 200
    assert root.headers["Content-Type"].startswith("application/xml")
    assert 'Name="v1_7"' in root.text


def test_logon_gives_token_in_header_and_cookie(em: Any, connect: Callable[..., Any]) -> None:
    client = connect(em).log_on()
    answer = client.send("POST", "/api/sessionMngr/?v=v1_7", auth=("administrator", "emsim"))
    assert answer.headers["Set-Cookie"] == f"X-RestSvcSessionId={answer.headers['X-RestSvcSessionId']}; Path=/api;"
    body = answer.json()
    assert body["UserName"].endswith("\\administrator")
    assert base64.b64decode(answer.headers["X-RestSvcSessionId"]).decode() == body["SessionId"]
    assert next(link["Href"] for link in body["Links"] if link["Rel"] == "Delete").endswith(body["SessionId"])


def test_logoff_needs_the_id_not_the_token(em: Any, api: Any) -> None:
    assert api.send("DELETE", f"/api/logonSessions/{api.token}").status_code == 500
    off = api.send("DELETE", f"/api/logonSessions/{api.session_id}")
    assert (off.status_code, off.content) == (204, b"")
    api.get("agents/jobs", status=401)
    counters = em.counters()
    assert (counters["logons"], counters["logoffs"], counters["open_logon_sessions"]) == (1, 1, 0)


def test_logon_sessions_can_be_read(api: Any) -> None:
    assert [one["SessionId"] for one in api.get("logonSessions")["LogonSessions"]] == [api.session_id]
    assert api.get(f"logonSessions/{api.session_id}")["SessionId"] == api.session_id
    api.get("logonSessions/00000000-0000-0000-0000-000000000000", status=500)


@pytest.mark.parametrize(
    ("user", "password"), [("administrator", "wrong"), ("nobody", "emsim"), ("administrator", ""), ("", "")]
)
def test_wrong_credentials(em: Any, connect: Callable[..., Any], user: str, password: str) -> None:
    answer = connect(em).send("POST", "/api/sessionMngr/?v=latest", auth=(user, password))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Basic Realm=RestSvc"
    assert em.counters()["logons"] == 0


def test_unicode_credentials_are_utf8_and_the_domain_is_needed(
    simulate: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    em = simulate(SOMEBODY)
    assert connect(em).log_on("example\\J\u00d6RG", "p\u00e4ss:w\u00f6rd\u20ac").token
    password = "p\u00e4ss:w\u00f6rd\u20ac".encode()
    plain = connect(em).send("POST", "/api/sessionMngr/?v=latest", auth=("j\u00f6rg".encode(), password))
    assert plain.status_code == 401
    latin = base64.b64encode("EXAMPLE\\j\u00f6rg:x".encode("latin-1")).decode()
    odd = connect(em).send("POST", "/api/sessionMngr/?v=latest", headers={"Authorization": f"Basic {latin}"})
    assert odd.status_code == 401


def test_version_that_the_product_does_not_speak(em: Any, connect: Callable[..., Any]) -> None:
    answer = connect(em).send("POST", "/api/sessionMngr/?v=v1_8", auth=("administrator", "emsim"))
    assert answer.status_code == 400


@pytest.mark.parametrize(("profile", "status"), [("v12", 201), ("v13", 415)])
def test_form_content_type_at_logon(
    simulate: Callable[..., Any], connect: Callable[..., Any], profile: str, status: int
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    client = connect(simulate(api_profile=profile))
    answer = client.send("POST", "/api/sessionMngr/?v=latest", headers=headers, auth=("administrator", "emsim"))
    assert answer.status_code == status


def test_idle_session_expires(em: Any, api: Any, clock: Any) -> None:
    clock.move(890)
    api.get("tasks")
    clock.move(890)
    api.get("tasks")
    clock.move(901)
    api.get("tasks", status=401)
    assert em.counters()["open_logon_sessions"] == 0


def test_limit_of_logon_sessions(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    em = simulate(settings={"logon_session_limit": 1})
    connect(em).log_on()
    refused = connect(em).send("POST", "/api/sessionMngr/?v=latest", auth=("administrator", "emsim"))
    assert refused.status_code == 503
    assert em.counters()["peak_logon_sessions"] == 1


def test_cookie_beats_header(em: Any, api: Any, connect: Callable[..., Any]) -> None:
    other = connect(em).log_on()
    stale = {"Cookie": "X-RestSvcSessionId=stale"}
    assert api.send("GET", "/api/tasks", headers=stale).status_code == 401
    mixed = api.send("GET", "/api/tasks", headers={"Cookie": f"a=b; X-RestSvcSessionId={other.token}"})
    assert mixed.status_code == 200
    assert em.requests()[-1]["logon_session"] == other.session_id
    assert em.counters()["cookies_seen"] == 2


@pytest.mark.parametrize("user", ["viewer", "restorer"])
def test_what_a_viewer_may_not(em: Any, connect: Callable[..., Any], job_id: Callable[..., str], user: str) -> None:
    client = connect(em).log_on(user)
    job = job_id(em, "Linux")
    forbidden = [
        ("GET", "agents/jobs"),
        ("GET", f"agents/jobs/{job}"),
        ("POST", f"agents/jobs/{job}?action=start"),
        ("GET", "jobs"),
        ("GET", "nas/jobs"),
        ("GET", "agents/protectionGroups"),
        ("GET", "agents/discoveredComputers"),
        ("GET", "query?type=AgentBackupJob"),
        ("GET", "query?type=discoveredcomputer&format=Entities"),
    ]
    for method, path in forbidden:
        answer = client.send(method, f"/api/{path}")
        assert (answer.status_code, answer.json()["Message"]) == (403, "Access denied"), path
    for path in ("backupSessions", "agents/backupSessions", "tasks", "reports/summary/overview", "backupTaskSessions"):
        client.get(path)
    client.get("query?type=BackupJobSession")
    assert em.counters()["starts"] == {}


@pytest.mark.parametrize("accept", ["application/json", "application/xml", "*/*"])
def test_errors_come_in_the_asked_format(em: Any, connect: Callable[..., Any], accept: str) -> None:
    answer = connect(em, accept=accept).send("GET", "/api/agents/jobs")
    assert answer.status_code == 401
    if accept == "application/json":
        assert set(answer.json()) == {"FirstChanceExceptionMessage", "Message", "StackTrace", "Status", "StatusCode"}
    else:
        assert "<Error " in answer.text


def test_unknown_paths_and_methods(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    assert api.send("GET", "/api/nowhere").status_code == 404
    assert api.send("GET", "/elsewhere").status_code == 404
    assert api.send("DELETE", f"/api/agents/jobs/{job}").status_code == 405
    assert api.send("PUT", "/api/agents/jobs").status_code == 405
    assert api.send("POST", f"/api/agents/jobs/{job}?action=dance").status_code == 400


def test_body_is_read_in_the_format_of_accept(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    path = f"/api/agents/jobs/{job_id(em, 'Linux')}?action=start"
    mixed = {"Accept": "application/xml, application/json", "Content-Type": "application/xml"}
    refused = api.send("POST", path, data="<root/>", headers=mixed)
    assert (refused.status_code, refused.json()["Message"]) == (400, "Node [root] does not exist.")
    assert em.counters()["starts"] == {}
    assert api.send("POST", path, data="{}").status_code == 202
