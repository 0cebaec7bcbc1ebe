"""What people see while a module waits: on a terminal, in a pipe, and where nothing may be seen."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, Ansible
from emsim import Simulator

Start = Callable[..., Simulator]
REASON = "VSS \x1b[31mwriter\x07 {{ 7 * 7 }}"
FLEET: dict[str, Any] = {
    "agent_jobs": [
        {
            "name": "Linux servers",
            "start_delay": 0.5,
            "machines": [
                {"name": "web01", "duration": 6},
                {"name": "sql01", "duration": 2, "result": "Failed", "reason": REASON},
            ],
        },
        {"name": "Long", "machines": [{"name": "db01", "duration": 900}], "start_delay": 0.5},
    ]
}
BACKUP = {"name": "Linux servers", "state": "started", "wait": True, "fail_on": "never"}
FAILED = r"Linux servers: sql01 Failed (VSS \x1b[31mwriter\x07 {{ 7 * 7 }})"
TABLE_HEAD = "job            machine  verdict  duration  reason"


@pytest.fixture
def em(emsim: Start, ansible: Ansible) -> tuple[Ansible, Simulator]:
    sim = emsim(FLEET)
    return ansible.connected(sim), sim


def playbook(ansible: Ansible, options: dict[str, Any], **task: Any) -> str:
    """A playbook with one task."""
    path = ansible.folder / "watched.yml"
    tasks = [{"name": "Back up", "backupops.veeam_em.veeam_em_agent_job": options, **task}]
    path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    return str(path)


class Terminal:
    """A process on a terminal of its own; what it shows, with the moment at which it was shown."""

    def __init__(self, ansible: Ansible, arguments: Sequence[str], columns: int = 100, lines: int = 30) -> None:
        self.shown = ""
        self.pid, self.file = pty.fork()
        if not self.pid:
            os.chdir(ansible.folder)
            env = {**ansible.environment(), "ANSIBLE_NOCOLOR": "false", "TERM": "xterm"}
            env.pop("NO_COLOR", None)
            os.execve(BIN / arguments[0], list(arguments), env)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, until: str | None = None, seconds: float = 90) -> str:
        """Read to the end, or until a text is shown."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (until and until in self.shown):
            if not select.select([self.file], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.file, 65536)
            except OSError:
                break
            if not data:
                break
            self.shown += data.decode("utf-8", "replace")
        if until:
            assert until in self.shown, self.shown
        return self.shown

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.mark.parametrize(("columns", "lines"), [(100, 30), pytest.param(80, 24, marks=pytest.mark.core_matrix)])
def test_on_a_terminal(em: tuple[Ansible, Simulator], columns: int, lines: int) -> None:
    ansible, _sim = em
    terminal = Terminal(ansible, ["ansible-playbook", playbook(ansible, BACKUP)], columns, lines)
    try:
        terminal.read("Linux servers: 0 %")
        # During the run, before the module has returned.
        shown = terminal.read("sql01 Failed")
        assert "ended" not in shown
        shown = terminal.read()
    finally:
        terminal.end()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert FAILED in plain
    # A failure has the colour of failures: what comes before it on the line sets it.
    red = next(line for line in shown.splitlines() if "sql01 Failed" in line)
    assert red.startswith("\x1b[0;31m")
    assert plain.index("Linux servers: 0 %") < plain.index("sql01 Failed") < plain.index("Linux servers: ended Failed")
    assert TABLE_HEAD in plain
    assert "\x07" not in plain
    assert "\x1b[31mwriter" not in shown


def test_in_a_pipe_each_change_is_told_once(em: tuple[Ansible, Simulator]) -> None:
    ansible, sim = em
    run = ansible.module("veeam_em_agent_job", **BACKUP)
    lines = run.stdout.splitlines()
    assert lines.count(FAILED) == 1
    assert sum(line.startswith("Linux servers: ended Failed") for line in lines) == 1
    assert run.stdout.index(TABLE_HEAD) > run.stdout.index("ended Failed")
    assert run.result["summary"].splitlines()[0] == TABLE_HEAD
    assert len([line for line in lines if line.startswith("Linux servers: ")]) <= 8
    assert sim.counters()["open_logon_sessions"] == 0


@pytest.mark.parametrize(
    ("options", "task", "arguments"),
    [
        ({"progress": False}, {}, ()),
        ({}, {"no_log": True}, ()),
        ({}, {"async": 60, "poll": 1}, ()),
        ({}, {}, ("--check",)),
    ],
    ids=["progress false", "no_log", "async", "check mode"],
)
def test_silence(
    em: tuple[Ansible, Simulator], options: dict[str, Any], task: dict[str, Any], arguments: Sequence[str]
) -> None:
    ansible, _sim = em
    # One folder for the background task and for what looks at it, wherever HOME is.
    ansible = ansible.with_env(ANSIBLE_ASYNC_DIR=str(ansible.folder / "async"))
    run = ansible.command("ansible-playbook", playbook(ansible, {**BACKUP, **options}, **task), *arguments)
    assert run.rc == 0, run.output
    for text in ("Linux servers: ", "sql01", "machine  verdict", "Ctrl-C"):
        assert text not in run.stdout
    assert not list(ansible.folder.rglob("veeam_em_*"))


