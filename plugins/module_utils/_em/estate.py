# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All machines that Enterprise Manager knows, each with its jobs, its verdicts and its newest restore point.

Everything is read page by page, whatever the number of machines: nothing is asked for a single one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Callable, TypedDict

from .._errors import NOT_FOUND, ApiError
from .client import PAGE_SIZE, EmClient
from .links import backup_server, bare_id
from .lookup import AGENT_JOBS, VM_JOBS, check_server, find_jobs
from .machines import machine_of
from .model import (
    SUCCESS,
    WARNING,
    Computer,
    Job,
    JobSession,
    Resource,
    computer,
    is_copy,
    job,
    job_objects,
    job_session,
    task_session,
)
from .names import ByName
from .pages import row_key
from .query import Clause, Condition, split
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP, CLOCK_MARGIN, KINDS, is_agent, since
from .task_sessions import read_task_sessions_of
from .values import known_text, moment, time_text

COMPUTER, VM = "computer", "vm"
# A run may have begun so long before the sessions of its machines.
LONGEST_RUN = timedelta(days=2)
# So many doubts are told in full.
MANY_DOUBTS = 5


class Outcome(TypedDict):
    """How an ended run ended for one machine."""

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
    last: Outcome | None
    last_good: Outcome | None
    restore_point: Point | None


@dataclass(frozen=True)
class Wanted:
    """What to read.

    :ivar backup_servers: names or ids of backup servers; none means all.
    :ivar protection_groups: computers in one of these; none means all.
    :ivar vms: also the VMs that the runs of the last days have processed.
    :ivar days: how far back runs are read.
    """

    backup_servers: Sequence[str] = ()
    protection_groups: Sequence[str] = ()
    vms: bool = False
    restore_points: bool = True
    days: float = 30.0


def read_estate(client: EmClient, wanted: Wanted) -> list[Protected]:
    """All machines, ordered by name.

    :raises ApiError: not_found, for a backup server or a protection group that does not exist.
    """
    here: list[Clause] = []
    if wanted.backup_servers:
        names = [check_server(client, each) for each in wanted.backup_servers]
        here = [Condition.of("BackupServerName", "==", *names)]
    rows = _whole(client, "DiscoveredComputer", here)
    estate = Estate(merge_computers(map(computer, rows)))
    _check_groups(client, estate, wanted.protection_groups)
    # Groups narrow what is shown, not what is read: a job may include a machine by another of its groups.
    estate.include_jobs(each.resource for each in find_jobs(client, [AGENT_JOBS], [], [], None))
    begin = client.now() - timedelta(days=wanted.days) - CLOCK_MARGIN
    _read_agent_runs(client, estate, here, begin)
    if wanted.vms:
        _read_vm_runs(client, estate, here, begin)
    if wanted.restore_points:
        _read_restore_points(client, estate)
    estate.settle()
    for text in estate.doubts():
        client.warn(text)
    return estate.shown(wanted.protection_groups)


def merge_computers(computers: Iterable[Computer]) -> list[Protected]:
    """A machine for each computer: rows of one id are the same one, in several protection groups."""
    found: dict[Any, Protected] = {}
    for number, record in enumerate(computers):
        # Without an id nothing tells that two rows are the same computer.
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
    """Machines by name. Letter case aside, and web01 is web01.example.com where only one machine can be meant."""

    def __init__(self, machines: Iterable[Protected]) -> None:
        self._by_name = ByName((each["name"], each) for each in machines)

    def add(self, machine: Protected) -> None:
        """Take one more machine."""
        self._by_name.add(machine["name"], machine)

    def called(self, name: str, server: str | None) -> list[Protected]:
        """The machines of exactly this name."""
        return [each for each in self._by_name.called(name) if _on(each, server)]

    def all(self, name: str, server: str | None) -> list[Protected]:
        """The machines that a name on a backup server may mean: those that have it, else those that resemble it."""
        return self.called(name, server) or [each for each in self._by_name.alike(name) if _on(each, server)]

    def find(self, name: str, server: str | None) -> Protected | None:
        """The one machine that a name on a backup server means, None when there is none or more than one."""
        found = self.all(name, server)
        return found[0] if len(found) == 1 else None


def _on(record: Protected | Job, server: str | None) -> bool:
    mine = record["backup_server"]
    return mine is None or server is None or mine.lower() == server.lower()


