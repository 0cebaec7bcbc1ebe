"""XML of the types that the vendor's 9.5 schema knows validates against it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = Path(os.environ.get("VEEAM_EM_REFERENCE") or ROOT.parent / "shared" / "reference") / "RestAPI-9.5.xsd"
if not SCHEMA.is_file():
    pytest.skip(f"the vendor's schema is not there: no {SCHEMA} (set VEEAM_EM_REFERENCE)", allow_module_level=True)

VALID = [
    ("tasks", "Tasks"),
    ("tasks/task-1", "Task"),
    ("logonSessions", "LogonSessions"),
    ("agents/jobs", "EntityReferences"),
    ("jobs", "EntityReferences"),
    ("backupSessions", "EntityReferences"),
    ("backupServers", "EntityReferences"),
    ("agents/discoveredComputers", "EntityReferences"),
    ("replicaTaskSessions", "EntityReferences"),
    ("replicaTaskSessions?format=Entity", "ReplicaTaskSessions"),
    ("query?type=ReplicaTaskSession&format=Entities", "QueryResult"),
    ("query?type=Job", "QueryResult"),
    ("query?type=Task", "QueryResult"),
    ("querySvc", "QuerySvc"),
]


@pytest.fixture
def check() -> Callable[[bytes], str]:
    """Validate a document; answers the name of its root."""
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed: no schema validation")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))

    def validate(document: bytes) -> str:
        root = etree.fromstring(document)
        schema.assertValid(root)
        return etree.QName(root).localname

    return validate


@pytest.fixture
def read(em: Any, connect: Callable[..., Any], clock: Any, job_id: Callable[..., str]) -> Callable[[str], bytes]:
    """Read XML from a server with a running and an ended run and a task in each state."""
    client = connect(em, accept="application/xml").log_on()
    client.send("POST", f"/api/agents/jobs/{job_id(em, 'Linux')}?action=start")
    clock.move(15)
    client.send("POST", f"/api/jobs/{job_id(em, 'Standby')}?action=start")
    clock.move(0.6)
    client.send("POST", f"/api/jobs/{job_id(em, 'VMs')}?action=start")
    client.send("POST", f"/api/jobs/{job_id(em, 'VMs')}?action=start")
    clock.move(0.1)

    def get(path: str) -> bytes:
        answer = client.send("GET", f"/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.content

    return get


@pytest.mark.parametrize(("path", "root"), VALID)
def test_lists_and_tasks(check: Callable[[bytes], str], read: Callable[[str], bytes], path: str, root: str) -> None:
    assert check(read(path)) == root


def test_logon_session(check: Callable[[bytes], str], em: Any, connect: Callable[..., Any]) -> None:
    client = connect(em, accept="application/xml").log_on()
    answer = client.send("POST", "/api/sessionMngr/?v=latest", auth=("administrator", "emsim"))
    assert check(answer.content) == "LogonSession"
    assert check(client.send("GET", f"/api/logonSessions/{client.session_id}").content) == "LogonSession"


def test_plain_task_sessions(check: Callable[[bytes], str], read: Callable[[str], bytes], em: Any, api: Any) -> None:
    linux = next(job for job in em.jobs() if job["name"] == "Linux")["runs"][-1]["id"]
    assert check(read(f"backupSessions/{linux}/taskSessions?format=Entity")) == "BackupTaskSessions"
    for reference in api.get(f"backupSessions/{linux}/taskSessions")["Refs"]:
        identifier = reference["UID"].rpartition(":")[2]
        assert check(read(f"backupTaskSessions/{identifier}?format=Entity")) == "BackupTaskSession"


def test_replica_task_session(check: Callable[[bytes], str], read: Callable[[str], bytes], api: Any) -> None:
    identifier = api.get("replicaTaskSessions")["Refs"][0]["UID"].rpartition(":")[2]
    assert check(read(f"replicaTaskSessions/{identifier}?format=Entity")) == "ReplicaTaskSession"
