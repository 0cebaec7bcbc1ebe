"""Backup servers, computers, groups, restore points and reports (em_rest 6, 9 and 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"


def guid(uid: str) -> str:
    return uid.rpartition(":")[2]


def test_computer_in_two_groups_is_listed_twice_under_a_wrong_href(api: Any) -> None:
    references = [one for one in api.get("agents/discoveredComputers")["Refs"] if one["Name"] == "web01"]
    assert len(references) == 2
    assert {one["Href"].partition("/api/")[2].split("/")[0] for one in references} == {"backupTaskSessions"}
    one = api.get(f"agents/discoveredComputers/{guid(references[0]['UID'])}?format=Entity")
    assert (one["HostStatus"], one["AgentStatus"]) == ("Online", "Installed")
    assert one["IpAddress"].startswith("192.0.2.")


def test_groups(api: Any) -> None:
    group = api.get("agents/protectionGroups?format=Entity")["AgentProtectionGroups"][0]
    assert group["RescanScheduleEnabled"] is True
    down = next(link["Href"] for link in group["Links"] if link["Rel"] == "Down")
    computers = api.get(down.partition("/api/")[2])["DiscoveredComputers"]
    assert [one["Name"] for one in computers] == ["web01"]
    api.get("agents/protectionGroups/00000000-0000-0000-0000-000000000000/discoveredComputers", status=404)


def test_restore_points_come_from_runs(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    def of(machine: str) -> int:
        points = api.get("agents/agentRestorePoints?format=Entity")["AgentRestorePoints"]
        return len([one for one in points if one["Name"].startswith(f"{machine}@")])

    assert (of("web01"), of("web02"), of("n1")) == (0, 0, 3)
    api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")
    clock.move(60)
    assert (of("web01"), of("web02")) == (1, 0)
    assert len(api.get("agents/restorePoints")["Refs"]) == 4


def test_collect(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    em.set_job("Linux", start_delay=100)
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=start")
    clock.move(3)
    assert not api.get(f"agents/jobs/{job}/backupSessions").get("Refs")
    server = api.get("backupServers")["Refs"][0]
    task = api.post(f"backupServers/{guid(server['UID'])}?action=collect")
    assert task["Operation"] == "CollectingBackupServer"
    clock.move(1)
    assert len(api.get(f"agents/jobs/{job}/backupSessions")["Refs"]) == 1


def test_agents_and_nas_are_links(api: Any) -> None:
    for path in ("agents", "nas"):
        for link in api.get(path)["Links"]:
            api.get(link["Href"].partition("/api/")[2])


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("overview", {"BackupServers", "RunningJobs", "FailedVmLastestStates"}),
        ("job_statistics", {"TotalJobRuns", "WarningsJobRuns", "MaxDurationBackupJobName"}),
        ("vms_overview", {"ProtectedVms", "SourceVmsSize", "SuccessBackupPercents"}),
        ("processed_vms", {"Days"}),
        ("repository", {"Periods", "CapacityPlanningReportLink"}),
    ],
)
def test_reports(api: Any, name: str, keys: set[str]) -> None:
    report = api.get(f"reports/summary/{name}")
    assert keys <= set(report)
    assert api.xml(f"reports/summary/{name}").tag.endswith("ReportFrame")
    paths = [link["Href"].partition("/api/")[2] for link in api.get("reports/summary")["Links"]]
    assert f"reports/summary/{name}" in paths


def test_report_counts(api: Any) -> None:
    statistics = api.get("reports/summary/job_statistics")
    assert (statistics["TotalJobRuns"], statistics["FailedJobRuns"]) == (4, 0)
    overview = api.get("reports/summary/overview")
    assert (overview["BackupServers"], overview["SuccessfulVmLastestStates"]) == (2, 2)
    assert api.get("reports/summary/processed_vms")["Days"][0]["BackupedVms"] == 2
