"""Current state + wish -> what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.plan import (
    STATES,
    Observed,
    Plan,
    Wish,
    check,
    make_plan,
    verb,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import CONFLICT, PROTOCOL, USAGE, ApiError

RUNNING: Any = {"name": "A@now", "id": "r", "result": None, "state": "Working"}


def seen(
    enabled: Any = True, configured: Any = True, running: bool = False, last: Any = None, job_type: Any = "Backup"
) -> Observed:
    job: Any = {"name": "A", "job_type": job_type, "schedule_enabled": enabled, "schedule_configured": configured}
    return Observed(job, [RUNNING] if running else [], last)


def ended(result: Any) -> dict[str, Any]:
    return {"name": "A@then", "id": "l", "result": result}


@pytest.mark.parametrize(
    ("state", "running", "last", "action"),
    [
        ("started", False, None, "start"),
        ("started", False, ended("Failed"), "start"),
        ("started", True, None, "attach"),
        ("stopped", False, ended("Failed"), "none"),
        ("stopped", True, None, "stop"),
        ("retried", False, None, "none"),
        ("retried", False, ended("Failed"), "retry"),
        ("retried", False, ended("Warning"), "none"),
        ("retried", False, ended("Success"), "none"),
        ("retried", False, ended("None"), "none"),
        ("retried", False, ended(None), "none"),
        ("retried", True, ended("Failed"), "attach"),
    ],
)
@pytest.mark.parametrize("wish", [None, True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_actions(state: str, running: bool, last: Any, action: str, wish: Any, enabled: bool) -> None:
    plan = make_plan(Wish(state, schedule_enabled=wish), seen(enabled, running=running, last=last))
    assert plan.action == action
    assert plan.toggle is (wish is not None and wish != enabled)
    assert plan.changes is (plan.toggle or action in ("start", "stop", "retry"))
    assert bool(plan.reason) is (action in ("none", "attach"))


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("wish", [True, False])
@pytest.mark.parametrize("running", [True, False])
def test_the_schedule_alone(enabled: bool, wish: bool, running: bool) -> None:
    plan = make_plan(Wish("schedule", schedule_enabled=wish), seen(enabled, running=running))
    assert (plan.action, plan.toggle) == ("none", enabled is not wish)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("wish", [True, False])
def test_without_a_schedule_there_is_none_to_set(state: str, wish: bool) -> None:
    with pytest.raises(ApiError, match="A has no schedule") as caught:
        make_plan(Wish(state, schedule_enabled=wish), seen(enabled=False, configured=False))
    assert caught.value.kind == CONFLICT


def test_without_a_schedule_other_wishes_can_be_fulfilled() -> None:
    assert make_plan(Wish("started"), seen(enabled=False, configured=False)) == Plan("start", False, "")


@pytest.mark.parametrize("state", ["started", "retried"])
def test_if_running_fail(state: str) -> None:
    with pytest.raises(ApiError, match="already running") as caught:
        make_plan(Wish(state, if_running="fail"), seen(running=True))
    assert caught.value.kind == CONFLICT
    assert "A@now" in caught.value.message


@pytest.mark.parametrize("state", ["stopped", "schedule"])
def test_if_running_does_not_matter_where_nothing_is_started(state: str) -> None:
    make_plan(Wish(state, True, if_running="fail"), seen(running=True))


def test_a_wish_that_makes_no_sense() -> None:
    with pytest.raises(ApiError) as caught:
        check(Wish("schedule"))
    assert caught.value.kind == USAGE
    check(Wish("schedule", False))
    check(Wish("started"))


@pytest.mark.parametrize("state", ["Stopping", "stopping", "STOPPING"])
def test_a_run_that_is_stopping_is_not_stopped_again(state: str) -> None:
    plan = make_plan(Wish("stopped"), Observed(seen().job, [{**RUNNING, "state": state}]))
    assert (plan.action, plan.changes, plan.reason) == ("none", False, "it is already stopping")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("wish", [True, False])
@pytest.mark.parametrize(("enabled", "configured"), [(None, True), (None, None)])
def test_a_schedule_that_is_not_known_is_not_set(state: str, wish: bool, enabled: Any, configured: Any) -> None:
    with pytest.raises(ApiError, match="does not say whether the schedule of A is enabled") as caught:
        make_plan(Wish(state, schedule_enabled=wish), seen(enabled, configured))
    assert caught.value.kind == PROTOCOL


@pytest.mark.parametrize("enabled", [True, False])
def test_a_schedule_that_may_not_exist(enabled: bool) -> None:
    assert not make_plan(Wish("schedule", enabled), seen(enabled, None)).toggle
    with pytest.raises(ApiError, match="whether the schedule of A exists") as caught:
        make_plan(Wish("schedule", not enabled), seen(enabled, None))
    assert caught.value.kind == PROTOCOL


@pytest.mark.parametrize("enabled", [None, True])
def test_nobody_asks_for_a_schedule_that_is_not_known(enabled: Any) -> None:
    assert make_plan(Wish("started"), seen(enabled, None)).action == "start"


@pytest.mark.parametrize("if_running", ["attach", "fail"])
@pytest.mark.parametrize(
    ("job_type", "state", "action"),
    [
        ("BackupCopy", "Idle", "start"),
        ("backupcopy", "idle", "start"),
        ("SimpleBackupCopyPolicy", "IDLE", "start"),
        ("BackupCopy", "Working", "attach"),
        ("Backup", "Idle", "attach"),
    ],
)
def test_a_copy_job_between_its_intervals_is_not_busy(if_running: str, job_type: str, state: str, action: str) -> None:
    now = Observed(seen(job_type=job_type).job, [{**RUNNING, "state": state}])
    if action == "attach" and if_running == "fail":
        with pytest.raises(ApiError, match="already running"):
            make_plan(Wish("started", if_running=if_running), now)
    else:
        assert make_plan(Wish("started", if_running=if_running), now).action == action
    assert make_plan(Wish("stopped"), now).action == "stop"


@pytest.mark.parametrize(
    ("action", "job_type", "word"),
    [
        ("start", "BackupCopy", "sync"),
        ("start", "backupcopy", "sync"),
        ("start", "ImmediateBackupCopy", "sync"),
        ("start", "Backup", "start"),
        ("start", None, "start"),
        ("stop", "BackupCopy", "stop"),
        ("retry", "BackupCopy", "retry"),
    ],
)
def test_the_word_for_an_action(action: str, job_type: Any, word: str) -> None:
    assert verb(action, seen(job_type=job_type).job) == word
