# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to each machine of a run: its own session and its task session in one record (em_rest 7).

A record describes one session, not a name: two machines may have the same name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .client import EmClient
from .links import bare_id
from .model import JobSession, Machine, TaskSession, severity, worst
from .names import same_machine
from .sessions import BACKUP, KINDS, is_agent, kind_of, read_session, records
from .task_sessions import read_children, read_listed_task_sessions, read_task_sessions_of
from .values import lasted

# Up to this many runs, each run's own list of machines is read; above it, the machines are searched among all.
FEW_RUNS = 3
_WORD = re.compile(r"[^\W_]+")


def read_machines(client: EmClient, runs: Sequence[JobSession]) -> dict[str, list[Machine]]:
    """What happened to each machine of some runs: session id -> machines.

    The machines of many runs are read together. If that finds nothing for an ended run, the run's own lists are read.
    """
    result: dict[str, list[Machine]] = {}
    children = _children(client, [run for run in runs if is_agent(run)])
    for kind in KINDS:
        mine = [run for run in runs if kind_of(run["job_type"]) is kind]
        groups = {run["id"]: [run, *children.get(run["id"], [])] for run in mine}
        found = read_task_sessions_of(client, kind, [each for group in groups.values() for each in group])
        for run in mine:
            ids = [member["id"] for member in groups[run["id"]]]
            own = [each for session_id in ids for each in found.get(session_id, [])]
            if not own and not run["running"]:
                listed = read_listed_task_sessions(client, kind, run["id"])
                own = [each for each in listed if each["job_session_id"] in (None, *ids)]
            result[run["id"]] = merge(run, groups[run["id"]][1:], own)
    return result


@dataclass(frozen=True)
class Member:
    """One machine of a run: its own session and its task sessions, or only a task session.

    :ivar child: the machine's own session; None if there is only a task session.
    :ivar parts: the task sessions.
    """

    child: JobSession | None
    parts: Sequence[TaskSession]


def merge(run: JobSession, children: Sequence[JobSession], task_sessions: Sequence[TaskSession]) -> list[Machine]:
    """The records of the machines of a run."""
    machines = [machine(run, member) for member in members_of(run, children, task_sessions)]
    return sorted(machines, key=lambda each: (each["name"].lower(), each["id"]))


def members_of(run: JobSession, children: Sequence[JobSession], task_sessions: Sequence[TaskSession]) -> list[Member]:
    """The machines of a run: sessions joined with their task sessions.

    A task session belongs to the child that it names; if it names the run, to the only child with its name. A task
    session without a child counts as a separate machine: one too many is better than one lost.
    """
    children = sorted(children, key=lambda child: child["id"])
    parts: dict[str, list[TaskSession]] = {child["id"]: [] for child in children}
    alone: list[TaskSession] = []
    for each in sorted(task_sessions, key=lambda one: (one["job_session_id"] not in parts, one["id"])):
        owner = each["job_session_id"] if each["job_session_id"] in parts else _owner(run, each, children, parts)
        if owner:
            parts[owner].append(each)
        else:
            alone.append(each)
    return [Member(child, parts[child["id"]]) for child in children] + [Member(None, [each]) for each in alone]


def machine(run: JobSession, member: Member) -> Machine:
    """The record of one machine of a run."""
    if member.child:
        return _machine(run, member.child, member.parts)
    alone = member.parts[0]
    return {
        "id": alone["id"],
        "name": alone["machine"],
        "result": alone["result"],
        "reason": alone["reason"] or None,
        "state": alone["state"],
        "task_session_id": alone["id"],
        "duration_seconds": lasted(alone["creation_time"], alone["end_time"]),
    }


def _owner(
    run: JobSession, each: TaskSession, children: Sequence[JobSession], parts: dict[str, list[TaskSession]]
) -> str | None:
    """The child without a task session that has the name of this one.

    Of several with the same name, one with the same result; of several with different names, none is certain.
    """
    free = [child for child in children if not parts[child["id"]]]
    named = [(child, machine_of(child, run)) for child in free]
    equal = [(child, name) for child, name in named if name.lower() == each["machine"].lower()]
    alike = equal or [(child, name) for child, name in named if same_machine(name, each["machine"])]
    if len({name.lower() for _child, name in alike}) != 1:
        return None
    return min(alike, key=lambda one: one[0]["result"] != each["result"])[0]["id"]


def _machine(run: JobSession, child: JobSession, parts: Sequence[TaskSession]) -> Machine:
    name = machine_of(child, run)
    for each in parts:
        # Without a dash, the name of the child's job does not show the machine.
        if name == child["job_name"] or (same_machine(name, each["machine"]) and len(each["machine"]) > len(name)):
            name = each["machine"]
    worst_part = max(parts, key=lambda each: severity(each["result"]), default=None)
    return {
        "id": child["id"],
        "name": name,
        # The verdict is final only if the machine's session and its task sessions have all ended.
        "result": worst([child["result"], *(each["result"] for each in parts)]),
        "reason": "; ".join(distinct([child["failure_message"], *(each["reason"] for each in parts)])) or None,
        "state": child["state"],
        "task_session_id": worst_part["id"] if worst_part else None,
        "duration_seconds": lasted(child["creation_time"], child["end_time"]),
    }


def machine_of(child: JobSession, run: JobSession) -> str:
    """The machine of a child: its own job is called "<job> - <machine>" (em_rest 15, trap 17).

    If the job has been renamed since, the part after the last dash is the machine, as host names have no
    blanks.
    """
    prefix, name = run["job_name"] + " - ", child["job_name"]
    if name.startswith(prefix) and len(name) > len(prefix):
        return name[len(prefix) :]
    return name.rpartition(" - ")[2] or name


def distinct(reasons: Sequence[str | None]) -> list[str]:
    """Reasons without those whose words another reason already contains."""
    kept: list[str] = []
    for reason in filter(None, reasons):
        said = _words(reason)
        if any(said in _words(each) for each in kept):
            continue
        kept = [each for each in kept if _words(each) not in said] + [reason]
    return kept


def _words(reason: str) -> str:
    """The comparable form of a reason: its words, between blanks."""
    return f" {' '.join(_WORD.findall(reason.lower()))} "


def complete(session: JobSession, machines: Sequence[Machine]) -> bool:
    """Whether the machines explain the verdict of an ended run."""
    results = [each["result"] for each in machines]
    return bool(session["result"]) and bool(results) and all(results) and worst(results) == session["result"]


def _children(client: EmClient, runs: Sequence[JobSession]) -> dict[str, list[JobSession]]:
    """The machines' own sessions of agent runs, by the run's id."""
    result = read_children(client, runs) if len(runs) > FEW_RUNS else {run["id"]: [] for run in runs}
    for run in runs:
        if not result[run["id"]] and (len(runs) <= FEW_RUNS or not run["running"]):
            result[run["id"]] = listed_children(client, run)
    return result


def listed_children(client: EmClient, run: JobSession) -> list[JobSession]:
    """The children of a run from its own list, which contains references."""
    rows = client.collection(f"{BACKUP.collection}/{run['id']}/agentManagementSessions")
    uids = {bare_id(row.get("uid")): str(row.get("uid")) for row in rows if row.get("uid")}
    found = client.query_any(BACKUP.query_type, "UID", list(uids.values())) if uids else []
    by_id = {child["id"]: child for child in records(client, found)}
    children = [by_id.get(str(each)) or read_session(client, str(each), BACKUP) for each in uids]
    return [child for child in children if child["parent_session_id"] in (None, run["id"])]
