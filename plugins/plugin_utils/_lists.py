# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads list variables of roles, which extra variables and AWX surveys may provide as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._em.names import is_name


def listed(variable: str, given: Any) -> list[Any]:
    """The entries of a list or a text (JSON, or entries between line breaks or commas). Null and empty mean none.

    :raises ValueError: if it is neither.
    """
    if given is None:
        return []
    if isinstance(given, str):
        return _of_text(variable, given.strip())
    if isinstance(given, Mapping):
        return [given]
    if isinstance(given, Sequence):
        return list(given)
    if isinstance(given, bool):
        raise ValueError(f"{variable} is {given}. Set it to a list.")
    return [given]


def _of_text(variable: str, text: str) -> list[Any]:
    if text.startswith(("[", "{")):
        try:
            return listed(variable, json.loads(text))
        except ValueError as error:
            # A shell pattern may also begin like that.
            if '"' in text:
                raise ValueError(f"{variable} looks like JSON, but is not: {error}.") from None
    parts = text.splitlines() if "\n" in text else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def job_names(given: Any) -> list[str]:
    """Names of jobs from a list, or from a text: JSON, or names between commas or line breaks.

    An entry that cannot be a name becomes an empty text, which modules reject: it must not be lost.
    """
    if isinstance(given, str):
        parsed = _json_list(given)
        given = [each for each in given.replace("\n", ",").split(",") if each.strip()] if parsed is None else parsed
    items = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    return [str(each).strip() if is_name(each) else "" for each in items]


def _json_list(text: str) -> list[Any] | None:
    """The list in a text; None if the text is not a JSON list."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def names(variable: str, given: Any) -> list[str]:
    """Names or patterns.

    :raises ValueError: if an entry is not a text.
    """
    found = listed(variable, given)
    for each in found:
        if not is_name(each):
            raise ValueError(f"{variable} contains {_shown(each)}. Use names or patterns.")
    return [str(each).strip() for each in found]


def exclusions(variable: str, given: Any) -> list[dict[str, str]]:
    """Machines that are intentionally not backed up, as `machine` and `reason`.

    :raises ValueError: if an entry does not name a machine.
    """
    result = []
    for each in listed(variable, given):
        entry = each if isinstance(each, Mapping) else {"machine": each}
        machine, reason = entry.get("machine"), entry.get("reason") or ""
        if not is_name(machine) or set(entry) - {"machine", "reason"} or not isinstance(reason, (str, int, float)):
            raise ValueError(f"{variable} contains {_shown(each)}. Use a name or pattern, or machine and reason.")
        result.append({"machine": str(machine).strip(), "reason": str(reason).strip() or "no reason given"})
    return result


def limits(variable: str, given: Any) -> list[dict[str, Any]]:
    """Limits in hours for some machines, as `machine` and `hours`.

    :raises ValueError: if an entry does not name a machine and a number of hours above 0.
    """
    result = []
    for each in listed(variable, given):
        entry = each if isinstance(each, Mapping) else {}
        found = hours(entry.get("hours"))
        if not is_name(entry.get("machine")) or set(entry) != {"machine", "hours"} or found is None:
            raise ValueError(f"{variable} contains {_shown(each)}. Set machine, and hours to a number above 0.")
        result.append({"machine": str(entry["machine"]).strip(), "hours": found})
    return result


def hours(given: Any) -> float | None:
    """A number of hours above 0; None for anything else."""
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    try:
        number = float(given)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)