class Estate:
    """Machines while what is known about them comes together.

    :ivar machines: computers first, then VMs.
    :ivar settled: whether older runs cannot tell anything new about the computers.
    """

    def __init__(self, computers: Iterable[Protected]) -> None:
        self.machines = list(computers)
        self._computers = Names(self.machines)
        self._vms = Names([])
        self._vm_by_id: dict[tuple[str, str], Protected] = {}
        self._jobs: dict[str, Job] = {}
        self._jobs_by_name: dict[str, list[Job]] = {}
        self._included: dict[int, dict[str, Job]] = {}
        self._processed: dict[tuple[int, str], datetime] = {}
        self._newest_run: dict[str, datetime] = {}
        self._lacking = {id(each) for each in self.machines}
        self._unresolved = False
        self._doubtful: set[tuple[str, str]] = set()
        self._ahead: set[str] = set()

    @property
    def settled(self) -> bool:
        """Whether each computer has a good verdict, and the jobs of each are known without their runs."""
        return not self._lacking and not self._unresolved

    def include_jobs(self, resources: Iterable[Resource]) -> None:
        """Agent jobs protect what they include: protection groups and computers, which only names tell (em_rest 5)."""
        groups: dict[str, list[Protected]] = {}
        for machine in self.machines:
            for group in machine["protection_groups"]:
                groups.setdefault(group.lower(), []).append(machine)
        for resource in resources:
            record = job(resource)
            self._know(record)
            server = record["backup_server"]
            for each in job_objects(resource):
                members = [one for one in groups.get(each["name"].lower(), []) if _on(one, server)]
                # A group and a computer may have the same name: either may be meant.
                members += self._computers.called(each["name"], server)
                if not members:
                    alike = self._computers.find(each["name"], server)
                    members = [alike] if alike else []
                self._unresolved = self._unresolved or not members
                for machine in members:
                    self._included.setdefault(id(machine), {})[record["id"]] = record

    def know_jobs(self, resources: Iterable[Resource]) -> None:
        """Jobs that protect what their newest run has processed."""
        for resource in resources:
            self._know(job(resource))

    def _know(self, record: Job) -> None:
        self._jobs[record["id"]] = record
        self._jobs_by_name.setdefault(record["name"], []).append(record)

    def saw_run(self, run: JobSession, now: datetime) -> JobSession:
        """Note an ended run: machines that it left out are not in its job any more.

        A retry leaves out what is well, and so may a run that does not tell whether it is one.

        :returns: the run, with the id of its job if only the name tells it.
        """
        job_id = run["job_id"] or self._only_job(run)
        created = moment(run["creation_time"])
        whole = not run["running"] and run["is_retry"] is False
        if created and job_id and whole and not self.is_ahead(created, now, run["backup_server"]):
            self._newest_run[job_id] = max(created, self._newest_run.get(job_id, created))
        return {**run, "job_id": job_id}

    def _only_job(self, run: JobSession) -> str | None:
        """The job that a run without an id names, if there is just one of that name."""
        same = [each for each in self._jobs_by_name.get(run["job_name"], []) if _on(each, run["backup_server"])]
        return same[0]["id"] if len(same) == 1 else None

    def computer(self, name: str, server: str | None) -> Protected | None:
        """The computer that a session or a restore point is about; None when that cannot be told."""
        return self._one(self._computers.all(name, server), server)

    def vm(self, name: str, server: str | None, uid: str | None) -> Protected | None:
        """The VM that a task session is about: by its id, by its name where the session has none (em_rest 8)."""
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

    def take(self, machine: Protected, outcome: Outcome | None, job_id: str | None, created: datetime) -> None:
        """Note what happened to a machine.

        :param outcome: None while it has not ended, or has no verdict yet.
        """
        if job_id:
            key = (id(machine), job_id)
            self._processed[key] = max(created, self._processed.get(key, created))
        if outcome and _newer(outcome, machine["last"]):
            machine["last"] = outcome
        if outcome and outcome["result"] in (SUCCESS, WARNING):
            self._lacking.discard(id(machine))
            if _newer(outcome, machine["last_good"]):
                machine["last_good"] = outcome

    def is_ahead(self, created: datetime, now: datetime, server: str | None) -> bool:
        """Whether a date lies so far ahead that it cannot be compared with others (DESIGN 2.17)."""
        if created <= now + CLOCK_MARGIN:
            return False
        self._ahead.add(str(server))
        return True

    def settle(self) -> None:
        """Find the jobs of each machine; make one of a computer and the VM in which its agent runs."""
        found: dict[int, dict[str, Job]] = {key: dict(jobs) for key, jobs in self._included.items()}
        for (key, job_id), processed in self._processed.items():
            known, newest = self._jobs.get(job_id), self._newest_run.get(job_id)
            # Without a run that shows all machines of the job, nothing tells that one has left it.
            if known and (newest is None or processed >= newest):
                found.setdefault(key, {})[job_id] = known
        twins = self._twins()
        for vm, machine in twins:
            found.setdefault(id(machine), {}).update(found.get(id(vm), {}))
            for outcome in (vm["last_good"], vm["last"]):
                if outcome:
                    self.take(machine, outcome, None, datetime.min)
        gone = {id(vm) for vm, _machine in twins}
        self.machines = [each for each in self.machines if id(each) not in gone]
        for machine in self.machines:
            mine = sorted(found.get(id(machine), {}).values(), key=lambda each: (each["name"].lower(), each["id"]))
            machine["jobs"] = [{"id": each["id"], "name": each["name"]} for each in mine]

    def _twins(self) -> list[tuple[Protected, Protected]]:
        """VMs, each with the computer of its name, where either is the only one on its backup server."""
        pairs = []
        for vm in self.machines:
            name, server = vm["name"], vm["backup_server"]
            computers = self._computers.called(name, server) if vm["kind"] == VM else []
            if len(computers) == 1 and len(self._vms.called(name, server)) == 1:
                pairs.append((vm, computers[0]))
        return pairs

    def doubts(self) -> Iterator[str]:
        """What people should know."""
        for name, server in sorted(self._doubtful)[:MANY_DOUBTS]:
            yield (
                f"Several machines on {server} match {name}. It is not clear which of them was backed up, so they "
                "get neither a verdict nor a restore point from there."
            )
        if len(self._doubtful) > MANY_DOUBTS:
            yield f"The same applies to {len(self._doubtful) - MANY_DOUBTS} more names."
        for server in sorted(self._ahead):
            yield f"Sessions or restore points on {server} are dated ahead and left out. Check that server's clock."

    def shown(self, groups: Sequence[str]) -> list[Protected]:
        """The machines, ordered; with groups, only the computers in one of them."""
        lowered = {each.lower() for each in groups}
        return sorted(
            (
                each
                for each in self.machines
                if not lowered or lowered & {group.lower() for group in each["protection_groups"]}
            ),
            key=lambda each: (each["name"].lower(), str(each["backup_server"]).lower(), str(each["id"])),
        )


