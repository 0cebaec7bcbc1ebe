# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of many jobs for many machines: which job a session belongs to, which names mean one machine, and when.

Names are labels (em_rest 17.2). A machine is identified by its backup server and its name; a short name means the
machine of that server whose long name begins with it, if there is only one. In one run, the worst session of a name
counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Callable

from .links import bare_id
from .machines import Member, distinct, machine, members_of
from .model import FAILED, SUCCESS, WARNING, Computer, Job, JobObject, JobSession, TaskSession, is_copy, worst
from .sessions import CLOCK_MARGIN, belongs, is_agent
from .values import moment

AGENT, VM, NAS, OTHER = "agent", "vm", "nas", "other"
GOOD = (SUCCESS, WARNING)
_ADDRESS = re.compile(r"[0-9.]+$|.*:")

# Backup server and name of a machine, in lower case.
MachineKey = tuple[str, str]


@dataclass
class JobEntry:
    """A job of the report.

    :ivar listed: whether Enterprise Manager lists the job; None if jobs of that kind were not read.
    :ivar makes_backups: whether its runs are backups: a copy is as old as its source, and a replica is not a backup.
    """

    job: Job
    kind: str
    listed: bool | None = True
    objects: Sequence[JobObject] = ()
    runs: list[JobSession] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The bare id, "" for runs that do not name a job."""
        return self.job["id"]

    @property
    def name(self) -> str:
        """The job's name."""
        return self.job["name"]

    @property
    def server(self) -> str:
        """The backup server's name, in lower case."""
        return str(self.job["backup_server"] or "").lower()

    @property
    def makes_backups(self) -> bool:
        """Whether the runs of this job are backups."""
        return not is_copy(self.job["job_type"]) and str(self.job["job_type"]).lower() != "replica"

    @property
    def protects(self) -> bool:
        """Whether the job makes backups and, as far as known, exists."""
        return self.makes_backups and self.listed is not False


@dataclass(frozen=True)
class Outcome:
    """The result of a run for one machine, or its current state.

    :ivar id: id of the machine's own session: the child of the run, or the task session if there is no child.
    :ivar ended: whether the machine is done; if so, a missing result is a missing verdict.
    """

    entry: JobEntry
    run: JobSession
    id: str
    name: str
    result: str | None
    reason: str | None
    begin: datetime | None
    begin_text: str | None
    end: datetime | None
    end_text: str | None
    size: int | None
    ended: bool

    @property
    def when(self) -> datetime | None:
        """When it ended, or otherwise when it began: too old is safer than too new."""
        return self.end or self.begin

    @property
    def good(self) -> bool:
        """Whether it produced a backup."""
        return self.ended and self.result in GOOD

    @property
    def seconds(self) -> int | None:
        """How long it took."""
        return elapsed(self.begin, self.end)

    @property
    def key(self) -> MachineKey:
        """The key of the machine, with the name in this outcome."""
        return (str(self.run["backup_server"] or self.entry.job["backup_server"] or "").lower(), self.name.lower())


@dataclass
class Past:
    """The newest outcome of one machine, and its newest good one, among all that were added.

    :ivar order: gives the time by which outcomes are compared; outcomes without a time do not count.
    """

    order: Callable[[Outcome], Any] = lambda outcome: (
        outcome.when and (outcome.when, outcome.begin or outcome.when, outcome.run["id"])
    )
    last: Outcome | None = None
    last_good: Outcome | None = None

    def take(self, outcome: Outcome) -> None:
        """Add an outcome that has ended."""
        place = self.order(outcome)
        if place is None:
            return
        if self.last is None or place > self.order(self.last):
            self.last = outcome
        if outcome.good and (self.last_good is None or place > self.order(self.last_good)):
            self.last_good = outcome


