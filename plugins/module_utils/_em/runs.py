# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads many runs and their results for machines, page by page; each read adds to the known runs.

Used by the report, the inventory and veeam_em_protection_info, which decide what to read and how to use it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Callable

from .client import EmClient
from .filters import creation, filter_time
from .lookup import Family, find_jobs
from .machines import listed_children
from .model import JobSession, Resource, TaskSession, job_objects, job_session, task_session
from .outcomes import JobEntry, Outcome, Owners, outcomes
from .query import Clause, Condition, checked
from .sessions import BACKUP, CLOCK_MARGIN, SessionKind, is_agent, is_machine, kind_of, note_state, records, since
from .task_sessions import read_listed_task_sessions, read_task_sessions_of

Joined = tuple[JobEntry, JobSession, list[Outcome]]


def read_entries(client: EmClient, families: Sequence[Family], server: str | None) -> list[JobEntry]:
    """All jobs of some families, with the objects that they protect.

    :raises ApiError: not_found, if a backup server does not exist.
    """
    found = find_jobs(client, families, [], [], server)
    return [JobEntry(each.record, each.family.kind, True, job_objects(each.resource)) for each in found]


class Runs:
    """Runs with what belongs to them.

    :param entries: the jobs that are known.
    :param server: the backup server whose runs are read; None for all.
    :ivar owners: finds the job of each run.
    """

    def __init__(self, client: EmClient, entries: Sequence[JobEntry], server: str | None = None) -> None:
        self.client = client
        self.owners = Owners(entries)
        self._common: list[Clause] = [Condition.of("BackupServerName", "==", server)] if server else []
        self._sessions: dict[str, JobSession] = {}
        self._tasks: dict[str, TaskSession] = {}
        # Children that only the list of their run shows, by the run's id.
        self._listed: dict[str, list[JobSession]] = {}

    # Reading

    def read_sessions(self, kind: SessionKind, where: Sequence[Clause]) -> list[JobSession]:
        """Read job sessions that match conditions."""
        found = [job_session(row, self.client.now()) for row in self._rows(kind.query_type, where)]
        self._add(found)
        return found

    def read_tasks(self, kind: SessionKind, where: Sequence[Clause]) -> list[TaskSession]:
        """Read task sessions that match conditions."""
        found = [task_session(row, self.client.now()) for row in self._rows(kind.task_query_type, where)]
        self._tasks.update((part["id"], part) for part in found)
        return found

    def read_by_id(self, ids: Collection[str], wanted: Callable[[JobSession], bool] = lambda session: True) -> None:
        """Read sessions by id; for the sessions of machines, also the runs that they belong to."""
        while ids:
            uids = [f"urn:veeam:{BACKUP.query_type}:{each}" for each in sorted(ids)]
            rows = self.client.query_any(BACKUP.query_type, "UID", uids)
            found = [each for each in records(self.client, rows) if wanted(each)]
            self._add(found)
            # Sessions that the server no longer shows are requested only once.
            ids = self.unknown(each["parent_session_id"] for each in found) - set(ids)

    def read_lists(self, run: JobSession) -> None:
        """Read a run's own lists of its machines."""
        if is_agent(run):
            self._listed[run["id"]] = listed_children(self.client, run)
        for part in read_listed_task_sessions(self.client, kind_of(run["job_type"]), run["id"]):
            # In the list of a run, task sessions that do not name their session belong to the run.
            part["job_session_id"] = part["job_session_id"] or run["id"]
            self._tasks[part["id"]] = part

    def read_tasks_of(self, runs: Sequence[JobSession]) -> None:
        """Read the task sessions of some runs that show no sessions of machines."""
        for found in read_task_sessions_of(self.client, BACKUP, runs).values():
            self._tasks.update((part["id"], part) for part in found)

    def _rows(self, query_type: str, where: Sequence[Clause]) -> list[Resource]:
        every = [*where, *self._common]
        rows, whole = self.client.query_steady(query_type, where=every, sort_by="CreationTime")
        if not whole:
            self.client.warn(
                f"The {query_type} listing kept changing while the module read it. A row may be missing from the "
                "result."
            )
        return list(checked(rows, every))

    def _add(self, sessions: Iterable[JobSession]) -> None:
        for session in sessions:
            if not is_machine(session):
                note_state(self.client, session)
            self._sessions[session["id"]] = session

    def leave_out_what_is_ahead(self) -> dict[str, str]:
        """Drop sessions that are dated too far in the future to be compared; return their names by id."""
        latest = self.client.now() + CLOCK_MARGIN
        ahead = {key: each["name"] for key, each in self._sessions.items() if creation(each) > latest}
        for key in ahead:
            del self._sessions[key]
        return ahead

    # Known data

    def unknown(self, ids: Iterable[str | None]) -> set[str]:
        """The ids whose sessions are not known."""
        return {each for each in ids if each} - self._sessions.keys()

    def missing(self) -> set[str]:
        """The ids of sessions that others refer to, but that are not known."""
        named = [task["job_session_id"] for task in self._tasks.values()]
        return self.unknown([*named, *(session["parent_session_id"] for session in self._sessions.values())])

    def sessions(self) -> list[JobSession]:
        """All known sessions, including those of machines."""
        return list(self._sessions.values())

    def all(self) -> list[JobSession]:
        """The runs."""
        return [each for each in self._sessions.values() if not is_machine(each)]

    def bare(self) -> list[JobSession]:
        """The runs without machines."""
        children, tasks = self._by_parent()
        return [run for run in self.all() if run["id"] not in children and run["id"] not in tasks]

    def entry(self, run: JobSession) -> JobEntry:
        """The job of a run; a job that is not listed gets a new entry."""
        return self.owners.find(run) or self.owners.unknown(run)

    def joined(self, runs: Iterable[JobSession]) -> Iterator[Joined]:
        """Some runs, each with its job and the results for its machines."""
        children, tasks = self._by_parent()
        for run in runs:
            entry = self.entry(run)
            own = children.get(run["id"]) or self._listed.get(run["id"], [])
            parts = [part for member in (run, *own) for part in tasks.get(member["id"], ())]
            yield entry, run, outcomes(entry, run, own, parts)

    def _by_parent(self) -> tuple[dict[str, list[JobSession]], dict[str, list[TaskSession]]]:
        children: dict[str, list[JobSession]] = {}
        tasks: dict[str, list[TaskSession]] = {}
        for session in self._sessions.values():
            if session["parent_session_id"]:
                children.setdefault(session["parent_session_id"], []).append(session)
        for part in self._tasks.values():
            tasks.setdefault(str(part["job_session_id"]), []).append(part)
        return children, tasks


def created(after: datetime | None, before: datetime | None = None) -> list[Clause]:
    """Conditions for sessions that were created between two times."""
    until: list[Clause] = [Condition.of("CreationTime", "<", filter_time(before))] if before else []
    return [*since(after), *until]
