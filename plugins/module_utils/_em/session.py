# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logon session: logs on when first needed, renews once after a 401, logs off what it opened and nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._errors import PROTOCOL, USAGE, ApiError
from .._http import LOGON, READ, WRITE, BrokenBody, HttpOptions, Response, Transport
from .._wait import SYSTEM_CLOCK, Clock, Deadline
from .codec import as_dict, decode
from .errors import LOGON_HINT, judge

TOKEN_HEADER = "X-RestSvcSessionId"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(rf"(?:sessionid\W{{1,9}}|logonsessions\W{{1,9}})({_GUID.pattern})", re.IGNORECASE)
_MIME = {"json": "application/json", "xml": "application/xml"}


@dataclass(frozen=True)
class Credentials:
    """Who logs on, or which logon session is used instead."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    session_id: str | None = field(default=None, repr=False)


class EmSession:
    """Requests within one logon session.

    :param read_only: refuse every write (check mode). Logging on and off are not writes.
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
        # Open logon sessions of our own, the oldest first: id -> token.
        self._opened: dict[str, str] = {}

    @property
    def owned(self) -> bool:
        """True when this object logs on and off itself."""
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
                error.hint = (
                    "A new logon session was refused as well: see whether the server or a proxy drops sessions."
                )
            raise

    def write(self, method: str, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """POST or DELETE a resource; never sent twice. Returns the decoded answer.

        :raises ApiError: `outcome_unknown` is set when the write may have taken effect.
        """
        if self.read_only:
            raise ApiError(USAGE, f"{method} {path} was held back: nothing is written in check mode.")
        self._ensure()
        response = self.transport.request(method, path, safety=WRITE, query=query, headers=self._headers())
        if response.status == 204:
            return {}
        try:
            return _decoded(response)
        except BrokenBody as error:
            error.outcome_unknown = True
            raise

    def log_on(self) -> None:
        """Open a logon session of our own.

        :raises ApiError: kind usage without credentials, authentication when they are refused.
        """
        username, password = self.credentials.username, self.credentials.password
        if not username or password is None:
            raise ApiError(
                USAGE,
                "There are no credentials for Enterprise Manager.",
                hint="Set username and password (VEEAM_EM_USERNAME, VEEAM_EM_PASSWORD), or session_id.",
            )
        # requests would encode as Latin-1; names and passwords may hold any character.
        basic = base64.b64encode((f"{username}:{password}").encode()).decode("ascii")
        headers = {"Authorization": "Basic " + basic, "Accept": self.accept}
        number = 1
        while True:
            try:
                response = self.transport.request(
                    "POST", "sessionMngr/", safety=LOGON, query={"v": self.api_version}, headers=headers
                )
                logon = _decoded(response)
                break
            except BrokenBody as error:
                # The logon session exists although its description is damaged: it must not stay open.
                self._adopt(error.response, {})
                self._end_opened()
                if not error.retryable or number > self.transport.options.retries:
                    raise
                if not self.transport.pause(number, error):
                    raise
                number += 1
            except ApiError as error:
                if error.http_status == 401:
                    error.message = f"Enterprise Manager refused the credentials of {username}."
                    error.hint = LOGON_HINT
                raise
        self._adopt(response, as_dict(logon))
        if not self.token:
            raise ApiError(
                PROTOCOL,
                "The answer to the logon carries no session id.",
                hint="Check host and port (9398 is the default): something else may have answered.",
                http_status=response.status,
                method=response.method,
                path=response.path,
            )

    def renew(self, cause: ApiError) -> None:
        """Log on again after a 401.

        :raises ApiError: `cause`, with a hint, when that is not possible.
        """
        if not self.owned:
            cause.message = "The logon session of session_id is not valid any more."
            cause.hint = "Logon sessions end after 15 minutes without a request: open a new one with veeam_em_session."
            raise cause
        self.renewals += 1
        # It may live on all the same: it is ended first, so that there is never more than one.
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
                    f"Logging off failed; the logon session ends by itself after 15 idle minutes. {failure.message}"
                )
        self.transport.close()

    def disown(self) -> None:
        """Leave the logon sessions open: from now on the caller is responsible for them."""
        self._opened.clear()

    def log_off(self, logon_session_id: str, token: str | None = None, safety: str = READ) -> None:
        """End a logon session, given its id (not the token, em_rest 2).

        :param token: of the logon session that authorises this; the current one by default.
        :param safety: READ, since deleting what is deleted already does no harm; WRITE for a single try.
        """
        path = f"logonSessions/{quote(logon_session_id, safe='')}"
        response = self.transport.request("DELETE", path, safety=safety, headers=self._headers(token))
        if response.body:
            # A proxy may have answered with a page of its own.
            _decoded(response)

    def _end_opened(self) -> list[ApiError]:
        """Log off, the oldest first; returns why those that could not be ended were not. They are kept for later."""
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
            # Once more, whatever the reason: by the newest logon session, if that is another one.
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
        number = 1
        while True:
            response = self.transport.request("GET", path, safety=READ, query=query, headers=self._headers())
            if response.status == 204:
                # 204 on a GET path was seen where a thing is not there (em_rest 15, trap 28).
                return {}
            try:
                return _decoded(response)
            except BrokenBody as error:
                if number > self.transport.options.retries or not self.transport.pause(number, error):
                    raise
            number += 1

    def _adopt(self, response: Response, logon: dict[str, Any]) -> None:
        """Take over the logon session that an answer, even a damaged one, announces."""
        token = response.headers.get(TOKEN_HEADER)
        if not token:
            return
        self.token = token
        self.username = str(logon.get("user_name") or "")
        self.logon_session_id = str(logon.get("session_id") or _id_in_answer(response) or _id_in_token(token) or "")
        if self.logon_session_id:
            self._opened[self.logon_session_id] = token
        else:
            self.warnings.append("The logon session cannot be logged off: its id did not arrive. It ends by itself.")


def open_logon_session(session: EmSession) -> dict[str, Any]:
    """Log on and leave the logon session open; in check mode (read_only) only try it.

    :returns: changed, session_id (the token), logon_session_id, username.
    """
    if not session.owned:
        raise ApiError(USAGE, "session_id was given, so there is a logon session already.", hint="Leave it out.")
    session.log_on()
    result = {"changed": True, "session_id": "", "logon_session_id": "", "username": session.username}
    if not session.read_only:
        result.update(session_id=session.token, logon_session_id=session.logon_session_id)
        session.disown()
    return result


def end_logon_session(session: EmSession, logon_session_id: str) -> dict[str, Any]:
    """Log off the logon session of session_id; one that has ended already is no failure.

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


def _decoded(response: Response) -> Any:
    """The decoded body of a good answer.

    :raises BrokenBody: when it cannot be read.
    """
    try:
        return decode(response.body)
    except ApiError as error:
        error.method, error.path, error.http_status = response.method, response.path, response.status
        raise BrokenBody.of(error, response) from error


def _id_in_answer(response: Response) -> str | None:
    """The id by itself or in a link to the logon session, in a body that may be damaged."""
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
