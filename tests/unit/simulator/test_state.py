"""What is true and what is shown at a moment, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emsim.jobs import SimulatedJob
from emsim.scenario import load
from emsim.state import State
from emsim.views import JobSession, Lens

MACHINES = [
    {"name": "m1", "duration": 10},
    {"name": "m2", "duration": 20, "result": "Failed", "reason": "Full."},
]


class World:
    """A state with one agent job and a clock."""

    def __init__(self, settings: dict[str, Any], job: dict[str, Any], speed: float) -> None:
        self.now = 1_000_000.0
        scenario = load({"settings": settings, "agent_jobs": [{"name": "J", "machines": MACHINES, **job}]})
        self.state = State(scenario, lambda: self.now, speed)
        self.job: SimulatedJob = self.state.jobs[0]

    def lens(self, **changes: Any) -> Lens:
        return Lens(self.now, **changes)

    def sessions(self, **changes: Any) -> dict[str, JobSession]:
        """By machine, the whole run under an empty name."""
        found = self.state.sessions(self.lens(**changes))
        return {one.job_name[4:]: one for one in found}


@pytest.fixture
def world() -> Callable[..., World]:
    def make(settings: dict[str, Any] | None = None, speed: float = 1, **job: Any) -> World:
        return World(settings or {}, job, speed)

    return make


def test_session_shows_late_and_its_machines_later(world: Callable[..., World]) -> None:
    w = world(start_delay=2)
    w.state.start(w.job)
    w.now += 1.9
    assert w.sessions() == {}
    assert w.job.current(w.now) is not None
    w.now += 0.2
    assert (list(w.sessions()), w.sessions()[""].state) == ([""], "Starting")
    w.now += 1
    assert set(w.sessions()) == {"", "m1", "m2"}
    assert w.sessions()[""].state == "Working"


def test_run_ends_with_its_last_machine_and_worst_result(world: Callable[..., World]) -> None:
    w = world()
    w.state.start(w.job)
    w.now += 1.5 + 1 + 10
    assert (w.sessions()["m1"].state, w.sessions()["m1"].result) == ("Stopped", "Success")
    assert (w.sessions()["m2"].state, w.sessions()["m2"].ended) == ("Working", None)
    assert w.sessions()[""].state == "Working"
    assert 0 < w.sessions()[""].progress < 100
    w.now += 10
    parent = w.sessions()[""]
    assert (parent.state, parent.result, parent.progress) == ("Stopped", "Failed", 100)
    verdicts = {(one.machine, one.result, one.reason) for one in w.state.task_sessions(w.lens())}
    assert verdicts == {("m1", "Success", ""), ("m2", "Failed", "Full.")}


def test_speed_divides_durations(world: Callable[..., World]) -> None:
    w = world(speed=10)
    w.state.start(w.job)
    w.now += 2.26
    assert w.sessions()[""].state == "Stopped"


def test_results_before_the_end(world: Callable[..., World]) -> None:
    w = world()
    w.state.start(w.job)
    w.now += 5
    assert {one.result for one in w.state.task_sessions(w.lens())} == {"Success"}
    assert {one.result for one in w.state.task_sessions(w.lens(early_result=False))} == {"None"}
    assert w.sessions()[""].result == "None"
    assert w.sessions(early_result="all")[""].result == "Success"


def test_task_session_states(world: Callable[..., World]) -> None:
    w = world()
    w.state.start(w.job)
    w.now += 2.6
    assert {one.state for one in w.state.task_sessions(w.lens())} == {"Pending"}
    w.now += 4
    assert {one.state for one in w.state.task_sessions(w.lens())} == {"InProgress"}
    w.now += 16
    assert {one.state for one in w.state.task_sessions(w.lens())} == {"Completed"}


def test_children_delay(world: Callable[..., World]) -> None:
    w = world(children_delay=60)
    w.state.start(w.job)
    w.now += 30
    assert [*w.sessions()] == [""]
    assert w.sessions()[""].state == "Stopped"
    w.now += 60
    assert set(w.sessions()) == {"", "m1", "m2"}


def test_session_that_never_appears(world: Callable[..., World]) -> None:
    w = world(start_delay="never")
    w.state.start(w.job)
    w.now += 1000
    assert w.sessions() == {}


def test_stop_ends_what_is_not_done(world: Callable[..., World]) -> None:
    w = world(stop_takes=2)
    w.state.start(w.job)
    w.now += 15
    w.state.stop(w.job)
    assert w.sessions()[""].state == "Stopping"
    w.now += 2
    assert w.sessions()[""].state == "Stopped"
    assert (w.sessions()["m1"].result, w.sessions()["m2"].result) == ("Success", "Failed")
    assert w.state.counts["stops"] == {"J": 1}


def test_retry_runs_what_failed(world: Callable[..., World]) -> None:
    w = world()
    assert w.state.retry(w.job).rejected == "task_failed"
    w.state.start(w.job)
    w.now += 30
    assert not w.state.retry(w.job).rejected
    w.now += 30
    latest = w.state.sessions(w.lens())[:2]
    assert [one.job_name for one in latest] == ["J - m2", "J"]
    assert {(one.result, one.is_retry) for one in latest} == {("Success", True)}
    assert w.state.counts["retries"] == {"J": 1}


def test_toggle_shows_when_its_task_has_finished(world: Callable[..., World]) -> None:
    w = world(toggle_delay=1)
    w.state.toggle(w.job)
    assert (w.job.schedule_enabled, w.job.shown_schedule(w.now)) == (False, True)
    w.now += 2.1
    assert w.job.shown_schedule(w.now) is False
    assert w.job.next_run(w.now) is None


def test_collect_brings_sessions_to_light(world: Callable[..., World]) -> None:
    w = world({"collect_takes": 1}, start_delay=60)
    w.state.start(w.job)
    w.state.collect(w.job.server_id)
    w.now += 1.1
    assert set(w.sessions()) == {""}


def test_history_reaches_back_thirty_days(world: Callable[..., World]) -> None:
    w = world(history=[{"ended_ago": 3600, "repeat": 40}])
    assert len([one for one in w.state.sessions(w.lens()) if not one.parent]) == 30
    assert len(w.job.runs) == 40


def test_clock_skew_moves_what_is_shown(world: Callable[..., World]) -> None:
    w = world(history=[{"ended_ago": 3600}])
    plain, skewed = w.sessions()[""], w.sessions(skew=300)[""]
    assert skewed.created - plain.created == pytest.approx(300, abs=1)
    assert skewed.id == plain.id


def test_unknown_state_only_while_running_unless_told(world: Callable[..., World]) -> None:
    w = world()
    w.state.start(w.job)
    w.now += 5
    assert w.sessions(unknown_state="Odd")[""].state == "Odd"
    w.now += 60
    assert w.sessions(unknown_state="Odd")[""].state == "Stopped"
    assert w.sessions(unknown_state="Odd", unknown_also_at_end=True)[""].state == "Odd"
    assert w.sessions()[""].state == "Stopped"


def test_ids_are_those_of_the_scenario(world: Callable[..., World]) -> None:
    first, second = world(), world()
    assert first.job.id == second.job.id
