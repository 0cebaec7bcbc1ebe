"""The one-liners of the guide "Ad hoc", exactly as they are printed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible
from ansible_collections.backupops.veeam_em.tests.e2e.snippets import snippets_in
from emsim import Simulator

GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_adhoc.rst"
COMMANDS = [line for snippet in snippets_in(GUIDE, GUIDE.name) for line in snippet.text.splitlines()]
LAST_NIGHT = {"ended_ago": 60, "machines": [{"name": "web01", "result": "Failed", "reason": "The disk is full."}]}
FLEET = {
    "agent_jobs": [
        {"name": "Linux servers", "machines": [{"name": "web01", "duration": 6000}], "history": [LAST_NIGHT]},
        {"name": "SQL servers", "machines": ["sql01"]},
    ]
}


def test_one_liners(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    sim = emsim(FLEET, speed=20)
    em = ansible.connected(sim)
    for command in COMMANDS:
        if "state=" in command:
            before = sim.counters()["writes"]
            run(em, f"{command} --check")
            assert sim.counters()["writes"] == before, command
        look(sim, command, run(em, command))
    counters = sim.counters()
    assert counters["starts"] == {"Linux servers": 1, "SQL servers": 1}
    assert counters["stops"] == {"Linux servers": 1}
    assert counters["toggles"] == {"Linux servers": 2}
    assert counters["open_logon_sessions"] == 0


def run(em: Ansible, command: str) -> str:
    """Run a command in a shell and return what it prints."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=em.folder, env=em.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def look(sim: Simulator, command: str, shown: str) -> None:
    """Compare what was asked for with what is shown and with the truth on the server."""
    answer = json.loads(shown.partition("=> ")[2])
    enabled = {job["name"]: job["schedule_enabled"] for job in sim.jobs()}
    if "result=Failed" in command:
        rows = answer.get("sessions") or answer["task_sessions"]
        assert {row["result"] for row in rows} == {"Failed"}
        assert "task_sessions" not in answer or rows[0]["reason"] == "The disk is full."
    elif "limit=1" in command:
        assert [row["job_name"] for row in answer["sessions"]] == ["Linux servers"]
    elif "schedule_enabled=" in command:
        assert enabled["Linux servers"] == ("schedule_enabled=true" in command)
    elif "wait=true" in command and "started" in command:
        assert answer["jobs"][0]["machines"][0]["result"] == "Success"
    elif "state=stopped" in command:
        assert not answer["jobs"][0]["session"]["running"]
    elif "last_restore_point" in command:
        assert all("last_restore_point" in computer for computer in answer["computers"])
