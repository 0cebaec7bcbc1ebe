"""What the conductor_* modules make of a server. Each test runs against the double and against real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.real.servers import (
    EXTERNAL_ABOVE_KB,
    REFUSED_ABOVE_KB,
    Double,
    Server,
    until,
)

GATE = {"reference": "gate", "type": "HUMAN"}
WAIT = {"reference": "wait", "type": "WAIT"}
AFTER = {"reference": "after", "type": "HUMAN"}
WORK = {"reference": "work", "retries": 2}
# Servers look for what has timed out every half minute or so, and a busy computer takes its time.
SWEPT = 240
SMILE = "\U0001f600"


def failure(work: Callable[[], Any]) -> ApiError:
    """The error that a call must end in."""
    with pytest.raises(ApiError) as caught:
        work()
    return caught.value


@pytest.mark.parametrize("gate", [GATE, WAIT], ids=["HUMAN", "WAIT"])
def test_a_gate_is_completed_once(server: Server, gate: dict[str, Any]) -> None:
    workflow, name = server.start(gate, AFTER), gate["reference"]
    (before,) = server.info(workflow_id=workflow, reference=[name])
    assert (before["task_type"], before["status"], before["output"]) == (gate["type"], "IN_PROGRESS", {})
    assert (before["attempts"], before["workflow_status"]) == ([before["task_id"]], "RUNNING")
    assert before["callback_after_seconds"] == (2147483647 if gate["type"] == "WAIT" else 0)
    output = {"verdict": [1, 1.5, None, "\u00fc\u2028" + SMILE], "deep": {"a": {}}, "7": True}
    done = server.update("COMPLETED", output, "no matter", workflow_id=workflow, reference=name)
    assert done["changed"]
    assert (done["task"]["status"], done["task"]["output"]) == ("COMPLETED", output)
    assert done["task"]["end_time"]
    again = server.update("COMPLETED", {"other": 1}, workflow_id=workflow, reference=name)
    assert (again["changed"], again["task"]["output"]) == (False, output)
    conflict = failure(lambda: server.update("FAILED", task_id=before["task_id"]))
    assert (conflict.kind, conflict.learnt["task"]["status"]) == ("conflict", "COMPLETED")
    server.reached(workflow, "after")
    assert [task["status"] for task in server.wait(before["task_id"])] == ["COMPLETED"]


def test_what_is_not_there(server: Server) -> None:
    workflow = server.start(GATE)
    unknown = failure(lambda: server.info("nothing"))
    assert unknown.kind == "not_found"
    assert (unknown.http_status or 204) == server.traits["unknown_task"]
    for named in ({"workflow_id": "nothing", "reference": "gate"}, {"task_id": "nothing"}):
        assert failure(lambda named=named: server.update("COMPLETED", **named)).kind == "not_found"
    assert failure(lambda: server.wait("nothing")).kind == "not_found"
    missing = failure(lambda: server.update("COMPLETED", workflow_id=workflow, reference="gaet"))
    assert (missing.kind, "gate" in (missing.hint or "")) == ("not_found", True)
    (later,) = server.info(workflow_id=workflow, reference=["gaet"])
    assert later["exists"] is False
    assert "It defines: gate" in server.warnings[0]


def test_keys_that_an_open_server_does_not_want(server: Server) -> None:
    workflow = server.start(GATE)
    with server.client(auth_key="k", auth_secret="s") as client:
        assert client.workflow(workflow).status == "RUNNING"
    assert "does not issue tokens" in client.warnings[0]


def test_a_wait_sees_the_end(server: Server) -> None:
    workflow = server.start(GATE)
    late = failure(lambda: server.wait(workflow_id=workflow, reference=["gate"], timeout=0.5))
    assert (late.kind, late.learnt["tasks"][0]["status"]) == ("timeout", "IN_PROGRESS")
    gate = server.reached(workflow, "gate")
    worker = threading.Timer(0.7, server.report, (workflow, gate, "COMPLETED"), {"outputData": {"a": 1}})
    worker.start()
    (task,) = server.wait(workflow_id=workflow, reference=["gate"])
    worker.join()
    assert (task["status"], task["output"]) == ("COMPLETED", {"a": 1})


def test_a_workers_retries_are_followed(server: Server) -> None:
    workflow = server.start(WORK)
    first = server.take(workflow, "work")
    server.report(workflow, first, "FAILED", reasonForIncompletion="first")
    second = server.reached(workflow, "work", 1)
    (old,) = server.info(first)
    assert (old["status"], old["superseded"], old["may_be_retried"], old["reason"]) == ("FAILED", True, False, "first")
    (new,) = server.info(workflow_id=workflow, reference=["work"])
    assert (new["task_id"], new["retried_task_id"], new["retry_count"]) == (second, first, 1)
    assert new["attempts"] == [first, second]
    assert new["reason"] == ("first" if server.traits["retry_keeps_reason"] else None)
    for named in ({"workflow_id": workflow, "reference": ["work"]},):
        assert failure(lambda named=named: server.wait(timeout=0.5, **named)).kind == "timeout"
    assert failure(lambda: server.wait(first, timeout=0.5)).learnt["tasks"][0]["task_id"] == second
    assert failure(lambda: server.wait(first, follow_retries=False)).learnt["tasks"][0]["task_id"] == first
    server.report(workflow, server.take(workflow, "work", 1), "COMPLETED")
    (done,) = server.wait(first)
    assert (done["task_id"], done["status"], done["attempts"]) == (second, "COMPLETED", [first, second])
    assert server.ended(workflow)["status"] == "COMPLETED"


def test_a_worker_fails_for_good(server: Server) -> None:
    workflow = server.start({"reference": "work", "retries": 1})
    for attempt in (0, 1):
        task_id = server.take(workflow, "work", attempt)
        server.report(workflow, task_id, "FAILED", reasonForIncompletion="disk full")
    bad = failure(lambda: server.wait(workflow_id=workflow, reference=["work"]))
    assert (bad.kind, "disk full" in bad.message) == ("rejected", True)
    (task,) = bad.learnt["tasks"]
    assert (task["status"], task["workflow_status"], task["may_be_retried"]) == ("FAILED", "FAILED", False)
    assert task["workflow_reason"] == f"Task {task['task_id']} failed with status: FAILED and reason: 'disk full'"


def test_a_gate_that_fails_may_open_again(server: Server) -> None:
    gate = {**GATE, "retries": 3}
    workflow = server.start(gate)
    first = server.reached(workflow, "gate")
    failed = server.update("FAILED", {"a": 1}, "no", workflow_id=workflow, reference="gate")
    assert (failed["task"]["task_id"], failed["task"]["superseded"]) == (first, True)
    assert "FAILED_WITH_TERMINAL_ERROR" in server.warnings[0]
    server.reached(workflow, "gate", 1)
    assert "The task was retried" in failure(lambda: server.update("COMPLETED", task_id=first)).sentence()
    ended = server.update("FAILED_WITH_TERMINAL_ERROR", reason="no backup", workflow_id=workflow, reference="gate")
    assert (ended["changed"], ended["task"]["retry_count"], server.warnings) == (True, 1, [])
    after = server.ended(workflow)
    assert after["status"] == "FAILED"
    # Whatever the task's own status is.
    assert after["reasonForIncompletion"] == (
        f"Task {ended['task']['task_id']} failed with status: FAILED and reason: 'no backup'"
    )
    bad = failure(lambda: server.wait(first))
    assert "no backup" in bad.message


def test_an_optional_task_is_retried_first(server: Server) -> None:
    workflow = server.start({**GATE, "optional": True, "retries": 1}, AFTER)
    gate = {"workflow_id": workflow, "reference": "gate"}
    assert server.update("FAILED", reason="first", **gate)["task"]["status"] == "FAILED"
    server.reached(workflow, "gate", 1)
    second = server.update("FAILED", reason="second", **gate)["task"]
    assert (second["status"], second["may_be_retried"]) == ("COMPLETED_WITH_ERRORS", False)
    assert server.wait(**gate)[0]["reason"] == "second"
    server.reached(workflow, "after")


@pytest.mark.parametrize("status", ["FAILED", "FAILED_WITH_TERMINAL_ERROR"])
def test_an_optional_task(server: Server, status: str) -> None:
    workflow = server.start({**GATE, "optional": True}, AFTER)
    gate = {"workflow_id": workflow, "reference": "gate"}
    assert server.update(status, reason="no matter", **gate)["task"]["status"] == "COMPLETED_WITH_ERRORS"
    assert not server.update(status, **gate)["changed"]
    assert server.wait(**gate)[0]["successful"]
    strict = failure(lambda: server.wait(success_statuses=["COMPLETED"], **gate))
    assert "no matter" in strict.message
    server.reached(workflow, "after")


def test_a_task_that_goes_on(server: Server) -> None:
    workflow = server.start(WORK)
    task_id = server.take(workflow, "work")
    named = {"task_id": task_id}
    changed = server.update("IN_PROGRESS", {"a": 1, "b": 1}, "half", **named)
    assert changed["changed"]
    # A worker's task goes back into its queue, with the worker that it had.
    assert (changed["task"]["status"], changed["task"]["worker_id"]) == ("SCHEDULED", "worker-7")
    assert not server.update("IN_PROGRESS", {"a": 1}, "half", **named)["changed"]
    more = server.update("IN_PROGRESS", {"b": 2}, **named)["task"]
    assert (more["output"], more["reason"]) == ({"a": 1, "b": 2}, "half")
    assert server.update("IN_PROGRESS", {}, "", **named)["task"]["reason"] is None
    assert not server.update("IN_PROGRESS", {}, "", **named)["changed"]
    done = server.update("COMPLETED", {"c": 3}, **named)["task"]
    assert (done["output"], done["reason"]) == ({"a": 1, "b": 2, "c": 3}, None)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("x" * 700, "x" * 500), ("a" + SMILE * 300, "a" + SMILE * 249), ("line\nand \u2028 \u00fc", None)],
    ids=["long", "pairs", "lines"],
)
def test_a_reason_is_kept_as_long_as_it_may_be(server: Server, reason: str, kept: str | None) -> None:
    gate = {"workflow_id": server.start(GATE), "reference": "gate"}
    assert server.update("IN_PROGRESS", reason=reason, **gate)["task"]["reason"] == (kept or reason)
    assert not server.update("IN_PROGRESS", reason=reason, **gate)["changed"]


def test_an_output_in_external_storage(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    gate = {"workflow_id": workflow, "reference": "gate"}
    long = {"log": "x" * EXTERNAL_ABOVE_KB * 2048}
    first = server.update("IN_PROGRESS", long, **gate)
    assert (first["changed"], first["task"]["output"]) == (True, {})
    assert first["task"]["external_output_path"]
    # What is there already cannot be seen; without a wish there is nothing to send.
    assert server.update("IN_PROGRESS", long, **gate)["changed"]
    assert not server.update("IN_PROGRESS", **gate)["changed"]
    second = server.update("IN_PROGRESS", {"a": 1}, **gate)["task"]
    assert second["external_output_path"] != first["task"]["external_output_path"]
    done = server.update("COMPLETED", {"b": 2}, **gate)
    assert (done["task"]["status"], bool(done["task"]["external_output_path"])) == ("COMPLETED", True)
    server.reached(workflow, "after")


def test_an_output_that_is_too_long(server: Server) -> None:
    gate = {"workflow_id": server.start(GATE), "reference": "gate"}
    refused = failure(lambda: server.update("COMPLETED", {"log": "x" * REFUSED_ABOVE_KB * 1100}, **gate))
    assert (refused.kind, refused.learnt["task"]["status"]) == ("conflict", "FAILED_WITH_TERMINAL_ERROR")
    # What the server says, and not that somebody was faster.
    assert "is greater than the permissible limit" in refused.message


@pytest.mark.parametrize(
    "output",
    [
        {"a": None, "b": {"c": [None, {"d": None}]}},
        {"a": 2**70, "b": -(2**63) - 1, "c": 5.0, "d": 1e22, "e": 0.1 + 0.2, "f": True},
        {"": {}, "\u00fc \u2028 $.x": "\x00\x07\u202e", "c": "${workflow.input.x}", "d": "{{ 7 * 7 }}"},
    ],
    ids=["null", "numbers", "texts"],
)
@pytest.mark.parametrize("gate", [GATE, WAIT], ids=["HUMAN", "WAIT"])
def test_an_output_comes_back_as_it_was(server: Server, gate: dict[str, Any], output: dict[str, Any]) -> None:
    named = {"workflow_id": server.start(gate), "reference": gate["reference"]}
    before = server.info(workflow_id=named["workflow_id"], reference=[named["reference"]])[0]
    first = server.update("IN_PROGRESS", output, "half", **named)
    assert (first["changed"], first["task"]["output"]) == (True, output)
    assert not server.update("IN_PROGRESS", output, "half", **named)["changed"]
    # A gate that waits for ever still does.
    assert first["task"]["callback_after_seconds"] == before["callback_after_seconds"]


@pytest.mark.parametrize(
    "name", ["ga.ti(1)[x]*+?^$|\\", "gate,1", "7", "my gat\u00e9", "gate__", "gate__x", "a/b#?%", "{gate}"]
)
def test_a_name_is_only_a_name(server: Server, name: str) -> None:
    workflow = server.start({"reference": name, "type": "HUMAN"}, GATE)
    assert server.update("COMPLETED", workflow_id=workflow, reference=name)["task"]["reference_task_name"] == name
    assert server.wait(workflow_id=workflow, reference=[name])[0]["status"] == "COMPLETED"
    server.reached(workflow, "gate")


def test_a_loop(server: Server) -> None:
    loop = {"reference": "rounds", "type": "DO_WHILE", "iterations": 2, "tasks": [GATE]}
    workflow = server.start(loop, AFTER)
    first = server.reached(workflow, "gate__1")
    assert server.update("COMPLETED", {"n": 1}, workflow_id=workflow, reference="gate")["task"]["task_id"] == first
    second = server.reached(workflow, "gate__2")
    newest, oldest, none = server.info(workflow_id=workflow, reference=["gate", "gate__1", "gate__3"])
    assert (newest["task_id"], newest["iteration"], newest["status"]) == (second, 2, "IN_PROGRESS")
    assert (oldest["task_id"], oldest["status"], none["exists"]) == (first, "COMPLETED", False)
    assert server.warnings == []
    assert server.wait(first)[0]["task_id"] == first
    assert (
        failure(lambda: server.wait(workflow_id=workflow, reference=["gate", "rounds"], timeout=0.5)).kind == "timeout"
    )
    server.update("COMPLETED", workflow_id=workflow, reference="gate")
    assert [task["status"] for task in server.wait(workflow_id=workflow, reference=["gate", "rounds"])] == [
        "COMPLETED",
        "COMPLETED",
    ]
    server.reached(workflow, "after")


def test_a_loop_in_a_loop_repeats_its_names(server: Server) -> None:
    inner = {"reference": "inner", "type": "DO_WHILE", "tasks": [GATE]}
    outer = {"reference": "outer", "type": "DO_WHILE", "iterations": 2, "again": "gate", "tasks": [inner]}
    workflow = server.start(outer)
    first = server.reached(workflow, "gate__1")
    server.update("COMPLETED", {"again": True}, workflow_id=workflow, reference="gate")
    second = server.reached(workflow, "gate__1")
    assert first != second
    assert [task["taskId"] for task in server.tasks(workflow, "gate__1")] == [first, second]
    # The gate of the first round is done, and is not the one that is meant.
    (newest,) = server.info(workflow_id=workflow, reference=["gate"])
    assert (newest["task_id"], newest["status"]) == (second, "IN_PROGRESS")
    assert failure(lambda: server.wait(workflow_id=workflow, reference=["gate"], timeout=0.5)).kind == "timeout"
    assert server.wait(first)[0]["task_id"] == first
    done = server.update("COMPLETED", {"round": 2}, workflow_id=workflow, reference="gate")
    assert (done["changed"], done["task"]["task_id"]) == (True, second)
    assert server.ended(workflow)["status"] == "COMPLETED"


def test_a_name_that_only_looks_like_a_loops(server: Server) -> None:
    workflow = server.start({"reference": "gate__1", "type": "HUMAN"}, GATE)
    server.update("COMPLETED", workflow_id=workflow, reference="gate__1")
    gate = server.reached(workflow, "gate")
    assert server.update("COMPLETED", workflow_id=workflow, reference="gate")["task"]["task_id"] == gate
    workflow = server.start({"reference": "gate__1", "type": "HUMAN"}, AFTER, GATE)
    server.update("COMPLETED", workflow_id=workflow, reference="gate__1")
    server.reached(workflow, "after")
    assert server.info(workflow_id=workflow, reference=["gate"])[0]["exists"] is False
    assert failure(lambda: server.wait(workflow_id=workflow, reference=["gate"], timeout=0.5)).kind == "timeout"
    assert failure(lambda: server.update("COMPLETED", workflow_id=workflow, reference="gate")).kind == "not_found"


def test_a_fork(server: Server) -> None:
    branches = [{**GATE, "reference": name} for name in ("a", "b")]
    workflow = server.start(branches, AFTER)
    server.update("COMPLETED", workflow_id=workflow, reference="b")
    half = failure(lambda: server.wait(workflow_id=workflow, reference=["a", "b", "join_1"], timeout=0.5))
    assert [task["status"] for task in half.learnt["tasks"]] == ["IN_PROGRESS", "COMPLETED", "IN_PROGRESS"]
    server.update("COMPLETED", workflow_id=workflow, reference="a")
    assert all(task["successful"] for task in server.wait(workflow_id=workflow, reference=["a", "b", "join_1"]))
    server.reached(workflow, "after")


def test_a_fork_in_a_loop(server: Server) -> None:
    branches = [{**GATE, "reference": name} for name in ("a", "b")]
    workflow = server.start({"reference": "rounds", "type": "DO_WHILE", "iterations": 2, "tasks": [branches]}, AFTER)
    for iteration in (1, 2):
        for name in ("b", "a"):
            server.reached(workflow, f"{name}__{iteration}")
            done = server.update("COMPLETED", workflow_id=workflow, reference=name)["task"]
            assert (done["reference_task_name"], done["iteration"]) == (f"{name}__{iteration}", iteration)
    tasks = server.wait(workflow_id=workflow, reference=["a", "b", "join_1", "rounds"])
    assert [task["reference_task_name"] for task in tasks] == ["a__2", "b__2", "join_1__2", "rounds"]
    server.reached(workflow, "after")


def test_loops_in_a_fork(server: Server) -> None:
    loops = [
        {"reference": f"rounds_{name}", "type": "DO_WHILE", "iterations": 2, "tasks": [{**GATE, "reference": name}]}
        for name in ("a", "b")
    ]
    workflow = server.start(loops, AFTER)
    for name, iteration in (("a", 1), ("a", 2), ("b", 1)):
        server.reached(workflow, f"{name}__{iteration}")
        server.update("COMPLETED", workflow_id=workflow, reference=name)
    server.reached(workflow, "b__2")
    done, open_ = server.info(workflow_id=workflow, reference=["a", "b"])
    assert [(task["iteration"], task["status"]) for task in (done, open_)] == [(2, "COMPLETED"), (2, "IN_PROGRESS")]
    server.update("COMPLETED", workflow_id=workflow, reference="b")
    assert all(task["successful"] for task in server.wait(workflow_id=workflow, reference=["rounds_a", "rounds_b"]))
    server.reached(workflow, "after")


def test_a_task_of_the_same_name_in_another_workflow(server: Server) -> None:
    workflow = server.start({"reference": "sub", "type": "SUB_WORKFLOW", "tasks": [GATE]}, GATE)
    below = until(lambda: server.info(workflow_id=workflow, reference=["sub"])[0]["sub_workflow_id"])
    server.reached(below, "gate")
    assert server.info(workflow_id=workflow, reference=["gate"])[0]["exists"] is False
    assert failure(lambda: server.update("COMPLETED", workflow_id=workflow, reference="gate")).kind == "not_found"
    server.update("COMPLETED", workflow_id=below, reference="gate")
    gate = server.reached(workflow, "gate")
    assert server.update("COMPLETED", workflow_id=workflow, reference="gate")["task"]["task_id"] == gate


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED_WITH_TERMINAL_ERROR"])
def test_a_workflow_within_a_workflow(server: Server, status: str) -> None:
    workflow = server.start({"reference": "sub", "type": "SUB_WORKFLOW", "tasks": [GATE]}, AFTER)
    below = until(lambda: server.info(workflow_id=workflow, reference=["sub"])[0]["sub_workflow_id"])
    server.reached(below, "gate")
    server.update(status, reason="no backup", workflow_id=below, reference="gate")
    if status == "COMPLETED":
        assert server.wait(workflow_id=workflow, reference=["sub"])[0]["status"] == "COMPLETED"
        server.reached(workflow, "after")
    else:
        bad = failure(lambda: server.wait(workflow_id=workflow, reference=["sub"], timeout=60))
        assert "Sub workflow" in bad.message
        assert "no backup" in bad.message
        assert server.ended(workflow)["status"] == "FAILED"


def test_the_end_of_the_workflow_ends_the_wait(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    gate = server.reached(workflow, "gate")
    server.done("DELETE", f"workflow/{workflow}", params={"reason": "Called off."})
    for named in ({"reference": ["gate"], "workflow_id": workflow}, {"reference": ["after"], "workflow_id": workflow}):
        bad = failure(lambda named=named: server.wait(**named))
        assert "TERMINATED: Called off." in bad.message
    canceled = failure(lambda: server.wait(gate, follow_retries=False)).learnt["tasks"][0]
    assert (canceled["status"], canceled["reason"]) == ("CANCELED", None)
    assert failure(lambda: server.update("COMPLETED", task_id=gate)).kind == "conflict"


def test_a_workflow_that_is_removed(server: Server) -> None:
    workflow = server.start(GATE)
    gate = server.reached(workflow, "gate")
    server.done("DELETE", f"workflow/{workflow}")
    server.done("DELETE", f"workflow/{workflow}/remove")
    for named in ({"task_id": gate}, {"workflow_id": workflow, "reference": "gate"}):
        assert failure(lambda named=named: server.update("COMPLETED", **named)).kind == "not_found"
    assert failure(lambda: server.wait(gate)).kind == "not_found"
    assert failure(lambda: server.wait(workflow_id=workflow, reference=["gate"])).kind == "not_found"


def test_a_pause(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    gate = {"workflow_id": workflow, "reference": "gate"}
    server.done("PUT", f"workflow/{workflow}/pause")
    assert server.info(**gate)[0]["workflow_status"] == "PAUSED"
    assert server.update("COMPLETED", **gate)["changed"]
    assert server.wait(**gate)[0]["status"] == "COMPLETED"
    assert server.info(workflow_id=workflow, reference=["after"])[0]["exists"] is False
    server.done("PUT", f"workflow/{workflow}/resume")
    server.reached(workflow, "after")


def test_a_failure_during_a_pause(server: Server) -> None:
    workflow = server.start({**GATE, "retries": 1}, AFTER)
    gate = {"workflow_id": workflow, "reference": "gate"}
    server.done("PUT", f"workflow/{workflow}/pause")
    server.update("FAILED", reason="no", **gate)
    late = failure(lambda: server.wait(timeout=0.5, **gate))
    assert (late.kind, "may still be retried, and its workflow is paused" in late.message) == ("timeout", True)
    server.done("PUT", f"workflow/{workflow}/resume")
    server.reached(workflow, "gate", 1)
    assert server.update("COMPLETED", **gate)["task"]["retry_count"] == 1
    server.reached(workflow, "after")


def test_a_task_that_is_skipped(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    server.done("PUT", f"workflow/{workflow}/skiptask/after", json={})
    (skipped,) = server.wait(workflow_id=workflow, reference=["after"])
    assert (skipped["status"], skipped["seq"], skipped["workflow_type"]) == ("SKIPPED", 0, None)
    strict = failure(lambda: server.wait(workflow_id=workflow, reference=["after"], success_statuses=["COMPLETED"]))
    assert strict.kind == "rejected"
    server.update("COMPLETED", workflow_id=workflow, reference="gate")
    assert server.ended(workflow)["status"] == "COMPLETED"


def test_a_workflow_that_is_retried_by_hand(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    first = server.reached(workflow, "gate")
    server.update("FAILED_WITH_TERMINAL_ERROR", reason="no backup", workflow_id=workflow, reference="gate")
    server.ended(workflow)
    server.done("POST", f"workflow/{workflow}/retry")
    second = server.reached(workflow, "gate", 1)
    (task,) = server.info(workflow_id=workflow, reference=["gate"])
    assert (task["task_id"], task["attempts"], task["reason"]) == (second, [first, second], None)
    assert server.info(first)[0]["superseded"]
    assert failure(lambda: server.wait(first, timeout=0.5)).kind == "timeout"
    server.update("COMPLETED", workflow_id=workflow, reference="gate")
    assert server.wait(first)[0]["task_id"] == second
    server.reached(workflow, "after")


def test_a_workflow_that_runs_again_from_a_task(server: Server) -> None:
    workflow = server.start(GATE, AFTER)
    gate = server.reached(workflow, "gate")
    server.update("COMPLETED", {"a": 1}, workflow_id=workflow, reference="gate")
    after = server.reached(workflow, "after")
    server.update("FAILED_WITH_TERMINAL_ERROR", workflow_id=workflow, reference="after")
    server.ended(workflow)
    server.done("POST", f"workflow/{workflow}/rerun", json={"reRunFromTaskId": gate})
    # The same id is open once more, what came after it is gone.
    assert server.reached(workflow, "gate") == gate
    late = failure(lambda: server.wait(gate, timeout=0.5))
    assert (late.kind, late.learnt["tasks"][0]["terminal"]) == ("timeout", False)
    assert failure(lambda: server.info(after)).kind == "not_found"
    assert server.update("COMPLETED", {"b": 1}, task_id=gate)["task"]["output"] == {"b": 1}
    server.reached(workflow, "after")


def test_a_workflow_that_begins_anew(server: Server) -> None:
    workflow = server.start(GATE)
    first = server.reached(workflow, "gate")
    server.done("DELETE", f"workflow/{workflow}")
    server.done("POST", f"workflow/{workflow}/restart")
    second = server.reached(workflow, "gate")
    assert second != first
    assert failure(lambda: server.info(first)).kind == "not_found"
    server.update("COMPLETED", workflow_id=workflow, reference="gate")
    assert server.wait(workflow_id=workflow, reference=["gate"])[0]["task_id"] == second


@pytest.mark.full
def test_a_wait_with_a_duration(server: Server) -> None:
    workflow = server.start({**WAIT, "duration": 3}, AFTER)
    named = {"workflow_id": workflow, "reference": "wait"}
    # An update leaves its end where it was.
    assert server.update("IN_PROGRESS", {"a": 1}, **named)["task"]["status"] == "IN_PROGRESS"
    (task,) = server.wait(timeout=SWEPT, **named)
    assert (task["status"], task["output"]) == ("COMPLETED", {"a": 1})
    server.reached(workflow, "after")


@pytest.mark.full
@pytest.mark.parametrize("gate", [GATE, WAIT], ids=["HUMAN", "WAIT"])
def test_a_workflow_that_takes_too_long(server: Server, gate: dict[str, Any]) -> None:
    if gate is GATE and not server.traits["human_times_out"]:
        pytest.skip(
            f"Conductor {server.name} does not notice within 240 s that a workflow at a HUMAN task has timed out"
        )
    workflow = server.start(gate, AFTER, timeout=2)
    late = failure(lambda: server.wait(workflow_id=workflow, reference=[gate["reference"]], timeout=SWEPT))
    (task,) = late.learnt["tasks"]
    # Servers store the end of the workflow first, and cancel its tasks then.
    assert task["status"] in ("CANCELED", "IN_PROGRESS")
    assert (late.kind, task["workflow_status"]) == ("rejected", "TIMED_OUT")
    assert "Timeout configured as 2 seconds." in late.message
    never = failure(lambda: server.wait(workflow_id=workflow, reference=["after"]))
    assert (never.kind, never.hint) == (
        "not_found",
        "The workflow ended before it reached the task, or took another path.",
    )


@pytest.mark.full
def test_a_worker_that_keeps_silent(server: Server) -> None:
    workflow = server.start({"reference": "work", "retries": 1, "response_timeout": 1})
    first = server.take(workflow, "work")
    second = server.reached(workflow, "work", 1)
    (old,) = server.info(first)
    assert (old["status"], old["superseded"]) == ("TIMED_OUT", True)
    assert f"responseTimeout: 1 exceeded for the taskId: {first}" in old["reason"]
    assert server.take(workflow, "work", 1) == second
    if not server.traits["times_out_again"]:
        pytest.skip(f"Conductor {server.name} does not notice within 90 s that the last attempt has timed out as well")
    bad = failure(lambda: server.wait(first, timeout=SWEPT))
    assert bad.learnt["tasks"][0]["status"] == "TIMED_OUT"
    assert bad.learnt["tasks"][0]["workflow_status"] == "TIMED_OUT"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "workflow/nothing", None),
        ("GET", "nothing", None),
        ("POST", "token", {}),
        ("POST", "tasks", {"status": "COMPLETED"}),
        ("POST", "tasks", {"workflowInstanceId": "nothing", "taskId": "nothing", "status": "COMPLETED"}),
        ("POST", "tasks", {"workflowInstanceId": "{workflow}", "taskId": "nothing", "status": "COMPLETED"}),
        ("POST", "tasks", {"workflowInstanceId": "{workflow}", "taskId": "{gate}", "status": "DONE"}),
        ("POST", "tasks", "not an object"),
        ("POST", "tasks/{workflow}/other/COMPLETED", {}),
        ("POST", "tasks/{workflow}/other/COMPLETED/sync", {}),
        ("POST", "tasks/{workflow}/gate/DONE", {}),
        ("POST", "workflow/{workflow}/retry", None),
        ("POST", "workflow/{workflow}/restart", None),
        ("POST", "tasks/{workflow}/gate/IN_PROGRESS", {"a": 1}),
        ("POST", "tasks", {"workflowInstanceId": "{workflow}", "taskId": "{gate}", "status": "COMPLETED"}),
        ("POST", "tasks", {"workflowInstanceId": "{workflow}", "taskId": "{gate}", "status": "FAILED"}),
        ("GET", "tasks/{gate}", None),
        ("GET", "workflow/{workflow}", None),
    ],
)
def test_the_double_answers_as_the_server(real_server: Server, method: str, path: str, body: Any) -> None:
    """Status, kind of content and keys; the words only where both have them from the reference."""
    double = Double()
    try:
        ours, theirs = (_answer(each, method, path, body) for each in (double, real_server))
    finally:
        double.stop()
    assert ours == theirs


def _answer(server: Server, method: str, path: str, body: Any) -> tuple[Any, ...]:
    workflow = server.start(GATE, AFTER)
    ids = {"{workflow}": workflow, "{gate}": server.reached(workflow, "gate")}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        for name, known in ids.items():
            value = value.replace(name, known) if isinstance(value, str) else value
        return value

    answer = server.call(method, filled(path), json=filled(body) if body is not None else None)
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    keys = sorted(set(answer.json()) - _DIFFERENT) if kind == "application/json" else bool(answer.text)
    return answer.status_code, kind, keys


# Since some release only, or only where the definition says more than the double's can.
_DIFFERENT = {
    *("executionMetadata", "parentTaskId", "maskedFields", "ownerApp", "createdBy", "updatedBy", "updateTime"),
    *("correlationId", "variables", "history", "idempotencyKey", "rateLimitKey", "rateLimited", "systemMetadata"),
}
