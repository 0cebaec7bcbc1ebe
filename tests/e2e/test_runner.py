"""A job as AWX runs it: ansible-runner transmit | worker | process, with the credential in the environment only."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, COLLECTIONS, ROOT, Ansible
from emsim import Simulator

COLLECTION = "ansible_collections/backupops/veeam_em"
# What the job needs of the collection; a checkout holds much more.
PARTS = ("galaxy.yml", "MANIFEST.json", "meta", "playbooks", "plugins", "roles")
SECRET = "p\u00e4ss wort-4711"
FLEET = {
    "users": [{"name": "operator", "password": SECRET}],
    "agent_jobs": [
        {
            "name": "Linux servers",
            "machines": ["web01", {"name": "web02", "result": "Failed", "reason": "The disk is full."}],
        }
    ],
}


def private_data(folder: Path) -> Path:
    """What AWX prepares for a job: the project with its collections, inventory and extra variables."""
    data = folder / "data"
    shutil.copytree(ROOT / "extensions" / "awx" / "project", data / "project")
    installed = Path(COLLECTIONS) / COLLECTION
    for part in PARTS:
        source, target = installed / part, data / "project" / "collections" / COLLECTION / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (data / "env").mkdir()
    (data / "env" / "extravars").write_text(json.dumps({"backup_now_jobs": ["Linux servers"]}), encoding="utf-8")
    (data / "inventory").mkdir()
    (data / "inventory" / "hosts").write_text(
        'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"\n',
        encoding="utf-8",
    )
    return data


def environment(ansible: Ansible) -> dict[str, str]:
    """As on an execution node: the collection comes with the project, the output is ansible-runner's own."""
    return {
        name: value
        for name, value in ansible.environment().items()
        if not name.startswith(("ANSIBLE_C", "ANSIBLE_LOAD", "E2E_"))
    }


