"""Names of jobs and of backup servers."""

from __future__ import annotations

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import near_matches, on

NAMES = ["Linux servers", "SQL servers", "Workstations", "Exchange"]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("linux servers", "Linux servers"),
        ("Linux server", "Linux servers"),
        ("Linx srvers", "Linux servers"),
        ("SQL", "SQL servers"),
        ("All Workstations of the office", "Workstations"),
    ],
)
def test_near_matches(name: str, first: str) -> None:
    assert near_matches(name, NAMES)[0] == first


def test_nothing_is_near() -> None:
    assert near_matches("zzz", NAMES) == []
    assert near_matches("Linux", []) == []


def test_near_matches_are_few_and_without_doubles() -> None:
    found = near_matches("job", [f"job {n}" for n in range(30)])
    assert len(found) == len(set(found)) == 5


def test_on() -> None:
    guid = "0a1b2c3d-0000-4000-8000-00000000000f"
    link = {
        "rel": "Up",
        "type": "BackupServerReference",
        "name": "VBR01",
        "href": f"https://em/api/backupServers/{guid}",
    }
    for server in ("vbr01", "VBR01", guid, guid.upper()):
        assert on({"links": [link]}, server)
    assert not on({"links": [link]}, "vbr02")
    assert not on({}, "vbr01")
