# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding jobs by exact name or id, on the right backup server (em_rest 15, trap 17)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import AMBIGUOUS, NOT_FOUND, PROTOCOL, USAGE, ApiError
from .client import FEW, EmClient
from .codec import DAMAGED_HINT
from .errors import was_there
from .links import backup_server, bare_id, checked_id, id_in
from .model import Job, Resource, job, job_objects
from .sessions import read_last_sessions

# Up to this many names are listed in full.
MANY_NAMES = 10


@dataclass(frozen=True)
class Family:
    """What differs between agent jobs and the jobs of /jobs (em_rest 5 and 9)."""

    noun: str
    collection: str
    query_type: str
    listed_by: str


AGENT_JOBS = Family("agent job", "agents/jobs", "AgentBackupJob", "veeam_em_agent_job_info")
VM_JOBS = Family("job", "jobs", "Job", "veeam_em_query_info, type: Job")


def find_jobs(
    client: EmClient, family: Family, names: Sequence[str], ids: Sequence[str], server: str | None
) -> list[Resource]:
    """The jobs with these names or ids, each once, in the order given; all jobs when neither is given.

    :param server: name or id of the backup server that must hold them.
    :raises ApiError: not_found with near matches, ambiguous with the servers that hold the name.
    """
    if ids:
        found = _by_id(client, family, ids)
        if server:
            _refuse_others(family, found, server)
    elif names:
        found = _by_name(client, family, names, server)
    else:
        found = [row for row in client.query(family.query_type, sort_by="Name") if not server or on(row, server)]
        if server and not found:
            _check_server(client, server)
    unique = {bare_id(row.get("uid")): row for row in found}
    if None in unique:
        raise ApiError(
            PROTOCOL,
            f"Enterprise Manager shows the {family.noun} {unique[None].get('name')!r} without an id; nothing was done.",
            hint=DAMAGED_HINT,
        )
    return list(unique.values())


def _check_server(client: EmClient, server: str) -> None:
    """Refuse a backup server that Enterprise Manager does not know.

    :raises ApiError: not_found, with the names of those that it knows.
    """
    rows = client.query("BackupServer", entities=False)
    names = {str(row.get("name")).lower(): str(row.get("name")) for row in rows}
    if server.lower() not in names and bare_id(server) not in {bare_id(row.get("uid")) for row in rows}:
        raise ApiError(
            NOT_FOUND,
            f"There is no backup server {server}.",
            hint=f"This Enterprise Manager has: {', '.join(sorted(names.values())) or 'none'}.",
        )


def on(resource: Resource, server: str) -> bool:
    """Whether a job is on the backup server with this name or id."""
    link = backup_server(resource)
    return server.lower() in (str(link.get("name")).lower(), id_in(link.get("href")), bare_id(link.get("href")))


def list_jobs(client: EmClient, family: Family, wanted: Mapping[str, Any]) -> list[Job]:
    """Jobs by the options of veeam_em_agent_job_info."""
    found = find_jobs(client, family, wanted["name"] or [], wanted["id"] or [], wanted["backup_server"])
    platforms = [each.lower() for each in wanted["platform"] or []]
    result = []
    for resource in found:
        record = job(resource)
        if platforms and str(record["platform"]).lower() not in platforms:
            continue
        if wanted["include_objects"]:
            record["objects"] = job_objects(resource)
        result.append(record)
    if wanted["include_last_session"]:
        last = read_last_sessions(client, result)
        for record in result:
            record["last_session"] = last.get(record["id"])
    return result


def read_jobs_again(client: EmClient, family: Family, jobs: Sequence[Job]) -> dict[str, Job]:
    """Jobs as they are now, by id.

    :raises ApiError: kind not_found and retryable, for a job that is not there now: the service may be restarting.
    """
    try:
        found = _by_id(client, family, [each["id"] for each in jobs])
    except ApiError as error:
        raise was_there(error) from error
    return {each["id"]: each for each in map(job, found)}


