"""Current state + wish -> what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.plan import (
    STATES,
    Observed,
    Plan,
    Wish,
    busy_sessions,
    check,
    check_single,
    make_plan,
    running_already,
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


UNKNOWN = "its last run is unknown, because sessions of the job are dated in the future"


@pytest.mark.parametrize(
    ("wish", "last", "plan"),
    [
        (Wish("retried"), None, Plan("none", False, UNKNOWN)),
        (Wish("retried", schedule_enabled=False), None, Plan("none", True, UNKNOWN)),
        # A session that is dated in the future may have begun after this one.
        (Wish("started", after_session="l"), ended("Failed"), Plan("none", False, UNKNOWN)),
        (Wish("started", after_session="a"), ended("Failed"), Plan("none", False, UNKNOWN)),
        (Wish("retried", after_session="l"), ended("Failed"), Plan("none", False, UNKNOWN)),
        # The server refuses to retry a job whose last run did not fail.
        (Wish("retried"), ended("Failed"), Plan("retry", False, "")),
    ],
)
def test_sessions_that_are_dated_in_the_future(wish: Wish, last: Any, plan: Plan) -> None:
    job: Any = {"name": "A", "job_type": "Backup", "schedule_enabled": True, "schedule_configured": True}
    assert make_plan(wish, Observed(job, [], last, ahead=True)) == plan


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
    reason = "the schedule already has the requested value" if enabled is wish else ""
    assert plan == Plan("none", enabled is not wish, reason)


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


GUID = "7c0e0000-0000-4000-8000-0000000000ab"
STOPPING: Any = {"name": "A@stop", "id": "s", "result": None, "state": "Stopping"}


@pytest.mark.parametrize(
    ("wish", "running", "last", "valid", "plan"),
    [
        # The reason is shown as it is.
        (Wish("schedule", True), [], None, None, ("none", "the schedule already has the requested value")),
        (Wish("stopped"), [], None, None, ("none", "the job is not running")),
        (Wish("stopped"), [STOPPING], None, None, ("none", "it is already stopping")),
        # One of several runs still has to be stopped.
        (Wish("stopped"), [STOPPING, RUNNING], None, None, ("stop", "")),
        (Wish("stopped"), [RUNNING, STOPPING], None, None, ("stop", "")),
        (Wish("started"), [RUNNING], None, None, ("attach", "the job is already running")),
        (Wish("started"), [], None, None, ("start", "")),
        (Wish("retried"), [], None, None, ("none", "the job has not run in the last 30 days")),
        (Wish("retried"), [], ended("Warning"), None, ("none", "its last run ended Warning")),
        (Wish("retried"), [], ended(None), None, ("none", "its last run ended without a verdict")),
        (Wish("retried"), [], ended("Failed"), None, ("retry", "")),
        # A run that still counts goes before everything else.
        (
            Wish("started", valid_for=60, if_running="fail", after_session="x"),
            [RUNNING],
            ended("Failed"),
            ended("Warning"),
            ("reuse", "its run A@then ended Warning and is recent enough (valid_for)"),
        ),
        # It does not matter to a request that does not need a backup.
        (Wish("stopped"), [RUNNING], None, ended("Success"), ("stop", "")),
        # After a session: only if that one is still the newest.
        (
            Wish("started", after_session=GUID),
            [],
            None,
            None,
            ("none", "no session of the job is listed, so after_session cannot be checked"),
        ),
        (Wish("started", after_session=GUID), [], {**ended("Failed"), "id": GUID}, None, ("start", "")),
        (Wish("retried", after_session=GUID), [], {**ended("Failed"), "id": GUID}, None, ("retry", "")),
        (Wish("started", after_session=GUID.upper()), [], {**ended("Failed"), "id": GUID}, None, ("start", "")),
        (Wish("started", after_session=GUID), [], {**ended("Failed"), "id": GUID.upper()}, None, ("start", "")),
        (
            Wish("started", after_session=f"urn:veeam:BackupJobSession:{GUID}"),
            [],
            {**ended("Failed"), "id": GUID},
            None,
            ("start", ""),
        ),
        (
            Wish("retried", after_session=GUID),
            [],
            ended("Failed"),
            None,
            ("attach", "the job has run since after_session; its newest session is A@then"),
        ),
        # An empty text is not the newest session either.
        (
            Wish("started", after_session=""),
            [],
            ended("Failed"),
            None,
            ("attach", "the job has run since after_session; its newest session is A@then"),
        ),
        (Wish("started", after_session=GUID), [RUNNING], None, None, ("attach", "the job is already running")),
    ],
)
def test_what_is_done_and_why(wish: Wish, running: Any, last: Any, valid: Any, plan: tuple[str, str]) -> None:
    job = seen().job
    assert make_plan(wish, Observed(job, running, last, valid)) == Plan(plan[0], False, plan[1])
    if wish.state != "schedule":
        # Whatever is done, the schedule is set as well, and the reason stays.
        other = {**vars(wish), "schedule_enabled": False}
        assert make_plan(Wish(**other), Observed(job, running, last, valid)) == Plan(plan[0], True, plan[1])


def refused(function: Any, *arguments: Any) -> tuple[str, str, str | None]:
    with pytest.raises(ApiError) as caught:
        function(*arguments)
    return caught.value.kind, caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("wish", "message", "hint"),
    [
        (Wish("schedule"), "state schedule requires schedule_enabled.", "Set schedule_enabled to true or false."),
        (
            Wish("started", valid_for=-0.5),
            "valid_for must be at least 0 seconds.",
            "Use 0 to always start a backup.",
        ),
        (
            Wish("started", valid_for=float("nan")),
            "valid_for must be at least 0 seconds.",
            "Use 0 to always start a backup.",
        ),
        (Wish("stopped", valid_for=0.5), "valid_for cannot be used with state stopped.", "Leave it out."),
        (Wish("retried", valid_for=60), "valid_for cannot be used with state retried.", "Leave it out."),
        (Wish("stopped", after_session=""), "after_session cannot be used with state stopped.", "Leave it out."),
        (
            Wish("schedule", True, after_session="s"),
            "after_session cannot be used with state schedule.",
            "Leave it out.",
        ),
    ],
)
def test_wishes_that_are_refused(wish: Wish, message: str, hint: str) -> None:
    assert refused(check, wish) == (USAGE, message, hint)


@pytest.mark.parametrize(
    "wish",
    [
        Wish("started", valid_for=0),
        Wish("started", valid_for=0.5),
        Wish("started", valid_for=60, after_session="s"),
        Wish("retried", after_session="s"),
        Wish("stopped"),
        Wish("schedule", True),
    ],
)
def test_wishes_that_are_not_refused(wish: Wish) -> None:
    check(wish)
    check_single(wish, ["A"])
    check_single(wish, [])


def test_a_session_is_of_one_job() -> None:
    assert refused(check_single, Wish("started", after_session=""), ["A", "B"]) == (
        USAGE,
        "after_session is a session of one job, but these jobs are named: A, B.",
        "Name one job for each call.",
    )
    check_single(Wish("started"), ["A", "B"])


def test_refusals_say_what_to_do() -> None:
    assert refused(make_plan, Wish("started", True), seen(configured=False)) == (
        CONFLICT,
        "The job A has no schedule to enable or disable.",
        "Configure a schedule in the job's settings in Backup & Replication, or leave out schedule_enabled.",
    )
    assert refused(make_plan, Wish("started", True), seen(None, None)) == (
        PROTOCOL,
        "Enterprise Manager does not say whether the schedule of A is enabled, so it was not toggled.",
        "Set the schedule in Backup & Replication, or leave out schedule_enabled.",
    )
    error = running_already("A", RUNNING)
    assert (error.kind, error.message, error.hint) == (
        CONFLICT,
        "The job A is already running (session A@now).",
        "Wait for that run with veeam_em_job_session_wait, or set if_running to attach to join it.",
    )


def test_the_job_and_its_first_busy_session_are_named() -> None:
    busy = Observed(seen().job, [RUNNING, {**RUNNING, "name": "A@second"}])
    message = refused(make_plan, Wish("started", if_running="fail"), busy)[1]
    assert message == "The job A is already running (session A@now)."


def test_sessions_that_keep_a_job_busy() -> None:
    idle: Any = {**RUNNING, "state": "Idle"}
    assert busy_sessions(seen(job_type="BackupCopy").job, [idle, RUNNING]) == [RUNNING]
    assert busy_sessions(seen().job, [idle, RUNNING]) == [idle, RUNNING]
