"""What a start costs in requests: what the jobs need, whatever else the server has run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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
