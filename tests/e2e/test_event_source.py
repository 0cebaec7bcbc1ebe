"""The event source in processes of its own: killed again and again, and within a real ansible-rulebook."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, COLLECTIONS, ROOT, Ansible
from emsim import Simulator
from emsim.logons import LogonSession, LogonSessions

Start = Callable[..., Simulator]
PASSWORD = "canary-Passw0rd"
EDA = Path(COLLECTIONS) / "ansible_collections" / "backupops" / "veeam_em" / "extensions" / "eda"
SOURCE = EDA / "plugins" / "event_source" / "veeam_em_sessions.py"
# Set by tests/run; by hand, the environment of pytest may have ansible-rulebook as well.
RULEBOOK_BIN = Path(os.environ.get("VEEAM_EM_TEST_RULEBOOK") or Path(sys.executable).parent)
KILLS = 12
# Kills of whole rule engines, which take seconds to start: one in make test, these in each part of make test-full.
RULEBOOK_KILLS = 25
RULEBOOK_PARTS = -(-int(os.environ.get("KILLS", "200")) // RULEBOOK_KILLS)
# In parts, so that they fit beside each other; make test has the first.
PARTS = -(-int(os.environ.get("KILLS", "200")) // KILLS)
SKEWS = {"vbr01": 0, "vbr02": 600, "vbr03": -600}


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} seconds")


def runs(number: int, seconds: float) -> dict[str, Any]:
    """A fleet whose runs are collected one by one over a time, from three servers with clocks of their own."""
    jobs: list[dict[str, Any]] = [
        {"name": f"Job {server}", "backup_server": server, "machines": [f"m1.{server}", f"m2.{server}"], "history": []}
        for server in SKEWS
    ]
    for each in range(number):
        # Not whole: the times of two runs of a job are never the same.
        late = random.choice([0, 0, 600.5, 7200.5, 40000.5])
        past = {"ended_ago": 10 + each + late, "duration": 60, "appears_after": 0.1 + seconds * each / number}
        jobs[each % len(jobs)]["history"].append(past)
    return {"backup_servers": [{"name": name, "clock_skew": skew} for name, skew in SKEWS.items()], "agent_jobs": jobs}


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.full) for part in range(1, PARTS))])
def test_killed_at_random_moments(emsim: Start, tmp_path: Path, part: int) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    random.seed(seed)
    number = 9 * KILLS
    sim = emsim(runs(number, seconds=KILLS * 1.0))
    arguments = {
        "host": sim.host,
        "port": sim.port,
        "username": "administrator",
        "password": "emsim",
        "ca_path": sim.ca_path,
        "interval": 0.1,
        "initial": "2020-01-01T00:00:00Z",
        "state_file": str(tmp_path / "state.json"),
    }
    (tmp_path / "arguments.json").write_text(json.dumps(arguments), encoding="utf-8")
    taken = tmp_path / "taken"
    taken.touch()
    command = [BIN / "python", "-I", ROOT / "tests" / "e2e" / "event_driver.py", SOURCE]
    told = []

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, tmp_path / "arguments.json", taken], stderr=subprocess.PIPE)

    lives_with_events = 0
    for each in range(KILLS):
        before = taken.stat().st_size
        process = start()
        # Half of the kills come while events flow, the others at any time, the start of the process included.
        if each % 2 and len(sessions_in(taken)) < number:
            deadline = time.monotonic() + 60
            while taken.stat().st_size == before and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.2))
        else:
            time.sleep(random.uniform(0, 1.2))
        process.kill()
        told.append(process.communicate()[1].decode())
        lives_with_events += taken.stat().st_size > before
    expected = {run["id"] for job in sim.jobs() for run in job["runs"]}
    process = start()
    deadline = time.monotonic() + 120
    while len(sessions_in(taken)) < len(expected) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    time.sleep(1)
    process.kill()
    told.append(process.communicate()[1].decode())

    assert not "".join(told)
    assert lives_with_events > KILLS / 4
    found = lines(taken)
    assert sessions_in(taken) == expected
    assert len(expected) == number
    # What an engine that knows uuids makes of it: each once.
    assert len({line.split()[0] for line in found}) == number
    # Only an event that had been taken at the moment of a kill, and was not stored yet, comes again.
    print(f"part {part}: {KILLS} kills, {number} sessions: 0 lost, {len(found) - number} came again")
    assert len(found) - number <= KILLS
    assert all(line.endswith(" 2") for line in found)


def sessions_in(path: Path) -> set[str]:
    return {line.split()[1] for line in lines(path)}


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def rulebook_reason() -> str:
    """Why ansible-rulebook cannot run here; "" if it can."""
    if not (RULEBOOK_BIN / "ansible-rulebook").exists():
        return f"there is no ansible-rulebook in {RULEBOOK_BIN} (set VEEAM_EM_TEST_RULEBOOK)"
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        return "ansible-rulebook needs Java 17 or newer"
    return "" if Path("/proc/self/environ").exists() else "finds the processes of ansible-rulebook in /proc"


needs_rulebook = pytest.mark.skipif(bool(rulebook_reason()), reason=rulebook_reason())


@contextmanager
def rulebook(ansible: Ansible, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real ansible-rulebook process; what it says goes to the file `log`.

    At the end it is killed with all that it started, unless somebody has killed it alone.
    """
    env = {**ansible.environment(), "PYTHONUNBUFFERED": "1"}
    env["PATH"] = f"{RULEBOOK_BIN}{os.pathsep}{env['PATH']}"
    # What Java compiles and collects for long runs costs a process of seconds more than it saves.
    env["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    with (ansible.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [RULEBOOK_BIN / "ansible-rulebook", *arguments],
            cwd=ansible.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() != -signal.SIGKILL:
                process.kill()
                process.wait()
                kill_the_rest(ansible)


def kill_the_rest(ansible: Ansible) -> None:
    while left := started_for(ansible):
        kill(left)
        time.sleep(0.01)


def kill(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def started_for(ansible: Ansible) -> set[int]:
    """The processes with the environment of a test, whoever their parents are now.

    A playbook has a session of its own, and survives an engine that is killed. Without a reader of what it says, it
    may never end, and take all of a processor.
    """
    mark = f"E2E_RECORD={ansible.environment()['E2E_RECORD']}".encode()
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        # A process may end meanwhile, or belong to somebody else.
        with suppress(OSError):
            if mark in environ.read_bytes().split(b"\0"):
                found.add(int(environ.parent.name))
    return found


@needs_rulebook
def test_a_rulebook_runs_a_playbook_for_the_machines_that_failed(
    emsim: Start, ansible: Ansible, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {PASSWORD}
    log_on = LogonSessions.open

    def note(*given: Any) -> LogonSession:
        logon = log_on(*given)
        secrets.update((logon.token, logon.id))
        return logon

    monkeypatch.setattr(LogonSessions, "open", note)
    touch = f"lookup('ansible.builtin.pipe', 'touch {ansible.folder / 'executed'}')"
    evil = [
        f"{{{{ {touch} }}}} The disk is full.",
        # ansible-core 2.19 and newer.
        f"#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ {touch} ]]",
    ]
    machines = [
        {"name": "web01.example.com", "duration": 1},
        {"name": "db01.example.com", "duration": 1, "result": "Failed", "reason": evil[0]},
        *({"name": each, "duration": 1, "result": "Failed", "reason": evil[1]} for each in (*evil, "all", "*")),
    ]
    sim = emsim(
        {
            "users": [{"name": "administrator", "password": PASSWORD}],
            "agent_jobs": [{"name": evil[1], "start_delay": 0.1, "machines": machines}],
        }
    )
    hosts = ["web01.example.com", "db01.example.com", "other.example.com"]
    inventory = {"all": {"hosts": {name: {"ansible_connection": "local"} for name in hosts}}}
    (ansible.folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    own = ansible.folder / "own"
    own.mkdir()
    shown = " ".join(
        f"{{{{ ansible_eda.event.{name} }}}}" for name in ("veeam_em.session", "veeam_em.machines", "meta")
    )
    everything = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": f"all of it: {shown}"}}],
    }
    shipped = {"ansible.builtin.import_playbook": "backupops.veeam_em.failed_backup"}
    (own / "both.yml").write_text(yaml.safe_dump([shipped, everything]), encoding="utf-8")
    variables = {
        "failed_backup_interval": 0.3,
        "failed_backup_state_file": str(ansible.folder / "state.json"),
        "failed_backup_playbook": "own/both.yml",
    }
    (ansible.folder / "vars.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    log = ansible.folder / "log"
    names = ["-r", "backupops.veeam_em.failed_backup", "-i", "inventory.yml", "--vars", "vars.yml", "-vv"]
    with rulebook(ansible.connected(sim, password=PASSWORD), *names) as process:
        until(lambda: (ansible.folder / "state.json").exists() or process.poll() is not None, "a first look", 120)
        sim.app.state.start(sim.app.state.jobs[0])
        until(lambda: "PLAY RECAP" in log.read_text(encoding="utf-8"), "the playbook", 120)
        until(lambda: sim.app.state.jobs[0].runs[0].id in remembered(ansible), "the memory")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    said = log.read_text(encoding="utf-8")
    # The names of the others are no patterns: they match no host.
    assert re.findall(r"ok: \[(\S+?)\]", said) == ["db01.example.com"] * 2
    assert "ended Failed; { { lookup" in said
    assert "The disk is full." in said
    assert "# jinja2: variable_start_string" in said.partition("all of it: ")[2]
    assert not (ansible.folder / "executed").exists()
    counters = sim.counters()
    assert (counters["open_logon_sessions"], counters["logons"], counters["writes"]) == (0, 1, 0)
    for secret in secrets:
        assert secret not in said


def remembered(ansible: Ansible) -> set[str]:
    try:
        state = json.loads((ansible.folder / "state.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    return {each for ids in state["cursor"]["sent"].values() for each in ids}


def begin(sim: Simulator, ansible: Ansible) -> None:
    """The first look of a source, without a rule engine: from now on its state file tells what is new."""
    path = ansible.folder / "arguments.json"
    connection = {"host": sim.host, "port": sim.port, "username": "administrator", "password": "emsim"}
    state = {"ca_path": sim.ca_path, "state_file": str(ansible.folder / "state.json")}
    path.write_text(json.dumps({**connection, **state}), encoding="utf-8")
    driver = [BIN / "python", "-I", ROOT / "tests" / "e2e" / "event_driver.py", SOURCE, path, ansible.folder / "taken"]
    with subprocess.Popen(driver) as process:
        until(lambda: (ansible.folder / "state.json").exists() or process.poll() is not None, "a first look")
        process.kill()


@dataclass(frozen=True)
class Engine:
    """A process of ansible-rulebook, and what it has said."""

    process: subprocess.Popen[bytes]
    said: Callable[[], str]

    def until(self, what: str, condition: Callable[..., Any], *arguments: Any) -> None:
        """Wait for something that happens while it runs."""
        until(lambda: condition(*arguments) or self.ended(), what, 300)
        assert not self.ended(), f"no {what}: {self.said()[-5000:]}"

    def ended(self) -> bool:
        return self.process.poll() is not None


class Retrying:
    """Jobs that fail, and ansible-rulebook, which retries each once."""

    def __init__(self, sim: Simulator, ansible: Ansible) -> None:
        self.sim = sim
        self.ansible = ansible.connected(sim)
        self.log = ansible.folder / "log"
        self.failed = 0
        (ansible.folder / "inventory.yml").write_text("all: {hosts: {localhost: {}}}", encoding="utf-8")
        variables = {
            "retry_failed_backup_interval": 0.3,
            "retry_failed_backup_state_file": str(ansible.folder / "state.json"),
            "drools_db_file_path": f"{ansible.folder / 'rules'};WRITE_DELAY=0",
        }
        (ansible.folder / "vars.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
        begin(sim, ansible)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """A life of ansible-rulebook, which a kill ends."""
        command = ["-r", "backupops.veeam_em.retry_failed_backup", "-i", "inventory.yml", "--vars", "vars.yml"]
        with rulebook(self.ansible, *command, "--persistence-id", "3f0c7d3c-6f6e-4d5e-9b0e-3f1b5a8f7f10") as process:
            yield Engine(process, self.said)

    def fail(self) -> None:
        """Run the next job, which fails."""
        with self.sim.app.lock:
            self.sim.app.state.start(self.sim.app.state.jobs[self.failed])
        self.failed += 1

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def plays(self) -> int:
        """How many playbooks have begun."""
        return self.said().count("PLAY [Retry")

    def recaps(self) -> int:
        """How many playbooks have ended."""
        return self.said().count("PLAY RECAP")

    def last_playbook_has_ended(self) -> bool:
        said = self.said()
        return said.rfind("PLAY RECAP") > said.rfind("PLAY [Retry")

    def retries(self) -> list[int]:
        """How often each job was retried, as it is on the backup server."""
        return [sum(run["is_retry"] for run in job["runs"]) for job in self.sim.jobs()]

    def retried(self) -> int:
        return sum(map(bool, self.retries()))

    def last_life(self) -> None:
        """Let it do what is left, and one job more: the engine does one after the other, so then everything is done."""
        with self.engine() as engine:
            engine.until("the retries", lambda: self.retried() == self.failed)
            self.fail()
            engine.until("the last retry", lambda: self.retried() == self.failed)
            engine.until("the end of the last playbook", self.last_playbook_has_ended)
            sessions = {job.runs[0].id for job in self.sim.app.state.jobs[: self.failed]}
            engine.until("the memory", lambda: sessions <= remembered(self.ansible))
            engine.process.send_signal(signal.SIGTERM)
            assert engine.process.wait(120) == 0

    def check(self) -> None:
        """Nothing lost, nothing twice."""
        retries = self.retries()
        lost, twice = retries[: self.failed].count(0), sum(each > 1 for each in retries)
        refused = self.sim.counters()["writes"] - sum(retries)
        print(
            f"{self.failed} failed backups: {lost} lost, {twice} retried twice; {self.plays()} playbooks were started"
        )
        assert retries == [1] * self.failed + [0] * (len(retries) - self.failed)
        # Between the start of a retry and the moment that it shows, the server is asked again, and says no.
        print(f"{refused} requests for a retry were refused, since the job was running")


def failing(name: str, machine: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A job whose backup fails. If its retry fails as well, the server would accept another one."""
    base = {"name": "web01", "result": "Failed", "retry_result": "Failed", "appears_after": 0.1, "duration": 0.5}
    return {"name": name, "start_delay": 0.1, **more, "machines": [{**base, **machine}]}


@needs_rulebook
def test_a_killed_rulebook_retries_once(emsim: Start, ansible: Ansible) -> None:
    # The retry has been started when the playbook is killed, and the engine does not know it.
    it = Retrying(emsim({"agent_jobs": [failing("A", {}, task_running_for=60), failing("B", {})]}), ansible)
    it.fail()
    with it.engine() as engine:
        engine.until("a retry", it.retried)
    assert it.recaps() == 0
    it.last_life()
    # The playbook for A has run again.
    assert it.recaps() == 2
    it.check()


@needs_rulebook
@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, RULEBOOK_PARTS + 1))
def test_killed_rulebooks_retry_each_failed_backup_once(emsim: Start, ansible: Ansible, part: int) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    jobs = []
    for number in range(3 * RULEBOOK_KILLS):
        # Runs show late, and last from less to more than a playbook.
        machine = {"duration": chance.choice([0.2, 1, 5]), "retry_result": chance.choice(["Failed", "Success"])}
        jobs.append(failing(f"Job {number}", machine, start_delay=chance.uniform(0, 1)))
    it = Retrying(emsim({"agent_jobs": jobs}), ansible)
    with always_something_to_retry(it, random.Random(seed + 1)):
        with it.engine() as engine:
            began = time.monotonic()
            engine.until("a playbook", it.plays)
            up = time.monotonic() - began
            engine.until("its end", it.recaps)
            playing = time.monotonic() - began - up
        kinds = Counter({"when idle": 1})
        while kinds.total() < RULEBOOK_KILLS:
            kind = chance.choice(["at any moment", "in a playbook", "after a retry began"])
            kinds[kind] += 1
            with it.engine() as engine:
                if kind == "at any moment":
                    time.sleep(chance.uniform(0, up + playing))
                elif kind == "in a playbook":
                    # The first one has been interrupted most often. The next ones must have their turn as well.
                    wanted = it.plays() + chance.choice([1, 2, 2])
                    engine.until("a playbook", lambda wanted=wanted: it.plays() >= wanted)
                    time.sleep(chance.uniform(0, playing))
                else:
                    before = it.retried()
                    engine.until("a retry", lambda before=before: it.retried() > before)
                    time.sleep(chance.uniform(0, playing / 2))
                assert not engine.ended(), it.said()[-5000:]
                if chance.random() < 0.5:
                    engine.process.kill()
                    engine.process.wait()
                    # Its playbook continues for a time, beside the next engine.
                    orphans = started_for(it.ansible)
                    threading.Timer(2 * playing, lambda left=orphans: kill(left & started_for(it.ansible))).start()
    it.last_life()
    again = it.plays() - it.failed
    print(f"part {part}: {kinds.total()} kills ({kinds}), {again} playbooks ran again")
    it.check()
    assert again > RULEBOOK_KILLS / 5


@contextmanager
def always_something_to_retry(it: Retrying, chance: random.Random) -> Iterator[None]:
    """While this lasts, jobs fail when few are left to retry."""
    enough = threading.Event()

    def supply() -> None:
        while not enough.wait(chance.uniform(0, 1)):
            if it.failed - it.retried() < 3:
                it.fail()

    thread = threading.Thread(target=supply, daemon=True)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
        kill_the_rest(it.ansible)


def test_the_decision_environment_can_be_built(ansible: Ansible, tmp_path: Path) -> None:
    definition = EDA / "decision-environment.yml"
    run = ansible.command(
        "ansible-builder", "create", "--file", str(definition), "--context", str(tmp_path / "context")
    )
    assert run.rc == 0, run.output
    build = tmp_path / "context" / "_build"
    galaxy = yaml.safe_load((build / "requirements.yml").read_text(encoding="utf-8"))
    assert [each["name"] for each in galaxy["collections"]] == ["backupops.veeam_em"]
    assert "ansible-rulebook" in (build / "requirements.txt").read_text(encoding="utf-8")
