# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transport over requests: TLS, proxy, timeouts, retry by safety class. No cookies, no redirects, one host only."""

from __future__ import annotations

import email.utils
import os
import random
import socket
import ssl
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlencode, urlsplit

from ._errors import CONNECTION, PROTOCOL, TIMEOUT, TLS, USAGE, ApiError
from ._wait import SYSTEM_CLOCK, Clock, Deadline

REQUESTS_IMPORT_ERROR: str | None
try:
    from http.cookiejar import DefaultCookiePolicy

    import requests
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None
    # Some errors of the library below requests come through unchanged.
    _LIBRARY_ERRORS = (requests.RequestException, requests.exceptions.BaseHTTPError)  # type: ignore[attr-defined]

# Safety classes: only a call that changes nothing when it is sent twice may be sent twice.
READ = "read"
LOGON = "logon"
WRITE = "write"

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_RETRY_PAUSE = 30.0
MAX_REQUEST_TIMEOUT = 86400.0
USER_AGENT = "backupops.veeam_em"


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
        """Take the transport options out of module parameters.

        :raises ApiError: kind usage, when a file is missing, or the address or a number makes no sense.
        """
        if not _is_address(base_url):
            raise ApiError(
                USAGE, "The server's address makes no sense.", hint="Check its name and port for odd characters."
            )
        names = ("ca_path", "client_cert", "client_key")
        for name in names:
            if params[name] and not os.path.exists(params[name]):
                raise ApiError(USAGE, f"The file {params[name]}, given as {name}, does not exist.")
        if params["client_key"] and not params["client_cert"]:
            raise ApiError(USAGE, "client_key was given without client_cert.", hint="Give both, or client_cert alone.")
        if not 0 < params["request_timeout"] <= MAX_REQUEST_TIMEOUT:
            raise ApiError(USAGE, "request_timeout must be more than 0 and at most %d seconds." % MAX_REQUEST_TIMEOUT)
        if params["retries"] < 0:
            raise ApiError(USAGE, "retries must be at least 0.")
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
        # The server's clock and ours may differ, and which of them a proxy has used is not known: the shorter wait.
        now = max(time.time(), _timestamp(self.headers.get("Date", "")) or 0.0)
        return max(0.0, then - now)


class BrokenBody(ApiError):
    """The headers of a good answer arrived, its body did not or makes no sense. `response` holds what came."""

    def __init__(self, response: Response, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.response = response

    @classmethod
    def of(cls, error: ApiError, response: Response) -> BrokenBody:
        """The same failure, with what had arrived."""
        return cls(
            response,
            error.kind,
            error.message,
            hint=error.hint,
            http_status=response.status,
            method=response.method,
            path=response.path,
            retryable=error.retryable,
            outcome_unknown=error.outcome_unknown,
        )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port != 0) and not (parts.query or parts.fragment or "\\" in url)
    except ValueError:
        return False


