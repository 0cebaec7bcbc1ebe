"""Agent jobs: reading, starting, stopping, retrying, toggling (em_rest 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"
NOBODY = "00000000-0000-0000-0000-000000000000"


def test_references_by_default_and_entities_if_asked(api: Any) -> None:
    references = api.get("agents/jobs")["Refs"]
    assert [one["Name"] for one in references] == ["Linux", "Nightly", "Nightly"]
    assert {one["Type"] for one in references} == {"AgentBackupJobReference"}
    assert [link["Type"] for link in references[0]["Links"]] == [
        "BackupServerReference",
        "Job",
        "BackupJobSessionReferenceList",
    ]
    entities = api.get("agents/jobs?format=entity")["AgentBackupJobs"]
    assert [one["JobType"] for one in entities] == ["AgentBackup"] * 3
    assert "Refs" in api.get("agents/jobs?format=Entities")


def test_one_job(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    assert api.get(f"agents/jobs/{job}")["UID"] == f"urn:veeam:AgentBackupJob:{job}"
    entity = api.get(f"agents/jobs/{job}?format=Entity")
    assert entity["ScheduleEnabled"] is True
    assert entity["JobScheduleOptions"]["Standart"]["RetryOptions"]["RetrySpecified1"] is True
    assert entity["JobScheduleOptions"]["Standart"]["OptionsDaily"]["Days"][0] == "Sunday"
    assert entity["JobScheduleOptions"]["Standart"]["OptionsContinuous"]["Schedule"]["Days"][0]["Name"] == "Sunday"
    included = entity["JobInfo"]["Includes"]["ObjectInAgentBackupJobs"]
    assert [one["Name"] for one in included] == ["web01", "web02"]
    rels = {link["Rel"] for link in entity["Links"]}
    assert {"Start", "Stop", "Retry", "ToggleScheduleEnabled", "Up", "Down", "Alternate"} <= rels


def test_one_job_in_xml(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    entity = api.xml(f"agents/jobs/{job_id(em, 'Linux')}?format=Entity")
    assert entity.tag == f"{XMLNS}AgentBackupJob"
    assert entity.findtext(f"{XMLNS}ScheduleEnabled") == "true"
    days = entity.findall(f".//{XMLNS}OptionsDaily/{XMLNS}Days")
    assert len(days) == 7
    assert entity.find(f".//{XMLNS}OptionsDaily").get("Enabled") == "true"
    assert entity.find(f".//{XMLNS}RetrySpecified").text == "true"


def test_hrefs_name_the_servers_own_host(api: Any, simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    assert api.get("agents/jobs")["Refs"][0]["Href"].startswith("https://em.internal.invalid:9398/api/agents/jobs/")
    other = simulate(settings={"href_host": "self"})
    client = connect(other).log_on()
    href = client.get("agents/jobs")["Refs"][0]["Href"]
    assert href.startswith(other.url)
    assert client.send("GET", href).status_code == 200


def test_includes(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    found = api.get(f"agents/jobs/{job}/includes")["ObjectInAgentBackupJobs"]
    one = api.get(f"agents/jobs/{job}/includes/{found[0]['ObjectInJobId']}")
    assert one["Name"] == "web01"
    assert api.xml(f"agents/jobs/{job}/includes").tag == f"{XMLNS}ObjectsInAgentBackupJob"
    api.get(f"agents/jobs/{job}/includes/{NOBODY}", status=404)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_unknown_job(simulate: Callable[..., Any], connect: Callable[..., Any], status: int) -> None:
    client = connect(simulate(settings={"unknown_job_status": status})).log_on()
    client.get(f"agents/jobs/{NOBODY}", status=status)
    client.post(f"agents/jobs/{NOBODY}?action=start", status=status)


def test_id_that_is_no_guid(api: Any) -> None:
    assert api.get("agents/jobs/99999", status=400)["Message"] == " ID 99999 is invalid. Type: Job"


def test_start_takes_effect_once(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    task = api.post(f"agents/jobs/{job}?action=start")
    assert (task["Operation"], task["State"], task["Result"]) == ("StartJob", "Running", None)
    clock.move(1.1)
    done = api.get(f"tasks/{task['TaskId']}")
    assert done["Result"] == {"Message": 'Job "Linux" triggered to start.', "Success": True}
    again = api.post(f"agents/jobs/{job}?action=start")
    clock.move(1.1)
    refused = api.get(f"tasks/{again['TaskId']}")
    assert (refused["State"], refused["Result"]["Success"]) == ("Finished", False)
    assert em.counters()["starts"] == {"Linux": 1}
    assert em.counters()["action_requests"] == {"Linux": 2}
    assert em.counters()["writes"] == 2


@pytest.mark.parametrize(("choice", "status"), [("http_400", 400), ("http_409", 409), ("http_500", 500)])
def test_refusals_as_http_errors(
    simulate: Callable[..., Any], connect: Callable[..., Any], job_id: Callable[..., str], choice: str, status: int
) -> None:
    em = simulate(settings={"start_on_running": choice, "stop_on_idle": choice, "retry_on_success": choice})
    client, job = connect(em).log_on(), job_id(em, "Linux")
    client.post(f"agents/jobs/{job}?action=stop", status=status)
    client.post(f"agents/jobs/{job}?action=retry", status=status)
    client.post(f"agents/jobs/{job}?action=start")
    client.post(f"agents/jobs/{job}?action=start", status=status)
    assert em.counters()["starts"] == {"Linux": 1}


def test_refused_start(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    em.set_job("Linux", refuse_start="The license has expired.")
    task = api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")
    clock.move(0.6)
    assert api.get(f"tasks/{task['TaskId']}")["Result"] == {"Message": "The license has expired.", "Success": False}
    assert em.counters()["starts"] == {}


def test_stop_and_retry(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")
    api.post(f"agents/jobs/{job}?action=start")
    clock.move(5)
    assert api.post(f"agents/jobs/{job}?action=stop")["Operation"] == "StopAgentJob"
    clock.move(5)
    assert api.post(f"agents/jobs/{job}?action=retry")["Operation"] == "RetryAgentJob"
    clock.move(60)
    run = next(one for one in em.jobs() if one["name"] == "Linux")["runs"][-1]
    assert (run["is_retry"], run["result"]) == (True, "Success")
    counters = em.counters()
    assert (counters["stops"], counters["retries"]) == ({"Linux": 1}, {"Linux": 1})


def test_toggle_flips_blindly(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    job = job_id(em, "Linux")

    def shown() -> Any:
        return api.get(f"agents/jobs/{job}?format=Entity")["ScheduleEnabled"]

    assert api.post(f"agents/jobs/{job}?action=toggleScheduleEnabled")["Operation"] == "UpdateJob"
    assert shown() is True
    clock.move(1.1)
    assert shown() is False
    api.post(f"agents/jobs/{job}?action=togglescheduleenabled")
    clock.move(1.1)
    assert shown() is True
    assert em.counters()["toggles"] == {"Linux": 2}


def test_toggle_without_schedule_fails(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    em.set_job("Linux", schedule={"configured": False, "enabled": False})
    task = api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=toggleScheduleEnabled")
    clock.move(2)
    assert api.get(f"tasks/{task['TaskId']}")["Result"]["Success"] is False
    assert em.counters()["toggles"] == {}


def test_related_link(
    simulate: Callable[..., Any], connect: Callable[..., Any], clock: Any, job_id: Callable[..., str]
) -> None:
    em = simulate({"agent_jobs": [{"name": "J", "machines": ["m"], "related_link": "agents"}]})
    client = connect(em).log_on()
    task = client.post(f"agents/jobs/{job_id(em, 'J', 'vbr01.example.com')}?action=start")
    assert [link["Rel"] for link in task["Links"]] == ["Delete"]
    clock.move(1.1)
    links = client.get(f"tasks/{task['TaskId']}")["Links"]
    related = next(link for link in links if link["Rel"] == "Related")
    path = related["Href"].partition("/api/")[2]
    assert path.startswith("agents/backupSessions/")
    client.get(path, status=404)
    clock.move(1)
    assert client.get(path)["JobName"] == "J"
