# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains failures without an answer: describes errors of sockets, TLS and requests by their types and codes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ._errors import CONNECTION, PROTOCOL, TIMEOUT, TLS, USAGE, ApiError

with suppress(ImportError):
    # _module reports the missing library before anything is sent.
    import requests.exceptions as library

_ON_SERVER = "Renew the certificate of the server (Enterprise Manager, REST API settings)."
_CA = "Set ca_path to the CA certificate (PEM) that signed the server's certificate."
_NAMES = (
    "Set host to a name in the certificate's subject alternative names. A name in the subject (CN) alone does not "
    "count. In that case, renew the certificate on the server."
)
_CLIENT = "Set client_cert and client_key to a certificate that the server accepts."
_OLD = "The server only offers old TLS versions or ciphers. Enable TLS 1.2 or later on the server."
_CLIENT_OR_OLD = f"{_CLIENT[:-1]}, or enable TLS 1.2 or later on the server."
_PLAIN = "The port does not use TLS. Check host and port."
# Codes of certificate verification (X509_V_ERR_* of OpenSSL): the cause, and what to do on which side.
_CERTIFICATES = {
    9: ("the server's certificate is not valid yet", "Check the clocks of the server and of this machine."),
    10: ("the server's certificate has expired", "The certificate has expired. Renew it on the server."),
    18: (
        "the server's certificate is self-signed",
        f"{_CA} For a self-signed certificate, this is the certificate itself.",
    ),
    19: ("the certificate chain ends with a CA that is not trusted on this machine", _CA),
    20: ("the CA of the server's certificate is not trusted on this machine", _CA),
    21: ("the CA of the server's certificate is not trusted on this machine", _CA),
    23: ("the server's certificate has been revoked", _ON_SERVER),
    62: ("the server's certificate was issued for another name", _NAMES),
    64: ("the server's certificate was not issued for this address", _NAMES),
    66: ("the key of the server's certificate is too weak", f"The key is too short. {_ON_SERVER}"),
    67: ("the key of the CA of the server's certificate is too weak", f"The CA's key is too short. {_ON_SERVER}"),
    68: ("the server's certificate is signed with a weak digest", f"The signature is too weak. {_ON_SERVER}"),
}
# How to get a self-signed certificate; docs/docsite/rst/guide_certificates.rst explains the same three commands.
_FETCH = (
    " Fetch it: `openssl s_client -connect {host} </dev/null | openssl x509 -out em.pem`. Compare its fingerprint with "
    "the one on the server, and its names with host: `openssl x509 -in em.pem -noout -fingerprint -sha256 -ext "
    "subjectAltName`. Check it: `openssl s_client -connect {host} -CAfile em.pem -verify_return_error </dev/null`."
)
# OpenSSL's names for errors; the first one that is part of the name counts.
_HANDSHAKES = {
    "CERTIFICATE_REQUIRED": ("the server asks for a client certificate", _CLIENT),
    "ALERT_UNKNOWN_CA": ("the server does not accept the client certificate", _CLIENT),
    "ALERT_BAD_CERTIFICATE": ("the server does not accept the client certificate", _CLIENT),
    "ALERT_CERTIFICATE": ("the server does not accept the client certificate", _CLIENT),
    "ALERT_UNSUPPORTED_CERTIFICATE": ("the server does not accept the client certificate", _CLIENT),
    "ALERT_HANDSHAKE_FAILURE": ("the server ended the handshake", _CLIENT_OR_OLD),
    "PROTOCOL_VERSION": ("the server and this machine do not have a common TLS version", _OLD),
    "UNSUPPORTED_PROTOCOL": ("the server and this machine do not have a common TLS version", _OLD),
    "NO_PROTOCOLS_AVAILABLE": ("the server and this machine do not have a common TLS version", _OLD),
    "NO_SHARED_CIPHER": ("the server and this machine do not have a common cipher", _OLD),
    "UNSAFE_LEGACY_RENEGOTIATION": ("the server offers only an unsafe form of TLS", _OLD),
    "DH_KEY_TOO_SMALL": ("the server's key exchange is too weak", _OLD),
    "EE_KEY_TOO_SMALL": ("the key of the server's certificate is too weak", _CERTIFICATES[66][1]),
    "CA_KEY_TOO_SMALL": ("the key of the CA is too weak", _CERTIFICATES[67][1]),
    "CA_MD_TOO_WEAK": ("a certificate is signed with a weak digest", _CERTIFICATES[68][1]),
    "WRONG_VERSION_NUMBER": ("the response is not TLS", _PLAIN),
    "RECORD_LAYER_FAILURE": ("the response is not TLS", _PLAIN),
    "HTTP_REQUEST": ("the response is not TLS", _PLAIN),
    "HTTPS_PROXY_REQUEST": ("the response is not TLS", _PLAIN),
    "NO_CERTIFICATE_OR_CRL_FOUND": (
        "ca_path does not contain a certificate",
        "ca_path must be a file with certificates in PEM.",
    ),
    "KEY_VALUES_MISMATCH": ("client_key does not belong to client_cert", "Check client_cert and client_key."),
    "PEM": ("a certificate file cannot be read", "Check that ca_path, client_cert and client_key are in PEM."),
}
# The connection ended or stalled. TLS reports it, but certificates are not the cause.
_ENDED = ("UNEXPECTED_EOF", "TIMED OUT", "EOF OCCURRED")
# http.client's error for a proxy without TLS, or for a host with TLS.
_PROXY_HINT = "Check proxy, or the environment variables https_proxy and no_proxy."


