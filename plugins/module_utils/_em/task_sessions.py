# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads task sessions: by id, by the job session that they belong to, or by filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Callable

from .client import FEW, EmClient
from .filters import among, check_limit, conditions, creation, in_time, limited, page_size, refuse_empty
from .links import bare_id, checked_id, links
from .model import JobSession, Resource, TaskSession, TaskSessionOfJob, task_session
from .query import Condition
from .sessions import (
    AGENT_MACHINE,
    BACKUP,
    REPLICA,
    SessionKind,
    is_agent,
    query_sessions,
    read_sessions,
    records,
    since,
)
from .values import moment

# For more sessions than this, task sessions are searched by time instead of by the ids of the sessions.
MANY_SESSIONS = 40
# According to the server's times, a machine may begin a little before its run.
MARGIN = timedelta(minutes=5)
# Where a replica session links to its task sessions.
_LINK_TYPES = ("ReplicaTaskSessionReferenceList", "ReplicaTaskSessionList")


def read_task_sessions(client: EmClient, kind: SessionKind, wanted: Mapping[str, Any]) -> list[TaskSessionOfJob]:
    """Task sessions by id, by the session that they belong to, or by filters, which also narrow the first two.

    :param wanted: the options of veeam_em_backup_task_session_info or veeam_em_replica_task_session_info.
    :raises ApiError: not_found for an id that does not exist (or is older than 30 days).
    """
    refuse_empty(wanted, "id", kind.parent_option, "job_name", "machine", "state", "result")
    check_limit(wanted)
    rows: Iterable[Resource]
    if wanted["id"]:
        rows = _by_id(client, kind, wanted["id"])
    elif wanted[kind.parent_option]:
        rows = _of_parents(client, kind, wanted[kind.parent_option])
    else:
        where = conditions(wanted, job_name="JobName", machine="VmDisplayName", state="State", result="Result")
        rows = client.rows(
            kind.task_query_type, where=where, sort_by="CreationTime", descending=True, **page_size(wanted)
        )
    job_name = Condition.of("JobName", "==", *wanted["job_name"]) if wanted["job_name"] else None
    if job_name and (wanted["id"] or wanted[kind.parent_option]):
        rows = filter(job_name.holds, rows)
    found: Iterable[TaskSession] = (task_session(row, client.now()) for row in rows)
    if wanted[kind.parent_option]:
        found = sorted(found, key=creation, reverse=True)
    return _with_jobs(client, kind, limited(filter(_check(wanted), found), wanted["limit"]))


def read_task_sessions_of(
    client: EmClient, kind: SessionKind, sessions: Sequence[JobSession]
) -> dict[str, list[TaskSession]]:
    """Task sessions by the id of the job session that they belong to."""
    rows = _rows_of(client, kind, sessions)
    return {each: [task_session(row, client.now()) for row in own] for each, own in rows.items()}


def _rows_of(client: EmClient, kind: SessionKind, sessions: Sequence[JobSession]) -> dict[str, list[Resource]]:
    result: dict[str, list[Resource]] = {}
    if not sessions:
        return result
    if len(sessions) <= MANY_SESSIONS:
        rows = client.query_any(kind.task_query_type, "JobSessionUid", [each["uid"] for each in sessions])
    else:
        rows = client.query(kind.task_query_type, where=since(begun(sessions)))
    wanted = {each["id"] for each in sessions}
    for row in rows:
        owner = task_session(row, client.now())["job_session_id"]
        if owner in wanted:
            result.setdefault(str(owner), []).append(row)
    return result


def read_children(client: EmClient, runs: Sequence[JobSession]) -> dict[str, list[JobSession]]:
    """The machines' own sessions of many agent runs, as far as one query shows them, by the run's id."""
    result: dict[str, list[JobSession]] = {run["id"]: [] for run in runs}
    if result:
        where = [Condition.of("JobType", "==", AGENT_MACHINE), *since(begun(runs))]
        for child in records(client, client.query(BACKUP.query_type, where=where)):
            if child["parent_session_id"] in result:
                result[str(child["parent_session_id"])].append(child)
    return result


