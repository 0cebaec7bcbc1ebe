"""What somebody sees who has just installed the collection: what is missing is named, with the command that helps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator


def test_a_missing_server_names_its_variable(ansible: Ansible) -> None:
    em = ansible.module("veeam_em_job_info").result
    assert "missing required arguments: host. Set host, or set the environment variable VEEAM_EM_HOST." in em["msg"]
    assert em["error"]["kind"] == "usage"
    conductor = ansible.module("conductor_task_info", task_id="x").result
    assert conductor["msg"].endswith("set the environment variable CONDUCTOR_SERVER_URL.")


def test_a_missing_option_without_a_variable_is_left_to_ansible(ansible: Ansible) -> None:
    result = ansible.module("veeam_em_job", host="em.example.com", name="Linux servers").result
    assert result["msg"] == "missing required arguments: state"


def test_an_inventory_without_a_server_names_its_variable(ansible: Ansible) -> None:
    path = ansible.folder / "x.veeam_em.yml"
    path.write_text("plugin: backupops.veeam_em.protected_computers\n", encoding="utf-8")
    shown = " ".join(ansible.command("ansible-inventory", "-i", str(path), "--graph").output.split())
    assert "host is missing. Set host, or set the environment variable VEEAM_EM_HOST." in shown


@pytest.mark.parametrize(
    ("module", "options", "missing", "install"),
    [
        ("veeam_em_job_info", {}, "libraries requests and xmltodict are", "Install them"),
        ("conductor_task_info", {"task_id": "x"}, "library requests is", "Install it"),
    ],
)
def test_a_missing_library_comes_with_the_command_for_that_interpreter(
    ansible: Ansible, tmp_path: Path, module: str, options: dict[str, str], missing: str, install: str
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    env = {"VEEAM_EM_HOST": "em.example.com", "CONDUCTOR_SERVER_URL": "https://conductor.example.com"}
    result = ansible.with_env(**env).module(module, "-e", f"ansible_python_interpreter={python}", **options).result
    assert result["msg"] == (
        f"The Python {missing} not installed for {python}. {install} for exactly this interpreter: "
        f"{python} -m pip install requests{' xmltodict' if 'xmltodict' in missing else ''}"
    )
    assert result["error"]["kind"] == "usage"


def test_a_start_without_wait_says_that_nobody_waits(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    sim = emsim({"agent_jobs": [{"name": "Linux servers", "start_delay": 0}]})
    job = ansible.connected(sim).module("veeam_em_job", name="Linux servers", state="started").result["jobs"][0]
    assert job["msg"] == (
        "Started. Nobody is waiting for the result. "
        f"To wait for it, use veeam_em_job_session_wait, id: [{job['session']['id']}]."
    )


def test_a_start_that_would_fail_says_so_in_check_mode(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    busy = {"name": "Linux servers", "running": True, "machines": [{"name": "m", "duration": 9000}]}
    sim = emsim({"agent_jobs": [busy]})
    run = ansible.connected(sim).module(
        "veeam_em_job", "--check", name="Linux servers", state="started", if_running="fail"
    )
    assert run.result["msg"].startswith(
        "Check mode: the task would fail. The job Linux servers is already running (session Linux servers@"
    )
    assert run.result["jobs"][0]["changed"] is False
    assert sim.counters()["writes"] == 0
