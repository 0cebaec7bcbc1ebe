# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds jobs by exact name or id, on the right backup server (em_rest 15, trap 17)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import AMBIGUOUS, NOT_FOUND, PROTOCOL, USAGE, ApiError
from .client import FEW, EmClient
from .codec import DAMAGED_HINT
from .errors import was_there
from .filters import refuse_empty
from .links import backup_server, bare_id, checked_id, id_in
from .model import Job, Resource, job, job_objects
from .sessions import read_last_sessions

# Up to this many names are listed.
MANY_NAMES = 10


@dataclass(frozen=True)
class Family:
    """The differences between agent jobs and the jobs of /jobs (em_rest 5 and 9).

    :ivar kind: its name in options and records.
    """

    kind: str
    noun: str
    collection: str
    query_type: str
    listed_by: str


AGENT_JOBS = Family("agent", "agent job", "agents/jobs", "AgentBackupJob", "veeam_em_agent_job_info")
VM_JOBS = Family("vm", "VM job", "jobs", "Job", "veeam_em_job_info")
# The values of the option kind.
KINDS_OF_JOBS = {"any": (AGENT_JOBS, VM_JOBS), "vm": (VM_JOBS,), "agent": (AGENT_JOBS,)}


@dataclass(frozen=True)
class Found:
    """A job as the server shows it, and its family."""

    family: Family
    resource: Resource

    @property
    def id(self) -> str | None:
        """Id of the job."""
        return bare_id(self.resource.get("uid"))

    @property
    def record(self) -> Job:
        """The record of the job."""
        return {**job(self.resource), "kind": self.family.kind}


def find_jobs(
    client: EmClient,
    families: Sequence[Family],
    names: Sequence[str],
    ids: Sequence[str],
    server: str | None,
    other_module: str | None = None,
) -> list[Found]:
    """The jobs with these names or ids, each once, in the order given; all jobs if neither is given.

    :param families: the kinds of jobs to search; a name that occurs in both is ambiguous.
    :param server: name or id of the backup server of the jobs.
    :param other_module: the module for jobs of the other kinds; None if the user can set the option kind.
    :raises ApiError: not_found, with similar names; ambiguous, with the jobs that have the name.
    """
    if ids:
        found = _by_id(client, families, ids)
        if server:
            _refuse_others(found, server)
    elif names:
        found = _by_name(client, families, names, server, other_module)
    else:
        found = [
            Found(family, row)
            for family in families
            for row in client.query(family.query_type, sort_by="Name")
            if not server or on(row, server)
        ]
        if server and not found:
            check_server(client, server)
    unique = {each.id: each for each in found}
    if None in unique:
        nameless = unique[None]
        raise ApiError(
            PROTOCOL,
            f"Enterprise Manager returned the {nameless.family.noun} {nameless.resource.get('name')!r} without an "
            "ID. Nothing was done.",
            hint=DAMAGED_HINT,
        )
    return list(unique.values())


def check_server(client: EmClient, server: str) -> str:
    """The name of a backup server, from its name or id.

    :raises ApiError: not_found, with the names of the known backup servers.
    """
    rows = client.query("BackupServer", entities=False)
    names = sorted(str(row.get("name")) for row in rows)
    for row in rows:
        if str(row.get("name")).lower() == server.lower() or bare_id(row.get("uid")) == bare_id(server):
            return str(row.get("name"))
    raise ApiError(
        NOT_FOUND,
        f"There is no backup server {server}.",
        hint=f"Enterprise Manager has: {', '.join(names) or 'none'}.",
    )


def on(resource: Resource, server: str) -> bool:
    """Whether a job is on the backup server with this name or id."""
    link = backup_server(resource)
    return server.lower() in (str(link.get("name")).lower(), id_in(link.get("href")), bare_id(link.get("href")))


