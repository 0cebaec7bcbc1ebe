# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport over requests: TLS, proxy, timeouts, retry by safety class. No cookies, no redirects, one host only."""

from __future__ import annotations

import email.utils
import os
import random
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar
from urllib.parse import urlencode, urlsplit

from . import _signals
from ._errors import PROTOCOL, USAGE, ApiError
from ._http_errors import failure_of, host_of, too_slow
from ._http_sockets import Wires, adapter
from ._wait import SYSTEM_CLOCK, Clock, Deadline

REQUESTS_IMPORT_ERROR: str | None
try:
    from http.cookiejar import DefaultCookiePolicy

    import requests
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None
    # Some errors of urllib3 pass through requests unchanged.
    _LIBRARY_ERRORS = (requests.RequestException, requests.exceptions.BaseHTTPError)  # type: ignore[attr-defined]

# Safety classes: a call may be repeated only if sending it twice does no harm.
READ = "read"
LOGON = "logon"
WRITE = "write"

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_RETRY_PAUSE = 30.0
MAX_REQUEST_TIMEOUT = 86400.0
USER_AGENT = "backupops.veeam_em"
# How many bytes of a damaged answer are kept, to find the logon session that it opened.
KEPT_BYTES = 65536

Read = TypeVar("Read")


@dataclass(frozen=True)
class HttpOptions:
    """Where and how to connect. Durations are seconds."""

    base_url: str
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    request_timeout: float = 30.0
    retries: int = 3

    @classmethod
    def from_params(cls, base_url: str, params: Mapping[str, Any]) -> HttpOptions:
        """Read the transport options from module parameters.

        :raises ApiError: kind usage, when a file is missing, or the address or a number is invalid.
        """
        if not _is_address(base_url):
            raise ApiError(
                USAGE, "The server address is invalid.", hint="Check the name and port for unexpected characters."
            )
        names = ("ca_path", "client_cert", "client_key")
        for name in names:
            if params[name] and not os.path.exists(params[name]):
                raise ApiError(
                    USAGE,
                    f"The file {params[name]}, given as {name}, does not exist.",
                    hint="Check the path. The file must be on the host that runs the module.",
                )
        if params["client_key"] and not params["client_cert"]:
            raise ApiError(USAGE, "client_key is set but client_cert is not.", hint="Set both, or client_cert alone.")
        if not 0 < params["request_timeout"] <= MAX_REQUEST_TIMEOUT:
            raise ApiError(
                USAGE,
                "request_timeout must be more than 0 and at most %d seconds." % MAX_REQUEST_TIMEOUT,
                hint="Set the seconds that one request may take, for example 30.",
            )
        if params["retries"] < 0:
            raise ApiError(USAGE, "retries must be at least 0.", hint="Set it to 0 to send each request only once.")
        return cls(
            base_url=base_url,
            validate_certs=params["validate_certs"],
            ca_path=params["ca_path"],
            client_cert=params["client_cert"],
            client_key=params["client_key"],
            proxy=params["proxy"],
            request_timeout=params["request_timeout"],
            retries=params["retries"],
        )


@dataclass(frozen=True)
class Response:
    """One answer: status code, headers (any case), body as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    method: str
    path: str

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, from Retry-After as seconds or as a date."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value)
        then = _timestamp(value)
        if then is None:
            return None
        # The server's clock and ours may differ, and a proxy may have used either: take the shorter wait.
        now = max(time.time(), _timestamp(self.headers.get("Date", "")) or 0.0)
        return max(0.0, then - now)


class BrokenBody(ApiError):
    """The headers of a good answer arrived, but its body is missing or invalid. `response` contains what arrived."""

    def __init__(self, response: Response, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.response = response

    @classmethod
    def of(cls, error: ApiError, response: Response, unsure: bool) -> BrokenBody:
        """The same failure, with the part of the answer that arrived.

        :param unsure: whether the request may have taken effect all the same.
        """
        return cls(
            response,
            error.kind,
            error.message,
            hint=error.hint,
            http_status=response.status,
            method=response.method,
            path=response.path,
            retryable=error.retryable,
            outcome_unknown=unsure,
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port != 0) and not (parts.query or parts.fragment or "\\" in url)
    except ValueError:
        return False


def _timestamp(text: str) -> float | None:
    """The date of an HTTP header in seconds since the epoch; None if it is not a date."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _keep_headers(request: Any) -> Any:
    """An `auth` that does nothing: with it, requests leaves ~/.netrc alone."""
    return request


