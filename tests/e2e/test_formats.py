"""XML, PascalCase and camelCase JSON, and four generations of the server give the same results."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator

Start = Callable[..., Simulator]

FLEET: dict[str, Any] = {
    "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
    "agent_jobs": [
        {
            "name": "R & D <x>",
            "description": " B\u00fcro ",
            "machines": [{"name": "web01"}, {"name": "007", "result": "Failed", "reason": 'Full: "E:" & more. '}],
            "history": [{"ended_ago": 60}, {"ended_ago": 5000, "result": "Warning"}],
        },
        {"name": "true", "backup_server": "vbr02", "schedule": {"configured": False, "enabled": False}},
    ],
    "vm_jobs": [{"name": "Standby", "type": "Replica", "machines": ["v1", "v2"], "history": [{"ended_ago": 60}]}],
    "protection_groups": [{"name": "Web", "computers": ["web01"]}],
    "agent_restore_points": [{"computer": "web01", "created_ago": 60}],
}
OWN: list[dict[str, Any]] = [
    {"veeam_em_job_info": {"include_objects": True}},
    {"veeam_em_protection_info": {"machine": ["WEB01", "007", "v1"], "include_restore_points": True}},
    {"veeam_em_backup": {"machine": ["web01"], "valid_for": 6000, "wait_interval": 0.1}},
    {"veeam_em_job_session_info": {"job_type": ["AgentBackup", "Replica"]}},
    {"veeam_em_backup_task_session_info": {"machine": ["007", "web01"]}},
    {"veeam_em_query_info": {"type": "AgentBackupJob", "sort_by": "Name"}},
    {"veeam_em_query_info": {"type": "Job", "entities": False}},
    {"veeam_em_agent_job": {"name": "R & D <x>", "state": "started", "wait": True, "wait_interval": 0.1}},
]
TASKS = [*samples.rest(OWN), *OWN]
# Ages and durations follow the fractions of seconds in which a simulator started.
_DIFFERING = ("age_hours", "duration_seconds", "links", "href")
DIALECTS = [("v12", "json"), ("v12", "xml"), ("v95u4", "json"), ("v10", "xml"), ("v13", "json")]


def normal(value: Any) -> Any:
    """Without what differs from run to run: ids, times, and the order of what happened at the same time."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in sorted(value.items()) if key not in _DIFFERING}
    if isinstance(value, list):
        return sorted(map(normal, value), key=repr)
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", value)
        value = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>", value)
        return re.sub(r"\b\d+ s +", "<duration> ", value)
    return value


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[Any]]:
    """The results of the tasks above in a dialect, read once."""
    known: dict[tuple[str, str], list[Any]] = {}

    def read(profile: str, spoken: str) -> list[Any]:
        if (profile, spoken) not in known:
            with Simulator(FLEET, api_profile=profile, speed=10) as sim:
                em = Ansible(tmp_path_factory.mktemp("formats")).connected(sim, VEEAM_EM_API_FORMAT=spoken)
                run = em.play(*TASKS[:-1], {**TASKS[-1], "ignore_errors": True})
                assert run.rc == 0, run.output
                assert {each["accept"] for each in sim.requests()} == {f"application/{spoken}"}
                assert sim.counters()["starts"] == {"R & D <x>": 1}
                assert sim.counters()["open_logon_sessions"] == 0
                assert sim.counters().get("foreign_host", 0) == 0
            known[profile, spoken] = run.results
        return known[profile, spoken]

    return read


@pytest.mark.parametrize("spoken", [pytest.param("json", marks=pytest.mark.core_matrix), "xml"])
def test_what_the_results_are(results: Callable[[str, str], list[Any]], spoken: str) -> None:
    found = results("v12", spoken)
    jobs = {job["name"]: job for job in found[0]["jobs"]}
    assert set(jobs) == {"R & D <x>", "true"}
    assert jobs["R & D <x>"]["description"] == " B\u00fcro "
    assert [each["name"] for each in jobs["R & D <x>"]["objects"]] == ["web01", "007"]
    assert jobs["true"]["backup_server"] == "vbr02"
    assert jobs["true"]["schedule_configured"] is False
    assert found[-1]["failed"]
    machines = found[-1]["jobs"][0]["machines"]
    assert [(each["name"], each["result"]) for each in machines] == [("007", "Failed"), ("web01", "Success")]
    assert 'Full: "E:" & more.' in machines[0]["reason"]


# The unit tests below `live` speak all of them.
@pytest.mark.parametrize(
    ("profile", "spoken"),
    [pytest.param(*each, marks=[pytest.mark.full] if each in DIALECTS[3:] else []) for each in DIALECTS[1:]],
)
def test_dialects_agree(results: Callable[[str, str], list[Any]], profile: str, spoken: str) -> None:
    for expected, found in zip(results(*DIALECTS[0]), results(profile, spoken), strict=True):
        assert normal(found) == normal(expected)
