"""One payload in XML, PascalCase and camelCase JSON: one object, one record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode, members
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.errors import message_of
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.links import (
    backup_server,
    bare_id,
    links,
    parent_session_id,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.pages import pages

PAYLOADS = Path(__file__).parent / "payloads"
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.xml"))
GUID = "5d1c0a10-7777-4aaa-8bbb-0000000000"


def camel(value: Any) -> Any:
    """The same with the keys of version 13."""
    if isinstance(value, dict):
        return {
            re.sub(r"^[A-Z]+(?![a-z])|^[A-Z]", lambda m: m.group().lower(), key): camel(each)
            for key, each in value.items()
        }
    return [camel(each) for each in value] if isinstance(value, list) else value


def forms(name: str) -> list[bytes]:
    plain = (PAYLOADS / f"{name}.json").read_bytes()
    other = json.dumps(camel(json.loads(plain))).encode()
    return [(PAYLOADS / f"{name}.xml").read_bytes(), plain, b"\xef\xbb\xbf" + plain, other]


def payload(name: str) -> Any:
    return decode(forms(name)[0])


@pytest.mark.parametrize("name", NAMES)
def test_all_forms_are_equal(name: str) -> None:
    xml, *others = [decode(form) for form in forms(name)]
    for other in others:
        # Servers leave nothing out of JSON; what is without meaning is absent after decoding.
        assert other == xml


def test_task() -> None:
    assert model.task(payload("task_finished")) == {
        "id": "task-12",
        "state": "Finished",
        "operation": "StartJob",
        "finished": True,
        "success": True,
        "message": 'Job "R & D" triggered to start.',
        "job_session_id": GUID + "01",
    }


def test_tasks() -> None:
    found = [model.task(each) for each in members(payload("tasks"))]
    assert [(each["id"], each["finished"], each["success"]) for each in found] == [
        ("task-1", False, None),
        ("task-2", True, False),
        ("task-3", False, None),
    ]


def test_agent_job() -> None:
    resource = payload("agent_job")
    record = model.job(resource)
    schedule = record.pop("schedule")
    assert record == {
        "id": GUID + "02",
        "uid": "urn:veeam:AgentBackupJob:5D1C0A10-7777-4AAA-8BBB-000000000002",
        "name": "Datenbanken K\u00f6ln",
        "job_type": "AgentBackup",
        "platform": "AgentForWindows",
        "description": "12",
        "backup_server": "vbr-koeln",
        "schedule_configured": True,
        "schedule_enabled": False,
        "next_run": "2026-03-01T21:30:00Z",
    }
    assert schedule == {
        "retry_options": {"retry_times": 3, "retry_timeout": 10, "retry_specified": True},
        "wait_for_backup_completion": False,
        "options_daily": {
            "kind": "SelectedDays",
            "days": ["Monday", "Friday"],
            "time": "21:30",
            "time_offset_utc": 60,
            "enabled": True,
        },
    }
    (included,) = model.job_objects(resource)
    assert included.pop("id") == GUID + "03"
    assert included == {"name": "007", "display_name": "Agent 007", "type": None, "reference": None}


def test_vm_job() -> None:
    assert model.job(payload("vm_job")) == {
        "id": GUID + "10",
        "uid": f"urn:veeam:Job:{GUID}10",
        "name": "VMs & more",
        "job_type": "Backup",
        "platform": "VMware",
        "description": "",
        "backup_server": "vbr-koeln",
        "schedule_configured": False,
        "schedule_enabled": False,
        "next_run": None,
        "schedule": None,
    }


def test_run() -> None:
    assert model.job_session(payload("run")) == {
        "id": GUID + "11",
        "uid": f"urn:veeam:BackupJobSession:{GUID}11",
        "name": "VMs & more@2026-02-28 20:31:07",
        "job_id": GUID + "10",
        "job_name": "VMs & more",
        "job_type": "Backup",
        "backup_server": "vbr-koeln",
        "parent_session_id": None,
        "state": "Working",
        "result": None,
        "progress": 0,
        "running": True,
        "creation_time": "2026-02-28T20:31:07Z",
        "end_time": None,
        "is_retry": False,
        "failure_message": None,
    }


def test_protection_group_and_restore_point() -> None:
    group = payload("protection_group")
    (down,) = links(group, "Down", "DiscoveredComputerList")
    assert (group["name"], backup_server(group)["name"]) == ("SQL", "vbr-koeln")
    assert down["href"].endswith("/discoveredComputers?format=Entity")
    (point,) = members(payload("restore_points"))
    assert (point["name"], point["creation_time_utc"]) == ("sql01@2026-02-28 20:31:07", "2026-02-28T20:31:07Z")
    assert (bare_id(point["uid"]), point["point_type"]) == (GUID + "12", "Increment")


@pytest.mark.parametrize(("name", "count"), [("query_agent_job", 1), ("query_nothing", 0)])
def test_query_results(name: str, count: int) -> None:
    for form in forms(name):
        (rows,) = pages(lambda query, form=form: decode(form), {}, 100)
        assert [row["name"] for row in rows] == ["Solo"] * count


def test_machine_session() -> None:
    resource = payload("machine_session")
    assert model.job_session(resource) == {
        "id": GUID + "05",
        "uid": f"urn:veeam:BackupJobSession:{GUID}05",
        "name": "A@B - sql01@2026-02-28 20:31:07.5",
        "job_id": GUID + "06",
        "job_name": "A@B - sql01",
        "job_type": "AgentManagement",
        "backup_server": None,
        "parent_session_id": GUID + "07",
        "state": "Stopped",
        "result": "Failed",
        "progress": 100,
        "running": False,
        "creation_time": "2026-02-28T20:31:07.5Z",
        "end_time": "2026-02-28T20:40:00Z",
        "is_retry": True,
        "failure_message": "The host is off.",
    }
    assert parent_session_id(resource) == GUID + "07"


def test_task_session() -> None:
    (resource,) = members(payload("replica_task_sessions"))
    assert model.task_session(resource) == {
        "id": GUID + "08",
        "uid": f"urn:veeam:ReplicaTaskSession:{GUID}08",
        "name": "erp01@2026-02-28 20:31:07",
        "machine": "erp01",
        "job_session_id": GUID + "09",
        "state": "InProgress",
        "result": None,
        "reason": "",
        "total_size": 8589934592000,
        "creation_time": "2026-02-28T20:31:07.123456Z",
        "end_time": None,
    }


def test_computer() -> None:
    assert model.computer(payload("computer")) == {
        "id": GUID + "0b",
        "uid": f"urn:veeam:DiscoveredComputer:{GUID}0b",
        "name": "sql01",
        "backup_server": "vbr-koeln",
        "protection_group": "SQL",
        "protection_group_id": GUID + "0c",
        "host_status": "Online",
        "agent_status": "Installed",
        "agent_version": "6.0",
        "os_version": "Linux",
        "ip_address": "192.0.2.4",
    }


def test_logon_session_and_error() -> None:
    assert payload("logon_session")["user_name"] == "EXAMPLE\\true"
    assert payload("logon_session")["session_id"] == GUID + "0a"
    for form in forms("error"):
        assert message_of(form) == "ID x is invalid. Type: Job"
