"""The double itself: what it does that the client never asks for, and what others make of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from conductorsim import ConductorSimulator
from conductorsim.scenario import BadScenario, load

SIMULATOR = Path(__file__).resolve().parents[2] / "simulator"
FOLDER = os.environ.get("VEEAM_EM_TEST_CLIENTS")
PYTHON = str(Path(FOLDER) / "python") if FOLDER else sys.executable
WORKER_TASK = {"reference": "gate", "attempts": [{"status": "NEVER", "starts_after": 1000}]}

SDK = Path(__file__).resolve().parents[2] / "real" / "sdk.py"


def get(double: Any, path: str, method: str = "GET", **options: Any) -> requests.Response:
    options = {"verify": double.sim.ca_path, "timeout": 10, **options}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, double.sim.url + path, **options)


@pytest.mark.parametrize("personality", ["oss", "orkes"])
def test_the_official_sdk_reads_and_updates_unchanged(conductor: Callable[..., Any], personality: str) -> None:
    found = subprocess.run([PYTHON, "-c", "import conductor.client"], capture_output=True, text=True, check=False)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1]
        pytest.skip(f"conductor-python cannot be imported by {PYTHON} (set VEEAM_EM_TEST_CLIENTS): {reason}")
    faults = [{"match": {"path": "/api/tasks/*"}, "occurrence": 1, "fault": "expire_token"}]
    double = conductor(
        {"reference": "gate", "type": "WAIT", "input": {"job": "Linux"}}, personality=personality, faults=faults
    )
    key = ["operator", "conductorsim"] if personality == "orkes" else ["", ""]
    gate, workflow = double.task_id("gate"), double.workflow_id
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "SSL_CERT_FILE": double.sim.ca_path,
        "REQUESTS_CA_BUNDLE": double.sim.ca_path,
    }
    ended = subprocess.run(
        [PYTHON, SDK, double.sim.url, *key, gate, workflow],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    printed = json.loads(ended.stdout.strip().splitlines()[-1])
    assert printed["seen"] == [[gate, "IN_PROGRESS", "gate", workflow], [gate, "COMPLETED", "gate", workflow]]
    assert printed["input"]["job"] == "Linux"
    assert double.info([gate])[0]["output"] == printed["output"]
    if personality == "orkes":
        assert next(one["status"] for one in double.sim.requests() if one["path"] == f"/api/tasks/{gate}") == 401


def test_polling_takes_the_task() -> None:
    with ConductorSimulator({"workflows": [{"name": "change", "tasks": [WORKER_TASK]}]}) as sim:
        workflow = sim.workflows()[0]
        answer = requests.get(f"{sim.url}/api/tasks/poll/gate?workerid=w", verify=sim.ca_path, timeout=10).json()
        assert (answer["status"], answer["workerId"], answer["pollCount"]) == ("IN_PROGRESS", "w", 1)
        assert sim.workflows()[0]["tasks"][0]["status"] == "IN_PROGRESS"
        assert sim.counters()["polls"] == 1
        again = requests.get(f"{sim.url}/api/tasks/poll/gate", verify=sim.ca_path, timeout=10)
        assert again.status_code == 204
        assert workflow["tasks"][0]["id"] == answer["taskId"]


@pytest.mark.parametrize(("personality", "status"), [("oss", 200), ("orkes", 404)])
def test_updating_by_reference_when_nothing_is_pending(
    conductor: Callable[..., Any], personality: str, status: int
) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"}, personality=personality)
    token = double.sim.app.state.tokens.issue("operator", "conductorsim", double.time())
    for reference, expected in (("gate", 200), ("gate", status)):
        path = f"/api/tasks/{double.workflow_id}/{reference}/COMPLETED"
        answer = get(double, path, "POST", json={"a": 1}, headers={"X-Authorization": token})
        assert answer.status_code == expected
    assert (answer.text == "") == (personality == "oss")
    assert double.info(reference=["gate"])[0]["output"] == {"a": 1}


def test_lighter_reads_of_a_workflow(conductor: Callable[..., Any]) -> None:
    double = conductor([{"reference": f"t{number}"} for number in range(20)])
    base = f"/api/workflow/{double.workflow_id}"
    assert get(double, base + "/status").json()["status"] == "RUNNING"
    assert get(double, base + "?includeTasks=false").json()["tasks"] == []
    page = get(double, base + "/tasks").json()
    assert (page["totalHits"], len(page["results"])) == (22, 15)  # with the fork and its join


def test_bodies_and_states_that_cannot_be(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})
    named = {"workflowInstanceId": double.workflow_id, "taskId": double.task_id("gate")}
    for body, status in (
        (b"{", 500),
        (json.dumps({"status": "COMPLETED"}), 400),
        (json.dumps({**named, "status": "DONE"}), 500),
        (json.dumps({**named, "workflowInstanceId": "x", "status": "COMPLETED"}), 404),
        (json.dumps({**named, "taskId": "x", "status": "COMPLETED"}), 404),
    ):
        answer = get(double, "/api/tasks", "POST", data=body)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert get(double, "/api/nothing").status_code == 404
    assert get(double, "/api/tasks/x", "DELETE").status_code == 405


def test_control(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})
    control = f"/_sim/jobs/{double.workflow_id}"
    assert get(double, control, "POST", json={"pause": True}).json()["status"] == "PAUSED"
    assert get(double, control, "POST", json={"terminate": "enough"}).json()["status"] == "TERMINATED"
    assert get(double, control, "POST", json={"delete": True}).status_code == 400
    assert double.info(reference=["gate"])[0]["workflow_reason"] == "enough"
    get(double, "/_sim/reset", "POST")
    assert double.sim.workflows()[0]["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ({"workflow": []}, "unknown key 'workflow'"),
        ({"workflows": [{"tasks": []}]}, "workflows\\[0\\].*name"),
        ({"workflows": [{"name": "w", "tasks": [{"reference": "t", "type": "Wait"}]}]}, "'Wait'"),
        ({"settings": {"unknown_task": 500}}, "500"),
        ({"keys": ["k"]}, "keys\\[0\\]"),
        ("nothing.yml", "cannot read scenario"),
    ],
)
def test_a_scenario_that_cannot_be(scenario: Any, words: str) -> None:
    with pytest.raises(BadScenario, match=words):
        load(scenario)


def test_a_wrong_personality() -> None:
    with pytest.raises(ValueError, match="must be one of oss, orkes"):
        ConductorSimulator(personality="netflix")


def test_the_command_line(tmp_path: Path) -> None:
    scenario = SIMULATOR / "scenarios" / "gate.yml"
    command = ["-m", "conductorsim", "--state-dir", str(tmp_path), "--max-seconds", "60", "--scenario", str(scenario)]
    process = subprocess.Popen(
        [sys.executable, *command, "--personality", "orkes"],
        env={**os.environ, "PYTHONPATH": str(SIMULATOR)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "conductorsim ready at https://127.0.0.1:" in process.stdout.readline()
        ready = json.loads((tmp_path / "conductorsim.json").read_text(encoding="utf-8"))
        assert (ready["personality"], ready["pid"]) == ("orkes", process.pid)
        assert [workflow["name"] for workflow in ready["workflows"]] == ["change_with_backup", "flaky_start"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.stdout.close()
    assert not (tmp_path / "conductorsim.json").exists()