@dataclass
class Transport:
    """Sends requests to one server.

    :param judge: turns a bad answer into an ApiError, a good one into None.
    :param deadline: if set, no request and no pause between attempts lasts (much) longer.
    :ivar server_time: when the server gave its latest answer, by its own clock, in seconds since the epoch.
    """

    options: HttpOptions
    judge: Callable[[Response], ApiError | None]
    clock: Clock = SYSTEM_CLOCK
    deadline: Deadline | None = None
    server_time: float | None = field(init=False, default=None)
    _session: Any = field(init=False, repr=False)
    _wires: Wires = field(init=False, repr=False, default_factory=Wires)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter(self._wires))
        # A cookie would override the session header (em_rest 2, Rules), so cookies are never kept.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._wires.close()

    @contextmanager
    def within(self, deadline: Deadline) -> Iterator[None]:
        """Requests inside end when the deadline passes, or shortly after."""
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before

    def request(
        self,
        method: str,
        path: str,
        *,
        safety: str,
        read: Callable[[Response], Read],
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        undo: Callable[[ApiError], None] | None = None,
        once: bool = False,
    ) -> Read:
        """Send a request and return what `read` makes of its answer, if it is a good one.

        :param path: relative to the base URL.
        :param safety: READ and LOGON are tried again after a retryable failure; WRITE never is.
        :param read: gets a good answer; an ApiError of it counts as a damaged answer.
        :param undo: called with each failure, before the next attempt and after the last one.
        :param once: do not try again.
        :raises ApiError: without a good answer; BrokenBody if the headers of a good answer had arrived.
        """
        tries = 1 if once or safety == WRITE else 1 + self.options.retries
        number = 1
        while True:
            try:
                return self._read_answer(self._answer(method, path, query, headers, body, safety), read, safety)
            except ApiError as error:
                if undo:
                    undo(error)
                if not error.retryable or number == tries or not self.pause(number, error):
                    raise
            number += 1

    @staticmethod
    def _read_answer(response: Response, read: Callable[[Response], Read], safety: str) -> Read:
        try:
            return read(response)
        except ApiError as error:
            raise BrokenBody.of(error, response, safety == WRITE) from error

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        safety: str,
    ) -> Response:
        """Send a request once; return a good answer, or raise the error that a bad one means."""
        response = self._send(method, path, query, headers, body, safety)
        self.server_time = _timestamp(response.headers.get("Date", ""))
        error = self.judge(response)
        if error is not None:
            # After a 401 or a redirect too: the server may have acted before it checked.
            unsure = response.status >= 500 or response.status < 400 or response.status in (401, 408, 429)
            error.outcome_unknown = safety == WRITE and unsure
            raise error
        return response

    def pause(self, number: int, error: ApiError) -> bool:
        """Wait after attempt `number`; False if there is no time for another one."""
        pause = min(2.0 ** (number - 1), MAX_RETRY_PAUSE) * (0.5 + random.random() / 2)
        if error.retry_after is not None:
            # If the server asks for a longer pause than we accept, the caller decides.
            if error.retry_after > MAX_RETRY_PAUSE:
                return False
            pause = max(pause, error.retry_after)
        if _signals.waiting() or (self.deadline and pause >= self.deadline.remaining()):
            return False
        self.clock.sleep(pause)
        return True

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        safety: str,
    ) -> Response:
        timeout = self.options.request_timeout
        if self.deadline:
            # One second at least, else the last poll before a deadline could never succeed.
            timeout = min(timeout, max(1.0, self.deadline.remaining()))
        url = self.options.base_url + path
        shown = urlsplit(url).path
        context = {"method": method, "path": shown, "outcome_unknown": safety == WRITE}
        if query:
            url = f"{url}?{urlencode(query)}"
        late = threading.Event()
        chunks: list[bytes] = []
        # The timeout of requests applies to each read: a server that sends byte by byte could block us forever.
        timer = threading.Timer(timeout, self._cut, [late])
        timer.daemon = True
        # Without a thread, only the timeouts of requests apply.
        with suppress(RuntimeError):
            timer.start()
        raw = None
        try:
            with warnings.catch_warnings():
                # The module warns once if the user disables the checks; urllib3 would warn for each request.
                warnings.simplefilter("ignore")
                raw = self._session.request(
                    method,
                    url,
                    headers={**(headers or {}), "User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    data=body,
                    auth=_keep_headers,
                    timeout=timeout,
                    verify=(self.options.ca_path or True) if self.options.validate_certs else False,
                    cert=self._certificate(),
                    proxies={"https": self.options.proxy, "http": self.options.proxy} if self.options.proxy else None,
                    allow_redirects=False,
                    stream=True,
                )
                encoding = raw.headers.get("Content-Encoding", "identity").strip().lower()
                if encoding not in ("", "identity"):
                    raise self._compressed(encoding, context)
                # Every byte of a logon's answer may matter: keep what was read even if the connection breaks.
                self._read(raw, chunks, 64 if safety == LOGON else 65536, context)
            if late.is_set():
                raise too_slow(self.options.base_url, timeout, context)
        except (*_LIBRARY_ERRORS, OSError, ValueError, ApiError) as problem:
            if isinstance(problem, ApiError):
                error = problem
            elif late.is_set():
                error = too_slow(self.options.base_url, timeout, context)
            else:
                error = failure_of(problem, self.options.base_url, self.options.proxy, timeout, context)
            if raw is None:
                raise error from problem
            arrived = Response(raw.status_code, raw.headers, b"".join(chunks)[:KEPT_BYTES], method, shown)
            raise BrokenBody.of(error, arrived, error.outcome_unknown) from problem
        finally:
            timer.cancel()
            if raw is not None:
                raw.close()
        return Response(raw.status_code, raw.headers, b"".join(chunks), method, shown)

    def _cut(self, late: threading.Event) -> None:
        """Abort the connection that is being set up, read or written."""
        late.set()
        self._wires.cut()

    def _certificate(self) -> Any:
        if self.options.client_cert and self.options.client_key:
            return (self.options.client_cert, self.options.client_key)
        return self.options.client_cert

    def _read(self, raw: Any, chunks: list[bytes], chunk_size: int, context: dict[str, Any]) -> None:
        size = 0
        for chunk in raw.iter_content(chunk_size):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise ApiError(
                    PROTOCOL,
                    "The response is larger than %d bytes." % MAX_BODY_BYTES,
                    hint="Request less data at a time, with a filter or smaller pages.",
                    retryable=True,
                    **context,
                )

    def _compressed(self, encoding: str, context: dict[str, Any]) -> ApiError:
        return ApiError(
            PROTOCOL,
            f"The response from {host_of(self.options.base_url)} is compressed ({encoding[:20]}), although the "
            "module did not ask for compression.",
            hint="Check whether a proxy on the way to the server compresses responses.",
            **context,
        )