def elapsed(begin: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds between two times; None if one is missing, or if they are in the wrong order."""
    if begin is None or end is None or end < begin:
        return None
    return round((end - begin).total_seconds())


def credible(then: datetime | None, now: datetime) -> bool:
    """Whether a time is credible: each backup server has its own clock."""
    return then is not None and then <= now + CLOCK_MARGIN


def age(then: datetime | None, now: datetime) -> float | None:
    """Hours since then; never negative, even if clocks differ a little."""
    return max(0.0, round((now - then).total_seconds() / 3600, 2)) if then else None


def is_whole(run: JobSession) -> bool:
    """Whether a run shows all machines of its job: it has ended, and is certainly not a retry."""
    return run["is_retry"] is False and not run["running"]


class Owners:
    """Finds the job of each session. A run of an unknown job gets a new entry."""

    def __init__(self, entries: Sequence[JobEntry]) -> None:
        self.entries = list(entries)
        self._by_id = {entry.id: entry for entry in entries}
        self._by_name: dict[str, list[JobEntry]] = {}
        for entry in entries:
            self._by_name.setdefault(entry.name, []).append(entry)
        self._copies = [entry for entry in entries if is_copy(entry.job["job_type"])]
        self._unknown: dict[tuple[str, str], JobEntry] = {}

    def find(self, session: JobSession) -> JobEntry | None:
        """The known job of a session: by id, or by name if that is certain."""
        entry = self._by_id.get(str(session["job_id"]))
        if entry:
            return entry
        named = self._by_name.get(session["job_name"], []) if session["job_id"] is None else []
        found = {id(each): each for each in (*named, *self._copies) if belongs(session, each.job)}
        return next(iter(found.values())) if len(found) == 1 else None

    def unknown(self, session: JobSession) -> JobEntry:
        """An entry for an unknown job of a session: the job was deleted, or is of a kind that is not listed."""
        key = (session["job_id"] or session["job_name"].lower(), str(session["backup_server"] or "").lower())
        if key not in self._unknown:
            kind = _kind_of(session)
            record: Job = {
                "id": session["job_id"] or "",
                "uid": f"urn:veeam:Job:{session['job_id']}" if session["job_id"] else "",
                "name": session["job_name"],
                "job_type": session["job_type"],
                "platform": None,
                "description": "",
                "backup_server": session["backup_server"],
                "schedule_configured": None,
                "schedule_enabled": None,
                "next_run": None,
                "schedule": None,
            }
            self._unknown[key] = JobEntry(record, kind, False if kind in (AGENT, VM) else None)
            self.entries.append(self._unknown[key])
        return self._unknown[key]


def _kind_of(session: JobSession) -> str:
    job_type = str(session["job_type"]).lower()
    if is_agent(session):
        return AGENT
    if job_type in ("backup", "replica") or is_copy(job_type):
        return VM
    return NAS if job_type.startswith("nas") else OTHER


def outcomes(
    entry: JobEntry, run: JobSession, children: Sequence[JobSession], task_sessions: Sequence[TaskSession]
) -> list[Outcome]:
    """The results of a run for each of its machines."""
    return [_outcome(entry, run, member) for member in members_of(run, children, task_sessions)]


def _outcome(entry: JobEntry, run: JobSession, member: Member) -> Outcome:
    record = machine(run, member)
    sizes = [part["total_size"] for part in member.parts if part["total_size"] is not None]
    own = member.child or member.parts[0]
    end = moment(own["end_time"])
    return Outcome(
        entry,
        run,
        record["id"],
        record["name"],
        record["result"],
        record["reason"],
        moment(own["creation_time"]),
        own["creation_time"],
        end,
        own["end_time"],
        sum(sizes) if sizes else None,
        not run["running"] or record["result"] is not None,
    )


def together(group: Sequence[Outcome]) -> Outcome:
    """The worst of several sessions of one run that mean the same machine."""
    if len(group) == 1:
        return group[0]
    sizes = [each.size for each in group if each.size is not None]
    begins = [(each.begin, each.begin_text) for each in group if each.begin]
    begin, begin_text = min(begins, key=lambda one: one[0]) if begins else (None, None)
    ends = [(each.end, each.end_text) for each in group if each.end]
    end, end_text = max(ends, key=lambda one: one[0]) if len(ends) == len(group) else (None, None)
    return replace(
        group[0],
        name=max((each.name for each in group), key=len),
        result=worst([each.result for each in group]) if all(each.result for each in group) else _worst_known(group),
        reason="; ".join(distinct([each.reason for each in group])) or None,
        begin=begin,
        begin_text=begin_text,
        end=end,
        end_text=end_text,
        size=sum(sizes) if sizes else None,
        ended=all(each.ended for each in group),
    )


def _worst_known(group: Sequence[Outcome]) -> str | None:
    """Whether a failure is certain, even if other parts are still missing."""
    return FAILED if any(each.result == FAILED for each in group) else None


class Names:
    """The names that mean the same machine, on each backup server."""

    def __init__(self, keys: Iterable[MachineKey]) -> None:
        self._all = set(keys)
        heads: dict[MachineKey, set[str]] = {}
        for server, name in self._all:
            if "." in name and not _ADDRESS.match(name):
                heads.setdefault((server, name.partition(".")[0]), set()).add(name)
        self._long = {key: next(iter(names)) for key, names in heads.items() if len(names) == 1}

    def canonical(self, key: MachineKey) -> MachineKey:
        """The key that identifies the machine in listings."""
        server, name = key
        return key if "." in name else (server, self._long.get(key, name))


def protected_keys(entries: Sequence[JobEntry], computers: Sequence[Computer]) -> dict[MachineKey, list[JobEntry]]:
    """Computers that agent jobs include, directly or through a protection group (em_rest 5)."""
    by_name: dict[MachineKey, list[JobEntry]] = {}
    by_id: dict[str, list[JobEntry]] = {}
    for entry in entries:
        for each in entry.objects if entry.kind == AGENT else ():
            by_id.setdefault(each["id"], []).append(entry)
            for name in {each["name"].lower(), each["display_name"].lower()} - {""}:
                by_name.setdefault((entry.server, name), []).append(entry)
    result: dict[MachineKey, list[JobEntry]] = {}
    for computer in computers:
        key = key_of(computer)
        server = key[0]
        group = str(computer["protection_group"] or "").lower()
        found = [
            *by_name.get(key, ()),
            *(by_name.get((server, group), ()) if group else ()),
            *by_id.get(str(computer["protection_group_id"] or computer["id"]), ()),
            *by_id.get(str(bare_id(computer["id"])), ()),
        ]
        known = result.setdefault(key, [])
        known.extend(entry for entry in found if entry not in known)
    return result


def protected_vms(entries: Sequence[JobEntry]) -> Iterator[tuple[JobEntry, str]]:
    """VMs that VM jobs name. The content of folders and clusters is unknown until a run shows it (em_rest 9)."""
    for entry in entries:
        if entry.kind == VM and entry.makes_backups:
            for each in entry.objects:
                if (each["type"] or "").lower() == "vm" and each["name"]:
                    yield entry, each["name"]


def key_of(computer: Computer) -> MachineKey:
    """The key of a discovered computer."""
    return (str(computer["backup_server"] or "").lower(), computer["name"].lower())
