"""What verdicts mean for a task, and the words in which runs and machines are shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.verdicts import (
    bad_machines,
    describe,
    resumable,
    standing,
    summary,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._progress import Standing


def session(result: Any, message: Any = None, **more: Any) -> Any:
    times = {"creation_time": "2026-01-31T22:00:00Z", "end_time": "2026-01-31T22:01:05Z"}
    base = {"id": "s", "result": result, "failure_message": message, "state": "Stopped", "running": False}
    return {**base, "progress": 100, **times, **more}


def machine(name: str, result: Any, reason: Any = None, **more: Any) -> Any:
    return {"id": f"id-{name}", "name": name, "result": result, "reason": reason, "state": "Working", **more}


FULL, DONE, SLOW = machine("a", "Failed", "Full. "), machine("b", "Success"), machine("c", None)
WARNED = machine("w", "Warning", "In use")


@pytest.mark.parametrize(
    ("run", "machines", "fail_on", "text"),
    [
        (None, [], "failed", "ended without a verdict"),
        (None, [DONE], "failed", "ended without a verdict"),
        (session(None), [DONE], "failed", "ended without a verdict"),
        (session("Success"), [], "failed", "ended Success"),
        (session("Success"), [DONE], "failed", "ended Success, 1 machine"),
        (session("Success"), [DONE, DONE], "failed", "ended Success, 2 machines"),
        (session("Warning"), [DONE, WARNED], "failed", "ended Warning, 2 machines"),
        # What would fail the task is named.
        (session("Warning"), [DONE, WARNED], "warning", "ended Warning: w Warning (In use)"),
        (session("Warning"), [DONE, WARNED], "never", "ended Warning, 2 machines"),
        (
            session("Failed", "No disk."),
            [FULL, DONE, SLOW],
            "failed",
            "ended Failed: a Failed (Full); c has no result yet",
        ),
        # A failure is described although nothing fails the task.
        (session("Failed"), [FULL], "never", "ended Failed: a Failed (Full)"),
        # The run's own reason, where no machine has one.
        (session("Failed", "No disk."), [DONE], "failed", "ended Failed: No disk"),
        (session("Failed", "No disk.."), [], "failed", "ended Failed: No disk"),
        (session("Failed", "No disk X."), [], "failed", "ended Failed: No disk X"),
        (session("Failed"), [machine("a", "Failed", "No disk X. ")], "failed", "ended Failed: a Failed (No disk X)"),
        (session("Failed", None), [DONE], "failed", "ended Failed, 1 machine"),
        (session("Failed", ""), [], "failed", "ended Failed"),
        (session("Warning", "No disk."), [], "failed", "ended Warning"),
        # A verdict that is not known to be one.
        (session("Odd"), [DONE], "failed", "ended Odd"),
    ],
)
def test_a_sentence_about_a_run(run: Any, machines: Any, fail_on: str, text: str) -> None:
    assert describe(run, machines, fail_on) == text


@pytest.mark.parametrize(
    ("fail_on", "bad"), [("failed", ["Failed", None, "Odd"]), ("warning", ["Failed", "Warning", None, "Odd"])]
)
def test_machines_that_fail_a_task(fail_on: str, bad: list[Any]) -> None:
    machines = [machine(str(result), result) for result in ("Success", "Failed", "Warning", None, "Odd")]
    assert [each["result"] for each in bad_machines(machines, fail_on)] == bad
    assert bad_machines(machines, "never") == []


@pytest.mark.parametrize(
    ("run", "machines", "expected"),
    [
        (
            session(None, running=True, state="Working", progress=40),
            [DONE, SLOW, FULL],
            Standing("A", "working", False, False, 40, 2, 3, {"id-a": "a Failed (Full)"}),
        ),
        # The server has a verdict before the run has ended: it does not count yet.
        (session("Failed", running=True, progress=None), [], Standing("A", "stopped", False, False, None, 0, 0, {})),
        (session("Success"), [DONE, WARNED], Standing("A", "ended Success", True, False, 100, 2, 2, {})),
        (session("Warning"), [], Standing("A", "ended Warning", True, False, 100, 0, 0, {})),
        (session("Failed"), [SLOW], Standing("A", "ended Failed", True, True, 100, 0, 1, {})),
        (session(None), [], Standing("A", "ended without a verdict", True, True, 100, 0, 0, {})),
    ],
)
def test_how_a_run_stands(run: Any, machines: Any, expected: Standing) -> None:
    assert standing("A", run, machines) == expected


@pytest.mark.parametrize(
    ("count", "again"),
    [
        (1, "use veeam_em_job_session_wait, id: [0]"),
        (2, "use veeam_em_job_session_wait, id: [0, 1]"),
        (10, "use veeam_em_job_session_wait, id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"),
        (11, "run this again"),
    ],
)
def test_how_to_continue_a_wait(count: int, again: str) -> None:
    text = resumable([session(None, id=str(number)) for number in range(count)])
    assert text == f"Ctrl-C only ends this wait. The backup continues on the server. To continue waiting, {again}."


def test_the_table_at_the_end() -> None:
    runs = [
        (
            "Linux",
            session("Failed"),
            [
                machine("a", "Failed", "Full.", duration_seconds=59.9),
                machine("b", None, None, duration_seconds=None),
                machine("c", "Success", None, duration_seconds=0.0),
            ],
            "is not shown where there are machines",
        ),
        ("No machines", session("Success"), [], "nothing to back up"),
        ("Running", session(None, end_time=None, state="Working"), [], "continues"),
        ("Not found", None, [], "has no session"),
    ]
    lines = summary(runs).splitlines()
    assert [line.rstrip() for line in lines] == lines
    assert [" ".join(line.split()) for line in lines] == [
        "job machine verdict duration reason",
        "Linux a Failed 59 s Full.",
        "Linux b Working - -",
        "Linux c Success 0 s -",
        "No machines - Success 1 min 5 s nothing to back up",
        "Running - Working - continues",
        "Not found - - - has no session",
    ]
    assert summary([]).split() == ["job", "machine", "verdict", "duration", "reason"]
