# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of machines in the runs of many jobs, read in bulk (em_rest 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .client import EmClient
from .links import bare_id
from .machines import merge
from .model import JobSession, Machine, TaskSession, task_session
from .query import Clause, Condition
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP, CLOCK_MARGIN, records
from .values import moment

# Up to so many sessions are asked for by id; more are looked for among all.
FEW_SESSIONS = 45


@dataclass(frozen=True)
class Part:
    """What became of one machine in one run."""

    run: JobSession
    machine: Machine
    end_time: str | None


class History:
    """Backup runs with their machines; each reading adds to what is known.

    :param job_types: types of the jobs whose runs are wanted.
    :param server: name of the backup server that runs them, None for all.
    """

    def __init__(self, client: EmClient, job_types: Iterable[str], server: str | None) -> None:
        self.client = client
        self._types = {each.lower(): each for each in job_types}
        self._common: list[Clause] = [Condition.of("BackupServerName", "==", server)] if server else []
        self._sessions: dict[str, JobSession] = {}
        self._tasks: dict[str, TaskSession] = {}

    def read(self, where: Sequence[Clause]) -> None:
        """Read the runs for which conditions hold that sessions and task sessions can both be asked by."""
        self._read_sessions(where)
        # Task sessions last: what a run that has ended is read with has ended, too.
        self._read_tasks(where)

    def read_of(self, names: Sequence[str], where: Sequence[Clause]) -> None:
        """Read what became of machines with these names, as task sessions call them."""
        self._read_tasks([Condition.of("VmDisplayName", "==", *names), *where])
        if len(self._missing()) > FEW_SESSIONS:
            self._read_sessions(where)
        else:
            # The machine's own session first, then the run that it is part of.
            self._read_by_id()
            self._read_by_id()

    def parts(self) -> list[Part]:
        """The machines of all runs that are known so far; the newest run comes first."""
        children: dict[str, list[JobSession]] = {}
        tasks: dict[str, list[TaskSession]] = {}
        for session in self._sessions.values():
            if session["parent_session_id"]:
                children.setdefault(session["parent_session_id"], []).append(session)
        for task in self._tasks.values():
            tasks.setdefault(str(task["job_session_id"]), []).append(task)
        found = []
        for run in sorted(filter(self._is_run, self._sessions.values()), key=_created, reverse=True):
            members = children.get(run["id"], [])
            own = [task for member in (run, *members) for task in tasks.get(member["id"], [])]
            ends = {each["id"]: each["end_time"] for each in [*members, *own]}
            for machine in merge(run, members, own):
                found.append(Part(run, machine, ends.get(machine["id"]) or run["end_time"]))
        return found

    def _is_run(self, session: JobSession) -> bool:
        kind = str(session["job_type"] or "").lower()
        return not session["parent_session_id"] and kind != AGENT_MACHINE.lower() and (not kind or kind in self._types)

    def _read_sessions(self, where: Sequence[Clause]) -> None:
        types = [*self._types.values(), *([AGENT_MACHINE] if AGENT_RUN.lower() in self._types else [])]
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
        return {str(bare_id(each)) for each in named if each} - self._sessions.keys()

    def _add(self, sessions: Iterable[JobSession]) -> None:
        latest = self.client.now() + CLOCK_MARGIN
        for session in sessions:
            created = moment(session["creation_time"])
            if created and created > latest:
                self.client.warn(f"Session {session['name']} is dated in the future; it was left out.")
            else:
                self._sessions[session["id"]] = session


def _created(run: JobSession) -> float:
    created = moment(run["creation_time"])
    return created.timestamp() if created else 0.0
