"""Waiting: retries, the end of the workflow, time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError, Interrupted, as_error

FLAKY = {
    "reference": "job",
    "retries": 3,
    "retry_delay": 20,
    "attempts": [
        {"status": "FAILED", "after": 10, "reason": "first"},
        {"status": "TIMED_OUT", "after": 10, "reason": "second"},
        {"after": 10, "output": {"ok": True}},
    ],
}


@pytest.mark.parametrize("lag", [0, 30])
@pytest.mark.parametrize("by_id", [False, True])
def test_a_retried_task_is_followed(conductor: Callable[..., Any], by_id: bool, lag: float) -> None:
    """With the lag, the failure shows long before its successor does."""
    double = conductor(FLAKY, settings={"decide_lag": lag})
    first = double.task_id("job")
    result = double.wait([first]) if by_id else double.wait(reference=["job"])
    (task,) = result["tasks"]
    assert (task["status"], task["retry_count"], task["output"]) == ("COMPLETED", 2, {"ok": True})
    assert len(task["attempts"]) == 3
    assert task["attempts"][0] == first
    assert task["retried_task_id"] == task["attempts"][1]
    assert not result["timed_out"]


def test_one_attempt_may_be_waited_for(conductor: Callable[..., Any]) -> None:
    double = conductor(FLAKY)
    first = double.task_id("job")
    with pytest.raises(ApiError) as caught:
        double.wait([first], follow_retries=False)
    assert caught.value.kind == "rejected"
    assert "first" in caught.value.message
    (task,) = caught.value.learnt["tasks"]
    assert (task["task_id"], task["status"], task["superseded"]) == (first, "FAILED", True)


def test_an_old_attempt_leads_to_the_current_one(conductor: Callable[..., Any]) -> None:
    double = conductor(FLAKY)
    first = double.task_id("job")
    double.time.sleep(300)
    assert double.wait([first])["tasks"][0]["status"] == "COMPLETED"


def test_a_failure_for_good(conductor: Callable[..., Any]) -> None:
    double = conductor(dict(FLAKY, attempts=[{"status": "FAILED", "after": 1, "reason": "disk full"}]))
    with pytest.raises(ApiError) as caught:
        double.wait(reference=["job"])
    assert caught.value.kind == "rejected"
    assert "FAILED" in caught.value.message
    assert "disk full" in caught.value.message
    (task,) = caught.value.learnt["tasks"]
    assert (task["retry_count"], task["workflow_status"]) == (3, "FAILED")


def test_a_failure_may_be_returned(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "job", "attempts": [{"status": "FAILED_WITH_TERMINAL_ERROR"}]})
    (task,) = double.wait(reference=["job"], fail_on_error=False)["tasks"]
    assert (task["terminal"], task["successful"]) == (True, False)


def test_an_optional_task(conductor: Callable[..., Any]) -> None:
    task = {"reference": "job", "optional": True, "attempts": [{"status": "FAILED", "reason": "no matter"}]}
    assert conductor(task).wait(reference=["job"])["tasks"][0]["status"] == "COMPLETED_WITH_ERRORS"
    with pytest.raises(ApiError, match="no matter"):
        conductor(task).wait(reference=["job"], success_statuses=["COMPLETED"])


def test_the_end_of_the_workflow_ends_the_wait(conductor: Callable[..., Any]) -> None:
    double = conductor(
        {"reference": "gate", "type": "WAIT"},
        {"reference": "later"},
        workflow={"terminate_after": 100, "terminate_reason": "The change was called off."},
    )
    gate = double.task_id("gate")
    for named in ({"reference": ["gate"]}, {"task_id": [gate]}, {"task_id": [gate], "follow_retries": False}):
        with pytest.raises(ApiError) as caught:
            double.wait(**named)
        assert "CANCELED" in caught.value.message
        assert "TERMINATED: The change was called off." in caught.value.message
    with pytest.raises(ApiError) as caught:
        double.wait(reference=["later"])
    assert caught.value.kind == "not_found"
    assert "not reached" in caught.value.message
    assert double.time() < 1_790_000_200


def test_tasks_of_a_workflow_share_their_requests(conductor: Callable[..., Any]) -> None:
    fork = [{"reference": f"t{number}", "attempts": [{"after": 10 * number}]} for number in range(1, 9)]
    double = conductor(fork)
    result = double.wait(reference=[task["reference"] for task in fork])
    assert all(task["successful"] for task in result["tasks"])
    assert double.sim.counters()["reads"] == result["polls"]
    double.sim.reset()
    result = double.wait([double.task_id(task["reference"]) for task in fork])
    assert double.sim.counters()["reads"] == result["polls"] + len(fork)


def test_waiting_for_a_task_that_comes_later(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "a", "attempts": [{"after": 60}]}, {"reference": "b"})
    assert double.wait(reference=["b"])["tasks"][0]["status"] == "COMPLETED"


def test_time_runs_out(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})
    with pytest.raises(ApiError) as caught:
        double.wait(reference=["gate"], timeout=60)
    assert caught.value.kind == "timeout"
    assert caught.value.learnt["timed_out"] is True
    assert caught.value.learnt["elapsed"] == 60
    (task,) = caught.value.learnt["tasks"]
    assert (task["status"], task["workflow_status"]) == ("IN_PROGRESS", "RUNNING")


def test_failing_polls_are_put_up_with(conductor: Callable[..., Any]) -> None:
    double = conductor(
        {"reference": "gate", "type": "WAIT", "attempts": [{"after": 300}]},
        faults=[{"fault": "status", "occurrence": "from 3", "times": 8}],
    )
    assert double.wait(reference=["gate"])["tasks"][0]["status"] == "COMPLETED"


def test_polls_that_fail_for_too_long(conductor: Callable[..., Any]) -> None:
    double = conductor(
        {"reference": "gate", "type": "WAIT"}, faults=[{"fault": "reset_before", "occurrence": "from 3"}]
    )
    with pytest.raises(ApiError) as caught:
        double.wait(reference=["gate"])
    assert caught.value.kind == "connection"
    assert caught.value.learnt["tasks"][0]["status"] == "IN_PROGRESS"


def test_an_unknown_id_is_told_at_once(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})
    with pytest.raises(ApiError) as caught:
        double.wait([double.task_id("gate"), "nothing"])
    assert caught.value.kind == "not_found"
    assert len(caught.value.learnt["tasks"]) == 1
    assert double.time() == 1_790_000_000


def test_a_task_that_cannot_be_read_any_more(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})
    gate = double.task_id("gate")

    def remove() -> None:
        double.sim.set_workflow(double.workflow_id, remove=True)

    sleep = double.time.sleep
    double.time.sleep = lambda seconds: (remove() if double.sim.workflows() else None, sleep(seconds))[1]
    with pytest.raises(ApiError) as caught:
        double.wait([gate])
    assert caught.value.kind == "not_found"
    assert caught.value.learnt["tasks"][0]["task_id"] == gate


def test_a_status_nobody_knows(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "type": "WAIT", "attempts": [{"after": 50}]})
    double.sim.app.state.executions[double.workflow_id].runs[0].status = "PONDERING"
    assert double.wait(reference=["gate"])["tasks"][0]["status"] == "COMPLETED"
    assert len(double.warnings) == 1
    assert "PONDERING" in double.warnings[0]


@pytest.mark.parametrize("ends", [True, False])
def test_a_task_that_is_canceled_before_its_workflow_ends(conductor: Callable[..., Any], ends: bool) -> None:
    """One more look has the reason; a workflow that continues all the same is not waited for."""
    canceled = {
        "match": {"path": "/api/workflow/*"},
        "fault": "unknown_status",
        "with": {"status_name": "CANCELED"},
        "times": "forever",
    }
    workflow = {"terminate_after": 0.1, "terminate_reason": "Called off."} if ends else {}
    double = conductor({"reference": "gate", "type": "HUMAN"}, faults=[canceled], workflow=workflow)
    with pytest.raises(ApiError) as caught:
        double.wait(reference=["gate"])
    assert caught.value.kind == "rejected"
    (task,) = caught.value.learnt["tasks"]
    assert (task["status"], task["workflow_status"]) == ("CANCELED", "TERMINATED" if ends else "RUNNING")
    assert ("Called off." in caught.value.message) == ends
    assert caught.value.learnt["polls"] == 2


def test_an_interrupted_wait_speaks_of_tasks(conductor: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    double = conductor({"reference": "gate", "type": "WAIT"})

    def strike(_seconds: float) -> None:
        raise Interrupted("SIGTERM")

    monkeypatch.setattr(double.time, "sleep", strike)
    with pytest.raises(Interrupted) as caught:
        double.wait(reference=["gate"])
    told = as_error(caught.value).sentence()
    assert told.startswith("Interrupted by SIGTERM. The tasks continue on the server.")
    assert "runs" not in told
