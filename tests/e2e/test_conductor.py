"""The conductor_* modules and the playbook gate_workflow in real ansible processes, over TLS."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from ansible_collections.backupops.veeam_em.tests.e2e.test_interruption import module_process, polled, until
from conductorsim import ConductorSimulator
from emsim import Simulator

GATE = {"reference": "backup_gate", "type": "HUMAN"}
FLAKY = {
    "reference": "prepare",
    "retries": 1,
    "retry_delay": 0.2,
    "attempts": [{"status": "FAILED", "after": 0.2, "reason": "too early"}, {"after": 0.2}],
}


@pytest.fixture
def conductor() -> Iterator[Callable[..., ConductorSimulator]]:
    """Start a double with one workflow of these tasks; nobody must call its poll endpoint."""
    with ExitStack() as stack:
        started = []

        def start(*tasks: Any, personality: str = "oss", **arguments: Any) -> ConductorSimulator:
            scenario = {"workflows": [{"name": "change", "tasks": list(tasks)}]}
            started.append(stack.enter_context(ConductorSimulator(scenario, personality, **arguments)))
            return started[-1]

        yield start
        for each in started:
            assert each.counters()["polls"] == 0


def connection(sim: ConductorSimulator) -> dict[str, str]:
    """The environment of a user of the double."""
    variables = {"CONDUCTOR_SERVER_URL": sim.url + "/api", "CONDUCTOR_CA_PATH": sim.ca_path}
    if sim.app.personality == "orkes":
        variables.update(CONDUCTOR_AUTH_KEY="operator", CONDUCTOR_AUTH_SECRET="conductorsim")
    return variables


@pytest.mark.parametrize("personality", ["oss", "orkes"])
def test_modules(conductor: Callable[..., ConductorSimulator], ansible: Ansible, personality: str) -> None:
    sim = conductor(FLAKY, GATE, personality=personality)
    workflow = sim.workflows()[0]
    gate = {"workflow_id": workflow["id"], "task_reference_name": "backup_gate"}
    prepare = workflow["tasks"][0]["id"]
    complete = {**gate, "status": "COMPLETED", "output": {"result": "Success"}}
    run = ansible.with_env(**connection(sim)).play(
        {"name": "wait", "conductor_task_wait": {"task_id": prepare, "wait_interval": 0.1}},
        {"name": "time out", "conductor_task_wait": {**gate, "wait_timeout": 0.3}, "ignore_errors": True},
        {"name": "predict", "conductor_task": complete, "check_mode": True},
        {"name": "complete", "conductor_task": complete, "register": "done"},
        {"name": "again", "conductor_task": complete},
        {"name": "conflict", "conductor_task": {**gate, "status": "FAILED"}, "register": "bad", "ignore_errors": True},
        {"name": "returned", "ansible.builtin.debug": {"msg": ["{{ done.task.output }}", "{{ bad.task.status }}"]}},
        {"name": "info", "conductor_task_info": gate},
        {"name": "unknown", "conductor_task_info": {"task_id": "nothing"}, "ignore_errors": True},
        {"name": "reserved", "conductor_task_info": {"task_id": "poll"}, "ignore_errors": True},
        {"name": "neither", "conductor_task_info": {}, "ignore_errors": True},
        arguments=["--diff"],
    )
    assert run.rc == 0, run.output
    (task,) = run["wait"]["tasks"]
    assert (task["status"], task["retry_count"], task["attempts"][0]) == ("COMPLETED", 1, prepare)
    assert run["wait"]["changed"] is False
    assert (run["time out"]["timed_out"], run["time out"]["error"]["kind"]) == (True, "timeout")
    assert run["time out"]["tasks"][0]["status"] == "IN_PROGRESS"
    assert [run[name]["changed"] for name in ("predict", "complete", "again")] == [True, True, False]
    assert run["returned"]["msg"] == [{"result": "Success"}, "COMPLETED"]
    assert '+    "status": "COMPLETED"' in run.stdout
    assert run["conflict"]["error"]["kind"] == "conflict"
    assert run["info"]["tasks"][0]["end_time"].endswith("Z")
    assert run["unknown"]["error"]["kind"] == "not_found"
    assert run["reserved"]["error"]["kind"] == "usage"
    assert "one of the following is required: task_id, workflow_id" in run["neither"]["msg"]
    counters = sim.counters()
    assert (counters["writes"], counters["updates"]) == (1, {"change/backup_gate": 1})
    assert "conductorsim" not in run.output.replace("conductorsim@example.com", "")


def test_what_names_nothing_is_told_before_anything_is_read(
    conductor: Callable[..., ConductorSimulator], ansible: Ansible
) -> None:
    sim = conductor(GATE)
    workflow = sim.workflows()[0]["id"]
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "empty list": ({"task_id": []}, "task_id is an empty list"),
        "empty names": ({"workflow_id": workflow, "task_reference_name": []}, "task_reference_name is an empty list"),
        "null id": ({"task_id": None}, "No task was given"),
        "null in a list": ({"task_id": ["a", None]}, "Entry 2 of task_id is"),
        "null name": ({"workflow_id": workflow, "task_reference_name": None}, "task_reference_name is missing"),
        "empty workflow": ({"workflow_id": "", "task_reference_name": "backup_gate"}, "workflow_id is empty"),
    }
    failing = {"ignore_errors": True}
    tasks = [
        {"name": f"{module}, {name}", f"conductor_task_{module}": given, **failing}
        for module in ("info", "wait")
        for name, (given, _words) in cases.items()
    ]
    tasks += [
        {"name": f"update, {name}", "conductor_task": {**given, "status": "COMPLETED"}, **failing}
        for name, (given, _words) in cases.items()
        if name in ("null id", "null name", "empty workflow")
    ]
    # A null beside the other way to name a task stands for "not given", as it does everywhere in Ansible.
    named = {"workflow_id": workflow, "task_reference_name": "backup_gate", "task_id": None}
    tasks.append({"name": "null beside", "conductor_task": {**named, "status": "COMPLETED"}})
    run = ansible.with_env(**connection(sim)).play(*tasks)
    assert run.rc == 0, run.output
    for result in run.results[:-1]:
        words = cases[result["task"].partition(", ")[2]][1]
        assert result["error"]["kind"] == "usage", result
        assert words in result["msg"]
    assert run["null beside"]["changed"]
    assert sim.counters()["requests"] == 3


def gate_workflow(
    ansible: Ansible, sim: ConductorSimulator, em: Simulator, *arguments: str, jobs: Any = ("Linux",), **more: str
) -> Any:
    """Run the playbook; `more` is for the connection."""
    named = ["-e", f"gate_workflow_id={sim.workflows()[0]['id']}", "-e", json.dumps({"gate_workflow_jobs": jobs})]
    connected = ansible.connected(em, **more).with_env(**connection(sim))
    return connected.command("ansible-playbook", "backupops.veeam_em.gate_workflow", *named, *arguments)


def fleet(result: str = "Success") -> dict[str, Any]:
    """Two machines, of which the second has this result."""
    second = {"name": "web02", "duration": 0.2, "result": result, "reason": "The disk of web02 is full."}
    machines = [{"name": "web01", "duration": 0.2}, second]
    return {"agent_jobs": [{"name": "Linux", "machines": machines, "start_delay": 0.2}]}


def verdicts(gate: dict[str, Any]) -> dict[str, str]:
    """What the workflow learns of each machine."""
    return {machine["name"]: machine["result"] for machine in gate["output"]["machines"]}


@pytest.mark.slow
def test_a_good_backup_opens_the_gate(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    sim, em = conductor(GATE, {"reference": "deploy"}, personality="orkes"), emsim(fleet())
    run = gate_workflow(ansible, sim, em, "--check")
    assert run.rc == 0, run.output
    assert (sim.counters()["writes"], em.counters()["starts"]) == (0, {})
    run = gate_workflow(ansible, sim, em)
    assert run.rc == 0, run.output
    gate, deploy = sim.workflows()[0]["tasks"]
    assert (gate["status"], deploy["reference"]) == ("COMPLETED", "deploy")
    assert verdicts(gate) == {"web01": "Success", "web02": "Success"}
    assert [one["result"] for one in gate["output"]["sessions"]] == ["Success"]
    again = gate_workflow(ansible, sim, em)
    assert again.rc != 0
    assert "is not waiting at backup_gate: COMPLETED" in again.output
    assert em.counters()["starts"] == {"Linux": 1}


@pytest.mark.slow
def test_a_bad_backup_fails_the_gate_with_the_verdicts(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    # Its definition would allow a retry: FAILED would only open a new gate.
    sim, em = conductor({**GATE, "retries": 3}), emsim(fleet("Failed"))
    run = gate_workflow(ansible, sim, em)
    assert run.rc != 0
    assert "The disk of web02 is full." in run.output
    (workflow,) = sim.workflows()
    (gate,) = workflow["tasks"]
    assert (workflow["status"], gate["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert verdicts(gate) == {"web01": "Success", "web02": "Failed"}


@pytest.mark.full
@pytest.mark.slow
def test_both_failures_are_told_when_the_gate_cannot_be_failed(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    post = {"method": "POST", "path": "/api/tasks"}
    sim, em = conductor(GATE, faults=[{"match": post, "fault": "status"}]), emsim(fleet("Failed"))
    run = gate_workflow(ansible, sim, em)
    assert run.rc != 0
    assert "the update had not taken effect" in run["Fail the gate with the reason"]["msg"]
    assert "The disk of web02 is full" in run["Fail as the backup did"]["msg"]
    assert sim.workflows()[0]["status"] == "RUNNING"


@pytest.mark.slow
@pytest.mark.parametrize("cause", ["refused", "too late"])
def test_a_backup_that_never_was_fails_the_gate(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible, cause: str
) -> None:
    scenario = fleet()
    trouble = {"refuse_start": "No licence."} if cause == "refused" else {"start_delay": "never"}
    scenario["agent_jobs"][0].update(trouble)
    sim, em = conductor(GATE), emsim(scenario)
    run = gate_workflow(ansible, sim, em, "-e", "gate_workflow_timeout=4")
    assert run.rc != 0
    (gate,) = sim.workflows()[0]["tasks"]
    assert gate["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert ("No licence." if cause == "refused" else "4 seconds") in gate["output"]["msg"]


@pytest.mark.slow
def test_the_gate_stays_open_as_long_as_no_backup_was_tried(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    sim, em = conductor(GATE), emsim(fleet())
    at_task = ("--start-at-task", "Run the backup and wait for the verdict of every machine")
    for words, arguments, given in (
        ("Did you mean", (), {"jobs": ["Linus"]}),
        ("refused the credentials", (), {"password": "wrong"}),
        ("Set both", (), {"jobs": ["Linux", None]}),
        ("a number of seconds above 0", ("-e", "gate_workflow_timeout=nan"), {}),
        ("reference name of one task", ("-e", '{"gate_workflow_task": ["backup_gate", "b"]}'), {}),
        ("No backup was tried. The workflow still waits at backup_gate", at_task, {"jobs": ["Linus"]}),
        ("The gate stays closed", ("--start-at-task", "Open the gate"), {}),
    ):
        run = gate_workflow(ansible, sim, em, *arguments, **given)
        assert run.rc != 0
        assert words in " ".join(run.output.split()), run.output
        (gate,) = sim.workflows()[0]["tasks"]
        assert gate["status"] == "IN_PROGRESS"
    assert (sim.counters()["writes"], em.counters()["starts"]) == (0, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "It is not known whether a backup was started: look at the jobs."),
        pytest.param(signal.SIGTERM, "or run the playbook again.", marks=pytest.mark.full),
    ],
)
def test_a_module_that_is_killed_leaves_the_gate_open(
    conductor: Callable[..., ConductorSimulator],
    emsim: Callable[..., Simulator],
    ansible: Ansible,
    number: signal.Signals,
    words: str,
) -> None:
    scenario = fleet()
    scenario["agent_jobs"][0]["machines"][0]["duration"] = 600
    sim, em = conductor(GATE), emsim(scenario)
    # Whatever an inventory says of localhost, the modules run here.
    inventory = ansible.folder / "hosts"
    inventory.write_text("localhost ansible_connection=ssh ansible_become=true ansible_python_interpreter=/none\n")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gate_workflow, ansible, sim, em, "-i", str(inventory))
        until(lambda: running.done() or polled(em), "the wait")
        assert not running.done(), running.result().output
        os.kill(until(lambda: module_process("veeam_em_job", os.getpid()), "the module's process"), number)
        run = running.result(120)
    assert run.rc != 0
    told = " ".join(run.output.split())
    assert f"{words} The workflow still waits at backup_gate" in told
    assert "No backup was tried" not in told
    (gate,) = sim.workflows()[0]["tasks"]
    assert gate["status"] == "IN_PROGRESS"
    assert (sim.counters()["writes"], em.counters()["starts"]) == (0, {"Linux": 1})


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["Linux\n 7\r\nlinux,Linux", ["Linux", 7, "linux"]])
def test_jobs_are_named_in_a_list_or_in_a_text(
    conductor: Callable[..., ConductorSimulator], emsim: Callable[..., Simulator], ansible: Ansible, jobs: Any
) -> None:
    scenario = fleet()
    for name, machine in (("7", "db01"), ("linux", "db02")):
        job = {"name": name, "machines": [{"name": machine, "duration": 0.2}], "start_delay": 0.2}
        scenario["agent_jobs"].append(job)
    sim, em = conductor(GATE), emsim(scenario)
    run = gate_workflow(ansible, sim, em, jobs=jobs)
    assert run.rc == 0, run.output
    (gate,) = sim.workflows()[0]["tasks"]
    assert verdicts(gate) == dict.fromkeys(("web01", "web02", "db01", "db02"), "Success")
    assert em.counters()["starts"] == {"Linux": 1, "7": 1, "linux": 1}
