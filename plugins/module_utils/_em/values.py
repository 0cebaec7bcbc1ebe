# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values of decoded resources, read without guessing: what is missing or invalid is None."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,19}$")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
# "No date" is written as some date before computers were common, or as the last one that there is.
_FIRST_YEAR, _LAST_YEAR = 1980, 9000


def text(value: Any) -> str:
    """A text, "" when there is none."""
    if isinstance(value, list):
        # An attribute and a child element of the same name: the attribute comes first.
        value = value[0] if value else ""
    return "" if value is None or isinstance(value, dict) else str(value)


def known_text(value: Any) -> str | None:
    """A text, None when there is none."""
    return text(value) or None


def flag(value: Any) -> bool | None:
    """A boolean however it is spelled (true, "True", 1, "1"); None when it is missing or anything else."""
    return _FLAGS.get(text(value).strip().lower())


def whole(value: Any) -> int | None:
    """A whole number, also one that came as text; None when it is missing or anything else."""
    if isinstance(value, bool):
        return None
    given = text(value).strip()
    return int(given) if _WHOLE.match(given) else None


def parse_time(value: Any) -> datetime | None:
    """ISO 8601 with any number of fractional digits (em_rest 15, trap 21), UTC unless it says otherwise."""
    return _parsed(text(value).strip())


@lru_cache(maxsize=4096)
def _parsed(given: str) -> datetime | None:
    """The same time is looked at again and again, from the record of a session to the report over all."""
    match = _TIME.match(given)
    if not match:
        return None
    day, time, fraction, zone = match.groups()
    # Python before 3.11 takes three or six fractional digits only, and no Z.
    fraction = (fraction or "")[:6].ljust(6, "0")
    zone = zone if zone and zone != "Z" else "+00:00"
    try:
        return datetime.fromisoformat(f"{day}T{time}.{fraction}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def moment(value: Any) -> datetime | None:
    """A time of the server's; None when there is none, or only a placeholder for "no date"."""
    found = parse_time(value)
    return found if found and _FIRST_YEAR <= found.year < _LAST_YEAR else None


def time_text(value: Any) -> str | None:
    """A time of the server's as it was written; None when there is none, or only a placeholder for "no date"."""
    return text(value) if moment(value) else None


def seconds(value: Any) -> float | None:
    """A time of the server's in seconds since the epoch."""
    found = moment(value)
    return found.timestamp() if found else None


def lasted(begin: str | None, end: str | None) -> float | None:
    """Seconds between two times; None where one of them is not known."""
    first, last = seconds(begin), seconds(end)
    return None if first is None or last is None else round(max(0.0, last - first), 3)


def age_hours(value: Any, now: datetime) -> float | None:
    """Hours between a server's time and `now`; None when there is no time."""
    then = moment(value)
    return round((now - then).total_seconds() / 3600, 2) if then else None
