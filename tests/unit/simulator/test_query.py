"""The query service over HTTP (em_rest 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"


@pytest.fixture
def many(simulate: Callable[..., Any], connect: Callable[..., Any]) -> Any:
    """A client of a server with 250 task sessions."""
    jobs = [{"name": "J", "machines": [{"name": "m{n}", "count": 50}], "history": [{"ended_ago": 600, "repeat": 5}]}]
    return connect(simulate({"agent_jobs": jobs})).log_on()


def names(result: dict[str, Any]) -> list[str]:
    return [one["Name"] for one in result["Refs"]["Refs"] or []]


def follow(client: Any, path: str) -> list[str]:
    found: list[str] = []
    while path:
        result = client.get(path)
        found += [one["UID"] for one in result["Refs"]["Refs"]]
        following = [link["Href"] for link in result["PagingInfo"]["Links"] if link["Rel"] == "Next"]
        path = following[0].partition("/api/")[2] if following else ""
    return found


def test_hundred_rows_unless_asked_otherwise(many: Any) -> None:
    first = many.get("query?type=BackupTaskSession&format=Entities")
    assert len(first["Entities"]["BackupTaskSessions"]["BackupTaskSessions"]) == 100
    paging = first["PagingInfo"]
    assert (paging["PageNum"], paging["PageSize"], paging["PagesCount"]) == (1, 100, 3)
    assert [link["Rel"] for link in paging["Links"]] == ["First", "Next", "Last"]
    last = many.get("query?type=BackupTaskSession&page=3")
    assert [link["Rel"] for link in last["PagingInfo"]["Links"]] == ["First", "Last"]
    assert len(last["Refs"]["Refs"]) == 50


def test_pages_hold_every_row_once(many: Any) -> None:
    text = quote('JobName=="J - m1",VmDisplayName!="m2"')
    path = f"query?type=backuptasksession&pageSize=40&sortDesc=CreationTime&filter={text}"
    found = follow(many, path)
    assert len(found) == len(set(found)) == 245


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=x", "page=-1", "page=0"])
def test_bad_paging(many: Any, query: str) -> None:
    many.get(f"query?type=Job&{query}", status=400)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('type=agentbackupjob&filter=NAME=="linux"', ["Linux"]),
        ("type=AgentBackupJob&filter=ScheduleEnabled==true;BackupServerName==vbr02", ["Nightly"]),
        ("type=Job&filter=jobtype==backup,jobtype==REPLICA&sortAsc=name", ["Standby", "VMs"]),
        ("type=Job&sortDesc=Name", ["VMs", "Standby", "Copy"]),
        ("type=Job&filter=(JobType==Backup,JobType==BackupCopy);Name!=VMs", ["Copy"]),
        ("type=NasJob", ["Shares"]),
        ("type=BackupServer&sortAsc=name", ["vbr01", "vbr02"]),
        ("type=AgentProtectionGroup&sortAsc=Name", ["Group 1", "Group 2"]),
        ('type=DiscoveredComputer&filter=ProtectionGroupName=="Group 2"', ["web01"]),
        ("type=DiscoveredComputer&filter=Name==web01", ["web01", "web01"]),
        ("type=Repository", ["Default Backup Repository"]),
        ("type=Replica", []),
        ("type=AgentBackupJob&filter=Name==Nobody", []),
    ],
)
def test_types_filters_and_order(api: Any, query: str, expected: list[str]) -> None:
    assert names(api.get(f"query?{quote(query, safe='=&')}")) == expected


def test_sessions_by_job_time_and_result(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=start")
    clock.move(60)
    text = f'JobUid=="urn:veeam:Job:{job}";CreationTime>="2025-06-15T15:06:39Z";Result>Success'
    result = api.get(f"query?type=BackupJobSession&format=Entities&filter={quote(text)}")
    sessions = result["Entities"]["BackupJobSessions"]["BackupJobSessions"]
    assert [one["JobName"] for one in sessions] == ["Linux"]
    bare = quote(f"JobUid=={job};EndTime>2025-06-15")
    assert len(names(api.get(f"query?type=BackupJobSession&filter={bare}"))) == 1
    newest = api.get("query?type=BackupJobSession&sortDesc=CreationTime&pageSize=1&format=entities")
    assert newest["Entities"]["BackupJobSessions"]["BackupJobSessions"][0]["JobName"].startswith("Linux")


@pytest.mark.parametrize(
    "query",
    [
        "type=Nonsense",
        "",
        "type=BackupJobSession&filter=Progress==100",
        "type=BackupJobSession&filter=Name=x",
        'type=Job&filter=Name=="a',
        "type=DiscoveredComputer&filter=HostStatus==Online",
        "type=BackupJobSession&sortAsc=Progress",
        "type=Job&filter=Name==two words",
    ],
)
def test_bad_queries(api: Any, query: str) -> None:
    api.get(f"query?{quote(query, safe='=&')}", status=400)


def test_raw_ampersand_ends_the_filter(api: Any) -> None:
    api.get('query?type=Job&filter=Name=="a&b"', status=400)
    assert names(api.get('query?type=Job&filter=Name=="a%26b"')) == []


def test_the_odd_wrapper_of_agent_jobs(api: Any) -> None:
    entities = api.get("query?type=AgentBackupJob&format=Entities")["Entities"]
    assert len(entities["AgentBackupJob"]["AgentBackupJobs"]) == 3
    assert {"EnterpiseRoles", "EnterpiseAccounts", "Jobs", "NASJobs"} <= set(entities)
    assert entities["Jobs"] is None


def test_xml(api: Any) -> None:
    result = api.xml("query?type=Job&format=Entities&pageSize=2")
    assert len(result.findall(f"{XMLNS}Entities/{XMLNS}Jobs/{XMLNS}Job")) == 2
    paging = result.find(f"{XMLNS}PagingInfo")
    assert (paging.get("PageNum"), paging.get("PageSize"), paging.get("PagesCount")) == ("1", "2", "2")
    assert [link.get("Rel") for link in paging.iter(f"{XMLNS}Link")] == ["First", "Next", "Last"]
    assert len(api.xml("query?type=Job").findall(f"{XMLNS}Refs/{XMLNS}Ref")) == 3


def test_query_service_lists_ready_made_links(api: Any) -> None:
    for link in api.get("querySvc")["Links"]:
        if link["Rel"] == "Down":
            api.get(link["Href"].partition("/api/")[2])