def list_jobs(client: EmClient, families: Sequence[Family], wanted: Mapping[str, Any]) -> list[Job]:
    """Jobs by the options of veeam_em_job_info, or of veeam_em_agent_job_info, which does not have the option kind."""
    refuse_empty(wanted, "name", "id", "platform")
    other = None if "kind" in wanted else VM_JOBS.listed_by
    found = find_jobs(client, families, wanted["name"] or [], wanted["id"] or [], wanted["backup_server"], other)
    platforms = [each.lower() for each in wanted["platform"] or []]
    result = []
    for each in found:
        record = each.record
        if platforms and str(record["platform"]).lower() not in platforms:
            continue
        if wanted["include_objects"]:
            record["objects"] = job_objects(each.resource)
        result.append(record)
    if wanted["include_last_session"]:
        last = read_last_sessions(client, result).newest
        for record in result:
            record["last_session"] = last.get(record["id"])
    return result


def family_of(each: Job) -> Family:
    """The family of a job that was found."""
    return KINDS_OF_JOBS[each["kind"]][0]


def read_jobs_again(client: EmClient, jobs: Sequence[Job]) -> dict[str, Job]:
    """Jobs as they are now, by id.

    :raises ApiError: kind not_found and retryable, if a job is missing: the service may be restarting.
    """
    try:
        found = [
            each
            for family in KINDS_OF_JOBS["any"]
            for each in _by_id(client, (family,), [one["id"] for one in jobs if family_of(one) is family])
        ]
    except ApiError as error:
        raise was_there(error) from error
    return {record["id"]: record for record in (each.record for each in found)}


def _by_id(client: EmClient, families: Sequence[Family], ids: Sequence[str]) -> list[Found]:
    every: dict[str | None, Found] = {}
    for family in families if len(ids) > 1 else ():
        if len(ids) > FEW:
            rows = client.query(family.query_type)
        else:
            uids = [f"urn:veeam:{family.query_type}:{checked_id(each)}" for each in ids]
            rows = client.query_any(family.query_type, "UID", uids)
        every.update((bare_id(row.get("uid")), Found(family, row)) for row in rows)
    return [every.get(bare_id(each.strip())) or _one_by_id(client, families, each) for each in ids]


def _one_by_id(client: EmClient, families: Sequence[Family], item_id: str) -> Found:
    for family in families:
        try:
            return Found(family, client.entity(family.collection, item_id))
        except ApiError as error:
            # An id that is not a GUID gives 400, an unknown one 404 or 400 (em_rest 3 and 16).
            if error.retryable or (error.http_status not in (400, 404) and error.kind != NOT_FOUND):
                raise
            if family is families[-1]:
                raise error.restated(
                    f"There is no {_noun(families)} with the ID {item_id}.",
                    hint=f"List the IDs with {_listed_by(families)}, or use the name.",
                    kind=NOT_FOUND,
                ) from error
    raise ValueError("no family of jobs to look in")


def _noun(families: Sequence[Family]) -> str:
    return families[0].noun if len(families) == 1 else "job"


def _listed_by(families: Sequence[Family]) -> str:
    return families[0].listed_by if len(families) == 1 else VM_JOBS.listed_by


def _by_name(
    client: EmClient, families: Sequence[Family], names: Sequence[str], server: str | None, other_module: str | None
) -> list[Found]:
    every = [
        Found(family, row)
        for family in families
        for row in (
            client.query(family.query_type) if len(names) > FEW else client.query_any(family.query_type, "Name", names)
        )
        if not server or on(row, server)
    ]
    found, missing = [], []
    for name in names:
        same = [each for each in every if each.resource.get("name") == name]
        if len(same) > 1:
            raise _ambiguous(families, name, same)
        found.extend(same)
        if not same:
            missing.append(name)
    if missing:
        raise _unknown(client, families, missing, server, other_module)
    return found


