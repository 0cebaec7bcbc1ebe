"""make demo: install the built collection and run its playbook against the simulator, or against a real server."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artifact import build
from environment import environment
from folders import CACHE, ROOT
from pythons import controller
from steps import Runner, Step
from tools import install, venv

PLAYBOOK = "backupops.veeam_em.backup_now"
SIMULATOR = ROOT / "tests" / "simulator"
SCENARIO = SIMULATOR / "scenarios" / "demo.yml"
STATE = CACHE / "demo"
QUIET = ("INVENTORY_UNPARSED_WARNING", "LOCALHOST_WARNING")
START_SECONDS = 30
# The exit status of ansible-playbook if a host failed: here, the backup of one machine in the scenario fails.
HOST_FAILED = 2


def demo(runner: Runner) -> None:
    """Run the playbook against emsim, or against the real server that the variables VEEAM_EM_* name.

    It starts all jobs of the scenario, or those in the environment variable JOBS, which a real server requires.
    """
    jobs = [name.strip() for name in os.environ.get("JOBS", "").split(",") if name.strip()]
    real = {name: value for name, value in os.environ.items() if name.startswith("VEEAM_EM_")}
    if "VEEAM_EM_HOST" in real and not jobs:
        raise SystemExit("Set JOBS to agent backup jobs of this server: make demo JOBS='Linux servers,SQL servers'")
    bin_folder = venv("demo", controller(), "demo")
    collections = install(bin_folder, build(bin_folder), "demo-collections")
    if "VEEAM_EM_HOST" in real:
        if _play(runner, bin_folder, collections, jobs, real):
            runner.failed.append(f"{PLAYBOOK} on {real['VEEAM_EM_HOST']}")
        return
    fleet = scenario(bin_folder)
    jobs = jobs or [job["name"] for job in fleet["agent_jobs"]]
    with simulator(bin_folder) as server:
        status = _play(runner, bin_folder, collections, jobs, connection(fleet, server))
        counters = _counters(server)
    problems = _judge(status, counters, jobs)
    if problems:
        runner.failed.append("demo: " + "; ".join(problems))


def _play(runner: Runner, bin_folder: Path, collections: Path, jobs: list[str], connection: Mapping[str, str]) -> int:
    """Run the playbook from the installed artifact; return its exit status."""
    # The play runs on this computer only: no warning that there is no inventory.
    quiet = {f"ANSIBLE_{name}": "false" for name in QUIET}
    env = environment(bin_folder, ANSIBLE_COLLECTIONS_PATH=collections, **quiet, **connection)
    command = ["ansible-playbook", PLAYBOOK, "--extra-vars", json.dumps({"backup_now_jobs": jobs})]
    print(f"=== {shlex.join(command)} (VEEAM_EM_HOST={connection['VEEAM_EM_HOST']})", flush=True)
    return runner.execute(Step(PLAYBOOK, command, env))


@contextmanager
def simulator(bin_folder: Path) -> Iterator[dict[str, Any]]:
    """Run emsim; yield its description: host, port, url, ca_path."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    ready = STATE / "emsim.json"
    command: list[str | Path] = [bin_folder / "python", "-m", "emsim", "--state-dir", STATE, "--scenario", SCENARIO]
    with (STATE / "emsim.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment(bin_folder, PYTHONPATH=SIMULATOR),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"emsim did not start:\n{(STATE / 'emsim.log').read_text(encoding='utf-8')}")
            time.sleep(0.1)
        yield json.loads(ready.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scenario(bin_folder: Path) -> dict[str, Any]:
    """Return the scenario, read with the demo's environment, which has a YAML parser."""
    to_json = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))"
    return json.loads(subprocess.check_output([bin_folder / "python", "-c", to_json, SCENARIO]))


def connection(fleet: Mapping[str, Any], server: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment that points the modules to emsim as the scenario's first user, trusting emsim's CA."""
    user = fleet["users"][0]
    return {
        "VEEAM_EM_HOST": str(server["host"]),
        "VEEAM_EM_PORT": str(server["port"]),
        "VEEAM_EM_USERNAME": "\\".join(filter(None, [user.get("domain"), user["name"]])),
        "VEEAM_EM_PASSWORD": user["password"],
        "VEEAM_EM_CA_PATH": str(server["ca_path"]),
    }


def _counters(server: Mapping[str, Any]) -> dict[str, Any]:
    """Return what emsim counted."""
    trust = ssl.create_default_context(cafile=str(server["ca_path"]))
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    with direct.open(f"https://{server['host']}:{server['port']}/_sim/counters", timeout=10) as answer:
        return json.load(answer)


def _judge(status: int, counters: Mapping[str, Any], jobs: list[str]) -> list[str]:
    """Print what emsim saw, and what it means; return what differs from the scenario."""
    logons, logoffs, starts = counters.get("logons", 0), counters.get("logoffs", 0), counters.get("starts", {})
    print("=== what the simulated Enterprise Manager saw")
    print(f"      logons {logons}, logoffs {logoffs}")
    for job, count in starts.items():
        print(f"      job {job}: started {count} time{'s' * (count != 1)}")
    problems = []
    if status != HOST_FAILED:
        problems.append(f"ansible-playbook ended with {status}, not with {HOST_FAILED} for the machine that fails")
    if not logons or logons != logoffs:
        problems.append("not every logon session was logged off")
    if starts != dict.fromkeys(jobs, 1):
        problems.append("not every job was started exactly once")
    if not problems:
        print("=== The play failed on purpose: the backup of one simulated machine fails, and the playbook says so.")
        print("=== demo passed")
    return problems
