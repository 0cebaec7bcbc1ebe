# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes the answers of Conductor, and turns bad ones into errors (conductor 2.3 and 2.4)."""

from __future__ import annotations

import json
from typing import Any

from .._errors import AUTHENTICATION, AUTHORIZATION, NOT_FOUND, PROTOCOL, REJECTED, SERVER, ApiError
from .._http import Response

# Values of `error` for which a new token may help, with status 401 as well as 403.
_TOKEN_CODES = ("EXPIRED_TOKEN", "INVALID_TOKEN")

_ADDRESS_HINT = "Check server_url. A service other than the Conductor API may have answered."
REFUSED_HINT = "Check the key or the token, and whether a proxy in between asks for its own credentials."
MISSING_HINT = "Check the ID, and whether the task or workflow was removed or has expired."
PERMISSION_HINT = "Give the application that owns the key READ permission, and EXECUTE permission for updates."


class TokenRefused(ApiError):
    """The token is expired, revoked or missing; the same request may succeed with a new one.

    :ivar certain: whether the server itself says so, and so has done nothing. Otherwise, a proxy may have answered.
    """

    certain = False


def decode(body: bytes) -> Any:
    """The JSON value of a body, None for an empty one.

    :raises ValueError: if it is not JSON.
    """
    text = body.decode("utf-8-sig")
    return _writable(json.loads(text)) if text.strip() else None


def judge(response: Response) -> ApiError | None:
    """None for a good, readable answer, otherwise the error that it means."""
    status = response.status
    about: dict[str, Any] = {"http_status": status, "method": response.method, "path": response.path}
    request = f"{response.method} {response.path}"
    body, problem = _readable(response.body)
    if 200 <= status < 300:
        # Updates answer in plain text (conductor 5.1), everything else in JSON.
        if problem is None or (response.method == "POST" and not response.path.endswith("/token")):
            return None
        return ApiError(
            PROTOCOL,
            f"The response to {request} is not JSON: {problem}.",
            hint=_ADDRESS_HINT,
            retryable=True,
            **about,
        )
    error = body if isinstance(body, dict) else {}
    words = _words(error)
    said = f': "{words}"' if words else ""
    about.update(em_message=words, retry_after=response.retry_after)
    if 300 <= status < 400:
        return ApiError(
            PROTOCOL,
            f"The server answered {request} with a redirect ({status}). The module does not follow it, because it "
            "sends the token only to the configured host.",
            hint="Set server_url to the address of Conductor itself.",
            **about,
        )
    coded = status in (401, 403) and error.get("error") in _TOKEN_CODES
    if coded or (status == 401 and problem):
        refusal = TokenRefused(
            AUTHENTICATION, f"Conductor refused the token ({status}){said}.", hint=REFUSED_HINT, **about
        )
        refusal.certain = coded
        return refusal
    if status == 401:
        return ApiError(
            AUTHENTICATION,
            f"Conductor refused the credentials (401){said}.",
            hint="Check auth_key and auth_secret, and whether the key was paused or deleted.",
            **about,
        )
    if status == 403:
        return ApiError(AUTHORIZATION, f"Conductor denied {request} (403){said}.", hint=PERMISSION_HINT, **about)
    if status == 404 or (status == 400 and response.method == "GET" and not problem):
        # Orkes documents 400 for an id that it does not know (conductor 1.1).
        hint = _ADDRESS_HINT if problem else MISSING_HINT
        return ApiError(NOT_FOUND, f"Conductor found nothing at {response.path} ({status}){said}.", hint=hint, **about)
    if status == 407:
        hint = "Add them to the URL in proxy."
        return ApiError(AUTHENTICATION, "The proxy requires credentials (407).", hint=hint, **about)
    if status in (408, 429) or status >= 500:
        return ApiError(
            SERVER,
            f"Conductor failed to answer {request} ({status}){said}.",
            hint="Try again later. If the problem persists, check the log of the server.",
            retryable=status != 501,
            **about,
        )
    return ApiError(
        REJECTED,
        f"Conductor rejected {request} ({status}){said}.",
        hint="Compare the options with the message from the server.",
        **about,
    )


def _readable(body: bytes) -> tuple[Any, str | None]:
    """The decoded body, and why it cannot be decoded."""
    try:
        return decode(body), None
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _words(error: dict[str, Any]) -> str | None:
    """The server's message, with the findings of its validation."""
    found = [str(error.get("message") or "").strip()]
    for each in error.get("validationErrors") or []:
        if isinstance(each, dict) and each.get("message"):
            found.append(f"{each.get('path')}: {each['message']}")
    return " ".join(filter(None, found)) or None


def _writable(value: Any) -> Any:
    """A decoded value whose texts can be encoded again: lone surrogates cannot."""
    if isinstance(value, dict):
        return {_writable(name): _writable(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_writable(child) for child in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
