# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading discovered computers and their newest restore points."""

from __future__ import annotations

from collections.abc import Sequence

from .._errors import NOT_FOUND, ApiError
from .client import EmClient
from .links import backup_server, bare_id
from .model import Computer, RestorePoint, computer
from .query import Condition
from .values import age_hours, known_text, time_text


def read_computers(
    client: EmClient, names: Sequence[str], groups: Sequence[str], restore_points: bool
) -> list[Computer]:
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
    shown_names = {record["name"].lower() for record in found}
    shown_groups = {str(record["protection_group"]).lower() for record in found}
    for option, given, seen in (("computer", names, shown_names), ("protection group", groups, shown_groups)):
        missing = [each for each in given if each.lower() not in seen]
        if missing:
            raise ApiError(
                NOT_FOUND,
                f"No discovered computer is found for the {option} {', '.join(missing)}.",
                hint="Names must match exactly; list them all without name and protection_group.",
            )
    if restore_points:
        newest = _newest_restore_points(client, set(map(_place, found)))
        for record in found:
            record["last_restore_point"] = newest.get(_place(record))
    return found


def _place(record: Computer) -> tuple[str, str]:
    """Where a computer is: backup servers may have computers of the same name."""
    return str(record["backup_server"] or "").lower(), record["name"].lower()


def _newest_restore_points(client: EmClient, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], RestorePoint]:
    """The newest restore point of each computer, by its place: points are named <computer>@<time>."""
    result: dict[tuple[str, str], RestorePoint] = {}
    for row in client.rows("AgentRestorePoint", sort_by="CreationTime", descending=True):
        name = str(row.get("name", "")).rpartition("@")[0].lower()
        place = (str(backup_server(row).get("name") or "").lower(), name)
        if place in wanted and place not in result:
            created = time_text(row.get("creation_time_utc"))
            result[place] = {
                "id": bare_id(row.get("uid")),
                "creation_time": created,
                "age_hours": age_hours(created, client.now()),
                "point_type": known_text(row.get("point_type")),
            }
            if len(result) == len(wanted):
                break
    return result
