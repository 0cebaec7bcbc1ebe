"""Signals while a module waits, a closed terminal among them.

It logs off, says that the backup continues, and returns what it knows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, Ansible
from emsim import Simulator

Start = Callable[..., Simulator]
FLEET = {"agent_jobs": [{"name": "A", "start_delay": 0.2, "machines": [{"name": "m", "duration": 600}]}]}
BACKUP: dict[str, Any] = {"name": "A", "state": "started", "wait": True, "wait_interval": 0.1, "wait_max_interval": 0.2}

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the module's process in /proc")


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} seconds")


def module_process(module: str, ancestor: int) -> int | None:
    """The process below `ancestor` in which Ansible runs a module."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        script = f"AnsiballZ_{module}.py".encode()
        if (
            folder.name.isdigit()
            and len(words) > 1
            and words[1].endswith(script)
            and _below(int(folder.name), ancestor)
        ):
            return int(folder.name)
    return None


def _below(process: int, ancestor: int) -> bool:
    while process > 1 and process != ancestor:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            return False
    return process == ancestor


def polled(sim: Simulator) -> bool:
    """Whether the run is being waited for."""
    return sum("/backupSessions/" in each["path"] for each in sim.requests()) > 2


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("veeam_em_agent_job", "SIGINT"),
        ("veeam_em_agent_job", "SIGHUP"),
        ("veeam_em_agent_job", "SIGQUIT"),
        ("veeam_em_job_session_wait", "SIGTERM"),
    ],
)
def test_a_signal_during_a_wait(emsim: Start, ansible: Ansible, module: str, name: str) -> None:
    sim = emsim(FLEET)
    em = ansible.connected(sim)
    options = BACKUP
    if module == "veeam_em_job_session_wait":
        until(lambda: em.module("veeam_em_agent_job", name="A", state="started").rc == 0, "the start")
        run = until(lambda: sim.jobs()[0]["runs"], "the run")[-1]
        time.sleep(0.3)
        options = {"id": run["id"], "wait_interval": 0.1, "wait_max_interval": 0.2}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(em.module, module, **options)
        until(lambda: polled(sim), "the wait")
        process = until(lambda: module_process(module, os.getpid()), "the module's process")
        os.kill(process, getattr(signal, name))
        run = running.result(60)
    assert run.rc != 0
    assert run.result["failed"] is True
    assert name in run.result["msg"]
    assert "continue on the server" in run.result["msg"]
    assert "Nothing was stopped" in run.result["msg"]
    assert (run.result["error"]["kind"], run.result["error"]["retryable"]) == ("timeout", True)
    assert "Traceback" not in run.output
    known = (run.result["jobs"][0]["session"],) if module == "veeam_em_agent_job" else run.result["sessions"]
    assert [(session["job_name"], session["running"]) for session in known] == [("A", True)]
    counters = sim.counters()
    assert counters["open_logon_sessions"] == 0
    assert counters["stops"] == {}
    assert sim.jobs()[0]["running"] is True


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_signal_for_the_whole_process_group(emsim: Start, ansible: Ansible, name: str) -> None:
    """What a terminal does at Ctrl-C, or when it is closed: Ansible goes down, the module logs off all the same."""
    sim = emsim(FLEET)
    em = ansible.connected(sim)
    words = [f"{option}={value}" for option, value in BACKUP.items()]
    process = subprocess.Popen(
        [BIN / "ansible", "localhost", "-m", "backupops.veeam_em.veeam_em_agent_job", "-a", " ".join(words)],
        cwd=em.folder,
        env=em.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: polled(sim), "the wait")
        os.killpg(process.pid, getattr(signal, name))
        output = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    until(lambda: sim.counters()["open_logon_sessions"] == 0, "the log-off", 20)
    assert "Traceback" not in output
    assert sim.counters()["stops"] == {}
    assert sim.jobs()[0]["running"] is True
