# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the data for a report: listings page by page, however many jobs and machines there are.

The period is read first. If a machine has no good backup in it, or a job has no run, older runs are read too, in
steps that double, up to the 30 days that the server keeps. If only a few machines are requested by name, only their
older sessions are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._errors import NOT_FOUND, ApiError
from .client import FEW, EmClient
from .computers import read_computers
from .filters import filter_time
from .lookup import KINDS_OF_JOBS, did_you_mean, near_matches, of_other_kinds
from .model import Computer, JobSession, is_copy, is_idle
from .names import is_pattern
from .outcomes import AGENT, VM, JobEntry, Owners, key_of, protected_keys
from .query import Clause, Condition, Either, Intervals, fits
from .report import Records, Report, Wishes
from .runs import Runs, created, read_entries
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP, KINDS, REPLICA, SessionKind, is_agent, is_machine
from .task_sessions import MARGIN
from .values import moment

# How long the server keeps sessions (em_rest 7).
KEPT = timedelta(days=30)
# The first step back before the period; each further step doubles.
FIRST_STEP = timedelta(days=2)
# For up to this many runs without machines, the run's own lists are read.
FEW_RUNS = 10
# Up to this many sessions of a few machines are read by id, about twenty with each request.
MANY_IDS = 100


def read_report(client: EmClient, params: Mapping[str, Any]) -> dict[str, Any]:
    """The report by the options of veeam_em_report_info."""
    wishes = Wishes.from_params(params)
    reader = _Reader(client, params)
    report = reader.read(wishes)
    result = report.as_dict()
    for warning in report.warnings:
        client.warn(warning)
    return result


