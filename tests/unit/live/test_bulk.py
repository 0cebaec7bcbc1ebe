"""Many jobs at once, and finding the right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

SERVERS = [{"name": "vbr01.example.com"}, {"name": "vbr02.example.com"}]


def many(count: int, **changes: Any) -> dict[str, Any]:
    machines = [{"name": "m{n}", "count": 3, "duration": 600}]
    return {"agent_jobs": [{"name": f"Job {n:02}", "machines": machines, **changes} for n in range(count)]}


def ticks(it: Em) -> int:
    """How often the client slept, and so polled."""
    return len(it.time.slept)


@pytest.mark.parametrize("by", ["name", "id"])
def test_sixty_jobs_cost_a_bounded_number_of_requests_per_tick(em: Start, by: str) -> None:
    it = em(many(60))
    jobs = it.sim.jobs()
    result = it.jobs(*(job["name"] for job in jobs)) if by == "name" else it.jobs(ids=[job["id"] for job in jobs])
    assert [row["job"]["name"] for row in result["jobs"]] == [job["name"] for job in jobs]
    assert it.counters["starts"] == {job["name"]: 1 for job in jobs}
    assert all(row["session"]["result"] == "Success" for row in result["jobs"])
    assert all([each["name"] for each in row["machines"]] == ["m1", "m2", "m3"] for row in result["jobs"])
    reads = len([each for each in it.sim.requests() if each["method"] == "GET"])
    assert reads <= 20 + 4 * ticks(it)
    assert it.counters["logons"] == 1


def test_the_requests_of_a_tick_do_not_grow_with_the_number_of_jobs(em: Start) -> None:
    cost = {}
    for count in (5, 50):
        it = em(many(count))
        it.jobs(*(job["name"] for job in it.sim.jobs()))
        cost[count] = len([each for each in it.sim.requests() if each["method"] == "GET"])
    # Filters of more names take a few requests more before and after, none in between.
    assert cost[50] <= cost[5] + 15


def test_a_name_on_two_servers_is_ambiguous(em: Start) -> None:
    twins = [{"name": "Nightly", "backup_server": server["name"]} for server in SERVERS]
    it = em({"backup_servers": SERVERS, "agent_jobs": [{"name": "Other"}, *twins]})
    error = it.failure("Other", "Nightly")
    assert error.kind == "ambiguous"
    assert all(server["name"] in error.message for server in SERVERS)
    assert "backup_server" in str(error.hint)
    assert it.counters["writes"] == 0


@pytest.mark.parametrize("give", ["name", "id"])
def test_backup_server_tells_twins_apart(em: Start, give: str) -> None:
    twins = [{"name": "Nightly", "backup_server": server["name"]} for server in SERVERS]
    it = em(
        {
            "backup_servers": [
                {"name": s["name"], "id": f"{n}" * 8 + "-0000-4000-8000-000000000000"} for n, s in enumerate(SERVERS, 1)
            ],
            "agent_jobs": twins,
        }
    )
    server = "vbr02.example.com" if give == "name" else "2" * 8 + "-0000-4000-8000-000000000000"
    result = it.jobs("Nightly", server=server)
    assert result["jobs"][0]["job"]["backup_server"] == "vbr02.example.com"
    started = {job["backup_server"]: len(job["runs"]) for job in it.sim.jobs()}
    assert started == {"vbr01.example.com": 0, "vbr02.example.com": 1}


def test_twins_by_id_keep_their_runs_apart(em: Start) -> None:
    twins = [
        {"name": "Nightly", "backup_server": server["name"], "machines": [{"name": f"m{n}", "result": result}]}
        for n, (server, result) in enumerate(zip(SERVERS, ("Success", "Warning"), strict=True))
    ]
    it = em({"backup_servers": SERVERS, "agent_jobs": twins})
    result = it.jobs(ids=[job["id"] for job in it.sim.jobs()])
    assert [(row["session"]["result"], row["machines"][0]["name"]) for row in result["jobs"]] == [
        ("Success", "m0"),
        ("Warning", "m1"),
    ]


def test_a_job_of_another_server_is_refused(em: Start) -> None:
    it = em({"backup_servers": SERVERS, "agent_jobs": [{"name": "Nightly"}]})
    error = it.failure("Nightly", server="vbr02.example.com")
    assert (error.kind, it.counters["writes"]) == ("not_found", 0)
    assert "vbr01.example.com" in str(error.hint)
    error = it.failure(ids=[it.sim.jobs()[0]["id"]], server="vbr02.example.com")
    assert (error.kind, it.counters["writes"]) == ("usage", 0)


def test_an_unknown_job_lists_near_matches_and_starts_nothing(em: Start, dialect: dict[str, str]) -> None:
    names = ["Linux servers", "SQL servers", "Workstations"]
    it = em({"agent_jobs": [{"name": name} for name in names]}, **dialect)
    error = it.failure("SQL servers", "Linux Server")
    assert error.kind == "not_found"
    assert "Linux Server" in error.message
    assert "Linux servers" in str(error.hint)
    assert it.counters["writes"] == 0


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_unknown_id(em: Start, status: int) -> None:
    it = em({"agent_jobs": [{"name": "A"}], "settings": {"unknown_job_status": status}})
    error = it.failure(ids=[it.sim.jobs()[0]["id"], "00000000-0000-4000-8000-000000000000"])
    assert error.kind == ("server" if status == 500 else "not_found")
    assert it.counters["writes"] == 0


def test_letter_case_and_parts_of_names_do_not_match(em: Start) -> None:
    it = em({"agent_jobs": [{"name": "Linux"}, {"name": "linux servers"}]})
    assert it.failure("linux").kind == "not_found"
    assert it.failure("Linux servers").kind == "not_found"
    assert it.counters["writes"] == 0


def test_a_job_named_twice_is_started_once(em: Start) -> None:
    it = em({"agent_jobs": [{"name": "A"}]})
    assert len(it.jobs("A", "A")["jobs"]) == 1
    assert it.counters["starts"] == {"A": 1}


@pytest.mark.parametrize(
    "name",
    [
        'Servers & "Vault"',
        "a;b,c (d)",
        "100 % + x",
        "B\u00fcro \u2014 \u6771\u4eac \U0001f4be",
        "back\\slash",
        "  two  blanks",
        "a@b - c",
    ],
)
def test_any_name_is_found_and_its_run_too(em: Start, name: str, dialect: dict[str, str]) -> None:
    it = em({"agent_jobs": [{"name": name, "machines": ["m1"]}, {"name": "Other", "machines": ["m2"]}]}, **dialect)
    result = it.jobs(name)
    assert it.counters["starts"] == {name: 1}
    assert result["jobs"][0]["job"]["name"] == name
    assert [each["name"] for each in result["jobs"][0]["machines"]] == ["m1"]
