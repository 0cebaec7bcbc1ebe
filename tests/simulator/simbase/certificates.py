"""Certificates of the simulators: one CA per process, by trustme."""

from __future__ import annotations

import functools
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme

TLS_KINDS = ("good", "expired", "wrong-host", "client-cert")
NAMES = ("localhost", "127.0.0.1", "::1")


@functools.cache
def authority() -> trustme.CA:
    """The CA of this process."""
    return trustme.CA()


@functools.cache
def _server_certificate(kind: str) -> trustme.LeafCert:
    if kind == "expired":
        now = datetime.now(timezone.utc)
        return authority().issue_cert(*NAMES, not_before=now - timedelta(days=30), not_after=now - timedelta(days=1))
    if kind == "wrong-host":
        return authority().issue_cert("elsewhere.invalid")
    return authority().issue_cert(*NAMES)


@functools.cache
def _client_certificate() -> trustme.LeafCert:
    return authority().issue_cert("emsim-client@example.com", common_name="emsim-client")


def server_context(kind: str) -> ssl.SSLContext:
    """The TLS settings of a server; `kind` is one of TLS_KINDS."""
    if kind not in TLS_KINDS:
        raise ValueError(f"tls must be one of {', '.join(TLS_KINDS)}, not {kind!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _server_certificate(kind).configure_cert(context)
    if kind == "client-cert":
        authority().configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def write_files(folder: Path) -> None:
    """Write ca.pem, for clients to trust, and client.pem: a client certificate of the same CA with its key."""
    authority().cert_pem.write_to_path(str(folder / "ca.pem"))
    client = folder / "client.pem"
    client.touch(mode=0o600)
    _client_certificate().private_key_and_cert_chain_pem.write_to_path(str(client))
