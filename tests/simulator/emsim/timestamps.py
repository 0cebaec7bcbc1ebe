"""Times as Enterprise Manager writes them; inside the simulator they are seconds since the epoch."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta, timezone

_DIGITS = (0, 2, 3, 3, 5, 6)  # em_rest 14: the numbers of fractional digits that samples show


def settle(moment: float, owner: str) -> float:
    """Cut a moment to the precision that its owner (an identifier) is stored with."""
    scale = 10 ** _DIGITS[zlib.crc32(owner.encode()) % len(_DIGITS)]
    return int(moment * scale) / scale


def iso(moment: float) -> str:
    """ISO 8601 in UTC; em_rest 15.21: trailing zeros of the fraction are dropped."""
    whole, fraction = _split(moment)
    return f"{whole:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def label(moment: float, with_fraction: bool) -> str:
    """The time at the end of a session's name (em_rest 7; with the fraction in 13: em_rest 14)."""
    whole, fraction = _split(moment)
    return f"{whole:%Y-%m-%d %H:%M:%S}{fraction if with_fraction else ''}"


def parse(text: str) -> float:
    """A moment from ISO 8601 text; without an offset it is UTC (em_rest 10). Raises ValueError."""
    cleaned = text.strip().replace(" ", "T")
    if cleaned[-1:] in "Zz":
        cleaned = cleaned[:-1]
    body, dot, fraction = cleaned.partition(".")
    offset = ""
    for sign in "+-":
        if dot and sign in fraction:
            fraction, _sign, offset = fraction.partition(sign)
            offset = sign + offset
    moment = datetime.fromisoformat(body + offset)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)


def _split(moment: float) -> tuple[datetime, str]:
    micros = round(moment * 1_000_000)
    whole = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=micros // 1_000_000)
    digits = f"{micros % 1_000_000:06d}".rstrip("0")
    return whole, f".{digits}" if digits else ""
