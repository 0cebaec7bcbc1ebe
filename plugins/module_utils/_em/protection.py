# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs protect some machines, and how their newest runs ended.

Only jobs that make backups count: agent jobs and VM backup jobs. Replication does not make backups, and a copy is not
newer than its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from .client import FEW, EmClient
from .computers import Place, read_newest_restore_points
from .filters import creation
from .history import History
from .lookup import KINDS_OF_JOBS, on
from .model import SUCCESS, Computer, Job, JobSession, computer
from .names import Candidate, Matcher, machine_names, same_machine
from .outcomes import VM, JobEntry, Outcome, Past, is_whole, together
from .runs import read_entries
from .sessions import AGENT_RUN, LISTED
from .values import age_hours

# How a job was found to protect a machine; if several apply, the first is reported.
COMPUTER, GROUP, OBJECT, HISTORY = "computer", "protection_group", "object", "history"
_ORDER = (COMPUTER, GROUP, OBJECT, HISTORY)
NO_VERDICTS: dict[str, Any] = {"last": None, "last_good": None}
# How far back to read runs that show what a job with containers protects: long enough for weekly jobs.
RECENT = timedelta(days=8)


class Known:
    """A machine that the server knows."""

    def __init__(self, server: str, name: str) -> None:
        self.server = server
        self.names = [name]
        self.computers: set[str] = set()
        self.vms: set[str] = set()
        self.jobs: dict[str, str] = {}
        self.outcomes: list[Outcome] = []

    def add(self, job_id: str, by: str) -> None:
        """Note that a job protects it."""
        self.jobs[job_id] = min(by, self.jobs.get(job_id, by), key=_ORDER.index)

    def called(self, name: str) -> bool:
        """Whether it has this name."""
        return name.lower() in map(str.lower, self.names)

    @property
    def past(self) -> Past:
        """The newest runs that have ended. If a run shows a name twice, the worse entry counts."""
        by_run: dict[str, list[Outcome]] = {}
        for each in self.outcomes:
            if not each.run["running"]:
                by_run.setdefault(each.run["id"], []).append(each)
        past = Past(lambda each: each.end or creation(each.run))
        for same in by_run.values():
            past.take(together(same))
        return past

    @property
    def candidate(self) -> Candidate:
        """The form that names are matched with."""
        # The same name on two hosts means two VMs. On one host, it is usually one VM that was registered again, while
        # jobs keep the old entry.
        hosts = {reference.rpartition(".")[0] for reference in self.vms}
        return Candidate(id(self), tuple(self.names), self.server, len(self.computers) > 1 or len(hosts) > 1)


