# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests with a token: requested when first needed, renewed once if it is refused (conductor 2.2 and 2.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import AUTHENTICATION, AUTHORIZATION, BUG_HINT, NOT_FOUND, PROTOCOL, USAGE, ApiError
from .._http import READ, WRITE, HttpOptions, Response, Transport
from .._text import Secrets
from .._wait import SYSTEM_CLOCK, Clock
from .errors import TokenRefused, decode, judge

TOKEN_HEADER = "X-Authorization"
# Updates answer in plain text; a server may refuse to answer unless the request accepts that.
_HEADERS = {"Accept": "application/json, text/plain", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Credentials:
    """An access key, a token, both (the token is used until it is refused) or neither."""

    key: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


class ConductorSession:
    """Requests to one server.

    :param read_only: reject every write (check mode). Getting a token is not a write.
    """

    def __init__(
        self,
        options: HttpOptions,
        credentials: Credentials,
        *,
        read_only: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.transport = Transport(options, judge, clock)
        self.credentials = credentials
        self.read_only = read_only
        self.warnings: list[str] = []
        self.token = credentials.token
        self.secrets = Secrets()
        self.secrets.add(credentials.secret, credentials.token)
        self.secrets.add_url(options.proxy)
        self._anonymous = not credentials.key

    def read(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a resource, decoded; None if the answer is empty (204, no body, null).

        A refused token is renewed and the request repeated once.
        """
        self._ensure()
        try:
            return decode(self._send("GET", path, READ, query=query).body)
        except TokenRefused as refusal:
            self._renew(refusal)
        return decode(self._send("GET", path, READ, query=query).body)

    def write(self, path: str, body: Mapping[str, Any]) -> str:
        """POST a body; never sent twice.

        :returns: the answer, which is plain text (conductor 5.1).
        :raises ApiError: `outcome_unknown` is set when the write may have taken effect.
        """
        if self.read_only:
            raise ApiError(
                USAGE,
                f"POST {path} was not sent, because the module does not write in check mode.",
                hint=BUG_HINT,
            )
        self._ensure()
        return self._send("POST", path, WRITE, body=json.dumps(body).encode()).body.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the connections. Tokens need no log-off: they expire."""
        self.transport.close()

    def _send(self, method: str, path: str, safety: str, **more: Any) -> Response:
        headers = dict(_HEADERS, **{TOKEN_HEADER: self.token}) if self.token else _HEADERS
        return self.transport.request(method, path, safety=safety, read=lambda answer: answer, headers=headers, **more)

    def _ensure(self) -> None:
        if not self.token and not self._anonymous:
            self._mint()

    def _renew(self, refusal: TokenRefused) -> None:
        """Get a new token.

        :raises ApiError: `refusal`, with a hint, if there is no key.
        """
        if not self.credentials.key:
            raise refusal.restated(
                hint="auth_token has expired or is invalid. Set a new token, or set auth_key and auth_secret."
                if self.token
                else "This server requires credentials. Set auth_key and auth_secret, or auth_token."
            ) from refusal
        self._mint()

    def _mint(self) -> None:
        """Get a token for the key. This changes nothing on the server, so it is a READ and may be repeated."""
        self.token = None
        keys = {"keyId": self.credentials.key, "keySecret": self.credentials.secret}
        try:
            response = self._send("POST", "token", READ, body=json.dumps(keys).encode())
        except ApiError as error:
            if error.kind == NOT_FOUND:
                self._anonymous = True
                self.warnings.append(
                    "The server does not issue tokens (POST /token returned 404), like open-source Conductor. The "
                    "module does not use auth_key and auth_secret."
                )
                return
            if error.kind in (AUTHENTICATION, AUTHORIZATION):
                raise error.restated(
                    f"Conductor did not issue a token for the access key ({error.http_status}).",
                    hint="Check auth_key and auth_secret, and whether the key was paused or deleted.",
                ) from error
            raise
        answer = decode(response.body)
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not usable_token(token):
            raise ApiError(
                PROTOCOL,
                "The response to POST /token does not contain a token.",
                hint="Check server_url. A service other than the Conductor API may have answered.",
                http_status=response.status,
                method=response.method,
                path=response.path,
            )
        self.token = token
        self.secrets.add(token)


def usable_token(token: str) -> bool:
    """Whether a text is allowed in a header."""
    return bool(token) and token.isascii() and token.isprintable() and token == token.strip()
