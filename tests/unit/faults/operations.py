"""Every operation of every module, for the fault matrix."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import KEY_ID, KEY_SECRET, Laboratory

Options = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One use of a module.

    prepare: called on a healthy server; returns options that are only known then.
    server: em, orkes or oss.
    writes: the simulator's counters of the writes, in their order, and the jobs that are written to.
    waits: it waits for the verdict of runs, which is Success.
    attaches: to an existing run.
    borrowed: it works within a logon session of somebody else's, or with a token and no key: it cannot log on again.
    leaves: logon sessions that are open afterwards, as it should be.
    """

    name: str
    module: str
    options: Options
    prepare: Callable[[Laboratory], Options] = lambda lab: {}
    server: str = "em"
    writes: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    waits: bool = False
    attaches: bool = False
    borrowed: bool = False
    leaves: int = 0

    @property
    def polls_first(self) -> bool:
        """Whether its first request is part of a wait already."""
        return self.module.endswith("_wait")


def _logon(lab: Laboratory) -> Options:
    logon = lab.run("veeam_em_session")
    return {"session_id": logon["session_id"], "logon_session_id": logon["logon_session_id"]}


def _shared(lab: Laboratory) -> Options:
    return {"session_id": _logon(lab)["session_id"]}


def _job_id(lab: Laboratory, name: str) -> str:
    return str(next(job["id"] for job in lab.sim.jobs() if job["name"] == name))


def _by_id(name: str) -> Callable[[Laboratory], Options]:
    return lambda lab: {"id": _job_id(lab, name)}


def _task_begun(lab: Laboratory) -> Options:
    """In a logon session of somebody else's, a task that has just begun."""
    shared = _shared(lab)
    with lab.client(**shared) as client:
        return {**shared, "task_id": client.act(f"agents/jobs/{_job_id(lab, LINUX)}", "start")["task_id"]}


def _task_there(lab: Laboratory) -> Options:
    return {"session_id": _task_begun(lab)["session_id"]}


def _begun(module: str, name: str) -> Callable[[Laboratory], Options]:
    """Somebody has just started the job."""

    def prepare(lab: Laboratory) -> Options:
        lab.run(module, name=name, state="started", wait=True, wait_timeout=5)
        return {}

    return prepare


def _running(module: str, name: str) -> Callable[[Laboratory], Options]:
    def prepare(lab: Laboratory) -> Options:
        started = lab.run(module, name=name, state="started", wait=True, wait_timeout=5)
        return {"id": started["jobs"][0]["session"]["id"]}

    return prepare


def _newest(option: str, job_type: str) -> Callable[[Laboratory], Options]:
    def prepare(lab: Laboratory) -> Options:
        found = lab.run("veeam_em_job_session_info", job_type=job_type, limit=1)
        return {option: found["sessions"][0]["id"]}

    return prepare


def _task_session(module: str, machine: str) -> Callable[[Laboratory], Options]:
    def prepare(lab: Laboratory) -> Options:
        return {"id": lab.run(module, machine=machine)["task_sessions"][0]["id"]}

    return prepare


WAIT: Options = {"wait": True, "wait_timeout": 600, "poll_error_timeout": 60}
WAIT_ALWAYS: Options = {"wait_timeout": 600, "poll_error_timeout": 60}
AGENT, VM, MAINTENANCE = "veeam_em_agent_job", "veeam_em_job", "veeam_em_maintenance"
FOLDER = tempfile.TemporaryDirectory()
LINUX, SQL, WORKSTATIONS = "Linux servers", "SQL servers", "Workstations"
STARTS, STOPS, RETRIES, TOGGLES = "starts", "stops", "retries", "toggles"
OFF: Options = {"schedule_enabled": False}