def stage(ansible: Ansible, given: bytes, *arguments: str | Path) -> bytes:
    """Run one stage of ansible-runner and return its output."""
    done = subprocess.run(
        [BIN / "ansible-runner", *arguments],
        input=given,
        cwd=ansible.folder,
        env=environment(ansible),
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout


def test_backup_now_on_an_execution_node(emsim: Callable[..., Simulator], ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim(FLEET, speed=10)
    data, out = private_data(tmp_path), tmp_path / "out"
    out.mkdir()
    sent = stage(ansible, b"", "transmit", data, "-p", "backup_now.yml")
    node = ansible.connected(sim, "operator", SECRET)
    streamed = stage(node, sent, "worker", "--private-data-dir", tmp_path / "node")
    shown = stage(ansible, streamed, "process", out)

    artifacts = out / "artifacts"
    assert (artifacts / "rc").read_text(encoding="utf-8") == "2", shown.decode()
    assert (artifacts / "status").read_text(encoding="utf-8") == "failed"
    assert "The disk is full." in (artifacts / "stdout").read_text(encoding="utf-8")
    assert sim.counters()["starts"] == {"Linux servers": 1}
    assert sim.counters()["open_logon_sessions"] == 0

    assert SECRET not in sent.decode(errors="replace")
    told = [path for path in artifacts.rglob("*") if path.is_file() and tells(path)]
    # ansible-runner writes down the environment that it gave to the play: who can read that file can read the secret.
    assert [path.name for path in told] == ["command"]
    record = json.loads(told[0].read_text(encoding="utf-8"))
    assert record.pop("env")["VEEAM_EM_PASSWORD"] == SECRET
    assert SECRET not in json.dumps(record, ensure_ascii=False)


def tells(path: Path) -> bool:
    """Whether a file holds the password, as it is or escaped."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return SECRET in text or json.dumps(SECRET)[1:-1] in text


class Mesh:
    """The three stages side by side, each with the output of the one before as its input, as the mesh connects them."""

    def __init__(self, control: Ansible, node: Ansible, data: Path, folder: Path) -> None:
        folder.mkdir()
        self.artifacts = folder / "out" / "artifacts"
        self.sent = folder / "sent"
        self.sent.write_bytes(stage(control, b"", "transmit", data, "-p", "backup_now.yml"))
        with self.sent.open("rb") as sent:
            self.worker = self._start(node, sent, "worker", "--private-data-dir", folder / "node")
        self.process = self._start(control, self.worker.stdout, "process", folder / "out")
        assert self.worker.stdout is not None
        self.worker.stdout.close()

    def _start(self, ansible: Ansible, given: Any, *arguments: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [BIN / "ansible-runner", *arguments],
            cwd=ansible.folder,
            env=environment(ansible),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def events(self) -> list[dict[str, Any]]:
        """What the control node knows until then."""
        found = []
        for path in (self.artifacts / "job_events").glob("*.json"):
            with contextlib.suppress(ValueError):  # It is being written.
                found.append(json.loads(path.read_text(encoding="utf-8")))
        return sorted(found, key=lambda event: int(event["counter"]))

    def lines(self) -> list[str]:
        """What the module has told while it waits, in the events of its task."""
        events = self.events()
        tasks = {event["uuid"] for event in events if event["event"] == "playbook_on_task_start"}
        return [
            event["stdout"] for event in events if event["event"] == "verbose" and event.get("parent_uuid") in tasks
        ]

    def until(self, look: Callable[[], Any], seconds: float = 60) -> Any:
        """What look() finds, as soon as it finds something."""
        deadline = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < deadline, self.events()
            time.sleep(0.1)
        return found

    def rc(self) -> str:
        """The exit status of the play, as the control node knows it in the end; nothing if nobody told it."""
        self.process.communicate(timeout=60)
        told = self.artifacts / "rc"
        return told.read_text(encoding="utf-8") if told.exists() else ""

    def kill(self) -> None:
        """The node dies: everything on it is gone at once."""
        for process in [self.worker.pid, *below(self.worker.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.worker.wait()


def below(ancestor: int) -> list[int]:
    """The processes that a process has started, and those that these have started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = [ancestor]
    for parent in found:
        found += [process for process, its_parent in parents.items() if its_parent == parent]
    return found[1:]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes of the node in /proc")
def test_the_node_dies_in_the_middle(emsim: Callable[..., Simulator], ansible: Ansible, tmp_path: Path) -> None:
    skipped = [0.0]
    fleet = {
        "users": FLEET["users"],
        "agent_jobs": [
            {
                "name": "Linux servers",
                "start_delay": 0.1,
                "machines": [{"name": "web01", "duration": 1}, {"name": "web02", "duration": 900}],
            }
        ],
    }
    sim = emsim(fleet, clock=lambda: time.time() + skipped[0])
    node, data = ansible.connected(sim, "operator", SECRET), private_data(tmp_path)
    waiting = "1 of 2 machines done"

    dead = Mesh(ansible, node, data, tmp_path / "dead")
    try:
        # The control node sees the backup advance while the module waits, not only when it has ended.
        dead.until(lambda: waiting in "\n".join(dead.lines()))
        assert dead.worker.poll() is None
        assert "runner_on_ok" not in [event["event"] for event in dead.events()]
    finally:
        dead.kill()
    assert dead.rc() == ""
    # Nobody was left to log off; the server closes that logon session when it has been idle for long enough.
    assert sim.counters()["open_logon_sessions"] == 1

    canceled = Mesh(ansible, node, data, tmp_path / "canceled")
    try:
        canceled.until(lambda: waiting in "\n".join(canceled.lines()))
        canceled.worker.terminate()
        assert canceled.rc() == "254"
        canceled.until(lambda: sim.counters()["open_logon_sessions"] == 1, 20)
    finally:
        canceled.kill()
    assert sim.jobs()[0]["running"] is True

    again = Mesh(ansible, node, data, tmp_path / "again")
    try:
        again.until(lambda: waiting in "\n".join(again.lines()))
        skipped[0] = 1000
        assert again.rc() == "0", again.events()
    finally:
        again.kill()
    (result,) = [
        event["event_data"]["res"]
        for event in again.events()
        if event["event"] == "runner_on_ok" and "jobs" in event["event_data"].get("res", {})
    ]
    (job,) = result["jobs"]
    assert (job["action"], job["session"]["result"]) == ("attach", "Success")
    assert [machine["result"] for machine in job["machines"]] == ["Success", "Success"]
    counters = sim.counters()
    assert (counters["starts"], counters["stops"]) == ({"Linux servers": 1}, {})
    for mesh, told in ((dead, []), (canceled, ["command"]), (again, ["command"])):
        assert SECRET not in mesh.sent.read_text(encoding="utf-8", errors="replace")
        assert [path.name for path in mesh.artifacts.rglob("*") if path.is_file() and tells(path)] == told
