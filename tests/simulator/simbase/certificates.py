"""Certificates of the simulators: one CA per process, by trustme, or a self-signed certificate."""

from __future__ import annotations

import functools
import ipaddress
import ssl
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TLS_KINDS = ("good", "expired", "wrong-host", "client-cert", "self-signed")
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


@functools.cache
def _self_signed() -> tuple[bytes, bytes]:
    """A certificate and its key, with the extensions that Windows gives to a self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
         "decipher_only"), False
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.KeyUsage(digital_signature=True, key_encipherment=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def server_context(kind: str) -> ssl.SSLContext:
    """The TLS settings of a server; `kind` is one of TLS_KINDS."""
    if kind not in TLS_KINDS:
        raise ValueError(f"tls must be one of {', '.join(TLS_KINDS)}, not {kind!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "self-signed":
        # ssl reads certificates from files only.
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(b"".join(_self_signed()))
            pem.flush()
            context.load_cert_chain(pem.name)
        return context
    _server_certificate(kind).configure_cert(context)
    if kind == "client-cert":
        authority().configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def write_files(folder: Path, kind: str) -> None:
    """Write ca.pem, for clients to trust, and client.pem: a client certificate of the CA with its key."""
    trusted = _self_signed()[0] if kind == "self-signed" else authority().cert_pem.bytes()
    (folder / "ca.pem").write_bytes(trusted)
    client = folder / "client.pem"
    client.touch(mode=0o600)
    _client_certificate().private_key_and_cert_chain_pem.write_to_path(str(client))
