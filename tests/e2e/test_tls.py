"""Certificates and proxies: each thing that can be wrong with them has a message that says what to do."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible
from emsim import Simulator

Start = Callable[..., Simulator]
QUERY: dict[str, Any] = {"type": "BackupServer", "retries": 0, "request_timeout": 5}


def query(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "veeam_em_query_info": {**QUERY, **options}, "ignore_errors": True}


def assert_tls(result: dict[str, Any], *hint: str) -> None:
    assert result["failed"] is True
    assert result["error"]["kind"] == "tls", result["msg"]
    assert result["error"]["retryable"] is False
    assert all(word in result["error"]["hint"] for word in hint), result["error"]["hint"]


@pytest.fixture
def other_ca(tmp_path: Path) -> str:
    """A CA that has signed nothing here."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    return str(tmp_path / "other.pem")


def test_server_certificates(emsim: Start, ansible: Ansible, other_ca: str) -> None:
    good, expired, wrong = emsim(), emsim(tls="expired"), emsim(tls="wrong-host")
    run = ansible.connected(good).play(
        query("good"),
        query("unknown CA", ca_path=other_ca),
        query("expired", port=expired.port),
        query("wrong host", port=wrong.port),
        query("wrong host, unknown CA", port=wrong.port, ca_path=other_ca),
        query("no PEM", ca_path=__file__),
        query("no such file", ca_path="/nowhere/ca.pem"),
    )
    assert run["good"]["failed"] is False
    assert run["good"]["resources"]
    assert_tls(run["unknown CA"], "ca_path")
    assert_tls(run["expired"], "expired", "Renew it")
    assert_tls(run["wrong host"], "host", "name")
    assert_tls(run["wrong host, unknown CA"], "ca_path")
    assert_tls(run["no PEM"], "ca_path")
    assert run["no such file"]["error"]["kind"] == "usage"
    assert "/nowhere/ca.pem" in run["no such file"]["msg"]
    assert "InsecureRequest" not in run.output
    assert expired.counters()["requests"] == wrong.counters()["requests"] == 0


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_hint_for_a_self_signed_certificate_makes_it_trusted(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(tls="self-signed")
    strange = ansible.connected(sim).with_env(VEEAM_EM_CA_PATH="").module("veeam_em_query_info", **QUERY)
    assert_tls(strange.result, "ca_path", "em.pem")
    commands = re.findall("`(.+?)`", strange.result["error"]["hint"])
    assert len(commands) == 3
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_certificates.rst").read_text(encoding="utf-8")
    for command in commands:
        assert command.replace(f"{sim.host}:{sim.port}", "em.example.com:9398") in guide
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ansible.folder, check=True, timeout=60)
    trusted = ansible.connected(sim).with_env(VEEAM_EM_CA_PATH=str(ansible.folder / "em.pem"))
    assert trusted.module("veeam_em_query_info", **QUERY).result["failed"] is False


def test_without_ca_path_the_certificate_is_checked_all_the_same(emsim: Start, ansible: Ansible) -> None:
    run = ansible.connected(emsim()).with_env(VEEAM_EM_CA_PATH="").module("veeam_em_query_info", **QUERY)
    assert_tls(run.result, "ca_path")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_in_the_environment_does_not_beat_ca_path(
    emsim: Start, ansible: Ansible, other_ca: str, variable: str
) -> None:
    sim = emsim()
    em = ansible.connected(sim).with_env(**{variable: other_ca})
    run = em.play(query("good"), query("switched off", validate_certs=False))
    assert [result["failed"] for result in run.results] == [False, False], run.output
    # The other way round: what the environment trusts does not count where ca_path says otherwise.
    em = em.with_env(**{"VEEAM_EM_CA_PATH": other_ca, variable: sim.ca_path})
    assert_tls(em.module("veeam_em_query_info", **QUERY).result, "ca_path")


