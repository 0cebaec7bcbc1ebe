"""What a result tells: changed, messages, and what was learnt before a failure of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, VM_JOBS, list_jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import wait_for_tasks
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.watch import Watch
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError, learnt_by
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

FAILED_ONCE = [{"ended_ago": 60, "machines": [{"name": "m1", "result": "Failed"}]}]
EVERYTHING = {
    "name": None,
    "id": None,
    "platform": None,
    "include_objects": False,
    "include_last_session": False,
}


def fleet(**changes: Any) -> dict[str, Any]:
    return {"agent_jobs": [{"name": "A", "machines": [{"name": "m1", "duration": 60}], **changes}]}


def toggles(it: Em) -> Any:
    return it.counters.get("toggles", {})


class TestChanged:
    @pytest.mark.parametrize("wait", [True, False])
    def test_a_start_counts_although_the_schedule_is_refused(self, em: Start, wait: bool) -> None:
        it = em(fleet(refuse_toggle="Not now."))
        error = it.failure("A", schedule_enabled=False, wait=wait)
        assert (error.kind, error.em_message) == ("rejected", "Not now.")
        assert (error.learnt["changed"], error.learnt["jobs"][0]["changed"]) == (True, True)
        assert it.counters["starts"] == {"A": 1}

    def test_a_toggle_counts_although_the_start_is_refused(self, em: Start) -> None:
        it = em(fleet(refuse_start="No license.", running=False))
        error = it.failure("A", schedule_enabled=False)
        assert (error.learnt["changed"], it.counters["starts"], toggles(it)) == (False, {}, {})
        assert "The schedules of these jobs were not changed" not in error.message

    def test_a_toggle_counts_although_there_is_nothing_left_to_stop(self, em: Start) -> None:
        it = em(fleet(running=True, machines=[{"name": "m1", "duration": 2}], task_running_for=5))
        result = it.jobs("A", state="stopped", schedule_enabled=False)
        row = result["jobs"][0]
        assert (result["changed"], row["changed"], toggles(it)) == (True, True, {"A": 1})
        assert row["job"]["schedule_enabled"] is False


LONG = {"name": "m", "duration": 900}
NOBODY_WAITS = "Nobody is waiting for the result."
RUN_AGAIN = "To wait for it, run the task again with wait set to true."
WAIT_FOR_IT = "To wait for it, use veeam_em_job_session_wait, id: [{}]."


class TestMessages:
    @pytest.mark.parametrize(
        ("changes", "wish", "message"),
        [
            ({"start_delay": 3600}, {}, f"Started; its run is not visible yet. {NOBODY_WAITS} {RUN_AGAIN}"),
            ({"start_delay": 0}, {}, f"Started. {NOBODY_WAITS} {WAIT_FOR_IT}"),
            ({"start_delay": 0}, {"wait": True}, "The run ended Success, 1 machine."),
            (
                {"start_delay": 0, "history": FAILED_ONCE},
                {"state": "retried"},
                f"Retried. {NOBODY_WAITS} {WAIT_FOR_IT}",
            ),
            ({"running": True}, {}, f"Nothing to do: the job is already running. {NOBODY_WAITS} {WAIT_FOR_IT}"),
            (
                {"running": True},
                {"wait": True},
                "Nothing to do: the job is already running. The run ended Success, 1 machine.",
            ),
            ({"running": True}, {"state": "stopped"}, "Stop requested."),
            ({"running": True}, {"state": "stopped", "wait": True}, "Stopped; the run ended Failed."),
            ({}, {"state": "schedule", "schedule_enabled": False}, "The schedule is now disabled."),
            (
                {"schedule": {"enabled": False}},
                {"state": "schedule", "schedule_enabled": True},
                "The schedule is now enabled.",
            ),
        ],
    )
    def test_each_outcome_has_one(self, em: Start, changes: Any, wish: Any, message: str) -> None:
        it = em(fleet(**changes))
        row = it.jobs("A", **{"wait": False, **wish})["jobs"][0]
        assert row["msg"] == message.format(row["session"] and row["session"]["id"])

    def test_a_wait_that_times_out_tells_of_the_schedule(self, em: Start) -> None:
        it = em(fleet(machines=[{"name": "m1", "duration": 5000}]))
        error = it.failure("A", schedule_enabled=False, timeout=100)
        assert (error.kind, toggles(it)) == ("timeout", {})
        assert "The schedules of these jobs were not changed: A." in error.message
        assert "Its schedule was not changed." in error.learnt["jobs"][0]["msg"]

    def test_a_toggle_whose_task_does_not_end_is_named(self, em: Start) -> None:
        it = em(fleet(task_running_for=500))
        error = it.failure("A", state="schedule", schedule_enabled=False, timeout=100)
        task = error.learnt["jobs"][0]["task"]
        assert f"A (its task {task['id']} is Running)" in error.message
        # The schedule still reads as before: it is not known whether the toggle will take effect.
        assert error.learnt["changed"] is False

    def test_check_mode_says_that_the_start_would_fail(self, em: Start) -> None:
        it = em({"agent_jobs": [{"name": "A", "machines": [LONG], "running": True}, {"name": "B"}]})
        error = it.failure("A", "B", if_running="fail", check=True)
        assert error.message.startswith("Check mode: the task would fail. The job A is already running (session A@")
        busy, idle = (row["msg"] for row in error.learnt["jobs"])
        assert busy.startswith("The job A is already running (session A@")
        assert idle == "Nothing was done, because the request is not possible for another job."
        assert it.counters["writes"] == 0

    def test_running_already_and_not_to_be_joined(self, em: Start) -> None:
        it = em(
            {
                "agent_jobs": [
                    {"name": "A", "machines": [{"name": "m", "duration": 900}], "running": True},
                    {"name": "B"},
                ]
            }
        )
        error = it.failure("A", "B", if_running="fail")
        assert error.kind == "conflict"
        assert [row["job"]["name"] for row in error.learnt["jobs"]] == ["A", "B"]
        assert error.learnt["jobs"][0]["session"]["running"] is True
        assert it.counters["writes"] == 0


def test_a_defect_does_not_lose_what_was_learnt(em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> bool:
        raise TypeError("surprise")

    it = em(fleet())
    monkeypatch.setattr(Watch, "settle", broken)
    with pytest.raises(TypeError) as caught:
        it.jobs("A")
    assert learnt_by(caught.value)["changed"] is True
    assert learnt_by(caught.value)["jobs"][0]["session"]["result"] == "Success"
    assert it.counters["starts"] == {"A": 1}
    assert it.counters["logons"] == it.counters["logoffs"]


class TestNothingNamed:
    def test_a_wait_for_no_session(self, em: Start) -> None:
        it = em(fleet())
        with pytest.raises(ApiError, match="id is empty") as caught:
            it.call(wait_for_sessions, it.waiter(), [], "failed", "fail")
        assert caught.value.kind == "usage"

    def test_a_wait_for_no_task(self, em: Start) -> None:
        it = em(fleet())
        with pytest.raises(ApiError, match="task_id is empty"):
            it.call(wait_for_tasks, it.waiter(), [], "finished", True)

    def test_one_session_by_two_names_is_one(self, em: Start) -> None:
        it = em(fleet(history=[{"ended_ago": 50}]))
        session = it.jobs("A", state="started")["jobs"][0]["session"]
        result = it.call(wait_for_sessions, it.waiter(), [session["id"], session["uid"]], "failed", "fail")
        assert [each["id"] for each in result["sessions"]] == [session["id"]]


class TestNamesThatLeadNowhere:
    @pytest.mark.parametrize("names", [["A"], None])
    def test_a_backup_server_that_is_not_there(self, em: Start, names: list[str] | None) -> None:
        it = em(fleet())
        with pytest.raises(ApiError) as caught:
            it.call(list_jobs, (AGENT_JOBS,), {**EVERYTHING, "name": names, "backup_server": "vbr99"})
        assert caught.value.kind == "not_found"
        assert "no backup server vbr99" in caught.value.message
        assert "vbr01.example.com" in str(caught.value.hint)

    def test_a_backup_server_without_jobs(self, em: Start) -> None:
        servers = [{"name": "vbr01.example.com"}, {"name": "vbr02.example.com"}]
        it = em({"backup_servers": servers, "agent_jobs": [{"name": "A"}]})
        assert it.call(list_jobs, (AGENT_JOBS,), {**EVERYTHING, "backup_server": "vbr02.example.com"}) == []

    def test_a_name_that_a_comma_has_torn(self, em: Start) -> None:
        it = em({"agent_jobs": [{"name": "B, with comma"}]})
        error = it.failure("B", " with comma")
        assert error.kind == "not_found"
        assert "name: ['B, with comma']" in str(error.hint)

    def test_hints_fit_the_kind_of_job(self, em: Start) -> None:
        it = em(fleet())
        gone = "00000000-0000-4000-8000-00000000dead"
        assert "veeam_em_agent_job_info" in str(it.failure(ids=[gone]).hint)
        assert "veeam_em_job_info" in str(it.failure(ids=[gone], family=VM_JOBS).hint)


def test_links_to_sessions_that_are_not_there_yet_cost_no_request_per_job_and_tick(em: Start) -> None:
    machines = [{"name": "m{n}", "count": 2, "duration": 60}]
    late = {"machines": machines, "related_link": True, "start_delay": 300}
    it = em({"agent_jobs": [{"name": f"Job {n:02}", **late} for n in range(20)]})
    result = it.jobs(*(job["name"] for job in it.sim.jobs()))
    assert all(row["session"]["result"] == "Success" for row in result["jobs"])
    reads = len([each for each in it.sim.requests() if each["method"] == "GET"])
    # A query, and a few of those that the tasks name.
    assert reads <= 20 + 9 * len(it.time.slept)


class TestTimeRunsOut:
    def test_every_row_has_its_message(self, em: Start) -> None:
        hidden = {"name": "Hidden", "start_delay": 5000}
        busy = {"name": "Busy", "machines": [LONG], "running": True}
        slow = {"name": "Slow", "machines": [{"name": "m", "duration": 5000}]}
        it = em({"agent_jobs": [hidden, busy, slow, {"name": "Quick"}]})
        error = it.failure("Hidden", "Busy", "Slow", "Quick", timeout=100)
        assert error.kind == "timeout"
        rows = {row["job"]["name"]: row for row in error.learnt["jobs"]}
        waiting = {name: WAIT_FOR_IT.format(row["session"] and row["session"]["id"]) for name, row in rows.items()}
        unseen = "Started; its run is not visible yet. Nobody is waiting for the result."
        assert {name: row["msg"] for name, row in rows.items()} == {
            "Hidden": f"{unseen} Check the job before you run the task again.",
            "Busy": f"Nothing to do: the job is already running. Its run has not ended. {waiting['Busy']}",
            "Slow": f"Started. {NOBODY_WAITS} {waiting['Slow']}",
            "Quick": "The run ended Success, 1 machine.",
        }

    def test_it_runs_out_while_the_schedules_are_set(self, em: Start) -> None:
        busy = {"name": "Busy", "machines": [LONG], "running": True}
        it = em({"agent_jobs": [{**busy, "task_running_for": 500}, {"name": "Idle", "schedule": {"enabled": False}}]})
        error = it.failure("Busy", "Idle", state="stopped", schedule_enabled=False, timeout=100)
        rows = {row["job"]["name"]: (row["action"], row["msg"]) for row in error.learnt["jobs"]}
        assert rows == {
            "Busy": ("none", "The module did not send the stop. Its schedule was not changed."),
            "Idle": ("none", "Nothing to do: the job is not running."),
        }
        assert it.counters["stops"] == {}

    def test_an_operation_that_is_finished_has_changed_something(self, em: Start) -> None:
        it = em(fleet(task_running_for=0.1, task_operation_finished_for=5000, start_delay=4000))
        learnt = it.failure("A", timeout=60).learnt
        assert (learnt["changed"], learnt["jobs"][0]["task"]["state"]) == (True, "OperationFinished")

    def test_a_task_that_is_still_running_is_not_known_to_have(self, em: Start) -> None:
        it = em(fleet(task_running_for=5000, start_delay=4000))
        learnt = it.failure("A", timeout=60).learnt
        assert learnt["changed"] is False
        assert learnt["jobs"][0]["msg"].startswith(
            "The module sent the start, but it is not known whether it took effect: its task "
        )


def test_a_failure_before_the_first_write_has_the_whole_result(em: Start) -> None:
    it = em({"agent_jobs": [{"name": "A", "machines": [LONG], "running": True}]})
    learnt = it.failure("A", if_running="fail").learnt
    assert learnt["changed"] is False
    assert "A" in learnt["summary"]
    assert learnt["diff"]["before"] == learnt["diff"]["after"] != {}