def read_listed_task_sessions(client: EmClient, kind: SessionKind, session_id: str) -> list[TaskSession]:
    """The task sessions of one job session from its own list."""
    return [task_session(row, client.now()) for row in _listed(client, kind, session_id)]


def begun(sessions: Iterable[JobSession]) -> datetime | None:
    """A time before the first of some sessions began; None if one of them has no time."""
    moments = [moment(each["creation_time"]) for each in sessions]
    known = [each for each in moments if each]
    return min(known) - MARGIN if known and len(known) == len(moments) else None


def _check(wanted: Mapping[str, Any]) -> Callable[[TaskSession], bool]:
    def check(record: TaskSession) -> bool:
        return (
            among(record["machine"], wanted["machine"])
            and among(record["state"], wanted["state"])
            and among(record["result"], wanted["result"])
            and in_time(record["creation_time"], wanted)
        )

    return check


def _with_jobs(client: EmClient, kind: SessionKind, found: Sequence[TaskSession]) -> list[TaskSessionOfJob]:
    """Task sessions do not name their job, but their job sessions do.

    The session of one machine in an agent run belongs to a job of its own (em_rest 7), so there the run's job counts.
    """
    own = query_sessions(client, kind, sorted({each["job_session_id"] for each in found if each["job_session_id"]}))
    above = {each["parent_session_id"] for each in own.values() if each["parent_session_id"]}
    runs = query_sessions(client, kind, sorted(above))
    result: list[TaskSessionOfJob] = []
    for each in found:
        session = own.get(each["job_session_id"])
        run = runs.get(session["parent_session_id"], session) if session else None
        result.append({**each, "job_name": run["job_name"] if run else None, "job_id": run["job_id"] if run else None})
    return result


def _by_id(client: EmClient, kind: SessionKind, ids: Sequence[str]) -> list[Resource]:
    if len(ids) <= FEW:
        return [client.entity(kind.task_collection, each) for each in ids]
    return _entities(client, kind, [{"uid": f"urn:veeam:{kind.task_query_type}:{checked_id(each)}"} for each in ids])


def _of_parents(client: EmClient, kind: SessionKind, parents: Sequence[str]) -> list[Resource]:
    """The task sessions of some job sessions; those of an agent run are those of its machines, too.

    Those of many are read together. If that finds nothing for a session, its own list is read.
    """
    found: dict[str, list[Resource]] = {}
    if len(parents) > FEW:
        sessions = list(read_sessions(client, parents, [kind]))
        children = read_children(client, [each for each in sessions if is_agent(each)])
        groups = {each["id"]: [each, *children.get(each["id"], [])] for each in sessions}
        rows = _rows_of(client, kind, list({each["id"]: each for group in groups.values() for each in group}.values()))
        found = {each: [row for one in group for row in rows.get(one["id"], [])] for each, group in groups.items()}
    return [row for each in parents for row in found.get(str(bare_id(each.strip()))) or _listed(client, kind, each)]


def _listed(client: EmClient, kind: SessionKind, parent: str) -> list[Resource]:
    """Follow the link that the server gives, since replication servers may use a misspelled path (em_rest 8)."""
    path = f"{kind.collection}/{checked_id(parent)}"
    if kind is REPLICA:
        down = links(client.entity(kind.collection, parent), "Down", *_LINK_TYPES)
        rows = client.linked(down[0]) if down else client.collection(f"{path}/{kind.task_list}")
    else:
        rows = client.collection(f"{path}/{kind.task_list}")
    return _entities(client, kind, rows)


def _entities(client: EmClient, kind: SessionKind, rows: Sequence[Resource]) -> list[Resource]:
    """Turn references into entities with a few queries; entities stay unchanged."""
    wanted = [str(row["uid"]) for row in rows if "state" not in row and row.get("uid")]
    found = {}
    if wanted:
        found = {bare_id(row.get("uid")): row for row in client.query_any(kind.task_query_type, "UID", wanted)}
    result = []
    for row in rows:
        uid = bare_id(row.get("uid"))
        if "state" in row or uid is None:
            result.append(row)
        else:
            result.append(found.get(uid) or client.entity(kind.task_collection, uid))
    return result
