# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of job sessions (em_rest 7 and 8): reads them, and finds the job that a session belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Callable

from .._errors import AMBIGUOUS, NOT_FOUND, ApiError
from .client import FEW, EmClient
from .filters import among, check_limit, conditions, creation, filter_time, in_time, limited, page_size, refuse_empty
from .links import bare_id, checked_id
from .model import Job, JobSession, Resource, is_copy, job_session, state_is_unknown
from .query import Clause, Condition, Either, fits

AGENT_RUN = "AgentBackup"
AGENT_MACHINE = "AgentManagement"

# Up to this many jobs, sessions are requested by name and id; above it, they are searched among all.
FEW_JOBS = 20
# How many sessions of all jobs are searched, newest first, before or after jobs are requested by id.
MANY_ROWS = 1000
# The page size for the newest sessions of some jobs.
LAST_PAGE = 100
# Each backup server has its own clock: sessions are searched from this long before a time by EM's clock.
CLOCK_MARGIN = timedelta(hours=1)
# Enterprise Manager only lists the sessions of the last 30 days (em_rest 7).
LISTED = timedelta(days=31)


@dataclass(frozen=True)
class SessionKind:
    """Where sessions of a kind and their task sessions are found (em_rest 7 and 8).

    :ivar parent_option: the option of the info module that selects task sessions by their job session.
    """

    query_type: str
    collection: str
    task_query_type: str
    task_collection: str
    task_list: str
    parent_option: str


BACKUP = SessionKind(
    "BackupJobSession", "backupSessions", "BackupTaskSession", "backupTaskSessions", "taskSessions", "job_session_id"
)
REPLICA = SessionKind(
    "ReplicaJobSession",
    "replicaSessions",
    "ReplicaTaskSession",
    "replicaTaskSessions",
    "replicaTaskSessions",
    "replica_session_id",
)
KINDS = (BACKUP, REPLICA)


def kind_of(job_type: str | None) -> SessionKind:
    """The kind of session that a job or session of this type belongs to."""
    return REPLICA if str(job_type).lower() == "replica" else BACKUP


def kinds_of(jobs: Iterable[Job]) -> list[SessionKind]:
    """The kinds of sessions of some jobs."""
    return list(dict.fromkeys(kind_of(job["job_type"]) for job in jobs))


def is_agent(job_or_run: Job | JobSession) -> bool:
    """Whether this is an agent job or a run of one, which has a separate session for each machine."""
    return str(job_or_run["job_type"]).lower() == AGENT_RUN.lower()


def is_machine(session: JobSession) -> bool:
    """Whether this is the session of one machine in the run of an agent job."""
    return session["parent_session_id"] is not None or str(session["job_type"]).lower() == AGENT_MACHINE.lower()


def read_session(client: EmClient, session_id: str, kind: SessionKind | None = None) -> JobSession:
    """One session by id; of either kind, unless the kind is known.

    :raises ApiError: kind not_found if it does not exist.
    """
    if kind:
        return job_session(client.entity(kind.collection, session_id), client.now())
    try:
        return read_session(client, session_id, BACKUP)
    except ApiError as error:
        if error.kind != NOT_FOUND:
            raise
        try:
            return read_session(client, session_id, REPLICA)
        except ApiError as second:
            raise error if second.kind == NOT_FOUND else second from second


def read_sessions(client: EmClient, ids: Sequence[str], kinds: Sequence[SessionKind] = KINDS) -> Iterator[JobSession]:
    """Sessions by id, in the order given; many are read with a few queries.

    :raises ApiError: kind not_found for one that does not exist.
    """
    wanted = dict.fromkeys(map(checked_id, ids)) if len(ids) > FEW else {}
    found: dict[str | None, JobSession] = {}
    for kind in kinds if wanted else ():
        found.update(query_sessions(client, kind, [each for each in wanted if each.lower() not in found]))
    only = kinds[0] if len(kinds) == 1 else None
    for each in ids:
        yield found.get(bare_id(each.strip())) or read_session(client, each, only)


def query_sessions(client: EmClient, kind: SessionKind, ids: Iterable[str]) -> dict[str | None, JobSession]:
    """The sessions among these ids that a query shows, by id."""
    uids = [f"urn:veeam:{kind.query_type}:{each}" for each in ids]
    return {each["id"]: each for each in records(client, client.query_any(kind.query_type, "UID", uids))}


def records(client: EmClient, rows: Iterable[Resource]) -> Iterator[JobSession]:
    """Decoded sessions as records."""
    return (job_session(row, client.now()) for row in rows)


def belongs(session: JobSession, job: Job) -> bool:
    """Whether a session is a run of this job. Ids decide; names only count if the session has no id of its job."""
    servers = {str(each["backup_server"]).lower() for each in (session, job) if each["backup_server"]}
    if session["job_id"] == job["id"]:
        return True
    if len(servers) > 1:
        return False
    # The workers of a backup copy job run under separate jobs (em_rest 7).
    if is_copy(job["job_type"]) and session["job_name"].startswith(job["name"] + "\\"):
        return True
    types = {str(each["job_type"]).lower() for each in (session, job)}
    return session["job_id"] is None and session["job_name"] == job["name"] and len(types) == 1


