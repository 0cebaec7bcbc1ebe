"""Results are as documented, and no key hides a method of Python's dict from templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible, Run
from conductorsim import ConductorSimulator
from emsim import Simulator

Start = Callable[..., Simulator]

RESERVED = {"items", "values", "keys", "get", "pop", "copy", "update"}
# Of Ansible's own.
COMMON = {"changed", "failed", "msg", "exception", "diff", "warnings"}
TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}
# Documented parts of a list's members that an option adds.
ADDED = {"objects", "last_session", "last_restore_point", "restore_point"}
FLEET: dict[str, Any] = {
    "agent_jobs": [
        {
            "name": "A",
            "machines": [{"name": "m1"}, {"name": "m2", "result": "Failed", "reason": "Full."}],
            "history": [{"ended_ago": 60}],
        },
        {"name": "Warns", "machines": [{"name": "w1", "result": "Warning", "reason": "In use."}]},
    ],
    "vm_jobs": [{"name": "Standby", "type": "Replica", "machines": ["v1"], "history": [{"ended_ago": 60}]}],
    "agent_restore_points": [{"computer": "m1", "created_ago": 60}],
}
TOKEN = {"session_id": "{{ logon.session_id }}"}
ENDED = {"id": "{{ found.sessions[0].id }}"}
TASK = {**TOKEN, "task_id": "{{ started.jobs[0].task.id }}"}
SOON = {"wait_interval": 0.1}
OWN: list[dict[str, Any]] = [
    {"veeam_em_session": {}, "register": "logon"},
    {"veeam_em_agent_job": {**TOKEN, "name": "Warns", "state": "started", "wait": True, **SOON}, "register": "started"},
    {"veeam_em_job": {"name": "Standby", "state": "started", "wait": True, **SOON}},
    {"veeam_em_maintenance": {"name": ["Warns", "Standby"], "state": "frozen", "expires_after": 60}},
    {"veeam_em_maintenance": {"state": "thawed"}},
    {"veeam_em_backup": {"machine": ["w1", "nobody"], "unprotected": "ignore", "valid_for": 3600, **SOON}},
    {"veeam_em_protection_info": {"machine": ["m2", "w1", "nobody"], "include_restore_points": True}},
    {"veeam_em_job_session_info": {"include_machines": True}, "register": "found"},
    {"veeam_em_job_session_wait": ENDED},
    {"veeam_em_query_info": {"type": "BackupTaskSession"}},
    {"veeam_em_report_info": {"rpo_hours": 24, "machine": ["*", "m1"]}},
    {"veeam_em_task_info": TASK},
    {"veeam_em_task_wait": TASK},
    {"veeam_em_task": TASK},
]
SUCCESSES = [*OWN, *samples.rest(OWN)]
FAILURES = [
    {"veeam_em_agent_job": {"name": "A", "state": "started", "wait": True, **SOON}},
    {"veeam_em_agent_job": {"name": "A", "state": "started", "wait": True, "wait_timeout": 0.3, **SOON}},
    {"veeam_em_backup": {"machine": ["m1", "m2", "nobody"], **SOON}},
    {"veeam_em_agent_job_info": {"name": "B"}},
    {"veeam_em_job_info": {"name": "B"}},
    {"veeam_em_protection_info": {"machine": ["m1", None]}},
    {"veeam_em_maintenance": {"name": "B", "state": "frozen"}},
    {"veeam_em_job_session_wait": {"id": "00000000-0000-4000-8000-000000000000"}},
    {"veeam_em_task_info": {"task_id": "task-99"}},
    {"veeam_em_query_info": {"type": "Nonsense"}},
]
# The first step fails once and is retried; then the workflow waits at its gate.
PREPARE = {"reference": "prepare", "retries": 1, "attempts": [{"status": "FAILED", "reason": "too early"}, {}]}
WORKFLOWS = {
    "workflows": [
        {"name": "change", "id": "first", "tasks": [PREPARE, {"reference": "backup_gate", "type": "HUMAN"}]},
        {"name": "change", "id": "second", "tasks": [{"reference": "backup_gate", "type": "HUMAN"}]},
    ]
}
GATE = {"workflow_id": "first", "task_reference_name": "backup_gate"}
OTHER_GATE = {**GATE, "workflow_id": "second"}
CONDUCTOR_SUCCESSES = [
    {"conductor_task_wait": {"workflow_id": "first", "task_reference_name": "prepare", **SOON}},
    {"conductor_task": {**GATE, "status": "COMPLETED", "output": {"result": "Success"}}},
    {"conductor_task": {**OTHER_GATE, "status": "COMPLETED"}, "check_mode": True},
    {"conductor_task_info": {"workflow_id": "first", "task_reference_name": ["prepare", "backup_gate", "never"]}},
    {"conductor_task_info": {"task_id": "{{ result_0.tasks[0].task_id }}"}},
]
CONDUCTOR_FAILURES = [
    {"conductor_task": {**GATE, "status": "FAILED"}},
    {"conductor_task": {"task_id": "nothing", "status": "COMPLETED"}},
    {"conductor_task_info": {"task_id": "nothing"}},
    {"conductor_task_wait": {**OTHER_GATE, "wait_timeout": 0.3, **SOON}},
]


@pytest.fixture
def documented(ansible: Ansible) -> dict[str, Any]:
    """The documented results of all modules, by module."""
    names = sorted({f"backupops.veeam_em.{next(iter(task))}" for task in [*SUCCESSES, *CONDUCTOR_SUCCESSES]})
    run = ansible.command("ansible-doc", "--json", "--type", "module", *names)
    assert run.rc == 0, run.output
    return {name.rpartition(".")[2]: each["return"] for name, each in json.loads(run.stdout).items()}


def registered(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks, and one that shows their results: the record has no place for a key "task" of a result."""
    kept = [{**task, "register": f"result_{number}"} for number, task in enumerate(tasks)]
    results = ", ".join(task["register"] for task in kept)
    return [*kept, {"ansible.builtin.debug": {"msg": "{{ [%s] }}" % results}}]


