"""Fifty playbooks at once against a server that allows fifty logon sessions."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible, Run
from emsim import Simulator

PROCESSES = 50


@pytest.mark.full
@pytest.mark.slow
def test_fifty_playbooks_at_once(
    emsim: Callable[..., Simulator], ansible: Ansible, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each backs up a job of its own and waits for it; the peak is never more than one logon session for each."""
    jobs = [
        {"name": f"Job {number}", "machines": [{"name": f"m{number}", "duration": 8}], "start_delay": 1}
        for number in range(PROCESSES)
    ]
    sim = emsim({"settings": {"logon_session_limit": PROCESSES}, "agent_jobs": jobs})

    def back_up(number: int) -> Run:
        folder = tmp_path / str(number)
        folder.mkdir()
        # Fifty processes on a small computer are slow: none of them may call that a failure of the server.
        em = Ansible(folder).connected(sim, VEEAM_EM_REQUEST_TIMEOUT="120")
        options = {"name": f"Job {number}", "state": "started", "wait": True, "wait_interval": 1}
        task = {"backupops.veeam_em.veeam_em_agent_job": options}
        path = folder / "play.yml"
        path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]), "utf-8")
        return em.command("ansible-playbook", str(path), timeout=900)

    began = time.monotonic()
    with ThreadPoolExecutor(PROCESSES) as pool:
        runs = list(pool.map(back_up, range(PROCESSES)))
    seconds = time.monotonic() - began

    assert [run.output for run in runs if run.rc != 0] == []
    assert {run.result["jobs"][0]["session"]["result"] for run in runs} == {"Success"}
    counters = sim.counters()
    assert counters["starts"] == {job["name"]: 1 for job in jobs}
    assert counters["logons"] == counters["logoffs"] == PROCESSES
    assert counters["open_logon_sessions"] == 0
    assert counters["peak_logon_sessions"] <= PROCESSES
    with capsys.disabled():
        print(
            f"\nload: {PROCESSES} playbooks in {seconds:.0f} seconds, "
            f"at most {counters['peak_logon_sessions']} logon sessions at once"
        )