def too_slow(url: str, timeout: float, context: Mapping[str, Any]) -> ApiError:
    """The error for an answer that did not arrive in time."""
    return ApiError(
        TIMEOUT,
        "{} did not answer {} {} within {:g} seconds.".format(
            host_of(url), context["method"], context["path"], timeout
        ),
        hint="If the server is slow, raise request_timeout.",
        retryable=True,
        **context,
    )


def failure_of(error: Exception, url: str, proxy: str | None, timeout: float, context: Mapping[str, Any]) -> ApiError:
    """An exception of requests or of the libraries below it, in words.

    :param context: method, path and outcome_unknown of the request.
    """
    host = host_of(url)
    unsent = dict(context, outcome_unknown=False)
    causes = list(_causes(error))
    tls = _tls(causes)
    if tls:
        by_proxy = f"the proxy for {host}" if _is(causes, library.ProxyError) and _scheme(proxy) == "https" else host
        more = _FETCH.format(host=host) if tls == _CERTIFICATES[18] and by_proxy == host else ""
        return ApiError(TLS, f"TLS with {by_proxy} failed: {tls[0]}.", hint=tls[1] + more, **unsent)
    if _is(causes, library.ProxyError):
        return ApiError(
            CONNECTION,
            f"The proxy could not reach {host}: {_reason(causes)}.",
            hint=_PROXY_HINT,
            retryable=True,
            **unsent,
        )
    if _is(causes, library.ConnectTimeout):
        return ApiError(
            TIMEOUT,
            f"Could not connect to {host} within {timeout:g} seconds.",
            hint="Check host, port and firewalls.",
            retryable=True,
            **unsent,
        )
    if _is(causes, library.Timeout, TimeoutError):
        return too_slow(url, timeout, context)
    if _is(causes, socket.gaierror, ConnectionRefusedError) or _is_unreachable(causes):
        return ApiError(
            CONNECTION,
            f"Cannot connect to {host}: {_reason(causes)}.",
            hint="Check host and port, and whether the service is running.",
            retryable=True,
            **unsent,
        )
    if _is(causes, library.ContentDecodingError):
        return ApiError(
            PROTOCOL,
            f"The response from {host} cannot be decoded.",
            hint="Check whether a proxy or firewall on the way to the server changes or truncates responses.",
            retryable=True,
            **context,
        )
    if isinstance(error, (library.InvalidHeader, UnicodeEncodeError)):
        # Their texts quote the header, which may be a secret.
        return ApiError(
            USAGE,
            "A credential contains characters that are not allowed in an HTTP header.",
            hint="Check tokens and session IDs for line breaks, leading or trailing spaces, and non-ASCII characters.",
            **unsent,
        )
    if isinstance(error, OSError) and not isinstance(error, library.RequestException):
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
            f"{url} cannot be used" + (" through this proxy." if proxy else "."),
            hint="Check the spelling of host, port and proxy.",
            **unsent,
        )
    return ApiError(
        CONNECTION,
        "The connection to {} broke during {} {}: {}.".format(
            host, context["method"], context["path"], _reason(causes)
        ),
        hint="Check the proxy, the firewall and the log of the server.",
        retryable=True,
        **context,
    )


def host_of(url: str) -> str:
    """Name and port of an address, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _scheme(url: str | None) -> str:
    return (url or "").partition("://")[0].lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those inside it, from the outermost to the innermost."""
    seen: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        each = queue.pop(0)
        # Our own errors belong to earlier requests.
        if not isinstance(each, BaseException) or isinstance(each, ApiError) or any(each is known for known in seen):
            continue
        seen.append(each)
        yield each
        queue += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]


def _is(causes: list[BaseException], *types: type[BaseException]) -> bool:
    return any(isinstance(each, types) for each in causes)


def _is_unreachable(causes: list[BaseException]) -> bool:
    """Whether the connection could not be made; the library has renamed this error type in the past."""
    return any(type(each).__name__ in ("NewConnectionError", "NameResolutionError") for each in causes)


def _tls(causes: list[BaseException]) -> tuple[str, str] | None:
    """Cause and hint of a TLS error; None for other errors."""
    found = [each for each in causes if isinstance(each, ssl.SSLError)]
    for each in found:
        if isinstance(each, ssl.SSLCertVerificationError):
            said = str(each.verify_message or each).rstrip(".")
            return _CERTIFICATES.get(each.verify_code, (f"the server's certificate is not accepted: {said}", _CA))
    names = [str(each.reason or each).upper() for each in found]
    if any(ended in name for name in names for ended in _ENDED):
        return None
    for name in names:
        for known, meaning in _HANDSHAKES.items():
            if known in name.replace(" ", "_"):
                return meaning
    if found and not _is(causes, library.Timeout, TimeoutError):
        return _reason(list(found)), "Check port, ca_path, client_cert and client_key."
    if any(type(each).__name__ == "CertificateError" for each in causes):
        return _CERTIFICATES[62]
    return None


def _reason(causes: list[BaseException]) -> str:
    """The innermost reason in one line."""
    texts = [str(each).strip() for each in causes]
    inner = next((text for text in reversed(texts) if text), "") or type(causes[-1]).__name__
    return inner.rpartition(">: ")[2].splitlines()[0].rstrip(".")
