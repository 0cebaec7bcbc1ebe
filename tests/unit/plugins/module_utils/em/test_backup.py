"""The verdict of a machine, as a table, and the names of jobs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.backup import (
    Order,
    Part,
    Target,
    jobs_by_machine,
    judge,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError

LATE = "the run was not over after 8 seconds; it continues"


def machine(name: str, result: str | None = "Success", reason: str | None = None) -> dict[str, Any]:
    return {"name": name, "result": result, "reason": reason, "state": "Stopped"}


def part(name: str, *machines: dict[str, Any], session: str | None = "run", **more: Any) -> Part:
    return Part(name, session, machines=machines, **{"said": "It ran.", "why_open": LATE, **more})


def verdict(
    *parts: Part, known_as: tuple[str, ...] = (), fail_on: str = "failed", unprotected: str = "fail"
) -> dict[str, Any]:
    target = Target("web01", known_as, {each.job: each.job for each in parts})
    order = Order(["web01"], fail_on=fail_on, unprotected=unprotected)
    return judge(target, {each.job: each for each in parts}, order)


VERDICTS: dict[str, tuple[tuple[Part, ...], dict[str, Any], str, bool, str]] = {
    "good": ((part("A", machine("web01")),), {}, "success", True, "Backed up: web01. A: Success."),
    "by the full name": ((part("A", machine("WEB01.example.com")),), {}, "success", True, "Backed up: web01."),
    "another machine": (
        (part("A", machine("web011"), machine("web02")),),
        {},
        "failed",
        False,
        "It is not among the machines of the runs that should have backed it up: A (It ran.).",
    ),
    "as it is known": ((part("A", machine("cmdb-1")),), {"known_as": ("CMDB-1",)}, "success", True, "Backed up"),
    "an equal name wins": (
        (part("A", machine("web01"), machine("web01.other", "Failed")),),
        {},
        "success",
        True,
        "Backed up",
    ),
    "two that could be meant": (
        (part("A", machine("web01.one"), machine("web01.other", "Failed", "Full.")),),
        {},
        "failed",
        False,
        "A: Failed: Full.",
    ),
    "failed": ((part("A", machine("web01", "Failed", "Full")),), {}, "failed", False, "web01. A: Failed: Full."),
    "warning": ((part("A", machine("web01", "Warning", "Open.")),), {}, "warning", True, "A: Warning: Open."),
    "warning that fails": (
        (part("A", machine("web01", "Warning")),),
        {"fail_on": "warning"},
        "failed",
        False,
        "A: Warning.",
    ),
    "no verdict": ((part("A", machine("web01", None)),), {}, "failed", False, "A: no result: its state is Stopped."),
    "unknown verdict": ((part("A", machine("web01", "Odd")),), {}, "failed", False, "A: Odd."),
    "done before the run": ((part("A", machine("web01"), running=True),), {}, "success", True, "Backed up"),
    "not over": ((part("A", running=True),), {}, "failed", False, f"A: no result: {LATE}."),
    "its machine is not over": (
        (part("A", machine("web01", None), running=True),),
        {},
        "failed",
        False,
        f"A: no result: {LATE}.",
    ),
    "refused": ((part("A", session=None, said="No licence."),), {}, "failed", False, "A: no result: No licence."),
    "one of two failed": (
        (part("A", machine("web01")), part("B", machine("web01", "Failed", "Full."))),
        {},
        "failed",
        False,
        "Not backed up: web01. B: Failed: Full.",
    ),
    "check mode": (
        (part("A", session=None, predicted=True, said="Would start."),),
        {},
        "predicted",
        True,
        "Check mode: web01 was not backed up. A: Would start.",
    ),
    "no job": ((), {}, "unprotected", False, "No job protects web01."),
    "no job, ignored": (
        (),
        {"unprotected": "ignore"},
        "unprotected",
        True,
        "Not backed up: web01. No job protects it",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    parts, options, expected, ok, words = VERDICTS[name]
    got = verdict(*parts, **options)
    assert (got["verdict"], got["ok"]) == (expected, ok), got
    assert words in got["msg"]
    assert got["jobs"] == [each.job for each in parts]
    if expected in ("unprotected", "predicted"):
        assert got["result"] == []


@pytest.mark.parametrize(
    ("given", "names"), [("A", ["A"]), (2024, ["2024"]), ([" A ", 2024, "A"], ["A", "2024"]), ("B, C", ["B, C"])]
)
def test_names_of_jobs(given: Any, names: list[str]) -> None:
    assert jobs_by_machine({"web01": given, "other": "Z"}, ["web01"]) == {"web01": names}


@pytest.mark.parametrize("given", [None, "", [], True, ["A", None], {"a": 1}])
def test_what_names_no_job(given: Any) -> None:
    with pytest.raises(ApiError, match="jobs does not name the job of web01"):
        jobs_by_machine({"web01": given}, ["web01"])
