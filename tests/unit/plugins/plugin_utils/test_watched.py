"""The summary that the action plugin shows after a wait: bounded, while the result keeps all of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._watched import _summary

MANY = range(50)
TABLE = "\n".join(["job  machine  verdict", *("A    m        Success" for _each in MANY)])


@pytest.mark.parametrize(
    ("result", "where"),
    [
        ({"summary": TABLE, "jobs": [{"machines": []}]}, "jobs[].machines"),
        ({"summary": TABLE, "sessions": [{"machines": []}]}, "sessions[].machines"),
        ({"summary": TABLE, "tasks": []}, "tasks"),
        (
            {
                "summary": "\n".join(f"Backed up: {each}." for each in MANY),
                "machines": [{"verdict": "success"} for _each in MANY],
                "jobs": [{"machines": []}],
            },
            "machines",
        ),
        ({"summary": "\n".join(["Done.", "Memory: x", *(f"{each}: frozen" for each in MANY)]), "jobs": [{}]}, "jobs"),
    ],
    ids=["jobs", "sessions", "tasks", "backup", "maintenance"],
)
def test_a_long_summary_says_where_the_rest_is(result: dict[str, Any], where: str) -> None:
    last = _summary(result)[-1]
    assert last.startswith("50 lines are not shown. In all: 50 ")
    assert last.endswith(f"The result has every line (summary, {where}).")
    assert len(_summary(result)) < 4


def test_a_short_summary_is_shown_as_it_is() -> None:
    assert _summary({"summary": "a\nb", "jobs": []}) == ["a", "b"]
