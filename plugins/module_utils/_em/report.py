# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the report from jobs, runs and machines that were read before. Nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from functools import cached_property
from math import inf
from typing import Any

from .._errors import USAGE, ApiError
from .filters import refuse_empty
from .model import FAILED, SUCCESS, WARNING, Computer, JobSession, is_idle, severity
from .names import ByName, Patterns, is_name, is_pattern
from .outcomes import (
    GOOD,
    JobEntry,
    MachineKey,
    Names,
    Outcome,
    Past,
    age,
    credible,
    elapsed,
    key_of,
    protected_keys,
    protected_vms,
    together,
)
from .values import moment

NEVER, TOO_OLD, UNPROTECTED, UNKNOWN_DATE = "never", "too_old", "unprotected", "unknown_date"
# The kind of a later good run, by whether it was a retry.
_REPEATED_BY = {True: "retry", False: "run", None: None}
# Why no job protects a machine.
NO_JOB, JOB_GONE, NOT_KNOWN = "no_job", "job_deleted", "not_known"
# Ten years. The server keeps 30 days, and the calendar begins with the year 1.
LONGEST = 87660


@dataclass(frozen=True)
class Wishes:
    """The scope of the report.

    :ivar machines: names or shell patterns; an empty list means all.
    :ivar rpo: maximum age in hours of the newest good backup: (pattern, hours); the first match counts.
    :ivar exclude: machines that are intentionally not backed up: (pattern, reason).
    :ivar tolerate: shell patterns for the reasons of warnings that nobody has to look at.
    :ivar complete: whether all jobs were read. Only then is it known that a machine has no job.
    """

    hours: float
    machines: Sequence[str] = ()
    rpo: Sequence[tuple[str, float]] = ()
    exclude: Sequence[tuple[str, str]] = ()
    tolerate: Sequence[str] = ()
    complete: bool = True

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Wishes:
        """The scope from the options of veeam_em_report_info.

        :raises ApiError: kind usage.
        """
        # NaN is neither more nor less than any limit, so a gate would never stop anything.
        if not 0 < params["hours"] < inf:
            raise ApiError(
                USAGE, "hours must be a number above 0.", hint="Set the length of the period, for example 24."
            )
        refuse_empty(params, "name", "machine")
        rpo = [(str(each["machine"]), float(each["hours"])) for each in params["rpo_overrides"] or []]
        if params["rpo_hours"] is not None:
            rpo.append(("*", float(params["rpo_hours"])))
        if not all(0 < hours < inf for _pattern, hours in rpo):
            raise ApiError(
                USAGE,
                "rpo_hours and the hours of rpo_overrides must be numbers above 0.",
                hint="Set the maximum age of a backup in hours, or leave out the limit.",
            )
        exclude = [_exclusion(each) for each in params["exclude"] or []]
        machines = [each.strip() for each in params["machine"] or [] if each.strip()]
        return cls(params["hours"], machines, rpo, exclude, params["tolerate_warnings"] or [], params["name"] is None)

    def begin(self, now: datetime) -> datetime:
        """When the period begins, if it ends now."""
        return now - timedelta(hours=min(self.hours, LONGEST))

    def asks_for(self, name: str) -> bool:
        """Whether the report covers a machine."""
        return not self.machines or bool(self._asked.find(name))

    def limit(self, name: str) -> float | None:
        """The maximum age in hours of the newest good backup of a machine; None if there is no limit."""
        return self._limits.find(name)

    def excluded(self, name: str) -> str | None:
        """Why a machine is deliberately not backed up; None if it should be backed up."""
        return self._excluded.find(name)

    # Names are looked up for every machine: five hundred hosts of a play may have different limits.

    @cached_property
    def _asked(self) -> Patterns[bool]:
        return Patterns((each, True) for each in self.machines)

    @cached_property
    def _limits(self) -> Patterns[float]:
        return Patterns(self.rpo)

    @cached_property
    def _excluded(self) -> Patterns[str]:
        return Patterns(self.exclude)

    def tolerates(self, result: str | None, reason: str | None) -> bool:
        """Whether a verdict is a warning that nobody has to look at."""
        text = (reason or "").lower()
        return result == WARNING and any(fnmatchcase(text, pattern.lower()) for pattern in self.tolerate)


def _exclusion(given: Any) -> tuple[str, str]:
    entry = given if isinstance(given, dict) else {"machine": given}
    if is_name(entry.get("machine")) and set(entry) <= {"machine", "reason"}:
        return str(entry["machine"]).strip(), str(entry.get("reason") or "no reason given")
    raise ApiError(
        USAGE,
        f"exclude contains {given!r}, which is not a valid entry.",
        hint="Use a name, a pattern, or a dictionary with machine and reason.",
    )


