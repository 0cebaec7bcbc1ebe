"""What the role backup_before_change decides, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._before_change import (
    host_record,
    judge,
    make_plan,
    remember,
)

USE = "now"


def record(host: str, machine: Any = None, jobs: Any = None, use: str = USE) -> dict[str, Any]:
    return host_record(host, use, host if machine is None else machine, jobs or {})


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ("{}", []),
        ({"other": "B"}, []),
        ({"web01": "A"}, ["A"]),
        ({"web01": " A "}, ["A"]),
        ({"web01": 2024}, ["2024"]),
        ({"web01": ["A", 2024, "A"]}, ["A", "2024"]),
        ('{"web01": 2024}', ["2024"]),
        ('{"web01": ["A", "B, C"]}', ["A", "B, C"]),
        ({"web01": "Volume {{ 6 * 7 }}"}, ["Volume {{ 6 * 7 }}"]),
    ],
)
def test_jobs_of_a_host(given: Any, names: list[str]) -> None:
    assert record("web01", jobs=given)["jobs"] == names


def test_a_host_with_a_number_for_a_name() -> None:
    assert record("2024", jobs={2024: "A"})["jobs"] == ["A"]
    assert record("2024", machine=2024)["machine"] == "2024"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"web01": None}, "does not name the job of web01: it holds null"),
        ({"web01": ""}, "does not name the job of web01"),
        ({"web01": []}, "does not name the job of web01"),
        ({"web01": True}, "does not name the job of web01: it holds True"),
        ({"web01": ["A", None]}, "does not name the job of web01"),
        ("nonsense", "is not a dictionary"),
        (["A"], "is not a dictionary"),
    ],
)
def test_jobs_that_are_not_names(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        record("web01", jobs=given)


@pytest.mark.parametrize(
    ("machine", "words"), [(83, "is 83, not a text"), (True, "is True"), ("", "is empty"), ("  ", "is empty")]
)
def test_machines_that_are_not_names(machine: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"backup_before_change_machine of the host web01 {words}"):
        record("web01", machine=machine)


def test_null_is_not_a_machine() -> None:
    with pytest.raises(ValueError, match="is null"):
        host_record("web01", USE, None, {})


def job(name: str) -> dict[str, Any]:
    return {"id": f"id of {name}", "name": name}


def protected(name: str, *jobs: str, known_as: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"name": name, "known_as": list(known_as), "jobs": [job(each) for each in jobs]}


def machine(name: str, result: str | None = "Success", reason: str | None = None) -> dict[str, Any]:
    return {"name": name, "result": result, "reason": reason, "state": "Stopped"}


def row(name: str, *machines: dict[str, Any], action: str = "start", running: bool = False) -> dict[str, Any]:
    session = {"id": f"run of {name}", "running": running}
    return {"job": job(name), "action": action, "session": session, "machines": list(machines), "msg": "It ran."}


def test_only_hosts_that_take_part_count() -> None:
    hosts = [record("web01"), record("sql01", use="before"), record("app01", jobs={"app01": ["A", "B"]})]
    early = make_plan(hosts, "web01", USE, {}, {}, {})
    assert (early["names"], early["machines"], early["due"]) == (["A", "B"], ["web01"], [])
    plan = make_plan(
        hosts,
        "web01",
        USE,
        {"jobs": [job("A"), job("B")]},
        {"machines": [protected("web01", "A"), protected("sql01", "C")]},
        {},
    )
    assert plan["due"] == ["id of A", "id of B"]
    assert set(plan["hosts"]) == {"web01", "app01"}


def test_each_host_on_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="Use strategy: linear"):
        make_plan([record("web01"), record("web02", use="of another host")], "web02", USE, {}, {}, {})


def test_runs_that_were_seen_serve_again() -> None:
    first = make_plan([record("a")], "a", USE, {}, {"machines": [protected("a", "A", "B")]}, {})
    rows = [row("A", machine("a")), row("B", running=True), row("C", action="none")]
    runs = remember({}, first, {"jobs": rows}, {"skipped": True})
    assert set(runs) == {"id of A", "id of B"}
    second = make_plan([record("b")], "b", USE, {}, {"machines": [protected("b", "A", "B", "C")]}, runs)
    assert (second["due"], second["sessions"]) == (["id of C"], ["run of B"])
    waited = {"sessions": [{"id": "run of B", "running": False, "machines": [machine("b")]}]}
    later = remember(runs, second, {}, waited)
    assert (later["id of B"]["running"], later["id of B"]["machines"][0]["name"]) == (False, "b")


def verdict(
    *rows: dict[str, Any],
    jobs: tuple[str, ...] = ("A",),
    fail_on: str = "failed",
    known_as: tuple[str, ...] = (),
    **result: Any,
) -> dict[str, Any]:
    plan = make_plan(
        [record("web01")], "web01", USE, {}, {"machines": [protected("web01", *jobs, known_as=known_as)]}, {}
    )
    return judge("web01", plan, {"jobs": list(rows), **result}, {}, fail_on, 8)


FAILED = {"error": {"kind": "rejected"}, "msg": "The whole failed."}
LATE = {"error": {"kind": "timeout"}, "msg": "Gave up.", "timed_out": True}
VERDICTS = {
    "good": ((row("A", machine("web01")),), {}, True, "Backed up: web01. A: Success."),
    "by the full name": ((row("A", machine("WEB01.example.com")),), {}, True, "Backed up: web01."),
    "another machine": (
        (row("A", machine("web011"), machine("web02")),),
        {},
        False,
        "It is not among the machines of the runs that should have backed it up: A (It ran.)",
    ),
    "as it is known": ((row("A", machine("cmdb-1")),), {"known_as": ("CMDB-1",)}, True, "Backed up"),
    "an equal name wins": (
        (row("A", machine("web01"), machine("web01.other", "Failed")),),
        {},
        True,
        "Backed up",
    ),
    "two that could be meant": (
        (row("A", machine("web01.one"), machine("web01.other", "Failed", "Full.")),),
        FAILED,
        False,
        "A: Failed: Full.",
    ),
    "failed": ((row("A", machine("web01", "Failed", "Full")),), FAILED, False, "web01. A: Failed: Full."),
    "warning": ((row("A", machine("web01", "Warning", "Open.")),), {}, True, "A: Warning: Open."),
    "warning that fails": ((row("A", machine("web01", "Warning")),), {"fail_on": "warning"}, False, "A: Warning."),
    "no verdict": ((row("A", machine("web01", None)),), FAILED, False, "A: no result: its state is Stopped."),
    "done before the run": ((row("A", machine("web01"), running=True),), LATE, True, "Backed up"),
    "not over": (
        (row("A", running=True),),
        LATE,
        False,
        "A: no result: the run had not ended after 8 seconds and continues on the server.",
    ),
    "lost while waiting": ((row("A", running=True),), FAILED, False, "A: no result: The whole failed."),
    "refused": (({**row("A"), "session": None, "msg": "No licence."},), FAILED, False, "A: no result: No licence."),
    "not reached": ((), FAILED, False, "A: no result: The whole failed."),
    "crashed": ((), {"msg": "MODULE FAILURE"}, False, "A: no result: MODULE FAILURE."),
    "one of two failed": (
        (row("A", machine("web01")), row("B", machine("web01", "Failed", "Full."))),
        {"jobs": ("A", "B"), **FAILED},
        False,
        "Not backed up: web01. B: Failed: Full.",
    ),
    "check mode": (({**row("A"), "session": None, "msg": "Would start."},), {}, True, "A: Would start."),
    "check mode of a run": ((row("A", action="attach", running=True),), {}, True, "Check mode: web01 was not"),
    "reused": ((row("A", machine("web01"), action="reuse"),), {}, True, "Backed up"),
    "no job": ((), {"jobs": ()}, True, "Not backed up: web01. No job protects it"),
    "control characters": (
        (row("A", machine("web01", "Failed", "a\nok: [web02]\x1b[2J")),),
        FAILED,
        False,
        "A: Failed: a ok: [web02]\\x1b[2J.",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    rows, options, ok, words = VERDICTS[name]
    got = verdict(*rows, **options)
    assert got["ok"] is ok, got
    assert words in got["msg"]
    # What is let pass though it is not a success is shown.
    assert got["shown"] or (ok and all(each["result"] == "Success" for each in got["result"]))
    if "check" in name or name == "no job":
        assert got["shown"]
        assert got["result"] == []
