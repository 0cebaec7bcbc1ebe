# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deadlines and polling: the only place that sleeps.

All durations are seconds (fractions allowed). The clock is injected, so that tests need no real time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Protocol

from ._errors import TIMEOUT, USAGE, ApiError

# A pause lasts this share of the time already waited, so that a wait notices its end within 3 % of its length.
SHARE = 0.03


class Clock(Protocol):
    """The clock functions that waiting needs; the module `time` satisfies this protocol."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    def sleep(self, seconds: float, /) -> None:
        """Pause."""


SYSTEM_CLOCK: Clock = time


class Deadline:
    """A moment on the monotonic clock."""

    def __init__(self, seconds: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self.at = clock.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    def expired(self) -> bool:
        """True when no time is left."""
        return self.remaining() <= 0

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the deadline."""
        seconds = min(seconds, self.remaining())
        if seconds > 0:
            self.clock.sleep(seconds)


@dataclass(frozen=True)
class WaitOptions:
    """How to wait; the fields are the options of the doc fragment `wait`, in seconds."""

    timeout: float = 14400.0
    interval: float = 0.5
    max_interval: float = 30.0
    poll_error_timeout: float = 120.0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> WaitOptions:
        """Read the waiting options from module parameters.

        :raises ApiError: kind usage, when a duration is invalid.
        """
        for name, least in (
            ("wait_timeout", 0),
            ("poll_error_timeout", 0),
            ("wait_interval", 0.01),
            ("wait_max_interval", 0),
        ):
            if math.isnan(params[name]) or params[name] < least:
                raise ApiError(USAGE, f"{name} must be at least {least} seconds.", hint=f"Set it to {least} or more.")
        return cls(
            timeout=params["wait_timeout"],
            interval=params["wait_interval"],
            max_interval=params["wait_max_interval"],
            poll_error_timeout=params["poll_error_timeout"],
        )

    def pause(self, elapsed: float, took: float) -> float:
        """How long to pause before the next poll, in seconds.

        :param elapsed: how long the wait has lasted.
        :param took: how long the last poll took. The pause is at least as long, so that a slow server can recover.
        """
        return min(max(self.interval, SHARE * elapsed, took), max(self.interval, self.max_interval))


class Waiter:
    """Polls with growing pauses until a condition is true or the deadline passes.

    A wait of T seconds polls at most (1 + ln(max_interval / interval)) / SHARE + T / max_interval times. With the
    defaults, that is about 170 times plus twice for every minute. Polls may fail for up to `poll_error_timeout`
    seconds in a row before the wait gives up.
    """

    def __init__(self, options: WaitOptions, clock: Clock = SYSTEM_CLOCK) -> None:
        self.options = options
        self.clock = clock
        self.deadline = Deadline(options.timeout, clock)
        self.polls = 0
        self._started = clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the waiter was made."""
        return round(self.clock.monotonic() - self._started, 3)

    def until(self, poll: Callable[[], bool], seconds: float | None = None) -> bool:
        """Call `poll` until it returns True.

        :param poll: reads the state once; True ends the wait.
        :param seconds: a shorter limit for this wait; the waiter's own deadline still applies.
        :returns: False when time ran out first. The last poll happens at the deadline, not before it.
        :raises ApiError: the error of `poll`: immediately if it is not retryable, otherwise when consecutive failures
            have lasted longer than allowed or the deadline has passed.
        """
        deadline = self.deadline
        if seconds is not None and seconds < deadline.remaining():
            deadline = Deadline(seconds, self.clock)
        begun = self.clock.monotonic()
        failing_since: float | None = None
        while True:
            asked = self.clock.monotonic()
            last_chance = deadline.expired()
            hold = 0.0
            try:
                self.polls += 1
                if poll():
                    return True
                failing_since = None
            except ApiError as error:
                now = self.clock.monotonic()
                failing_since = now if failing_since is None else failing_since
                if not error.retryable or last_chance or now - failing_since >= self.options.poll_error_timeout:
                    raise
                # The server may ask for a longer pause than the user's deadline allows.
                hold = min(error.retry_after or 0.0, failing_since + self.options.poll_error_timeout - now)
            if last_chance:
                return False
            now = self.clock.monotonic()
            deadline.pause(max(self.options.pause(now - begun, now - asked), hold))


def timed_out(message: str, hint: str, **learnt: Any) -> ApiError:
    """The error of a wait that ran out of time.

    :param learnt: the complete last state, and the ids needed to resume.
    """
    return ApiError(TIMEOUT, message, hint=hint, retryable=True, learnt=dict(learnt, timed_out=True))