class Machines:
    """All machines that some jobs may protect, collected from computers, the objects of jobs, and runs."""

    def __init__(self, entries: Sequence[JobEntry], computers: Sequence[Computer]) -> None:
        self.jobs: dict[str, Job] = {entry.id: entry.job for entry in entries}
        self.every: dict[Place, Known] = {}
        self._protected: dict[str, list[Known]] = {}
        self._seen_whole: set[str] = set()
        groups: dict[Place, dict[str, Known]] = {}
        for each in computers:
            known = self._at(_lower(each["backup_server"]), each["name"])
            known.computers.add(each["id"])
            if each["protection_group"]:
                place = (known.server, each["protection_group"].lower())
                groups.setdefault(place, {})[each["name"].lower()] = known
        on_server: dict[str, list[Known]] = {}
        for known in self.every.values():
            on_server.setdefault(known.server, []).append(known)
        for entry in entries:
            for item in entry.objects:
                server = entry.server
                if entry.kind == VM:
                    if (item["type"] or "Vm").lower() == "vm":
                        known = self._link(entry, self._at(server, item["name"]), OBJECT)
                        known.vms.update(filter(None, [item["reference"]]))
                    continue
                members = groups.get((server, item["name"].lower()), {})
                for known in members.values():
                    self._link(entry, known, GROUP)
                if (server, item["name"].lower()) in self.every or not members:
                    self._link(entry, self._computer(server, item["name"], on_server.get(server, [])), COMPUTER)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Replace the known results of machines with those in these runs."""
        for known in self.every.values():
            known.outcomes = []
        owners: dict[tuple[int, str], Known | None] = {}
        by_job: dict[int, set[str]] = {}
        for each in outcomes:
            by_job.setdefault(id(each.entry), set()).add(each.name)
        for each in outcomes:
            key = (id(each.entry), each.name)
            if key not in owners:
                owners[key] = self._owner(each, by_job[key[0]])
            owner = owners[key]
            if owner:
                owner.outcomes.append(each)

    def note_newest(self) -> None:
        """Note the jobs that had a machine in their newest complete run, or in a later run."""
        runs: dict[str, dict[str, tuple[JobSession, dict[int, Known]]]] = {}
        for known in self.every.values():
            for each in known.outcomes:
                if each.entry.id in self.jobs:
                    of_job = runs.setdefault(each.entry.id, {})
                    of_job.setdefault(each.run["id"], (each.run, {}))[1][id(known)] = known
        for job_id, of_job in runs.items():
            for run, members in sorted(of_job.values(), key=lambda one: creation(one[0]), reverse=True):
                for known in members.values():
                    known.add(job_id, HISTORY)
                    self._protected.setdefault(job_id, []).append(known)
                if is_whole(run):
                    self._seen_whole.add(job_id)
                    break

    def note_older(self, known: Known) -> None:
        """Note the jobs of a machine's older runs, if nothing else shows them and no later run left it out."""
        for each in known.outcomes:
            if each.entry.id in self.jobs and each.entry.id not in self._seen_whole:
                known.add(each.entry.id, HISTORY)

    def _owner(self, outcome: Outcome, shown: set[str]) -> Known | None:
        """The machine that a run shows under this name: one that its job protects, if that is clear."""
        name = outcome.name
        mine = self._protected.get(outcome.entry.id, [])
        equal = [known for known in mine if known.called(name)]
        if equal:
            return equal[0]
        alike = {id(known): known for known in mine if same_machine(known.names[0], name)}
        if len(alike) == 1:
            (known,) = alike.values()
            if sum(same_machine(known.names[0], each) for each in shown) == 1:
                known.names.append(name)
                return known
        server = outcome.entry.server or _lower(outcome.run["backup_server"])
        if outcome.entry.id not in self.jobs and not server:
            return None
        return self._at(server, name)

    def _at(self, server: str, name: str) -> Known:
        return self.every.setdefault((server, name.lower()), Known(server, name))

    def _link(self, entry: JobEntry, known: Known, by: str) -> Known:
        known.add(entry.id, by)
        self._protected.setdefault(entry.id, []).append(known)
        return known

    def _computer(self, server: str, name: str, computers: Sequence[Known]) -> Known:
        """The computer that an agent job names, perhaps by the other form of its name."""
        alike = [known for known in computers if same_machine(known.names[0], name)]
        if (server, name.lower()) not in self.every and len(alike) == 1:
            alike[0].names.append(name)
            return alike[0]
        return self._at(server, name)


