"""Certificates, and the simulator as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from emsim import Simulator

SIMULATOR = Path(__file__).resolve().parents[2] / "simulator"


@pytest.mark.parametrize(
    ("tls", "words"), [("expired", "expired"), ("wrong-host", "not valid for|doesn't match|mismatch")]
)
def test_bad_certificates(simulate: Callable[..., Any], connect: Callable[..., Any], tls: str, words: str) -> None:
    with pytest.raises(requests.exceptions.SSLError, match=words):
        connect(simulate(tls=tls)).send("GET", "/api/")


def test_unknown_ca(em: Any, connect: Callable[..., Any]) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="verify failed"):
        connect(em).send("GET", "/api/", verify=True)


def test_client_certificate(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    em = simulate(tls="client-cert")
    with pytest.raises(requests.ConnectionError):
        connect(em).send("GET", "/api/")
    assert connect(em).send("GET", "/api/", cert=em.client_cert_path).status_code == 200


def test_a_stalled_handshake_holds_up_nobody(em: Any, connect: Callable[..., Any]) -> None:
    with socket.create_connection((em.host, em.port)):
        assert connect(em).send("GET", "/api/", timeout=3).status_code == 200


def test_start_is_cheap() -> None:
    with Simulator():
        pass  # the first one makes the CA
    seconds = []
    for _number in range(3):
        begin = time.monotonic()
        with Simulator():
            seconds.append(time.monotonic() - begin)
    assert min(seconds) < 0.1


@pytest.mark.parametrize("option", [{"api_profile": "v99"}, {"speed": 0}, {"tls": "none"}])
def test_bad_options(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        Simulator(**option)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]]:
    """Start python -m emsim; the process and its ready file."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        command = [sys.executable, "-m", "emsim", "--state-dir", str(tmp_path), "--max-seconds", "60", *options]
        environment = {**os.environ, "PYTHONPATH": str(SIMULATOR)}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        line = process.stdout.readline()
        assert "emsim ready at https://127.0.0.1:" in line, line + process.stdout.read()
        return process, json.loads((tmp_path / "emsim.json").read_text(encoding="utf-8"))

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process(
    launch: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path, number: signal.Signals
) -> None:
    faults = tmp_path / "faults.yml"
    faults.write_text("- {match: {path: /api/tasks}, fault: status, with: {status: 429}}\n", encoding="utf-8")
    scenario = str(SIMULATOR / "scenarios" / "fleet.yml")
    process, info = launch("--scenario", scenario, "--api-profile", "v13", "--speed", "5", "--faults", str(faults))
    assert set(info) == {"host", "port", "pid", "url", "ca_path", "api_profile"}
    assert (info["api_profile"], info["pid"]) == ("v13", process.pid)

    class Remote:
        url, ca_path = info["url"], info["ca_path"]

    client = connect(Remote).log_on("EXAMPLE\\backup.operator", "p\u00e4ss:w\u00f6rd")
    client.get("tasks", status=429)
    assert len(client.get("agents/jobs")["refs"]) == 8
    process.send_signal(number)
    assert process.wait(10) == 0
    assert process.stdout.read() == ""
    assert not (tmp_path / "emsim.json").exists()


def test_process_asks_for_a_client_certificate(
    launch: Callable[..., Any], connect: Callable[..., Any], tmp_path: Path
) -> None:
    launched = launch("--client-ca", "required")[1]

    class Remote:
        url, ca_path = launched["url"], launched["ca_path"]

    with pytest.raises(requests.ConnectionError):
        connect(Remote).send("GET", "/api/")
    assert connect(Remote).send("GET", "/api/", cert=str(tmp_path / "client.pem")).status_code == 200


def test_process_ends_by_itself(launch: Callable[..., Any]) -> None:
    process = launch("--max-seconds", "0.2")[0]
    assert process.wait(10) == 0


def test_mistakes_end_with_one_clear_line(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yml"
    scenario.write_text("agent_job: []\n", encoding="utf-8")
    command = [sys.executable, "-m", "emsim", "--state-dir", str(tmp_path), "--scenario", str(scenario)]
    environment = {**os.environ, "PYTHONPATH": str(SIMULATOR)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "unknown key 'agent_job'" in ended.stderr
    assert "Traceback" not in ended.stderr
