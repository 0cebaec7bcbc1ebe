"""after_session: one run follows a session, however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, VM_JOBS
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]
STATES = pytest.mark.parametrize(("state", "action"), [("started", "start"), ("retried", "retry")])
BROKEN = [{"name": "web01", "result": "Failed", "reason": "VSS"}]


def fleet(**job: Any) -> dict[str, Any]:
    past = [{"ended_ago": 600, "duration": 60, "machines": BROKEN}, {"ended_ago": 9000, "duration": 60}]
    return {"agent_jobs": [{"name": "A", "machines": [{"name": "web01"}], "history": past, **job}, {"name": "B"}]}


def ids(it: Em) -> list[str]:
    """The sessions of the job A, newest first."""
    runs = it.sim.jobs()[0]["runs"]
    return [each["id"] for each in sorted(runs, key=lambda each: each["start"], reverse=True)]


def row(it: Em, state: str, session: str, **wish: Any) -> dict[str, Any]:
    (only,) = it.jobs("A", state=state, after_session=session, **wish)["jobs"]
    return only


def writes(it: Em) -> int:
    return sum(request["query"] in ("action=start", "action=retry") for request in it.sim.requests())


@STATES
@pytest.mark.parametrize("wait", [True, False])
def test_the_second_call_finds_the_run_of_the_first(
    em: Start, state: str, action: str, wait: bool, dialect: dict[str, str]
) -> None:
    it = em(fleet(), **dialect)
    failed = ids(it)[0]
    first = row(it, state, failed)
    assert (first["action"], first["session"]["result"]) == (action, "Success")
    again = row(it, state, f"urn:veeam:BackupJobSession:{failed.upper()}", wait=wait)
    assert (again["action"], again["changed"], again["session"]["id"]) == ("attach", False, first["session"]["id"])
    assert [each["name"] for each in again["machines"]] == (["web01"] if wait else [])
    assert again["msg"].startswith("Nothing to do: the job has run since after_session; its newest session is")
    assert writes(it) == 1


def test_the_verdict_of_the_run_that_followed_counts(em: Start) -> None:
    it = em(fleet(machines=BROKEN))
    failed = ids(it)[0]
    for _time in range(2):
        assert "web01 Failed (VSS)" in it.failure("A", after_session=failed).message
    assert writes(it) == 1
    # Without it, the job would run a second time.
    assert it.jobs("A", fail_on="never")["jobs"][0]["action"] == "start"


@STATES
def test_a_run_in_progress_is_joined(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    failed = ids(it)[0]
    assert row(it, state, failed, wait=False)["action"] == action
    it.time.sleep(5)
    assert it.sim.app.state.jobs[0].current(it.time.now)
    assert row(it, state, failed)["action"] == "attach"
    assert writes(it) == 1


@STATES
def test_a_call_killed_before_its_run_showed(em: Start, state: str, action: str) -> None:
    """The server refuses the second, and its run is joined once it shows."""
    it = em(fleet(start_delay=5))
    failed = ids(it)[0]
    job = it.sim.app.state.jobs[0]
    getattr(it.sim.app.state, action)(job)
    found = row(it, state, failed)
    assert (found["action"], found["session"]["result"], len(job.runs)) == ("attach", "Success", 3)


@STATES
def test_an_older_session_starts_nothing(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    found = row(it, state, ids(it)[1], fail_on="never")
    assert (found["action"], found["session"]["id"]) == ("attach", ids(it)[0])
    assert writes(it) == 0


@STATES
def test_a_job_without_sessions_is_left_alone(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    (found,) = it.jobs("B", state=state, after_session=ids(it)[0])["jobs"]
    assert (found["action"], found["session"]) == ("none", None)
    assert "after_session cannot be checked" in found["msg"]
    assert writes(it) == 0


@STATES
def test_a_server_that_does_not_sort(em: Start, state: str, action: str) -> None:
    past = [{"ended_ago": 600, "duration": 60, "machines": BROKEN}]
    machines = [{**BROKEN[0], "retry_result": "Failed"}]
    it = em({**fleet(history=past, machines=machines), "settings": {"unstable_order": True}})
    failed = ids(it)[0]
    for _time in range(6):
        row(it, state, failed, fail_on="never")
    assert writes(it) == 1


@STATES
def test_a_session_of_another_job_is_refused(em: Start, state: str, action: str) -> None:
    it = em({**fleet(), "vm_jobs": [{"name": "V", "type": "Replica", "history": [{"ended_ago": 60}]}]})
    replica = next(each for each in it.sim.jobs() if each["name"] == "V")["runs"][0]["id"]
    for name, family, session in (("A", AGENT_JOBS, replica), ("V", VM_JOBS, ids(it)[0])):
        failure = it.failure(name, state=state, after_session=session, family=family)
        assert failure.kind == "usage"
        assert f"not of {name}." in failure.message
    assert writes(it) == 0


@STATES
def test_the_session_of_a_machine_stands_for_its_run(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    machines = {run.id: run.machines[0].session_id for run in it.sim.app.state.jobs[0].runs}
    newest, older = (machines[each] for each in ids(it))
    assert row(it, state, older, check=True)["msg"].startswith("Nothing to do: the job has run since")
    assert row(it, state, newest)["action"] == action
    assert writes(it) == 1


@STATES
def test_a_session_that_is_not_listed_any_more_is_an_old_one(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    gone = row(it, state, "5f0b7f0e-7a2c-4b0e-9d38-0a6f6d1f2a11", fail_on="never")
    assert (gone["action"], gone["session"]["id"]) == ("attach", ids(it)[0])
    assert writes(it) == 0
    assert "(after_session) does not exist or is older than 30 days" in it.warnings[0]


@pytest.mark.parametrize("state", ["stopped", "schedule"])
def test_it_is_for_starts(em: Start, state: str) -> None:
    it = em(fleet())
    failure = it.failure("A", state=state, after_session="x", schedule_enabled=True)
    assert (failure.kind, failure.message) == ("usage", f"after_session cannot be used with state {state}.")


def test_one_job_for_each_call(em: Start) -> None:
    it = em(fleet())
    failure = it.failure("A", "B", after_session=ids(it)[0])
    assert (failure.kind, failure.message) == (
        "usage",
        "after_session is a session of one job, but these jobs are named: A, B.",
    )
    assert writes(it) == 0


@STATES
def test_check_mode_predicts(em: Start, state: str, action: str) -> None:
    it = em(fleet())
    newest, older = ids(it)
    assert row(it, state, newest, check=True)["msg"] == f"Would {action}."
    assert row(it, state, older, check=True)["msg"].startswith("Nothing to do")
    assert writes(it) == 0


class TestDatedInTheFuture:
    AHEAD = {"ended_ago": 100000, "duration": 60, "dated_ahead": 400 * 86400}  # noqa: RUF012
    FAILED = {"ended_ago": 7200, "duration": 60, "machines": BROKEN}  # noqa: RUF012

    def test_the_newest_credible_run_is_the_last(self, em: Start) -> None:
        it = em(fleet(history=[self.AHEAD, self.FAILED]))
        failed = next(each["id"] for each in it.sim.jobs()[0]["runs"] if each["result"] == "Failed")
        assert it.jobs("A", state="retried", check=True)["jobs"][0]["msg"] == "Would retry."
        assert "dated in the future and do not count: A@2027-" in it.warnings[0]
        # It may also be a run that began after this one: then the job would run twice.
        for state in ("started", "retried"):
            found = row(it, state, failed)
            assert (found["action"], "its last run is unknown" in found["msg"]) == ("none", True)
        assert it.counters["writes"] == 0

    @STATES
    def test_nothing_is_written_if_the_last_run_is_unknown(self, em: Start, state: str, action: str) -> None:
        it = em(fleet(history=[self.AHEAD]))
        (ahead,) = ids(it)
        rows = [row(it, state, ahead)]
        if state == "retried":
            rows += it.jobs("A", state=state)["jobs"]
        for each in rows:
            assert (each["action"], each["changed"], each["session"]) == ("none", False, None)
            assert each["msg"].startswith("Nothing to do: its last run is unknown")
        assert "The last run of the job is unknown." in it.warnings[0]
        assert writes(it) == 0

    def test_a_session_dated_ahead_has_no_place_among_the_others(self, em: Start) -> None:
        it = em(fleet(history=[self.AHEAD, self.FAILED]))
        (ahead,) = (each["id"] for each in it.sim.jobs()[0]["runs"] if each["result"] != "Failed")
        assert row(it, "started", ahead)["action"] == "none"
        assert writes(it) == 0
