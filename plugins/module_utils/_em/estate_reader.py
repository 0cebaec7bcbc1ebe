# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the data for the inventory page by page, without separate requests for each machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Callable

from .._errors import NOT_FOUND, ApiError
from .client import PAGE_SIZE, EmClient
from .estate import COMPUTER, Estate, Protected, merge_computers
from .links import backup_server, bare_id
from .lookup import AGENT_JOBS, VM_JOBS, check_server
from .model import JobSession, Resource, computer, is_copy, job_session, task_session
from .outcomes import outcomes
from .pages import row_key
from .query import Clause, Condition, checked
from .runs import Runs, read_entries
from .sessions import AGENT_MACHINE, AGENT_RUN, BACKUP, CLOCK_MARGIN, KINDS, is_agent, kind_of, since
from .values import known_text, moment

# How long a run may have begun before the sessions of its machines.
LONGEST_RUN = timedelta(days=2)


@dataclass(frozen=True)
class Wanted:
    """What to read.

    :ivar backup_servers: names or ids of backup servers; none means all.
    :ivar protection_groups: computers in one of these; none means all.
    :ivar vms: whether to include the VMs that runs of the last days processed.
    :ivar days: how far back runs are read.
    """

    backup_servers: Sequence[str] = ()
    protection_groups: Sequence[str] = ()
    vms: bool = False
    restore_points: bool = True
    days: float = 30.0


def read_estate(client: EmClient, wanted: Wanted) -> list[Protected]:
    """All machines, ordered by name.

    :raises ApiError: not_found, if a backup server or a protection group does not exist.
    """
    here: list[Clause] = []
    if wanted.backup_servers:
        names = [check_server(client, each) for each in wanted.backup_servers]
        here = [Condition.of("BackupServerName", "==", *names)]
    rows = _whole(client, "DiscoveredComputer", here)
    estate = Estate(merge_computers(map(computer, rows)))
    _check_groups(client, estate, wanted.protection_groups)
    # Groups narrow the result, not the reading: a job may include a machine through another of its groups.
    agent_jobs = read_entries(client, [AGENT_JOBS], None)
    estate.include(agent_jobs)
    begin = client.now() - timedelta(days=wanted.days) - CLOCK_MARGIN
    _read_agent_runs(Runs(client, agent_jobs), estate, here, begin)
    if wanted.vms:
        _read_vm_runs(Runs(client, read_entries(client, [VM_JOBS], None)), estate, here, begin)
    if wanted.restore_points:
        _read_restore_points(client, estate)
    estate.settle()
    for text in estate.doubts():
        client.warn(text)
    return estate.shown(wanted.protection_groups)


def _whole(client: EmClient, query_type: str, where: Sequence[Clause]) -> list[Resource]:
    """A complete listing; warns if rows may be missing."""
    rows, certain = client.query_whole(query_type, where=where, sort_by="Name", key=row_key)
    if not certain:
        client.warn(f"The {query_type} listing changed while it was read. Entries may be missing.")
    return list(checked(rows, where))


def _check_groups(client: EmClient, estate: Estate, groups: Sequence[str]) -> None:
    """Reject a protection group that does not exist; a group without computers is valid."""
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


def _read_agent_runs(runs: Runs, estate: Estate, here: Sequence[Clause], begin: datetime) -> None:
    """What the runs of agent jobs did to each computer: a session for each (em_rest 7)."""
    client = runs.client
    runs.read_sessions(BACKUP, [*here, Condition.of("JobType", "==", AGENT_RUN), *since(begin - LONGEST_RUN)])
    known = {run["id"]: run for run in runs.all()}
    for run in known.values():
        estate.saw_run(runs.entry(run), run, client.now())
    childless = dict(known)
    read = begin
    of_machines = [*here, Condition.of("JobType", "==", AGENT_MACHINE), *since(begin)]
    for row, created in _newest_first(client, estate, BACKUP.query_type, of_machines, lambda: estate.settled):
        child = job_session(row, client.now())
        run = known.get(str(child["parent_session_id"]), child)
        childless.pop(run["id"], None)
        (outcome,) = outcomes(runs.entry(run), run, [child], [])
        machine = estate.computer(outcome.name, child["backup_server"])
        if machine:
            estate.take(machine, outcome, created)
        read = created
    # If it stopped early, the sessions of older runs have not been read, and are not needed.
    least = read if estate.settled else begin
    bare = [
        run for run in childless.values() if not run["running"] and (moment(run["creation_time"]) or least) >= least
    ]
    # For runs without sessions of machines, use their task sessions.
    runs.read_tasks_of(bare)
    for _entry, run, found in runs.joined(bare):
        for outcome in found:
            machine = estate.computer(outcome.name, run["backup_server"])
            begun = outcome.begin
            if machine and begun and not estate.is_ahead(begun, client.now(), run["backup_server"]):
                estate.take(machine, outcome, begun)


def _newest_first(
    client: EmClient,
    estate: Estate,
    query_type: str,
    where: Sequence[Clause] = (),
    done: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Resource, datetime]]:
    """Rows with their times, until older ones cannot add anything."""
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
        # Rows may have moved from a page that was not read yet to one that was.
        client.warn(f"The {query_type} listing was not in order. Newer verdicts may be missing.")


def _read_vm_runs(runs: Runs, estate: Estate, here: Sequence[Clause], begin: datetime) -> None:
    """The VMs that backup and replication jobs have processed; backup copies do not count."""
    client = runs.client
    for kind in KINDS:
        agents = [Condition.of("JobType", "!=", AGENT_MACHINE, AGENT_RUN)] if kind is BACKUP else []
        runs.read_sessions(kind, [*here, *since(begin - LONGEST_RUN), *agents])
        known = {run["id"]: run for run in runs.all() if _is_of_vms(run) and kind_of(run["job_type"]) is kind}
        for run in known.values():
            estate.saw_run(runs.entry(run), run, client.now())
        for row, created in _newest_first(client, estate, kind.task_query_type, [*here, *since(begin)]):
            record = task_session(row, client.now())
            owner = known.get(str(record["job_session_id"]))
            if owner is None:
                continue
            (outcome,) = outcomes(runs.entry(owner), owner, [], [record])
            server = known_text(backup_server(row).get("name")) or owner["backup_server"]
            machine = estate.vm(outcome.name, server, bare_id(row.get("vm_uid")))
            if machine:
                estate.take(machine, outcome, created)


def _is_of_vms(run: JobSession) -> bool:
    return not is_agent(run) and not is_copy(run["job_type"]) and not str(run["job_type"]).lower().startswith("nas")


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
