"""What the role backup_before_change hands to the module and on to its hosts, as tables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._before_change import (
    FACT,
    host_record,
    make_batch,
    remember,
    verdict_of,
)


def record(host: str, machine: Any = None, jobs: Any = None, uses: int = 0) -> dict[str, Any]:
    return host_record(host, host if machine is None else machine, jobs or {}, {"uses": uses})


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
        ({"web01": None}, "does not name the job of web01: its value is null"),
        ({"web01": ""}, "does not name the job of web01"),
        ({"web01": []}, "does not name the job of web01"),
        ({"web01": True}, "does not name the job of web01: its value is True"),
        ({"web01": ["A", None]}, "does not name the job of web01"),
        ("nonsense", "is neither a dictionary"),
        (["A"], "is neither a dictionary"),
    ],
)
def test_jobs_that_are_not_names(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        record("web01", jobs=given)


@pytest.mark.parametrize(
    ("machine", "words"), [(83, "is 83, not a string"), (True, "is True"), ("", "is empty"), ("  ", "is empty")]
)
def test_machines_that_are_not_names(machine: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"backup_before_change_machine of the host web01 {words}"):
        record("web01", machine=machine)


def test_null_is_not_a_machine() -> None:
    with pytest.raises(ValueError, match="is null"):
        host_record("web01", None, {}, {})


def batch(memory: dict[str, Any], **records: dict[str, Any]) -> dict[str, Any]:
    hostvars = {host: {FACT: each} if each else {} for host, each in records.items()}
    return make_batch(list(records), hostvars, memory)


def test_only_hosts_that_take_part_count() -> None:
    web, sql = record("web01"), record("sql01", uses=1)
    app = record("app01", jobs={"app01": ["A", "B"]})
    assert batch({}, web01=web, sql01=sql, app01=app, new={}) == {
        "machine": ["web01", "app01"],
        "jobs": {"app01": ["A", "B"]},
    }
    assert batch({"uses": 1}, web01=web, sql01=sql) == {"machine": ["sql01"], "jobs": {}}


def test_two_hosts_with_the_same_machine() -> None:
    one = record("one", "box", {"one": "A"})
    two = record("two", "box", {"two": ["B", "A"]})
    assert batch({}, one=one, two=two, three=record("three", "box")) == {
        "machine": ["box"],
        "jobs": {"box": ["A", "B"]},
    }


def test_runs_are_remembered() -> None:
    first = remember({}, {"runs": {"a": "1"}})
    assert remember(first, {"runs": {"b": "2", "a": "3"}}) == {"uses": 2, "runs": {"a": "3", "b": "2"}}
    # A module that failed early tells none.
    assert remember(first, {"failed": True}) == {"uses": 2, "runs": {"a": "1"}}


def test_the_verdict_of_a_host() -> None:
    good = {"name": "a", "verdict": "success", "ok": True, "msg": "Backed up: a.", "jobs": ["A"], "result": []}
    assert verdict_of("a", {"machines": [good], "failed": True}) == good
    lost = verdict_of("b", {"machines": [good], "msg": "No\nlicence."})
    assert (lost["ok"], lost["msg"]) == (False, "Not backed up: b. No licence.")
    assert verdict_of("b", {})["ok"] is False
    assert verdict_of("b", {"skipped": True})["ok"] is False
