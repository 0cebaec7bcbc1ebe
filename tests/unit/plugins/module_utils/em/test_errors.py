"""What a bad answer means."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.errors import judge, message_of
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import KINDS, ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Response

UNKNOWN_TASK = b'{"Message": "There is no backup task with id [task-297] in current rest session", "StatusCode": 500}'
BAD_ID = b'<Error Message=" ID 99999 is invalid. Type: Job" StatusCode="400"/>'
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def judged(status: int, body: bytes = b"", **headers: str) -> Any:
    return judge(Response(status, headers, body, "GET", "/api/jobs/1"))


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (301, b"", "protocol", False),
        (400, b"", "rejected", False),
        (400, BAD_ID, "not_found", False),
        (401, b"", "authentication", False),
        (403, b"", "authorization", False),
        (404, b"", "not_found", False),
        (405, b"", "rejected", False),
        (407, b"", "authentication", False),
        (408, b"", "server", True),
        (409, b"", "rejected", False),
        (415, b"", "rejected", False),
        (429, b"", "server", True),
        (500, b"", "server", True),
        (500, UNKNOWN_TASK, "not_found", False),
        (501, b"", "server", False),
        (502, HTML, "server", True),
        (503, b"", "server", True),
    ],
)
def test_kinds(status: int, body: bytes, kind: str, retryable: bool) -> None:
    error = judged(status, body)
    assert (error.kind, error.retryable, error.http_status) == (kind, retryable, status)
    assert (error.method, error.path) == ("GET", "/api/jobs/1")
    assert kind in KINDS


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_good_answers(status: int) -> None:
    assert judged(status) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"Message": "Cannot find it", "StatusCode": 404, "FirstChanceExceptionMessage": null}',
        b'{"message": " Cannot find it ", "statusCode": 404}',
        b'\xef\xbb\xbf{"FirstChanceExceptionMessage": "Cannot find it"}',
        b'<Error xmlns="http://www.veeam.com/ent/v1.0" Message="Cannot find it" StatusCode="404"/>',
        b'<Error StatusCode="404"><FirstChanceExceptionMessage>Cannot find it</FirstChanceExceptionMessage></Error>',
    ],
)
def test_the_servers_own_words(body: bytes) -> None:
    assert message_of(body) == "Cannot find it"
    error = judged(404, body)
    assert error.em_message == "Cannot find it"
    assert "Cannot find it" in error.message


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (HTML, "", "502 Bad Gateway"),
        (b"<html><head><title>x</title><style>a{}</style></head><body>No&nbsp;way<br>\r\nout</body>", "", "No way out"),
        (b"  Backup service\r\n\tis down\x1b[31m ", "text/plain", "Backup service is down [31m"),
        (b'{"title": "Bad", "detail": "No such job", "status": 404}', "application/problem+json", "Bad: No such job"),
        (b'{"type": "about:blank", "title": "Gone"}', "", "Gone"),
        (b'{"error": {"code": 5, "message": "Full"}}', "", "Full"),
        (b'{"error": "invalid_grant", "error_description": "Wrong password"}', "", "Wrong password"),
        (b'{"errors": null, "reason": "Closed"}', "", "Closed"),
        ('{"Message": "Keine Größe"}'.encode("utf-16"), "", "Keine Größe"),
        ('<Error Message="Größe"/>'.encode("utf-16-le"), "", "Größe"),
        ('<?xml version="1.0" encoding="utf-16"?><Error Message="Größe"/>'.encode(), "", "Größe"),
        ('<?xml version="1.0" encoding="utf-8"?><Error Message="Größe"/>'.encode("latin-1"), "", "Größe"),
        ("Größe".encode("latin-1"), "text/plain; charset=iso-8859-1", "Größe"),
        ("Größe".encode("cp1252"), "text/plain", "Größe"),
        (b'<Error Message="a&#x8;b&#27;c"/>', "", "abc"),
        (b'{"Message": "a\\u0008b\\u202ec"}', "", "a b c"),
    ],
)
def test_words_in_other_formats(body: bytes, content_type: str, words: str) -> None:
    assert message_of(body, content_type) == words
    error = judged(500, body, **{"Content-Type": content_type})
    assert error.em_message == words


def test_many_words_are_cut() -> None:
    error = judged(500, b'{"Message": "%s"}' % (b"ab " * 2_000_000))
    assert len(error.em_message) < 2100
    assert error.em_message.endswith("(cut here)")
    assert len(error.message) < 2300


@pytest.mark.parametrize("status", [404, 405])
def test_a_service_that_is_not_enterprise_manager(status: int) -> None:
    error = judge(Response(status, {}, b"<html>Not Found</html>", "POST", "/api/sessionMngr/"))
    assert error is not None
    assert "not the Enterprise Manager REST API" in str(error.hint)
    assert "9398" in str(error.hint)
    assert "30 days" not in error.sentence()


@pytest.mark.parametrize(
    ("path", "retryable", "age"),
    [
        ("/api/query", True, False),
        ("/api/tasks", True, False),
        ("/api/agents/jobs", True, False),
        ("/api/backupSessions/1/taskSessions", False, True),
        ("/api/backupSessions/1", False, True),
        ("/api/replicaTaskSessions/1", False, True),
        ("/api/agents/jobs/1", False, False),
        ("/api/logonSessions/1", False, False),
    ],
)
def test_a_404_on_a_collection_passes(path: str, retryable: bool, age: bool) -> None:
    error = judge(Response(404, {}, b"", "GET", path))
    assert error is not None
    assert (error.kind, error.retryable) == ("not_found", retryable)
    assert ("30 days" in str(error.hint)) is age


@pytest.mark.parametrize(
    ("body", "retryable"),
    [
        (b"", False),
        (b'{"Message": "Cannot find job"}', False),
        (b"<Error Message='no'/>", False),
        (HTML, True),
        (b"nope", True),
    ],
)
def test_a_404_that_enterprise_manager_did_not_write_passes(body: bytes, retryable: bool) -> None:
    """While the service restarts, the system's own web server answers."""
    error = judged(404, body)
    assert (error.kind, error.retryable) == ("not_found", retryable)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"{", b"<Error Mess", b"\xff\xfe", b'{"Message": null}'])
