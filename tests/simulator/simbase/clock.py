"""The simulators' clock."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]


def steady_clock() -> Clock:
    """A clock in seconds since the epoch (UTC) that never jumps back, whatever happens to the system time."""
    wall, start = time.time(), time.monotonic()
    return lambda: wall + (time.monotonic() - start)