_JOBS = (
    Operation("start", AGENT, {"name": LINUX, "state": "started"}, writes=(STARTS,), jobs=(LINUX,)),
    Operation(
        "start and wait",
        AGENT,
        {"name": LINUX, "state": "started", **WAIT},
        writes=(STARTS,),
        jobs=(LINUX,),
        waits=True,
    ),
    Operation(
        "start two and wait",
        AGENT,
        {"name": [LINUX, SQL], "state": "started", **WAIT},
        writes=(STARTS,),
        jobs=(LINUX, SQL),
        waits=True,
    ),
    Operation(
        "start and wait, session_id",
        AGENT,
        {"name": LINUX, "state": "started", **WAIT},
        prepare=_shared,
        writes=(STARTS,),
        jobs=(LINUX,),
        waits=True,
        borrowed=True,
        leaves=1,
    ),
    Operation(
        "start and wait, by id",
        AGENT,
        {"state": "started", **WAIT},
        prepare=_by_id(LINUX),
        writes=(STARTS,),
        jobs=(LINUX,),
        waits=True,
    ),
    Operation(
        "stop and wait",
        AGENT,
        {"name": WORKSTATIONS, "state": "stopped", **WAIT},
        writes=(STOPS,),
        jobs=(WORKSTATIONS,),
    ),
    Operation(
        "retry and wait",
        AGENT,
        {"name": SQL, "state": "retried", **WAIT},
        writes=(RETRIES,),
        jobs=(SQL,),
        waits=True,
    ),
    Operation(
        "disable the schedule",
        AGENT,
        {"name": LINUX, "state": "schedule", **OFF},
        writes=(TOGGLES,),
        jobs=(LINUX,),
    ),
    Operation(
        "start, disable the schedule",
        AGENT,
        {"name": LINUX, "state": "started", **OFF},
        writes=(STARTS, TOGGLES),
        jobs=(LINUX,),
    ),
    Operation(
        "start and wait, disable the schedule",
        AGENT,
        {"name": LINUX, "state": "started", **OFF, **WAIT},
        writes=(STARTS, TOGGLES),
        jobs=(LINUX,),
        waits=True,
    ),
    Operation(
        "stop and wait, disable the schedule",
        AGENT,
        {"name": WORKSTATIONS, "state": "stopped", **OFF, **WAIT},
        writes=(TOGGLES, STOPS),
        jobs=(WORKSTATIONS,),
    ),
    Operation("attach", AGENT, {"name": LINUX, "state": "started"}, prepare=_begun(AGENT, LINUX), attaches=True),
    Operation(
        "attach and wait",
        AGENT,
        {"name": LINUX, "state": "started", **WAIT},
        prepare=_begun(AGENT, LINUX),
        waits=True,
        attaches=True,
    ),
    Operation(
        "VM job: start and wait",
        VM,
        {"name": "VM backup", "state": "started", **WAIT},
        writes=(STARTS,),
        jobs=("VM backup",),
        waits=True,
    ),
    Operation(
        "VM job: stop and wait",
        VM,
        {"name": "VM long", "state": "stopped", **WAIT},
        writes=(STOPS,),
        jobs=("VM long",),
    ),
    Operation(
        "VM job: retry and wait",
        VM,
        {"name": "VM failed", "state": "retried", **WAIT},
        writes=(RETRIES,),
        jobs=("VM failed",),
        waits=True,
    ),
    Operation(
        "VM job: disable the schedule",
        VM,
        {"name": "VM backup", "state": "schedule", **OFF},
        writes=(TOGGLES,),
        jobs=("VM backup",),
    ),
    Operation(
        "VM job: start and wait, disable the schedule",
        VM,
        {"name": "VM backup", "state": "started", **OFF, **WAIT},
        writes=(STARTS, TOGGLES),
        jobs=("VM backup",),
        waits=True,
    ),
    Operation(
        "VM job: attach and wait",
        VM,
        {"name": "VM backup", "state": "started", **WAIT},
        prepare=_begun(VM, "VM backup"),
        waits=True,
        attaches=True,
    ),
    Operation(
        "backup copy: sync and wait",
        VM,
        {"name": "VM copy", "state": "started", **WAIT},
        writes=(STARTS,),
        jobs=("VM copy",),
        waits=True,
    ),
    Operation(
        "machines: back up",
        "veeam_em_backup",
        {"machine": ["web01", "WEB02"], **WAIT_ALWAYS},
        writes=(STARTS,),
        jobs=(LINUX,),
        waits=True,
    ),
    Operation(
        "replication: start and wait",
        VM,
        {"name": "VM replica", "state": "started", **WAIT},
        writes=(STARTS,),
        jobs=("VM replica",),
        waits=True,
    ),
)


def _memory(lab: Laboratory) -> Options:
    """A place for a memory that has not been used before."""
    return {"id": _job_id(lab, LINUX), "path": f"{tempfile.mkdtemp(dir=FOLDER.name)}/memory.json"}


