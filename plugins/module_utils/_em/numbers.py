# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many machines a run will have, if that is known before all of them have appeared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._errors import NOT_FOUND, ApiError
from .client import EmClient
from .machines import read_machines
from .model import SUCCESS, WARNING, Computer, JobObject, JobSession, computer, is_copy
from .query import Condition
from .sessions import is_agent, kind_of, records
from .values import seconds

# Up to this many runs, the extra requests pay off; with more runs, their machines are read repeatedly instead.
FEW_RUNS = 5
# Up to this many names of computers and protection groups are looked up.
FEW_NAMES = 200
# How many of a job's newest sessions are searched for an earlier run.
NEWEST = 10


def machine_numbers(
    client: EmClient, runs: Sequence[JobSession], includes: Mapping[str, Sequence[JobObject]] | None = None
) -> Mapping[str, int]:
    """The number of machines of some runs: session id -> number, if known.

    The number comes from the objects that the job includes, otherwise from the last good run of the same job. A retry
    has only the machines that failed before, so its number is unknown.

    :param includes: the objects that jobs include, by job id.
    """
    whole = [run for run in runs if run["job_id"] and run["is_retry"] is False and not is_copy(run["job_type"])]
    try:
        numbers = _by_objects(client, whole, includes or {})
        rest = [run for run in whole if run["id"] not in numbers]
        return {**numbers, **_by_runs_before(client, rest)} if len(rest) <= FEW_RUNS else numbers
    except ApiError as error:
        if not error.retryable and error.kind != NOT_FOUND:
            raise
        # Without the numbers, a few more reads are needed, nothing else.
        return {}


def _by_objects(
    client: EmClient, runs: Sequence[JobSession], includes: Mapping[str, Sequence[JobObject]]
) -> dict[str, int]:
    """Numbers of runs whose jobs include only VMs, or only known computers and protection groups."""
    wanted = {run["id"]: (run, includes[str(run["job_id"])]) for run in runs if includes.get(str(run["job_id"]))}
    names = list(dict.fromkeys(each["name"] for run, objects in wanted.values() if is_agent(run) for each in objects))
    computers: list[Computer] = []
    if names and len(names) <= FEW_NAMES:
        for field in ("Name", "ProtectionGroupName"):
            computers += map(computer, client.query_any("DiscoveredComputer", field, names))
    numbers = {
        run_id: members(objects, computers) if is_agent(run) else _vms(objects)
        for run_id, (run, objects) in wanted.items()
    }
    return {run_id: number for run_id, number in numbers.items() if number}


def members(objects: Sequence[JobObject], computers: Sequence[Computer]) -> int | None:
    """The number of computers in some objects of agent jobs: computers by name, protection groups by their members.

    :returns: None if an object is neither or both, or if backup servers have the same name.
    """
    found: set[str] = set()
    for each in objects:
        name = each["name"].lower()
        alone = [one for one in computers if one["name"].lower() == name]
        group = [one for one in computers if str(one["protection_group"]).lower() == name]
        if bool(alone) == bool(group) or len({one["backup_server"] for one in alone + group}) != 1:
            return None
        found.update(one["id"] for one in alone + group)
    return len(found)


def _vms(objects: Sequence[JobObject]) -> int | None:
    """The number of VMs, if there are no containers among the objects."""
    return len(objects) if all(each["type"] == "Vm" for each in objects) else None


def _by_runs_before(client: EmClient, runs: Sequence[JobSession]) -> dict[str, int]:
    before = {run["id"]: _run_before(client, run) for run in runs}
    machines = read_machines(client, [each for each in before.values() if each])
    return {run_id: len(machines[each["id"]]) for run_id, each in before.items() if each}


def _run_before(client: EmClient, run: JobSession) -> JobSession | None:
    uids = [f"urn:veeam:{word}:{run['job_id']}" for word in ("Job", "AgentBackupJob")]
    rows = client.rows(
        kind_of(run["job_type"]).query_type,
        where=[Condition.of("JobUid", "==", *uids)],
        sort_by="CreationTime",
        descending=True,
        limit=NEWEST,
    )
    began = seconds(run["creation_time"]) or 0.0
    for each in records(client, rows):
        older = (seconds(each["creation_time"]) or began) < began
        if (
            older
            and each["job_id"] == run["job_id"]
            and each["result"] in (SUCCESS, WARNING)
            and each["is_retry"] is False
        ):
            return each
    return None
