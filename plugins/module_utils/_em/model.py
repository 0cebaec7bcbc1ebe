# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoded resources into the records that modules return, and THE classifier of states (em_rest 12).

Times are the server's UTC ISO 8601 text, sizes bytes, ids bare GUIDs in lower case.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from .codec import as_dict, as_list
from .links import backup_server, bare_id, id_in, links

Record = dict[str, Any]

RUNNING = "running"
FINAL = "final"
UNKNOWN = "unknown"

TASK = "task"
JOB_SESSION = "job session"
TASK_SESSION = "task session"

SUCCESS, WARNING, FAILED = "Success", "Warning", "Failed"
RESULTS = (SUCCESS, WARNING, FAILED)

_STATES = {
    TASK: {"running": RUNNING, "operationfinished": RUNNING, "finished": FINAL},
    JOB_SESSION: {
        "starting": RUNNING,
        "working": RUNNING,
        "running": RUNNING,
        "idle": RUNNING,
        "pausing": RUNNING,
        "resuming": RUNNING,
        "stopping": RUNNING,
        "stopped": FINAL,
    },
    TASK_SESSION: {"pending": RUNNING, "inprogress": RUNNING, "completed": FINAL},
}


def classify(what: str, state: Any) -> str:
    """RUNNING, FINAL or UNKNOWN. An unknown state never ends a wait.

    :param what: TASK, JOB_SESSION or TASK_SESSION.
    """
    return _STATES[what].get(str(state).lower(), UNKNOWN)


def verdict(what: str, state: Any, result: Any) -> str | None:
    """The result in a final state, None before: it may read Success while the run goes on (em_rest 12)."""
    if classify(what, state) != FINAL or not result:
        return None
    return next((known for known in RESULTS if known.lower() == str(result).lower()), str(result))


def worst(results: list[Any]) -> str | None:
    """The worst of some verdicts; None when there is none or one is missing."""
    if not results or not all(results):
        return None
    return max(results, key=severity)


def severity(result: str | None) -> int:
    """How bad a verdict is; one that is missing or not known is the worst."""
    return RESULTS.index(result) if result in RESULTS else len(RESULTS)


def task(resource: Record) -> Record:
    """A task: the trigger of an action, not its outcome."""
    outcome = as_dict(resource.get("result"))
    finished = classify(TASK, resource.get("state")) == FINAL
    related = [link.get("href") for link in links(resource, "Related") if "Session" in str(link.get("type"))]
    return {
        "id": str(resource.get("task_id") or ""),
        "state": _text(resource.get("state")),
        "operation": _text(resource.get("operation")),
        "finished": finished,
        "success": outcome.get("success") if finished else None,
        "message": _text(outcome.get("message")),
        "job_session_id": id_in(related[0]) if related else None,
    }


def job(resource: Record) -> Record:
    """A job of /agents/jobs or /jobs."""
    options = as_dict(resource.get("job_schedule_options"))
    return {
        "id": bare_id(resource.get("uid")),
        "uid": _text(resource.get("uid")),
        "name": _text(resource.get("name")),
        "job_type": _text(resource.get("job_type")),
        "platform": _text(resource.get("platform")),
        "description": _text(resource.get("description")),
        "backup_server": _text(backup_server(resource).get("name")),
        "schedule_configured": resource.get("schedule_configured") is True,
        "schedule_enabled": resource.get("schedule_enabled") is True,
        "next_run": resource.get("next_run"),
        # Current servers wrap the options once more, under a misspelt name (em_rest 5, Schedule options).
        "schedule": _enabled_only(as_dict(options.get("standart")) or options) or None,
    }


def job_objects(resource: Record) -> list[Record]:
    """What an agent job protects: protection groups and computers, told apart only by name (em_rest 5)."""
    info = resource.get("job_info")
    # The decoder shows a wrapper that holds one list as that list: a JobInfo with includes and nothing else.
    includes = info if isinstance(info, list) else as_dict(info).get("includes") or []
    if isinstance(includes, dict):
        includes = next((value for value in includes.values() if isinstance(value, list)), [includes])
    return [
        {
            "id": _text(item.get("object_in_job_id")).lower(),
            "name": _text(item.get("name")),
            "display_name": _text(item.get("display_name") or item.get("name")),
        }
        for item in map(as_dict, as_list(includes))
        if item
    ]


