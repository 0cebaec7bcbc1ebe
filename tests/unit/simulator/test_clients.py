"""Other people's Enterprise Manager clients log on and read, unchanged.

They are taken from the Python in the folder VEEAM_EM_TEST_CLIENTS, or from this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from emsim import Simulator

SCENARIO = Path(__file__).resolve().parents[2] / "simulator" / "scenarios" / "fleet.yml"
FOLDER = os.environ.get("VEEAM_EM_TEST_CLIENTS")
PYTHON = str(Path(FOLDER) / "python") if FOLDER else sys.executable

VEEAM_EM = """
import sys
from veeam_em.manager import VeeamEm

em = VeeamEm(api_endpoint=sys.argv[1])
em.get_token("administrator", "emsim")
print("whoami", em.whoami()["UserName"])
print("sessions", len(em.get_logon_sessions()))
print("task sessions", len(em.get_backup_task_sessions(page_size=25)))
em.request("/logonSessions/" + em.session_data["SessionId"], method="DELETE")
"""


@pytest.fixture
def client_of(tmp_path: Path) -> Callable[..., str]:
    """Run Python code or a module with a client; answers what it printed."""

    def run(module: str, simulator: Simulator, *arguments: str) -> str:
        found = subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, text=True, check=False)
        if found.returncode:
            reason = found.stderr.strip().splitlines()[-1]
            pytest.skip(f"{module} cannot be imported by {PYTHON} (set VEEAM_EM_TEST_CLIENTS): {reason}")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "REQUESTS_CA_BUNDLE": simulator.ca_path,
        }
        ended = subprocess.run(
            [PYTHON, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


@pytest.fixture(params=["v10", "v12"])
def fleet(request: pytest.FixtureRequest) -> Any:
    """The whole fleet, for clients that follow addresses as they are."""
    scenario = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))
    with Simulator({**scenario, "settings": {"href_host": "self"}}, api_profile=request.param) as simulator:
        yield simulator


def test_veeam_em(fleet: Simulator, client_of: Callable[..., str]) -> None:
    printed = client_of("veeam_em.manager", fleet, "-c", VEEAM_EM, fleet.url)
    tasks = sum(
        len(job.spec.machines if not past.machines else past.machines)
        for job in fleet.app.state.jobs
        for past in job.spec.history
        for _number in range(past.repeat)
        if job.job_type != "Replica"
    )
    assert "whoami EMSIM\\administrator" in printed
    assert "sessions 1" in printed
    assert f"task sessions {tasks + 1}" in printed  # and the job that is running
    counters = fleet.counters()
    assert (counters["logons"], counters["logoffs"], counters["open_logon_sessions"]) == (1, 1, 0)
    assert {one["status"] for one in fleet.requests()} <= {200, 201, 204}


def test_veeam_exporter(fleet: Simulator, client_of: Callable[..., str], tmp_path: Path) -> None:
    config = {
        "veeams": [
            {
                "host": fleet.host,
                "port": fleet.port,
                "user": "administrator",
                "password": "emsim",
                "verify_ssl": fleet.ca_path,
                "keep_session": False,
            }
        ],
        "weblisten": {"address": "127.0.0.1", "port": 0},
        "logger": {"level": "debug", "facility": str(tmp_path / "log")},
        "metrics_file": "conf/metrics/*_metrics.yml",
    }
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    start = "import sys; from veeam_exporter.veeam_exporter import main; sys.argv[0] = 'veeam_exporter'; main()"
    printed = client_of("veeam_exporter.veeam_exporter", fleet, "-c", start, "-c", str(path), "-n", "-v")
    metrics = [line.partition(" - ")[2] for line in printed.splitlines() if " - veeam_em_" in line]
    assert "veeam_em_up 1.0" in metrics
    kinds = {line.partition("{")[0].partition(" ")[0] for line in metrics}
    assert {"veeam_em_overview_element_count", "veeam_em_overview_repositories_capacity_total_bytes"} <= kinds
    assert any(kind.startswith("veeam_em_jobs_sessions") for kind in kinds), kinds
    assert any(kind.startswith("veeam_em_vmjobs_sessions") for kind in kinds), kinds
    counters = fleet.counters()
    assert (counters["logons"], counters["logoffs"]) == (1, 1)
    assert {one["status"] for one in fleet.requests()} <= {200, 201, 204}
