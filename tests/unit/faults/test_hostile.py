"""Servers and proxies that are set up wrongly, or wish ill (real sockets, real time)."""

from __future__ import annotations

import base64
import datetime
import html
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.tests.unit.faults.canned import Canned, answer, dripping, replying
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from emsim import Simulator

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
LOGON = b'{"UserName": "X", "SessionId": "0a1b2c3d-0000-4000-8000-00000000000f"}'
LOGON_ID = "0a1b2c3d-0000-4000-8000-00000000000f"
PASSWORD = 'p"a\\ss w\u00f6rd&'


def client(port: int, **options: Any) -> EmClient:
    params = {name: spec.get("default") for name, (spec, _environment) in EM_CONNECTION.items()}
    params.update(host="127.0.0.1", port=port, username="backup", password=PASSWORD, retries=0, request_timeout=2)
    return EmClient.from_params({**params, **options})


def failure(port: int, **options: Any) -> ApiError:
    with client(port, **options) as it, pytest.raises(ApiError) as caught:
        it.tasks()
    return caught.value


def self_signed(folder: Path, *, key_size: int = 2048, names: bool = True, begin: Any = None) -> ssl.SSLContext:
    """A server's context with a certificate of its own; ca.pem in the folder trusts it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin or NOW - DAY)
        .not_valid_after((begin or NOW) + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if names:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(certificate)
    (folder / "server.pem").write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.fixture(scope="module")
def trusted() -> tuple[ssl.SSLContext, Any]:
    """A good server's context and its CA."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context, authority


@pytest.fixture
def ca_path(trusted: Any, tmp_path: Path) -> str:
    trusted[1].cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    return str(tmp_path / "trusted.pem")


def nothing(_connected: Any) -> None:
    """Serve nothing: the handshake is all."""


