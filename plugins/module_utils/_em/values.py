# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values of decoded resources, read without guessing: missing and invalid values are None."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,19}$")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
# Servers write "no date" as a date long before computers, or as the last possible date.
_FIRST_YEAR, _LAST_YEAR = 1980, 9000


def text(value: Any) -> str:
    """A text, "" if there is none."""
    if isinstance(value, list):
        # An attribute and a child element of the same name: the attribute comes first.
        value = value[0] if value else ""
    return "" if value is None or isinstance(value, dict) else str(value)


def known_text(value: Any) -> str | None:
    """A text, None if there is none."""
    return text(value) or None


def flag(value: Any) -> bool | None:
    """A boolean in any spelling (true, "True", 1, "1"); None if it is missing or anything else."""
    return _FLAGS.get(text(value).strip().lower())


def whole(value: Any) -> int | None:
    """A whole number, possibly given as text; None if it is missing or anything else."""
    if isinstance(value, bool):
        return None
    given = text(value).strip()
    return int(given) if _WHOLE.match(given) else None


def parse_time(value: Any) -> datetime | None:
    """ISO 8601 with any number of fractional digits (em_rest 15, trap 21), UTC unless it has an offset."""
    return _parsed(text(value).strip())


@lru_cache(maxsize=4096)
def _parsed(given: str) -> datetime | None:
    """Cached, because the same time is parsed repeatedly, from the record of a session to the whole report."""
    match = _TIME.match(given)
    if not match:
        return None
    day, time, fraction, zone = match.groups()
    # Python before 3.11 only accepts three or six fractional digits, and does not accept Z.
    fraction = (fraction or "")[:6].ljust(6, "0")
    zone = zone if zone and zone != "Z" else "+00:00"
    try:
        return datetime.fromisoformat(f"{day}T{time}.{fraction}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def moment(value: Any) -> datetime | None:
    """A time from the server; None if there is none, or only a placeholder for "no date"."""
    found = parse_time(value)
    return found if found and _FIRST_YEAR <= found.year < _LAST_YEAR else None


def time_text(value: Any) -> str | None:
    """A time from the server as it was written; None if there is none, or only a placeholder for "no date"."""
    return text(value) if moment(value) else None


def seconds(value: Any) -> float | None:
    """A time from the server in seconds since the epoch."""
    found = moment(value)
    return found.timestamp() if found else None


def lasted(begin: str | None, end: str | None) -> float | None:
    """Seconds between two times; None if one of them is unknown."""
    first, last = seconds(begin), seconds(end)
    return None if first is None or last is None else round(max(0.0, last - first), 3)


def age_hours(value: Any, now: datetime) -> float | None:
    """Hours between a server's time and `now`; None if there is no time."""
    then = moment(value)
    return round((now - then).total_seconds() / 3600, 2) if then else None
