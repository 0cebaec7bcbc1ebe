# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logon session: logs on when first needed, renews once after a 401, and logs off only sessions that it opened."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._errors import BUG_HINT, CONNECTION, PROTOCOL, TIMEOUT, USAGE, ApiError
from .._http import LOGON, READ, WRITE, BrokenBody, HttpOptions, Response, Transport
from .._signals import held
from .._text import Secrets
from .._wait import SYSTEM_CLOCK, Clock, Deadline
from .codec import as_dict, decode
from .errors import judge

TOKEN_HEADER = "X-RestSvcSessionId"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(rf"(?:sessionid\W{{1,9}}|logonsessions\W{{1,9}})({_GUID.pattern})", re.IGNORECASE)
_COOKIE = re.compile(rf"(?:^|[\s,;]){TOKEN_HEADER}=\"?([^;,\"\s]+)", re.IGNORECASE)
# After a logon whose answer was lost: the pause before the next attempt, in seconds, and its growth. Each attempt may
# have opened a logon session that the module cannot end; it ends by itself after 15 minutes.
LOST_PAUSE = 30.0
MAX_LOST_PAUSE = 900.0
_MIME = {"json": "application/json", "xml": "application/xml"}


@dataclass(frozen=True)
class Credentials:
    """Who logs on, or which logon session is used instead."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)


class EmSession:
    """Requests within one logon session.

    :param read_only: reject every write (check mode). Logging on and off are not writes.
    """

    def __init__(
        self,
        options: HttpOptions,
        credentials: Credentials,
        *,
        api_version: str = "latest",
        api_format: str = "json",
        read_only: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.transport = Transport(options, judge, clock)
        self.credentials = credentials
        self.api_version = api_version
        self.accept = _MIME[api_format]
        self.read_only = read_only
        self.warnings: list[str] = []
        self.token = credentials.session_id or None
        self.logon_session_id: str | None = None
        self.username: str | None = None
        self.renewals = 0
        self.debug_lines: list[str] = []
        self.secrets = Secrets()
        self.secrets.add(credentials.session_id)
        self.secrets.add_pair(credentials.username, credentials.password)
        self.secrets.add_url(options.proxy)
        self._lost_logons = 0
        self._no_logon_before = 0.0
        # The logon sessions that we opened, the oldest first: id -> token.
        self._opened: dict[str, str] = {}

    @property
    def owned(self) -> bool:
        """True if this object logs on and off itself."""
        return not self.credentials.session_id

    def read(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a resource, decoded.

        After a 401 it logs on again, once; a second 401 in a row is an authentication error.
        """
        self._ensure()
        try:
            return self._get(path, query)
        except ApiError as error:
            if error.http_status != 401:
                raise
            self.renew(error)
        try:
            return self._get(path, query)
        except ApiError as error:
            if error.http_status == 401:
                raise error.restated(
                    hint="The server also rejected a new logon session. Check whether the server or a proxy drops "
                    "sessions."
                ) from error
            raise

    def write(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """POST or DELETE a resource; never sent twice. Returns the decoded answer.

        :raises ApiError: `outcome_unknown` is set when the write may have taken effect.
        """
        if self.read_only:
            raise ApiError(
                USAGE,
                f"{method} {path} was not sent, because the module does not write in check mode.",
                hint=BUG_HINT,
            )
        self._ensure()
        return self.transport.request(
            method, path, safety=WRITE, read=self._decoded, query=query, headers=self._headers()
        )

    def log_on(self) -> None:
        """Open a logon session.

        :raises ApiError: kind usage without credentials, authentication if they are refused.
        """
        username, password = self.credentials.username, self.credentials.password
        if not username or password is None:
            raise ApiError(
                USAGE,
                "The credentials for Enterprise Manager are missing.",
                hint="Set username and password (VEEAM_EM_USERNAME, VEEAM_EM_PASSWORD), or session_id.",
            )
        if self._lost_logons and self.transport.clock.monotonic() < self._no_logon_before:
            raise ApiError(
                CONNECTION,
                "Several logons did not get a response. The next attempt is delayed, because each attempt may leave "
                "a logon session open.",
                hint="Check the proxy, the firewall and the log of the server.",
                retryable=True,
            )
        # requests would encode as Latin-1; names and passwords may contain any character.
        basic = base64.b64encode((f"{username}:{password}").encode()).decode("ascii")
        # The answer says how to log off, so signals wait for it.
        with held():
            try:
                response = self.transport.request(
                    "POST",
                    "sessionMngr/",
                    safety=LOGON,
                    read=self._logon,
                    query={"v": self.api_version},
                    headers={"Authorization": "Basic " + basic, "Accept": self.accept},
                    undo=self._undo_logon,
                    once=bool(self._lost_logons),
                )
            except ApiError as error:
                self._note_lost(error)
                if error.http_status == 401:
                    raise error.restated(f"Enterprise Manager refused the credentials of {username}.") from error
                raise
        self._lost_logons = 0
        if not self.token:
            raise self._no_token(response)

    def _logon(self, response: Response) -> Response:
        self._adopt(response, as_dict(decode(response.body, self.debug_lines.append)))
        return response

    def _undo_logon(self, error: ApiError) -> None:
        """End a logon session that exists although the answer is damaged: it must not stay open."""
        if isinstance(error, BrokenBody):
            self._adopt(error.response, {})
            self._end_opened()

    def _note_lost(self, error: ApiError) -> None:
        """After logons whose answers were lost, delay the next logon longer each time."""
        if error.kind in (CONNECTION, TIMEOUT) and error.http_status is None:
            pause = min(LOST_PAUSE * 2.0**self._lost_logons, MAX_LOST_PAUSE)
            self._lost_logons += 1
            self._no_logon_before = self.transport.clock.monotonic() + pause

    def _no_token(self, response: Response) -> ApiError:
        """The token from the header. A cookie cannot replace it: it would override the header (em_rest 2, Rules)."""
        cookie = _COOKIE.search(response.headers.get("Set-Cookie", ""))
        logon_session_id = _id_in_answer(response)
        if cookie:
            self.secrets.add(cookie.group(1))
            if logon_session_id:
                self._opened[logon_session_id] = cookie.group(1)
                self._end_opened()
        return ApiError(
            PROTOCOL,
            "The response to the logon does not contain the header "
            f"{TOKEN_HEADER}" + (", only a cookie." if cookie else "."),
            hint="Check whether a proxy on the way to the server removes the header."
            if cookie or logon_session_id
            else "Check host and port (default 9398). Another service may have answered.",
            http_status=response.status,
            method=response.method,
            path=response.path,
        )

    def renew(self, cause: ApiError) -> None:
        """Log on again after a 401.

        :raises ApiError: `cause`, with a hint, if that is not possible.
        """
        if not self.owned:
            raise cause.restated(
                "The logon session in session_id is no longer valid.",
                hint="Logon sessions end after 15 minutes without a request. Open a new one with veeam_em_session.",
            ) from cause
        self.renewals += 1
        # The old session may still be alive: end it first, so that there is never more than one.
        self._end_opened()
        self.log_on()

    def close(self) -> None:
        """Log off every logon session that this object opened; failures become warnings."""
        with self.transport.within(Deadline(self.transport.options.request_timeout, self.transport.clock)):
            failures = self._end_opened()
        for failure in failures:
            # 401 and 404 say that it has ended already.
            if failure.http_status not in (401, 404):
                self.warnings.append(
                    f"Logging off failed. The logon session ends by itself after 15 idle minutes. {failure.message}"
                )
        self.transport.close()

    def disown(self) -> None:
        """Leave the logon sessions open; from now on, the caller is responsible for them."""
        self._opened.clear()

    def log_off(self, logon_session_id: str, token: str | None = None, safety: str = READ) -> None:
        """End a logon session, given its id (not the token, em_rest 2).

        :param token: the token of the logon session that authorizes this; by default, the current one.
        :param safety: READ, since deleting a session twice does no harm; WRITE for a single attempt.
        """
        self.secrets.add(logon_session_id)
        path = f"logonSessions/{quote(logon_session_id, safe='')}"
        # A proxy may have answered instead.
        self.transport.request(
            "DELETE",
            path,
            safety=safety,
            read=lambda answer: answer.body and self._decoded(answer),
            headers=self._headers(token),
        )

    def _end_opened(self) -> list[ApiError]:
        """Log off, the oldest first; return the failures. Sessions that could not be ended are kept for later."""
        failures = []
        for each, token in list(self._opened.items()):
            try:
                self._end(each, token)
                del self._opened[each]
            except ApiError as error:
                failures.append(error)
        if self.owned:
            self.token = None
        return failures

    def _end(self, logon_session_id: str, token: str) -> None:
        try:
            self.log_off(logon_session_id, token)
        except ApiError as error:
            # Try once more, whatever the reason, with the token of the newest logon session if it is another one.
            try:
                self.log_off(logon_session_id, self.token or token, WRITE)
            except ApiError:
                raise error from None

    def _ensure(self) -> None:
        if not self.token:
            self.log_on()

    def _headers(self, token: str | None = None) -> dict[str, str]:
        return {TOKEN_HEADER: token or self.token or "", "Accept": self.accept}

    def _get(self, path: str, query: Mapping[str, Any] | None) -> Any:
        return self.transport.request(
            "GET", path, safety=READ, read=self._decoded, query=query, headers=self._headers()
        )

    def _decoded(self, response: Response) -> Any:
        """The decoded body; {} for 204, which a GET may get for an object that does not exist (em_rest 15, trap 28)."""
        return {} if response.status == 204 else decode(response.body, self.debug_lines.append)

    def _adopt(self, response: Response, logon: dict[str, Any]) -> None:
        """Register the logon session that an answer, even a damaged one, announces."""
        token = response.headers.get(TOKEN_HEADER)
        if not token:
            return
        self.token = token
        self.secrets.add(token)
        self.username = str(logon.get("user_name") or "")
        self.logon_session_id = str(logon.get("session_id") or _id_in_answer(response) or _id_in_token(token) or "")
        if self.logon_session_id:
            self.secrets.add(self.logon_session_id)
            self._opened[self.logon_session_id] = token
        else:
            self.warnings.append(
                "The module cannot end the logon session, because the response did not contain its "
                "ID. The session ends by itself after 15 idle minutes."
            )


def open_logon_session(session: EmSession) -> dict[str, Any]:
    """Log on and leave the logon session open; in check mode (read_only), log off again.

    :returns: changed, session_id (the token), logon_session_id, username.
    """
    if not session.owned:
        raise ApiError(USAGE, "session_id is set, so a logon session already exists.", hint="Leave it out.")
    session.log_on()
    result = {"changed": True, "session_id": "", "logon_session_id": "", "username": session.username}
    if not session.read_only:
        result.update(session_id=session.token, logon_session_id=session.logon_session_id)
        session.disown()
    return result


def end_logon_session(session: EmSession, logon_session_id: str) -> dict[str, Any]:
    """Log off the logon session of session_id; it is not a failure if the session has already ended.

    :returns: changed.
    """
    if session.read_only:
        return {"changed": True}
    try:
        session.log_off(logon_session_id, safety=WRITE)
        return {"changed": True}
    except ApiError as error:
        maybe_done = error.outcome_unknown and error.http_status != 401
    try:
        session.log_off(logon_session_id)
    except ApiError as error:
        if error.http_status not in (401, 404):
            raise
        return {"changed": maybe_done}
    return {"changed": True}


def _id_in_answer(response: Response) -> str | None:
    """The id of the logon session, by itself or in a link, from a body that may be damaged."""
    text = response.headers.get("Location", "") + response.body[:65536].decode("utf-8", "replace")
    found = _ID.search(text)
    return found.group(1) if found else None


def _id_in_token(token: str) -> str | None:
    """On recent servers the token is the base64 of the id (em_rest 2): a last resort after a damaged answer."""
    try:
        text = base64.b64decode(token, validate=True).decode("ascii")
    except ValueError:
        return None
    return text if _GUID.fullmatch(text) else None
