"""The classifier of statuses, retries and times."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor import model

# status: terminal, successful, retriable (the server's own flags, a good end only where it is an end)
TABLE = {
    "SCHEDULED": (False, False, True),
    "IN_PROGRESS": (False, False, True),
    "COMPLETED": (True, True, True),
    "COMPLETED_WITH_ERRORS": (True, True, True),
    "SKIPPED": (True, True, False),
    "FAILED": (True, False, True),
    "TIMED_OUT": (True, False, True),
    "FAILED_WITH_TERMINAL_ERROR": (True, False, False),
    "CANCELED": (True, False, False),
}
DEFINITION = {"name": "d", "retryCount": 3}


def test_every_status_is_classified() -> None:
    assert {status: tuple(model.flags(status)) for status in model.STATUSES} == TABLE


@pytest.mark.parametrize("status", ["PENDING", "canceled", None, 7])
def test_an_unknown_status_never_ends_a_wait(status: Any) -> None:
    assert tuple(model.flags(status)) == (False, False, False)
    assert not model.task({"taskId": "t", "status": status})["terminal"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"status": "TIMED_OUT"}, True),
        ({"taskType": "HUMAN"}, True),
        ({"status": "FAILED_WITH_TERMINAL_ERROR"}, False),
        ({"status": "CANCELED"}, False),
        ({"status": "COMPLETED"}, False),
        ({"status": "IN_PROGRESS"}, False),
        ({"taskType": "DO_WHILE"}, False),
        ({"taskDefinition": None}, False),
        ({"taskDefinition": None, "workflowTask": {"taskDefinition": DEFINITION}}, True),
        ({"retryCount": 3}, False),
        ({"retryCount": 1, "workflowTask": {"retryCount": 1}}, False),
        ({"retryCount": 4, "workflowTask": {"retryCount": 5}}, True),
        ({"retried": True}, False),
    ],
)
def test_whether_a_failure_may_be_retried(changes: dict[str, Any], expected: bool) -> None:
    raw = dict({"status": "FAILED", "taskType": "HTTP", "retryCount": 0, "taskDefinition": DEFINITION}, **changes)
    assert model.may_be_retried(raw) is expected


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, None),
        (-5, None),
        (1, "1970-01-01T00:00:00.001Z"),
        (1734697335733, "2024-12-20T12:22:15.733Z"),
        (1767225600000, "2026-01-01T00:00:00.000Z"),
        (2**63 - 1, None),
    ],
)
def test_times(milliseconds: int, text: str | None) -> None:
    assert model.iso(milliseconds) == text


def task(reference: str, **more: Any) -> dict[str, Any]:
    return dict({"taskId": reference + str(len(more)), "referenceTaskName": reference, "status": "COMPLETED"}, **more)


def workflow(*tasks: dict[str, Any], **more: Any) -> model.Workflow:
    return model.Workflow({"workflowId": "w", "status": "RUNNING", "tasks": list(tasks), **more})


def test_the_newest_of_a_loop_is_of_its_latest_iteration() -> None:
    loop = workflow(
        task("gate__1", taskId="a", iteration=1, seq=2, retryCount=5),
        task("gate__2", taskId="b", iteration=2, seq=4, retried=True, status="FAILED"),
        task("gate__2", taskId="c", iteration=2, seq=9, retryCount=1, retriedTaskId="b", status="IN_PROGRESS"),
        task("other", taskId="d", seq=10),
    )
    assert loop.newest("gate")["task_id"] == "c"
    assert loop.newest("gate")["attempts"] == ["b", "c"]
    assert loop.newest("gate__1")["task_id"] == "a"


def test_a_loop_in_a_loop_counts_anew_in_each_round() -> None:
    """As an open-source server names them: the second round begins with gate__1 once more."""
    rounds = [
        task("gate__1", taskId="a", iteration=1, seq=3),
        task("gate__2", taskId="b", iteration=2, seq=4),
        task("gate__1", taskId="c", iteration=1, seq=7, status="FAILED", retried=True),
        task("gate__1", taskId="d", iteration=1, seq=8, status="IN_PROGRESS", retryCount=1, retriedTaskId="c"),
    ]
    for order in (rounds, rounds[::-1]):
        for name in ("gate", "gate__1"):
            newest = workflow(*order).newest(name)
            assert (newest["task_id"], newest["status"], newest["attempts"]) == ("d", "IN_PROGRESS", ["c", "d"])
    # By its id, the gate of the first round stays what it is.
    assert workflow(*rounds).successor("a")["task_id"] == "a"
    assert workflow(*rounds).successor("c")["attempts"] == ["c", "d"]
    assert workflow(*rounds).successor("gone") is None


def test_a_name_that_looks_like_an_iteration() -> None:
    """A suffix is a loop's only where the task is of that iteration."""
    other = task("approve__1", taskId="a", seq=1)
    assert workflow(other).newest("approve")["exists"] is False
    assert workflow(other).newest("approve__1")["task_id"] == "a"
    looped = task("approve__1__2", taskId="b", iteration=2, seq=5)
    assert workflow(other, looped).newest("approve")["exists"] is False
    assert workflow(looped).newest("approve__1")["task_id"] == "b"
    assert workflow(task("approve__3", iteration=2)).newest("approve")["exists"] is False


def test_an_exact_name_goes_before_an_iteration() -> None:
    both = workflow(task("gate", taskId="a", seq=1), task("gate__2", taskId="b", iteration=2, seq=9))
    assert both.newest("gate")["task_id"] == "a"


def test_a_chain_of_retries_that_bites_its_tail_ends() -> None:
    ring = workflow(
        task("gate", taskId="a", retriedTaskId="b", seq=1), task("gate", taskId="b", retriedTaskId="a", seq=2)
    )
    assert sorted(ring.newest("gate")["attempts"]) == ["a", "b"]
    assert ring.successor("a")["task_id"] in ("a", "b")


@pytest.mark.parametrize(
    ("reference", "expected"), [("gate", True), ("gate__2", True), ("gaet", False), ("gate__x", False)]
)
def test_whether_the_definition_has_a_task(reference: str, expected: bool) -> None:
    definition = {"tasks": [{"taskReferenceName": "loop", "loopOver": [{"taskReferenceName": "gate"}]}]}
    assert workflow(workflowDefinition=definition).defines(reference) is expected
    assert workflow().defines(reference)


def test_a_task_that_was_not_reached() -> None:
    record = model.Workflow({"workflowId": "w", "status": "RUNNING"}).newest("gate")
    assert (record["exists"], record["status"], record["terminal"]) == (False, None, False)
    assert (record["workflow_id"], record["reference_task_name"]) == ("w", "gate")


def test_references_are_found_at_any_depth() -> None:
    definition = {"tasks": [{"taskReferenceName": "b", "decisionCases": {"x": [{"taskReferenceName": "a"}]}}]}
    assert model.Workflow({"workflowId": "w", "workflowDefinition": definition}).references() == ["a", "b"]


def test_no_key_of_a_record_hides_a_method_of_dict() -> None:
    assert not set(model.task({})) & set(dir({}))