class _Reader:
    def __init__(self, client: EmClient, params: Mapping[str, Any]) -> None:
        self.client = client
        self.kind: str = params["kind"]
        self.names: Sequence[str] | None = params["name"]
        self.server: str | None = params["backup_server"]
        self.em = str(params["host"])
        self.server_names: set[str] = set()
        self.machines: Sequence[str] = ()

    def read(self, wishes: Wishes) -> Report:
        self.machines = wishes.machines
        entries = self._jobs()
        self.runs = Runs(self.client, entries)
        computers = self._computers(entries)
        begin = wishes.begin(self.client.now())
        if begin < self.client.now() - KEPT - timedelta(days=1):
            self.client.warn(
                "Enterprise Manager lists the sessions of the last 30 days; the report cannot cover a longer period."
            )
        floor = self._read_period(begin)
        self._read_listed(begin)
        step, oldest = FIRST_STEP, self.client.now() - KEPT
        while True:
            whole = floor <= oldest
            report = self._report(entries, computers, wishes, whole)
            if whole or not report.owed():
                return report
            # The last step reads the rest, even if the server keeps a little more.
            after = floor - step if floor - step > oldest else None
            if not self._read_named(report, after, floor):
                self._read_between(after, floor)
            floor = after or datetime.min.replace(tzinfo=floor.tzinfo)
            step *= 2

    def _report(
        self, entries: Sequence[JobEntry], computers: Sequence[Computer], wishes: Wishes, whole: bool
    ) -> Report:
        for entry in entries:
            entry.runs.clear()
        self.runs.owners = Owners(entries)
        runs = list(self.runs.joined(filter(self._covers, self.runs.all())))
        for entry, run, _outcomes in runs:
            entry.runs.append(run)
        return Report(Records(self.client.now(), self.em, self.runs.owners.entries, runs, computers, whole), wishes)

    def _covers(self, run: JobSession) -> bool:
        """Whether a run belongs in the report."""
        if self.runs.owners.find(run):
            return True
        if self.names is not None:
            return False
        return not self.server or str(run["backup_server"]).lower() in self.server_names

    # Jobs and computers

    def _jobs(self) -> list[JobEntry]:
        entries = read_entries(self.client, KINDS_OF_JOBS[self.kind], self.server)
        if self.server:
            self.server_names = {entry.server for entry in entries} | {self.server.lower()}
        if self.names is None:
            return entries
        self._refuse_unknown(self.names, [entry.name for entry in entries])
        return [entry for entry in entries if entry.name in self.names]

    def _refuse_unknown(self, names: Sequence[str], known: Sequence[str]) -> None:
        missing = [name for name in names if name not in known]
        if missing:
            others = of_other_kinds(self.client, KINDS_OF_JOBS[self.kind], missing)
            near = [match for name in missing if name not in others for match in near_matches(name, known)]
            hints = [*others.values(), *([did_you_mean(near)] if near else [])]
            hint = " ".join(hints) or "Names must match exactly."
            raise ApiError(
                NOT_FOUND,
                f"There is no job called {', '.join(map(repr, missing))}.",
                hint=hint,
            )

    def _computers(self, entries: Sequence[JobEntry]) -> list[Computer]:
        if self.kind == VM or (self.names is not None and not any(entry.kind == AGENT for entry in entries)):
            return []
        found = read_computers(self.client, [], [], False)
        if self.names is not None:
            # Other jobs were not read, so the report only knows about the computers of these.
            protected = protected_keys(entries, found)
            found = [each for each in found if protected[key_of(each)]]
        return [each for each in found if not self.server or str(each["backup_server"]).lower() in self.server_names]

    # Sessions

    def _types(self) -> list[Clause]:
        if self.kind == AGENT:
            return [Condition.of("JobType", "==", AGENT_RUN, AGENT_MACHINE)]
        return [Condition.of("JobType", "!=", AGENT_RUN, AGENT_MACHINE)] if self.kind == VM else []

    def _kinds(self) -> list[SessionKind]:
        return [BACKUP] if self.kind == AGENT else list(KINDS)

    def _read_period(self, begin: datetime) -> datetime:
        """Read the runs that were active in the period, and their machines; return the time since which all is read."""
        text = filter_time(begin)
        at_work = Either(
            (
                Condition.of("CreationTime", ">=", text),
                Condition.of("EndTime", ">=", text),
                Condition.of("State", "!=", "Stopped"),
            )
        )
        for kind in self._kinds():
            self.runs.read_sessions(kind, [at_work, *(self._types() if kind is BACKUP else [])])
        # An idle copy job may have been open for weeks, and its machines with it.
        begun = [moment(each["creation_time"]) for each in self.runs.sessions() if not is_idle(each)]
        first = min([begin, *(each for each in begun if each)])
        floor = begin
        if first < begin:
            # If a run began before the period, its machines may also have begun, and even ended, before it.
            floor = first - MARGIN
            self.runs.read_sessions(BACKUP, [*created(floor, begin), *self._types()])
        for kind in self._kinds():
            self.runs.read_tasks(kind, created(floor - MARGIN))
        return floor

    def _read_named(self, report: Report, after: datetime | None, before: datetime) -> bool:
        """Read older backups of a few machines by name; False if that is not possible."""
        if not self.machines or any(map(is_pattern, self.machines)):
            return False
        rows, strangers = report.owing(), report.strangers()
        # A machine's own session has a job of its own, called "<job> - <machine>" (em_rest 15, trap 17); for a
        # machine that failed, there may be nothing else.
        own = [(f"{entry.name} - ", row.name) for row in rows for entry in row.jobs if entry.kind == AGENT]
        of_tasks = _called("VmDisplayName", [*(("", row.name) for row in rows), *(("", each) for each in strangers)])
        of_machines = _called("JobName", own)
        if len(rows) + len(strangers) > FEW or of_tasks is None or of_machines is None:
            return False
        where = created(after, before)
        ids: list[str | None] = []
        for clause in of_tasks:
            ids += [part["job_session_id"] for part in self.runs.read_tasks(BACKUP, [clause, *where])]
        for clause in of_machines:
            ids += [child["parent_session_id"] for child in self.runs.read_sessions(BACKUP, [clause, *where])]
        wanted = self.runs.unknown(ids)
        if len(wanted) > MANY_IDS:
            return False
        self.runs.read_by_id(wanted, self._is_of_kind)
        return True

    def _is_of_kind(self, session: JobSession) -> bool:
        """Whether a session is of a reported kind, if no filter has selected it."""
        return self.kind not in (AGENT, VM) or (self.kind == AGENT) == (is_agent(session) or is_machine(session))

    def _read_between(self, after: datetime | None, before: datetime) -> None:
        """Read older backups; copies and replicas do not count, but the listing includes copies."""
        where = created(after, before)
        self.runs.read_sessions(BACKUP, [*where, *self._types()])
        self.runs.read_tasks(BACKUP, where)
        if self.kind != AGENT:
            # The report also shows when replication jobs ran.
            self.runs.read_sessions(REPLICA, where)

    def _read_listed(self, begin: datetime) -> None:
        """Read the own lists of the newest ended runs that show no machine."""
        wanted = [
            run
            for run in self.runs.bare()
            if not run["running"]
            and not is_copy(run["job_type"])
            and (moment(run["creation_time"]) or begin) >= begin
            and self._covers(run)
        ]
        wanted.sort(key=lambda run: run["creation_time"] or "", reverse=True)
        for run in wanted[:FEW_RUNS]:
            self.runs.read_lists(run)
        if len(wanted) > FEW_RUNS:
            self.client.warn(
                f"{len(wanted)} runs do not show any machines. The module read the machine lists of only the "
                f"{FEW_RUNS} newest."
            )


def _called(field: str, names: Iterable[tuple[str, str]]) -> list[Either] | None:
    """Conditions for machines by the short and long forms of their names, each short enough for a URL.

    :param names: the prefix before the name of the machine, and the name.
    :returns: None if the grammar cannot express a name.
    """
    found: list[Either] = []
    for before, name in names:
        short = before + name.partition(".")[0]
        equal = Condition.of(field, "==", *dict.fromkeys([before + name, short]))
        if not equal.portable:
            return None
        # A long name continues with a dot, and in the sort order the slash comes right after the dot.
        parts = (equal, Intervals(field, ((f"{short}.", f"{short}/"),)))
        if found and fits(Either((*found[-1].parts, *parts)).text()):
            found[-1] = Either((*found[-1].parts, *parts))
        else:
            found.append(Either(parts))
    return found
