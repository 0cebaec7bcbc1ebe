"""state started: exactly one start, the verdict of the new run, a verdict and a reason for every machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

BROKEN = "The disk is full: D:\\Backup"
MACHINES: list[dict[str, Any]] = [
    {"name": "web01", "duration": 120},
    {"name": "sql01", "duration": 60, "result": "Failed", "reason": BROKEN},
    {"name": "app01", "duration": 90, "result": "Warning", "reason": "Files were in use."},
]


def job(name: str = "Linux", **changes: Any) -> dict[str, Any]:
    return {"name": name, "machines": [{"name": "web01", "duration": 60}], **changes}


def fleet(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"agent_jobs": list(jobs), **more}


def only(result: dict[str, Any]) -> dict[str, Any]:
    assert len(result["jobs"]) == 1
    return result["jobs"][0]


def test_one_start_and_the_verdict_of_every_machine(em: Start, dialect: dict[str, str]) -> None:
    it = em(fleet(job(machines=MACHINES)), **dialect)
    error = it.failure("Linux")
    assert it.counters["starts"] == {"Linux": 1}
    assert it.counters["writes"] == 1
    assert error.kind == "rejected"
    row = only(error.learnt)
    assert error.learnt["changed"] is True
    assert (row["action"], row["changed"]) == ("start", True)
    assert row["task"]["finished"] is True
    assert row["task"]["success"] is True
    assert row["session"]["result"] == "Failed"
    assert row["session"]["running"] is False
    assert [(each["name"], each["result"], each["reason"]) for each in row["machines"]] == [
        ("app01", "Warning", "Files were in use."),
        ("sql01", "Failed", BROKEN),
        ("web01", "Success", None),
    ]
    assert all(each["task_session_id"] and each["state"] for each in row["machines"])
    assert f"sql01 Failed ({BROKEN})" in error.message
    assert "web01" not in error.message
    truth = it.sim.jobs()[0]["runs"][-1]
    assert row["session"]["id"] == truth["id"]


@pytest.mark.parametrize(
    ("fail_on", "results", "fails"),
    [
        ("failed", ["Success", "Success"], False),
        ("failed", ["Success", "Warning"], False),
        ("failed", ["Warning", "Failed"], True),
        ("warning", ["Success", "Success"], False),
        ("warning", ["Success", "Warning"], True),
        ("never", ["Failed", "Failed"], False),
    ],
)
def test_fail_on(em: Start, fail_on: str, results: list[str], fails: bool) -> None:
    machines = [{"name": f"m{number}", "result": result} for number, result in enumerate(results)]
    it = em(fleet(job(machines=machines)))
    if fails:
        assert it.failure("Linux", fail_on=fail_on).kind == "rejected"
    else:
        row = only(it.jobs("Linux", fail_on=fail_on))
        assert [each["result"] for each in row["machines"]] == results


def test_a_good_run_may_hide_a_failed_machine(em: Start) -> None:
    it = em(fleet(job(machines=MACHINES, run_result="Success")))
    error = it.failure("Linux")
    assert only(error.learnt)["session"]["result"] == "Success"
    assert "sql01 Failed" in error.message


def test_a_job_that_runs_is_attached_to(em: Start, dialect: dict[str, str]) -> None:
    it = em(fleet(job(running=True)), **dialect)
    result = it.jobs("Linux")
    assert it.counters["writes"] == 0
    assert result["changed"] is False
    row = only(result)
    assert (row["action"], row["changed"], row["task"]) == ("attach", False, None)
    assert row["session"]["result"] == "Success"
    assert [each["name"] for each in row["machines"]] == ["web01"]


def test_if_running_fail_starts_nothing_at_all(em: Start) -> None:
    it = em(fleet(job("Idle"), job("Busy", running=True)))
    error = it.failure("Idle", "Busy", if_running="fail")
    assert error.kind == "conflict"
    assert "Busy" in error.message
    assert it.counters["writes"] == 0


@pytest.mark.parametrize("early", [True, False, "all"])
@pytest.mark.parametrize("earlier", ["Success", "Failed", "Warning"])
def test_the_verdict_is_that_of_the_new_run(em: Start, earlier: str, early: bool | str) -> None:
    verdict = "Success" if earlier != "Success" else "Warning"
    past = [{"ended_ago": ago, "machines": [{"name": "web01", "result": earlier}]} for ago in (30, 9000)]
    machines = [{"name": "web01", "result": verdict, "duration": 300}]
    it = em(fleet(job(history=past, machines=machines), settings={"early_result": early}))
    row = only(it.jobs("Linux"))
    assert row["session"]["result"] == verdict
    assert [each["result"] for each in row["machines"]] == [verdict]
    assert row["session"]["id"] == it.sim.jobs()[0]["runs"][-1]["id"]


@pytest.mark.parametrize("skew", [-7200, 0, 7200])
@pytest.mark.parametrize("related", [True, False, "agents"])
def test_a_session_that_appears_late(em: Start, related: bool | str, skew: float) -> None:
    late = job(start_delay=400, related_link=related, history=[{"ended_ago": 20, "result": "Failed"}])
    it = em(fleet(late, settings={"clock_skew": skew}))
    row = only(it.jobs("Linux"))
    assert row["session"]["id"] == it.sim.jobs()[0]["runs"][-1]["id"]
    assert row["session"]["result"] == "Success"
    assert row["machines"][0]["result"] == "Success"


def test_the_sessions_of_other_jobs_are_not_taken_for_it(em: Start) -> None:
    others = [job(name, running=True, machines=[{"name": "x", "duration": 900}]) for name in ("Linux 2", "Lin")]
    it = em(fleet(job(start_delay=100), *others))
    assert only(it.jobs("Linux"))["session"]["job_name"] == "Linux"


def late(delay: float, lag: float = 0) -> dict[str, Any]:
    """A job whose run takes two minutes; its machines show that much later than they began, the last a bit more."""
    machines = [{**each, "duration": 120} for each in MACHINES]
    machines[-1].update(appears_after=1 + lag, duration=120 - lag)
    return job(machines=machines, children_delay=delay)


ALL_MACHINES = [("app01", "Warning"), ("sql01", "Failed"), ("web01", "Success")]


@pytest.mark.parametrize("delay", [60, 125, 160])
def test_machines_that_appear_after_the_run_has_ended(em: Start, delay: float, dialect: dict[str, str]) -> None:
    it = em(fleet(late(delay)), **dialect)
    row = only(it.failure("Linux").learnt)
    assert [(each["name"], each["result"]) for each in row["machines"]] == ALL_MACHINES
    assert not it.warnings


@pytest.mark.parametrize("delay", range(120, 132))
def test_machines_that_appear_one_after_the_other(em: Start, delay: float) -> None:
    it = em(fleet(late(delay, lag=1.5)))
    row = only(it.failure("Linux").learnt)
    assert [(each["name"], each["result"]) for each in row["machines"]] == ALL_MACHINES


def test_machines_that_appear_at_the_last_moment(em: Start) -> None:
    it = em(fleet(late(181)))
    row = only(it.failure("Linux").learnt)
    # They came with the last reading.
    assert [(each["name"], each["result"]) for each in row["machines"]] == ALL_MACHINES
    assert not it.warnings


def test_machines_that_never_appear_are_missed_aloud(em: Start) -> None:
    it = em(fleet(job(children_delay=9000)))
    row = only(it.jobs("Linux"))
    assert (row["session"]["result"], row["machines"]) == ("Success", [])
    assert len(it.warnings) == 1
    assert "does not show any machine" in it.warnings[0]


@pytest.mark.parametrize("owner", ["child", "parent"])
def test_task_sessions_of_the_machine_or_of_the_run(em: Start, owner: str) -> None:
    it = em(fleet(job(machines=MACHINES), settings={"task_sessions_of": owner}))
    row = only(it.failure("Linux").learnt)
    assert [each["name"] for each in row["machines"]] == ["app01", "sql01", "web01"]
    assert row["machines"][1]["reason"] == BROKEN


def test_the_words_of_uids_do_not_matter(em: Start) -> None:
    it = em(fleet(job(), settings={"job_uid_type": "AgentBackupJob"}))
    assert only(it.jobs("Linux"))["session"]["result"] == "Success"


@pytest.mark.parametrize("profile", ["v95u4", "v12"])
def test_the_task_is_followed_to_finished(em: Start, profile: str) -> None:
    slow = job(task_running_for=30, task_operation_finished_for=60)
    it = em(fleet(slow), api_profile=profile)
    begun = it.time.now
    row = only(it.jobs("Linux", wait=False))
    assert row["task"]["state"] == "Finished"
    assert it.time.now - begun >= 90


def test_a_refused_start_is_a_failure(em: Start, dialect: dict[str, str]) -> None:
    words = 'License error: "agents" are not licensed.'
    it = em(fleet(job("Linux", refuse_start=words), job("SQL")), **dialect)
    error = it.failure("Linux", "SQL")
    assert error.kind == "rejected"
    assert error.em_message == words
    assert words in error.message
    refused, other = error.learnt["jobs"]
    assert (refused["changed"], refused["session"]) == (False, None)
    assert refused["task"]["success"] is False
    # The other job was started and is waited for all the same.
    assert other["session"]["result"] == "Success"
    assert it.counters["starts"] == {"SQL": 1}


def test_a_refused_start_fails_without_wait(em: Start) -> None:
    assert em(fleet(job(refuse_start="No."))).failure("Linux", wait=False).em_message == "No."


@pytest.mark.parametrize(("delay", "visible"), [(0.1, True), (3600, False)])
def test_without_wait(em: Start, delay: float, visible: bool) -> None:
    it = em(fleet(job(start_delay=delay)))
    row = only(it.jobs("Linux", wait=False))
    assert (row["changed"], row["machines"]) == (True, [])
    if visible:
        assert row["session"]["id"] == it.sim.jobs()[0]["runs"][-1]["id"]
        assert row["session"]["result"] is None
    else:
        assert row["session"] is None


def test_a_wait_that_times_out_and_is_resumed(em: Start) -> None:
    it = em(fleet(job("Slow", machines=[{"name": "big", "duration": 7000}, {"name": "small"}]), job("Quick")))
    begun = it.time.now
    error = it.failure("Slow", "Quick", timeout=600)
    assert error.kind == "timeout"
    assert error.learnt["timed_out"] is True
    assert 600 <= it.time.now - begun < 605
    slow, quick = error.learnt["jobs"]
    assert slow["session"]["running"] is True
    assert slow["session"]["result"] is None
    assert {each["name"]: each["result"] for each in slow["machines"]} == {"big": None, "small": "Success"}
    assert quick["session"]["result"] == "Success"
    assert [each["result"] for each in quick["machines"]] == ["Success"]
    assert slow["session"]["id"] in str(error.hint)
    assert "Slow" in error.message
    assert "Quick" not in error.message
    assert it.counters["stops"] == {}
    result = it.call(wait_for_sessions, it.waiter(), [slow["session"]["id"]], "failed", "fail")
    assert result["timed_out"] is False
    assert result["sessions"][0]["result"] == "Success"
    assert [each["name"] for each in result["sessions"][0]["machines"]] == ["big", "small"]
    assert it.counters["starts"] == {"Slow": 1, "Quick": 1}


def test_a_wait_for_a_session_that_never_appears(em: Start) -> None:
    it = em(fleet(job(start_delay="never")))
    error = it.failure("Linux", timeout=100)
    assert error.learnt["timed_out"] is True
    assert only(error.learnt)["session"] is None
    assert "is not visible yet" in error.message


def test_an_unknown_state_is_waited_through(em: Start, dialect: dict[str, str]) -> None:
    it = em(fleet(job(), settings={"unknown_state": "Dreaming"}), **dialect)
    assert only(it.jobs("Linux"))["session"]["state"] == "Stopped"
    told = [each for each in it.warnings if "Dreaming" in each]
    assert len(told) == 1
    assert "Linux" in told[0]


def test_an_unknown_state_with_an_end_and_a_result_ends_a_wait_aloud(em: Start) -> None:
    odd = {"state": "Dreaming", "also_at_end": True}
    it = em(fleet(job()), faults=[{"match": {}, "times": "forever", "fault": "unknown_state", "with": odd}])
    session = only(it.jobs("Linux"))["session"]
    assert (session["state"], session["running"], session["result"]) == ("Dreaming", False, "Success")
    assert session["end_time"]
    told = [each for each in it.warnings if "Dreaming" in each]
    assert "the module treats it as running" in told[0]
    assert "as ended" in told[1]
    again = it.jobs("Linux", wait=False)
    assert again["jobs"][0]["action"] == "start"


@pytest.mark.parametrize("shows_after", [3, 8])
def test_a_job_that_was_started_in_between_is_attached_to(em: Start, shows_after: float) -> None:
    # The run of the first call is not shown when the second looks, but when the server has refused it or soon after.
    it = em(fleet(job(start_delay=shows_after)))
    it.jobs("Linux", wait=False)
    result = it.jobs("Linux")
    assert it.counters["starts"] == {"Linux": 1}
    assert only(result)["action"] == "attach"
    assert result["changed"] is False
    assert only(result)["session"]["result"] == "Success"
