# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns decoded resources into the records that modules return; the only classifier of states (em_rest 12).

Times are the server's UTC ISO 8601 text, sizes are bytes, ids are bare GUIDs in lower case. Values that the server
does not report are None.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from .codec import as_dict, as_list
from .links import backup_server, bare_id, id_in, links, parent_session_id
from .values import flag, known_text, moment, text, time_text, whole

Resource = dict[str, Any]

RUNNING = "running"
FINAL = "final"
UNKNOWN = "unknown"

TASK = "task"
JOB_SESSION = "job session"
TASK_SESSION = "task session"

SUCCESS, WARNING, FAILED = "Success", "Warning", "Failed"
RESULTS = (SUCCESS, WARNING, FAILED)

_IDLE, _STOPPING, _OPERATION_FINISHED = "idle", "stopping", "operationfinished"
_STATES = {
    TASK: {"running": RUNNING, _OPERATION_FINISHED: RUNNING, "finished": FINAL},
    JOB_SESSION: {
        "starting": RUNNING,
        "working": RUNNING,
        "running": RUNNING,
        _IDLE: RUNNING,
        "pausing": RUNNING,
        "resuming": RUNNING,
        _STOPPING: RUNNING,
        "stopped": FINAL,
    },
    TASK_SESSION: {"pending": RUNNING, "inprogress": RUNNING, "completed": FINAL},
}


class Task(TypedDict):
    """A task: the trigger of an action, not its outcome."""

    id: str
    state: str | None
    operation: str
    finished: bool
    success: bool | None
    message: str
    job_session_id: str | None


class JobObject(TypedDict):
    """What a job protects: a protection group or a computer, a VM or a container of VMs."""

    id: str
    name: str
    display_name: str
    type: str | None
    reference: str | None


class JobSession(TypedDict):
    """A run of a job, or the part of one machine in the run of an agent job."""

    id: str
    uid: str
    name: str
    job_id: str | None
    job_name: str
    job_type: str | None
    backup_server: str | None
    parent_session_id: str | None
    state: str | None
    result: str | None
    progress: int | None
    running: bool
    creation_time: str | None
    end_time: str | None
    is_retry: bool | None
    failure_message: str | None


class _Job(TypedDict):
    id: str
    uid: str
    name: str
    job_type: str | None
    platform: str | None
    description: str
    backup_server: str | None
    schedule_configured: bool | None
    schedule_enabled: bool | None
    next_run: str | None
    schedule: Resource | None


class Job(_Job, total=False):
    """A job of /agents/jobs (kind agent) or /jobs (kind vm). The last two fields are filled on request."""

    kind: str
    objects: list[JobObject]
    last_session: JobSession | None


class Machine(TypedDict):
    """What happened to one machine in a run: its own session and its task session in one."""

    id: str
    name: str
    result: str | None
    reason: str | None
    state: str | None
    task_session_id: str | None
    duration_seconds: float | None


class TaskSession(TypedDict):
    """What happened to one object of a run."""

    id: str
    uid: str
    name: str
    machine: str
    job_session_id: str | None
    state: str | None
    result: str | None
    reason: str
    total_size: int | None
    creation_time: str | None
    end_time: str | None


class TaskSessionOfJob(TaskSession):
    """A task session with its job; both are None if Enterprise Manager does not show the job session any more."""

    job_name: str | None
    job_id: str | None


class RestorePoint(TypedDict):
    """The newest restore point of a computer."""

    id: str | None
    creation_time: str | None
    age_hours: float | None
    point_type: str | None


class _Computer(TypedDict):
    id: str
    uid: str
    name: str
    backup_server: str | None
    protection_group: str | None
    protection_group_id: str | None
    host_status: str | None
    agent_status: str | None
    agent_version: str | None
    os_version: str | None
    ip_address: str | None


class Computer(_Computer, total=False):
    """A discovered computer. The last field is filled on request."""

    last_restore_point: RestorePoint | None


def classify(what: str, state: Any) -> str:
    """RUNNING, FINAL or UNKNOWN; letter case does not matter.

    :param what: TASK, JOB_SESSION or TASK_SESSION.
    """
    return _STATES[what].get(_plain(state), UNKNOWN)


def _plain(state: Any) -> str:
    return str(state).strip().lower()


