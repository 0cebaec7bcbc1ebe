"""Updating a task: read, decide, send once, read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.session import ConductorSession
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError, Interrupted

GATE = {"reference": "gate", "type": "HUMAN"}
POST = {"method": "POST", "path": "/api/tasks"}


@pytest.mark.parametrize("personality", ["oss", "orkes"])
@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"])
def test_by_reference_then_again(conductor: Callable[..., Any], personality: str, status: str) -> None:
    double = conductor(GATE, personality=personality)
    result = double.update(status, {"verdict": [1, "\u00fc"]}, "because")
    assert result["changed"]
    task = result["task"]
    assert (task["status"], task["output"], task["reason"]) == (status, {"verdict": [1, "\u00fc"]}, "because")
    assert result["diff"] == {
        "before": {"status": "IN_PROGRESS", "output": {}, "reason": None},
        "after": {"status": status, "output": {"verdict": [1, "\u00fc"]}, "reason": "because"},
    }
    again = double.update(status, {"other": 1})
    assert not again["changed"]
    assert again["task"]["output"] == {"verdict": [1, "\u00fc"]}
    assert double.sim.counters()["update_requests"] == {"change/gate": 1}


def test_by_id(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, {"reference": "next"})
    assert double.update("COMPLETED", task_id=double.task_id("gate"))["changed"]
    assert double.info(reference=["next"])[0]["exists"]


def test_check_mode_sends_nothing(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE)
    result = double.update("COMPLETED", {"a": 1}, check_mode=True)
    assert result["changed"]
    assert result["task"]["status"] == "IN_PROGRESS"
    assert result["diff"]["after"] == {"status": "COMPLETED", "output": {"a": 1}, "reason": None}
    assert double.sim.counters()["writes"] == 0
    with double.client(read_only=True) as client, pytest.raises(ApiError, match="check mode"):
        client.update({})
    assert double.sim.counters()["writes"] == 0


def test_what_has_ended_otherwise_is_a_conflict(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE)
    double.update("FAILED")
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert caught.value.kind == "conflict"
    assert caught.value.learnt["task"]["status"] == "FAILED"
    assert double.sim.counters()["writes"] == 1


def test_output_is_added_to_what_is_there(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE)
    assert double.update("IN_PROGRESS", {"a": 1, "b": 1})["changed"]
    assert not double.update("IN_PROGRESS", {"a": 1})["changed"]
    assert not double.update("IN_PROGRESS")["changed"]
    assert double.update("IN_PROGRESS", {"b": 2})["task"]["output"] == {"a": 1, "b": 2}
    task = double.update("COMPLETED", {"c": 3})["task"]
    assert task["output"] == {"a": 1, "b": 2, "c": 3}
    assert double.sim.counters()["writes"] == 3


def test_a_workers_task_goes_back_to_its_queue(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "gate", "attempts": [{"status": "NEVER"}]})
    result = double.update("IN_PROGRESS", {"percent": 40})
    assert result["changed"]
    assert (result["task"]["status"], result["task"]["output"]) == ("SCHEDULED", {"percent": 40})


def test_an_optional_task_that_fails(conductor: Callable[..., Any]) -> None:
    double = conductor(dict(GATE, optional=True))
    assert double.update("FAILED")["task"]["status"] == "COMPLETED_WITH_ERRORS"
    assert not double.update("FAILED")["changed"]


def test_a_failure_that_opens_a_new_gate_is_warned_about(conductor: Callable[..., Any]) -> None:
    double = conductor(dict(GATE, retries=3, retry_delay=0))
    first = double.task_id("gate")
    result = double.update("FAILED")
    assert result["task"]["superseded"]
    assert "FAILED_WITH_TERMINAL_ERROR" in double.warnings[0]
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED", task_id=first)
    assert "The task was retried" in caught.value.sentence()
    assert double.update("FAILED_WITH_TERMINAL_ERROR")["task"]["retry_count"] == 1
    assert double.warnings == []


def test_a_dropped_update_is_told(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, faults=[{"match": POST, "fault": "update_dropped"}])
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert caught.value.kind == "conflict"
    assert "dropped" in caught.value.message
    assert caught.value.learnt["task"]["status"] == "IN_PROGRESS"


@pytest.mark.parametrize("fault", ["reset_after", "truncated_body"])
def test_a_lost_answer_to_an_update_that_took_effect(conductor: Callable[..., Any], fault: str) -> None:
    double = conductor(GATE, faults=[{"match": POST, "fault": fault}])
    result = double.update("COMPLETED", {"a": 1})
    assert (result["changed"], result["task"]["output"]) == (True, {"a": 1})
    assert "read the task again" in double.warnings[0]
    assert double.sim.counters()["writes"] == 1


@pytest.mark.parametrize(("fault", "kind"), [("reset_before", "connection"), ("status", "server")])
def test_an_update_that_did_not_arrive(conductor: Callable[..., Any], fault: str, kind: str) -> None:
    double = conductor(GATE, faults=[{"match": POST, "fault": fault}])
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert caught.value.kind == kind
    assert "had not taken effect" in caught.value.message
    assert caught.value.learnt["task"]["status"] == "IN_PROGRESS"
    assert double.sim.counters()["writes"] == 1


def test_an_interrupted_update_may_have_taken_effect(
    conductor: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    double = conductor(GATE)
    write = ConductorSession.write

    def interrupted(*arguments: Any) -> str:
        write(*arguments)
        raise Interrupted("SIGTERM")

    monkeypatch.setattr(ConductorSession, "write", interrupted)
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert caught.value.message.startswith("Interrupted by SIGTERM during the update. The update may or may not")
    assert caught.value.learnt["task"]["status"] == "IN_PROGRESS"


def test_a_rejected_update(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, faults=[{"match": POST, "fault": "status", "with": {"status": 400, "message": "No."}}])
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert (caught.value.kind, caught.value.em_message) == ("rejected", "No.")
    assert caught.value.learnt["task"]["status"] == "IN_PROGRESS"


def test_what_there_is_not(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, {"reference": "later"})
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED", reference="later")
    assert caught.value.kind == "not_found"
    assert "gate, later" in caught.value.sentence()
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED", task_id="nothing")
    assert caught.value.kind == "not_found"
    assert double.sim.counters()["writes"] == 0


def test_a_workflow_that_has_ended(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, workflow={"terminate_after": 10})
    double.time.sleep(20)
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert (caught.value.kind, caught.value.learnt["task"]["status"]) == ("conflict", "CANCELED")
