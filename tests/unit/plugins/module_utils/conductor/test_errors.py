"""What bad answers mean, and which are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.errors import TokenRefused, decode, judge
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Response

HTML = b"<html><body>Sign in</body></html>"


def answer(status: int, body: Any = None, method: str = "GET", path: str = "/api/tasks/t") -> Response:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, {}, content, method, path)


@pytest.mark.parametrize(
    ("status", "body", "kind", "refused"),
    [
        (401, {"error": "EXPIRED_TOKEN", "message": "m"}, "authentication", True),
        (403, {"error": "EXPIRED_TOKEN"}, "authentication", True),
        (401, {"error": "INVALID_TOKEN"}, "authentication", True),
        (403, {"error": "INVALID_TOKEN"}, "authentication", True),
        (401, {"error": "Unauthorized"}, "authentication", False),
        (401, HTML, "authentication", True),
        (403, HTML, "authorization", False),
        (403, {"status": "403", "error": "Forbidden"}, "authorization", False),
        (404, {"status": 404, "message": "m"}, "not_found", False),
        (400, {"status": 400, "message": "m"}, "not_found", False),
        (400, HTML, "rejected", False),
        (405, {"message": "m"}, "rejected", False),
        (409, {"message": "m"}, "rejected", False),
        (407, HTML, "authentication", False),
        (302, None, "protocol", False),
        (429, None, "server", False),
        (500, {"retryable": False}, "server", False),
        (503, HTML, "server", False),
        (200, HTML, "protocol", False),
        (200, b'{"taskId": "t', "protocol", False),
        (200, b"\xff\xfe", "protocol", False),
        (200, b"[" * 100_000, "protocol", False),
    ],
)
def test_bad_answers(status: int, body: Any, kind: str, refused: bool) -> None:
    error = judge(answer(status, body))
    assert error is not None
    assert error.kind == kind
    assert isinstance(error, TokenRefused) == refused
    assert error.path == "/api/tasks/t"


@pytest.mark.parametrize("body", [None, b"null", {"taskId": "t"}, b'\xef\xbb\xbf{"taskId": "t"}'])
def test_good_answers(body: Any) -> None:
    assert judge(answer(200, body)) is None
    assert judge(answer(204, None)) is None


def test_an_update_is_answered_in_plain_text() -> None:
    assert judge(answer(200, b"some-task-id", "POST", "/api/tasks")) is None
    assert judge(answer(200, HTML, "POST", "/api/token")) is not None


def test_what_a_400_means_depends_on_what_was_asked() -> None:
    error = judge(answer(400, {"message": "m"}, "POST", "/api/tasks"))
    assert error is not None
    assert error.kind == "rejected"


def test_what_the_validation_found_is_told() -> None:
    body = {
        "message": "Validation failed.",
        "validationErrors": [{"path": "task.arg0", "message": "must not be empty"}],
    }
    error = judge(answer(400, body, "POST", "/api/tasks"))
    assert error is not None
    assert error.em_message == "Validation failed. task.arg0: must not be empty"


def test_server_errors_may_pass() -> None:
    assert [judge(answer(status)).retryable for status in (408, 429, 500, 501, 502, 503)] == [
        True,
        True,
        True,
        False,
        True,
        True,
    ]


def test_a_lone_surrogate_can_be_written_out() -> None:
    assert decode(b'{"a": ["\\ud800", 1, null]}') == {"a": ["?", 1, None]}
