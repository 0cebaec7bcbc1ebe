"""The logon session against a server that answers from a script: what is sent, what is kept, what the user reads."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.session import (
    Credentials,
    EmSession,
    end_logon_session,
    open_logon_session,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import BUG_HINT, ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import HttpOptions
from ansible_collections.backupops.veeam_em.tests.unit.faults.canned import Canned, answer, replying

ID = "0a1b2c3d-0000-4000-8000-00000000000f"
OTHER_ID = "0a1b2c3d-0000-4000-8000-00000000000e"
TOKEN = "token-of-the-first"
WARNING = (
    "The module cannot end the logon session, because the response did not contain its ID. The session ends by itself "
    "after 15 idle minutes."
)
NO_TOKEN = "The response to the logon does not contain the header X-RestSvcSessionId"


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]

    @property
    def token(self) -> str | None:
        return self.headers.get("x-restsvcsessionid")


def logon(
    token: str | None = TOKEN, logon_session_id: str | None = ID, body: bytes | None = None, **headers: str
) -> bytes:
    """The answer to a logon."""
    told = {"UserName": "EX\\backup", **({"SessionId": logon_session_id} if logon_session_id else {})}
    if token:
        headers["X_RestSvcSessionId"] = token
    body = json.dumps(told).encode() if body is None else body
    return answer("201 Created", body, Content_Type="application/json", **headers)


def refusal(status: int) -> bytes:
    """An error as Enterprise Manager words it."""
    body = json.dumps({"Message": f"No {status}", "StatusCode": status, "FirstChanceExceptionMessage": ""})
    return answer(f"{status} Refused", body.encode(), Content_Type="application/json")


FOUND = answer(body=b'{"Name": "found"}', Content_Type="application/json")
NO_CONTENT = answer("204 No Content")


class Server:
    """Answers each method from its list; the last answer of a list is given again and again."""

    def __init__(self) -> None:
        self.answers = {"POST": [logon()], "GET": [FOUND], "DELETE": [NO_CONTENT]}
        self.requests: list[Request] = []
        self.port = 0
        self.slept: list[float] = []
        self.now = 1000.0

    def reply(self, request: bytes) -> bytes:
        head, *lines = request.decode("latin-1").split("\r\n")
        method, target, _version = head.split(" ")
        pairs = (line.partition(": ") for line in lines if line)
        self.requests.append(Request(method, target, {name.lower(): value for name, _colon, value in pairs}))
        answers = self.answers[method]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def session(
        self, credentials: Credentials | None = None, retries: int = 0, scheme: str = "http", **options: Any
    ) -> EmSession:
        http = HttpOptions(f"{scheme}://127.0.0.1:{self.port}/api/", retries=retries, request_timeout=5)
        return EmSession(http, credentials or Credentials("backup", "p:w\u00e4"), clock=self, **options)

    def sent(self, method: str) -> list[Request]:
        return [each for each in self.requests if each.method == method]

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server() -> Iterator[Server]:
    scripted = Server()
    with Canned(replying(scripted.reply)) as canned:
        scripted.port = canned.port
        yield scripted


def error_of(work: Callable[..., Any], *arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        work(*arguments)
    return caught.value


def told(error: ApiError) -> tuple[str, str, str | None]:
    return error.kind, error.message, error.hint


# What is sent


@pytest.mark.parametrize(("api_format", "mime"), [("json", "application/json"), ("xml", "application/xml")])
def test_logon_read_write_log_off(server: Server, api_format: str, mime: str) -> None:
    if api_format == "xml":
        server.answers["GET"] = [answer(body=b"<Item Name='found'/>", Content_Type="application/xml")]
    session = server.session(api_version="v1_4", api_format=api_format)
    session.read("jobs", {"pageSize": 5})
    session.write("POST", "jobs/1", {"action": "start"})
    session.close()
    posted, read, written, ended = server.requests
    assert (posted.method, posted.target) == ("POST", "/api/sessionMngr/?v=v1_4")
    assert posted.headers["authorization"] == "Basic " + base64.b64encode("backup:p:w\u00e4".encode()).decode()
    assert posted.token is None
    assert (read.method, read.target) == ("GET", "/api/jobs?pageSize=5")
    assert (written.method, written.target) == ("POST", "/api/jobs/1?action=start")
    assert (ended.method, ended.target) == ("DELETE", f"/api/logonSessions/{ID}")
    assert {each.headers["accept"] for each in server.requests} == {mime}
    assert {each.token for each in (read, written, ended)} == {TOKEN}
    assert all("authorization" not in each.headers for each in (read, written, ended))
    assert session.warnings == []


def test_reading(server: Server) -> None:
    server.answers["GET"] = [FOUND, NO_CONTENT, answer(body=b"", Content_Type="application/json")]
    session = server.session()
    assert session.read("jobs")["name"] == "found"
    assert session.read("jobs") == {}
    assert error_of(session.read, "jobs").kind == "protocol"
    session.close()


def test_what_a_logon_tells(server: Server) -> None:
    session = server.session()
    assert (session.owned, session.token, session.username, session.logon_session_id) == (True, None, None, None)
    session.log_on()
    assert (session.token, session.username, session.logon_session_id) == (TOKEN, "EX\\backup", ID)
    assert session.secrets.scrub(f"{TOKEN} {ID} {ID.upper()} p:w\u00e4") == "******** ******** ******** ********"
    session.close()
    assert session.token is None
    session.close()
    assert len(server.sent("DELETE")) == 1


def test_the_newest_version_is_the_default(server: Server) -> None:
    session = server.session()
    session.log_on()
    session.close()
    assert server.requests[0].target == "/api/sessionMngr/?v=latest"


def test_an_answer_in_another_encoding_is_noted(server: Server) -> None:
    body = b'{"UserName": "J\xf6rg", "SessionId": "%s"}' % ID.encode()
    server.answers.update(POST=[logon(body=body)], GET=[answer(body=body, Content_Type="application/json")])
    session = server.session()
    session.log_on()
    assert session.username == "J\u00f6rg"
    assert len(session.debug_lines) == 1
    session.read("jobs")
    assert len(session.debug_lines) == 2
    session.close()


@pytest.mark.parametrize(
    ("body", "name"), [(b"{}", ""), (b'{"UserName": null}', ""), (b'{"UserName": "\\u4e1c"}', "\u4e1c")]
)
def test_the_name_in_a_logon(server: Server, body: bytes, name: str) -> None:
    server.answers["POST"] = [logon(body=body, Location=f"https://em/api/logonSessions/{ID}")]
    session = server.session()
    session.log_on()
    assert session.username == name
    session.close()


def test_secrets_of_a_session_id_and_a_proxy() -> None:
    http = HttpOptions("http://127.0.0.1:1/api/", proxy="http://squid:of-the-proxy@proxy:3128")
    session = EmSession(http, Credentials("backup", "of-the-user", "of-the-session"))
    assert session.secrets.scrub("of-the-proxy of-the-user of-the-session") == "******** ******** ********"
    basic = base64.b64encode(b"backup:of-the-user").decode()
    assert basic.rstrip("=") not in session.secrets.scrub(f"Basic {basic}")
    assert (session.owned, session.token) == (False, "of-the-session")
    assert "of-the" not in repr(session.credentials)


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_session_id_is_none(server: Server, empty: str | None) -> None:
    session = server.session(Credentials("backup", "password", empty))
    assert session.owned
    session.read("jobs")
    session.close()
    assert [each.method for each in server.requests] == ["POST", "GET", "DELETE"]


def test_check_mode_sends_no_write(server: Server) -> None:
    session = server.session(read_only=True)
    error = error_of(session.write, "POST", "jobs/1")
    message = "POST jobs/1 was not sent, because the module does not write in check mode."
    assert told(error) == ("usage", message, BUG_HINT)
    assert server.requests == []


@pytest.mark.parametrize(
    "given", [Credentials(), Credentials("", "x"), Credentials("x"), Credentials(None, "x"), Credentials("x", None, "")]
)
def test_missing_credentials(server: Server, given: Credentials) -> None:
    assert told(error_of(server.session(given).log_on)) == (
        "usage",
        "The credentials for Enterprise Manager are missing.",
        "Set username and password (VEEAM_EM_USERNAME, VEEAM_EM_PASSWORD), or session_id.",
    )
    assert server.requests == []


def test_an_empty_password_is_a_password(server: Server) -> None:
    session = server.session(Credentials("backup", ""))
    session.log_on()
    session.close()
    assert server.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"backup:").decode()


def test_refused_credentials(server: Server) -> None:
    server.answers["POST"] = [refusal(401)]
    error = error_of(server.session().log_on)
    assert (error.kind, error.message) == (
        "authentication",
        "Enterprise Manager refused the credentials of backup.",
    )
    assert "DOMAIN\\user" in str(error.hint)
    assert (error.http_status, error.method, error.path) == (401, "POST", "/api/sessionMngr/")
    assert len(server.requests) == 1


# Odd answers to a logon


def test_another_service_answers(server: Server) -> None:
    server.answers["POST"] = [answer(body=b"{}", Content_Type="application/json")]
    error = error_of(server.session().log_on)
    hint = "Check host and port (default 9398). Another service may have answered."
    assert told(error) == ("protocol", f"{NO_TOKEN}.", hint)
    assert (error.http_status, error.method, error.path) == (200, "POST", "/api/sessionMngr/")
    assert server.sent("DELETE") == []


PROXY_HINT = "Check whether a proxy on the way to the server removes the header."


def test_the_header_is_removed(server: Server) -> None:
    server.answers["POST"] = [logon(None)]
    error = error_of(server.session().log_on)
    assert told(error) == ("protocol", f"{NO_TOKEN}.", PROXY_HINT)
    assert server.sent("DELETE") == []


@pytest.mark.parametrize("name", ["X-RestSvcSessionId", "x-restsvcsessionid"])
@pytest.mark.parametrize("before", ["", "path=/; ", "a=b, "])
def test_only_a_cookie(server: Server, name: str, before: str) -> None:
    server.answers["POST"] = [logon(None, Set_Cookie=f'{before}{name}="of-the-cookie"; Path=/api;')]
    session = server.session()
    assert told(error_of(session.log_on)) == ("protocol", f"{NO_TOKEN}, only a cookie.", PROXY_HINT)
    assert session.secrets.scrub("of-the-cookie") == "********"
    (ended,) = server.sent("DELETE")
    assert (ended.target, ended.token) == (f"/api/logonSessions/{ID}", "of-the-cookie")
    session.close()
    assert len(server.sent("DELETE")) == 1


def test_only_a_cookie_and_no_id(server: Server) -> None:
    server.answers["POST"] = [logon(None, None, Set_Cookie="X-RestSvcSessionId=of-the-cookie")]
    session = server.session()
    assert told(error_of(session.log_on)) == ("protocol", f"{NO_TOKEN}, only a cookie.", PROXY_HINT)
    session.close()
    assert server.sent("DELETE") == []


def test_a_cookie_of_something_else(server: Server) -> None:
    server.answers["POST"] = [logon(None, Set_Cookie="NotX-RestSvcSessionId=of-the-cookie")]
    assert error_of(server.session().log_on).message == f"{NO_TOKEN}."
    assert server.sent("DELETE") == []


TOKEN_OF_ID = base64.b64encode(OTHER_ID.encode()).decode()
# Where the id stands if the body has no field for it, or is damaged.
PLACES = {
    "link": {"body": b'{"Links": [{"Href": "https://em/api/logonSessions/%s"}]}' % ID.encode()},
    "header": {"body": b"{}", "Location": f"https://em/api/logonSessions/{ID}"},
    "upper case": {"body": b"{}", "Location": f"https://em/api/LOGONSESSIONS/{ID}"},
    "damaged": {"body": b'{"UserName": "\xff", "SessionId": "%s", ' % ID.encode()},
    "damaged xml": {"body": b"<LogonSession><SessionId>%s</Sess" % ID.encode()},
    "the body before the token": {"token": TOKEN_OF_ID, "body": b'{"SessionId":\n "%s", ' % ID.encode()},
}


@pytest.mark.parametrize("place", PLACES)
def test_where_the_id_is_found(server: Server, place: str) -> None:
    server.answers["POST"] = [logon(**PLACES[place])]
    session = server.session()
    with contextlib.suppress(ApiError):
        session.log_on()
    session.close()
    assert [each.target for each in server.sent("DELETE")] == [f"/api/logonSessions/{ID}"]
    assert session.warnings == []


def test_the_field_beats_the_link(server: Server) -> None:
    body = json.dumps({"Href": f"https://em/api/logonSessions/{OTHER_ID}", "SessionId": ID}).encode()
    server.answers["POST"] = [logon(body=body)]
    session = server.session()
    session.log_on()
    session.close()
    assert [each.target for each in server.sent("DELETE")] == [f"/api/logonSessions/{ID}"]


def test_the_token_tells_the_id(server: Server) -> None:
    server.answers["POST"] = [logon(TOKEN_OF_ID, body=b"{}")]
    session = server.session()
    session.log_on()
    session.close()
    assert [each.target for each in server.sent("DELETE")] == [f"/api/logonSessions/{OTHER_ID}"]


@pytest.mark.parametrize(
    "token",
    [
        "not base64!",
        base64.b64encode(OTHER_ID.encode()).decode() + "\u00ff",
        base64.b64encode(OTHER_ID.encode()).decode()[:4] + "!" + base64.b64encode(OTHER_ID.encode()).decode()[4:],
        base64.b64encode("\u4e1c".encode()).decode(),
        base64.b64encode(b"x" + OTHER_ID.encode()).decode(),
        base64.b64encode(OTHER_ID.encode() + b"/..").decode(),
    ],
)
def test_no_id_anywhere(server: Server, token: str) -> None:
    server.answers["POST"] = [logon(token.encode().decode("latin-1"), body=b"{}")]
    session = server.session()
    session.log_on()
    session.read("jobs")
    session.close()
    assert session.warnings == [WARNING]
    assert server.sent("DELETE") == []


@pytest.mark.parametrize(("end", "found"), [(65536, True), (65537, False)])
def test_how_far_an_id_is_looked_for(server: Server, end: int, found: bool) -> None:
    """A damaged body may have any length."""
    server.answers["POST"] = [logon(body=f'"sessionId": "{ID}'.rjust(end).encode())]
    session = server.session()
    error_of(session.log_on)
    session.close()
    assert len(server.sent("DELETE")) == found


def test_a_damaged_answer_ends_its_session_at_once(server: Server) -> None:
    """The logon is then tried again, and there is never more than one logon session."""
    server.answers["POST"] = [logon(body=b'{"SessionId": "%s", ' % OTHER_ID.encode()), logon("second")]
    session = server.session(retries=1)
    session.log_on()
    assert [each.method for each in server.requests] == ["POST", "DELETE", "POST"]
    assert server.requests[1].target == f"/api/logonSessions/{OTHER_ID}"
    assert session.token == "second"
    session.close()


def test_an_answer_that_breaks_off(server: Server) -> None:
    """What arrived of it tells which logon session to end."""
    server.answers["POST"] = [logon(body=b'{"SessionId": "%s"}' % ID.encode() + b" " * 200)[:-9]]
    session = server.session()
    assert error_of(session.log_on).kind == "connection"
    session.close()
    assert [each.target for each in server.sent("DELETE")] == [f"/api/logonSessions/{ID}"]


# Logons whose answers are lost


def test_lost_logons_are_rarer_and_rarer(server: Server) -> None:
    server.answers["POST"] = [b""]
    session = server.session()
    waits = []
    for pause in (30, 60, 120, 240, 480, 900, 900):
        assert error_of(session.log_on).kind == "connection"
        asked = len(server.requests)
        server.now += pause - 0.5
        error = error_of(session.log_on)
        assert told(error) == (
            "connection",
            "Several logons did not get a response. The next attempt is delayed, because each attempt may leave "
            "a logon session open.",
            "Check the proxy, the firewall and the log of the server.",
        )
        assert error.retryable
        assert len(server.requests) == asked
        server.now += 0.5
        waits.append(pause)
    server.answers["POST"] = [logon()]
    session.log_on()
    session.close()
    assert len(server.sent("POST")) == len(waits) + 1


def test_the_count_of_lost_logons_begins_again(server: Server) -> None:
    server.answers["POST"] = [b"", logon(), b"", logon()]
    session = server.session()
    error_of(session.log_on)
    server.now += 30
    session.log_on()
    session.close()
    error_of(session.log_on)
    server.now += 30
    session.log_on()
    session.close()
    assert len(server.sent("POST")) == 4


def test_after_a_lost_logon_each_attempt_is_a_single_request(server: Server) -> None:
    server.answers["POST"] = [b""]
    session = server.session(retries=2)
    error_of(session.log_on)
    first = len(server.requests)
    server.now += 30
    error_of(session.log_on)
    assert (first, len(server.requests)) == (3, 4)


def test_a_failure_of_tls_is_not_a_lost_logon(server: Server) -> None:
    with Canned(lambda connected: connected.sendall(b"This does not speak TLS.")) as other:
        server.port = other.port
        session = server.session(scheme="https")
        assert [error_of(session.log_on).kind for _attempt in range(2)] == ["tls", "tls"]


def test_a_refused_logon_is_not_a_lost_one(server: Server) -> None:
    server.answers["POST"] = [refusal(503), logon()]
    session = server.session()
    assert error_of(session.log_on).kind == "server"
    session.log_on()
    session.close()


# What is sent again


def test_reads_and_logons_are_sent_again_but_not_writes(server: Server) -> None:
    server.answers.update(POST=[refusal(503), logon(), b"", logon()], GET=[b"", FOUND], DELETE=[refusal(503)])
    session = server.session(retries=2)
    assert session.read("jobs")["name"] == "found"
    error = error_of(session.write, "POST", "jobs/1")
    assert (error.kind, error.outcome_unknown) == ("connection", True)
    assert (len(server.sent("POST")), len(server.sent("GET"))) == (3, 2)
    session.close()
    # As often as other reads, and then once with the newest token.
    assert len(server.sent("DELETE")) == 4


# After a 401


def test_renewing(server: Server) -> None:
    server.answers.update(
        POST=[logon(), logon("second", OTHER_ID), logon("third", ID)],
        GET=[refusal(401), FOUND, refusal(401), FOUND],
    )
    session = server.session()
    assert session.read("jobs")["name"] == "found"
    assert session.renewals == 1
    assert session.read("jobs")["name"] == "found"
    assert session.renewals == 2
    session.close()
    # The old session is ended before the new one is opened.
    assert [each.method for each in server.requests] == [
        *("POST", "GET", "DELETE", "POST", "GET"),
        *("GET", "DELETE", "POST", "GET", "DELETE"),
    ]
    assert [each.token for each in server.sent("GET")] == [TOKEN, "second", "second", "third"]
    assert [each.token for each in server.sent("DELETE")] == [TOKEN, "second", "third"]


def test_a_second_401_in_a_row(server: Server) -> None:
    server.answers["GET"] = [refusal(401)]
    session = server.session()
    error = error_of(session.read, "jobs")
    session.close()
    assert (error.kind, error.http_status) == ("authentication", 401)
    assert error.hint == (
        "The server also rejected a new logon session. Check whether the server or a proxy drops sessions."
    )
    assert len(server.sent("POST")) == len(server.sent("GET")) == 2


@pytest.mark.parametrize("answers", [[refusal(403)], [refusal(401), refusal(403)]])
def test_other_errors_stay_as_they_are(server: Server, answers: list[bytes]) -> None:
    server.answers["GET"] = answers.copy()
    session = server.session()
    error = error_of(session.read, "jobs")
    session.close()
    assert (error.kind, error.http_status) == ("authorization", 403)
    assert "rejected a new logon session" not in str(error.hint)
    assert len(server.sent("GET")) == len(answers)


def test_somebody_elses_session_is_not_renewed(server: Server) -> None:
    server.answers["GET"] = [refusal(401)]
    session = server.session(Credentials("backup", "password", "foreign"))
    error = error_of(session.read, "jobs")
    session.close()
    assert told(error) == (
        "authentication",
        "The logon session in session_id is no longer valid.",
        "Logon sessions end after 15 minutes without a request. Open a new one with veeam_em_session.",
    )
    assert error.http_status == 401
    assert [(each.method, each.token) for each in server.requests] == [("GET", "foreign")]
    assert session.renewals == 0
    assert session.token == "foreign"


# Logging off


@pytest.mark.parametrize("status", [401, 404])
def test_a_session_that_has_ended_already(server: Server, status: int) -> None:
    server.answers["DELETE"] = [refusal(status)]
    session = server.session()
    session.log_on()
    session.close()
    assert session.warnings == []
    assert len(server.sent("DELETE")) == 2


@pytest.mark.parametrize("status", [400, 402, 403, 405, 500])
def test_a_log_off_that_fails(server: Server, status: int) -> None:
    server.answers["DELETE"] = [refusal(status)]
    session = server.session()
    session.log_on()
    session.close()
    (warning,) = session.warnings
    assert warning.startswith("Logging off failed. The logon session ends by itself after 15 idle minutes. ")
    assert f"No {status}" in warning
    # A session that could not be ended is tried once more.
    session.close()
    assert len(server.sent("DELETE")) == 4
    assert {each.token for each in server.sent("DELETE")} == {TOKEN}


def test_a_page_of_a_proxy_is_not_a_log_off(server: Server) -> None:
    page = answer(body=b"<html>Please log on</html>", Content_Type="text/html")
    server.answers["DELETE"] = [page, NO_CONTENT]
    session = server.session()
    session.log_on()
    session.close()
    assert (len(server.sent("DELETE")), session.warnings) == (2, [])


def test_a_first_log_off_that_fails_is_told_not_the_second(server: Server) -> None:
    server.answers["DELETE"] = [refusal(500), refusal(404)]
    session = server.session()
    session.log_on()
    session.close()
    assert [re.search(r"No \d+", each)[0] for each in session.warnings] == ["No 500"]  # type: ignore[index]


def test_an_old_session_is_ended_with_the_new_token(server: Server) -> None:
    """The old token is not accepted any more, although its session lives."""
    server.answers.update(
        POST=[logon(), logon("second", OTHER_ID)],
        GET=[refusal(401), FOUND],
        DELETE=[refusal(500), refusal(500), refusal(401), NO_CONTENT],
    )
    session = server.session()
    session.read("jobs")
    session.close()
    sent = [(each.target.rpartition("/")[2], each.token) for each in server.sent("DELETE")]
    assert sent == [(ID, TOKEN), (ID, TOKEN), (ID, TOKEN), (ID, "second"), (OTHER_ID, "second")]
    assert session.warnings == []


def test_an_id_in_a_path_is_quoted(server: Server) -> None:
    session = server.session(Credentials(session_id="foreign"))
    session.log_off("a/b ?c", token="given")
    assert (server.requests[0].target, server.requests[0].token) == ("/api/logonSessions/a%2Fb%20%3Fc", "given")
    assert session.secrets.scrub("a/b ?c") == "********"


def test_logging_off_has_one_time_limit(server: Server) -> None:
    session = server.session(retries=100)
    session.log_on()
    server.answers["DELETE"] = [refusal(503)]
    before = server.now
    session.close()
    assert server.now - before <= session.transport.options.request_timeout


# veeam_em_session


def test_opening(server: Server) -> None:
    session = server.session()
    assert open_logon_session(session) == {
        "changed": True,
        "session_id": TOKEN,
        "logon_session_id": ID,
        "username": "EX\\backup",
    }
    session.close()
    assert server.sent("DELETE") == []


def test_opening_in_check_mode(server: Server) -> None:
    session = server.session(read_only=True)
    assert open_logon_session(session) == {
        "changed": True,
        "session_id": "",
        "logon_session_id": "",
        "username": "EX\\backup",
    }
    session.close()
    assert len(server.sent("DELETE")) == 1


def test_opening_twice(server: Server) -> None:
    session = server.session(Credentials(session_id="foreign"))
    assert told(error_of(open_logon_session, session)) == (
        "usage",
        "session_id is set, so a logon session already exists.",
        "Leave it out.",
    )
    assert server.requests == []


@pytest.mark.parametrize(
    ("answers", "changed"),
    [
        ([NO_CONTENT], True),
        ([refusal(401), refusal(401)], False),
        ([refusal(404), refusal(404)], False),
        ([refusal(500), NO_CONTENT], True),
        # The first may have ended it.
        ([refusal(500), refusal(404)], True),
        ([b"", refusal(401)], True),
        ([b"", NO_CONTENT], True),
    ],
)
def test_ending(server: Server, answers: list[bytes], changed: bool) -> None:
    server.answers["DELETE"] = answers.copy()
    session = server.session(Credentials(session_id="foreign"))
    assert end_logon_session(session, ID) == {"changed": changed}
    assert {(each.target, each.token) for each in server.requests} == {(f"/api/logonSessions/{ID}", "foreign")}
    assert len(server.requests) == len(answers)


@pytest.mark.parametrize("status", [403, 405, 500])
def test_ending_in_vain(server: Server, status: int) -> None:
    server.answers["DELETE"] = [refusal(status)]
    error = error_of(end_logon_session, server.session(Credentials(session_id="foreign")), ID)
    assert error.http_status == status


def test_ending_in_check_mode(server: Server) -> None:
    assert end_logon_session(server.session(Credentials(session_id="foreign"), read_only=True), ID) == {"changed": True}
    assert server.requests == []
