"""Real processes of Ansible against a simulator: seconds, requests, bytes, and what the simulator itself took."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emsim import Simulator

HERE = Path(__file__).parent
BACKUP_SECONDS = 2
# From the start to the moment that the run shows, and from there to its machines: as emsim does by default.
START_DELAY, MACHINES_AFTER = 1.5, 1.0
ACCOUNT = ("administrator", "emsim")


@dataclass(frozen=True)
class Figure:
    """Medians of several runs. `server_seconds`: processor time that the simulator took of them."""

    what: str
    who: str
    seconds: float
    requests: int
    bytes: int
    server_seconds: float

    def row(self) -> dict[str, Any]:
        """The figure as JSON can carry it."""
        return asdict(self)


def fleet(jobs: int, runs_of_others: int = 0, seconds: float = BACKUP_SECONDS) -> dict[str, Any]:
    """A scenario: jobs J0, J1 ... of one machine, backed up yesterday, and jobs with a past that nobody asks for."""
    mine = [
        {"name": f"J{n}", "machines": [{"name": f"m{n}", "duration": seconds}], "history": [{"ended_ago": 86400}]}
        for n in range(jobs)
    ]
    others = [
        {
            "name": f"O{n}",
            "machines": ["x"],
            "history": [{"ended_ago": 600, "repeat": runs_of_others // 20, "every": 60}],
        }
        for n in range(20 if runs_of_others else 0)
    ]
    return {"agent_jobs": mine + others}


def measure(
    what: str, who: str, scenario: dict[str, Any], command: Callable[[Simulator], Sequence[str]], count: int
) -> Figure:
    """Run a command several times, each time against a fresh simulator.

    :raises SystemExit: with its output when it fails.
    """
    figures = []
    for _each in range(count):
        with Simulator(scenario) as sim:
            arguments = command(sim)
            began, used = time.monotonic(), time.process_time()
            run(sim, arguments)
            seconds, served = time.monotonic() - began, time.process_time() - used
            counters = sim.counters()
            figures.append((seconds, counters.get("requests", 0), counters.get("bytes", 0), served))
    median = [statistics.median(column) for column in zip(*figures, strict=True)]
    figure = Figure(what, who, round(median[0], 2), round(median[1]), round(median[2]), round(median[3], 2))
    print(f"  {what:34} {who:12} {figure.seconds:8.2f} s {figure.requests:6} requests", flush=True)
    return figure


def run(sim: Simulator, arguments: Sequence[str]) -> str:
    """Run a command that finds the simulator in its environment, and return what it printed.

    :raises SystemExit: with its output when it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "ANSIBLE_HOME": folder,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "REQUESTS_CA_BUNDLE": sim.ca_path,
            "VEEAM_EM_HOST": sim.host,
            "VEEAM_EM_PORT": str(sim.port),
            "VEEAM_EM_USERNAME": ACCOUNT[0],
            "VEEAM_EM_PASSWORD": ACCOUNT[1],
            "VEEAM_EM_CA_PATH": sim.ca_path,
        }
        done = subprocess.run(
            list(arguments), cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def playbook(name: str, jobs: int) -> Callable[[Simulator], Sequence[str]]:
    """The command that backs up jobs with one of the playbooks here."""
    names = [f"J{n}" for n in range(jobs)]
    return lambda _sim: ["ansible-playbook", str(HERE / f"{name}.yml"), "--extra-vars", json.dumps({"jobs": names})]
