# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All machines that Enterprise Manager knows, each with its jobs, its verdicts and its newest restore point.

Pure: nothing here talks to a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypedDict

from .model import Computer, JobSession
from .names import ByName
from .outcomes import JobEntry, Outcome, Past, is_whole
from .sessions import CLOCK_MARGIN, is_machine
from .values import moment

COMPUTER, VM = "computer", "vm"
# How many doubts are described in full.
MANY_DOUBTS = 5


class Verdict(TypedDict):
    """The outcome of an ended run for one machine."""

    result: str
    creation_time: str
    end_time: str | None
    job_id: str | None
    job_name: str
    session_id: str


class Point(TypedDict):
    """A restore point."""

    id: str | None
    creation_time: str


class Protection(TypedDict):
    """A job that a machine is in."""

    id: str
    name: str


class Protected(TypedDict):
    """A machine, and how well it is protected."""

    kind: str
    id: str | None
    name: str
    backup_server: str | None
    protection_groups: list[str]
    host_status: str | None
    agent_status: str | None
    agent_version: str | None
    os_version: str | None
    ip_address: str | None
    jobs: list[Protection]
    last: Verdict | None
    last_good: Verdict | None
    restore_point: Point | None


def merge_computers(computers: Iterable[Computer]) -> list[Protected]:
    """A machine for each computer: rows with the same id are one computer in several protection groups."""
    found: dict[Any, Protected] = {}
    for number, record in enumerate(computers):
        # Without an id, nothing shows that two rows are the same computer.
        machine = found.setdefault(record["id"] or number, _machine(COMPUTER, record["name"], record))
        group = record["protection_group"]
        if group and group not in machine["protection_groups"]:
            machine["protection_groups"].append(group)
    return list(found.values())


def _machine(kind: str, name: str, record: Any) -> Protected:
    return {
        "kind": kind,
        "id": record.get("id") or None,
        "name": name,
        "backup_server": record.get("backup_server"),
        "protection_groups": [],
        "host_status": record.get("host_status"),
        "agent_status": record.get("agent_status"),
        "agent_version": record.get("agent_version"),
        "os_version": record.get("os_version"),
        "ip_address": record.get("ip_address"),
        "jobs": [],
        "last": None,
        "last_good": None,
        "restore_point": None,
    }


class Names:
    """Machines by name. Letter case does not matter; web01 is web01.example.com if only one machine can be meant."""

    def __init__(self, machines: Iterable[Protected]) -> None:
        self._by_name = ByName((each["name"], each) for each in machines)

    def add(self, machine: Protected) -> None:
        """Add a machine."""
        self._by_name.add(machine["name"], machine)

    def called(self, name: str, server: str | None) -> list[Protected]:
        """The machines with exactly this name."""
        return [each for each in self._by_name.called(name) if _on(each, server)]

    def all(self, name: str, server: str | None) -> list[Protected]:
        """The machines that a name on a backup server may mean: exact matches, otherwise the short or full form."""
        return self.called(name, server) or [each for each in self._by_name.alike(name) if _on(each, server)]

    def find(self, name: str, server: str | None) -> Protected | None:
        """The machine that a name on a backup server means, None if there are none or several."""
        found = self.all(name, server)
        return found[0] if len(found) == 1 else None


def _on(record: Protected, server: str | None) -> bool:
    mine = record["backup_server"]
    return mine is None or server is None or mine.lower() == server.lower()