def read_sessions_of(
    client: EmClient, kind: SessionKind, jobs: Sequence[Job], where: Sequence[Clause]
) -> tuple[list[JobSession], bool]:
    """Sessions of some jobs that match conditions, and whether it is certain that none is missing.

    The sessions of a few jobs are requested by ids and names, so that the runs of other jobs cost nothing.
    """
    found: dict[str, JobSession] = {}
    whole = True
    for group, narrow in _parts(jobs) if len(jobs) <= FEW_JOBS else [(jobs, _common(jobs))]:
        rows, certain = client.query_whole(kind.query_type, where=[*narrow, *where], sort_by="CreationTime")
        whole = whole and certain
        found.update((session["id"], session) for session in _of(client, group, records(client, rows)))
    return list(found.values()), whole


def read_open_sessions(client: EmClient, kind: SessionKind, jobs: Sequence[Job]) -> tuple[list[JobSession], bool]:
    """Open sessions of some jobs, according to the server, and whether it is certain that none is missing."""
    where = [*_common(jobs), Condition.of("State", "!=", "Stopped")]
    rows, whole = client.query_whole(kind.query_type, where=where, sort_by="CreationTime")
    return _of(client, jobs, records(client, rows)), whole


def read_newest_sessions(client: EmClient, kind: SessionKind, jobs: Sequence[Job]) -> list[JobSession]:
    """Sessions of some jobs among the newest of all jobs."""
    rows = client.rows(kind.query_type, sort_by="CreationTime", descending=True, limit=MANY_ROWS)
    return _of(client, jobs, records(client, rows))


def _is_anybodys(client: EmClient, session: JobSession, job: Job) -> bool:
    """Whether only the name links a session to this job, and other jobs have the same name (em_rest 17.2)."""
    if session["job_id"] == job["id"] or (session["backup_server"] and job["backup_server"]):
        return False
    query_type = "AgentBackupJob" if is_agent(job) else "Job"
    return client.namesakes(query_type, job["name"]) > 1


def _of(client: EmClient, jobs: Sequence[Job], sessions: Iterable[JobSession]) -> list[JobSession]:
    """The runs of some jobs; fast if ids decide, since there may be many runs and jobs.

    :raises ApiError: kind ambiguous, if a session may be a run of another job of the same name.
    """
    ids = {job["id"] for job in jobs}
    copies = [job for job in jobs if is_copy(job["job_type"])]

    def wanted(session: JobSession) -> bool:
        others = jobs if session["job_id"] is None else copies
        if session["job_id"] in ids:
            return True
        mine = [job for job in others if belongs(session, job)]
        if any(_is_anybodys(client, session, job) for job in mine):
            raise ApiError(
                AMBIGUOUS,
                f"Several jobs have the name {mine[0]['name']!r}, and the session {session['name']} does not show "
                "its job or its backup server. The module cannot tell which job it belongs to.",
                hint="Give the jobs different names in Backup & Replication.",
            )
        return bool(mine)

    return list(filter(wanted, sessions))


def _parts(jobs: Sequence[Job]) -> list[tuple[list[Job], list[Clause]]]:
    """Jobs in groups, each with a condition that matches all sessions of the group and fits into a URL."""
    copies = [job for job in jobs if is_copy(job["job_type"])]
    parts: list[tuple[list[Job], list[Condition]]] = []
    for job in jobs:
        if is_copy(job["job_type"]):
            continue
        # The type word of JobUid may differ from that of the job's own UID (em_rest 7, JobUid).
        uids = dict.fromkeys([f"urn:veeam:Job:{job['id']}", job["uid"]])
        own = [Condition.of("JobUid", "==", *uids), Condition.of("JobName", "==", job["name"])]
        own = [condition for condition in own if condition.portable]
        if not parts or not fits(Either((*parts[-1][1], *own)).text()):
            parts.append(([], []))
        parts[-1][0].append(job)
        parts[-1][1].extend(own)
    result: list[tuple[list[Job], list[Clause]]] = [(group, [Either(tuple(own))]) for group, own in parts]
    # The sessions of a copy job's workers are known by the beginning of their names, which filters cannot express.
    return result + ([(copies, _common(copies))] if copies else [])


def _common(jobs: Sequence[Job]) -> list[Clause]:
    """A condition on the type that the sessions of many jobs match, if there is one."""
    types = {str(job["job_type"]) for job in jobs}
    if types <= {AGENT_RUN} or all(map(is_copy, types)):
        return [Condition.of("JobType", "==", *sorted(types | {each + "Worker" for each in types if is_copy(each)}))]
    return []


def since(moment: datetime | None) -> list[Clause]:
    """The condition for sessions that were created at or after a time; none without a time."""
    return [Condition.of("CreationTime", ">=", filter_time(moment))] if moment else []


