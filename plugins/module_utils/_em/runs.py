# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of jobs: their sessions, found and followed in bulk, and what happened to each machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .._errors import NOT_FOUND, ApiError
from .._wait import Waiter
from .client import EmClient
from .links import bare_id, parent_session_id
from .model import FAILED, JOB_SESSION, RESULTS, SUCCESS, UNKNOWN, WARNING, Record, classify, job_session, moment, worst
from .model import task_session as task_session_record
from .query import Condition

AGENT_RUN = "AgentBackup"
AGENT_MACHINE = "AgentManagement"

# Machines show up after their run (em_rest 15, trap 18): how long to wait for the missing ones, in seconds.
SETTLE_SECONDS = 60.0
# So many readings in a row must bring the same machines before they count as all.
UNCHANGED_READINGS = 2
# More sessions than this are looked up by time instead of one by one.
MANY_SESSIONS = 40
# Backup servers have clocks of their own; sessions are looked for this far before the newest one.
CLOCK_MARGIN = timedelta(hours=24)


@dataclass(frozen=True)
class SessionKind:
    """Where sessions of a kind and their task sessions live (em_rest 7 and 8)."""

    query_type: str
    collection: str
    task_query_type: str
    task_collection: str
    task_list: str


BACKUP = SessionKind("BackupJobSession", "backupSessions", "BackupTaskSession", "backupTaskSessions", "taskSessions")
REPLICA = SessionKind(
    "ReplicaJobSession", "replicaSessions", "ReplicaTaskSession", "replicaTaskSessions", "replicaTaskSessions"
)
KINDS = (BACKUP, REPLICA)


def kind_of(job_type: str) -> SessionKind:
    """The kind of session that a job or session of this type belongs to."""
    return REPLICA if job_type.lower() == "replica" else BACKUP


def read_session(client: EmClient, session_id: str) -> dict[str, Any]:
    """One session by id, of either kind.

    :raises ApiError: kind not_found when there is none.
    """
    try:
        return client.entity(BACKUP.collection, session_id)
    except ApiError as error:
        if error.kind != NOT_FOUND:
            raise
        try:
            return client.entity(REPLICA.collection, session_id)
        except ApiError as second:
            raise error if second.kind == NOT_FOUND else second from second


def since(floor: str | None, job_type: str | None = None) -> list[Condition]:
    """Conditions for the sessions of a job type that were created at or after a moment (UTC ISO 8601)."""
    result = [Condition.of("JobType", "==", job_type)] if job_type else []
    return result + ([Condition.of("CreationTime", ">=", floor)] if floor else [])


def earlier(text: Any, margin: timedelta) -> str | None:
    """A server's time minus a margin, as the text that filters take; None when there is no time."""
    then = moment(text)
    return filter_time(then - margin) if then else None


def filter_time(then: datetime) -> str:
    """A moment as the text that filters take: UTC, whole seconds (em_rest 10)."""
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def note_unknown_state(client: EmClient, session: Record) -> None:
    """Warn once about a state that nobody knows."""
    if classify(JOB_SESSION, session["state"]) == UNKNOWN:
        client.warn(
            f"Session {session['name']} is in state {session['state']!r}, which this collection does not know: "
            "it counts as running."
        )


def begun(records: Iterable[Record], margin: timedelta = timedelta(0)) -> str | None:
    """When the first of some sessions began, minus a margin, as filters take it; None when one does not tell."""
    moments = [moment(record["creation_time"]) for record in records]
    known = [each for each in moments if each]
    return filter_time(min(known) - margin) if known and len(known) == len(moments) else None


