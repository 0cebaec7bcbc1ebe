"""Machines of a run: merged, judged, described."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.runs import (
    BACKUP,
    REPLICA,
    bad_machines,
    complete,
    describe,
    earlier,
    kind_of,
    merge_machines,
    unacceptable,
)

RUN = {"id": "run", "job_name": "Linux", "result": "Failed", "failure_message": None}


def child(number: int, name: str, result: Any, message: Any = None, state: str = "Stopped") -> dict[str, Any]:
    return {"id": f"c{number}", "job_name": name, "result": result, "failure_message": message, "state": state}


def part(owner: str, machine: str, result: Any, reason: str = "", state: str = "Completed") -> dict[str, Any]:
    shown = {"machine": machine, "result": result, "reason": reason, "state": state}
    return {"id": f"t-{machine}", "job_session_id": owner, **shown}


def merged(children: list[Any], parts: list[Any]) -> dict[str, tuple[Any, Any, Any]]:
    machines = merge_machines(RUN, children, parts)
    return {m["name"]: (m["result"], m["reason"], m["task_session_id"]) for m in machines}


def test_task_sessions_of_children_belong_to_their_machine() -> None:
    children = [child(1, "Linux - web01", "Success"), child(2, "Linux - sql01", "Failed", "1 of 1 failed.")]
    parts = [part("c1", "web01.example.com", "Success"), part("c2", "SQL01", "Failed", "Disk full.")]
    assert merged(children, parts) == {
        "sql01": ("Failed", "1 of 1 failed.; Disk full.", "t-SQL01"),
        "web01": ("Success", None, "t-web01.example.com"),
    }


def test_task_sessions_of_the_run_are_told_by_name() -> None:
    children = [child(1, "Linux - web01", "Success"), child(2, "Linux - sql01", "Failed")]
    parts = [part("run", "WEB01", "Success"), part("run", "sql01", "Failed", "Disk full.")]
    assert merged(children, parts) == {
        "sql01": ("Failed", "Disk full.", "t-sql01"),
        "web01": ("Success", None, "t-WEB01"),
    }


def test_children_alone_and_task_sessions_alone() -> None:
    assert merged([child(1, "Linux - a", "Warning", "w")], []) == {"a": ("Warning", "w", None)}
    assert merged([], [part("run", "a", "Warning", "w")]) == {"a": ("Warning", "w", "t-a")}
    assert merged([], []) == {}


@pytest.mark.parametrize(
    ("of_child", "of_part", "expected"),
    [
        ("Success", "Failed", "Failed"),
        ("Failed", "Success", "Failed"),
        ("Warning", "Success", "Warning"),
        (None, "Success", None),
        ("Success", None, None),
        (None, None, None),
    ],
)
def test_both_verdicts_count(of_child: Any, of_part: Any, expected: Any) -> None:
    assert merged([child(1, "Linux - a", of_child)], [part("c1", "a", of_part)])["a"][0] == expected


def test_the_same_reason_is_told_once() -> None:
    assert merged([child(1, "Linux - a", "Failed", "Full.")], [part("c1", "a", "Failed", "Full.")])["a"][1] == "Full."


def test_a_machine_whose_job_is_not_named_after_the_run() -> None:
    assert set(merged([child(1, "Other job", "Success"), child(2, "Linux2 - x", "Success")], [])) == {
        "Other job",
        "Linux2 - x",
    }


def test_machines_come_by_name() -> None:
    parts = [part("run", name, "Success") for name in ("b", "C", "a")]
    assert [machine["name"] for machine in merge_machines(RUN, [], parts)] == ["a", "b", "C"]


@pytest.mark.parametrize(
    ("result", "machines", "expected"),
    [
        ("Success", ["Success"], True),
        ("Failed", ["Success", "Failed"], True),
        ("Failed", ["Success"], False),
        ("Success", ["Success", None], False),
        ("Success", [], False),
        (None, ["Success"], False),
        ("Success", ["Failed"], False),
    ],
)
def test_complete(result: Any, machines: list[Any], expected: bool) -> None:
    assert complete({"result": result}, [{"result": each} for each in machines]) is expected


@pytest.mark.parametrize(
    ("result", "failed", "warning"),
    [
        ("Success", False, False),
        ("Warning", False, True),
        ("Failed", True, True),
        (None, True, True),
        ("Odd", True, True),
    ],
)
def test_unacceptable(result: Any, failed: bool, warning: bool) -> None:
    assert unacceptable(result, "failed") is failed
    assert unacceptable(result, "warning") is warning
    assert unacceptable(result, "never") is False
    assert bool(bad_machines([{"result": result}], "failed")) is failed


def test_describe_names_reasons() -> None:
    machines = [
        {"name": "a", "result": "Failed", "reason": "Full."},
        {"name": "b", "result": "Success", "reason": None},
        {"name": "c", "result": None, "reason": None},
    ]
    text = describe(RUN, machines, "failed")
    assert text.startswith("ended Failed: a Failed (Full")
    assert "c has no result" in text
    assert "b" not in text.split(": ", 1)[1]
    assert "disk" in describe(dict(RUN, failure_message="No disk."), [], "failed")
    assert describe(dict(RUN, result="Success"), machines[1:2], "failed") == "ended Success, 1 machine"
    assert describe(dict(RUN, result=None), [], "failed") == "ended without a verdict"


def test_kind_of() -> None:
    assert kind_of("Replica") is kind_of("replica") is REPLICA
    assert {kind_of(name) for name in ("Backup", "AgentBackup", "BackupCopy", "NasBackup", "")} == {BACKUP}


def test_earlier() -> None:
    assert earlier("2026-02-01T01:00:00.5Z", timedelta(hours=2)) == "2026-01-31T23:00:00Z"
    assert earlier(None, timedelta(hours=2)) is None
