"""states stopped, retried and schedule; check mode and diff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, VM_JOBS, Family
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

FAILED_ONCE = [{"ended_ago": 60, "machines": [{"name": "m1", "result": "Failed", "reason": "Full."}]}]


@pytest.fixture(params=["agent_jobs", "vm_jobs"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def scenario(family: str, *jobs: dict[str, Any], **settings: Any) -> dict[str, Any]:
    rows = [{"name": "A", "machines": [{"name": "m1", "duration": 500}], **job} for job in jobs or ({},)]
    return {family: rows, "settings": settings}


def which(family: str) -> Family:
    return AGENT_JOBS if family == "agent_jobs" else VM_JOBS


def actions(it: Em) -> list[str]:
    """The actions that were posted, in order."""
    return [each["query"].partition("=")[2] for each in it.sim.requests() if "action=" in each["query"]]


def enabled(it: Em) -> bool:
    return bool(it.sim.jobs()[0]["schedule_enabled"])


class TestStopped:
    def test_a_run_is_stopped(self, em: Start, family: str, dialect: dict[str, str]) -> None:
        it = em(scenario(family, {"running": True, "stop_takes": 60}), **dialect)
        result = it.jobs("A", state="stopped", family=which(family))
        row = result["jobs"][0]
        assert (result["changed"], row["action"]) == (True, "stop")
        assert row["task"]["success"] is True
        assert row["session"]["running"] is False
        assert it.counters["stops"] == {"A": 1}
        assert it.sim.jobs()[0]["running"] is False

    def test_without_wait_it_is_stopping(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"running": True, "stop_takes": 600}))
        row = it.jobs("A", state="stopped", wait=False, family=which(family))["jobs"][0]
        assert row["session"]["state"] == "Stopping"

    def test_an_idle_job_is_left_alone(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"history": [{"ended_ago": 50}]}))
        result = it.jobs("A", state="stopped", family=which(family))
        assert (result["changed"], result["jobs"][0]["action"], it.counters["writes"]) == (False, "none", 0)

    def test_the_verdict_of_a_stopped_run_is_no_failure(self, em: Start) -> None:
        machines = [{"name": "m1", "duration": 500, "result": "Failed"}]
        it = em(scenario("agent_jobs", {"running": True, "machines": machines}))
        assert it.jobs("A", state="stopped")["changed"] is True


class TestRetried:
    def test_a_failed_run_is_retried(self, em: Start, family: str, dialect: dict[str, str]) -> None:
        it = em(scenario(family, {"history": FAILED_ONCE}), **dialect)
        row = it.jobs("A", state="retried", family=which(family))["jobs"][0]
        assert (row["action"], row["changed"]) == ("retry", True)
        assert row["session"]["is_retry"] is True
        assert row["session"]["result"] == "Success"
        assert [each["name"] for each in row["machines"]] == ["m1"]
        assert it.counters["retries"] == {"A": 1}

    @pytest.mark.parametrize(
        "past", [[], [{"ended_ago": 60}], [{"ended_ago": 60}, {**FAILED_ONCE[0], "ended_ago": 9000}]]
    )
    def test_nothing_is_to_be_retried(self, em: Start, family: str, past: list[Any]) -> None:
        it = em(scenario(family, {"history": past}))
        result = it.jobs("A", state="retried", family=which(family))
        assert (result["changed"], result["jobs"][0]["action"], it.counters["writes"]) == (False, "none", 0)
        assert result["jobs"][0]["msg"]

    def test_a_running_job_is_attached_to(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"history": FAILED_ONCE, "running": True}))
        result = it.jobs("A", state="retried", family=which(family))
        assert (result["changed"], result["jobs"][0]["action"]) == (False, "attach")

    def test_a_running_job_may_be_a_conflict(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"history": FAILED_ONCE, "running": True}))
        assert it.failure("A", state="retried", if_running="fail", family=which(family)).kind == "conflict"
        assert it.counters["writes"] == 0

    def test_a_server_that_will_not_retry(self, em: Start) -> None:
        it = em(scenario("agent_jobs", {"history": FAILED_ONCE, "retryable": False}))
        assert it.failure("A", state="retried").kind == "rejected"


class TestSchedule:
    @pytest.mark.parametrize("wish", [True, False])
    def test_it_is_toggled_once(self, em: Start, family: str, wish: bool, dialect: dict[str, str]) -> None:
        it = em(scenario(family, {"schedule": {"enabled": not wish}}), **dialect)
        result = it.jobs("A", state="schedule", schedule_enabled=wish, family=which(family))
        row = result["jobs"][0]
        assert (result["changed"], row["action"]) == (True, "enable" if wish else "disable")
        assert row["job"]["schedule_enabled"] is wish
        assert enabled(it) is wish
        assert it.counters["toggles"] == {"A": 1}
        again = it.jobs("A", state="schedule", schedule_enabled=wish, family=which(family))
        assert (again["changed"], again["jobs"][0]["action"]) == (False, "none")
        assert it.counters["toggles"] == {"A": 1}

    def test_a_toggle_that_shows_late(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"toggle_delay": 25}))
        assert it.jobs("A", state="schedule", schedule_enabled=False, family=which(family))["changed"] is True
        assert it.counters["toggles"] == {"A": 1}
        assert enabled(it) is False

    def test_a_toggle_that_somebody_undoes(self, em: Start) -> None:
        it = em(
            scenario("agent_jobs"), faults=[{"match": {"method": "POST", "query": "toggle"}, "fault": "toggle_undone"}]
        )
        error = it.failure("A", state="schedule", schedule_enabled=False)
        assert error.kind == "conflict"
        assert it.counters["toggles"] == {"A": 1}

    def test_a_job_without_schedule(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"schedule": {"configured": False, "enabled": False}}, {"name": "B"}))
        error = it.failure("B", "A", state="schedule", schedule_enabled=True, family=which(family))
        assert error.kind == "conflict"
        assert "no schedule" in error.message
        assert it.counters["writes"] == 0

    def test_the_state_needs_the_option(self, em: Start) -> None:
        it = em(scenario("agent_jobs"))
        assert it.failure("A", state="schedule").kind == "usage"
        assert it.counters.get("requests", 0) == 0

    def test_last_with_started(self, em: Start, family: str) -> None:
        it = em(scenario(family))
        row = it.jobs("A", state="started", schedule_enabled=False, family=which(family))["jobs"][0]
        assert actions(it) == ["start", "toggleScheduleEnabled"]
        assert (row["action"], row["job"]["schedule_enabled"], row["session"]["result"]) == ("start", False, "Success")
        assert "start" in row["task"]["message"]

    def test_first_with_stopped(self, em: Start, family: str) -> None:
        it = em(scenario(family, {"running": True}))
        row = it.jobs("A", state="stopped", schedule_enabled=False, family=which(family))["jobs"][0]
        assert actions(it) == ["toggleScheduleEnabled", "stop"]
        assert (row["action"], enabled(it), row["session"]["running"]) == ("stop", False, False)

    def test_with_a_job_that_is_idle_already(self, em: Start) -> None:
        it = em(scenario("agent_jobs"))
        result = it.jobs("A", state="stopped", schedule_enabled=False)
        assert (result["changed"], result["jobs"][0]["action"]) == (True, "disable")

    def test_many_jobs_only_those_that_differ(self, em: Start, dialect: dict[str, str]) -> None:
        jobs = [{"name": f"J{n}", "schedule": {"enabled": n % 2 == 0}} for n in range(6)]
        it = em(scenario("agent_jobs", *jobs), **dialect)
        result = it.jobs(*(job["name"] for job in jobs), state="schedule", schedule_enabled=True)
        assert it.counters["toggles"] == {"J1": 1, "J3": 1, "J5": 1}
        assert [row["changed"] for row in result["jobs"]] == [False, True] * 3
        assert all(row["job"]["schedule_enabled"] for row in result["jobs"])


class TestCheckMode:
    @pytest.mark.parametrize(
        ("state", "job", "action", "changed"),
        [
            ("started", {}, "start", True),
            ("started", {"running": True}, "attach", False),
            ("stopped", {"running": True}, "stop", True),
            ("stopped", {}, "none", False),
            ("retried", {"history": FAILED_ONCE}, "retry", True),
            ("retried", {}, "none", False),
            ("schedule", {}, "disable", True),
            ("schedule", {"schedule": {"enabled": False}}, "none", False),
        ],
    )
    def test_it_predicts_and_writes_nothing(
        self, em: Start, state: str, job: dict[str, Any], action: str, changed: bool, family: str
    ) -> None:
        it = em(scenario(family, job))
        schedule = False if state == "schedule" else None
        result = it.jobs("A", state=state, schedule_enabled=schedule, check=True, family=which(family))
        row = result["jobs"][0]
        assert (result["changed"], row["changed"], row["action"]) == (changed, changed, action)
        assert row["msg"]
        assert it.counters["writes"] == 0
        # The prediction holds.
        done = it.jobs("A", state=state, schedule_enabled=schedule, wait=False, family=which(family))
        assert (done["changed"], done["jobs"][0]["action"]) == (changed, action)

    def test_a_conflict_shows_in_check_mode_too(self, em: Start) -> None:
        it = em(scenario("agent_jobs", {"running": True}))
        assert it.failure("A", if_running="fail", check=True).kind == "conflict"

    def test_diff(self, em: Start) -> None:
        it = em(scenario("agent_jobs"))
        check = it.jobs("A", schedule_enabled=False, check=True)["diff"]
        real = it.jobs("A", schedule_enabled=False, wait=False)["diff"]
        (key,) = check["before"]
        assert key.startswith("A (")
        assert check["before"][key] == {"running": False, "schedule_enabled": True, "session": None}
        assert (check["after"][key]["running"], check["after"][key]["schedule_enabled"]) == (True, False)
        assert real["before"] == check["before"]
        assert (real["after"][key]["running"], real["after"][key]["schedule_enabled"]) == (True, False)


class TestVmJobs:
    @pytest.mark.parametrize("kind", ["Backup", "BackupCopy", "ImmediateBackupCopy", "Replica"])
    def test_start_wait_verdict(self, em: Start, kind: str, dialect: dict[str, str]) -> None:
        machines = [{"name": "dc01"}, {"name": "erp01", "result": "Failed", "reason": "No space."}]
        past = [{"ended_ago": 100}]
        it = em(scenario("vm_jobs", {"type": kind, "machines": machines, "history": past}), **dialect)
        error = it.failure("A", family=VM_JOBS)
        row = error.learnt["jobs"][0]
        assert it.counters["starts"] == {"A": 1}
        assert actions(it) == ["sync" if "Copy" in kind else "start"]
        assert row["session"]["id"] == it.sim.jobs()[0]["runs"][-1]["id"]
        assert row["session"]["result"] == "Failed"
        assert [(each["name"], each["result"], each["reason"]) for each in row["machines"]] == [
            ("dc01", "Success", None),
            ("erp01", "Failed", "No space."),
        ]

    def test_sources_of_a_copy_each_have_a_session(self, em: Start, dialect: dict[str, str]) -> None:
        sources = [
            {"name": "Slow", "duration": 300},
            {"name": "Bad", "result": "Failed", "reason": "No space.", "duration": 20},
            {"name": "Late", "appears_after": 200, "duration": 20},
        ]
        past = [{"ended_ago": 100}]
        copies = {"type": "ImmediateBackupCopy", "workers": True, "machines": sources, "history": past}
        it = em(scenario("vm_jobs", copies), **dialect)
        error = it.failure("A", family=VM_JOBS)
        row = error.learnt["jobs"][0]
        assert error.kind == "rejected"
        assert (row["session"]["job_name"], row["session"]["result"]) == ("A\\Bad", "Failed")
        assert {each["name"]: each["result"] for each in row["machines"]} == {
            "Slow": "Success",
            "Bad": "Failed",
            "Late": "Success",
        }
        assert it.counters["starts"] == {"A": 1}

    def test_all_kinds_together(self, em: Start) -> None:
        kinds = ["Backup", "BackupCopy", "Replica"]
        it = em({"vm_jobs": [{"name": kind, "type": kind, "machines": [f"{kind}-vm"]} for kind in kinds]})
        result = it.jobs(*kinds, family=VM_JOBS)
        assert it.counters["starts"] == dict.fromkeys(kinds, 1)
        assert [row["machines"][0]["name"] for row in result["jobs"]] == [f"{kind}-vm" for kind in kinds]

    def test_agent_jobs_are_not_among_them(self, em: Start) -> None:
        it = em({"agent_jobs": [{"name": "A"}], "vm_jobs": [{"name": "B"}]})
        assert it.failure("A", family=VM_JOBS).kind == "not_found"
        assert it.failure("B").kind == "not_found"
