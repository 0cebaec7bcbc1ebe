"""What freezing remembers, and what is done next with a schedule: tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.window import (
    LATE_SECONDS,
    Entry,
    NotAWindow,
    Window,
    freeze_step,
    listed,
    thaw_step,
    time_of,
    window_of,
)

JOB = "00000000-1111-4222-8333-444444444444"
NOW = 1_790_000_000.0
ON, OFF = True, False
SURE, DOUBT = False, True


@pytest.mark.parametrize(
    ("state", "enabled", "in_doubt", "act", "remembered"),
    [
        (None, ON, SURE, "toggle", "freezing"),
        (None, OFF, SURE, "nothing", "untouched"),
        ("untouched", ON, SURE, "toggle", "freezing"),
        ("untouched", OFF, SURE, "nothing", "untouched"),
        ("without schedule", ON, SURE, "toggle", "freezing"),
        ("thawed", ON, SURE, "toggle", "freezing"),
        ("thawed", OFF, SURE, "nothing", "untouched"),
        ("gone", ON, SURE, "toggle", "freezing"),
        ("frozen", OFF, SURE, "nothing", "frozen"),
        # Somebody has enabled it meanwhile.
        ("frozen", ON, SURE, "toggle", "freezing"),
        # A toggle was interrupted. It has arrived, may still arrive, or was never sent.
        ("freezing", OFF, DOUBT, "nothing", "frozen"),
        ("freezing", ON, DOUBT, "look", "freezing"),
        ("freezing", ON, SURE, "toggle", "freezing"),
        ("thawing", ON, DOUBT, "toggle", "freezing"),
        ("thawing", OFF, DOUBT, "look", "thawing"),
        ("thawing", OFF, SURE, "nothing", "frozen"),
    ],
)
def test_freezing(state: str | None, enabled: bool, in_doubt: bool, act: str, remembered: str) -> None:
    step = freeze_step(state, True, enabled, in_doubt)
    assert (step.act, step.state) == (act, remembered)
    assert step.expected is (None if act != "look" else not enabled)


@pytest.mark.parametrize("in_doubt", [SURE, DOUBT])
@pytest.mark.parametrize(
    ("state", "remembered"),
    [
        (None, "without schedule"),
        ("untouched", "without schedule"),
        ("thawed", "without schedule"),
        ("frozen", "frozen"),
        ("freezing", "freezing"),
        ("thawing", "thawing"),
    ],
)
def test_freezing_without_a_schedule_touches_nothing(state: str | None, remembered: str, in_doubt: bool) -> None:
    step = freeze_step(state, False, False, in_doubt)
    assert (step.act, step.state) == ("nothing", remembered)


@pytest.mark.parametrize(
    ("state", "enabled", "in_doubt", "act", "remembered"),
    [
        ("untouched", ON, SURE, "nothing", "untouched"),
        ("untouched", OFF, SURE, "nothing", "untouched"),
        ("without schedule", OFF, SURE, "nothing", "without schedule"),
        ("thawed", OFF, SURE, "nothing", "thawed"),
        ("gone", OFF, SURE, "nothing", "gone"),
        ("frozen", OFF, SURE, "toggle", "thawing"),
        ("frozen", ON, SURE, "nothing", "thawed"),
        ("freezing", OFF, DOUBT, "toggle", "thawing"),
        ("freezing", ON, DOUBT, "look", "freezing"),
        ("freezing", ON, SURE, "nothing", "thawed"),
        ("thawing", ON, DOUBT, "nothing", "thawed"),
        ("thawing", OFF, DOUBT, "look", "thawing"),
        ("thawing", OFF, SURE, "toggle", "thawing"),
    ],
)
def test_thawing(state: str, enabled: bool, in_doubt: bool, act: str, remembered: str) -> None:
    step = thaw_step(state, enabled, in_doubt)
    assert (step.act, step.state) == (act, remembered)


@pytest.mark.parametrize(
    ("state", "since", "left"),
    [
        ("frozen", NOW, 0),
        ("untouched", NOW, 0),
        ("freezing", NOW, LATE_SECONDS),
        ("thawing", NOW - 20, LATE_SECONDS - 20),
        ("freezing", NOW - LATE_SECONDS, 0),
        ("freezing", NOW - 1e6, 0),
        # The clock was set back, or nobody knows.
        ("freezing", NOW + 1e6, LATE_SECONDS),
        ("freezing", None, LATE_SECONDS),
    ],
)
def test_doubt_ends(state: str, since: float | None, left: float) -> None:
    assert Entry("A", None, "agent", True, state, since).doubt(NOW) == left


def test_what_is_stored_is_read_again() -> None:
    entry = Entry("Büro \u0007", "vbr01.example.com", "vm", True, "freezing", NOW + 0.25)
    window = Window("em.example.com:9398", NOW, NOW + 60.5, {JOB: entry})
    assert window_of(json.loads(json.dumps(window.as_content())), 0.0) == window
    assert Window().as_content()["frozen_at"] is None


def test_release_0_2_0_is_read() -> None:
    states = ("untouched", "without schedule", "freezing", "frozen", "thawing", "thawed", "gone")
    jobs = {f"00000000-1111-4222-8333-44444444444{number}": state for number, state in enumerate(states)}
    content = {"jobs": {key: {"name": state, "backup_server": "v", "state": state} for key, state in jobs.items()}}
    window = window_of(content, NOW)
    assert [entry.state for entry in window.jobs.values()] == list(states)
    assert [entry.was_enabled for entry in window.jobs.values()] == [False, None, *[True] * 5]
    assert {entry.since for entry in window.jobs.values()} == {NOW}
    assert {entry.kind for entry in window.jobs.values()} == {"agent"}
    assert (window.em, window.frozen_at, window.expires_at) == (None, None, None)
    assert len(window.owed) == 3


GOOD = {"name": "A", "backup_server": None, "kind": "agent", "was_enabled": True, "state": "frozen", "since": None}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "text",
        17,
        {},
        {"jobs": None},
        {"jobs": [GOOD]},
        {"jobs": {"A": GOOD}},
        {"jobs": {"../../etc": GOOD}},
        {"jobs": {JOB: None}},
        {"jobs": {JOB: "frozen"}},
        *(
            {"jobs": {JOB: {key: value for key, value in GOOD.items() if key != left_out}}}
            for left_out in ("name", "state")
        ),
        {"jobs": {JOB: {**GOOD, "name": 1}}},
        {"jobs": {JOB: {**GOOD, "state": "melted"}}},
        {"jobs": {JOB: {**GOOD, "state": ["frozen"]}}},
        {"jobs": {JOB: {**GOOD, "kind": "nas"}}},
        {"jobs": {JOB: {**GOOD, "kind": {}}}},
        {"jobs": {JOB: {**GOOD, "was_enabled": False}}},
        {"jobs": {JOB: {**GOOD, "was_enabled": "yes"}}},
        {"jobs": {JOB: {**GOOD, "backup_server": {}}}},
        {"jobs": {JOB: {**GOOD, "since": "yesterday"}}},
        {"jobs": {JOB: {**GOOD, "since": 17}}},
        {"jobs": {}, "em": 1},
        {"jobs": {}, "expires_at": "soon"},
        {"jobs": {}, "frozen_at": True},
        {"jobs": {}, "version": 3},
        {"jobs": {}, "version": True},
        {"jobs": {}, "version": "2"},
        {"jobs": {}, "version": 0},
    ],
)
def test_anything_else_is_refused(content: Any) -> None:
    with pytest.raises(NotAWindow):
        window_of(content, NOW)


def test_overdue() -> None:
    assert Window(expires_at=NOW).overdue(NOW)
    assert not Window(expires_at=NOW + 1).overdue(NOW)
    assert not Window().overdue(NOW)
    assert time_of(NOW) == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ([], []),
        (["A", "B, C"], ["A", "B, C"]),
        (["A", " B"], ["A", "B"]),
        (["A\nB\r\nC", ""], ["A", "B", "C"]),
        (["2024"], ["2024"]),
        # What Ansible makes of JSON text.
        (['["A"', ' "B', ' C"]'], ["A", "B, C"]),
        (["[2024", " 7]"], ["2024", "7"]),
        (["[]"], []),
        # Names that only look like it.
        (["[PROD]"], ["[PROD]"]),
        (["[1] Linux", "[2]"], ["[1] Linux", "[2]"]),
        (["[true]"], ["[true]"]),
        (["[null]"], ["[null]"]),
        (['{"A": 1}'], ['{"A": 1}']),
    ],
)
def test_names_however_they_are_given(given: list[str], names: list[str]) -> None:
    assert listed(given) == names
