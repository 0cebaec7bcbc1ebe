"""The report as it is read from a server: in every dialect, with few requests, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.report_reader import read_report
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

HOUR = 3600
DAY = 24 * HOUR
OPTIONS = {"hours": 24.0, "kind": "any", "host": "em.example.com"} | dict.fromkeys(
    ("name", "backup_server", "machine", "rpo_hours", "rpo_overrides", "exclude", "tolerate_warnings")
)
FLEET: dict[str, Any] = {
    "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
    "protection_groups": [{"name": "Web", "computers": ["web01.example.com", "web02.example.com"]}],
    "computers": [{"name": "spare01"}],
    "agent_jobs": [
        {
            "name": "Web servers",
            "includes": ["Web"],
            "machines": ["web01.example.com", "web02.example.com"],
            "history": [
                {
                    "ended_ago": 2 * HOUR,
                    "retry": True,
                    "machines": [{"name": "web02.example.com", "result": "Success"}],
                },
                {
                    "ended_ago": 4 * HOUR,
                    "machines": [
                        {"name": "web01.example.com"},
                        {"name": "web02.example.com", "result": "Failed", "reason": "The disk is full."},
                    ],
                },
            ],
        },
        {
            "name": "Databases",
            "machines": ["sql01"],
            "history": [
                # It is off: no task session tells of it.
                {
                    "ended_ago": 3 * HOUR,
                    "machines": [{"name": "sql01", "result": "Failed", "task_session": False}],
                },
                {"ended_ago": 9 * DAY},
            ],
        },
        {"name": "New", "machines": ["new01"]},
    ],
    "vm_jobs": [
        {
            "name": "VMs",
            "backup_server": "vbr02",
            "machines": ["dc01"],
            "history": [{"ended_ago": 40 * HOUR, "machines": [{"name": "dc01", "result": "Warning"}]}],
        },
        {"name": "Standby", "type": "Replica", "machines": ["erp01"], "history": [{"ended_ago": HOUR}]},
        {"name": "Now", "machines": [{"name": "big01", "duration": 9000}], "running": True},
    ],
}


def report(it: Em, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = it.call(read_report, {**OPTIONS, **options})
    return result


def test_a_morning(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    shown = report(it, rpo_hours=26)
    totals = shown["totals"]
    assert {
        name: totals[name] for name in ("jobs", "runs", "success", "warning", "failed", "running", "never_run")
    } == {
        "jobs": 6,
        "runs": 5,
        "success": 2,
        "warning": 0,
        "failed": 2,
        "running": 1,
        "never_run": 1,
    }
    assert [(each["machine"], each["recovered_by"], each["reason"]) for each in shown["failures"]] == [
        ("sql01", None, None),
        ("web02.example.com", "retry", "The disk is full."),
    ]
    assert [each["job"] for each in shown["running"]] == ["Now"]
    # sql01 has had a good backup 9 days ago, before the period; new01 and big01 never.
    breaches = {each["machine"]: (each["why"], each["age_hours"]) for each in shown["rpo_breaches"]}
    assert breaches == {
        "sql01": ("too_old", 216.0),
        "dc01": ("too_old", 40.0),
        "new01": ("never", None),
        "big01": ("never", None),
        "spare01": ("unprotected", None),
        "erp01": ("unprotected", None),
    }
    assert {each["machine"] for each in shown["unprotected"]} == {"spare01", "erp01"}
    assert (shown["em"], it.warnings) == ("em.example.com", [])
    web02 = next(each for each in shown["machines"] if each["name"] == "web02.example.com")
    assert (web02["last"]["result"], web02["last"]["is_retry"], web02["last"]["age_hours"]) == ("Success", True, 2.0)
    assert web02["last"]["size"] == 50 << 30
    assert it.sim.counters().get("writes", 0) == 0


@pytest.mark.parametrize(
    ("options", "machines", "jobs"),
    [
        ({"machine": ["web01"]}, ["web01.example.com"], ["Web servers"]),
        ({"machine": ["sql*", "dc*"]}, ["dc01", "sql01"], ["Databases", "VMs"]),
        ({"kind": "vm"}, ["big01", "dc01", "erp01"], ["Now", "Standby", "VMs"]),
        (
            {"kind": "agent"},
            ["new01", "sql01", "web01.example.com", "web02.example.com"],
            ["Databases", "New", "Web servers"],
        ),
        ({"backup_server": "VBR02"}, ["dc01"], ["VMs"]),
        ({"name": ["VMs"]}, ["dc01"], ["VMs"]),
    ],
)
def test_selections(em: Start, options: dict[str, Any], machines: list[str], jobs: list[str]) -> None:
    shown = report(em(FLEET), **options)
    assert [each["name"] for each in shown["machines"]] == machines
    assert [each["name"] for each in shown["jobs"]] == jobs


def test_a_job_reported_by_name_shows_the_machines_that_it_never_backed_up(em: Start) -> None:
    groups = [{"name": "New", "computers": ["new01"]}, {"name": "Other", "computers": ["other01"]}]
    jobs = [{"name": name, "includes": [name], "machines": [f"{name.lower()}01"]} for name in ("New", "Other")]
    it = em(
        {
            "protection_groups": groups,
            "computers": [{"name": "spare01"}],
            "agent_jobs": jobs,
            "vm_jobs": [{"name": "VMs", "machines": ["dc01"]}],
        }
    )
    shown = report(it, name=["New"], rpo_hours=26)
    assert [(each["machine"], each["why"]) for each in shown["rpo_breaches"]] == [("new01", "never")]
    assert ([each["name"] for each in shown["machines"]], shown["unprotected"]) == (["new01"], [])
    assert report(it, name=["VMs"])["totals"]["machines"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": ["Web server"]}, "There is no job called 'Web server'"),
        ({"backup_server": "vbr03"}, "There is no backup server vbr03"),
    ],
)
def test_what_is_not_there(em: Start, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said) as error:
        report(em(FLEET), **options)
    assert error.value.kind == "not_found"


def test_an_empty_server(em: Start, dialect: dict[str, str]) -> None:
    shown = report(em(None, **dialect), rpo_hours=24, machine=["web01"])
    assert set(shown["totals"].values()) == {0, 1}
    assert [each["why"] for each in shown["rpo_breaches"]] == ["unprotected"]
    assert set(report(em(None))["totals"].values()) == {0}


@pytest.mark.parametrize("family", ["agent_jobs", "vm_jobs"])
def test_a_run_that_began_before_the_period_keeps_its_machines(em: Start, family: str) -> None:
    # It began 30 hours ago and ended 10 hours ago; its first machine failed before the period.
    machines = [{"name": "m1", "result": "Failed", "duration": 60}, {"name": "m2", "duration": 72000}]
    past = {"ended_ago": 10 * HOUR, "duration": 20 * HOUR, "machines": machines}
    # All have a good backup since, so that nothing else asks for what is older.
    history = [{"ended_ago": HOUR}, past]
    it = em({family: [{"name": "Long", "machines": ["m1", "m2"], "history": history}]})
    shown = report(it)
    assert [(each["machine"], each["recovered_by"]) for each in shown["failures"]] == [("m1", "run")]
    assert shown["totals"]["runs"] == 2


def test_runs_that_show_no_machines_are_asked_for_their_lists(em: Start) -> None:
    settings = {"omit": ["BackupJobSessionReference"], "task_sessions_of": "child"}
    it = em({**FLEET, "settings": settings})
    assert {each["machine"] for each in report(it)["failures"]} == {"sql01", "web02.example.com"}
    asked = it.asked("/agentManagementSessions")
    assert 0 < len(asked) <= 10


@pytest.mark.parametrize(
    "settings",
    [
        {"no_date": "before"},
        {"no_date": "ahead"},
        {"no_date": "1753-01-01T00:00:00Z"},
        {"job_uid_type": "AgentBackupJob", "task_sessions_of": "parent"},
        {"flags": "text", "numbers_as_text": True, "letter_case": "upper"},
        {"omit": ["ScheduleEnabled", "JobReference"]},
    ],
)
def test_what_servers_leave_open(em: Start, settings: dict[str, Any]) -> None:
    shown = report(em({**FLEET, "settings": settings}), rpo_hours=26)
    assert {each["machine"] for each in shown["failures"]} == {"sql01", "web02.example.com"}
    assert (shown["totals"]["failed"], shown["totals"]["running"]) == (2, 1)
    assert {each["machine"] for each in shown["rpo_breaches"]} == {
        "sql01",
        "dc01",
        "new01",
        "big01",
        "spare01",
        "erp01",
    }


def big(jobs: int, days: int, machines: int) -> dict[str, Any]:
    names = [{"name": "m{n}", "count": machines}]
    history = [{"ended_ago": 2 * HOUR, "duration": 600, "repeat": days}]
    return {
        "agent_jobs": [
            {"name": f"Job {number}", "machines": [{**names[0], "name": f"j{number}-m{{n}}"}], "history": history}
            for number in range(jobs)
        ]
    }


def test_cost_is_told_by_pages(em: Start) -> None:
    # 40 jobs of 10 machines: in 3 days 120 runs, 1,200 sessions of machines, 1,200 task sessions.
    it = em(big(40, 30, 10))
    shown = report(it, hours=72)
    assert (shown["totals"]["runs"], shown["totals"]["machines"], shown["totals"]["success"]) == (120, 400, 120)
    queries = [each["query"] for each in it.asked("/query")]
    assert len([each for each in queries if "type=BackupJobSession" in each]) == 3
    assert len([each for each in queries if "type=BackupTaskSession" in each]) == 3
    # All is well, so that nothing older is read.
    assert len(it.sim.requests()) <= 15


@pytest.mark.full
def test_500_jobs_with_10000_task_sessions(em: Start) -> None:
    it = em(big(500, 2, 20))
    # A busy computer may take its time for the first of the pages.
    it.options["request_timeout"] = 600.0
    shown = report(it)
    assert [shown["totals"][name] for name in ("jobs", "runs", "machines", "success")] == [500, 500, 10000, 500]
    # 10,500 job sessions, 10,000 task sessions and 10,000 computers in pages of 500, and ten requests besides.
    assert len(it.sim.requests()) <= 21 + 20 + 20 + 10


def test_nothing_is_missing_from_pages_that_shift(em: Start) -> None:
    it = em({**big(30, 1, 20), "settings": {"unstable_order": True}})
    shown = report(it)
    assert shown["totals"]["machines"] == 600
    assert all(each["last"] for each in shown["machines"]) or it.warnings


def machine_of(shown: dict[str, Any], name: str) -> tuple[Any, Any]:
    (found,) = (each for each in shown["machines"] if each["name"] == name)
    return found["last"], found["last_good"]


def old(name: str, *days: int, **run: Any) -> dict[str, Any]:
    """A job with a machine that has been well for the last time some days ago."""
    good = [{"ended_ago": each * DAY, "machines": [name]} for each in days]
    bad = {"ended_ago": 3 * DAY, "machines": [{"name": name, "result": "Failed", "task_session": False}], **run}
    return {"name": f"Job of {name}", "machines": [name], "history": [bad, *good]}


@pytest.mark.parametrize(
    "settings", [{}, {"task_sessions_of": "parent"}, {"omit": ["JobUid"]}, {"omit": ["IsRetry"]}], ids=str
)
def test_a_machine_that_is_asked_for_is_told_as_in_the_whole_report(em: Start, settings: dict[str, Any]) -> None:
    vms = [
        {"name": "Folder", "containers": ["All"], "machines": ["v1"], "history": [
            {"ended_ago": 20 * DAY, "machines": ["v1.example.com", "gone"]}]},
        {"name": "Failing", "machines": ["v2"], "history": [
            {"ended_ago": each * DAY, "machines": [{"name": "v2", "result": "Failed"}]} for each in range(2, 29)]},
    ]  # fmt: skip
    agents = [old("a1.example.com", 9, 12), old("a2", 25), old("a,3", 6), old("a4", 29, retry=True)]
    it = em({"agent_jobs": agents, "vm_jobs": vms, "settings": settings})
    whole = report(it)
    for name in ("a1.example.com", "a2", "a,3", "a4", "v1.example.com", "v2"):
        asked = report(it, machine=[name])
        assert machine_of(asked, name) == machine_of(whole, name)
        assert (asked["totals"]["runs"], asked["totals"]["machines"]) == (0, 1)
    assert report(it, machine=["a1", "V1"])["asked"][1]["known_as"] == ["v1.example.com"]
    # A kind that has not been asked for does not come in by the way.
    assert [each["kind"] for each in report(it, machine=["v2", "a2"], kind="agent")["jobs"]] == ["agent"]
    assert report(it, machine=["a2", "v2"], kind="agent")["asked"][1]["msg"] == "No machine is called v2."


def test_a_gate_reads_no_more_than_it_needs(em: Start) -> None:
    scenario = big(40, 30, 10)
    scenario["agent_jobs"] += [old("o1", 9), old("never")]
    it = em(scenario)
    shown = report(it, machine=["o1", "never", "stranger", "j1-m3"], hours=26, rpo_hours=26)
    assert {each["machine"]: (each["why"], each["age_hours"]) for each in shown["rpo_breaches"]} == {
        "o1": ("too_old", 216.0),
        "never": ("never", None),
        "stranger": ("unprotected", None),
    }
    # 24,000 rows of 30 days would be 48 pages.
    assert len(it.sim.requests()) <= 35
    whole = len(it.sim.requests())
    report(it, machine=["j1-m3", "j7-m2"], hours=26, rpo_hours=26)
    assert len(it.sim.requests()) - whole <= 15


def test_a_run_that_is_dated_ahead_is_not_the_last_run(em: Start) -> None:
    ahead = {"ended_ago": 3600, "duration": 60, "dated_ahead": 400 * 86400}
    history = [ahead, {"ended_ago": 3 * 86400, "duration": 60}]
    jobs = [{"name": "A", "machines": ["m"], "history": history}, {"name": "B", "machines": ["n"], "history": [ahead]}]
    mixed, only_ahead = report(em({"agent_jobs": jobs}), hours=24)["jobs"]
    assert (mixed["last_run"]["start"][:4], mixed["never_run"]) == ("2026", False)
    assert (only_ahead["last_run"], only_ahead["never_run"]) == (None, False)
    assert [(run["start"][:4], run["end"], run["duration_seconds"]) for run in only_ahead["runs"]] == [
        ("2027", None, None)
    ]
