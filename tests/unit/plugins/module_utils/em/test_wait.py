"""Deadlines and polling, on a clock that only sleeping moves."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import SERVER, TIMEOUT, USAGE, ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import (
    SHARE,
    Deadline,
    Waiter,
    WaitOptions,
    timed_out,
)


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def waiter(clock: FakeClock, **options: float) -> Waiter:
    return Waiter(WaitOptions(**options), clock)


def never() -> bool:
    return False


def failing(clock: FakeClock, until: float, **error: Any) -> Callable[[], bool]:
    """A poll that raises until that many seconds have passed."""
    begun = clock.now

    def poll() -> bool:
        if clock.now - begun < until:
            raise ApiError(SERVER, "busy", hint="Wait.", **dict({"retryable": True}, **error))
        return True

    return poll


def test_what_holds_at_once_costs_one_poll_and_no_sleep(clock: FakeClock) -> None:
    it = waiter(clock)
    assert it.until(lambda: True) is True
    assert (it.polls, clock.slept, it.elapsed) == (1, [], 0.0)


def test_pauses_grow_to_the_longest(clock: FakeClock) -> None:
    waiter(clock, timeout=1000, interval=2, max_interval=10).until(never)
    assert clock.slept[:30] == [2] * 30
    assert clock.slept[-2] == 10
    assert clock.slept == sorted(clock.slept[:-1]) + clock.slept[-1:]


@pytest.mark.parametrize("length", [0.1, 2.2, 7.7, 30.1, 90.3, 601.7, 3600.9, 14399.3])
def test_the_end_is_noticed_within_a_second_or_three_percent_or_the_longest_pause(
    clock: FakeClock, length: float
) -> None:
    begun = clock.now
    assert waiter(clock).until(lambda: clock.now - begun >= length)
    assert clock.now - begun - length <= min(max(0.5, 0.03 * length), 30) + 1e-6


@pytest.mark.parametrize("length", [1, 10, 100, 1000, 14400])
def test_the_number_of_polls_is_bounded(clock: FakeClock, length: float) -> None:
    it = waiter(clock, timeout=length)
    it.until(never)
    assert it.polls <= min(length / 0.5, (1 + math.log(30 / 0.5)) / SHARE) + length / 30 + 2


def test_a_slow_server_is_polled_no_faster_than_it_answers(clock: FakeClock) -> None:
    def slow() -> bool:
        clock.now += 7
        return False

    waiter(clock, timeout=100).until(slow)
    assert clock.slept[:3] == [7, 7, 7]


@pytest.mark.parametrize("timeout", [0, 0.3, 1, 7.7, 59.9, 1000])
def test_it_never_oversleeps_and_polls_at_the_deadline(clock: FakeClock, timeout: float) -> None:
    begun, polled = clock.now, []
    it = waiter(clock, timeout=timeout, interval=2, max_interval=30)
    assert it.until(lambda: bool(polled.append(clock.now))) is False
    assert clock.now == pytest.approx(begun + timeout)
    assert polled[-1] == pytest.approx(begun + timeout)
    assert it.elapsed == pytest.approx(timeout)


def test_an_interval_above_the_longest_stays_as_it_is(clock: FakeClock) -> None:
    waiter(clock, timeout=100, interval=40, max_interval=5).until(never)
    assert clock.slept == [40, 40, 20]


def test_a_shorter_limit_for_one_wait(clock: FakeClock) -> None:
    it = waiter(clock, timeout=100)
    assert it.until(never, seconds=10) is False
    assert clock.now == pytest.approx(110)
    assert it.until(never, seconds=500) is False
    assert clock.now == pytest.approx(200)


def test_time_spent_in_a_poll_counts(clock: FakeClock) -> None:
    def slow() -> bool:
        clock.now += 30
        return False

    assert waiter(clock, timeout=100).until(slow) is False
    # One poll may run past the deadline, and one more is due then.
    assert clock.now <= 100 + 100 + 2 * 30


def test_failures_within_the_budget_are_forgiven(clock: FakeClock) -> None:
    assert waiter(clock, timeout=1000, poll_error_timeout=60).until(failing(clock, 50)) is True


def test_failures_beyond_the_budget_are_not(clock: FakeClock) -> None:
    begun = clock.now
    with pytest.raises(ApiError, match="busy"):
        waiter(clock, timeout=1000, poll_error_timeout=60).until(failing(clock, 500))
    assert 60 <= clock.now - begun <= 60 + 30


def test_the_budget_is_for_failures_in_a_row(clock: FakeClock) -> None:
    outcomes = itertools.cycle([True, False])

    def poll() -> bool:
        if next(outcomes):
            raise ApiError(SERVER, "busy", hint="Wait.", retryable=True)
        return clock.now > 600

    assert waiter(clock, timeout=2000, max_interval=10, poll_error_timeout=15).until(poll) is True


def test_what_cannot_be_retried_is_raised_at_once(clock: FakeClock) -> None:
    with pytest.raises(ApiError):
        waiter(clock).until(failing(clock, 50, retryable=False))
    assert clock.slept == []


def test_a_failure_at_the_deadline_is_raised(clock: FakeClock) -> None:
    with pytest.raises(ApiError, match="busy"):
        waiter(clock, timeout=20, poll_error_timeout=120).until(failing(clock, 500))
    assert clock.now == pytest.approx(120)


def test_retry_after_stretches_a_pause_but_not_the_wait(clock: FakeClock) -> None:
    waiter(clock, timeout=100).until(failing(clock, 1, retry_after=25.0))
    assert clock.slept == [25.0]
    with pytest.raises(ApiError):
        waiter(clock, timeout=10).until(failing(clock, 500, retry_after=3600.0))
    assert clock.slept == [25.0, 10.0]


def test_deadline(clock: FakeClock) -> None:
    deadline = Deadline(5, clock)
    deadline.pause(3)
    assert (deadline.remaining(), deadline.expired()) == (2, False)
    deadline.pause(30)
    assert (deadline.remaining(), deadline.expired(), clock.slept) == (0, True, [3, 2])
    deadline.pause(1)
    assert clock.slept == [3, 2]


GOOD = {"wait_timeout": 10.5, "wait_interval": 0.5, "wait_max_interval": 3.0, "poll_error_timeout": 0.0}


def test_options_from_parameters() -> None:
    assert WaitOptions.from_params(GOOD) == WaitOptions(10.5, 0.5, 3.0, 0.0)


@pytest.mark.parametrize("bad", [{"wait_timeout": -1}, {"wait_interval": 0}, {"poll_error_timeout": -0.1}])
def test_durations_that_make_no_sense(bad: dict[str, float]) -> None:
    with pytest.raises(ApiError) as caught:
        WaitOptions.from_params(dict(GOOD, **bad))
    assert caught.value.kind == USAGE
    assert next(iter(bad)) in caught.value.message


def test_timed_out() -> None:
    error = timed_out("Gave up.", "Wait on.", jobs=[1])
    assert (error.kind, error.retryable, error.learnt) == (TIMEOUT, True, {"jobs": [1], "timed_out": True})
    assert (error.message, error.hint) == ("Gave up.", "Wait on.")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"wait_timeout": -0.001}, "wait_timeout must be at least 0 seconds."),
        ({"wait_interval": 0.009}, "wait_interval must be at least 0.01 seconds."),
        ({"poll_error_timeout": -1}, "poll_error_timeout must be at least 0 seconds."),
        ({"wait_max_interval": -5}, "wait_max_interval must be at least 0 seconds."),
        ({"wait_timeout": math.nan}, "wait_timeout must be at least 0 seconds."),
    ],
)
def test_the_least_durations(bad: dict[str, float], message: str) -> None:
    with pytest.raises(ApiError) as caught:
        WaitOptions.from_params(dict(GOOD, **bad))
    assert (caught.value.kind, caught.value.message) == (USAGE, message)
    assert caught.value.hint.startswith("Set it to ")
    least = {"wait_timeout": 0, "wait_interval": 0.01, "wait_max_interval": 0, "poll_error_timeout": 0}
    assert WaitOptions.from_params(least) == WaitOptions(0, 0.01, 0, 0)


@pytest.mark.parametrize(
    ("elapsed", "took", "pause"),
    [(0, 0, 0.5), (100, 0, 3), (100, 4, 4), (100, 2, 3), (1000, 0, 30), (5000, 0, 30), (0, 99, 30)],
)
def test_how_long_a_pause_is(elapsed: float, took: float, pause: float) -> None:
    assert WaitOptions().pause(elapsed, took) == pause


def test_the_clock_is_that_of_the_system() -> None:
    assert Deadline(5).clock is time
    it = Waiter(WaitOptions(timeout=50))
    assert it.clock is it.deadline.clock is time
    assert 49 < it.deadline.remaining() <= 50
    assert 0 <= it.elapsed < 1


def test_what_holds_at_the_deadline_counts(clock: FakeClock) -> None:
    it = waiter(clock, timeout=0)
    assert it.until(lambda: True) is True
    assert it.until(never) is False
    assert (it.polls, clock.slept) == (2, [])


def test_each_wait_has_pauses_of_its_own(clock: FakeClock) -> None:
    it = waiter(clock, timeout=1000)
    it.until(never, seconds=400)
    clock.slept.clear()
    it.until(never, seconds=2)
    assert clock.slept == [0.5] * 4
    assert it.elapsed == 402.0


def test_time_is_shown_in_milliseconds(clock: FakeClock) -> None:
    it = waiter(clock)
    clock.now += 1.23456
    assert it.elapsed == 1.235


@pytest.mark.parametrize(
    ("budget", "slept"),
    [
        # It ends when the failures have lasted for so long, counted from the first one.
        (60, [10.0] * 6),
        (55, [10.0] * 6),
        (0, []),
    ],
)
def test_when_failures_end_a_wait(clock: FakeClock, budget: float, slept: list[float]) -> None:
    with pytest.raises(ApiError, match="busy"):
        waiter(clock, interval=10, max_interval=10, poll_error_timeout=budget).until(failing(clock, 500))
    assert clock.slept == slept


def test_the_time_of_the_first_failure_is_when_it_showed(clock: FakeClock) -> None:
    def slow() -> bool:
        clock.now += 5
        raise ApiError(SERVER, "busy", hint="Wait.", retryable=True)

    with pytest.raises(ApiError):
        waiter(clock, interval=10, max_interval=10, poll_error_timeout=30).until(slow)
    # Failures at 5, 20 and 35 seconds.
    assert (clock.now, clock.slept) == (135.0, [10.0, 10.0])


@pytest.mark.parametrize(
    ("retry_after", "slept"),
    [
        (None, [0.5, 0.5]),
        (0.7, [0.7, 0.7]),
        (0.2, [0.5, 0.5]),
        # The server cannot use up more than the time for failures in a row.
        (3600.0, [20.0]),
    ],
)
def test_the_patience_that_a_server_asks_for(clock: FakeClock, retry_after: Any, slept: list[float]) -> None:
    outcomes = iter([False] * len(slept) + [True])

    def poll() -> bool:
        if not next(outcomes):
            raise ApiError(SERVER, "busy", hint="Wait.", retryable=True, retry_after=retry_after)
        return True

    assert waiter(clock, poll_error_timeout=20).until(poll) is True
    assert clock.slept == slept