class Watch:
    """Sessions that are followed until they end. One tick costs a bounded number of requests, not one per session."""

    def __init__(self, client: EmClient) -> None:
        self.client = client
        self.sessions: dict[str, Record] = {}
        self.machines: dict[str, list[Record]] = {}
        self._settled: set[str] = set()

    def add(self, resource: dict[str, Any]) -> Record:
        """Follow a session; returns its record."""
        record = job_session(resource)
        self.follow(record)
        return record

    def follow(self, session: Record) -> None:
        """Follow a session that was read already."""
        note_unknown_state(self.client, session)
        self.sessions[session["id"]] = session

    def drop(self, session_id: str) -> None:
        """Follow a session no longer."""
        self.sessions.pop(session_id, None)

    def peek(self) -> None:
        """Read the machines once and as far as that works: a machine may be done before its run is."""
        try:
            self.machines.update(machines_of(self.client, list(self.sessions.values())))
        except ApiError as error:
            self.client.warn(f"The machines could not be read: {error.message}")

    def running(self) -> list[Record]:
        """The sessions that have not ended."""
        return [record for record in self.sessions.values() if record["running"]]

    def refresh(self) -> bool:
        """Read the running sessions again; True when all have ended."""
        for kind in KINDS:
            still = {record["id"]: record for record in self.running() if kind_of(record["job_type"]) is kind}
            seen = {}
            if len(still) > 1:
                types = {record["job_type"] for record in still.values()}
                where = since(begun(still.values()), types.pop() if len(types) == 1 else None)
                seen = {bare_id(row.get("uid")): row for row in self.client.query(kind.query_type, where=where)}
            for session_id in still:
                self.add(seen.get(session_id) or self.client.entity(kind.collection, session_id))
        return not self.running()

    def settle(self, waiter: Waiter) -> bool:
        """Collect the machines of the ended sessions until they are complete.

        :returns: False when the run's own deadline passed first. Machines that stay missing are warned about.
        """
        before: dict[str, list[Record]] = {}
        unchanged: dict[str, int] = {}

        def poll() -> bool:
            open_ids = [i for i, record in self.sessions.items() if not record["running"] and i not in self._settled]
            if not open_ids:
                return True
            now = machines_of(self.client, [self.sessions[i] for i in open_ids])
            self.machines.update(now)
            for session_id, machines in now.items():
                # Unchanged readings: a machine that is merely late leaves no other trace.
                same = complete(self.sessions[session_id], machines) and before.get(session_id) == machines
                unchanged[session_id] = unchanged.get(session_id, 0) + 1 if same else 0
                if unchanged[session_id] == UNCHANGED_READINGS:
                    self._settled.add(session_id)
            before.update(now)
            return self._settled.issuperset(open_ids)

        done = waiter.until(poll, seconds=SETTLE_SECONDS)
        for session_id, record in self.sessions.items():
            machines = self.machines.get(session_id, [])
            # Machines that came with the last reading may be all there are.
            if not (record["running"] or session_id in self._settled or complete(record, machines)):
                self._note_missing(record, machines)
        return done

    def _note_missing(self, session: Record, machines: list[Record]) -> None:
        undecided = [machine["name"] for machine in machines if not machine["result"]]
        if undecided:
            what = f"has no final result yet for: {', '.join(undecided)}"
        elif not machines:
            what = "shows no machine"
        else:
            what = f"ended {session['result']}, which none of its machines explains: one may be missing"
        self.client.warn(f"The ended session {session['name']} {what}.")


def complete(session: Record, machines: list[Record]) -> bool:
    """Whether the machines account for the verdict of an ended run."""
    results = [machine["result"] for machine in machines]
    return bool(session["result"]) and bool(results) and all(results) and worst(results) == session["result"]


def machines_of(client: EmClient, sessions: list[Record]) -> dict[str, list[Record]]:
    """What happened to each machine of some runs: session id -> machines.

    Bounded requests: children and task sessions of all runs are read together; only an ended run for which that
    finds nothing is asked for its own lists.
    """
    result: dict[str, list[Record]] = {}
    agent_runs = [record for record in sessions if record["job_type"] == AGENT_RUN]
    children = _children(client, agent_runs)
    for kind in KINDS:
        runs = [record for record in sessions if kind_of(record["job_type"]) is kind]
        members = {run["id"]: [run, *children.get(run["id"], [])] for run in runs}
        task_sessions = _task_sessions(client, kind, [each for group in members.values() for each in group])
        for run in runs:
            group = members[run["id"]]
            own = [each for member in group for each in task_sessions.get(member["id"], [])]
            if not own and not run["running"]:
                own = _listed_task_sessions(client, kind, run["id"])
            result[run["id"]] = merge_machines(run, group[1:], own)
    return result


def merge_machines(run: Record, children: list[Record], task_sessions: list[Record]) -> list[Record]:
    """One record per machine, out of the machine's own session (agent runs) and its task session."""
    machines: dict[str, Record] = {}
    owner: dict[str, str] = {}
    for child in children:
        name = _machine_name(child["job_name"], run["job_name"])
        owner[child["id"]] = name.lower()
        machines[name.lower()] = {
            "name": name,
            "result": child["result"],
            "reason": child["failure_message"],
            "state": child["state"],
            "task_session_id": None,
        }
    for each in task_sessions:
        key = owner.get(each["job_session_id"] or "", each["machine"].lower())
        machine = machines.get(key)
        if machine is None:
            machines[key] = {
                "name": each["machine"],
                "result": each["result"],
                "reason": each["reason"] or None,
                "state": each["state"],
                "task_session_id": each["id"],
            }
            continue
        machine["reason"] = "; ".join(dict.fromkeys(filter(None, (machine["reason"], each["reason"])))) or None
        machine["task_session_id"] = each["id"]
        # A verdict stands only when the machine's session and its task session have both ended.
        machine["result"] = worst([machine["result"], each["result"]])
    return sorted(machines.values(), key=lambda machine: machine["name"].lower())


