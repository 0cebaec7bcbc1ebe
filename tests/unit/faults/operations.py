"""Every operation of every veeam_em_* module, for the fault matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory

Options = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One use of a module.

    prepare: called on a healthy server; returns options that are only known then. `session_id` among them makes the
        operation one within a logon session of somebody else's.
    writes: the simulator's counter of the write, and the jobs that are written to.
    leaves: logon sessions that are open afterwards, as it should be.
    """

    name: str
    module: str
    options: Options
    prepare: Callable[[Laboratory], Options] = lambda lab: {}
    writes: str = ""
    jobs: tuple[str, ...] = ()
    waits: bool = False
    leaves: int = 0


def _logon(lab: Laboratory) -> Options:
    logon = lab.run("veeam_em_session")
    return {"session_id": logon["session_id"], "logon_session_id": logon["logon_session_id"]}


def _shared(lab: Laboratory) -> Options:
    return {"session_id": _logon(lab)["session_id"]}


def _task(lab: Laboratory) -> Options:
    """A task that has just begun, in a logon session of somebody else's."""
    shared = _shared(lab)
    job_id = next(job["id"] for job in lab.sim.jobs() if job["name"] == "Linux servers")
    with lab.client(**shared) as client:
        return {**shared, "task_id": client.act(f"agents/jobs/{job_id}", "start")["task_id"]}


def _running(lab: Laboratory) -> Options:
    started = lab.run("veeam_em_agent_job", name="Linux servers", state="started", wait=True, wait_timeout=5)
    return {"id": started["jobs"][0]["session"]["id"]}


def _newest(option: str, job_type: str) -> Callable[[Laboratory], Options]:
    def prepare(lab: Laboratory) -> Options:
        found = lab.run("veeam_em_job_session_info", job_type=job_type, limit=1)
        return {option: found["sessions"][0]["id"]}

    return prepare


WAIT: Options = {"wait": True, "wait_timeout": 600, "poll_error_timeout": 60}
WAIT_ALWAYS: Options = {"wait_timeout": 600, "poll_error_timeout": 60}
AGENT = "veeam_em_agent_job"
LINUX, SQL, WORKSTATIONS = "Linux servers", "SQL servers", "Workstations"

OPERATIONS = (
    Operation("start", AGENT, {"name": LINUX, "state": "started"}, writes="starts", jobs=(LINUX,)),
    Operation(
        "start and wait",
        AGENT,
        {"name": LINUX, "state": "started", **WAIT},
        writes="starts",
        jobs=(LINUX,),
        waits=True,
    ),
    Operation(
        "start two and wait",
        AGENT,
        {"name": [LINUX, SQL], "state": "started", **WAIT},
        writes="starts",
        jobs=(LINUX, SQL),
        waits=True,
    ),
    Operation(
        "start and wait, session_id",
        AGENT,
        {"name": LINUX, "state": "started", **WAIT},
        prepare=_shared,
        writes="starts",
        jobs=(LINUX,),
        waits=True,
        leaves=1,
    ),
    Operation(
        "stop and wait",
        AGENT,
        {"name": WORKSTATIONS, "state": "stopped", **WAIT},
        writes="stops",
        jobs=(WORKSTATIONS,),
    ),
    Operation(
        "retry and wait",
        AGENT,
        {"name": SQL, "state": "retried", **WAIT},
        writes="retries",
        jobs=(SQL,),
        waits=True,
    ),
    Operation(
        "disable the schedule",
        AGENT,
        {"name": LINUX, "state": "schedule", "schedule_enabled": False},
        writes="toggles",
        jobs=(LINUX,),
    ),
    Operation(
        "VM job: start and wait",
        "veeam_em_job",
        {"name": "VM backup", "state": "started", **WAIT},
        writes="starts",
        jobs=("VM backup",),
        waits=True,
    ),
    Operation(
        "replication: start and wait",
        "veeam_em_job",
        {"name": "VM replica", "state": "started", **WAIT},
        writes="starts",
        jobs=("VM replica",),
        waits=True,
    ),
    Operation("job info", "veeam_em_agent_job_info", {"include_objects": True, "include_last_session": True}),
    Operation("task info", "veeam_em_task_info", {}, prepare=_task, leaves=1),
    Operation("task wait", "veeam_em_task_wait", WAIT_ALWAYS, prepare=_task, leaves=1),
    Operation("task absent", "veeam_em_task", {"state": "absent"}, prepare=_task, leaves=1),
    Operation("session present", "veeam_em_session", {}, leaves=1),
    Operation("session absent", "veeam_em_session", {"state": "absent"}, prepare=_logon),
    Operation("session info", "veeam_em_job_session_info", {"job_type": "AgentBackup"}),
    Operation("session wait", "veeam_em_job_session_wait", WAIT_ALWAYS, prepare=_running),
    Operation(
        "task session info",
        "veeam_em_backup_task_session_info",
        {},
        prepare=_newest("job_session_id", "AgentManagement"),
    ),
    Operation(
        "replica task session info",
        "veeam_em_replica_task_session_info",
        {},
        prepare=_newest("replica_session_id", "Replica"),
    ),
    Operation("computer info", "veeam_em_computer_info", {"include_last_restore_point": True}),
    Operation("query info", "veeam_em_query_info", {"type": "BackupJobSession"}),
)
