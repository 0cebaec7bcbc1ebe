# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of machines in the runs of many jobs, read in bulk (em_rest 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from .client import EmClient
from .filters import creation, filter_time
from .machines import merge
from .model import SUCCESS, WARNING, Job, JobSession, Machine, TaskSession, task_session
from .query import Clause, Condition, Either, Intervals, fits
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP, CLOCK_MARGIN, belongs, records
from .task_sessions import MARGIN
from .values import moment

# Up to so many sessions are asked for by id.
FEW_SESSIONS = 45
# Filters hold so many stretches of time, fewer beside names; more are joined.
MANY_SPANS, FEW_SPANS = 12, 5
# After so many runs of a job that failed as a whole, older ones are no longer read to see what it protects.
MANY_FAILED = 3
_OPEN = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Part:
    """What became of one machine in one run."""

    run: JobSession
    machine: Machine
    end_time: str | None


class History:
    """Backup runs with their machines; each reading adds to what is known.

    :param jobs: the jobs whose runs are wanted.
    :param job_types: their types, and those of jobs that are gone.
    :param server: name of the backup server that runs them, None for all.
    :ivar ahead: names of sessions that are dated in the future, by id; they are left out.
    """

    def __init__(self, client: EmClient, jobs: Sequence[Job], job_types: Iterable[str], server: str | None) -> None:
        self.client = client
        self._jobs = {job["id"]: job for job in jobs}
        self._types = {each.lower(): each for each in job_types}
        self._common: list[Clause] = [Condition.of("BackupServerName", "==", server)] if server else []
        self._sessions: dict[str, JobSession] = {}
        self._tasks: dict[str, TaskSession] = {}
        self._unseen: set[str] = set()
        self.ahead: dict[str, str] = {}

    def read_newest(self, since: datetime) -> list[Part]:
        """Read the newest runs of each job and return what became of machines in them; the newest run comes first.

        Only the machines of these runs are read: how often jobs have run before costs next to nothing.
        """
        self._read_sessions(_created(">=", since))
        runs, self._unseen = self._newest_runs(self._jobs)
        spans = _spans(runs, MANY_SPANS)
        if spans:
            # After the sessions: a run that was read as ended is so with its machines.
            self._read_tasks([spans])
        return self._parts(runs)

    def read_older(self, names: Sequence[str], since: datetime, before: datetime, by_id: bool) -> list[Part]:
        """Read what older runs tell of some names, and of jobs without newer ones; return what all known runs tell.

        :param before: from then on, the runs themselves are known.
        :param by_id: whether the sessions of machines are asked for by id rather than read as a whole.
        """
        named = Condition.of("VmDisplayName", "==", *names)
        parts: list[Condition | Intervals] = [named]
        older = [*_created(">=", since), *_created("<", before)]
        if self._unseen:
            self._read_sessions(older, machines=not by_id)
            spans = _spans(self._newest_runs(self._unseen)[0], FEW_SPANS)
            parts += [spans] if spans else []
        wanted = Either(tuple(parts))
        # Everything, where a filter cannot hold what is wanted.
        self._read_tasks([*([wanted] if named.portable and fits(wanted.text()) else []), *_created(">=", since)])
        if by_id and len(self._missing()) <= FEW_SESSIONS:
            # The machine's own session first, then the run that it is part of.
            self._read_by_id()
            self._read_by_id()
        elif self._missing() and (by_id or not self._unseen):
            self._read_sessions(older)
        return self._parts(sorted(filter(self._is_run, self._sessions.values()), key=creation, reverse=True))

    def _newest_runs(self, jobs: Collection[str]) -> tuple[list[JobSession], set[str]]:
        """The runs of some jobs from the newest back to one that tells what the job protects, and jobs without one."""
        result = []
        closed: dict[str, int] = {}
        for run in sorted(filter(self._is_run, self._sessions.values()), key=creation, reverse=True):
            job_id = str(run["job_id"])
            if job_id in jobs and closed.get(job_id, 0) < MANY_FAILED:
                result.append(run)
                # A retry has only the machines that failed before. A run that failed may have had none.
                if is_whole(run):
                    failed = run["result"] not in (SUCCESS, WARNING)
                    closed[job_id] = closed.get(job_id, 0) + 1 if failed else MANY_FAILED
        return result, set(jobs) - closed.keys()

    def _parts(self, runs: Iterable[JobSession]) -> list[Part]:
        children: dict[str, list[JobSession]] = {}
        tasks: dict[str, list[TaskSession]] = {}
        for session in self._sessions.values():
            if session["parent_session_id"]:
                children.setdefault(session["parent_session_id"], []).append(session)
        for task in self._tasks.values():
            tasks.setdefault(str(task["job_session_id"]), []).append(task)
        found = []
        for run in runs:
            members = children.get(run["id"], [])
            own = [task for member in (run, *members) for task in tasks.get(member["id"], [])]
            ends = {each["id"]: each["end_time"] for each in [*members, *own]}
            for machine in merge(run, members, own):
                found.append(Part(run, machine, ends.get(machine["id"]) or run["end_time"]))
        return found

    def _is_run(self, session: JobSession) -> bool:
        kind = str(session["job_type"] or "").lower()
        return not session["parent_session_id"] and kind != AGENT_MACHINE.lower() and (not kind or kind in self._types)

    def _read_sessions(self, where: Sequence[Clause], machines: bool = True) -> None:
        types = list(self._types.values())
        if machines and AGENT_RUN.lower() in self._types:
            types.append(AGENT_MACHINE)
        kind = Condition.of("JobType", "==", *types)
        rows = self.client.query(BACKUP.query_type, where=[kind, *self._common, *where], sort_by="CreationTime")
        self._add(records(self.client, rows))

    def _read_tasks(self, where: Sequence[Clause]) -> None:
        rows = self.client.query(BACKUP.task_query_type, where=[*self._common, *where], sort_by="CreationTime")
        for record in (task_session(row, self.client.now()) for row in rows):
            self._tasks[record["id"]] = record

    def _read_by_id(self) -> None:
        uids = [f"urn:veeam:{BACKUP.query_type}:{each}" for each in sorted(self._missing())]
        self._add(records(self.client, self.client.query_any(BACKUP.query_type, "UID", uids)))

    def _missing(self) -> set[str]:
        """The ids of sessions that are named, but not known."""
        named = [task["job_session_id"] for task in self._tasks.values()]
        named += [session["parent_session_id"] for session in self._sessions.values()]
        return {each for each in named if each} - self._sessions.keys()

    def _add(self, sessions: Iterable[JobSession]) -> None:
        latest = self.client.now() + CLOCK_MARGIN
        for session in sessions:
            created = moment(session["creation_time"])
            if created and created > latest:
                self.ahead[session["id"]] = session["name"]
                continue
            if session["job_id"] is None:
                mine = [job for job in self._jobs.values() if belongs(session, job)]
                session["job_id"] = mine[0]["id"] if len(mine) == 1 else None
            self._sessions[session["id"]] = session


def is_whole(run: JobSession) -> bool:
    """Whether a run shows all that its job protects: it has ended, and is certainly not a retry."""
    return run["is_retry"] is False and not run["running"]


def _created(operator: str, then: datetime) -> list[Clause]:
    return [Condition.of("CreationTime", operator, filter_time(then))]


def _spans(runs: Iterable[JobSession], most: int) -> Intervals | None:
    """The stretches of time in which some runs have worked, joined until they are few; None without any run."""
    times = []
    for run in runs:
        begin, end = moment(run["creation_time"]), moment(run["end_time"])
        if begin:
            times.append((begin - MARGIN, end + MARGIN if end else _OPEN))
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(times):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    while len(joined) > most:
        nearest = min(range(1, len(joined)), key=lambda place: joined[place][0] - joined[place - 1][1])
        joined[nearest - 1 : nearest + 1] = [(joined[nearest - 1][0], joined[nearest][1])]
    spans = [(filter_time(begin), None if end == _OPEN else filter_time(end)) for begin, end in joined]
    return Intervals("CreationTime", tuple(spans)) if spans else None
