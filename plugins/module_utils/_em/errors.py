# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns bad answers of Enterprise Manager into errors (em_rest 3)."""

from __future__ import annotations

import html
import re
from typing import Any

from .._errors import AUTHENTICATION, AUTHORIZATION, NOT_FOUND, PROTOCOL, REJECTED, SERVER, ApiError
from .._http import Response
from .charset import readable
from .codec import decode

# "There is no backup task with id [task-297] in current rest session" comes as a 500 (em_rest 4).
_UNKNOWN_TASK = re.compile(r"no backup task with id|in current rest session", re.IGNORECASE)
# An ID that is not a GUID, or is of another type, comes as a 400 (em_rest 3).
_INVALID_ID = re.compile(r"\bID \S+ is invalid", re.IGNORECASE)

ROLE_HINT = (
    "The account needs the Portal Administrator role in Enterprise Manager. "
    "Portal User and Restore Operator can read sessions, but not jobs."
)
_SESSION_AGE = " Sessions older than 30 days are not listed."
_SESSIONS = re.compile(r"/(backup|replica)(Task)?Sessions/", re.IGNORECASE)
_LOGON = re.compile(r"/sessionMngr\b", re.IGNORECASE)
# A path without an id: while the service restarts, every path answers 404 (em_rest 17.4).
_COLLECTION = re.compile(
    r"/api/(query|querySvc|tasks|((agents|nas)/)?(jobs|backupSessions)|replicaSessions|(backup|replica)TaskSessions)/?$",
    re.IGNORECASE,
)
NOT_EM = "This is not the Enterprise Manager REST API, which uses port 9398 by default."
# Where servers, gateways and proxies put their messages, the most useful first (RFC 9457 for the second).
_WORDS = (
    "message",
    "detail",
    "first_chance_exception_message",
    "error_description",
    "title",
    "error",
    "fault",
    "reason",
)
# Enough of the server's message to act on; gateways may send megabytes.
MAX_WORDS = 2000
_MUCH = 65536
# The parts of a page that are not text, and how each ends; other markup ends with >.
_HIDDEN_PARTS = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"), ("<head>", "</head"))
_MARKUP = re.compile(rb"(?i)\s*<")
TASK_SCOPE_HINT = (
    "A task exists only in the logon session that created it. Set session_id to the token of that logon session (see "
    "veeam_em_session), or follow the job session instead."
)
LOGON_HINT = "Check username and password. Write domain accounts as DOMAIN\\user and local accounts as HOST\\user."


def was_there(error: ApiError) -> ApiError:
    """A failure to read an object that existed before: it may be back soon (em_rest 17.4)."""
    return error.restated(retryable=error.retryable or error.kind == NOT_FOUND)


def id_hint(path: str) -> str:
    """What to do about an id that the server does not know."""
    return "Check the ID." + (_SESSION_AGE if _SESSIONS.search(path) else "")


def message_of(body: bytes, content_type: str = "") -> str | None:
    """The server's message in an error body of any format, without markup; None if there is none.

    :param content_type: the header, for the encoding of texts that do not declare it.
    """
    try:
        words, unread = _told(decode(body)) or "", bool(_MARKUP.match(body))
    except ApiError:
        words, unread = "", True
    if unread and not words:
        charset = re.search(r"charset=\"?([\w.:-]+)", content_type)
        text = readable(body[:_MUCH], charset=charset.group(1) if charset else "")
        # The body looks like JSON or XML, but was truncated on its way.
        damaged = text.lstrip()[:1] in ("{", "[") or (_MARKUP.match(body) and "</" not in text)
        words = "" if damaged else html.unescape(_without_markup(text))
    # Control characters of all kinds are not words.
    words = " ".join("".join(each if each.isprintable() else " " for each in words).split())
    return words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + " (cut here)"