def _by_id(client: EmClient, family: Family, ids: Sequence[str]) -> list[Resource]:
    every = {}
    if len(ids) > FEW:
        every = {bare_id(row.get("uid")): row for row in client.query(family.query_type)}
    elif len(ids) > 1:
        uids = [f"urn:veeam:{family.query_type}:{checked_id(each)}" for each in ids]
        every = {bare_id(row.get("uid")): row for row in client.query_any(family.query_type, "UID", uids)}
    return [every.get(bare_id(each.strip())) or _one_by_id(client, family, each) for each in ids]


def _one_by_id(client: EmClient, family: Family, item_id: str) -> Resource:
    try:
        return client.entity(family.collection, item_id)
    except ApiError as error:
        # An id that is not a GUID gives 400, an unknown one 404 or 400 (em_rest 3 and 16).
        if error.retryable or (error.http_status not in (400, 404) and error.kind != NOT_FOUND):
            raise
        raise error.restated(
            f"There is no {family.noun} with the id {item_id}.",
            hint=f"List the ids with {family.listed_by}, or give the name.",
            kind=NOT_FOUND,
        ) from error


def _by_name(client: EmClient, family: Family, names: Sequence[str], server: str | None) -> list[Resource]:
    rows = client.query(family.query_type) if len(names) > FEW else client.query_any(family.query_type, "Name", names)
    found, missing = [], []
    for name in names:
        same = [row for row in rows if row.get("name") == name and (not server or on(row, server))]
        if len(same) > 1:
            servers = ", ".join(sorted(str(backup_server(row).get("name")) for row in same))
            ids = ", ".join(str(bare_id(row.get("uid"))) for row in same)
            raise ApiError(
                AMBIGUOUS,
                f"{len(same)} {family.noun}s are called {name!r}, on: {servers}.",
                hint=f"Set backup_server to one of them, or give the id: {ids}.",
            )
        found.extend(same)
        if not same:
            missing.append(name)
    if missing:
        raise _unknown(client, family, missing, server)
    return found


def _unknown(client: EmClient, family: Family, names: Sequence[str], server: str | None) -> ApiError:
    """The error for names that no job has, with what they may have meant."""
    if server:
        _check_server(client, server)
    rows = client.query(family.query_type, entities=False)
    here = sorted({str(row.get("name")) for row in rows if not server or on(row, server)})
    where = f" on the backup server {server}" if server else ""
    hints = []
    whole = ",".join(names)
    if whole != names[0] and whole in here:
        hints.append(f"A name with a comma is given as a list: name: [{whole!r}].")
    for name in names:
        elsewhere = sorted({str(backup_server(row).get("name")) for row in rows if row.get("name") == name})
        near = near_matches(name, here)
        if elsewhere:
            hints.append(f"{name!r} is on: {', '.join(elsewhere)}.")
        elif near and whole not in near:
            hints.append(f"Did you mean: {', '.join(near)}?")
    if not hints:
        seen = ", ".join(here) if 0 < len(here) <= MANY_NAMES else str(len(here))
        hints.append(f"Names must match exactly; {family.noun}s that this account sees{where}: {seen}.")
    called = ", ".join(repr(name) for name in names)
    return ApiError(NOT_FOUND, f"There is no {family.noun} called {called}{where}.", hint=" ".join(hints))


def near_matches(name: str, names: Sequence[str], limit: int = 5) -> list[str]:
    """Names that resemble a name: letter case aside, by similarity, or one within the other."""
    lowered = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=limit, cutoff=0.6)
    within = [each for each in lowered if name.lower() in each or each in name.lower()]
    return [lowered[each] for each in dict.fromkeys(close + within)][:limit]


def _refuse_others(family: Family, found: Sequence[Resource], server: str) -> None:
    for row in found:
        if not on(row, server):
            there = backup_server(row).get("name") or "another server"
            raise ApiError(
                USAGE,
                f"The {family.noun} {row.get('name')} is on {there}, not on {server}.",
                hint="Leave out backup_server when you give ids.",
            )