def test_a_failed_task_shows_the_table_before_its_sentence(em: tuple[Ansible, Simulator]) -> None:
    ansible, _sim = em
    run = ansible.module("veeam_em_agent_job", **{**BACKUP, "fail_on": "failed"})
    assert run.rc
    assert run.stdout.index(TABLE_HEAD) < run.stdout.index('"msg"')


def test_several_hosts_are_told_apart(em: tuple[Ansible, Simulator]) -> None:
    ansible, sim = em
    (ansible.folder / "hosts").write_text("a ansible_connection=local\nb ansible_connection=local\n", encoding="utf-8")
    python = "{{ ansible_playbook_python }}"
    play = {
        "hosts": "all",
        "gather_facts": False,
        "strategy": "free",
        "vars": {"ansible_python_interpreter": python},
        "tasks": [{"name": "Back up", "backupops.veeam_em.veeam_em_agent_job": BACKUP}],
    }
    (ansible.folder / "two.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    run = ansible.command("ansible-playbook", "-i", "hosts", "two.yml")
    assert run.rc == 0, run.output
    for host in "ab":
        assert run.stdout.splitlines().count(f"[{host}] {FAILED}") == 1
    assert sim.counters()["starts"] == {"Linux servers": 1}


def test_environment_of_the_task_and_delegation_keep_their_meaning(emsim: Start, ansible: Ansible) -> None:
    sim = emsim(FLEET)
    connection = {name: value for name, value in ansible.connected(sim).env.items() if name.startswith("VEEAM_EM")}
    (ansible.folder / "hosts").write_text("far ansible_host=192.0.2.1\nlocalhost ansible_connection=local\n", "utf-8")
    task = {
        "name": "Back up",
        "backupops.veeam_em.veeam_em_agent_job": BACKUP,
        "delegate_to": "localhost",
        "environment": connection,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
    }
    play = {"hosts": "far", "gather_facts": False, "tasks": [task]}
    (ansible.folder / "far.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    run = ansible.command("ansible-playbook", "-i", "hosts", "far.yml")
    assert run.rc == 0, run.output
    assert FAILED in run.stdout
    assert connection["VEEAM_EM_PASSWORD"] not in run.output


@pytest.mark.core_matrix
def test_who_interrupts_has_read_how_to_come_back(em: tuple[Ansible, Simulator]) -> None:
    ansible, sim = em
    terminal = Terminal(ansible, ["ansible-playbook", playbook(ansible, {**BACKUP, "name": "Long"})])
    try:
        terminal.read("Ctrl-C only ends this wait")
        shown = terminal.read("]")
        os.write(terminal.file, b"\x03")
        terminal.read()
    finally:
        terminal.end()
    (running,) = re.findall(r"veeam_em_job_session_wait, id: \[([0-9a-f-]{36})\]", shown)
    deadline = time.monotonic() + 30
    while sim.counters()["open_logon_sessions"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sim.counters()["open_logon_sessions"] == 0
    assert not list(ansible.folder.rglob("veeam_em_*"))
    again = ansible.module("veeam_em_job_session_wait", id=running, wait_timeout=1)
    assert again.result["sessions"][0]["running"]


def test_other_waits_show_their_progress(em: tuple[Ansible, Simulator]) -> None:
    ansible, _sim = em
    started = ansible.module("veeam_em_agent_job", **{**BACKUP, "wait": False})
    session = None
    while not session:
        found = ansible.module("veeam_em_job_session_info", job_name="Linux servers")
        session = next((each["id"] for each in found.result["sessions"] if each["job_type"] == "AgentBackup"), None)
    assert started.rc == 0
    waited = ansible.module("veeam_em_job_session_wait", id=session, fail_on="never")
    assert FAILED.replace("Linux servers: ", "") in waited.stdout
    assert TABLE_HEAD in waited.stdout


def test_events_of_ansible_runner(em: tuple[Ansible, Simulator], tmp_path: Path) -> None:
    """AWX shows what ansible-runner reports as events: the lines are there, below their task, while it runs."""
    runner = BIN / "ansible-runner"
    if not runner.exists():
        pytest.skip(f"{runner} does not exist: ansible-runner is not installed beside this ansible-core")
    ansible, _sim = em
    data = tmp_path / "data"
    (data / "project").mkdir(parents=True)
    source = Path(playbook(ansible, BACKUP))
    source.rename(data / "project" / source.name)
    done = subprocess.run(
        [runner, "run", str(data), "-p", source.name, "-i", "1", "-q"],
        env=ansible.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(path.read_text("utf-8")) for path in (data / "artifacts" / "1" / "job_events").glob("*.json")]
    (task,) = [each["uuid"] for each in events if each["event"] == "playbook_on_task_start"]
    mine = [each for each in events if "sql01 Failed" in each["stdout"] and each["event"] == "verbose"]
    assert len(mine) == 1
    assert mine[0]["parent_uuid"] == task
    ended = max(each["counter"] for each in events if each["event"] == "runner_on_ok")
    assert mine[0]["counter"] < ended