def has_ended(what: str, state: Any, result: Any, end: datetime | None, now: datetime | None) -> bool:
    """Whether a session has ended: its state is final, or its state is unknown but its end and result are known.

    :param end: when it ended, if that is credible.
    :param now: by the server's clock; an end in the future does not count.
    """
    kind = classify(what, state)
    if kind == UNKNOWN:
        return bool(end and (now is None or end <= now) and verdict(result) in RESULTS)
    return kind == FINAL


def verdict(result: Any) -> str | None:
    """A result in the spelling of RESULTS; unknown results are unchanged; None if there is none (yet)."""
    given = text(result)
    if given.lower() in ("", "none"):
        return None
    return next((known for known in RESULTS if known.lower() == given.lower()), given)


def worst(results: list[Any]) -> str | None:
    """The worst of some verdicts; None if there are none or one is missing."""
    if not results or not all(results):
        return None
    return max(results, key=severity)


def severity(result: str | None) -> int:
    """How bad a verdict is; a missing or unknown one is the worst."""
    return RESULTS.index(result) if result in RESULTS else len(RESULTS)


def is_copy(job_type: str | None) -> bool:
    """Whether jobs of this type are backup copy jobs: started by sync, a session for each source (em_rest 7, 9)."""
    return "copy" in str(job_type).lower()


def operation_finished(record: Task) -> bool:
    """Whether the backup server is done with a task, even if Enterprise Manager has not collected the data yet."""
    return record["finished"] or _plain(record["state"]) == _OPERATION_FINISHED


def is_idle(session: JobSession) -> bool:
    """Whether a backup copy job waits for its next interval: an open session, not a busy one."""
    return _plain(session["state"]) == _IDLE


def is_stopping(session: JobSession) -> bool:
    """Whether a run is stopping."""
    return _plain(session["state"]) == _STOPPING


def state_is_unknown(session: JobSession) -> bool:
    """Whether a run is in a state that this collection does not know."""
    return classify(JOB_SESSION, session["state"]) == UNKNOWN


def task(resource: Resource) -> Task:
    """The record of a task."""
    outcome = as_dict(resource.get("result"))
    finished = classify(TASK, resource.get("state")) == FINAL
    related = [link.get("href") for link in links(resource, "Related") if "session" in str(link.get("type")).lower()]
    return {
        "id": text(resource.get("task_id")),
        "state": known_text(resource.get("state")),
        "operation": text(resource.get("operation")),
        "finished": finished,
        "success": flag(outcome.get("success")) if finished else None,
        "message": text(outcome.get("message")),
        "job_session_id": id_in(related[0]) if related else None,
    }


def job(resource: Resource) -> Job:
    """The record of a job."""
    options = as_dict(resource.get("job_schedule_options"))
    return {
        "id": bare_id(resource.get("uid")) or "",
        "uid": text(resource.get("uid")),
        "name": text(resource.get("name")),
        "job_type": known_text(resource.get("job_type")),
        "platform": known_text(resource.get("platform")),
        "description": text(resource.get("description")),
        "backup_server": known_text(backup_server(resource).get("name")),
        "schedule_configured": flag(resource.get("schedule_configured")),
        "schedule_enabled": flag(resource.get("schedule_enabled")),
        "next_run": time_text(resource.get("next_run")),
        # Current servers wrap the options once more, under a misspelled name (em_rest 5, Schedule options).
        "schedule": _enabled_only(as_dict(options.get("standart")) or options) or None,
    }


def job_objects(resource: Resource) -> list[JobObject]:
    """What a job protects.

    Only names distinguish the protection groups and computers of an agent job (em_rest 5). VM jobs have one more
    layer, named after the type of the job (em_rest 9).
    """
    info = resource.get("job_info")
    layers = [info, *(value for key, value in as_dict(info).items() if key.endswith("job_info"))]
    # The decoder turns a wrapper that contains one list into that list: a JobInfo with includes only.
    includes: Any = next((each for each in layers if isinstance(each, list)), None)
    includes = includes or next((each["includes"] for each in map(as_dict, layers) if each.get("includes")), [])
    if isinstance(includes, dict):
        includes = next((value for value in includes.values() if isinstance(value, list)), [includes])
    return [
        {
            "id": text(item.get("object_in_job_id")).lower(),
            "name": text(item.get("name")),
            "display_name": text(item.get("display_name") or item.get("name")),
            "type": _object_type(item.get("hierarchy_obj_ref")),
            "reference": known_text(item.get("hierarchy_obj_ref")),
        }
        for item in map(as_dict, as_list(includes))
        if item
    ]