def _newer(one: Outcome, other: Outcome | None) -> bool:
    if other is None:
        return True
    mine, theirs = moment(one["creation_time"]), moment(other["creation_time"])
    return bool(mine and theirs and mine > theirs)


def _whole(client: EmClient, query_type: str, where: Sequence[Clause]) -> list[Resource]:
    """A listing that no machine may be missing from."""
    rows, certain = client.query_whole(query_type, where=where, sort_by="Name", key=row_key)
    if not certain:
        client.warn(f"The {query_type} listing changed while the module read it. Entries may be missing.")
    # What the server's grammar cannot carry is left over.
    return [row for row in rows if all(condition.holds(row) for condition in split(where)[1])]


def _check_groups(client: EmClient, estate: Estate, groups: Sequence[str]) -> None:
    """Refuse a protection group that does not exist; one without computers is not a mistake."""
    known = {group.lower() for machine in estate.machines for group in machine["protection_groups"]}
    missing = [each for each in groups if each.lower() not in known]
    if not missing:
        return
    names = [str(row.get("name")) for row in client.query("AgentProtectionGroup", entities=False)]
    missing = [each for each in missing if each.lower() not in map(str.lower, names)]
    if missing:
        raise ApiError(
            NOT_FOUND,
            f"There is no protection group called {', '.join(map(repr, missing))}.",
            hint=f"Enterprise Manager has: {', '.join(sorted(names)) or 'none'}.",
        )


def _outcome(record: Any, job_id: str | None, job_name: str, session_id: str) -> Outcome | None:
    """What a session of a machine says, once it has ended and has a verdict."""
    if record["result"] is None or record["creation_time"] is None:
        return None
    return {
        "result": record["result"],
        "creation_time": record["creation_time"],
        "end_time": time_text(record["end_time"]),
        "job_id": job_id,
        "job_name": job_name,
        "session_id": session_id,
    }