def unacceptable(result: str | None, fail_on: str) -> bool:
    """Whether a verdict fails the task. A missing or unknown verdict never passes a gate.

    :param fail_on: failed, warning or never.
    """
    if fail_on == "never":
        return False
    passing = (SUCCESS, WARNING) if fail_on == "failed" else (SUCCESS,)
    return result not in passing


def bad_machines(machines: list[Record], fail_on: str) -> list[Record]:
    """The machines of a run whose verdict fails the task."""
    return [machine for machine in machines if unacceptable(machine["result"], fail_on)]


def describe(session: Record, machines: list[Record], fail_on: str) -> str:
    """One sentence about an ended run: its verdict and the reason of each machine that did not make it."""
    text = f"ended {session['result'] or 'without a verdict'}"
    bad = bad_machines(machines, fail_on if fail_on != "never" else "failed")
    if bad:
        text += ": " + "; ".join(map(_machine_text, bad))
    elif session["result"] == FAILED and session["failure_message"]:
        text += f": {session['failure_message'].rstrip('.')}"
    elif machines and session["result"] in RESULTS:
        text += f", {len(machines)} machine{'' if len(machines) == 1 else 's'}"
    return text


def _machine_text(machine: Record) -> str:
    reason = f" ({machine['reason'].rstrip('. ')})" if machine["reason"] else ""
    return f"{machine['name']} {machine['result'] or 'has no result'}{reason}"


def _children(client: EmClient, runs: list[Record]) -> dict[str, list[Record]]:
    """The machines' own sessions of agent runs, by the run's id."""
    result: dict[str, list[Record]] = {run["id"]: [] for run in runs}
    if not runs:
        return result
    rows = client.query(BACKUP.query_type, where=since(begun(runs, timedelta(minutes=5)), AGENT_MACHINE))
    by_id = {bare_id(row.get("uid")): row for row in rows}
    for row in rows:
        parent = parent_session_id(row)
        if parent in result:
            result[parent].append(job_session(row))
    for run in runs:
        if result[run["id"]] or run["running"]:
            continue
        for reference in client.collection(f"{BACKUP.collection}/{run['id']}/agentManagementSessions"):
            child_id = bare_id(reference.get("uid"))
            if child_id:
                row = by_id.get(child_id) or client.entity(BACKUP.collection, child_id)
                result[run["id"]].append(job_session(row))
    return result


def _task_sessions(client: EmClient, kind: SessionKind, sessions: list[Record]) -> dict[str, list[Record]]:
    """Task sessions by the id of the session that they belong to."""
    result: dict[str, list[Record]] = {}
    if not sessions:
        return result
    if len(sessions) <= MANY_SESSIONS:
        rows = client.query_any(kind.task_query_type, "JobSessionUid", [each["uid"] for each in sessions])
    else:
        rows = client.query(kind.task_query_type, where=since(begun(sessions, timedelta(minutes=5))))
    wanted = {each["id"] for each in sessions}
    for record in map(task_session_record, rows):
        if record["job_session_id"] in wanted:
            result.setdefault(record["job_session_id"], []).append(record)
    return result


def _listed_task_sessions(client: EmClient, kind: SessionKind, session_id: str) -> list[Record]:
    """Task sessions by the session's own list, which holds references (em_rest 7)."""
    rows = client.collection(f"{kind.collection}/{session_id}/{kind.task_list}")
    return [task_session_record(row) for row in resolve(client, kind, rows)]


def resolve(client: EmClient, kind: SessionKind, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """References to task sessions as entities, by a few queries; what is an entity already stays as it is."""
    rows = list(rows)
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


def _machine_name(child_job: str, parent_job: str) -> str:
    """A machine's own job is called "<job> - <machine>" (em_rest 15, trap 17)."""
    prefix = parent_job + " - "
    return child_job[len(prefix) :] if child_job.startswith(prefix) else child_job
