# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading sessions, task sessions, computers and anything else, by id or by filters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, Callable

from .._errors import NOT_FOUND, USAGE, ApiError
from .client import FEW, EmClient
from .links import backup_server, bare_id, checked_id, links
from .model import Record, age_hours, computer, job_session, moment, task_session
from .query import Condition
from .runs import KINDS, REPLICA, SessionKind, filter_time, kind_of, read_session, resolve

# Where a replica session links to its task sessions.
_LINK_TYPES = ("ReplicaTaskSessionReferenceList", "ReplicaTaskSessionList")


def find_job_sessions(client: EmClient, wanted: Mapping[str, Any]) -> list[Record]:
    """Runs of jobs by the options of veeam_em_job_session_info, the newest first.

    :raises ApiError: not_found for an id that does not exist (or is older than 30 days).
    """
    _check_limit(wanted)
    if wanted["id"]:
        records = [job_session(read_session(client, session_id)) for session_id in wanted["id"]]
        return _limited(filter(_session_check(wanted), records), wanted["limit"])
    job_types = wanted["job_type"] or []
    kinds = list(dict.fromkeys(kind_of(each) for each in job_types)) or list(KINDS)
    where = _conditions(wanted, job_name="JobName", job_type="JobType", state="State", result="Result")
    found: list[Record] = []
    for kind in kinds:
        rows = client.rows(kind.query_type, where=where, sort_by="CreationTime", descending=True, **_paging(wanted))
        found.extend(_limited(filter(_session_check(wanted), map(job_session, rows)), wanted["limit"]))
    found.sort(key=_newest, reverse=True)
    return _limited(found, wanted["limit"])


def find_task_sessions(client: EmClient, kind: SessionKind, wanted: Mapping[str, Any]) -> list[Record]:
    """Task sessions by id, by the session they belong to, or by filters; filters narrow the others too.

    :param wanted: id, parent (ids of job sessions), job_name, machine, state, result, created_after, limit.
    :raises ApiError: not_found for an id that does not exist (or is older than 30 days).
    """
    _check_limit(wanted)
    rows: Any
    if wanted["id"]:
        rows = _task_sessions_by_id(client, kind, wanted["id"])
    elif wanted["parent"]:
        rows = [row for parent in wanted["parent"] for row in _task_sessions_of(client, kind, parent)]
    else:
        where = _conditions(wanted, job_name="JobName", machine="VmDisplayName", state="State", result="Result")
        rows = client.rows(
            kind.task_query_type, where=where, sort_by="CreationTime", descending=True, **_paging(wanted)
        )
    job_name = Condition.of("JobName", "==", *wanted["job_name"]) if wanted["job_name"] else None
    if job_name and (wanted["id"] or wanted["parent"]):
        rows = filter(job_name.holds, rows)
    records: Iterable[Record] = map(task_session, rows)
    if wanted["parent"]:
        records = sorted(records, key=_newest, reverse=True)
    return _limited(filter(_task_session_check(wanted), records), wanted["limit"])


def find_computers(
    client: EmClient, names: Sequence[str], groups: Sequence[str], restore_points: bool, now: datetime | None = None
) -> list[Record]:
    """Discovered computers by name, each once for every protection group that it is in.

    :param restore_points: add the newest restore point of each, with its age in hours, or null.
    :raises ApiError: not_found for a name or group that does not exist.
    """
    where = []
    if names:
        where.append(Condition.of("Name", "==", *names))
    if groups:
        where.append(Condition.of("ProtectionGroupName", "==", *groups))
    found = [computer(row) for row in client.query("DiscoveredComputer", where=where, sort_by="Name")]
    for option, given, key in (("computer", names, "name"), ("protection group", groups, "protection_group")):
        seen = {str(record[key]).lower() for record in found}
        missing = [each for each in given if each.lower() not in seen]
        if missing:
            raise ApiError(
                NOT_FOUND,
                f"No discovered computer is found for the {option} {', '.join(missing)}.",
                hint="Names must match exactly; list them all without name and protection_group.",
            )
    if restore_points:
        newest = _newest_restore_points(client, set(map(_place, found)), now or datetime.now(timezone.utc))
        found = [dict(record, last_restore_point=newest.get(_place(record))) for record in found]
    return found


def _place(record: Record) -> tuple[str, str]:
    """Where a computer is: backup servers may have computers of the same name."""
    return str(record["backup_server"] or "").lower(), record["name"].lower()


def find_resources(client: EmClient, wanted: Mapping[str, Any]) -> list[Record]:
    """Rows of any query type by the options of veeam_em_query_info.

    :raises ApiError: kind usage, for a filter that is neither text nor a list of conditions.
    """
    given = wanted["filter"]
    if given is not None and not isinstance(given, (str, list)):
        raise ApiError(USAGE, "filter must be a text or a list of conditions with field, op and value.")
    if wanted["page_size"] < 1:
        raise ApiError(USAGE, "page_size must be at least 1.")
    _check_limit(wanted)
    rows = client.rows(
        wanted["type"],
        given if isinstance(given, str) else None,
        where=conditions_from(given) if isinstance(given, list) else (),
        sort_by=wanted["sort_by"],
        descending=wanted["descending"],
        limit=wanted["limit"],
        page_size=wanted["page_size"],
        entities=wanted["entities"],
    )
    return [dict(row, id=bare_id(row.get("uid")) or row.get("task_id") or row.get("id")) for row in rows]


