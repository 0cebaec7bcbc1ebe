"""Which jobs protect machines, and how their newest runs ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.protection import read_protection
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

HOUR, DAY = 3600, 86400
FLEET: dict[str, Any] = {
    "protection_groups": [{"name": "Linux", "computers": ["web01", "web02.example.com"]}],
    "computers": [{"name": "spare"}],
    "agent_jobs": [
        {
            "name": "Linux servers",
            "includes": ["Linux"],
            "machines": ["web01", "web02.example.com"],
            "history": [
                {
                    "ended_ago": 2 * HOUR,
                    "machines": [
                        {"name": "web01", "result": "Failed", "reason": "Disk full."},
                        {"name": "web02.example.com", "result": "Warning", "reason": "Slow."},
                    ],
                },
                {"ended_ago": 26 * HOUR},
            ],
        },
        {"name": "Databases", "includes": ["SQL01.example.com"], "schedule": {"enabled": False}},
    ],
    "vm_jobs": [
        {"name": "Named VMs", "machines": ["app01"], "history": [{"ended_ago": 3 * HOUR}]},
        {
            "name": "Folder of VMs",
            "containers": ["Production"],
            "machines": ["app01", "app02"],
            "history": [{"ended_ago": 5 * HOUR}, {"ended_ago": 29 * HOUR, "machines": ["app02", "gone"]}],
        },
    ],
}
NOTHING = {"backup_server": None, "kind": "any", "include_restore_points": False}


def protection(it: Em, *machines: Any, **wanted: Any) -> dict[str, dict[str, Any]]:
    result = it.call(read_protection, {**NOTHING, "machine": list(machines), **wanted}, read_only=True)
    assert result["unprotected"] == [each["name"] for each in result["machines"] if not each["jobs"]]
    assert all(each["protected"] is bool(each["jobs"]) for each in result["machines"])
    return {each["name"]: each for each in result["machines"]}


def refused(it: Em, *machines: Any, **wanted: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        protection(it, *machines, **wanted)
    return caught.value


def jobs(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(job["name"], job["by"]) for job in record["jobs"]]


def test_each_way_of_protecting_a_machine(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    names = ["web01", "sql01.example.com", "app01", "app02", "spare", "gone", "nobody"]
    found = protection(it, *names)
    assert list(found) == names
    assert {name: jobs(record) for name, record in found.items()} == {
        "web01": [("Linux servers", "protection_group")],
        "sql01.example.com": [("Databases", "computer")],
        "app01": [("Named VMs", "object"), ("Folder of VMs", "history")],
        "app02": [("Folder of VMs", "history")],
        "spare": [],
        # The job has run without it since.
        "gone": [],
        "nobody": [],
    }
    assert found["sql01.example.com"]["known_as"] == ["SQL01.example.com"]
    assert (found["spare"]["known_as"], found["nobody"]["known_as"]) == (["spare"], [])
    (job,) = found["sql01.example.com"]["jobs"]
    assert (job["id"], job["kind"], job["schedule_enabled"]) == (it.sim.jobs()[1]["id"], "agent", False)
    assert it.counters["writes"] == it.counters["starts"].get("Linux servers", 0) == 0


def test_the_newest_verdict_and_the_newest_good_one(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    found = protection(it, "web01", "WEB02", "app01", "spare", "gone")
    last, good = found["web01"]["last"], found["web01"]["last_good"]
    runs = it.sim.jobs()[0]["runs"]
    assert (last["result"], last["reason"], last["job_name"]) == ("Failed", "Disk full.", "Linux servers")
    assert last["age_hours"] == pytest.approx(2, abs=0.02)
    assert (good["result"], good["reason"]) == ("Success", None)
    assert good["age_hours"] == pytest.approx(26, abs=0.02)
    assert [last["job_session_id"], good["job_session_id"]] == [runs[-1]["id"], runs[0]["id"]]
    assert found["WEB02"]["last"] == found["WEB02"]["last_good"]
    assert (found["WEB02"]["last"]["result"], found["WEB02"]["last"]["reason"]) == ("Warning", "Slow.")
    # The newest of all jobs that protect it.
    assert found["app01"]["last"]["job_name"] == "Named VMs"
    assert (found["spare"]["last"], found["spare"]["last_good"]) == (None, None)
    assert found["gone"]["last_good"]["age_hours"] == pytest.approx(29, abs=0.02)


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_ages_by_the_servers_clock(em: Start, skew: float) -> None:
    found = protection(em({**FLEET, "settings": {"clock_skew": skew}}), "app01")
    assert found["app01"]["last"]["age_hours"] == pytest.approx(3, abs=0.02)


def test_a_run_that_has_not_ended_says_nothing(em: Start) -> None:
    machines = [{"name": "a", "duration": 10}, {"name": "b", "duration": 5000}, {"name": "c", "appears_after": 4000}]
    job = {"name": "J", "containers": ["F"], "machines": machines, "history": [{"ended_ago": 9000}], "running": True}
    it = em({"vm_jobs": [job], "settings": {"early_result": "all"}})
    it.time.sleep(600)
    found = protection(it, "a", "b", "c")
    assert {jobs(each)[0] for each in found.values()} == {("J", "history")}
    assert {each["last"]["job_session_id"] for each in found.values()} == {it.sim.jobs()[0]["runs"][0]["id"]}


def test_a_retry_counts_with_the_run_that_it_retries(em: Start, dialect: dict[str, str]) -> None:
    whole = [{"name": "a"}, {"name": "b", "result": "Failed", "reason": "Busy."}]
    history = [
        {"ended_ago": 100, "retry": True, "duration": 50, "machines": [{"name": "b"}]},
        {"ended_ago": 900, "machines": whole},
        {"ended_ago": DAY, "machines": [{"name": "old"}]},
    ]
    it = em({"vm_jobs": [{"name": "J", "containers": ["F"], "history": history}]}, **dialect)
    found = protection(it, "a", "b", "old")
    assert [jobs(each) for each in found.values()] == [[("J", "history")], [("J", "history")], []]
    assert found["b"]["last"]["result"] == "Success"
    assert found["b"]["last"]["age_hours"] == pytest.approx(0.03, abs=0.02)
    assert found["a"]["last"]["age_hours"] == pytest.approx(0.25, abs=0.02)


def test_copies_and_replicas_are_no_backups(em: Start) -> None:
    past = [{"ended_ago": 600, "machines": ["a"]}]
    kinds = ("BackupCopy", "ImmediateBackupCopy", "Replica")
    others = [{"name": kind, "type": kind, "machines": ["a"], "history": past} for kind in kinds]
    it = em({"vm_jobs": others, "nas_jobs": [{"name": "N", "machines": ["a"], "history": past}]})
    assert protection(it, "a")["a"] == {
        "name": "a",
        "known_as": [],
        "protected": False,
        "jobs": [],
        "last": None,
        "last_good": None,
    }


class TestOlderRuns:
    def job(self, *ended: float, **changes: Any) -> dict[str, Any]:
        history = [{"ended_ago": each * DAY, "machines": ["a.example.com"]} for each in ended]
        return {"name": "Monthly", "containers": ["F"], "history": history, **changes}

    @pytest.mark.parametrize("asked", ["a.example.com", "a", "A.EXAMPLE.COM"])
    def test_a_job_that_runs_monthly(self, em: Start, asked: str, dialect: dict[str, str]) -> None:
        found = protection(em({"vm_jobs": [self.job(20)]}, **dialect), asked)[asked]
        assert jobs(found) == [("Monthly", "history")]
        assert found["known_as"] == ["a.example.com"]
        assert found["last_good"]["age_hours"] == pytest.approx(20 * 24, abs=0.02)

    def test_a_job_that_has_run_without_it_since(self, em: Start) -> None:
        job = self.job(20)
        job["history"].append({"ended_ago": 2 * DAY, "machines": ["b"]})
        found = protection(em({"vm_jobs": [job]}), "a", "a.example.com")
        assert [jobs(each) for each in found.values()] == [[], []]
        assert found["a.example.com"]["last"]["result"] == "Success"

    def test_what_no_job_protects_costs_little_however_many_others_are_backed_up(self, em: Start) -> None:
        machines = [{"name": "m{n}", "count": 40}]
        history = [{"ended_ago": 3600, "repeat": 28}]
        it = em({"vm_jobs": [{"name": "J", "machines": machines, "history": history}, {"name": "Never"}]})
        protection(it, "a", "b.example.com")
        tasks = [each for each in it.sim.requests() if "type=BackupTaskSession" in each["query"]]
        assert len(tasks) == 2

    @pytest.mark.parametrize("kind", ["agent_jobs", "vm_jobs"])
    @pytest.mark.parametrize("others", [0, 60])
    def test_the_newest_good_one_lies_far_back(self, em: Start, kind: str, others: int) -> None:
        bad = [{"name": "a", "result": "Failed", "reason": "No."}]
        history = [
            {"ended_ago": 3600, "repeat": 20, "machines": bad},
            {"ended_ago": 25 * DAY, "machines": ["a", {"name": "x{n}", "count": others or 1}]},
        ]
        it = em({kind: [{"name": "J", "machines": ["a"], "history": history}]})
        found = protection(it, "a", *(f"x{n}" for n in range(1, others + 1)))["a"]
        assert (found["last"]["reason"], found["last_good"]["result"]) == ("No.", "Success")
        assert found["last_good"]["age_hours"] == pytest.approx(600, abs=0.02)


class TestNames:
    def fleet(self, computers: list[str], vms: list[str], **settings: Any) -> dict[str, Any]:
        past = [{"ended_ago": 600}]
        agents = {"name": "Agents", "machines": computers, "history": past}
        return {
            "agent_jobs": [agents] if computers else [],
            "vm_jobs": [{"name": "VMs", "containers": ["F"], "machines": vms, "history": past}] if vms else [],
            "settings": settings,
        }

    def test_an_equal_name_wins(self, em: Start) -> None:
        found = protection(em(self.fleet(["web01.a.com"], ["WEB01", "web01.b.com"])), "web01", "web01.A.com")
        assert [jobs(each) for each in found.values()] == [[("VMs", "history")], [("Agents", "computer")]]

    def test_several_candidates_are_listed(self, em: Start) -> None:
        error = refused(em(self.fleet(["web01.a.com"], ["web01.b.com", "db"])), "web01", "db")
        assert error.kind == "ambiguous"
        assert error.message == (
            "web01 could be any of 2 machines: web01.a.com on vbr01.example.com, web01.b.com on vbr01.example.com."
        )

    def test_the_same_name_on_two_backup_servers(self, em: Start) -> None:
        servers = ["vbr01.example.com", "vbr02.example.com"]
        twins = [
            {"name": f"J{n}", "backup_server": server, "machines": ["a"], "history": [{"ended_ago": 600 * n}]}
            for n, server in enumerate(servers, 1)
        ]
        it = em({"backup_servers": [{"name": server} for server in servers], "vm_jobs": twins})
        error = refused(it, "a")
        assert (error.kind, error.message) == (
            "ambiguous",
            "a could be any of 2 machines: a on vbr01.example.com, a on vbr02.example.com.",
        )
        assert "backup_server" in str(error.hint)
        found = protection(it, "a", backup_server="VBR02.example.com")["a"]
        assert (jobs(found), found["last"]["job_name"]) == ([("J2", "object")], "J2")

    def test_task_sessions_call_a_computer_by_its_full_name(self, em: Start, dialect: dict[str, str]) -> None:
        computers: Any = [{"name": "web01", "full_name": "web01.example.com"}, {"name": "web02"}]
        for owner in ("child", "parent"):
            it = em(self.fleet(computers, [], task_sessions_of=owner), **dialect)
            for asked in ("web01", "web01.example.com"):
                found = protection(it, asked, include_restore_points=True)[asked]
                assert jobs(found) == [("Agents", "computer")]
                assert found["known_as"] == ["web01", "web01.example.com"]
                assert found["last"]["result"] == "Success"
                assert found["restore_point"]["age_hours"] == pytest.approx(0.3, abs=0.1)

    def test_a_job_names_a_computer_by_its_full_name(self, em: Start) -> None:
        job = {"name": "J", "includes": ["web01.example.com"]}
        it = em({"agent_jobs": [job], "computers": [{"name": "WEB01"}, {"name": "web011.example.com"}]})
        found = protection(it, "web01", "web01.example.com", "web011")
        assert [jobs(each) for each in found.values()] == [[("J", "computer")], [("J", "computer")], []]

    def test_a_job_names_a_computer_in_other_letters(self, em: Start) -> None:
        it = em({"agent_jobs": [{"name": "J", "includes": ["DB1"]}], "computers": [{"name": "db1"}]})
        found = protection(it, "Db1")["Db1"]
        assert (found["known_as"], jobs(found)) == (["db1"], [("J", "computer")])

    def test_two_machines_of_a_run_could_be_the_computer(self, em: Start) -> None:
        past = [{"ended_ago": 600, "machines": ["web01.a.com", "web01.b.com"]}]
        job = {"name": "J", "includes": ["web01"], "history": past}
        found = protection(em({"agent_jobs": [job], "computers": [{"name": "web01"}]}), "web01", "web01.a.com")
        assert (found["web01"]["known_as"], found["web01"]["last"]) == (["web01"], None)
        assert found["web01.a.com"]["last"]["result"] == "Success"

    def test_numbers_are_text(self, em: Start) -> None:
        found = protection(em(self.fleet([], ["2024", "7.5"])), 2024, "2024", 7.5)
        assert list(found) == ["2024", "7.5"]
        assert jobs(found["2024"]) == [("VMs", "history")]

    @pytest.mark.parametrize("name", [None, "", "  ", [], {}, ["web01"], {"name": "web01"}, True])
    def test_what_is_not_a_name(self, em: Start, name: Any) -> None:
        it = em(self.fleet([], ["web01"]))
        error = refused(it, "web01", name)
        assert (error.kind, "element 2 is" in error.message) == ("usage", True)
        assert it.sim.requests() == []
        assert refused(it).message == "No machine was given."

    def test_one_vm_in_two_jobs(self, em: Start) -> None:
        pair = [{"name": name, "machines": ["a"]} for name in ("J2", "J1")]
        it = em({"vm_jobs": pair})
        assert jobs(protection(it, "a")["a"]) == [("J1", "object"), ("J2", "object")]
        assert it.warnings == []


@pytest.mark.parametrize(("kind", "expected"), [("any", 2), ("vm", 1), ("agent", 1)])
def test_kind(em: Start, kind: str, expected: int) -> None:
    past = {"machines": ["a"], "history": [{"ended_ago": 600}]}
    it = em({"agent_jobs": [{"name": "A", **past}], "vm_jobs": [{"name": "V", **past}]})
    found = protection(it, "a", kind=kind)["a"]
    assert len(found["jobs"]) == expected
    assert kind == "any" or {job["kind"] for job in found["jobs"]} == {kind}
    if kind != "any":
        assert found["last"]["job_name"] == kind[0].upper()


def test_a_backup_server_that_is_not_there(em: Start) -> None:
    error = refused(em(FLEET), "web01", backup_server="vbr99")
    assert (error.kind, error.message) == ("not_found", "There is no backup server vbr99.")


def test_restore_points(em: Start, dialect: dict[str, str]) -> None:
    points = [{"computer": "spare", "created_ago": 7200}]
    it = em({**FLEET, "agent_restore_points": points}, **dialect)
    found = protection(it, "web01", "SPARE", "app01", "nobody", include_restore_points=True)
    ages = {name: each["restore_point"] and round(each["restore_point"]["age_hours"]) for name, each in found.items()}
    assert ages == {"web01": 26, "SPARE": 2, "app01": None, "nobody": None}
    assert "restore_point" not in protection(it, "web01")["web01"]


@pytest.mark.parametrize(
    "settings",
    [
        {"omit": ["JobUid", "ScheduleEnabled", "ScheduleConfigured"]},
        {"omit": ["JobSessionUid"]},
        {"omit": ["IsRetry"]},
        {"omit": ["JobType"]},
        {"letter_case": "upper"},
        {"job_uid_type": "AgentBackupJob", "task_sessions_of": "parent"},
        {"no_date": "1753-01-01T00:00:00Z"},
        {"unstable_order": True, "page_size": 3},
    ],
    ids=str,
)
def test_what_servers_leave_open(em: Start, settings: dict[str, Any]) -> None:
    found = protection(em({**FLEET, "settings": settings}), "web01", "app01", "app02")
    assert [jobs(each)[0][0] for each in found.values()] == ["Linux servers", "Named VMs", "Folder of VMs"]
    assert (found["web01"]["last"]["reason"], found["app02"]["last"]["result"]) == ("Disk full.", "Success")
    assert found["web01"]["last_good"]["age_hours"] == pytest.approx(26, abs=0.02)


def test_a_run_that_is_dated_ahead_is_left_out_and_told(em: Start) -> None:
    ahead = {"ended_ago": 3600, "dated_ahead": 90 * DAY, "machines": ["a", "b"]}
    it = em({"agent_jobs": [{"name": "J", "machines": ["a"], "history": [ahead, {"ended_ago": 7200}]}]})
    assert protection(it, "a")["a"]["last"]["age_hours"] == pytest.approx(2, abs=0.02)
    (warning,) = it.warnings
    assert warning.startswith("3 sessions were left out because they are dated in the future, such as J")


@pytest.mark.parametrize("others", [5, 100])
def test_five_hundred_machines_cost_ten_requests_and_pages(em: Start, others: int) -> None:
    past = [{"ended_ago": HOUR, "repeat": 3, "duration": 1800}]
    agents = [{"name": f"A{n}", "machines": [{"name": f"a{n}-{{n}}", "count": 25}], "history": past} for n in range(10)]
    vms = [
        {"name": f"V{n}", "containers": ["F"], "machines": [{"name": f"v{n}-{{n}}", "count": 25}], "history": past}
        for n in range(10)
    ]
    # Of copies, sessions are read of machines, but not of their runs; some jobs have never run.
    copies = [{"name": "C", "type": "BackupCopy", "machines": ["n1"], "history": [{"ended_ago": 20 * DAY}]}]
    it = em({"agent_jobs": agents, "vm_jobs": [*vms, *copies, {"name": "Never"}]})
    asked = [f"{kind}{job}-{n}" for kind in "av" for job in range(10) for n in range(1, 26)]
    found = protection(it, *asked, *(f"n{n}" for n in range(others)), include_restore_points=True)
    assert sum(each["protected"] for each in found.values()) == len(asked) == 500
    assert all(found[name]["last_good"]["age_hours"] < 1.01 for name in asked)
    requests = it.sim.requests()
    pages = [int(dict(pair.split("=") for pair in each["query"].split("&"))["page"]) for each in requests[1:-1]]
    assert max(pages) > 1
    assert len(requests) - sum(page > 1 for page in pages) <= 10


def test_a_restore_point_that_is_dated_ahead_hides_nothing(em: Start) -> None:
    points = [
        {"computer": "web01", "created_ago": -60 * DAY},
        {"computer": "web01", "created_ago": 7200},
        {"computer": "spare", "created_ago": -60 * DAY},
    ]
    it = em({**FLEET, "agent_restore_points": points})
    found = protection(it, "web01", "spare", include_restore_points=True)
    assert found["web01"]["restore_point"]["age_hours"] == pytest.approx(2, abs=0.02)
    assert found["spare"]["restore_point"] is None
    (warning,) = it.warnings
    assert warning.startswith("Restore points on vbr01")
    assert warning.endswith("are dated in the future and were left out. Check that server's clock.")
