"""A wait never sleeps past its deadline, whatever its polls do and however long they take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions
from hypothesis import assume, given, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Poll:
    """One poll: how long it takes, and how it ends."""

    seconds: float
    outcome: str
    retry_after: float | None = None


class InjectedClock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[tuple[float, float]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append((self.now, seconds))
        self.now += seconds


SECONDS = st.floats(0, 1000, allow_nan=False)
POLLS = st.builds(
    Poll,
    seconds=st.one_of(st.just(0.0), st.floats(0, 100)),
    outcome=st.sampled_from(["done", "not yet", "not yet", "not yet", "retryable", "retryable", "fatal"]),
    retry_after=st.one_of(st.none(), st.floats(0, 1e6), st.just(math.inf)),
)
OPTIONS = st.builds(
    WaitOptions,
    timeout=SECONDS,
    interval=st.floats(5, 100),
    max_interval=st.floats(0, 1000),
    poll_error_timeout=SECONDS,
)


@settings(max_examples=1000)
@given(OPTIONS, st.lists(POLLS, min_size=1, max_size=20), st.one_of(st.none(), SECONDS))
def test_no_wait_sleeps_past_its_deadline(options: WaitOptions, polls: list[Poll], seconds: float | None) -> None:
    clock = InjectedClock()
    waiter = Waiter(options, clock)
    deadline = clock.now + min(options.timeout, math.inf if seconds is None else seconds)
    started: list[tuple[float, Poll]] = []
    outcomes: Iterator[Poll] = chain(polls, repeat(polls[-1]))

    def poll() -> bool:
        each = next(outcomes)
        started.append((clock.now, each))
        clock.now += each.seconds
        if each.outcome in ("retryable", "fatal"):
            raise ApiError("server", "x", hint="y", retryable=each.outcome == "retryable", retry_after=each.retry_after)
        return each.outcome == "done"

    done, failure = None, None
    try:
        done = waiter.until(poll, seconds)
    except ApiError as error:
        failure = error

    assert all(begun + length <= deadline + 1e-6 and length > 0 for begun, length in clock.sleeps)
    assert waiter.polls == len(started)
    last_begun, last = started[-1]
    if failure:
        assert last.outcome == ("retryable" if failure.retryable else "fatal")
    if done:
        assert last.outcome == "done"
    if done is False:
        assert last_begun >= deadline - 1e-6
        assert last.outcome == "not yet"
    # Not one poll more after the deadline has passed.
    assert sum(begun >= deadline for begun, _each in started) <= 1


@given(OPTIONS, st.one_of(st.none(), st.floats(0, 1e6), st.just(math.inf)))
def test_polls_that_keep_failing_are_given_up_in_time(options: WaitOptions, retry_after: float | None) -> None:
    assume(options.timeout > options.poll_error_timeout + 200)
    clock = InjectedClock()
    began = clock.now

    def poll() -> bool:
        raise ApiError("server", "x", hint="y", retryable=True, retry_after=retry_after)

    try:
        Waiter(options, clock).until(poll)
    except ApiError:
        longest_pause = max(options.interval, options.max_interval)
        assert clock.now - began <= options.poll_error_timeout + longest_pause + 1e-6
    else:
        raise AssertionError("the wait ended well")
