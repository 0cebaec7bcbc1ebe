"""Planner, matcher and merging, fed with whatever a server may leave out, spell otherwise or bring in another order."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.discovery import MINE, OTHER, Started, match
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.machines import merge
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.plan import STATES, Observed, Wish, make_plan
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import CONFLICT, PROTOCOL, ApiError
from hypothesis import given
from hypothesis import strategies as st

TRUE, FALSE = (True, "true", "True", 1, "1"), (False, "false", "False", 0, "0")
UNKNOWN = (None, "", "maybe", 7, [], {})
FLAGS = st.sampled_from([*TRUE, *FALSE, *UNKNOWN])
SENT = 1_800_000_000.0
JOB: Any = {"id": "j", "name": "A", "job_type": "AgentBackup", "backup_server": "vbr01"}
NAMES = st.sampled_from(["web01", "WEB01", "web01.a.com", "web01.b.com", "sql01", "10", "10.0.0.1", ""])
VERDICTS = st.sampled_from(["Success", "Warning", "Failed", None])
BAD = ("Failed", None)


def meaning(shown: Any) -> bool | None:
    text = str(shown).lower()
    return True if text in ("true", "1") else False if text in ("false", "0") else None


@given(
    enabled=FLAGS,
    configured=FLAGS,
    wish=st.booleans(),
    state=st.sampled_from(STATES),
    shown=st.sampled_from(["Working", "idle", "Stopping", "Beendet", None]),
    job_type=st.sampled_from(["Backup", "BackupCopy", "backupcopy", None]),
)
def test_no_write_when_the_state_that_it_depends_on_is_unknown(
    enabled: Any, configured: Any, wish: bool, state: str, shown: Any, job_type: Any
) -> None:
    job = model.job({"name": "A", "job_type": job_type, "schedule_enabled": enabled, "schedule_configured": configured})
    session = model.job_session({"state": shown, "name": "A@now", "result": "Success"})
    known, exists = meaning(enabled), meaning(configured)
    assert (job["schedule_enabled"], job["schedule_configured"]) == (known, exists)
    if exists is False or known is None or (known is not wish and exists is None):
        with pytest.raises(ApiError) as caught:
            make_plan(Wish(state, wish), Observed(job, [session]))
        assert caught.value.kind == (CONFLICT if exists is False else PROTOCOL)
        return
    plan = make_plan(Wish(state, wish), Observed(job, [session]))
    assert plan.toggle is (known is not wish)
    assert not plan.toggle or exists is True
    # What is running is not started; only a copy job between two intervals is.
    if plan.action == "start":
        assert "copy" in str(job_type).lower()
        assert str(shown).lower() == "idle"


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


@given(
    offset=st.one_of(st.none(), st.integers(-4000, 4000)),
    job_id=st.sampled_from(["j", "k", None]),
    job_name=st.sampled_from(["A", "B"]),
    server=st.sampled_from(["vbr01", "vbr02", None]),
    known=st.booleans(),
    running=st.booleans(),
    all_known=st.booleans(),
    named=st.sampled_from([None, "s", "t"]),
    ahead=st.booleans(),
    sent=st.sampled_from([SENT, None]),
)
def test_a_session_that_existed_before_the_start_is_never_the_run(
    offset: Any,
    job_id: Any,
    job_name: str,
    server: Any,
    known: bool,
    running: bool,
    all_known: bool,
    named: Any,
    ahead: bool,
    sent: Any,
) -> None:
    created = None if offset is None else moment(SENT + offset)
    session: Any = {"id": "s", "job_id": job_id, "job_name": job_name, "job_type": "AgentBackup"}
    session.update(backup_server=server, creation_time=created)
    run = Started(
        JOB,
        sent,
        {"s"} if known else set(),
        all_known,
        named,
        SENT + 20,
        {"s"} if running else set(),
        {"s"} if ahead else set(),
    )
    answer = match(run, session, SENT + 60)
    if known or job_id == "k" or (job_id is None and (job_name != "A" or server == "vbr02")):
        assert answer == OTHER
    elif answer == MINE and named != "s":
        after = sent is not None and offset is not None and offset >= 0 and not ahead
        assert after or (running and all_known)


TIMES = st.sampled_from([None, "2026-11-28T10:00:00Z", "2026-11-28T10:00:07.25Z"])


@st.composite
def runs(draw: Any) -> tuple[list[Any], list[Any]]:
    children = [
        {
            "id": f"c{n}",
            "job_name": f"A - {draw(NAMES)}",
            "result": draw(VERDICTS),
            "failure_message": draw(st.sampled_from([None, "Full.", "No network"])),
            "creation_time": draw(TIMES),
            "end_time": draw(TIMES),
            "state": "Stopped",
        }
        for n in range(draw(st.integers(0, 4)))
    ]
    owners = st.sampled_from(["run", None, *(child["id"] for child in children)])
    parts = [
        {
            "id": f"t{n}",
            "job_session_id": draw(owners),
            "creation_time": draw(TIMES),
            "end_time": draw(TIMES),
            "machine": draw(NAMES),
            "result": draw(VERDICTS),
            "reason": draw(st.sampled_from(["", "Full", "Error: Full."])),
            "state": "Completed",
        }
        for n in range(draw(st.integers(0, 5)))
    ]
    return children, parts


@given(runs(), st.randoms(use_true_random=False))
def test_no_machine_is_lost_and_none_is_better_than_its_sessions(sessions: Any, order: Any) -> None:
    children, parts = sessions
    run: Any = {"id": "run", "job_name": "A"}
    machines = merge(run, children, parts)
    ids = [machine["id"] for machine in machines]
    by_id = {machine["id"]: machine for machine in machines}
    assert len(set(ids)) == len(ids)
    assert {child["id"] for child in children} <= set(ids)
    for child in children:
        assert child["result"] not in BAD or by_id[child["id"]]["result"] in BAD
    joined = len(children) + len(parts) - len(machines)
    assert 0 <= joined <= len(parts)
    for part in parts:
        if part["result"] in BAD:
            homes = [by_id.get(part["id"]), by_id.get(str(part["job_session_id"]))]
            # Where no id tells, it is with a machine of a like name.
            homes += [each for each in machines if part["job_session_id"] in ("run", None)]
            assert any(home and home["result"] in BAD for home in homes)
    for shuffled in (children, parts):
        order.shuffle(shuffled)
    again = merge(run, children, parts)
    assert again == machines


@pytest.mark.parametrize("name", ["job", "job_session", "task_session", "task", "computer"])
def test_a_record_of_nothing_invents_nothing(name: str) -> None:
    invented = {key: value for key, value in getattr(model, name)({}).items() if value not in (None, "", [], False)}
    assert invented in ({}, {"running": True})