def test_no_words(body: bytes) -> None:
    assert not message_of(body)
    assert judged(500, body).em_message is None


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(403, b"", "Portal Administrator"), (500, UNKNOWN_TASK, "session_id"), (404, b"", "the ID"), (302, b"", "host")],
)
def test_hints_say_what_to_do(status: int, body: bytes, words: str) -> None:
    assert words in judged(status, body).hint


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_retry_after(header: str, seconds: Any) -> None:
    assert judged(503, **{"Retry-After": header}).retry_after == seconds


def test_an_error_in_a_result() -> None:
    error = ApiError(
        "rejected", "It failed.", hint="Try that.", http_status=400, em_message="no", method="GET", path="/api"
    )
    assert error.as_dict() == {
        "kind": "rejected",
        "http_status": 400,
        "em_message": "no",
        "method": "GET",
        "path": "/api",
        "retryable": False,
        "hint": "Try that.",
    }
    assert error.sentence() == "It failed. Try that."


@pytest.mark.parametrize("unit", [b"<!--", b"<script>", b"<style ", b"<head>", b"<", b"&#", b" \t", b"<a>"])
def test_no_page_costs_more_than_its_size(unit: bytes) -> None:
    started = time.process_time()
    message_of(b"x" + unit * (2_000_000 // len(unit)))
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<p>no <b>way</b></p>", "no way"),
        (b"<script>var a = '<b>';</script>Full", "Full"),
        (b"<STYLE>a{}</STYLE ><!-- > -->Full", "Full"),
        (b"<header>Full</header>", "Full"),
        (b"x<head>Full", "x Full"),
        (b"<s:Fault><faultstring>Full</faultstring></s:Fault>", "Full"),
        (b"a < b", "a < b"),
    ],
)
def test_words_of_a_page(page: bytes, words: str) -> None:
    assert message_of(page, "text/html") == words