def _object_type(reference: Any) -> str | None:
    """The type of a VM job's object, such as Vm: the third word of its reference (em_rest 9); agent jobs have none."""
    words = text(reference).split(":")
    return words[2] or None if len(words) > 3 else None


def job_session(resource: Resource, now: datetime | None = None) -> JobSession:
    """The record of a run: BackupJobSession or ReplicaJobSession.

    :param now: by the server's clock, to decide whether an end is credible.
    """
    name = text(resource.get("name"))
    up = links(resource, "Up", "JobReference", "Job")
    ended, result, end = _ending(JOB_SESSION, resource, now)
    return {
        "id": bare_id(resource.get("uid")) or "",
        "uid": text(resource.get("uid")),
        "name": name,
        "job_id": bare_id(resource.get("job_uid")) or (id_in(up[0].get("href")) if up else None),
        "job_name": text(resource.get("job_name")) or name.rpartition("@")[0],
        "job_type": known_text(resource.get("job_type")),
        "backup_server": known_text(backup_server(resource).get("name")),
        "parent_session_id": parent_session_id(resource),
        "state": known_text(resource.get("state")),
        "result": result,
        "progress": whole(resource.get("progress")),
        "running": not ended,
        "creation_time": time_text(resource.get("creation_time_utc")),
        "end_time": end,
        "is_retry": flag(resource.get("is_retry")),
        "failure_message": text(resource.get("failure_message")).strip() or None,
    }


def task_session(resource: Resource, now: datetime | None = None) -> TaskSession:
    """The record of a task session: BackupTaskSession or ReplicaTaskSession.

    :param now: by the server's clock, to decide whether an end is credible.
    """
    name = text(resource.get("name"))
    _ended, result, end = _ending(TASK_SESSION, resource, now)
    return {
        "id": bare_id(resource.get("uid")) or "",
        "uid": text(resource.get("uid")),
        "name": name,
        "machine": text(resource.get("vm_display_name")) or name.rpartition("@")[0] or name,
        "job_session_id": bare_id(resource.get("job_session_uid")) or parent_session_id(resource),
        "state": known_text(resource.get("state")),
        "result": result,
        "reason": text(resource.get("reason")).strip(),
        "total_size": whole(resource.get("total_size")),
        "creation_time": time_text(resource.get("creation_time_utc")),
        "end_time": end,
    }


def computer(resource: Resource) -> Computer:
    """The record of a discovered computer."""
    groups = links(resource, "Up", "AgentProtectionGroupReference", "AgentProtectionGroup")
    return {
        "id": bare_id(resource.get("uid")) or "",
        "uid": text(resource.get("uid")),
        "name": text(resource.get("name")),
        "backup_server": known_text(backup_server(resource).get("name")),
        "protection_group": known_text(groups[0].get("name")) if groups else None,
        "protection_group_id": id_in(groups[0].get("href")) if groups else None,
        "host_status": known_text(resource.get("host_status")),
        "agent_status": known_text(resource.get("agent_status")),
        "agent_version": known_text(resource.get("agent_version")),
        "os_version": known_text(resource.get("os_version")),
        "ip_address": known_text(resource.get("ip_address")),
    }


def _ending(what: str, resource: Resource, now: datetime | None) -> tuple[bool, str | None, str | None]:
    """Whether a session has ended, and if so, its result and end: before, both may be present but mean nothing."""
    created, end = moment(resource.get("creation_time_utc")), moment(resource.get("end_time_utc"))
    if end and created and end < created:
        end = None
    if not has_ended(what, resource.get("state"), resource.get("result"), end, now):
        return False, None, None
    return True, verdict(resource.get("result")), text(resource.get("end_time_utc")) if end else None


def _enabled_only(options: Resource) -> Resource:
    """Schedule options without the kinds of schedule that are off, which would be hundreds of lines."""
    return {key: value for key, value in options.items() if flag(as_dict(value).get("enabled")) is not False}
