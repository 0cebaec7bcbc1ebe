# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids and links: links are chosen by relation and type, not by position, and never lead to another host (em_rest 1)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from .._errors import PROTOCOL, USAGE, ApiError
from .codec import as_dict, as_list

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(r"[A-Za-z0-9-]+$")


def bare_id(uid: Any) -> str | None:
    """The last part of a UID, in lower case. Only it is compared, since type words differ (em_rest 7, JobUid)."""
    return str(uid).rpartition(":")[2].lower() if uid else None


def checked_id(given: str) -> str:
    """A user's id or UID as the id for a path.

    :raises ApiError: kind usage, if it cannot be an id.
    """
    result = given.strip().rpartition(":")[2]
    if not _ID.match(result):
        raise ApiError(USAGE, f"{given!r} is not an ID.", hint="Use the ID (a GUID, or task-N for tasks) or the UID.")
    return quote(result, safe="")


def id_in(href: Any) -> str | None:
    """The last GUID in a link, in lower case."""
    found = _GUID.findall(_parts(href).path) if href else []
    return found[-1].lower() if found else None


def path_of(href: str) -> str:
    """The part of a link after /api/, with the query. The host is ignored: it is the server's own name for itself.

    :raises ApiError: kind protocol, if the link does not lead into the API.
    """
    parts = _parts(href)
    path = re.sub(r"^/api/", "", parts.path)
    if path == parts.path or ".." in path:
        raise ApiError(
            PROTOCOL,
            f"The link {parts.path} from the server does not point to its API.",
            hint="The module did not follow the link. Use IDs or filters instead.",
        )
    return f"{path}?{parts.query}" if parts.query else path


def links(resource: dict[str, Any], rel: str, *types: str) -> list[dict[str, Any]]:
    """The links of a resource with this relation and, if given, one of these types."""
    wanted = rel.lower()
    return [
        link
        for link in map(as_dict, as_list(resource.get("links")))
        if (not types or link.get("type") in types) and str(link.get("rel")).lower() == wanted
    ]


def backup_server(resource: dict[str, Any]) -> dict[str, Any]:
    """The Up link to the backup server, {} when there is none."""
    return next(iter(links(resource, "Up", "BackupServerReference", "BackupServer")), {})


def parent_session_id(resource: dict[str, Any]) -> str | None:
    """Id of the agent run that a machine's session belongs to (em_rest 7, AgentManagement)."""
    own = bare_id(resource.get("uid"))
    for link in links(resource, "Up", "BackupJobSessionReference", "BackupJobSession"):
        parent = id_in(link.get("href"))
        if parent and parent != own:
            return parent
    return None


def _parts(href: Any) -> SplitResult:
    try:
        return urlsplit(str(href))
    except ValueError:
        # An invalid address leads nowhere.
        return urlsplit("")