def read_protection(client: EmClient, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What veeam_em_protection_info returns, by its options.

    :raises ApiError: usage, if a value is not the name of a machine; ambiguous, if several machines have a name.
    """
    asked = machine_names(wanted["machine"])
    families, server = KINDS_OF_JOBS[wanted["kind"]], wanted["backup_server"]
    jobs = [entry for entry in read_entries(client, families, server) if entry.makes_backups]
    computers: list[Computer] = []
    if wanted["kind"] != "vm":
        rows = client.query("DiscoveredComputer", sort_by="Name")
        computers = [computer(row) for row in rows if not server or on(row, server)]
    machines = Machines(jobs, computers)
    if server:
        server = next((entry.job["backup_server"] for entry in jobs), None) or server
    history = History(client, jobs, _run_types(wanted["kind"], jobs), server)
    recent = client.now() - RECENT
    machines.add(history.read_newest(recent))
    machines.note_newest()
    found = _match(machines, asked)
    verdicts = {name: _verdicts(client, machines, known) for name, known in found.items()}
    unclear = [name for name in asked if name not in found or not found[name].jobs or not found[name].past.last_good]
    if unclear:
        names = _names_to_look_for(unclear, found)
        machines.add(history.read_older(names, client.now() - LISTED, recent, by_id=len(asked) <= FEW))
        found.update(_match(machines, [name for name in unclear if name not in found]))
        for name in unclear:
            if name in found:
                verdicts[name] = _verdicts(client, machines, found[name])
                if not found[name].jobs:
                    machines.note_older(found[name])
    if history.ahead:
        shown = next(iter(history.ahead.values()))
        client.warn(
            f"{len(history.ahead)} sessions were left out because they are dated in the future, such as {shown}."
        )
    for name, known in found.items():
        if len(known.vms) > 1:
            client.warn(
                f"{name} is the name of several VMs ({', '.join(sorted(known.vms))}), which are treated as one."
            )
    records = [{**_record(machines, name, found.get(name)), **verdicts.get(name, NO_VERDICTS)} for name in asked]
    if wanted["include_restore_points"]:
        points = _restore_points(client, found.values())
        for record in records:
            record["restore_point"] = points.get(id(found.get(record["name"])))
    return {"machines": records, "unprotected": [each["name"] for each in records if not each["protected"]]}


def _run_types(kind: str, entries: Sequence[JobEntry]) -> list[str]:
    """The types of sessions that are backup runs."""
    known = {str(entry.job["job_type"]) for entry in entries if entry.job["job_type"]}
    return sorted(known | {"any": {AGENT_RUN, "Backup"}, "vm": {"Backup"}, "agent": {AGENT_RUN}}[kind])


def _match(machines: Machines, asked: Sequence[str]) -> dict[str, Known]:
    every = {id(known): known for known in machines.every.values()}
    found = Matcher(known.candidate for known in every.values()).match(asked)
    return {name: every[candidate.key] for name, candidate in found.items()}


def _names_to_look_for(names: Sequence[str], found: Mapping[str, Known]) -> list[str]:
    """The names that task sessions may show for some machines."""
    wanted = {name.lower(): name for name in names}
    for name in names:
        known = found[name].names if name in found else [name.partition(".")[0]]
        wanted.update((each.lower(), each) for each in known)
    return list(wanted.values())


def _restore_points(client: EmClient, found: Iterable[Known]) -> dict[int, Any]:
    """The newest restore points by machine; only computers have some (em_rest 6)."""
    computers = [known for known in found if known.computers]
    places = {(known.server, name.lower()): id(known) for known in computers for name in known.names}
    return read_newest_restore_points(client, places)


def _record(machines: Machines, name: str, known: Known | None) -> dict[str, Any]:
    shown = [_job(machines.jobs[job_id], by) for job_id, by in known.jobs.items()] if known else []
    shown.sort(key=lambda job: (_ORDER.index(job["by"]), job["name"], job["id"]))
    return {
        "name": name,
        "known_as": list(dict.fromkeys(known.names)) if known else [],
        "protected": bool(shown),
        "jobs": shown,
    }


def _verdicts(client: EmClient, machines: Machines, known: Known) -> dict[str, Any]:
    past = known.past
    return {
        "last": _verdict(client, machines, past.last),
        "last_good": _verdict(client, machines, past.last_good),
    }


def _job(record: Job, by: str) -> dict[str, Any]:
    return {
        "id": record["id"],
        "name": record["name"],
        "kind": record["kind"],
        "backup_server": record["backup_server"],
        "schedule_enabled": record["schedule_enabled"],
        "by": by,
    }


def _verdict(client: EmClient, machines: Machines, outcome: Outcome | None) -> dict[str, Any] | None:
    if not outcome:
        return None
    job, reason = outcome.entry.id, outcome.reason
    if outcome.result != SUCCESS:
        reason = reason or outcome.run["failure_message"]
    age = age_hours(outcome.end_text, client.now())
    return {
        "result": outcome.result,
        "reason": reason,
        "end_time": outcome.end_text,
        "age_hours": None if age is None else max(age, 0.0),
        "job_name": machines.jobs[job]["name"] if job in machines.jobs else outcome.run["job_name"],
        "job_session_id": outcome.run["id"],
    }


def _lower(server: str | None) -> str:
    return str(server or "").lower()