def note_state(client: EmClient, session: JobSession) -> None:
    """Warn once about an unknown state."""
    if state_is_unknown(session):
        ended = "the module treats it as ended because it has an end time and a result"
        meaning = "the module treats it as running" if session["running"] else ended
        state = f"in state {session['state']!r}, which this collection does not know"
        client.warn(f"Session {session['name']} is {state}: {meaning}.")


@dataclass
class LastSessions:
    """The last sessions of some jobs.

    :ivar newest: the newest session of each job, by job id; jobs without a session in the last 30 days are left out.
    :ivar ahead: ended sessions of each job that are dated in the future, by job id and session id: it is unknown
        whether they are newer than others, so none of them is the newest.
    """

    newest: dict[str, JobSession] = field(default_factory=dict)
    ahead: dict[str, dict[str, JobSession]] = field(default_factory=dict)


def read_last_sessions(client: EmClient, jobs: Sequence[Job]) -> LastSessions:
    """The last sessions of jobs; warns about sessions that are dated in the future."""
    result = LastSessions()
    for kind in kinds_of(jobs):
        mine = [job for job in jobs if kind_of(job["job_type"]) is kind]
        if len(mine) > FEW_JOBS:
            _find_last(client, kind, mine, _common(mine), result, MANY_ROWS)
        for group, narrow in _parts([job for job in mine if job["id"] not in result.newest]):
            _find_last(client, kind, group, narrow, result)
    for job in jobs:
        unknown = "" if job["id"] in result.newest else " The last run of the job is unknown."
        warn_ahead(client, job, list(result.ahead.get(job["id"], {}).values()), unknown)
    return result


def warn_ahead(client: EmClient, job: Job, ahead: Sequence[JobSession], more: str = "") -> None:
    """Warn about sessions of a job whose times are ignored, if there are some."""
    if ahead:
        others = f" and {len(ahead) - 1} more" if len(ahead) > 1 else ""
        client.warn(
            f"Sessions of the job {job['name']} are dated in the future and do not count: {ahead[0]['name']}{others}."
            f"{more} Check the clock of the backup server {job['backup_server'] or 'that runs the job'}."
        )


def _find_last(
    client: EmClient,
    kind: SessionKind,
    jobs: Sequence[Job],
    where: Sequence[Clause],
    result: LastSessions,
    limit: int | None = None,
) -> None:
    rows = client.rows(
        kind.query_type, where=where, sort_by="CreationTime", descending=True, limit=limit, page_size=LAST_PAGE
    )
    found: dict[str, JobSession] = {}
    ordered, before = True, None
    for number, session in enumerate(records(client, rows), start=1):
        created = creation(session)
        # Servers may not sort. The rest of a page costs no request, and shows it.
        ordered = ordered and (before is None or created <= before)
        before = created
        # Whatever its clock says, a running session is running now.
        ahead = not session["running"] and created > client.now() + CLOCK_MARGIN
        for job in jobs:
            known = found.get(job["id"])
            if not ahead and known and (ordered or created <= creation(known)):
                continue
            if belongs(session, job) and not _is_anybodys(client, session, job):
                if ahead:
                    result.ahead.setdefault(job["id"], {})[session["id"]] = session
                else:
                    found[job["id"]] = session
        if ordered and number % LAST_PAGE == 0 and len(found) == len(jobs):
            break
    if ordered or limit is None:
        result.newest.update(found)


def read_job_sessions(client: EmClient, wanted: Mapping[str, Any]) -> list[JobSession]:
    """Runs of jobs by the options of veeam_em_job_session_info, the newest first.

    :raises ApiError: not_found, if an id does not exist (or is older than 30 days).
    """
    refuse_empty(wanted, "id", "job_name", "job_id", "job_type", "state", "result")
    check_limit(wanted)
    check = _check(wanted)
    if wanted["id"]:
        return limited(filter(check, list(read_sessions(client, wanted["id"]))), wanted["limit"])
    kinds = list(dict.fromkeys(kind_of(each) for each in wanted["job_type"] or [])) or list(KINDS)
    where = conditions(wanted, job_name="JobName", job_type="JobType", state="State", result="Result")
    found: list[JobSession] = []
    for kind in kinds:
        rows = client.rows(kind.query_type, where=where, sort_by="CreationTime", descending=True, **page_size(wanted))
        found.extend(limited(filter(check, records(client, rows)), wanted["limit"]))
    found.sort(key=creation, reverse=True)
    return limited(found, wanted["limit"])


def _check(wanted: Mapping[str, Any]) -> Callable[[JobSession], bool]:
    """Whether a run is wanted. Only final results count, while the server's filters also match early ones."""
    job_ids = [bare_id(each.strip()) for each in wanted["job_id"] or []]

    def check(session: JobSession) -> bool:
        return (
            (not job_ids or session["job_id"] in job_ids)
            and among(session["job_name"], wanted["job_name"])
            and among(session["job_type"], wanted["job_type"])
            and among(session["state"], wanted["state"])
            and among(session["result"], wanted["result"])
            and in_time(session["creation_time"], wanted)
        )

    return check