def _without_markup(text: str) -> str:
    """The text of a page. A missing end is searched for only once, so the cost is linear in the size."""
    lowered, missing, place = text.lower(), set(), 0
    words = []
    while (start := text.find("<", place)) >= 0:
        words.append(text[place:start])
        end = next((end for begin, end in _HIDDEN_PARTS if lowered.startswith(begin, start)), ">")
        found = -1 if end in missing else lowered.find(end, start)
        if found < 0:
            missing.add(end)
            end, found = ">", text.find(">", start)
        if found < 0:
            # The rest is not markup.
            place = start
            break
        # A closing tag is separate markup.
        place = found if end.startswith("</") else found + len(end)
    return " ".join([*words, text[place:]])


def _is_of_others(body: bytes) -> bool:
    """Whether an error page was not written by Enterprise Manager, whose errors are XML or JSON (em_rest 3)."""
    try:
        return bool(body.strip()) and not isinstance(decode(body), dict)
    except ApiError:
        return True


def _told(error: Any) -> str | None:
    if isinstance(error, str):
        return error
    if isinstance(error, list):
        return next(filter(None, map(_told, error)), None)
    if not isinstance(error, dict):
        return None
    found = {key: _told(error.get(key)) for key in _WORDS}
    if found["title"] and found["detail"] and not found["message"]:
        return f"{found['title']}: {found['detail']}"
    return next(filter(None, found.values()), None)


def judge(response: Response) -> ApiError | None:
    """None for an answer with status 2xx, otherwise the error that it means."""
    status = response.status
    if 200 <= status < 300:
        return None
    words = message_of(response.body, response.headers.get("Content-Type", "")) or None
    said = f': "{words}"' if words else ""
    about: dict[str, Any] = {
        "http_status": status,
        "em_message": words,
        "method": response.method,
        "path": response.path,
        "retry_after": response.retry_after,
    }
    if 300 <= status < 400:
        return ApiError(
            PROTOCOL,
            "The server answered %s %s with a redirect (%d). The module does not follow it, because it sends the "
            "session ID only to the configured host." % (response.method, response.path, status),
            hint="Set host and port to those of Enterprise Manager itself.",
            **about,
        )
    if status == 401:
        return ApiError(
            AUTHENTICATION,
            f"Enterprise Manager refused the credentials (401){said}.",
            hint=LOGON_HINT,
            **about,
        )
    if status == 403:
        return ApiError(
            AUTHORIZATION,
            f"Enterprise Manager denied {response.method} {response.path} (403){said}.",
            hint=ROLE_HINT,
            **about,
        )
    if words and _UNKNOWN_TASK.search(words):
        return ApiError(NOT_FOUND, f"Enterprise Manager does not know the task{said}.", hint=TASK_SCOPE_HINT, **about)
    if status in (404, 405) and _LOGON.search(response.path):
        return ApiError(
            NOT_FOUND,
            "The server does not have a logon page at %s (%d)%s." % (response.path, status, said),
            hint=f"{NOT_EM} Check host and port. If they are correct, the service may be restarting.",
            retryable=status == 404,
            **about,
        )
    if status == 404 and (_COLLECTION.match(response.path) or _is_of_others(response.body)):
        return ApiError(
            NOT_FOUND,
            "The server did not find %s (%d)%s." % (response.path, status, said),
            hint="The service may be restarting. Try again in a minute, or check host and port.",
            retryable=True,
            **about,
        )
    if status == 404 or (status == 400 and words and _INVALID_ID.search(words)):
        return ApiError(
            NOT_FOUND,
            "Enterprise Manager found nothing at %s (%d)%s." % (response.path, status, said),
            hint=id_hint(response.path),
            **about,
        )
    if status == 407:
        return ApiError(
            AUTHENTICATION, "The proxy requires credentials (407).", hint="Add them to the URL in proxy.", **about
        )
    if status in (408, 429) or status >= 500:
        return ApiError(
            SERVER,
            "Enterprise Manager failed to answer %s %s (%d)%s." % (response.method, response.path, status, said),
            hint="Try again later. If the problem persists, check the Enterprise Manager service and its logs.",
            retryable=status != 501,
            **about,
        )
    return ApiError(
        REJECTED,
        "Enterprise Manager rejected %s %s (%d)%s." % (response.method, response.path, status, said),
        hint="Compare the options with the message from the server.",
        **about,
    )
