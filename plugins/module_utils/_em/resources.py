# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads resources of any type from the query service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._errors import USAGE, ApiError
from .client import EmClient
from .filters import check_limit, conditions_from, refuse_empty
from .links import bare_id
from .model import Resource


def read_resources(client: EmClient, wanted: Mapping[str, Any]) -> list[Resource]:
    """Rows of any query type by the options of veeam_em_query_info.

    :raises ApiError: kind usage, if the filter is neither text nor a list of conditions.
    """
    given = wanted["filter"]
    if given is not None and not isinstance(given, (str, list)):
        raise ApiError(
            USAGE,
            "filter is neither a string nor a list.",
            hint="Set it to a filter in the syntax of the server, or to a list of conditions with field, op and value.",
        )
    if isinstance(given, list):
        refuse_empty(wanted, "filter")
    if wanted["page_size"] < 1:
        raise ApiError(USAGE, "page_size must be at least 1.", hint="Leave it out to use the default.")
    check_limit(wanted)
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