def _frozen(lab: Laboratory) -> Options:
    """The schedule was frozen before."""
    given = _memory(lab)
    lab.sim.set_job(LINUX, schedule={"enabled": False})
    entry = {"name": LINUX, "kind": "agent", "was_enabled": True, "state": "frozen"}
    memory = {"version": 2, "em": f"{lab.sim.host}:{lab.sim.port}", "jobs": {given["id"]: entry}}
    Path(given["path"]).write_text(json.dumps(memory), encoding="utf-8")
    return {"path": given["path"]}


_MAINTENANCE = (
    Operation(
        "freeze",
        MAINTENANCE,
        {"state": "frozen", "wait_timeout": 600},
        prepare=_memory,
        writes=(TOGGLES,),
        jobs=(LINUX,),
    ),
    Operation(
        "thaw",
        MAINTENANCE,
        {"state": "thawed", "wait_timeout": 600},
        prepare=_frozen,
        writes=(TOGGLES,),
        jobs=(LINUX,),
    ),
)

_LOGON_SESSIONS_AND_TASKS = (
    Operation("session present", "veeam_em_session", {}, leaves=1),
    Operation("session absent", "veeam_em_session", {"state": "absent"}, prepare=_logon),
    Operation("task info", "veeam_em_task_info", {}, prepare=_task_begun, borrowed=True, leaves=1),
    Operation(
        "task info, filter",
        "veeam_em_task_info",
        {"operation": "StartJob"},
        prepare=_task_there,
        borrowed=True,
        leaves=1,
    ),
    Operation("task wait", "veeam_em_task_wait", WAIT_ALWAYS, prepare=_task_begun, borrowed=True, leaves=1),
    Operation("task absent", "veeam_em_task", {"state": "absent"}, prepare=_task_begun, borrowed=True, leaves=1),
)

BACKUP_TASKS, REPLICA_TASKS = "veeam_em_backup_task_session_info", "veeam_em_replica_task_session_info"
_RECENT = "2020-01-01T00:00:00Z"

_LOOKUPS = (
    Operation("job info", "veeam_em_agent_job_info", {"include_objects": True, "include_last_session": True}),
    Operation("job info, by name", "veeam_em_agent_job_info", {"name": [SQL, LINUX], "include_last_session": True}),
    Operation("job info, by id", "veeam_em_agent_job_info", {}, prepare=_by_id(SQL)),
    Operation("job info, filter", "veeam_em_agent_job_info", {"platform": "AgentForLinux"}),
    Operation("job info, both kinds", "veeam_em_job_info", {"name": [SQL, "VM replica"]}),
    Operation("protection info", "veeam_em_protection_info", {"machine": ["sql01"], "include_restore_points": True}),
    Operation("session info", "veeam_em_job_session_info", {"job_type": "AgentBackup"}),
    Operation("session info, by id", "veeam_em_job_session_info", {}, prepare=_newest("id", "AgentBackup")),
    Operation(
        "session info, by the id of a replica session", "veeam_em_job_session_info", {}, _newest("id", "Replica")
    ),
    Operation(
        "session info, filter",
        "veeam_em_job_session_info",
        {"job_name": SQL, "result": "Failed", "created_after": _RECENT, "limit": 5},
    ),
    Operation("session wait", "veeam_em_job_session_wait", WAIT_ALWAYS, prepare=_running(AGENT, LINUX), waits=True),
    Operation(
        "session wait, replication",
        "veeam_em_job_session_wait",
        WAIT_ALWAYS,
        prepare=_running(VM, "VM replica"),
        waits=True,
    ),
    Operation("task session info", BACKUP_TASKS, {}, prepare=_newest("job_session_id", "AgentManagement")),
    Operation("task session info, by id", BACKUP_TASKS, {}, prepare=_task_session(BACKUP_TASKS, "sql01")),
    Operation("task session info, filter", BACKUP_TASKS, {"machine": "sql01", "result": "Failed"}),
    Operation("replica task session info", REPLICA_TASKS, {}, prepare=_newest("replica_session_id", "Replica")),
    Operation("replica task session info, by id", REPLICA_TASKS, {}, prepare=_task_session(REPLICA_TASKS, "vm02")),
    Operation("replica task session info, filter", REPLICA_TASKS, {"job_name": "VM replica", "created_after": _RECENT}),
    Operation("computer info", "veeam_em_computer_info", {"include_last_restore_point": True}),
    Operation("computer info, by name", "veeam_em_computer_info", {"name": "web01", "protection_group": LINUX}),
    Operation("query info", "veeam_em_query_info", {"type": "BackupJobSession"}),
    Operation("report info", "veeam_em_report_info", {"machine": ["sql01"], "kind": "agent", "rpo_hours": 24}),
    Operation(
        "query info, filter",
        "veeam_em_query_info",
        {"type": "BackupJobSession", "filter": [{"field": "JobName", "value": SQL}], "sort_by": "CreationTime"},
    ),
)