def _read_agent_runs(client: EmClient, estate: Estate, here: list[Clause], begin: datetime) -> None:
    """What the runs of agent jobs did to each computer: a session for each (em_rest 7)."""
    runs = {}
    of_runs = [*here, Condition.of("JobType", "==", AGENT_RUN), *since(begin - LONGEST_RUN)]
    for row in client.rows(BACKUP.query_type, where=of_runs, sort_by="CreationTime", descending=True):
        run = estate.saw_run(job_session(row, client.now()), client.now())
        runs[run["id"]] = run
    childless = dict(runs)
    read = begin
    of_machines = [*here, Condition.of("JobType", "==", AGENT_MACHINE), *since(begin)]
    for row, created in _newest_first(client, estate, BACKUP.query_type, of_machines, lambda: estate.settled):
        child = job_session(row, client.now())
        mine = runs.get(str(child["parent_session_id"]))
        childless.pop(str(child["parent_session_id"]), None)
        # Without its run, the name of its own job tells: "<job> - <machine>".
        name = machine_of(child, mine or child)
        machine = estate.computer(name, child["backup_server"])
        if machine:
            job_id = mine["job_id"] if mine else None
            job_name = mine["job_name"] if mine else child["job_name"].rpartition(" - ")[0] or child["job_name"]
            estate.take(machine, _outcome(child, job_id, job_name, child["id"]), job_id, created)
        read = created
    ended = [run for run in childless.values() if not run["running"]]
    # If it stopped early, the sessions of older runs have not been read, and are not needed.
    _read_childless_runs(client, estate, ended, read if estate.settled else begin)


def _newest_first(
    client: EmClient,
    estate: Estate,
    query_type: str,
    where: Sequence[Clause] = (),
    done: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Resource, datetime]]:
    """Rows with their times, until older ones cannot tell anything new."""
    before: datetime | None = None
    ordered = True
    number = 0
    for row in client.rows(query_type, where=where, sort_by="CreationTime", descending=True):
        number += 1
        created = moment(row.get("creation_time_utc"))
        if created is None or estate.is_ahead(created, client.now(), backup_server(row).get("name")):
            continue
        yield row, created
        ordered = ordered and (before is None or created <= before)
        before = created
        if ordered and done():
            return
    if not ordered and number > PAGE_SIZE:
        # Rows may have moved from a page that was still to come to one that had been read.
        client.warn(f"The {query_type} listing was not in order. Newer verdicts may be missing.")


def _read_childless_runs(client: EmClient, estate: Estate, runs: list[JobSession], begin: datetime) -> None:
    """Runs without sessions of machines: their task sessions tell."""
    mine = {run["id"]: run for run in runs if (moment(run["creation_time"]) or begin) >= begin}
    for session_id, found in read_task_sessions_of(client, BACKUP, list(mine.values())).items():
        run = mine[session_id]
        for record in found:
            machine = estate.computer(record["machine"], run["backup_server"])
            created = moment(record["creation_time"])
            if machine and created and not estate.is_ahead(created, client.now(), run["backup_server"]):
                outcome = _outcome(record, run["job_id"], run["job_name"], record["id"])
                estate.take(machine, outcome, run["job_id"], created)


def _read_vm_runs(client: EmClient, estate: Estate, here: list[Clause], begin: datetime) -> None:
    """The VMs that backup and replication jobs have processed; copies of backups do not count as such."""
    estate.know_jobs(each.resource for each in find_jobs(client, [VM_JOBS], [], [], None))
    for kind in KINDS:
        runs = {}
        of_runs = [*here, *since(begin - LONGEST_RUN)]
        if kind is BACKUP:
            of_runs.append(Condition.of("JobType", "!=", AGENT_MACHINE, AGENT_RUN))
        for row in client.rows(kind.query_type, where=of_runs, sort_by="CreationTime", descending=True):
            run = job_session(row, client.now())
            if not is_agent(run) and not is_copy(run["job_type"]) and not _is_of_files(run["job_type"]):
                runs[run["id"]] = estate.saw_run(run, client.now())
        for row, created in _newest_first(client, estate, kind.task_query_type, [*here, *since(begin)]):
            record = task_session(row, client.now())
            mine = runs.get(str(record["job_session_id"]))
            if mine is None:
                continue
            server = known_text(backup_server(row).get("name")) or mine["backup_server"]
            machine = estate.vm(record["machine"], server, bare_id(row.get("vm_uid")))
            if machine:
                outcome = _outcome(record, mine["job_id"], mine["job_name"], record["id"])
                estate.take(machine, outcome, mine["job_id"], created)


def _is_of_files(job_type: str | None) -> bool:
    return str(job_type).lower().startswith("nas")


def _read_restore_points(client: EmClient, estate: Estate) -> None:
    """The newest restore point of each computer: they are called <computer>@<time>."""
    lacking = {id(each) for each in estate.machines if each["kind"] == COMPUTER}
    for row, created in _newest_first(client, estate, "AgentRestorePoint", done=lambda: not lacking):
        name = str(row.get("name", "")).rpartition("@")[0]
        machine = estate.computer(name, known_text(backup_server(row).get("name")))
        if not machine:
            continue
        lacking.discard(id(machine))
        known = machine["restore_point"]
        if known is None or created > (moment(known["creation_time"]) or created):
            machine["restore_point"] = {"id": bare_id(row.get("uid")), "creation_time": str(row["creation_time_utc"])}
