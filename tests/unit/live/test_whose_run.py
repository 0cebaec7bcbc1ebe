"""The run that a verdict is of: the one that was started, never one that was there before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

# A run of the schedule that ended shortly before and is collected while the new one is waited for.
HIDDEN = {"ended_ago": 4, "duration": 20, "result": "Success", "appears_after": 5}
FAILING = [{"name": "m1", "result": "Failed", "reason": "No space.", "duration": 20}]


def fleet(**changes: Any) -> dict[str, Any]:
    return {"agent_jobs": [{"name": "A", "machines": FAILING, "history": [{"ended_ago": 90000}], **changes}]}


def runs(it: Em) -> list[str]:
    return [run["id"] for run in it.sim.jobs()[0]["runs"]]


@pytest.mark.parametrize("related", [True, False])
@pytest.mark.parametrize("start_delay", [2, 5, 10, 15])
def test_an_old_run_that_shows_late(em: Start, related: bool, start_delay: float, dialect: dict[str, str]) -> None:
    it = em(fleet(history=[HIDDEN], start_delay=start_delay, related_link=related), **dialect)
    error = it.failure("A")
    assert error.kind == "rejected"
    session = error.learnt["jobs"][0]["session"]
    assert (session["id"], session["result"]) == (runs(it)[-1], "Failed")
    assert it.counters["starts"] == {"A": 1}


def test_an_old_run_is_no_answer_without_wait(em: Start) -> None:
    it = em(fleet(history=[{**HIDDEN, "appears_after": 1.5}], start_delay=600, task_running_for=5))
    row = it.jobs("A", wait=False)["jobs"][0]
    assert (row["session"], row["msg"]) == (
        None,
        "Started; its run is not visible yet. Nobody is waiting for the result. "
        "To wait for it, run the task again with wait set to true.",
    )


def test_an_old_run_is_no_answer_when_time_runs_out(em: Start) -> None:
    it = em(fleet(history=[HIDDEN], start_delay="never"))
    error = it.failure("A", timeout=12)
    assert (error.kind, error.learnt["jobs"][0]["session"]) == ("timeout", None)
    assert "A (its session is not visible yet)" in error.message


def test_a_session_that_began_before_the_start_is_no_verdict(em: Start) -> None:
    """An old run, or a new one by a clock that is behind: if nothing else follows, it is not clear."""
    it = em(fleet(history=[HIDDEN], start_delay="never"))
    began = it.time.now
    error = it.failure("A")
    assert error.kind == "ambiguous"
    assert "cannot tell" in error.message
    assert runs(it)[0] in error.message
    row = error.learnt["jobs"][0]
    assert (row["session"], row["machines"]) == (None, [])
    assert error.learnt["changed"] is True
    assert it.time.now - began < 600


def test_a_refusal_in_unclear_words(em: Start) -> None:
    """Somebody's run that is not shown yet; the server answers the start with 500."""
    refused = {
        "match": {"method": "POST", "query": "start"},
        "occurrence": 2,
        "fault": "status",
        "with": {"status": 500},
    }
    it = em(fleet(machines=[{"name": "m1", "duration": 600}], start_delay=8), faults=[refused])
    it.jobs("A", wait=False)
    it.time.sleep(6)
    result = it.jobs("A")
    assert (result["changed"], result["jobs"][0]["action"]) == (False, "attach")
    assert result["jobs"][0]["session"]["id"] == runs(it)[-1]
    assert it.counters["starts"] == {"A": 1}


def test_a_run_that_is_stopping_is_only_waited_for(em: Start) -> None:
    it = em(fleet(running=True, stop_takes=100, machines=[{"name": "m1", "duration": 900}]))
    assert it.jobs("A", state="stopped", wait=False)["changed"] is True
    again = it.jobs("A", state="stopped")
    assert (again["changed"], again["jobs"][0]["action"]) == (False, "none")
    assert again["jobs"][0]["session"]["running"] is False
    assert it.counters["stops"] == {"A": 1}
    assert len(it.asked("", "POST")) == 3  # two log-ons, one stop


def test_a_verdict_is_told_although_the_machines_cannot_be_read(em: Start) -> None:
    broken = {
        "match": {"query": "type=BackupTaskSession"},
        "times": "forever",
        "fault": "status",
        "with": {"status": 500},
    }
    it = em(fleet(), faults=[broken])
    error = it.failure("A")
    assert "A@" in error.message
    assert "Failed" in error.message
    assert "could not read their machines" in error.message
    assert "you do not need a new backup" in str(error.hint)
    assert error.learnt["jobs"][0]["session"]["result"] == "Failed"


def test_a_stop_whose_answer_and_task_are_lost_is_still_a_stop(em: Start) -> None:
    """A run that is stopped began before, of course."""
    lost = {"match": {"method": "POST", "query": "stop"}, "fault": "reset_after"}
    forgotten = {"match": {"path": "/api/tasks"}, "fault": "expire_session"}
    it = em(fleet(running=True, machines=[{"name": "m1", "duration": 900}]), faults=[lost, forgotten])
    it.time.sleep(60)
    result = it.jobs("A", state="stopped")
    assert (result["changed"], result["jobs"][0]["action"]) == (True, "stop")
    assert it.counters["stops"] == {"A": 1}