@dataclass
class Records:
    """The data that was read.

    :ivar runs: every run that was read, with the results for its machines, including runs before the period.
    :ivar whole: whether all runs that the server keeps were read.
    """

    now: datetime
    em: str
    entries: Sequence[JobEntry]
    runs: Sequence[tuple[JobEntry, JobSession, Sequence[Outcome]]]
    computers: Sequence[Computer] = ()
    whole: bool = False


@dataclass
class Row:
    """One machine of the report."""

    key: MachineKey
    name: str
    server: str | None
    jobs: list[JobEntry] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    agent_status: str | None = None
    past: Past = field(default_factory=Past)
    undated: bool = False

    @property
    def protected(self) -> bool:
        """Whether an existing job backs it up."""
        return any(entry.protects for entry in self.jobs)


class Report:
    """The model of the report."""

    def __init__(self, records: Records, wishes: Wishes) -> None:
        self.records = records
        self.wishes = wishes
        self.now = records.now
        self.begin = wishes.begin(records.now)
        self.warnings: list[str] = []
        self.rows = self._rows()
        self._by_name = ByName((row.name, row) for row in self.rows.values())
        self._recoveries: dict[tuple[int, MachineKey | None], list[tuple[datetime, bool | None]]] = {}
        self._names: Names

    # Missing data

    def owed(self) -> bool:
        """Whether older runs may add something: a machine has no good backup, or a job has no run."""
        if self.owing():
            return True
        if self.wishes.machines:
            return bool(self.strangers())
        return any(entry.listed and not self._last_run(entry) for entry in self.records.entries)

    def owing(self) -> list[Row]:
        """The machines that should have a good backup, of which none is known yet."""
        return [
            row
            for row in self.rows.values()
            if row.past.last_good is None
            and row.protected
            and self.wishes.asks_for(row.name)
            and self.wishes.excluded(row.name) is None
        ]

    def strangers(self) -> list[str]:
        """The requested names that do not match a known machine yet."""
        return [asked for asked in self.wishes.machines if not self._meant(asked)]

    def _meant(self, asked: str) -> list[Row]:
        """The machines that a name means; an exact match wins."""
        if is_pattern(asked):
            return [row for row in self.rows.values() if fnmatchcase(row.name.lower(), asked.lower())]
        found = self._by_name.alike(asked)
        return [row for row in found if row.key[1] == asked.lower()] or found

    # Machines

    def _rows(self) -> dict[MachineKey, Row]:
        found = [each for _entry, _run, group in self.records.runs for each in group]
        vms = [(entry, (entry.server, name.lower()), name) for entry, name in protected_vms(self.records.entries)]
        told = [key for _entry, key, _name in vms]
        names = self._names = Names([*(each.key for each in found), *map(key_of, self.records.computers), *told])
        rows: dict[MachineKey, Row] = {}

        def row(key: MachineKey, name: str, server: str | None) -> Row:
            canonical = names.canonical(key)
            if canonical not in rows:
                rows[canonical] = Row(canonical, name, server)
            this = rows[canonical]
            if len(name) > len(this.name):
                this.name = name
            return this

        by_computer = protected_keys(self.records.entries, self.records.computers)
        for computer in self.records.computers:
            this = row(key_of(computer), computer["name"], computer["backup_server"])
            this.agent_status = computer["agent_status"]
            if computer["protection_group"] and computer["protection_group"] not in this.groups:
                this.groups.append(computer["protection_group"])
            _add(this.jobs, by_computer.get(key_of(computer), ()))
        for entry, key, name in vms:
            _add(row(key, name, entry.job["backup_server"]).jobs, [entry])
        for entry, run, group in self.records.runs:
            by_row: dict[MachineKey, list[Outcome]] = {}
            for each in group:
                this = row(each.key, each.name, run["backup_server"] or entry.job["backup_server"])
                by_row.setdefault(this.key, []).append(each)
                _add(this.jobs, [entry])
            for key, same in by_row.items():
                rows[key].outcomes.append(together(same))
        for this in rows.values():
            self._settle(this)
        return rows

    def _settle(self, row: Row) -> None:
        """Find the newest backup of a machine, and the newest good one."""
        ended = [each for each in row.outcomes if each.ended and each.entry.makes_backups]
        dated = [each for each in ended if credible(each.when, self.now)]
        row.undated = len(dated) < len(ended)
        for each in dated:
            row.past.take(each)

    # The whole report

    def as_dict(self) -> dict[str, Any]:
        """The value that veeam_em_report_info returns as report."""
        self._index_recoveries()
        runs = [each for each in self.records.runs if self._in_period(each[1])]
        if self.wishes.machines:
            runs = [each for each in runs if any(self._wanted(one) for one in each[2])]
        rows = sorted(
            (row for row in self.rows.values() if self.wishes.asks_for(row.name)),
            key=lambda row: (row.name.lower(), row.key),
        )
        entries = self._entries(runs)
        by_entry: dict[int, list[JobSession]] = {}
        for entry, run, _group in runs:
            by_entry.setdefault(id(entry), []).append(run)
        jobs = [self._job(entry, by_entry.get(id(entry), ())) for entry in entries]
        machines = [self._machine(row) for row in rows if row.jobs]
        warnings = self._problems(runs, warnings=True)
        unprotected = self._unprotected(rows)
        breaches = self._breaches(rows)
        shown = [row for row in rows if row.undated]
        if shown:
            names = ", ".join(map(self._label, shown[:5]))
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
            self.warnings.append(
                "Some backups of these machines do not count, because they have no date or a date in the future: "
                f"{names}{more}."
            )
        return {
            "generated_at": _text(self.now),
            "em": self.records.em,
            "period": {"from": _text(self.begin), "to": _text(self.now), "hours": self.wishes.hours},
            "totals": self._totals(jobs, runs, machines, unprotected, breaches),
            "failures": self._problems(runs, warnings=False),
            "warnings": warnings,
            "running": self._running(runs),
            "rpo_breaches": breaches,
            "unprotected": unprotected,
            "excluded": [
                {"machine": row.name, "backup_server": row.server, "reason": self.wishes.excluded(row.name)}
                for row in rows
                if self.wishes.excluded(row.name) is not None
            ],
            "asked": [self._asked(name) for name in self.wishes.machines],
            "jobs": jobs,
            "machines": machines,
        }

    def _in_period(self, run: JobSession) -> bool:
        times = [moment(run["creation_time"]), moment(run["end_time"])]
        return run["running"] or any(each and each >= self.begin for each in times)

    def _wanted(self, outcome: Outcome) -> bool:
        return self.wishes.asks_for(self.rows[self._names.canonical(outcome.key)].name)

    def _row(self, outcome: Outcome) -> Row:
        return self.rows[self._names.canonical(outcome.key)]

    def _entries(self, runs: Sequence[Any]) -> list[JobEntry]:
        seen = {id(entry) for entry, _run, _group in runs}
        if self.wishes.machines:
            meant = [row for row in self.rows.values() if self.wishes.asks_for(row.name)]
            seen |= {id(entry) for row in meant for entry in row.jobs if entry.listed}
            kept = [entry for entry in self.records.entries if id(entry) in seen]
        else:
            kept = [entry for entry in self.records.entries if entry.listed or id(entry) in seen]
        return sorted(kept, key=lambda entry: (entry.name.lower(), entry.server, entry.id))

    def _job(self, entry: JobEntry, runs: Iterable[JobSession]) -> dict[str, Any]:
        mine = [_run_dict(run, self.now) for run in runs]
        last = self._last_run(entry)
        return {
            "id": entry.id or None,
            "name": entry.name,
            "kind": entry.kind,
            "job_type": entry.job["job_type"],
            "backup_server": entry.job["backup_server"],
            "deleted": entry.listed is False,
            "schedule_configured": entry.job["schedule_configured"],
            "schedule_enabled": entry.job["schedule_enabled"],
            "next_run": entry.job["next_run"],
            "never_run": not entry.runs if self.records.whole or entry.runs else None,
            "last_run": _run_dict(last, self.now) if last else None,
            "runs": sorted(mine, key=lambda run: (_seconds(run["start"]), run["id"])),
        }

    def _last_run(self, entry: JobEntry) -> JobSession | None:
        """The newest run of a job. An ended run that is dated in the future may be of any age, so it does not count."""

        def counts(run: JobSession) -> bool:
            began = moment(run["creation_time"])
            return run["running"] or began is None or credible(began, self.now)

        return max(filter(counts, entry.runs), key=lambda run: _seconds(run["creation_time"]), default=None)

    def _machine(self, row: Row) -> dict[str, Any]:
        return {
            "name": row.name,
            "backup_server": row.server,
            "jobs": [_job_reference(entry) for entry in row.jobs],
            "protected": row.protected,
            "excluded": self.wishes.excluded(row.name),
            "rpo_hours": self.wishes.limit(row.name),
            "last": self._backup(row.past.last),
            "last_good": self._backup(row.past.last_good),
            "days": self._days(row),
        }

    def _backup(self, outcome: Outcome | None) -> dict[str, Any] | None:
        if outcome is None:
            return None
        return {
            "result": outcome.result,
            "reason": outcome.reason,
            "tolerated": self.wishes.tolerates(outcome.result, outcome.reason),
            "start_time": _text(outcome.begin),
            "end_time": outcome.end_text,
            "age_hours": age(outcome.when, self.now),
            "size": outcome.size,
            "duration_seconds": outcome.seconds,
            "is_retry": outcome.run["is_retry"],
            "job_name": outcome.entry.name,
            "job_id": outcome.entry.id or None,
            "job_session_id": outcome.run["id"],
        }

    def _days(self, row: Row) -> dict[str, str]:
        """The verdict for each day of the period: that of the last run of the day, or the worst of several jobs."""
        newest: dict[tuple[str, int], Outcome] = {}
        for each in sorted(row.outcomes, key=lambda one: one.when.timestamp() if one.when else 0.0):
            if not (each.when and each.when >= self.begin and credible(each.when, self.now)):
                continue
            if each.ended and each.result and each.entry.makes_backups:
                newest[each.when.strftime("%Y-%m-%d"), id(each.entry)] = each
        days: dict[str, str] = {}
        for (day, _entry), each in sorted(newest.items(), key=lambda item: item[0][0]):
            days[day] = max(days.get(day, SUCCESS), str(each.result), key=severity)
        return days

    # Failures

    def _index_recoveries(self) -> None:
        """The times of good runs for each job and for each machine, and whether they were retries, if known."""
        for entry, run, group in self.records.runs:
            began = moment(run["creation_time"])
            if began is None or not credible(began, self.now):
                continue
            if not run["running"] and run["result"] in GOOD:
                self._recoveries.setdefault((id(entry), None), []).append((began, run["is_retry"]))
            by_row: dict[MachineKey, list[Outcome]] = {}
            for each in group:
                by_row.setdefault(self._names.canonical(each.key), []).append(each)
            for key, same in by_row.items():
                if together(same).good:
                    self._recoveries.setdefault((id(entry), key), []).append((began, run["is_retry"]))

    def _recovery(
        self, entry: JobEntry, key: MachineKey | None, run: JobSession
    ) -> tuple[datetime, bool | None] | None:
        began = moment(run["creation_time"])
        later = [each for each in self._recoveries.get((id(entry), key), ()) if began is None or each[0] > began]
        return min(later, key=lambda each: each[0]) if later and began else None

    def _problems(self, runs: Sequence[Any], warnings: bool) -> list[dict[str, Any]]:
        """All failures or warnings of the period, with one entry for each session of a machine."""
        found = []
        for entry, run, group in runs:
            wanted = [each for each in group if self._wanted(each)]
            bad = [each for each in wanted if (_is_warning(each) if warnings else _has_failed(each))]
            found += [self._problem(entry, run, each) for each in bad]
            told = any(each.result == WARNING or _has_failed(each) for each in group) if warnings else bool(bad)
            verdict = run["result"] == WARNING if warnings else run["result"] not in GOOD
            # A run can fail without a failed machine: its repository is full, or its machines were never listed.
            if verdict and not told and not run["running"] and not self.wishes.machines:
                found.append(self._problem(entry, run, None))
        found.sort(key=lambda one: (one["when"] or "", one["job"], one["machine"] or ""), reverse=True)
        # Tolerated warnings come last.
        return sorted(found, key=lambda one: one["tolerated"] if warnings else one["recovered"])

    def _problem(self, entry: JobEntry, run: JobSession, outcome: Outcome | None) -> dict[str, Any]:
        row = self._row(outcome) if outcome else None
        result = outcome.result if outcome else run["result"]
        reason = outcome.reason if outcome else run["failure_message"]
        problem = {
            "job": entry.name,
            "job_id": entry.id or None,
            "backup_server": entry.job["backup_server"] or run["backup_server"],
            "machine": outcome.name if outcome else None,
            "when": _text((outcome.when if outcome else None) or moment(run["end_time"] or run["creation_time"])),
            "result": result,
            "reason": reason or (None if result else "It ended without a verdict."),
            "job_session_id": run["id"],
            "is_retry": run["is_retry"],
        }
        if result == WARNING:
            return {**problem, "tolerated": self.wishes.tolerates(result, reason)}
        later = self._recovery(entry, row.key if row else None, run)
        return {
            **problem,
            "recovered": later is not None,
            "recovered_by": _REPEATED_BY[later[1]] if later else None,
            "recovered_at": _text(later[0]) if later else None,
        }

    def _running(self, runs: Sequence[Any]) -> list[dict[str, Any]]:
        found = [
            {
                "job": entry.name,
                "job_id": entry.id or None,
                "backup_server": entry.job["backup_server"] or run["backup_server"],
                "job_session_id": run["id"],
                "state": run["state"],
                "start": run["creation_time"],
                "elapsed_seconds": max(0, elapsed(moment(run["creation_time"]), self.now) or 0),
                "progress": run["progress"],
                "machines_done": sum(each.result is not None for each in group),
                "machines_seen": len(group),
            }
            for entry, run, group in runs
            if run["running"] and not is_idle(run)
        ]
        return sorted(found, key=lambda one: -one["elapsed_seconds"])

    # The recovery point objective

    def _unprotected(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        if not self.wishes.complete:
            return []
        found = [
            {
                "machine": row.name,
                "backup_server": row.server,
                "protection_groups": sorted(row.groups),
                "agent_status": row.agent_status,
                "why": JOB_GONE if any(entry.makes_backups for entry in row.jobs) else NO_JOB,
            }
            for row in rows
            if not row.protected and self.wishes.excluded(row.name) is None
        ]
        found += [
            {"machine": name, "backup_server": None, "protection_groups": [], "agent_status": None, "why": NOT_KNOWN}
            for name in self.wishes.machines
            if not is_pattern(name) and not self._meant(name) and self.wishes.excluded(name) is None
        ]
        return found

    def _breach(self, row: Row) -> dict[str, Any] | None:
        """Why the newest good backup of a machine breaches its limit; None if it does not."""
        limit = self.wishes.limit(row.name)
        if limit is None or self.wishes.excluded(row.name) is not None:
            return None
        good = row.past.last_good
        hours = age(good.when, self.now) if good else None
        if hours is None:
            why = UNKNOWN_DATE if row.undated else (NEVER if row.protected else UNPROTECTED)
        elif hours > limit:
            why = TOO_OLD
        elif not row.protected and self.wishes.complete:
            why = UNPROTECTED
        else:
            return None
        return {
            "machine": row.name,
            "backup_server": row.server,
            "last_good": _text(good.when) if good else None,
            "age_hours": hours,
            "limit": limit,
            "why": why,
            "msg": _sentence(self._label(row), why, hours, limit),
        }

    def _label(self, row: Row) -> str:
        """The name of a machine, with its backup server if another one has a machine of the same name."""
        several = len(self._by_name.called(row.name)) > 1
        return f"{row.name} on {row.server}" if several and row.server else row.name

    def _breaches(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        found = [breach for breach in map(self._breach, rows) if breach]
        found += [
            breach
            for name in self.wishes.machines
            if not self._meant(name)
            for breach in [self._unknown_breach(name)]
            if breach
        ]
        # The worst first: machines that never had a backup, then the oldest.
        return sorted(found, key=lambda one: (one["age_hours"] is not None, -(one["age_hours"] or 0.0), one["machine"]))

    def _unknown_breach(self, name: str) -> dict[str, Any] | None:
        limit = self.wishes.limit(name)
        if limit is None or is_pattern(name) or self.wishes.excluded(name) is not None:
            return None
        return {
            "machine": name,
            "backup_server": None,
            "last_good": None,
            "age_hours": None,
            "limit": limit,
            "why": UNPROTECTED,
            "msg": f"{name}: no job protects it, and no backup of it is known.",
        }

    def _asked(self, name: str) -> dict[str, Any]:
        """The answer for a requested machine: one sentence, and whether its backup is recent enough.

        If backup servers have machines of the same name, unprotected ones do not count if another one is protected.
        """
        rows = self._meant(name)
        judged = [row for row in rows if row.protected] or rows
        excluded = self.wishes.excluded(name)
        if excluded is None and rows and all(self.wishes.excluded(row.name) is not None for row in rows):
            excluded = self.wishes.excluded(rows[0].name)
        breaches = [breach for breach in map(self._breach, judged) if breach]
        if not rows:
            breaches = [breach for breach in [self._unknown_breach(name)] if breach]
        if excluded is not None:
            breaches = []
        if breaches:
            msg = " ".join(breach["msg"] for breach in breaches)
        elif excluded is not None:
            msg = f"{name} is intentionally not backed up: {excluded.rstrip('.')}."
        else:
            unknown = f"No machine is called {name}."
            msg = " ".join(map(self._age_sentence, judged)) or unknown
        return {
            "machine": name,
            "known_as": sorted({row.name for row in rows}),
            "breach": bool(breaches),
            "excluded": excluded,
            "msg": msg,
        }

    def _age_sentence(self, row: Row) -> str:
        hours = age(row.past.last_good.when, self.now) if row.past.last_good else None
        if hours is None:
            return f"{self._label(row)}: no good backup is known."
        return f"{self._label(row)}: its newest good backup is {_hours(hours)} old."

    # Totals

    def _totals(
        self,
        jobs: Sequence[dict[str, Any]],
        runs: Sequence[Any],
        machines: Sequence[dict[str, Any]],
        unprotected: Sequence[Any],
        breaches: Sequence[Any],
    ) -> dict[str, int]:
        closed = [(run, group) for _entry, run, group in runs if not run["running"]]
        results = [run["result"] for run, _group in closed]
        tolerated = [
            run
            for run, group in closed
            if run["result"] == WARNING
            and any(each.result == WARNING for each in group)
            and all(
                self.wishes.tolerates(*each) for each in {(one.result, one.reason) for one in group if not _fine(one)}
            )
        ]
        return {
            "jobs": len(jobs),
            "runs": len(runs),
            "machines": len(machines),
            "success": results.count(SUCCESS),
            "warning": results.count(WARNING),
            "failed": results.count(FAILED),
            "running": sum(run["running"] and not is_idle(run) for _entry, run, _group in runs),
            "without_verdict": sum(result not in (SUCCESS, WARNING, FAILED) for result in results),
            "never_run": sum(job["never_run"] is True for job in jobs),
            "warning_tolerated": len(tolerated),
            "machines_failed": sum(bool(each["last"]) and each["last"]["result"] == FAILED for each in machines),
            "unprotected": len(unprotected),
            "rpo_breaches": len(breaches),
        }


def _add(jobs: list[JobEntry], entries: Sequence[JobEntry]) -> None:
    known = {id(each) for each in jobs}
    jobs.extend(entry for entry in entries if id(entry) not in known)


def _fine(outcome: Outcome) -> bool:
    return outcome.result == SUCCESS


def _is_warning(outcome: Outcome) -> bool:
    return outcome.ended and outcome.result == WARNING


def _has_failed(outcome: Outcome) -> bool:
    """Whether a machine failed; without a verdict, it counts as failed if the run is not good either."""
    if not outcome.ended or outcome.result in GOOD:
        return False
    return outcome.result is not None or outcome.run["result"] not in GOOD


def _run_dict(run: JobSession, now: datetime) -> dict[str, Any]:
    ended = moment(run["end_time"])
    end = ended if credible(ended, now) else None
    return {
        "id": run["id"],
        "start": run["creation_time"],
        "end": run["end_time"] if end else None,
        "duration_seconds": elapsed(moment(run["creation_time"]), end),
        "result": run["result"],
        "running": run["running"],
        "is_retry": run["is_retry"],
    }


def _job_reference(entry: JobEntry) -> dict[str, Any]:
    return {"id": entry.id or None, "name": entry.name, "kind": entry.kind, "deleted": entry.listed is False}


def _sentence(name: str, why: str, hours: float | None, limit: float) -> str:
    if why == TOO_OLD and hours is not None:
        allowed = f"{_hours(limit)} {'is' if limit == 1 else 'are'} allowed"
        return f"{name}: its newest good backup is {_hours(hours)} old; {allowed}."
    if why == NEVER:
        return f"{name}: a job protects it, but no good backup of it is known."
    if why == UNKNOWN_DATE:
        return f"{name}: its backups have no date or a date in the future, so their age is unknown."
    if hours is None:
        return f"{name}: no job protects it, and no good backup of it is known."
    return f"{name}: no job protects it anymore; its newest good backup is {_hours(hours)} old."


def _hours(hours: float) -> str:
    return f"{hours:.10g} hour{'' if hours == 1 else 's'}"


def _seconds(text: str | None) -> float:
    then = moment(text)
    return then.timestamp() if then else 0.0


def _text(then: datetime | None) -> str | None:
    """A time as ISO 8601 in whole seconds."""
    return then.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if then else None