def conditions_from(filters: Sequence[Any]) -> list[Condition]:
    """Conditions from a user's list of dicts with field, op (== if left out) and value (one or several).

    :raises ApiError: kind usage.
    """
    result = []
    for each in filters:
        if not isinstance(each, dict) or not {"field", "value"} <= set(each) <= {"field", "op", "value"}:
            raise ApiError(USAGE, f"The filter {each!r} needs field and value, and may have op.")
        value = each["value"]
        result.append(
            Condition.of(str(each["field"]), each.get("op", "=="), *(value if isinstance(value, list) else [value]))
        )
    return result


def _conditions(wanted: Mapping[str, Any], **fields: str) -> list[Condition]:
    result = [Condition.of(field, "==", *wanted[option]) for option, field in fields.items() if wanted.get(option)]
    # Filters take whole seconds: the server may give some more, which are left out here (see _in_time).
    margins = {"created_after": (">=", timedelta(0)), "created_before": ("<=", timedelta(seconds=1))}
    for option, (operator, margin) in margins.items():
        text = wanted.get(option)
        if text:
            then = moment(text)
            if not then:
                raise ApiError(
                    USAGE,
                    f"{option} {text!r} is no time.",
                    hint="Write UTC as 2026-01-31T22:00:00Z, or with an offset.",
                )
            result.append(Condition.of("CreationTime", operator, filter_time(then + margin)))
    return result


def _paging(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A small page is enough when few rows are wanted; what is filtered out here makes more pages necessary."""
    return {"page_size": wanted["limit"]} if wanted["limit"] and wanted["limit"] < 100 else {}


def _session_check(wanted: Mapping[str, Any]) -> Callable[[Record], bool]:
    """Whether a run is wanted. Results are compared once they are final: the server filters on early ones too."""
    job_ids = [bare_id(each.strip()) for each in wanted["job_id"] or []]

    def check(record: Record) -> bool:
        return (
            (not job_ids or record["job_id"] in job_ids)
            and _among(record["job_name"], wanted["job_name"])
            and _among(record["job_type"], wanted["job_type"])
            and _among(record["state"], wanted["state"])
            and _among(record["result"], wanted["result"])
            and _in_time(record, wanted)
        )

    return check


def _task_session_check(wanted: Mapping[str, Any]) -> Callable[[Record], bool]:
    def check(record: Record) -> bool:
        return (
            _among(record["machine"], wanted["machine"])
            and _among(record["state"], wanted["state"])
            and _among(record["result"], wanted["result"])
            and _in_time(record, wanted)
        )

    return check


def _among(actual: Any, wanted: Sequence[str] | None) -> bool:
    return not wanted or str(actual or "").lower() in [each.lower() for each in wanted]


def _in_time(record: Record, wanted: Mapping[str, Any]) -> bool:
    created = moment(record["creation_time"])
    after, before = moment(wanted.get("created_after")), moment(wanted.get("created_before"))
    return not (after and created and created < after) and not (before and created and created > before)


def _newest(record: Record) -> datetime:
    return moment(record["creation_time"]) or datetime.min.replace(tzinfo=timezone.utc)


def _check_limit(wanted: Mapping[str, Any]) -> None:
    if (wanted["limit"] or 0) < 0:
        raise ApiError(USAGE, "limit must be at least 0.")


def _limited(records: Any, limit: int | None) -> list[Record]:
    return list(islice(records, limit))


def _task_sessions_by_id(client: EmClient, kind: SessionKind, ids: Sequence[str]) -> list[dict[str, Any]]:
    if len(ids) <= FEW:
        return [client.entity(kind.task_collection, each) for each in ids]
    return resolve(client, kind, [{"uid": f"urn:veeam:{kind.task_query_type}:{checked_id(each)}"} for each in ids])


def _task_sessions_of(client: EmClient, kind: SessionKind, parent: str) -> list[dict[str, Any]]:
    """The task sessions of one run, by its own list.

    Replication servers may link to a misspelt path: the link that the server gives is followed (em_rest 8).
    """
    path = f"{kind.collection}/{checked_id(parent)}"
    if kind is REPLICA:
        down = links(client.entity(kind.collection, parent), "Down", *_LINK_TYPES)
        rows = client.linked(down[0]) if down else client.collection(f"{path}/{kind.task_list}")
    else:
        rows = client.collection(f"{path}/{kind.task_list}")
    return resolve(client, kind, rows)


def _newest_restore_points(
    client: EmClient, wanted: set[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], Record]:
    """The newest restore point of each computer, by its place: points are named <computer>@<time>."""
    result: dict[tuple[str, str], Record] = {}
    for row in client.rows("AgentRestorePoint", sort_by="CreationTime", descending=True):
        name = str(row.get("name", "")).rpartition("@")[0].lower()
        place = (str(backup_server(row).get("name") or "").lower(), name)
        if place in wanted and place not in result:
            created = row.get("creation_time_utc")
            result[place] = {
                "id": bare_id(row.get("uid")),
                "creation_time": created,
                "age_hours": age_hours(created, now),
                "point_type": row.get("point_type"),
            }
            if len(result) == len(wanted):
                break
    return result
