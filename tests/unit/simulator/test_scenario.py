"""Scenario files: clear errors, defaults, and the scenarios that come with the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from emsim.scenario import BadScenario, load

SCENARIOS = Path(__file__).resolve().parents[2] / "simulator" / "scenarios"


def test_the_smallest() -> None:
    scenario = load(None)
    assert [user.name for user in scenario.users] == ["administrator", "viewer", "restorer"]
    assert scenario.agent_jobs == []


def test_defaults_reach_all_jobs_and_machines_get_a_computer() -> None:
    scenario = load({"defaults": {"start_delay": 0}, "agent_jobs": [{"name": "J", "machines": ["m1", {"name": "m2"}]}]})
    job = scenario.agent_jobs[0]
    assert (job.start_delay, job.includes) == (0, ["m1", "m2"])
    assert [computer.name for computer in scenario.computers] == ["m1", "m2"]


def test_count_makes_many_machines() -> None:
    job = load({"agent_jobs": [{"name": "J", "machines": [{"name": "web{n}", "count": 3}]}]}).agent_jobs[0]
    assert [machine.name for machine in job.machines] == ["web1", "web2", "web3"]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ({"agent_job": []}, ["unknown key 'agent_job'", "agent_jobs"]),
        ({"agent_jobs": [{"machines": []}]}, ["agent_jobs[0]", "name"]),
        ({"agent_jobs": [{"name": "J", "machines": [{"name": "m", "result": "failed"}]}]}, ["result", "'Failed'"]),
        ({"agent_jobs": [{"name": "J", "backup_server": "elsewhere"}]}, ["elsewhere"]),
        ({"settings": {"page_sise": 3}}, ["page_sise", "page_size"]),
        ({"users": ["bob"]}, ["users[0]", "password"]),
    ],
)
def test_mistakes_are_named(scenario: dict, words: list[str]) -> None:
    with pytest.raises(BadScenario) as problem:
        load(scenario)
    for word in words:
        assert word in str(problem.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(BadScenario, match=r"nowhere\.yml"):
        load("nowhere.yml")


def test_demo_is_what_it_says() -> None:
    demo = load(SCENARIOS / "demo.yml")
    machines = [machine for job in demo.agent_jobs for machine in job.machines]
    assert (len(demo.agent_jobs), len(machines)) == (3, 7)
    assert [machine.name for machine in machines if machine.result == "Failed"] == ["sql02.example.com"]


def test_fleet_has_everything() -> None:
    fleet = load(SCENARIOS / "fleet.yml")
    assert len(fleet.backup_servers) == 2
    failing = [machine for job in fleet.agent_jobs for machine in job.machines if machine.result == "Failed"]
    assert len(failing) == 2
    names = [job.name for job in fleet.agent_jobs]
    assert sorted(name for name in names if names.count(name) == 2) == ["Nightly", "Nightly"]
    assert {job.type for job in fleet.vm_jobs} == {"Backup", "BackupCopy", "Replica"}