def job_session(resource: Record) -> Record:
    """A run of a job: BackupJobSession or ReplicaJobSession."""
    state = resource.get("state")
    name = _text(resource.get("name"))
    up = links(resource, "Up", "JobReference", "Job")
    return {
        "id": bare_id(resource.get("uid")),
        "uid": _text(resource.get("uid")),
        "name": name,
        "job_id": bare_id(resource.get("job_uid")) or (id_in(up[0].get("href")) if up else None),
        "job_name": _text(resource.get("job_name") or name.rpartition("@")[0]),
        "job_type": _text(resource.get("job_type")),
        "state": _text(state),
        "result": verdict(JOB_SESSION, state, resource.get("result")),
        "progress": resource.get("progress") if isinstance(resource.get("progress"), int) else None,
        "running": classify(JOB_SESSION, state) != FINAL,
        "creation_time": resource.get("creation_time_utc"),
        "end_time": resource.get("end_time_utc"),
        "is_retry": resource.get("is_retry") is True,
        "failure_message": _text(resource.get("failure_message")).strip() or None,
    }


def task_session(resource: Record) -> Record:
    """What happened to one machine in a run: BackupTaskSession or ReplicaTaskSession."""
    state = resource.get("state")
    name = _text(resource.get("name"))
    size = resource.get("total_size")
    return {
        "id": bare_id(resource.get("uid")),
        "uid": _text(resource.get("uid")),
        "name": name,
        "machine": _text(resource.get("vm_display_name") or name.rpartition("@")[0] or name),
        "job_session_id": bare_id(resource.get("job_session_uid")),
        "state": _text(state),
        "result": verdict(TASK_SESSION, state, resource.get("result")),
        "reason": _text(resource.get("reason")).strip(),
        "total_size": size if isinstance(size, int) else None,
        "creation_time": resource.get("creation_time_utc"),
        "end_time": resource.get("end_time_utc"),
    }


def computer(resource: Record) -> Record:
    """A discovered computer."""
    groups = links(resource, "Up", "AgentProtectionGroupReference", "AgentProtectionGroup")
    return {
        "id": bare_id(resource.get("uid")),
        "uid": _text(resource.get("uid")),
        "name": _text(resource.get("name")),
        "backup_server": _text(backup_server(resource).get("name")),
        "protection_group": _text(groups[0].get("name")) if groups else None,
        "protection_group_id": id_in(groups[0].get("href")) if groups else None,
        "host_status": _text(resource.get("host_status")),
        "agent_status": _text(resource.get("agent_status")),
        "agent_version": _text(resource.get("agent_version")),
        "os_version": _text(resource.get("os_version")),
        "ip_address": _text(resource.get("ip_address")),
    }


def moment(text: Any) -> datetime | None:
    """A server's time, with any number of fractional digits (em_rest 15, trap 21), as an aware datetime; else None."""
    match = re.match(
        r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$", str(text or "").strip()
    )
    if not match:
        return None
    fraction = (match.group(7) or "")[:6].ljust(6, "0")
    zone = match.group(8) or "Z"
    offset = timedelta(0)
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        return datetime(year, month, day, hour, minute, second, int(fraction), timezone.utc) - offset
    except (ValueError, OverflowError):
        return None


def age_hours(text: Any, now: datetime) -> float | None:
    """Hours between a server's time and `now`; None when there is no time."""
    then = moment(text)
    return round((now - then).total_seconds() / 3600, 2) if then else None


def _enabled_only(options: Record) -> Record:
    """Schedule options without the kinds of schedule that are switched off: hundreds of lines otherwise."""
    return {key: value for key, value in options.items() if as_dict(value).get("enabled") is not False}


def _text(value: Any) -> str:
    if isinstance(value, list):
        # An attribute and a child element of the same name: the attribute comes first.
        value = value[0] if value else ""
    if value is None or isinstance(value, dict):
        return ""
    return str(value)
