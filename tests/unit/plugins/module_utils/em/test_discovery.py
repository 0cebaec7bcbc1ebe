"""Whose run is it: the evidence, weighed in one pure function."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.discovery import (
    DOUBTFUL,
    MINE,
    OTHER,
    Started,
    choose,
    match,
)

JOB: Any = {"id": "j", "name": "A", "job_type": "AgentBackup", "backup_server": "vbr01"}
SENT = 1_800_000_000.0
BEFORE, AT, AFTER = "2027-01-15T07:59:59Z", "2027-01-15T08:00:00Z", "2027-01-15T08:00:05Z"


def session(created: Any, session_id: str = "s", **changes: Any) -> Any:
    base = {"id": session_id, "job_id": "j", "job_name": "A", "job_type": "AgentBackup", "backup_server": "vbr01"}
    return {**base, "creation_time": created, **changes}


@pytest.mark.parametrize(
    ("evidence", "shown", "expected"),
    [
        # By the clocks.
        ({}, session(AFTER), MINE),
        ({}, session(AT), MINE),
        ({}, session(BEFORE), DOUBTFUL),
        ({}, session(None), DOUBTFUL),
        ({"sent_at": None}, session(AFTER), DOUBTFUL),
        # The backup server's clock is known to be ahead.
        ({"ahead": {"s"}}, session(AFTER), DOUBTFUL),
        ({"ahead": {"t"}}, session(AFTER), MINE),
        # Another job, another server, known before.
        ({}, session(AFTER, job_id="k"), OTHER),
        ({}, session(AFTER, job_id=None, job_name="B"), OTHER),
        ({}, session(AFTER, job_id=None, backup_server="vbr02"), OTHER),
        ({"known": {"s"}}, session(AFTER), OTHER),
        ({"known": {"s"}, "named": "s"}, session(AFTER), OTHER),
        ({"named": "s"}, session(AFTER, job_id="k"), OTHER),
        # What the task names.
        ({"named": "s"}, session(BEFORE), MINE),
        ({"named": "s"}, session(None), MINE),
        ({"named": "t", "named_until": SENT + 20}, session(AFTER), OTHER),
        ({"named": "t", "named_until": SENT}, session(AFTER), MINE),
        ({"named": "t", "named_until": SENT}, session(BEFORE), DOUBTFUL),
        # Seen running after the start was accepted: the server starts no job that is running.
        ({"seen_running": {"s"}}, session(BEFORE), MINE),
        ({"seen_running": {"s"}}, session(None), MINE),
        ({"seen_running": {"s"}, "ahead": {"s"}}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(BEFORE), DOUBTFUL),
        ({"seen_running": {"t"}}, session(BEFORE), DOUBTFUL),
    ],
)
def test_match(evidence: Any, shown: Any, expected: str) -> None:
    assert match(Started(JOB, **{"sent_at": SENT, **evidence}), shown, now=SENT + 10) == expected


def chosen(sessions: list[Any], **evidence: Any) -> tuple[list[str], list[str]]:
    run = Started(JOB, **{"sent_at": SENT, **evidence})
    found = [choose(run, order, SENT + 60) for order in (sessions, sessions[::-1])]
    mine, doubtful = ([each["id"] for each in found[0][part]] for part in (0, 1))
    assert [each["id"] for each in found[1][0]] == mine
    return mine, sorted(doubtful)


LATER = "2027-01-15T08:00:30Z"


@pytest.mark.parametrize(
    ("sessions", "evidence", "mine", "doubtful"),
    [
        # Somebody may have started the job again before its short run has shown.
        ([session(AFTER, "b"), session(LATER, "a")], {}, ["b"], []),
        ([session(AFTER, "b"), session(LATER, "a")], {"seen_running": {"a"}}, ["b"], []),
        ([session(AFTER, "b"), session(LATER, "a")], {"named": "a"}, ["a"], []),
        # An old one beside it changes nothing, if the clocks agree.
        ([session(BEFORE, "b"), session(LATER, "a")], {}, ["a"], []),
        ([session(BEFORE, "b")], {}, [], ["b"]),
        # By a clock that is ahead it may be the run as well.
        ([session(AFTER, "b"), session(LATER, "a")], {"ahead": {"b"}, "seen_running": {"a"}}, [], ["a", "b"]),
        ([session(AFTER, "b"), session(LATER, "a")], {"ahead": {"a", "b"}, "named": "a"}, ["a"], []),
        ([session(LATER, "b"), session(AFTER, "a")], {"ahead": {"b"}, "seen_running": {"a"}}, ["a"], []),
        ([], {}, [], []),
    ],
)
def test_choose(sessions: Any, evidence: Any, mine: Any, doubtful: Any) -> None:
    assert chosen(sessions, **evidence) == (mine, doubtful)


def test_a_copy_job_has_a_session_for_each_source() -> None:
    job = {**JOB, "job_type": "BackupCopy"}
    run = Started(job, SENT, named="a")
    workers = [session(AFTER, "a"), session(LATER, "b", job_id="w", job_name="A\\VM 1")]
    assert choose(run, workers, SENT + 60)[0] == workers
