"""Variables of roles that are lists, as playbooks, extra variables and surveys of AWX give them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._backup_report import wishes
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._lists import (
    exclusions,
    hours,
    job_names,
    limits,
    names,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, []),
        ("", []),
        (" \n, ", []),
        ([], []),
        ("[]", []),
        ("A", ["A"]),
        ("A\nB\r\n", ["A", "B"]),
        ("A, B,", ["A", "B"]),
        ("A, B\nC,", ["A", "B", "C"]),
        ("[Prod] A, B", ["[Prod] A", "B"]),
        ("[2024] A", ["[2024] A"]),
        ('["Linux, all", 2024]', ["Linux, all", "2024"]),
        ('["a \\"b\\""]\n', ['a "b"']),
        ("[2024]", ["2024"]),
        ("2024", ["2024"]),
        (2024, ["2024"]),
        ('["A"', ['["A"']),
        (["A ", "B, C", 7], ["A", "B, C", "7"]),
        (["A", None, " ", True, {"name": "B"}], ["A", "", "", "", ""]),
        ('["A", null]', ["A", ""]),
        (True, [""]),
        ({"name": "A"}, [""]),
    ],
)
def test_names_of_jobs(given: Any, expected: list[str]) -> None:
    assert job_names(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, []),
        ("", []),
        ("  \n ", []),
        ([], []),
        ("web*", ["web*"]),
        ("a, b ,,c", ["a", "b", "c"]),
        ("Job A, weekly\nJob B", ["Job A, weekly", "Job B"]),
        ('["a", "b"]', ["a", "b"]),
        ('["a", 7]', ["a", "7"]),
        ("[ab]*", ["[ab]*"]),
        (["x", 2024], ["x", "2024"]),
        (5, ["5"]),
    ],
)
def test_names(given: Any, expected: list[str]) -> None:
    assert names("some_list", given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (True, r"some_list is True\. Set it to a list\."),
        ([None], r"some_list contains null\. Use names or patterns\."),
        ([" "], r"some_list contains ' '\. Use names"),
        ([{"a": 1}], r"some_list contains {'a': 1}\."),
        ('["a" "b"]', "some_list looks like JSON, but is not"),
    ],
)
def test_what_is_no_list_of_names(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        names("some_list", given)


def test_exclusions() -> None:
    reason = {"machine": "spare*", "reason": "Cold spare."}
    assert exclusions("x", ["test01", reason]) == [{"machine": "test01", "reason": "no reason given"}, reason]
    assert exclusions("x", reason) == [reason]
    assert exclusions("x", '[{"machine": "spare*", "reason": "Cold spare."}]') == [reason]
    for wrong in (
        {"name": "a"},
        {"machine": ""},
        {"machine": "a", "why": "b"},
        {"machine": "a", "reason": ["b"]},
        None,
    ):
        with pytest.raises(ValueError, match="Use a name or pattern, or machine and reason"):
            exclusions("x", [wrong])


def test_limits() -> None:
    assert limits("x", [{"machine": "sql*", "hours": "4"}]) == [{"machine": "sql*", "hours": 4.0}]
    assert limits("x", '[{"machine": "sql*", "hours": 0.5}]') == [{"machine": "sql*", "hours": 0.5}]
    for wrong in ("sql*", {"machine": "sql*"}, {"machine": "a", "hours": 0}, {"machine": "a", "hours": 1, "b": 2}):
        with pytest.raises(ValueError, match="Set machine, and hours to a number above 0"):
            limits("x", [wrong])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (26, 26.0),
        ("0.5", 0.5),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("x", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_hours(given: Any, expected: float | None) -> None:
    assert hours(given) == expected


def test_wishes_of_the_report() -> None:
    given: dict[str, Any] = dict.fromkeys(("exclude", "rpo_overrides", "tolerate_warnings", "jobs", "machines", "mode"))
    made = wishes(directory=" /out ", formats="csv\nhtml\ncsv", **given)
    assert (made["directory"], made["jobs"], made["machines"], made["mode"]) == ("/out", [], [], None)
    modes = (0o644, 0, "0640", "u=rw,g=r", "")
    assert [wishes(directory="/", formats="csv", **{**given, "mode": mode})["mode"] for mode in modes] == [
        "0644",
        "0000",
        "0640",
        "u=rw,g=r",
        "",
    ]
    assert [each["file"] for each in made["files"]] == [
        "backup_report.csv",
        "backup_report_runs.csv",
        "backup_report.html",
    ]
    for formats, words in (("pdf", "names pdf, which is not a format. Choose from html"), ([], "is empty")):
        with pytest.raises(ValueError, match=f"backup_report_formats {words}"):
            wishes(directory="/out", formats=formats, **given)
    for directory in (None, "", " ", 7):
        with pytest.raises(ValueError, match="Set it to a directory, or leave the variable out"):
            wishes(directory=directory, formats="html", **given)
    for directory in ("reports", "./reports", "../reports"):
        with pytest.raises(ValueError, match=f"'{directory}', a relative path. Use an absolute path"):
            wishes(directory=directory, formats="html", **given)
