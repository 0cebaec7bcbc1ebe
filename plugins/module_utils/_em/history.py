# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to machines in the newest runs of many jobs, with as few reads as possible (em_rest 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from .client import EmClient
from .filters import creation, filter_time
from .model import SUCCESS, WARNING, JobSession
from .outcomes import JobEntry, Outcome, is_whole
from .query import Condition, Either, Intervals, fits
from .runs import Runs, created
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP
from .task_sessions import MARGIN
from .values import moment

# Up to this many sessions are requested by id.
FEW_SESSIONS = 45
# The maximum number of time spans in a filter, and with names; if there are more, spans are merged.
MANY_SPANS, FEW_SPANS = 12, 5
# After this many runs that failed as a whole, older runs of a job are not read to find out what it protects.
MANY_FAILED = 3
_OPEN = datetime.max.replace(tzinfo=timezone.utc)


class History:
    """Backup runs with their machines; each read adds to them.

    :param entries: the jobs whose runs are wanted.
    :param job_types: their types, and the types of deleted jobs.
    :param server: name of the backup server that runs them, None for all.
    :ivar ahead: names of sessions that are dated in the future, by id; they are left out.
    """

    def __init__(
        self, client: EmClient, entries: Sequence[JobEntry], job_types: Iterable[str], server: str | None
    ) -> None:
        self._jobs = {entry.id for entry in entries}
        self._types = {each.lower(): each for each in job_types}
        self._runs = Runs(client, entries, server)
        self._unseen: set[str] = set()
        self.ahead: dict[str, str] = {}

    def read_newest(self, since: datetime) -> list[Outcome]:
        """Read the newest runs of each job and return what happened to machines in them, the newest run first.

        Only the machines of these runs are read, so earlier runs cost almost nothing.
        """
        self._read_sessions(since)
        runs, self._unseen = self._newest_runs(self._jobs)
        spans = _spans(runs, MANY_SPANS)
        if spans:
            # Read after the sessions: if a run was read as ended, its machines have ended too.
            self._runs.read_tasks(BACKUP, [spans])
        return self._outcomes(runs)

    def read_older(self, names: Sequence[str], since: datetime, before: datetime, by_id: bool) -> list[Outcome]:
        """Read older runs for some names, and for jobs without newer runs; return the outcomes of all known runs.

        :param before: runs after this time are already known.
        :param by_id: whether to request the sessions of machines by id, instead of reading all of them.
        """
        named = Condition.of("VmDisplayName", "==", *names)
        parts: list[Condition | Intervals] = [named]
        if self._unseen:
            self._read_sessions(since, before, machines=not by_id)
            spans = _spans(self._newest_runs(self._unseen)[0], FEW_SPANS)
            parts += [spans] if spans else []
        wanted = Either(tuple(parts))
        # Read everything if a filter cannot express what is wanted.
        narrow = [wanted] if named.portable and fits(wanted.text()) else []
        self._runs.read_tasks(BACKUP, [*narrow, *created(since)])
        missing = self._runs.missing() - self.ahead.keys()
        if by_id and len(missing) <= FEW_SESSIONS:
            self._runs.read_by_id(missing)
            self._leave_out()
        elif missing and (by_id or not self._unseen):
            self._read_sessions(since, before)
        return self._outcomes(sorted(self._backups(), key=creation, reverse=True))

    def _newest_runs(self, jobs: Collection[str]) -> tuple[list[JobSession], set[str]]:
        """The runs of some jobs, back to one that shows what the job protects, and the jobs without such a run."""
        result = []
        closed: dict[str, int] = {}
        for run in sorted(self._backups(), key=creation, reverse=True):
            entry = self._runs.owners.find(run)
            if entry and entry.id in jobs and closed.get(entry.id, 0) < MANY_FAILED:
                result.append(run)
                # A retry has only the machines that failed before. A failed run may have no machines.
                if is_whole(run):
                    failed = run["result"] not in (SUCCESS, WARNING)
                    closed[entry.id] = closed.get(entry.id, 0) + 1 if failed else MANY_FAILED
        return result, set(jobs) - closed.keys()

    def _backups(self) -> list[JobSession]:
        """The known runs of the wanted types."""
        return [run for run in self._runs.all() if not run["job_type"] or run["job_type"].lower() in self._types]

    def _outcomes(self, runs: Iterable[JobSession]) -> list[Outcome]:
        return [_with_end(each) for _entry, _run, group in self._runs.joined(runs) for each in group]

    def _read_sessions(self, since: datetime, before: datetime | None = None, machines: bool = True) -> None:
        types = list(self._types.values())
        if machines and AGENT_RUN.lower() in self._types:
            types.append(AGENT_MACHINE)
        self._runs.read_sessions(BACKUP, [Condition.of("JobType", "==", *types), *created(since, before)])
        self._leave_out()

    def _leave_out(self) -> None:
        self.ahead.update(self._runs.leave_out_what_is_ahead())


def _with_end(outcome: Outcome) -> Outcome:
    """An outcome that uses the end of the run if the machine has no end."""
    if outcome.end_text:
        return outcome
    return replace(outcome, end=moment(outcome.run["end_time"]), end_text=outcome.run["end_time"])


def _spans(runs: Iterable[JobSession], most: int) -> Intervals | None:
    """The time spans in which some runs were active, merged until they are few; None without runs."""
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
