"""valid_for: a good run of a short while ago is the backup."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import VM_JOBS
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]
HOUR = 3600.0
MACHINES = [{"name": "web01"}, {"name": "sql01"}]
BROKEN = [{"name": "web01"}, {"name": "sql01", "result": "Failed", "reason": "VSS"}]


def run(ended_ago: float, **more: Any) -> dict[str, Any]:
    return {"ended_ago": ended_ago, "duration": 60, **more}


def fleet(*history: dict[str, Any], **job: Any) -> dict[str, Any]:
    return {"agent_jobs": [{"name": "A", "machines": MACHINES, "history": list(history), **job}]}


def row(it: Em, valid_for: float = HOUR, **wish: Any) -> dict[str, Any]:
    (only,) = it.jobs("A", valid_for=valid_for, **wish)["jobs"]
    return only


def started(it: Em) -> int:
    return sum(request["query"] == "action=start" for request in it.sim.requests())


@pytest.mark.parametrize(
    ("history", "reused"),
    [
        ([run(600)], True),
        ([run(3500)], True),
        ([run(3700)], False),
        ([], False),
        ([run(600, machines=BROKEN)], False),
        # An older run that was good counts as well: it is the age of the backup that matters.
        ([run(600, machines=BROKEN), run(1800)], True),
        ([run(600, machines=BROKEN), run(4000)], False),
    ],
    ids=["young", "just in time", "too old", "never", "failed", "failed after a good one", "failed after an old one"],
)
def test_whether_a_run_counts(em: Start, history: list[dict[str, Any]], reused: bool, dialect: dict[str, str]) -> None:
    it = em(fleet(*history), **dialect)
    found = row(it)
    assert found["action"] == ("reuse" if reused else "start")
    assert found["changed"] is not reused
    assert started(it) == (not reused)
    assert found["session"]["result"] == "Success"
    assert [each["name"] for each in found["machines"]] == ["sql01", "web01"]


@pytest.mark.parametrize("valid_for", [1e12, float("inf")])
def test_any_run_that_is_listed(em: Start, valid_for: float) -> None:
    assert row(em(fleet(run(20 * 24 * HOUR))), valid_for)["action"] == "reuse"


def test_without_it_a_job_starts_as_always(em: Start) -> None:
    assert row(em(fleet(run(60))), valid_for=0)["action"] == "start"


@pytest.mark.parametrize(("fail_on", "action"), [("failed", "reuse"), ("warning", "start"), ("never", "reuse")])
def test_fail_on_decides_what_is_good(em: Start, fail_on: str, action: str) -> None:
    it = em(fleet(run(60, machines=[{"name": "web01", "result": "Warning", "reason": "slow"}])))
    assert row(it, fail_on=fail_on)["action"] == action


def test_it_is_preferred_to_a_run_in_progress(em: Start) -> None:
    it = em(fleet(run(600), running=True))
    found = row(it)
    assert (found["action"], found["session"]["running"]) == ("reuse", False)


def test_check_mode_tells_the_same(em: Start) -> None:
    assert row(em(fleet(run(600))), check=True)["action"] == "reuse"
    assert row(em(fleet(run(6000))), check=True)["action"] == "start"


class TestRetries:
    RETRIED = [{"name": "sql01"}]  # noqa: RUF012

    def test_a_retry_counts_with_the_run_that_it_retries(self, em: Start) -> None:
        it = em(fleet(run(600, machines=self.RETRIED, retry=True), run(1200, machines=BROKEN)))
        found = row(it)
        assert (found["action"], found["session"]["is_retry"]) == ("reuse", True)
        assert [(each["name"], each["result"]) for each in found["machines"]] == [
            ("sql01", "Success"),
            ("web01", "Success"),
        ]

    def test_both_must_be_young(self, em: Start) -> None:
        it = em(fleet(run(600, machines=self.RETRIED, retry=True), run(5000, machines=BROKEN)))
        assert row(it)["action"] == "start"

    def test_a_retry_whose_run_is_not_shown_does_not_count(self, em: Start) -> None:
        assert row(em(fleet(run(600, machines=self.RETRIED, retry=True))))["action"] == "start"

    def test_what_may_be_a_retry_does_not_count_alone(self, em: Start) -> None:
        it = em({**fleet(run(600, machines=self.RETRIED, retry=True)), "settings": {"omit": ["IsRetry"]}})
        assert row(it)["action"] == "start"

    def test_what_the_retry_did_not_mend_counts_against_it(self, em: Start) -> None:
        both = [{"name": "web01", "result": "Failed", "reason": "off"}, {"name": "sql01", "result": "Failed"}]
        it = em(fleet(run(600, machines=self.RETRIED, retry=True), run(1200, machines=both)))
        assert row(it)["action"] == "start"


def test_vm_jobs_too(em: Start) -> None:
    it = em({"vm_jobs": [{"name": "A", "machines": MACHINES, "history": [run(600)]}]})
    assert row(it, family=VM_JOBS)["action"] == "reuse"


def test_the_age_is_by_the_servers_clock(em: Start) -> None:
    it = em({**fleet(run(600)), "settings": {"clock_skew": 7200}})
    assert row(it)["action"] == "reuse"


def test_many_jobs_cost_few_requests(em: Start) -> None:
    jobs = [{"name": f"J{n}", "machines": ["m"], "history": [run(600)]} for n in range(100)]
    it = em({"agent_jobs": jobs})
    result = it.jobs(*(job["name"] for job in jobs), valid_for=HOUR)
    assert {each["action"] for each in result["jobs"]} == {"reuse"}
    assert result["changed"] is False
    assert len(it.sim.requests()) <= 20


class TestDatedInTheFuture:
    BROKEN_SINCE = run(7200, machines=BROKEN)

    def test_a_run_that_is_dated_ahead_is_not_the_backup(self, em: Start) -> None:
        it = em(fleet(run(28 * HOUR, dated_ahead=400 * 24 * HOUR), self.BROKEN_SINCE))
        assert row(it, check=True)["action"] == "start"
        (warning,) = it.warnings
        assert warning.startswith("Sessions of the job A are dated in the future and do not count: A@2027-")
        assert warning.endswith("Check the clock of the backup server vbr01.example.com.")
        assert row(it)["action"] == "start"

    @pytest.mark.parametrize(("ahead", "action"), [(3000, "reuse"), (4200 + HOUR, "start")])
    def test_clocks_may_differ_a_little(self, em: Start, ahead: float, action: str) -> None:
        assert row(em(fleet(run(600, dated_ahead=ahead))))["action"] == action

    def test_it_hides_no_good_run(self, em: Start) -> None:
        found = row(em(fleet(run(28 * HOUR, dated_ahead=400 * 24 * HOUR), run(600))))
        assert (found["action"], found["session"]["creation_time"][:4]) == ("reuse", "2026")

    def test_a_run_in_progress_is_joined_whatever_its_date(self, em: Start) -> None:
        it = em({**fleet(running=True), "backup_servers": [{"name": "vbr01", "clock_skew": 400 * 24 * HOUR}]})
        assert row(it)["action"] == "attach"
        assert started(it) == 0
