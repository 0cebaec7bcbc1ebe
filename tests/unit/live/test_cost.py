"""What a start costs in requests: what the jobs need, whatever else the server has run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.computers import read_computers
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]


def cost(em: Start, jobs: int, runs_of_others: int) -> int:
    others = [
        {
            "name": f"O{n}",
            "machines": ["x"],
            "history": [{"ended_ago": 600, "repeat": runs_of_others // 20, "every": 60}],
        }
        for n in range(20 if runs_of_others else 0)
    ]
    mine = [
        {"name": f"A{n}", "machines": [{"name": f"m{n}", "duration": 4}], "history": [{"ended_ago": 90000}]}
        for n in range(jobs)
    ]
    it = em({"agent_jobs": mine + others})
    it.jobs(*(job["name"] for job in mine))
    return len(it.sim.requests())


def test_one_job_costs_the_same_beside_the_runs_of_others(em: Start) -> None:
    assert abs(cost(em, 1, 2000) - cost(em, 1, 0)) <= 3


@pytest.mark.parametrize(("jobs", "most"), [(1, 28), (10, 42), (100, 140)])
def test_a_request_for_each_start_and_few_besides(em: Start, jobs: int, most: int) -> None:
    assert cost(em, jobs, 400) <= most


@pytest.mark.parametrize("names_compare", [True, False])
def test_a_computer_without_restore_points_costs_no_reading_of_all(em: Start, names_compare: bool) -> None:
    points = [{"computer": "busy", "created_ago": 3600 + 600 * n} for n in range(4000)]
    points.append({"computer": "old", "created_ago": 40 * 86400})
    groups = [{"name": "Group", "computers": ["busy", "old", "never"]}]
    it = em({"protection_groups": groups, "agent_restore_points": points})
    if not names_compare:
        rule = {"match": {"query": "Name>="}, "times": "forever", "fault": "status", "with": {"status": 400}}
        it.sim.add_faults([rule])
    computers = it.call(read_computers, ["busy", "old", "never"], [], True)
    found = {each["name"]: each["last_restore_point"] for each in computers}
    assert found["never"] is None
    assert found["old"]["age_hours"] == pytest.approx(960, abs=0.1)
    assert found["busy"]["age_hours"] == pytest.approx(1, abs=0.1)
    assert len(it.sim.requests()) <= (5 if names_compare else 14)