def _ambiguous(families: Sequence[Family], name: str, same: Sequence[Found]) -> ApiError:
    """The error for a name that several jobs have, with the details that distinguish them."""
    ids = ", ".join(str(each.id) for each in same)
    kinds = {each.family.noun for each in same}
    servers = sorted(str(backup_server(each.resource).get("name")) for each in same)
    options = ["kind"] if len(kinds) > 1 else []
    options += ["backup_server"] if len(set(servers)) > 1 else []
    places = f"on: {', '.join(servers)}"
    if len(kinds) > 1:
        places = ", ".join(
            sorted(f"{_a(each.family.noun)} on {backup_server(each.resource).get('name')}" for each in same)
        )
    choice = f"Set {' or '.join(options)} to select one of them, or use the ID" if options else "Use the ID"
    return ApiError(
        AMBIGUOUS, f"{len(same)} {_noun(families)}s are called {name!r}, {places}.", hint=f"{choice}: {ids}."
    )


def _unknown(
    client: EmClient, families: Sequence[Family], names: Sequence[str], server: str | None, other_module: str | None
) -> ApiError:
    """The error for names that no job has, with suggestions."""
    if server:
        check_server(client, server)
    rows = [row for family in families for row in client.query(family.query_type, entities=False)]
    here = sorted({str(row.get("name")) for row in rows if not server or on(row, server)})
    where = f" on the backup server {server}" if server else ""
    hints = []
    whole = ",".join(names)
    if whole != names[0] and whole in here:
        hints.append(f"Write a name that contains a comma as a list: name: [{whole!r}].")
    others = of_other_kinds(client, families, names, other_module)
    for name in names:
        elsewhere = sorted({str(backup_server(row).get("name")) for row in rows if row.get("name") == name})
        near = near_matches(name, here)
        if elsewhere:
            hints.append(f"{name!r} is on: {', '.join(elsewhere)}.")
        elif name in others:
            hints.append(others[name])
        elif near and whole not in near:
            hints.append(did_you_mean(near))
    if not hints:
        seen = f"{len(here)} {_noun(families)}s{where}"
        if 0 < len(here) <= MANY_NAMES:
            seen = f"these {_noun(families)}s{where}: {', '.join(here)}"
        hints.append(f"Names must match exactly. This account can see {seen}.")
    called = ", ".join(repr(name) for name in names)
    return ApiError(NOT_FOUND, f"There is no {_noun(families)} called {called}{where}.", hint=" ".join(hints))


def of_other_kinds(
    client: EmClient, families: Sequence[Family], names: Sequence[str], other_module: str | None = None
) -> dict[str, str]:
    """What to do about names of jobs that exist, but not of the kind that the module or the option kind selects.

    :param other_module: the module for them; None if the user can set the option kind.
    """
    result = {}
    for family in KINDS_OF_JOBS["any"]:
        if family not in families:
            try:
                rows = client.query(family.query_type, entities=False)
            except ApiError:
                # The names are only needed for a hint.
                continue
            advice = f"Use {other_module}." if other_module else f"Set kind to any or {family.kind}."
            for name in {str(row.get("name")) for row in rows}.intersection(names):
                result[name] = f"{name!r} is {_a(family.noun)}. {advice}"
    return result


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def did_you_mean(near: Sequence[str]) -> str:
    """A hint with similar names."""
    return f"Did you mean: {', '.join(map(repr, near))}?"


def near_matches(name: str, names: Sequence[str], limit: int = 5) -> list[str]:
    """Names similar to a name: by letter case, by similarity, or if one contains the other."""
    lowered = {each.lower(): each for each in names}
    # Imported here, because only a failure needs it.
    import difflib

    close = difflib.get_close_matches(name.lower(), list(lowered), n=limit, cutoff=0.6)
    within = [each for each in lowered if name.lower() in each or each in name.lower()]
    return [lowered[each] for each in dict.fromkeys(close + within)][:limit]


def _refuse_others(found: Sequence[Found], server: str) -> None:
    for each in found:
        if not on(each.resource, server):
            there = backup_server(each.resource).get("name") or "another server"
            raise ApiError(
                USAGE,
                f"The {each.family.noun} {each.resource.get('name')} is on {there}, not on {server}.",
                hint="Leave out backup_server if you use IDs.",
            )