class Estate:
    """Collects what is known about machines.

    :ivar machines: computers first, then VMs.
    :ivar settled: whether older runs cannot add anything about the computers.
    """

    def __init__(self, computers: Iterable[Protected]) -> None:
        self.machines = list(computers)
        self._computers = Names(self.machines)
        self._vms = Names([])
        self._vm_by_id: dict[tuple[str, str], Protected] = {}
        self._included: dict[int, dict[str, JobEntry]] = {}
        self._processed: dict[tuple[int, int], tuple[JobEntry, datetime]] = {}
        self._newest_run: dict[int, datetime] = {}
        # The newest by creation time, since they come in that order.
        self._past: dict[int, Past] = {}
        self._lacking = {id(each) for each in self.machines}
        self._unresolved = False
        self._doubtful: set[tuple[str, str]] = set()
        self._ahead: set[str] = set()

    @property
    def settled(self) -> bool:
        """Whether each computer has a good verdict, and the jobs of each are known without their runs."""
        return not self._lacking and not self._unresolved

    def include(self, entries: Iterable[JobEntry]) -> None:
        """Agent jobs protect the protection groups and computers that they include, known only by name (em_rest 5)."""
        groups: dict[str, list[Protected]] = {}
        for machine in self.machines:
            for group in machine["protection_groups"]:
                groups.setdefault(group.lower(), []).append(machine)
        for entry in entries:
            server = entry.job["backup_server"]
            for each in entry.objects:
                members = [one for one in groups.get(each["name"].lower(), []) if _on(one, server)]
                # A group and a computer may have the same name: both are possible.
                members += self._computers.called(each["name"], server)
                if not members:
                    alike = self._computers.find(each["name"], server)
                    members = [alike] if alike else []
                self._unresolved = self._unresolved or not members
                for machine in members:
                    self._included.setdefault(id(machine), {})[entry.id] = entry

    def saw_run(self, entry: JobEntry, run: JobSession, now: datetime) -> None:
        """Note an ended run: machines that it left out are no longer in its job.

        A retry leaves out machines that succeeded before, and so may a run that does not say whether it is a retry.
        """
        created = moment(run["creation_time"])
        if created and is_whole(run) and not self.is_ahead(created, now, run["backup_server"]):
            self._newest_run[id(entry)] = max(created, self._newest_run.get(id(entry), created))

    def computer(self, name: str, server: str | None) -> Protected | None:
        """The computer that a session or restore point belongs to; None if that is unclear."""
        return self._one(self._computers.all(name, server), server)

    def vm(self, name: str, server: str | None, uid: str | None) -> Protected | None:
        """The VM that a task session belongs to: by its id, or by its name if the session has no id (em_rest 8)."""
        place = str(server).lower()
        if uid and (place, uid) in self._vm_by_id:
            return self._vm_by_id[place, uid]
        same = [each for each in self._vms.called(name, server) if not uid or each["id"] is None]
        if same:
            machine = self._one(same, server)
        else:
            machine = _machine(VM, name, {"backup_server": server})
            self.machines.append(machine)
            self._vms.add(machine)
        if uid and machine:
            machine["id"] = uid
            self._vm_by_id[place, uid] = machine
        return machine

    def _one(self, found: list[Protected], server: str | None) -> Protected | None:
        if len(found) > 1:
            self._doubtful.add((found[0]["name"], str(server)))
        return found[0] if len(found) == 1 else None

    def take(self, machine: Protected, outcome: Outcome, created: datetime) -> None:
        """Note what happened to a machine, even if it has not ended or has no verdict yet."""
        key = (id(machine), id(outcome.entry))
        _entry, before = self._processed.get(key, (outcome.entry, created))
        self._processed[key] = outcome.entry, max(created, before)
        self._tell(machine, outcome)

    def _tell(self, machine: Protected, outcome: Outcome) -> None:
        if outcome.result is None:
            return
        self._past.setdefault(id(machine), Past(lambda each: each.begin)).take(outcome)
        if outcome.good:
            self._lacking.discard(id(machine))

    def is_ahead(self, created: datetime, now: datetime, server: str | None) -> bool:
        """Whether a date is too far in the future to be compared with others (em_rest 17.6)."""
        if created <= now + CLOCK_MARGIN:
            return False
        self._ahead.add(str(server))
        return True

    def settle(self) -> None:
        """Find the jobs of each machine; merge a computer with the VM in which its agent runs."""
        found: dict[int, dict[str, JobEntry]] = {key: dict(jobs) for key, jobs in self._included.items()}
        for (key, number), (entry, processed) in self._processed.items():
            newest = self._newest_run.get(number)
            # Without a run that shows all machines of the job, it is unknown whether one was removed from it.
            if entry.listed and (newest is None or processed >= newest):
                found.setdefault(key, {})[entry.id] = entry
        twins = self._twins()
        for vm, machine in twins:
            found.setdefault(id(machine), {}).update(found.get(id(vm), {}))
            past = self._past.get(id(vm), Past())
            for outcome in (past.last_good, past.last):
                if outcome:
                    self._tell(machine, outcome)
        gone = {id(vm) for vm, _machine in twins}
        self.machines = [each for each in self.machines if id(each) not in gone]
        for machine in self.machines:
            mine = sorted(found.get(id(machine), {}).values(), key=lambda each: (each.name.lower(), each.id))
            machine["jobs"] = [{"id": each.id, "name": each.name} for each in mine]
            past = self._past.get(id(machine), Past())
            machine["last"], machine["last_good"] = _verdict(past.last), _verdict(past.last_good)

    def _twins(self) -> list[tuple[Protected, Protected]]:
        """VMs, each with the computer of the same name, if both names are unique on their backup server."""
        pairs = []
        for vm in self.machines:
            name, server = vm["name"], vm["backup_server"]
            computers = self._computers.called(name, server) if vm["kind"] == VM else []
            if len(computers) == 1 and len(self._vms.called(name, server)) == 1:
                pairs.append((vm, computers[0]))
        return pairs

    def doubts(self) -> Iterator[str]:
        """The warnings for the user."""
        for name, server in sorted(self._doubtful)[:MANY_DOUBTS]:
            yield (
                f"Several machines on {server} match {name}. It is not clear which of them was backed up, so none of "
                "them gets the verdict or the restore point."
            )
        if len(self._doubtful) > MANY_DOUBTS:
            yield f"The same applies to {len(self._doubtful) - MANY_DOUBTS} more names."
        for server in sorted(self._ahead):
            yield (
                f"Sessions or restore points on {server} are dated in the future and were left out. Check that "
                "server's clock."
            )

    def shown(self, groups: Sequence[str]) -> list[Protected]:
        """The machines, sorted; if groups are given, only the computers in one of them."""
        lowered = {each.lower() for each in groups}
        return sorted(
            (
                each
                for each in self.machines
                if not lowered or lowered & {group.lower() for group in each["protection_groups"]}
            ),
            key=lambda each: (each["name"].lower(), str(each["backup_server"]).lower(), str(each["id"])),
        )


def _verdict(outcome: Outcome | None) -> Verdict | None:
    if outcome is None:
        return None
    job_name = outcome.run["job_name"]
    if is_machine(outcome.run):
        # Without its run, the name of its own job shows it: "<job> - <machine>".
        job_name = job_name.rpartition(" - ")[0] or job_name
    return {
        "result": str(outcome.result),
        "creation_time": str(outcome.begin_text),
        "end_time": outcome.end_text,
        "job_id": None if is_machine(outcome.run) else outcome.entry.id or None,
        "job_name": job_name,
        "session_id": outcome.id,
    }