def _timestamp(text: str) -> float | None:
    """The date of an HTTP header as seconds since the epoch; None when it is none."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _adapter(sockets: weakref.WeakSet[Any]) -> Any:
    """An adapter of requests that notes the sockets it opens."""

    def noting(manager: Any) -> Any:
        pools = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():

            class Connection(pool.ConnectionCls):  # type: ignore[name-defined]
                def connect(self) -> None:
                    super().connect()
                    sockets.add(self.sock)

                def request(self, *args: Any, **kwargs: Any) -> None:
                    try:
                        super().request(*args, **kwargs)
                    except (ssl.SSLEOFError, ConnectionResetError):
                        # A server that wants another client certificate says so before it hangs up (TLS 1.3).
                        if self.sock:
                            self.sock.recv(1)
                        raise

            pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": Connection})
        manager.pool_classes_by_scheme = pools
        return manager

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            noting(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            return manager if known else noting(manager)

    return Adapter()


def _keep_headers(request: Any) -> Any:
    """An `auth` that does nothing: with it, requests leaves ~/.netrc alone."""
    return request


@dataclass
class Transport:
    """Sends requests to one server.

    :param judge: turns a bad answer into an ApiError, a good one into None.
    :param deadline: when set, neither a request nor a pause between tries goes (far) beyond it.
    :ivar server_time: when the server gave its latest answer, by its own clock, in seconds since the epoch.
    """

    options: HttpOptions
    judge: Callable[[Response], ApiError | None]
    clock: Clock = SYSTEM_CLOCK
    deadline: Deadline | None = None
    server_time: float | None = field(init=False, default=None)
    _session: Any = field(init=False, repr=False)
    _sockets: weakref.WeakSet[Any] = field(init=False, repr=False, default_factory=weakref.WeakSet)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _adapter(self._sockets))
        # A cookie would override the session header (em_rest 2, Rules), so none is ever kept.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

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
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Send a request and return its answer, if it is a good one.

        :param path: relative to the base URL.
        :param safety: READ and LOGON are tried again after a retryable failure; WRITE never is.
        :raises ApiError: anything else than a good answer.
        """
        tries = 1 if safety == WRITE else 1 + self.options.retries
        number = 1
        while True:
            outcome = self._try(method, path, query, headers, body, safety)
            if isinstance(outcome, Response):
                return outcome
            if not outcome.retryable or number == tries or not self.pause(number, outcome):
                raise outcome
            number += 1

    def _try(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        safety: str,
    ) -> Response | ApiError:
        """Send a request once: a good answer, or the error it stands for."""
        try:
            response = self._send(method, path, query, headers, body, safety)
        except BrokenBody as failure:
            if safety == LOGON:
                raise
            return failure
        except ApiError as failure:
            return failure
        self.server_time = _timestamp(response.headers.get("Date", ""))
        error = self.judge(response)
        if error is None:
            return response
        # 401 and redirects too: whether a server checks first and acts then is its own business.
        unsure = response.status >= 500 or response.status < 400 or response.status in (401, 408, 429)
        error.outcome_unknown = safety == WRITE and unsure
        return error

    def pause(self, number: int, error: ApiError) -> bool:
        """Wait before the try after number `number`; False when there is no time left for one."""
        pause = min(2.0 ** (number - 1), MAX_RETRY_PAUSE) * (0.5 + random.random() / 2)
        if error.retry_after is not None:
            # A server that asks for more than we are ready to give is left to the caller.
            if error.retry_after > MAX_RETRY_PAUSE:
                return False
            pause = max(pause, error.retry_after)
        if self.deadline and pause >= self.deadline.remaining():
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
        # The timeout of requests is one for each read: a server that drips could hold us for ever.
        timer = threading.Timer(timeout, self._cut, [late])
        timer.daemon = True
        timer.start()
        raw = None
        try:
            with warnings.catch_warnings():
                # The module warns once when the user switches the checks off; urllib3 would do it per request.
                warnings.simplefilter("ignore")
                raw = self._session.request(
                    method,
                    url,
                    headers=dict(headers or {}, **{"User-Agent": USER_AGENT}),
                    data=body,
                    auth=_keep_headers,
                    timeout=timeout,
                    verify=(self.options.ca_path or True) if self.options.validate_certs else False,
                    cert=self._certificate(),
                    proxies={"https": self.options.proxy, "http": self.options.proxy} if self.options.proxy else None,
                    allow_redirects=False,
                    stream=True,
                )
                # Of a logon's answer every byte may count: what has been read survives a broken connection.
                self._read(raw, chunks, 64 if safety == LOGON else 65536, context)
            if late.is_set():
                raise self._slow(timeout, context)
        except (*_LIBRARY_ERRORS, OSError, ValueError, ApiError) as problem:
            if isinstance(problem, ApiError):
                error = problem
            elif late.is_set():
                error = self._slow(timeout, context)
            else:
                error = self._failure(problem, timeout, context)
            if raw is None:
                raise error from problem
            arrived = Response(raw.status_code, raw.headers, b"".join(chunks[:1024]), method, shown)
            raise BrokenBody.of(error, arrived) from problem
        finally:
            timer.cancel()
            if raw is not None:
                raw.close()
        return Response(raw.status_code, raw.headers, b"".join(chunks), method, shown)

    def _cut(self, late: threading.Event) -> None:
        """End what is being read or written."""
        late.set()
        for each in list(self._sockets):
            # Below TLS, whose own shutdown would take away what the reading thread uses.
            with suppress(OSError, TypeError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

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
                    "The answer is larger than %d bytes." % MAX_BODY_BYTES,
                    hint="Ask for less at once, by a filter or smaller pages.",
                    retryable=True,
                    **context,
                )

    def _slow(self, timeout: float, context: dict[str, Any]) -> ApiError:
        return ApiError(
            TIMEOUT,
            "{} did not answer {} {} within {:g} seconds.".format(
                _host(self.options.base_url), context["method"], context["path"], timeout
            ),
            hint="Raise request_timeout if the server is merely slow.",
            retryable=True,
            **context,
        )

    def _failure(self, error: Exception, timeout: float, context: dict[str, Any]) -> ApiError:
        """Translate an exception of requests."""
        host = _host(self.options.base_url)
        text = str(error)
        unsent = dict(context, outcome_unknown=False)
        if _is_about_tls(error, text):
            return ApiError(TLS, f"TLS with {host} failed: {_reason(error)}.", hint=_tls_hint(text), **context)
        if isinstance(error, requests.exceptions.ProxyError):
            return ApiError(
                CONNECTION,
                f"The proxy could not reach {host}: {_reason(error)}.",
                hint="Check proxy, or the environment variables https_proxy and no_proxy.",
                retryable=True,
                **unsent,
            )
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return ApiError(
                TIMEOUT,
                f"No connection to {host} within {timeout:g} seconds.",
                hint="Check host, port and firewalls.",
                retryable=True,
                **unsent,
            )
        if isinstance(error, requests.exceptions.Timeout) or "timed out" in text.lower():
            return self._slow(timeout, context)
        refused = "Connection refused" in text or "NameResolutionError" in text or "Failed to establish" in text
        if refused:
            return ApiError(
                CONNECTION,
                f"Cannot connect to {host}: {_reason(error)}.",
                hint="Check host and port, and that the service listens there.",
                retryable=True,
                **unsent,
            )
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return ApiError(
                PROTOCOL,
                f"The answer of {host} cannot be decoded.",
                hint="See whether something between here and the server changes or cuts the answers.",
                retryable=True,
                **context,
            )
        if isinstance(error, (requests.exceptions.InvalidHeader, UnicodeEncodeError)):
            # Their texts quote the header, which may be a secret.
            return ApiError(
                USAGE,
                "A credential holds characters that an HTTP header cannot carry.",
                hint="Look for line breaks, blanks at the ends and letters beyond ASCII in tokens and session ids.",
                **unsent,
            )
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
            return ApiError(
                USAGE,
                f"A certificate file cannot be used: {error}.",
                hint="Check ca_path, client_cert and client_key.",
                **unsent,
            )
        if isinstance(error, ValueError):
            # Their texts may quote the proxy with its password.
            return ApiError(
                USAGE,
                f"{self.options.base_url} cannot be used" + (" through this proxy." if self.options.proxy else "."),
                hint="Check host, port and proxy for misspelt names.",
                **unsent,
            )
        return ApiError(
            CONNECTION,
            "The connection to {} broke during {} {}: {}.".format(
                host, context["method"], context["path"], _reason(error)
            ),
            hint="See whether a proxy, a firewall or the server's log tells why.",
            retryable=True,
            **context,
        )


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _reason(error: BaseException) -> str:
    """The innermost reason of a nested exception, in one line."""
    while True:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((item for item in error.args if isinstance(item, BaseException)), None)
        if inner is None:
            break
        error = inner
    text = str(error).strip() or type(error).__name__
    return text.rpartition(">: ")[2].splitlines()[0].rstrip(".")


def _is_about_tls(error: Exception, text: str) -> bool:
    lowered = text.lower()
    if isinstance(error, requests.exceptions.SSLError):
        # A connection that just ends, or stalls, is no matter of certificates although TLS tells of it.
        return "eof occurred" not in lowered and "timed out" not in lowered
    return "certificate" in lowered and "alert" in lowered


def _tls_hint(text: str) -> str:
    lowered = text.lower()
    if "hostname" in lowered or "ip address mismatch" in lowered or "doesn't match" in lowered:
        return "Address the server by a host name that its certificate carries."
    if "expired" in lowered:
        return "The server's certificate has expired: it has to be renewed on the server."
    if "certificate required" in lowered or "handshake failure" in lowered or "alert bad certificate" in lowered:
        return "The server asks for a client certificate: set client_cert and client_key."
    if "unable to get local issuer" in lowered or "self-signed" in lowered or "self signed" in lowered:
        return "Set ca_path to the CA certificate (PEM) that signed the server's certificate."
    if "wrong version number" in lowered or "http request" in lowered:
        return "The port answers without TLS: check host and port."
    return "Check port, ca_path, client_cert and client_key."