def named(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"{number} {next(iter(task))}", **task} for number, task in enumerate(tasks)]


def keys(value: Any) -> Iterator[str]:
    """All keys of all levels."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield key
            yield from keys(child)
    elif isinstance(value, list):
        for child in value:
            yield from keys(child)


def compare(where: str, value: Any, doc: dict[str, Any]) -> None:
    """A value is of the documented type, and so are its parts; nothing more and nothing less."""
    if value is None:
        return
    assert isinstance(value, TYPES[doc["type"]]), (where, value, doc["type"])
    parts = doc.get("contains")
    if not parts:
        return
    for member in value if isinstance(value, list) else [value]:
        assert set(member) - set(parts) == set(), where
        assert set(parts) - set(member) - ADDED == set(), where
        for key, part in parts.items():
            compare(f"{where}.{key}", member.get(key), part)


def examine(module: str, result: dict[str, Any], told: dict[str, Any], promises: tuple[str, ...]) -> None:
    assert not set(keys({key: value for key, value in result.items() if key != "diff"})) & RESERVED, module
    for key, doc in told.items():
        if doc["returned"] in promises:
            assert key in result, (module, key)
        if key in result:
            compare(f"{module}: {key}", result[key], doc)
    assert set(result) - COMMON <= set(told), module


def examine_all(run: Run, docs: dict[str, Any], promises: tuple[str, ...]) -> None:
    for result in run.results:
        module = result.pop("task").partition(" ")[2]
        examine(module, result, docs[module], promises)


def modules(run: Run) -> set[str]:
    """The modules that ran."""
    return {result["task"].partition(" ")[2] for result in run.results}


def test_results_are_as_documented(emsim: Start, ansible: Ansible, documented: dict[str, Any]) -> None:
    sim = emsim(FLEET, speed=10)
    off = {"session_id": TOKEN["session_id"], "state": "absent", "logon_session_id": "{{ logon.logon_session_id }}"}
    run = ansible.connected(sim).play(*named([*SUCCESSES, {"veeam_em_session": off}]))
    assert run.rc == 0, run.output
    assert modules(run) == {name for name in documented if name.startswith("veeam_em_")}
    examine_all(run, documented, ("always", "success"))
    assert sim.counters()["open_logon_sessions"] == 0


def test_failures_are_as_documented(emsim: Start, ansible: Ansible, documented: dict[str, Any]) -> None:
    sim = emsim(FLEET, speed=10)
    run = ansible.connected(sim).play(*({**task, "ignore_errors": True} for task in named(FAILURES)))
    assert all(result["failed"] for result in run.results), run.output
    examine_all(run, documented, ("failure",))
    for result in run.results:
        assert result["msg"].startswith(result["msg"].split()[0])
        assert result["error"]["hint"] in result["msg"]
    assert sim.counters()["open_logon_sessions"] == 0


@pytest.mark.parametrize("personality", ["oss", pytest.param("orkes", marks=pytest.mark.full)])
def test_results_of_conductor_are_as_documented(ansible: Ansible, documented: dict[str, Any], personality: str) -> None:
    with ConductorSimulator(WORKFLOWS, personality) as sim:
        connection = {"CONDUCTOR_SERVER_URL": sim.url + "/api", "CONDUCTOR_CA_PATH": sim.ca_path}
        if personality == "orkes":
            connection |= {"CONDUCTOR_AUTH_KEY": "operator", "CONDUCTOR_AUTH_SECRET": "conductorsim"}
        conductor = ansible.with_env(**connection)
        good = conductor.play(*registered(CONDUCTOR_SUCCESSES))
        bad = conductor.play(*({**task, "ignore_errors": True} for task in registered(CONDUCTOR_FAILURES)))
    assert good.rc == bad.rc == 0, good.output + bad.output
    for run, tasks, promises in (
        (good, CONDUCTOR_SUCCESSES, ("always", "success")),
        (bad, CONDUCTOR_FAILURES, ("failure",)),
    ):
        names = [next(iter(task)) for task in tasks]
        assert set(names) == {name for name in documented if name.startswith("conductor_")}
        results = run.result["msg"]
        for name, result in zip(names, results, strict=True):
            examine(name, result, documented[name], promises)
    assert good.result["msg"][0]["tasks"][0]["retry_count"] == 1
    assert all(result["failed"] for result in bad.result["msg"]), bad.output