@pytest.mark.parametrize(
    ("options", "trust", "message", "hint"),
    [
        ({}, False, "self-signed", "ca_path"),
        ({"names": False}, True, "(another name|for this address)", "alternative names"),
        ({"key_size": 1024}, True, "too weak", "on the server|server"),
        ({"begin": NOW + DAY}, True, "not valid yet", "clocks"),
        ({"begin": NOW - 3 * DAY}, True, "expired", "Renew it on the server"),
    ],
)
def test_certificates(tmp_path: Path, options: Any, trust: bool, message: str, hint: str) -> None:
    context = self_signed(tmp_path, **options)
    with Canned(nothing, context) as server:
        error = failure(server.port, ca_path=str(tmp_path / "ca.pem") if trust else None)
    assert error.kind == "tls"
    assert re.search(message, error.message), error.message
    assert re.search(hint, str(error.hint)), error.hint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_only_old_versions_of_tls(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = self_signed(tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    with Canned(nothing, context) as server:
        error = failure(server.port, ca_path=str(tmp_path / "ca.pem"))
    assert (error.kind, "do not have a common TLS version" in error.message) == ("tls", True), error.message
    assert "on the server" in str(error.hint)


def test_a_port_without_tls() -> None:
    def serve(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(answer("400 Bad Request"))

    with Canned(serve) as server:
        error = failure(server.port)
    assert error.kind == "tls"
    assert "not TLS" in error.message
    assert "port" in str(error.hint)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_drips_its_answer(scheme: str, trusted: Any, ca_path: str) -> None:
    drip = dripping(b"HTTP/1.1 200 Connection established and so on and on ")
    with Canned(drip, trusted[0] if scheme == "https" else None) as proxy:
        begin = time.monotonic()
        error = failure(9398, proxy=f"{scheme}://127.0.0.1:{proxy.port}", request_timeout=1, ca_path=ca_path)
        assert time.monotonic() - begin < 3
    assert (error.kind, error.retryable) == ("timeout", True)


def test_a_handshake_that_drips() -> None:
    with Canned(dripping(b"\0", first=b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")) as server:
        begin = time.monotonic()
        error = failure(server.port, request_timeout=1)
        assert time.monotonic() - begin < 3
    assert (error.kind, error.retryable) == ("timeout", True)


def test_a_tls_proxy_and_a_server_that_drips_behind_it(trusted: Any, ca_path: str) -> None:
    def serve(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connected.sendall(b"\x16")
            time.sleep(0.3)

    with Canned(serve, trusted[0]) as proxy:
        begin = time.monotonic()
        failure(9398, proxy=f"https://127.0.0.1:{proxy.port}", request_timeout=1, ca_path=ca_path)
        assert time.monotonic() - begin < 3


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate"])
def test_compressed_answers_are_refused(trusted: Any, ca_path: str, encoding: str) -> None:
    asked: list[bytes] = []

    def reply(request: bytes) -> bytes:
        asked.append(request)
        return answer(body=b"\x1f\x8b" + bytes(1000), Content_Encoding=encoding)

    with Canned(replying(reply), trusted[0]) as server:
        error = failure(server.port, ca_path=ca_path)
    assert (error.kind, "compressed" in error.message) == ("protocol", True)
    assert b"Accept-Encoding: identity\r\n" in asked[0]


def test_a_token_in_a_cookie_only(trusted: Any, ca_path: str) -> None:
    asked: list[bytes] = []

    def reply(request: bytes) -> bytes:
        asked.append(request)
        if request.startswith(b"DELETE"):
            return answer("204 No Content")
        cookie = "X-RestSvcSessionId=c2VjcmV0LXRva2Vu; Path=/api;"
        return answer("201 Created", LOGON, Content_Type="application/json", Set_Cookie=cookie)

    with Canned(replying(reply), trusted[0]) as server:
        error = failure(server.port, ca_path=ca_path)
    assert (error.kind, "X-RestSvcSessionId" in error.message) == ("protocol", True)
    assert "cookie" in error.message
    assert "removes the header" in str(error.hint)
    assert [each.split(b" ")[0] for each in asked] == [b"POST", b"DELETE"]
    assert LOGON_ID.encode() in asked[1]


def test_another_service_on_the_port(trusted: Any, ca_path: str) -> None:
    with Canned(replying(lambda _request: answer("404 Not Found", b"<html>nope</html>")), trusted[0]) as server:
        error = failure(server.port, ca_path=ca_path)
    assert "not the Enterprise Manager REST API" in str(error.hint)
    assert "9398" in str(error.hint)


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_timer: Any) -> None:
        raise RuntimeError("can't start new thread")

    with Simulator({"agent_jobs": [{"name": "A", "machines": ["m"]}]}) as sim:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Timer, "start", none_left)
            with client(sim.port, ca_path=sim.ca_path, username="administrator", password="emsim") as it:
                assert it.tasks() == []
        assert sim.counters()["open_logon_sessions"] == 0


def test_logons_whose_answers_are_lost_again_and_again() -> None:
    lost = {"match": {"path": "/api/sessionMngr*"}, "times": "forever", "fault": "reset_after"}
    with Simulator({"agent_jobs": [{"name": "A", "machines": ["m"]}]}, faults=[lost]) as sim:

        class Clock:
            now = 0.0

            def monotonic(self) -> float:
                return self.now

            def sleep(self, seconds: float) -> None:
                self.now += seconds

        clock = Clock()
        it = client(sim.port, ca_path=sim.ca_path, username="administrator", password="emsim", retries=3)
        it.session.transport.clock = clock
        with it:
            while clock.now < 3600:
                with pytest.raises(ApiError) as caught:
                    it.tasks()
                assert (caught.value.kind, caught.value.retryable) == ("connection", True)
                clock.sleep(5)
        # The tries of the first request, and then one for each pause, which doubles.
        assert sim.counters()["logons"] <= 12


@pytest.mark.parametrize("host", ["fe80::1%eth0", "[fe80::1%eth0]", "[fe80::1%25eth0]"])
def test_ipv6_addresses_with_a_zone(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """There is no link-local address that every machine has: what is resolved is looked at."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def noting(name: str, *arguments: Any, **options: Any) -> Any:
        asked.append(name)
        return resolve("127.0.0.1" if name == "fe80::1%eth0" else name, *arguments, **options)

    with Simulator({"agent_jobs": [{"name": "A", "machines": ["m"]}]}) as sim:
        monkeypatch.setattr(socket, "getaddrinfo", noting)
        with client(sim.port, host=host, validate_certs=False, username="administrator", password="emsim") as it:
            assert it.tasks() == []
    assert asked
    assert set(asked) == {"fe80::1%eth0"}


ECHOES: list[Callable[[str], bytes]] = [
    lambda request: request.encode(),
    lambda request: json.dumps({"Message": request}).encode(),
    lambda request: json.dumps({"Message": request}, ensure_ascii=False).encode(),
    lambda request: f"<html><body><pre>{html.escape(request)}</pre></body></html>".encode(),
    lambda request: quote(request).encode(),
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("at", ["logon", "read", "log-off"])
def test_echoed_secrets(lab: Laboratory, trusted: Any, ca_path: str, echo: Callable[[str], bytes], at: str) -> None:
    """A server or a proxy that shows the request in its error, credentials and all."""
    token = base64.b64encode(LOGON_ID.encode()).decode()
    proxy_user = "proxy-user:canary-of-the-proxy"
    basic = base64.b64encode(f"backup:{PASSWORD}".encode()).decode()

    def reply(request: bytes) -> bytes:
        text = request.decode("utf-8", "replace") + f" {proxy_user} {PASSWORD} {LOGON_ID.upper()} Basic {basic}"
        here = {b"P": "logon", b"G": "read", b"D": "log-off"}[request[:1]]
        if here == at:
            return answer("500 Internal Server Error", echo(text))
        if here == "logon":
            return answer("201 Created", LOGON, Content_Type="application/json", X_RestSvcSessionId=token)
        return answer("200 OK" if here == "read" else "204 No Content", b"[]" if here == "read" else b"")

    with Canned(replying(reply), trusted[0]) as server:
        result = lab.run(
            "veeam_em_task_info",
            host="127.0.0.1",
            port=server.port,
            ca_path=ca_path,
            username="backup",
            password=PASSWORD,
            retries=0,
        )
    assert result["failed"] is (at != "log-off")
    shown = json.dumps([result, lab.module.warnings], ensure_ascii=False)
    forms = {PASSWORD, basic, basic.rstrip("=")}
    if at != "logon":
        forms |= {token, token.rstrip("="), LOGON_ID, LOGON_ID.upper()}
    forms |= {json.dumps(form)[1:-1] for form in forms} | {quote(form, safe="") for form in forms}
    forms |= {html.escape(form) for form in forms}
    for form in forms:
        assert form not in shown, form


ODD = "A\x1b[31m\r\n[ERROR]: forged\u202e\u200b\x9b"


def test_odd_characters_in_names_and_reasons(lab: Laboratory) -> None:
    machine = {"name": "m" + ODD, "result": "Failed", "reason": "r" + ODD, "duration": 5}
    job = {"name": ODD, "machines": [machine], "history": [{"ended_ago": 90000}]}
    with Simulator({"agent_jobs": [job]}, clock=lab.time) as sim:
        options = {"host": sim.host, "port": sim.port, "ca_path": sim.ca_path, "password": "emsim"}
        result = lab.run("veeam_em_agent_job", **options, name=[ODD], state="started", wait=True)
        again = lab.run("veeam_em_agent_job", **options, name=["B" + ODD], state="started")
    row = result["jobs"][0]
    assert (row["job"]["name"], row["machines"][0]["reason"]) == (ODD, "r" + ODD)
    texts = [result["msg"], row["msg"], again["msg"], again["error"]["hint"], *lab.module.warnings]
    assert "\\x1b[31m" in result["msg"]
    for text in texts:
        assert text.isprintable(), text


def test_a_message_of_megabytes(lab: Laboratory, trusted: Any, ca_path: str) -> None:
    with Canned(replying(lambda _request: answer("500 Oops", b"no way! " * 700_000)), trusted[0]) as server:
        result = lab.run("veeam_em_task_info", host="127.0.0.1", port=server.port, ca_path=ca_path, retries=0)
    assert len(json.dumps(result)) < 20_000
    assert "(cut here)" in result["msg"]


@pytest.mark.parametrize("fault", ["status", "reset_before", "timeout"])
def test_a_log_off_that_fails_tells_no_id(lab: Laboratory, fault: str) -> None:
    lab.sim.add_faults([{"match": {"method": "DELETE"}, "times": "forever", "fault": fault}])
    result = lab.run("veeam_em_task_info", retries=0, request_timeout=1)
    assert result["failed"] is False
    assert any("Logging off failed" in each for each in lab.module.warnings)
    left = lab.sim.app.logons.all(lab.time())
    assert left
    for each in left:
        assert each.id not in json.dumps([result, lab.module.warnings])
