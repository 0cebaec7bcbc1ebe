"""Machines of a run: merged, judged, described."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.machines import (
    complete,
    distinct,
    machine_of,
    merge,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.names import same_machine
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.verdicts import (
    bad_machines,
    describe,
    unacceptable,
)

RUN: Any = {"id": "run", "job_name": "Linux", "result": "Failed", "failure_message": None}


def child(number: int, name: str, result: Any, message: Any = None, state: str = "Stopped") -> Any:
    shown = {"job_name": name, "result": result, "failure_message": message, "state": state}
    return {"id": f"c{number}", "creation_time": None, "end_time": None, **shown}


def part(owner: Any, machine: str, result: Any, reason: str = "", state: str = "Completed") -> Any:
    shown = {"machine": machine, "result": result, "reason": reason, "state": state}
    return {"id": f"t-{machine}", "job_session_id": owner, "creation_time": None, "end_time": None, **shown}


def machine(name: str, result: Any, reason: Any = None) -> Any:
    return {"name": name, "result": result, "reason": reason}


def merged(children: list[Any], parts: list[Any]) -> dict[str, tuple[Any, Any, Any]]:
    machines = merge(RUN, children, parts)
    return {m["name"]: (m["result"], m["reason"], m["task_session_id"]) for m in machines}


def test_task_sessions_of_children_belong_to_their_machine() -> None:
    children = [child(1, "Linux - web01", "Success"), child(2, "Linux - sql01", "Failed", "1 of 1 failed.")]
    parts = [part("c1", "web01.example.com", "Success"), part("c2", "SQL01", "Failed", "Disk full.")]
    assert merged(children, parts) == {
        "sql01": ("Failed", "1 of 1 failed.; Disk full.", "t-SQL01"),
        "web01.example.com": ("Success", None, "t-web01.example.com"),
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


@pytest.mark.parametrize(
    ("job", "machine"),
    [
        ("Linux - web01", "web01"),
        ("Linux - web - 01", "web - 01"),
        ("The name before - web01", "web01"),
        ("Other job", "Other job"),
    ],
)
def test_the_name_of_a_machine_without_a_task_session(job: str, machine: str) -> None:
    assert set(merged([child(1, job, "Success")], [])) == {machine}


def names(children: list[Any], parts: list[Any]) -> list[tuple[str, str, Any]]:
    return [(each["id"], each["name"], each["result"]) for each in merge(RUN, children, parts)]


def test_namesakes_are_two_machines() -> None:
    children = [
        child(1, "Linux - web01", "Failed"),
        child(2, "Linux - web01", "Success"),
        child(3, "Linux - WEB01", "Warning"),
    ]
    expected = [("c1", "web01", "Failed"), ("c2", "web01", "Success"), ("c3", "WEB01", "Warning")]
    assert names(children, []) == expected
    assert names(children, [part("c2", "web01", "Success")]) == expected
    assert names(children, [part("run", "web01", "Success")]) == expected
    assert names([], [part("run", "a", "Failed"), {**part("run", "A", "Success"), "id": "u"}]) == [
        ("t-a", "a", "Failed"),
        ("u", "A", "Success"),
    ]


@pytest.mark.parametrize("owner", ["run", "c1", None])
def test_the_more_specific_name_wins(owner: Any) -> None:
    children = [child(1, "Linux - web01", "Success"), child(2, "Linux - sql01.example.com", "Success")]
    parts = [part(owner, "web01.example.com", "Success"), part("run", "SQL01", "Success")]
    assert names(children, parts) == [("c2", "sql01.example.com", "Success"), ("c1", "web01.example.com", "Success")]


def test_what_cannot_be_joined_stays_apart() -> None:
    """Two children may be meant by the short name: a machine too many, and no Failed one lost."""
    children = [child(1, "Linux - web01.a.com", "Success"), child(2, "Linux - web01.b.com", "Success")]
    assert [each[2] for each in names(children, [part("run", "web01", "Failed")])] == ["Failed", "Success", "Success"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("web01", "WEB01", True),
        ("web01", "web01.example.com", True),
        ("web01.example.com", "web01", True),
        ("web01", "web010", False),
        ("web01.a.com", "web01.b.com", False),
        ("10", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("fe80", "fe80::1", False),
        ("", "web01", False),
    ],
)
def test_same_machine(one: str, other: str, same: bool) -> None:
    assert same_machine(one, other) is same


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [
        (["Full.", "full"], ["Full."]),
        (["Error: Full.", "Full."], ["Error: Full."]),
        (["Full.", "Error: Full."], ["Error: Full."]),
        ([None, "", "Full."], ["Full."]),
        (["Disk full.", "No network."], ["Disk full.", "No network."]),
        (["1 of 2 failed", "1 of 20 failed"], ["1 of 2 failed", "1 of 20 failed"]),
    ],
)
def test_a_reason_is_not_repeated_in_another_wording_of_itself(reasons: Any, kept: list[str]) -> None:
    assert distinct(reasons) == kept


def test_machines_come_by_name() -> None:
    parts = [part("run", name, "Success") for name in ("b", "C", "a")]
    assert [machine["name"] for machine in merge(RUN, [], parts)] == ["a", "b", "C"]


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
    assert complete({**RUN, "result": result}, [machine("m", each) for each in machines]) is expected


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
    assert bool(bad_machines([machine("m", result)], "failed")) is failed


def test_describe_names_reasons() -> None:
    machines = [machine("a", "Failed", "Full."), machine("b", "Success"), machine("c", None)]
    text = describe(RUN, machines, "failed")
    assert text.startswith("ended Failed: a Failed (Full")
    assert "c has no result" in text
    assert "b" not in text.split(": ", 1)[1]
    assert "disk" in describe(dict(RUN, failure_message="No disk."), [], "failed")
    assert describe(dict(RUN, result="Success"), machines[1:2], "failed") == "ended Success, 1 machine"
    assert describe(dict(RUN, result=None), [], "failed") == "ended without a verdict"


BEGAN, ENDED = "2026-01-31T22:00:00Z", "2026-01-31T22:01:05.5Z"


def test_the_whole_record_of_a_machine() -> None:
    mine = {**child(1, "Linux - web01", "Success", "w"), "creation_time": BEGAN, "end_time": ENDED}
    parts = [
        {**part("c1", "web01", "Success"), "id": "t1"},
        {**part("c1", "web01", "Failed", "Full."), "id": "t2"},
        {**part("c1", "web01", "Warning", "In use."), "id": "t3"},
    ]
    alone = {**part("run", "db", "Warning", "", "Idle"), "creation_time": BEGAN, "end_time": ENDED}
    assert merge(RUN, [mine], [*parts, alone]) == [
        {
            "id": "t-db",
            "name": "db",
            "result": "Warning",
            "reason": None,
            "state": "Idle",
            "task_session_id": "t-db",
            "duration_seconds": 65.5,
        },
        {
            "id": "c1",
            "name": "web01",
            "result": "Failed",
            "reason": "w; Full.; In use.",
            "state": "Stopped",
            # Of several, the one with the worst verdict.
            "task_session_id": "t2",
            "duration_seconds": 65.5,
        },
    ]


def test_machines_of_one_name_come_by_id() -> None:
    parts = [{**part("run", name, "Success"), "id": number} for number, name in (("2", "A"), ("1", "a"), ("0", "b"))]
    assert [each["id"] for each in merge(RUN, [], parts)] == ["1", "2", "0"]


@pytest.mark.parametrize(
    ("results", "of_part", "joined"),
    [
        # Of several children of one name, the one that ended alike.
        (("Failed", "Success"), "Success", "c2"),
        (("Success", "Failed"), "Success", "c1"),
        (("Failed", "Failed"), "Success", "c1"),
    ],
)
def test_which_of_two_namesakes_a_task_session_belongs_to(results: Any, of_part: str, joined: str) -> None:
    children = [child(2, "Linux - web01", results[1]), child(1, "Linux - web01", results[0])]
    machines = merge(RUN, children, [part("run", "web01", of_part)])
    assert [each["id"] for each in machines if each["task_session_id"]] == [joined]


def test_an_equal_name_goes_before_a_similar_one() -> None:
    children = [child(1, "Linux - web01.a.com", "Success"), child(2, "Linux - web01", "Success")]
    machines = merge(RUN, children, [part("run", "WEB01", "Success")])
    assert {each["id"]: each["task_session_id"] for each in machines} == {"c1": None, "c2": "t-WEB01"}


def test_a_child_that_has_its_task_session_is_not_given_another() -> None:
    children = [child(1, "Linux - web01", "Success")]
    parts = [{**part("run", "web01", "Failed"), "id": "a"}, {**part("c1", "web01", "Success"), "id": "b"}]
    assert [(each["id"], each["result"]) for each in merge(RUN, children, parts)] == [
        ("a", "Failed"),
        ("c1", "Success"),
    ]


def test_a_child_without_a_dash_takes_the_name_of_its_task_session() -> None:
    assert names([child(1, "Renamed", "Success")], [part("c1", "web01", "Success")]) == [("c1", "web01", "Success")]
    # A name that means another machine is not taken, nor is a shorter one.
    assert names([child(1, "Linux - web01", "Success")], [part("c1", "other.host", "Success")])[0][1] == "web01"
    assert names([child(1, "Linux - web01.a", "Success")], [part("c1", "web01", "Success")])[0][1] == "web01.a"


@pytest.mark.parametrize(
    ("name", "machine"),
    [("Linux - web01", "web01"), ("Linux - a - b", "a - b"), ("Linux - ", "Linux - "), ("X - Y - web01", "web01")],
)
def test_the_machine_in_the_name_of_a_job(name: str, machine: str) -> None:
    assert machine_of(child(1, name, None), RUN) == machine


def test_of_reasons_the_longer_one_is_kept_in_its_place() -> None:
    assert distinct(["a b c", "b", "x"]) == ["a b c", "x"]
    assert distinct(["a b", "x", "c a b d"]) == ["x", "c a b d"]
    assert distinct(["Stra\u00dfe voll", "STRA\u00dfE VOLL!"]) == ["Stra\u00dfe voll"]
    assert distinct([]) == []
