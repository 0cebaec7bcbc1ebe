"""What servers leave open (em_rest 17), as it goes over the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emsim.timestamps import parse

XMLNS = "{http://www.veeam.com/ent/v1.0}"
RUNNING = {"agent_jobs": [{"name": "A", "machines": [{"name": "m", "duration": 500}], "running": True}]}

Start = Callable[..., Any]


def sessions(client: Any) -> list[dict[str, Any]]:
    page = client.get("query?type=BackupJobSession&format=Entities&sortDesc=CreationTime")
    return list((page["Entities"]["BackupJobSessions"] or {}).get("BackupJobSessions") or [])


def runs(client: Any) -> list[dict[str, Any]]:
    return [each for each in sessions(client) if each["JobType"].lower() != "agentmanagement"]


@pytest.mark.parametrize("nothing", ["0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "1753-01-01T00:00:00Z"])
def test_placeholders(simulate: Start, connect: Start, nothing: str) -> None:
    job = {**RUNNING["agent_jobs"][0], "schedule": {"enabled": False}}
    client = connect(simulate({"agent_jobs": [job], "settings": {"no_date": nothing}})).log_on()
    assert {each["EndTimeUTC"] for each in sessions(client)} == {nothing}
    assert client.get("agents/jobs?format=Entity")["AgentBackupJobs"][0]["NextRun"] == nothing
    root = client.xml("backupSessions?format=Entity")
    assert {each.text for each in root.iter(f"{XMLNS}EndTimeUTC")} == {nothing}


@pytest.mark.parametrize("how", ["before", "ahead"])
def test_ends_that_make_no_sense(simulate: Start, connect: Start, clock: Any, how: str) -> None:
    client = connect(simulate({**RUNNING, "settings": {"no_date": how}})).log_on()
    for each in sessions(client):
        assert each["State"] == "Working"
        created, end = parse(each["CreationTimeUTC"]), parse(each["EndTimeUTC"])
        assert (end < created) if how == "before" else (end > clock.now)


@pytest.mark.parametrize(
    ("flags", "json", "xml"),
    [("text", "true", "true"), ("capital", "True", "True"), ("number", 1, "1"), ("digit", "1", "1")],
)
def test_spellings_of_flags(simulate: Start, connect: Start, flags: str, json: Any, xml: str) -> None:
    client = connect(simulate(RUNNING, settings={"flags": flags})).log_on()
    job = client.get("agents/jobs?format=Entity")["AgentBackupJobs"][0]
    assert (job["ScheduleEnabled"], job["ScheduleConfigured"]) == (json, json)
    root = client.xml("agents/jobs?format=Entity")
    assert next(root.iter(f"{XMLNS}ScheduleEnabled")).text == xml
    task = client.post(f"agents/jobs/{job['UID'].rpartition(':')[2]}?action=stop")
    assert client.xml(f"tasks/{task['TaskId']}").find(f"{XMLNS}Result") is None


def test_numbers_as_text_and_letter_case(simulate: Start, connect: Start) -> None:
    client = connect(simulate(RUNNING, settings={"numbers_as_text": True, "letter_case": "lower"})).log_on()
    page = client.get("query?type=BackupJobSession&format=Entities")
    assert (page["PagingInfo"]["PageNum"], page["PagingInfo"]["PagesCount"]) == ("1", "1")
    shown = page["Entities"]["BackupJobSessions"]["BackupJobSessions"][0]
    assert (shown["State"], shown["JobType"].islower(), isinstance(shown["Progress"], str)) == ("working", True, True)


def test_what_is_left_out(simulate: Start, connect: Start) -> None:
    left = ["ScheduleEnabled", "JobUid", "JobReference"]
    client = connect(simulate(RUNNING, settings={"omit": left})).log_on()
    assert "ScheduleEnabled" not in client.get("agents/jobs?format=Entity")["AgentBackupJobs"][0]
    for each in sessions(client):
        assert "JobUid" not in each
        assert "JobReference" not in {link["Type"] for link in each["Links"]}
    assert not list(client.xml("backupSessions?format=Entity").iter(f"{XMLNS}JobUid"))


def test_a_job_that_was_renamed(simulate: Start, connect: Start, clock: Any) -> None:
    job = {"name": "B", "old_name": "A", "machines": ["m"], "history": [{"ended_ago": 900}]}
    client = connect(simulate({"agent_jobs": [job]})).log_on()
    assert {each["JobName"] for each in sessions(client)} == {"A", "A - m"}
    assert client.send("POST", "/_sim/jobs/B", json={"name": "C"}).status_code == 200
    found = client.get("agents/jobs?format=Entity")["AgentBackupJobs"][0]
    assert found["Name"] == "C"
    client.post(f"agents/jobs/{found['UID'].rpartition(':')[2]}?action=start")
    clock.move(5)
    assert [each["JobName"] for each in runs(client)] == ["C", "A"]
    assert len({each["JobUid"] for each in runs(client)}) == 1


def test_namesakes_and_full_names(simulate: Start, connect: Start) -> None:
    machines = [{"name": "web01", "full_name": "web01.example.com"}, "web01", "WEB01"]
    job = {"name": "A", "machines": machines, "history": [{"ended_ago": 900}]}
    client = connect(simulate({"agent_jobs": [job]})).log_on()
    found = [each for each in sessions(client) if each["JobType"] == "AgentManagement"]
    assert sorted(each["JobName"] for each in found) == ["A - WEB01", "A - web01", "A - web01"]
    assert len({each["UID"] for each in found}) == len({each["JobUid"] for each in found}) == 3
    parts = client.get("backupTaskSessions?format=Entity")["BackupTaskSessions"]
    assert sorted(each["VmDisplayName"] for each in parts) == ["WEB01", "web01", "web01.example.com"]
    assert {each["JobSessionUid"] for each in parts} == {each["UID"] for each in found}


def test_the_service_restarts(simulate: Start, connect: Start, clock: Any) -> None:
    em = simulate(RUNNING, faults=[{"match": {"path": "/api/jobs"}, "fault": "restart", "with": {"seconds": 6}}])
    client = connect(em).log_on()
    for path in ("/api/jobs", "/api/backupSessions", "/api/nonsense"):
        answer = client.send("GET", path)
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (404, "text/html")
    clock.move(6)
    assert client.send("GET", "/api/jobs").status_code == 401
    client.log_on()
    assert client.send("GET", "/api/jobs").status_code == 200


def test_a_copy_job_between_its_intervals(simulate: Start, connect: Start, clock: Any) -> None:
    job = {"name": "C", "type": "BackupCopy", "machines": ["m"], "history": [{"ended_ago": 900}], "stays_idle": True}
    client = connect(simulate({"vm_jobs": [job]})).log_on()
    assert [(each["State"], each["EndTimeUTC"]) for each in sessions(client)] == [("Idle", None)]
    job_id = client.get("jobs?format=Entity")["Jobs"][0]["UID"].rpartition(":")[2]
    client.post(f"jobs/{job_id}?action=sync")
    clock.move(3)
    assert [each["State"] for each in sessions(client)] == ["Working", "Stopped"]
    clock.move(60)
    assert [each["State"] for each in sessions(client)] == ["Idle", "Stopped"]
    client.post(f"jobs/{job_id}?action=stop")
    clock.move(5)
    assert [each["State"] for each in sessions(client)] == ["Stopped", "Stopped"]


def test_every_backup_server_has_its_own_clock(simulate: Start, connect: Start, clock: Any) -> None:
    servers = [{"name": "vbr01"}, {"name": "vbr02", "clock_skew": -300}]
    history = [{"ended_ago": 1000, "duration": 100}]
    jobs = [
        {"name": "A", "machines": ["a"], "history": history},
        {"name": "B", "machines": ["b"], "history": history, "backup_server": "vbr02"},
        {"name": "C", "machines": ["c"], "history": [{**history[0], "dated_ahead": 259200}]},
    ]
    em = simulate({"backup_servers": servers, "agent_jobs": jobs})
    client = connect(em).log_on()
    began = {each["JobName"]: parse(each["CreationTimeUTC"]) for each in runs(client)}
    assert began["A"] - began["B"] == pytest.approx(300, abs=1)
    assert began["C"] - began["A"] == pytest.approx(259200, abs=1)
    assert client.send("GET", "/api/jobs").headers["Date"].endswith("15:06:40 GMT")


def test_characters_that_xml_does_not_allow(simulate: Start, connect: Start) -> None:
    machine = {"name": "m", "result": "Failed", "reason": "a\bb\u00fc"}
    job = {"name": "A", "machines": ["m"], "history": [{"ended_ago": 900, "machines": [machine]}]}
    bad = {"match": {"path": "/api/tasks"}, "fault": "encoding"}
    em = simulate(
        {"agent_jobs": [job]}, settings={"failure_messages": True}, faults=[{**bad, "match": {}, "occurrence": 4}]
    )
    client = connect(em).log_on()
    failures = {each["FailureMessage"] for each in sessions(client)}
    assert "a\bb\u00fc" in failures
    answer = client.send("GET", "/api/backupSessions?format=Entity", headers={"Accept": "application/xml"})
    assert b"a&#x8;b\xc3\xbc" in answer.content
    answer = client.send("GET", "/api/backupSessions?format=Entity")
    assert b"b\xfc" in answer.content


def test_a_run_that_shows_late_together_with_the_next(simulate: Start, connect: Start, clock: Any) -> None:
    job = {
        "name": "A",
        "machines": [{"name": "m", "duration": 5, "result": "Failed"}],
        "start_delay": 0,
        "hidden_for": 20,
    }
    client = connect(simulate({"agent_jobs": [{**job, "started_again": [{"name": "m", "duration": 60}]}]})).log_on()
    job_id = client.get("agents/jobs?format=Entity")["AgentBackupJobs"][0]["UID"].rpartition(":")[2]
    client.post(f"agents/jobs/{job_id}?action=start")
    clock.move(19)
    assert runs(client) == []
    clock.move(2)
    assert [(each["State"], each["Result"]) for each in runs(client)][1] == ("Stopped", "Failed")
    assert runs(client)[0]["State"] == "Working"


def test_answers_about_something_else(simulate: Start, connect: Start, clock: Any) -> None:
    jobs = [
        {"name": name, "machines": ["m"], "history": [{"ended_ago": 900}], "related_link": "other"} for name in "AB"
    ]
    faults = [{"match": {"path": "/api/agents/jobs/*", "method": "GET"}, "fault": "another_resource"}]
    em = simulate({"agent_jobs": jobs}, faults=faults)
    client = connect(em).log_on()
    first = next(job["id"] for job in em.jobs() if job["name"] == "A")
    assert client.get(f"agents/jobs/{first}?format=Entity")["Name"] == "B"
    task = client.post(f"agents/jobs/{first}?action=start")
    clock.move(5)
    related = [link["Href"] for link in client.get(f"tasks/{task['TaskId']}")["Links"] if link["Rel"] == "Related"]
    other = next(job for job in em.jobs() if job["name"] == "B")
    assert other["runs"][-1]["id"] in related[0]


def test_rows_in_another_order(simulate: Start, connect: Start) -> None:
    job = {"name": "A", "machines": ["m"], "history": [{"ended_ago": 900, "repeat": 9}]}
    client = connect(simulate({"agent_jobs": [job]}, settings={"unstable_order": True})).log_on()

    def page() -> list[str]:
        shown = client.get("query?type=BackupJobSession&sortAsc=Name&pageSize=50")["Refs"]["Refs"]
        return [each["UID"] for each in shown]

    first, second = page(), page()
    assert first != second
    assert sorted(first) == sorted(second)


def test_a_job_that_names_folders_and_a_vm_that_two_jobs_name(simulate: Start, connect: Start) -> None:
    jobs = [
        {"name": "A", "containers": ["Production"], "includes": ["vm1"], "machines": ["vm1", "vm2"]},
        {"name": "B", "machines": ["vm1"]},
        {"name": "C", "containers": ["Production"], "machines": ["vm2"]},
    ]
    em = simulate({"vm_jobs": jobs})
    api = connect(em).log_on()
    found = {}
    for job in em.jobs():
        rows = api.get(f"jobs/{job['id']}/includes")["ObjectInJobs"]
        found[job["name"]] = [(row["Name"], row["HierarchyObjRef"]) for row in rows]
        for row in rows:
            assert api.get(f"jobs/{job['id']}/includes/{row['ObjectInJobId']}")["Name"] == row["Name"]
    (vm, folder), (again,), (folder_again,) = found["A"], found["B"], found["C"]
    assert (vm[0], folder[0]) == ("vm1", "Production")
    assert (vm, folder) == (again, folder_again)
    assert vm[1].startswith("urn:VMware:Vm:")
    assert folder[1].startswith("urn:VMware:Folder:")
