"""Job sessions and task sessions over HTTP (em_rest 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"


@pytest.fixture
def run(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> dict[str, Any]:
    """A run of the job Linux that has ended: its parent session."""
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=start")
    clock.move(60)
    return api.get(f"agents/jobs/{job}/backupSessions?format=Entity")["BackupJobSessions"][0]


def guid(uid: str) -> str:
    return uid.rpartition(":")[2]


def links(entity: dict[str, Any], rel: str) -> dict[str, str]:
    return {link["Type"]: link["Href"].partition("/api/")[2] for link in entity["Links"] if link["Rel"] == rel}


def test_parent_session(run: dict[str, Any], em: Any, job_id: Callable[..., str]) -> None:
    assert (run["JobType"], run["State"], run["Result"], run["Progress"]) == ("AgentBackup", "Stopped", "Failed", 100)
    assert run["JobUid"] == f"urn:veeam:Job:{job_id(em, 'Linux')}"
    assert run["FailureMessage"] is None
    children = links(run, "Alternate")["BackupJobSessionReferenceList"]
    assert children == f"backupSessions/{guid(run['UID'])}/agentManagementSessions"
    assert run["Name"].startswith("Linux@2025-06-15 15:06:40")


def test_children(run: dict[str, Any], api: Any) -> None:
    path = f"backupSessions/{guid(run['UID'])}/agentManagementSessions"
    assert len(api.get(path)["Refs"]) == 2
    children = api.get(f"{path}?format=Entity")["BackupJobSessions"]
    assert {one["JobName"] for one in children} == {"Linux - web01", "Linux - web02"}
    assert {one["JobType"] for one in children} == {"AgentManagement"}
    assert guid(run["JobUid"]) not in {guid(one["JobUid"]) for one in children}
    parents = [link for one in children for link in one["Links"] if link["Name"] == "Parent session"]
    assert [guid(run["UID"]) in link["Href"] for link in parents] == [True, True]


def test_task_sessions_of_parent_and_child(run: dict[str, Any], api: Any) -> None:
    whole = api.get(f"backupSessions/{guid(run['UID'])}/taskSessions?format=Entity")["BackupTaskSessions"]
    assert {(one["VmDisplayName"], one["Result"], one["Reason"]) for one in whole} == {
        ("web01", "Success", ""),
        ("web02", "Failed", "The disk is full. "),
    }
    owner = guid(whole[0]["JobSessionUid"])
    assert owner != guid(run["UID"])
    assert len(api.get(f"backupSessions/{owner}/taskSessions")["Refs"]) == 1
    one = api.get(f"backupTaskSessions/{guid(whole[0]['UID'])}?format=Entity")
    assert one["JobSessionUid"] == whole[0]["JobSessionUid"]
    assert "VmUid" not in one


def test_task_sessions_that_belong_to_the_parent(
    simulate: Callable[..., Any], connect: Callable[..., Any], clock: Any
) -> None:
    scenario = {"agent_jobs": [{"name": "J", "machines": ["m"], "history": [{"ended_ago": 60}]}]}
    client = connect(simulate(scenario, settings={"task_sessions_of": "parent"})).log_on()
    task = client.get("backupTaskSessions?format=Entity")["BackupTaskSessions"][0]
    parent = next(
        one
        for one in client.get("backupSessions?format=Entity")["BackupJobSessions"]
        if one["JobType"] == "AgentBackup"
    )
    assert task["JobSessionUid"] == parent["UID"]


def test_lists_by_family(run: dict[str, Any], api: Any) -> None:
    def types(path: str) -> set[str]:
        return {one["JobType"] for one in api.get(f"{path}?format=Entity")["BackupJobSessions"]}

    assert types("backupSessions") == {"AgentBackup", "AgentManagement", "Backup", "NasBackup"}
    assert types("agents/backupSessions") == {"AgentBackup", "AgentManagement"}
    assert types("nas/backupSessions") == {"NasBackup"}


def test_running_session_has_no_end(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=start")
    assert not api.get(f"agents/jobs/{job}/backupSessions").get("Refs")
    clock.move(5)
    session = api.get(f"agents/jobs/{job}/backupSessions?format=Entity")["BackupJobSessions"][0]
    assert (session["State"], session["Result"], session["EndTimeUTC"]) == ("Working", "None", None)
    xml = api.xml(f"backupSessions/{guid(session['UID'])}?format=Entity")
    assert xml.find(f"{XMLNS}EndTimeUTC") is None
    assert xml.find(f"{XMLNS}FailureMessage") is None


def test_vm_jobs(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    assert [one["Name"] for one in api.get("jobs")["Refs"]] == ["VMs", "Copy", "Standby"]
    entities = {one["Name"]: one for one in api.get("jobs?format=Entity")["Jobs"]}
    assert {link["Rel"] for link in entities["VMs"]["Links"]} >= {"Start", "Stop", "Retry"}
    assert "Sync" in {link["Rel"] for link in entities["Copy"]["Links"]}
    assert "BackupJobInfo" in entities["VMs"]["JobInfo"]
    copy = job_id(em, "Copy")
    api.post(f"jobs/{copy}?action=start", status=400)
    assert api.post(f"jobs/{copy}?action=sync")["Operation"] == "StartJobSync"
    api.post(f"jobs/{job_id(em, 'VMs')}?action=sync", status=400)
    clock.move(5)
    session = api.get(f"jobs/{copy}/backupSessions?format=Entity")["BackupJobSessions"][0]
    assert (session["JobType"], session["State"]) == ("BackupCopy", "Working")
    stopped = api.post(f"backupSessions/{guid(session['UID'])}?action=stop")
    assert stopped["Operation"] == "StopJobSession"
    clock.move(5)
    assert api.get(f"backupSessions/{guid(session['UID'])}?format=Entity")["State"] == "Stopped"
    assert em.counters()["stops"] == {"Copy": 1}


def test_agent_session_cannot_be_stopped_by_its_address(run: dict[str, Any], api: Any) -> None:
    api.post(f"backupSessions/{guid(run['UID'])}?action=stop", status=400)


def test_vm_task_sessions_have_a_vm_uid(api: Any) -> None:
    tasks = api.get("backupTaskSessions?format=Entity")["BackupTaskSessions"]
    assert any(one.get("VmUid", "").startswith("urn:VMware:Vm:") for one in tasks)


@pytest.mark.parametrize("misspelt", [False, True])
def test_replica_sessions(simulate: Callable[..., Any], connect: Callable[..., Any], misspelt: bool) -> None:
    client = connect(simulate(settings={"misspelt_replica_links": misspelt})).log_on()
    session = client.get("replicaSessions?format=Entity")["ReplicaJobSessions"][0]
    assert session["JobType"] == "Replica"
    path = links(session, "Down")["ReplicaTaskSessionReferenceList"]
    assert path.endswith("/repicaTaskSessions" if misspelt else "/replicaTaskSessions")
    for address in (path, path.replace("/repica", "/replica")):
        tasks = client.get(address)["ReplicaTaskSessions"]
        assert [one["VmDisplayName"] for one in tasks] == ["dc01"]
    one = client.get(f"replicaTaskSessions/{guid(tasks[0]['UID'])}?format=Entity")
    assert (one["JobSessionUid"], "VmUid" in one) == (session["UID"], False)
    client.get(f"backupTaskSessions/{guid(tasks[0]['UID'])}", status=404)
    assert len(client.get("replicaTaskSessions")["Refs"]) == 1


def test_replica_task_sessions_as_references(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    client = connect(simulate(settings={"replica_task_sessions": "references"})).log_on()
    session = client.get("replicaSessions")["Refs"][0]
    assert len(client.get(f"replicaSessions/{guid(session['UID'])}/replicaTaskSessions")["Refs"]) == 1


def test_nas_actions_are_paths(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Shares")
    assert api.get("nas/jobs?format=Entity")["NASJobs"][0]["UID"] == f"urn:veeam:NasJob:{job}"
    assert "/api/agents/jobs/" in api.get("nas/jobs")["Refs"][0]["Href"]
    assert api.post(f"nas/jobs/{job}/start")["Operation"] == "StartNasJob"
    api.post(f"nas/jobs/{job}?action=start", status=400)
    session = api.get("nas/backupSessions?format=Entity")["BackupJobSessions"][0]
    assert session["JobUid"] == f"urn:veeam:Job:{job}"


def test_no_nas_before_v10(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    client = connect(simulate(api_profile="v95u4")).log_on()
    client.get("nas/jobs", status=404)


def test_sessions_that_are_not_there(api: Any) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in ("backupSessions", "replicaSessions", "backupTaskSessions", "replicaTaskSessions"):
        api.get(f"{path}/{nobody}", status=404)
        api.get(f"{path}/7", status=400)