# Reading modules without a row above take their options from the table of samples.
_SAMPLES = tuple(
    Operation(module, module, options)
    for module, options in samples.READING.items()
    if module not in {operation.module for operation in _LOOKUPS}
)


# Conductor


def _workflow_id(lab: Laboratory, name: str) -> str:
    return str(next(each["id"] for each in lab.sim.workflows() if each["name"] == name))


def _conductor_task(workflow: str, *references: str) -> Callable[[Laboratory], Options]:
    def prepare(lab: Laboratory) -> Options:
        tasks = next(each["tasks"] for each in lab.sim.workflows() if each["name"] == workflow)
        return {"task_id": [task["id"] for task in tasks if task["reference"] in references]}

    return prepare


def _gate(lab: Laboratory) -> Options:
    return {"task_id": _conductor_task("change", "gate")(lab)["task_id"][0]}


def _in_workflow(name: str) -> Callable[[Laboratory], Options]:
    return lambda lab: {"workflow_id": _workflow_id(lab, name)}


def _with_token(lab: Laboratory) -> Options:
    """Instead of the key, a token of somebody else's."""
    token = lab.sim.app.state.tokens.issue(KEY_ID, KEY_SECRET, lab.time())
    return {**_gate(lab), "auth_key": None, "auth_secret": None, "auth_token": token}


INFO, AWAIT, UPDATE = "conductor_task_info", "conductor_task_wait", "conductor_task"
COMPLETED: Options = {"status": "COMPLETED", "output": {"backup": "Success"}}

_CONDUCTOR = tuple(
    Operation(
        "Conductor: " + name,
        module,
        options,
        prepare,
        server=server,
        writes=("updates",) if module == UPDATE and "done" not in name else (),
        jobs=("change/gate",) if module == UPDATE and "done" not in name else (),
        borrowed="token" in name,
    )
    for name, module, options, prepare, server in (
        ("info by id", INFO, {}, _conductor_task("work", "short", "long"), "orkes"),
        ("info by workflow", INFO, {"task_reference_name": ["short", "gate"]}, _in_workflow("work"), "orkes"),
        ("wait by id", AWAIT, WAIT_ALWAYS, _conductor_task("work", "long"), "orkes"),
        (
            "wait by workflow",
            AWAIT,
            {"task_reference_name": ["short", "long"], **WAIT_ALWAYS},
            _in_workflow("work"),
            "orkes",
        ),
        ("update by id", UPDATE, COMPLETED, _gate, "orkes"),
        (
            "update by workflow",
            UPDATE,
            {"task_reference_name": "gate", "status": "FAILED_WITH_TERMINAL_ERROR", "reason": "No backup."},
            _in_workflow("change"),
            "orkes",
        ),
        ("update, in progress", UPDATE, {"status": "IN_PROGRESS", "output": {"percent": 40}}, _gate, "orkes"),
        ("update, with a token", UPDATE, COMPLETED, _with_token, "orkes"),
        ("info by id, open source", INFO, {}, _conductor_task("work", "short"), "oss"),
        ("wait by id, open source", AWAIT, WAIT_ALWAYS, _conductor_task("work", "long"), "oss"),
        ("update by id, open source", UPDATE, COMPLETED, _gate, "oss"),
    )
)

# Of Enterprise Manager only: tests of logon sessions and signals take these.
OPERATIONS = (*_JOBS, *_MAINTENANCE, *_LOGON_SESSIONS_AND_TASKS, *_LOOKUPS, *_SAMPLES)
CONDUCTOR_OPERATIONS = _CONDUCTOR
