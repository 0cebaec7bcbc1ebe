"""Filters of the query service."""

from __future__ import annotations

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.query import (
    Condition,
    all_of,
    split,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import USAGE, ApiError

GUID = "0a1b2c3d-0000-4000-8000-00000000000f"


def test_texts() -> None:
    assert Condition.of("Name", "==", "a b").text() == 'Name=="a b"'
    assert Condition.of("Result", "!=", "Success", "Warning").text() == 'Result!="Success";Result!="Warning"'
    assert Condition.of("IsRetry", "==", True).text() == 'IsRetry=="true"'
    assert Condition.of("TotalSize", ">", 5).text() == 'TotalSize>"5"'


def test_all_of_groups_alternatives() -> None:
    one, two = Condition.of("A", "==", "1").text(), Condition.of("B", "==", "2", "3").text()
    assert all_of([one]) == one
    assert all_of([two]) == two
    assert all_of([one, two]) == 'A=="1";(B=="2",B=="3")'


@pytest.mark.parametrize(
    ("value", "portable"),
    [
        ("plain", True),
        ("two words", True),
        ("B\u00fcro \u6771\u4eac \U0001f4be", True),
        ("a & b + c % d # e ? f = g < h > i ' j / k", True),
        ('a "b"', False),
        ("a;b", False),
        ("a,b", False),
        ("(a)", False),
        ("a\\b", False),
        ("a\nb", False),
        ("a\x00b", False),
        ("a\ud800b", False),
        ("", False),
    ],
)
def test_what_the_grammar_can_carry(value: str, portable: bool) -> None:
    condition = Condition.of("Name", "==", value)
    assert condition.portable is portable
    remote, local = split([Condition.of("X", "==", "1"), condition])
    assert (len(remote), len(local)) == ((2, 0) if portable else (1, 1))
    # One value that cannot be carried keeps the others here as well.
    assert Condition.of("Name", "==", "plain", value).portable is portable


@pytest.mark.parametrize(
    ("field", "op"), [("Name", "="), ("Name", "~"), ("Na me", "=="), ('x"', "=="), ("", "=="), ("a;b", "==")]
)
def test_a_condition_that_is_none(field: str, op: str) -> None:
    with pytest.raises(ApiError) as caught:
        Condition.of(field, op, "x")
    assert caught.value.kind == USAGE


ROW = {
    "name": "Alpha; One",
    "is_retry": False,
    "progress": 7,
    "result": "Warning",
    "creation_time_utc": "2026-01-31T22:00:04.5Z",
    "job_uid": f"urn:veeam:Job:{GUID}",
    "links": [
        {"rel": "Up", "type": "BackupServerReference", "name": "vbr01", "href": f"/api/backupServers/{GUID}"},
        {"rel": "Up", "type": "BackupJobSessionReference", "name": "Nightly@2026-01-31 22:00:04", "href": "/x"},
    ],
}


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("Name", "==", "alpha; one", True),
        ("name", "!=", "Alpha; One", False),
        ("Name", "==", "Alpha", False),
        ("IsRetry", "==", "FALSE", True),
        ("Progress", ">=", "7", True),
        ("Progress", "<", "10", True),
        ("Progress", ">", "many", False),
        ("Result", ">", "Success", True),
        ("Result", "<", "Failed", True),
        ("CreationTime", ">=", "2026-01-31T22:00:04Z", True),
        ("CreationTime", "<", "2026-01-31T22:00:04.25Z", False),
        ("CreationTimeUTC", "==", "2026-01-31T23:00:04.500000+01:00", True),
        ("JobUid", "==", GUID.upper(), True),
        ("JobUid", "==", f"urn:veeam:AgentBackupJob:{GUID}", True),
        ("BackupServerName", "==", "VBR01", True),
        ("BackupServerUid", "==", f"urn:veeam:BackupServer:{GUID}", True),
        ("JobName", "==", "nightly", True),
        ("Description", "==", "", True),
        ("Reason", "!=", "x", True),
    ],
)
def test_conditions_that_are_checked_here(field: str, op: str, value: str, expected: bool) -> None:
    assert Condition.of(field, op, value).holds(ROW) is expected


def test_one_of_several_values_suffices() -> None:
    assert Condition.of("Name", "==", "x", "Alpha; One").holds(ROW) is True


def test_a_field_that_is_not_shown() -> None:
    with pytest.raises(ApiError, match="Nonsense") as caught:
        Condition.of("Nonsense", "==", 'a"b').holds(ROW)
    assert caught.value.kind == USAGE
