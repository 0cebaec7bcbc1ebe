# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads discovered computers and their newest restore points."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .._errors import NOT_FOUND, ApiError
from .client import FEW, PAGE_SIZE, EmClient
from .filters import refuse_empty
from .links import backup_server, bare_id
from .model import Computer, Resource, RestorePoint, computer
from .outcomes import age, credible
from .query import Condition, fits
from .values import known_text, moment, time_text

Key = TypeVar("Key", bound=Hashable)
# Backup server and name of a computer, in lower case.
Place = tuple[str, str]
_POINT = "AgentRestorePoint"


def list_computers(client: EmClient, wanted: Mapping[str, Any]) -> list[Computer]:
    """Discovered computers by the options of veeam_em_computer_info."""
    refuse_empty(wanted, "name", "protection_group")
    return read_computers(
        client, wanted["name"] or [], wanted["protection_group"] or [], wanted["include_last_restore_point"]
    )


def read_computers(
    client: EmClient, names: Sequence[str], groups: Sequence[str], restore_points: bool
) -> list[Computer]:
    """Discovered computers by name, once for each protection group that they are in.

    :param restore_points: whether to add the newest restore point of each with its age in hours, or null.
    :raises ApiError: not_found, if a name or group does not exist.
    """
    where = []
    if names:
        where.append(Condition.of("Name", "==", *names))
    if groups:
        where.append(Condition.of("ProtectionGroupName", "==", *groups))
    found = [computer(row) for row in client.query("DiscoveredComputer", where=where, sort_by="Name")]
    shown_names = {record["name"].lower() for record in found}
    shown_groups = {str(record["protection_group"]).lower() for record in found}
    for how, given, seen in (("with the name", names, shown_names), ("in the protection group", groups, shown_groups)):
        missing = [each for each in given if each.lower() not in seen]
        if missing:
            raise ApiError(
                NOT_FOUND,
                f"Enterprise Manager does not know a computer {how} {', '.join(missing)}.",
                hint="Names must match exactly. To list all computers, leave out name and protection_group.",
            )
    if restore_points:
        newest = read_newest_restore_points(client, {_place(record): _place(record) for record in found})
        for record in found:
            record["last_restore_point"] = newest.get(_place(record))
    return found


def _place(record: Computer) -> Place:
    """The key of a computer: backup servers may have computers of the same name."""
    return str(record["backup_server"] or "").lower(), record["name"].lower()


def read_newest_restore_points(client: EmClient, wanted: Mapping[Place, Key]) -> dict[Key, RestorePoint]:
    """The newest restore point of each computer.

    The newest points cover most computers. The rest are requested by name, so that a computer without a point does not
    require reading all points. Only if many are left, or if the server cannot compare names, all points are read.

    :param wanted: key of a computer -> its name in the result; a computer may have several names.
    """
    result: dict[Key, RestorePoint] = {}
    if not wanted:
        return result
    page = list(client.rows(_POINT, sort_by="CreationTime", descending=True, limit=PAGE_SIZE))
    _take(client, page, wanted, result)
    missing = {place: key for place, key in wanted.items() if key not in result}
    if len(page) < PAGE_SIZE or not missing:
        return result
    if len(missing) > FEW:
        _take(client, client.rows(_POINT, sort_by="CreationTime", descending=True), missing, result)
        return result
    for text in _ranges({name for _server, name in missing}, str(page[-1].get("name"))):
        rows = _asked(client, text) if text else []
        if page[-1].get("uid") not in {row.get("uid") for row in rows}:
            rows = list(client.rows(_POINT, sort_by="CreationTime", descending=True))
            _take(client, rows, wanted, result)
            break
        _take(client, rows, missing, result)
    return result


def _asked(client: EmClient, text: str) -> list[Resource]:
    """Restore points by a filter; none if the server rejects the filter."""
    try:
        return list(client.rows(_POINT, text, sort_by="CreationTime", descending=True))
    except ApiError as error:
        if error.http_status != 400:
            raise
        return []


def _take(
    client: EmClient, rows: Iterable[Resource], wanted: Mapping[Place, Key], result: dict[Key, RestorePoint]
) -> None:
    """Add the restore points of computers that have none yet. They come newest first, named <computer>@<time>.

    A point that is dated in the future may be of any age, so it is left out.
    """
    left = set(wanted.values()) - result.keys()
    for row in rows:
        name = str(row.get("name", "")).rpartition("@")[0].lower()
        server = str(backup_server(row).get("name") or "")
        key = wanted.get((server.lower(), name))
        if key is not None and key in left:
            created = moment(row.get("creation_time_utc"))
            if created and not credible(created, client.now()):
                client.warn(
                    f"Restore points on {server or 'a backup server'} are dated in the future and were left out. "
                    "Check that server's clock."
                )
                continue
            result[key] = {
                "id": bare_id(row.get("uid")),
                "creation_time": time_text(row.get("creation_time_utc")),
                "age_hours": age(created, client.now()),
                "point_type": known_text(row.get("point_type")),
            }
            left.remove(key)
            if not left:
                break


def _ranges(names: Iterable[str], known: str) -> list[str]:
    """Filters for the restore points of some computers; each also finds one point that is known to exist.

    :returns: an empty text if the grammar cannot express a name.
    """

    def between(least: str, op: str, most: str) -> list[Condition]:
        return [Condition.of("Name", ">=", least), Condition.of("Name", op, most)]

    probe = between(known, "<=", known)
    texts: list[str] = []
    for name in sorted(names):
        # A is the character after @, and @ ends the computer's name.
        pair = between(f"{name}@", "<", f"{name}A")
        text = ";".join(each.text() for each in pair)
        if not all(each.portable for each in (*pair, *probe)):
            return [""]
        if texts and fits(f"{texts[-1]},{text}"):
            texts[-1] += f",{text}"
        else:
            texts.append(f"{';'.join(each.text() for each in probe)},{text}")
    return texts