def test_client_certificates(emsim: Start, ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim(tls="client-cert")
    other = trustme.CA().issue_cert("somebody@example.com").private_key_and_cert_chain_pem
    other.write_to_path(str(tmp_path / "stranger.pem"))
    pem = Path(sim.client_cert_path).read_text(encoding="utf-8")
    blocks = [block + "-----\n" for block in pem.replace("\r", "").split("-----\n-----BEGIN")]
    key, *chain = [block if block.startswith("-----BEGIN") else f"-----BEGIN{block}" for block in blocks]
    (tmp_path / "key.pem").write_text(key, encoding="utf-8")
    (tmp_path / "cert.pem").write_text("".join(chain), encoding="utf-8")
    cert, alone = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    run = ansible.connected(sim).play(
        query("given", client_cert=sim.client_cert_path),
        query("key of its own", client_cert=cert, client_key=alone),
        query("not given"),
        query("of a stranger", client_cert=str(tmp_path / "stranger.pem")),
        query("without its key", client_cert=cert),
        query("key alone", client_key=alone),
    )
    assert run["given"]["failed"] is False, run["given"]["msg"]
    assert run["key of its own"]["failed"] is False, run["key of its own"]["msg"]
    assert_tls(run["not given"], "client_cert")
    assert_tls(run["of a stranger"], "client_cert")
    assert run["without its key"]["error"]["kind"] in ("tls", "usage")
    assert "client_key" in run["without its key"]["error"]["hint"]
    assert run["key alone"]["error"]["kind"] == "usage"


def test_checking_is_off_only_when_the_user_says_so_and_warned_about_once(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(
        {"agent_jobs": [{"name": "A", "machines": [{"name": "m", "duration": 1}], "start_delay": 0.1}]}, speed=5
    )
    start = {"name": "A", "state": "started", "wait": True, "wait_interval": 0.1, "validate_certs": False}
    run = (
        ansible.connected(sim)
        .with_env(VEEAM_EM_CA_PATH="")
        .play(
            {"name": "off", "veeam_em_agent_job": start},
            {"name": "on", "veeam_em_query_info": QUERY, "ignore_errors": True},
        )
    )
    assert run["off"]["failed"] is False
    assert len(sim.requests()) > 10
    assert [text for text in run["off"]["warnings"] if "does not verify the identity" in text] == run["off"]["warnings"]
    assert len(run["off"]["warnings"]) == 1
    assert "InsecureRequest" not in run.output
    assert_tls(run["on"], "ca_path")
    assert "warnings" not in run["on"] or not run["on"]["warnings"]


def test_a_port_that_speaks_no_tls(ansible: Ansible, emsim: Start) -> None:
    sim = emsim()
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=_greet, args=[plain], daemon=True).start()
        em = ansible.connected(sim).with_env(VEEAM_EM_PORT=str(plain.getsockname()[1]))
        assert_tls(em.module("veeam_em_query_info", **QUERY).result, "does not use TLS", "port")


def _greet(server: socket.socket) -> None:
    client, _address = server.accept()
    with client:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        client.recv(4096)


@dataclass
class Proxy:
    """A running forward proxy."""

    process: subprocess.Popen[str]
    port: int

    def url(self, credentials: str = "") -> str:
        return f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}"

    def end(self) -> list[str]:
        """Stop it; returns what it was asked for."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[0].splitlines()


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    """Start a forward proxy in a process of its own, with credentials if given."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Proxy:
            command = [sys.executable, str(Path(__file__).with_name("forward_proxy.py")), *arguments]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            assert process.stdout
            return Proxy(process, int(process.stdout.readline()))

        yield start


def test_proxies(emsim: Start, ansible: Ansible, proxy: Callable[..., Proxy]) -> None:
    sim, open_proxy, guarded = emsim(), proxy(), proxy("user:canary-of-the-proxy")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        run = ansible.connected(sim, GUARDED=guarded.url("user:canary-of-the-proxy")).play(
            query("option", proxy=open_proxy.url()),
            query("environment") | {"environment": {"https_proxy": open_proxy.url()}},
            query("no_proxy") | {"environment": {"https_proxy": nobody, "no_proxy": "127.0.0.1"}},
            query("nobody there", proxy=nobody),
            query("target down", proxy=open_proxy.url(), port=1),
            query("wrong host through it", proxy=open_proxy.url(), port=emsim(tls="wrong-host").port),
            query("credentials", proxy="{{ lookup('env', 'GUARDED') }}"),
            query("without credentials", proxy=guarded.url()),
            query("misspelt", proxy="htp:/x"),
        )
    for name in ("option", "environment", "no_proxy", "credentials"):
        assert run[name]["failed"] is False, run[name]["msg"]
    for name in ("nobody there", "target down", "without credentials"):
        assert run[name]["error"]["kind"] == "connection", run[name]["msg"]
        assert "proxy" in run[name]["error"]["hint"]
    assert "407" in run["without credentials"]["msg"]
    assert_tls(run["wrong host through it"], "host")
    assert run["misspelt"]["error"]["kind"] in ("usage", "connection")
    assert "proxy" in run["misspelt"]["error"]["hint"]
    assert "canary-of-the-proxy" not in run.output
    asked = open_proxy.end()
    assert asked.count(f"CONNECT 127.0.0.1:{sim.port} 200") == 2
    assert "CONNECT 127.0.0.1:1 502" in asked
    # What goes through a proxy is a tunnel: it saw neither paths nor headers.
    assert all(line.split()[0] == "CONNECT" for line in asked)
