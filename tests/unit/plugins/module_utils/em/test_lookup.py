"""Names of jobs, and whose run a session is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import belongs, near_matches, on

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


def session(job_id: str, job_name: str) -> dict[str, Any]:
    return {"job_id": job_id, "job_name": job_name}


def test_a_run_is_told_by_the_id_of_its_job() -> None:
    job = {"id": "a", "name": "Copy", "job_type": "AgentBackup"}
    assert belongs(session("a", "renamed"), job)
    assert not belongs(session("b", "Copy"), job)
    assert not belongs(session("b", "Copy\\worker"), job)


@pytest.mark.parametrize("kind", ["BackupCopy", "ImmediateBackupCopy"])
def test_the_workers_of_a_copy_job_are_its_runs(kind: str) -> None:
    job = {"id": "a", "name": "Copy", "job_type": kind}
    assert belongs(session("b", "Copy\\VM 1"), job)
    assert not belongs(session("b", "Copy 2\\VM 1"), job)
    assert not belongs(session("b", "Copy"), job)


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
