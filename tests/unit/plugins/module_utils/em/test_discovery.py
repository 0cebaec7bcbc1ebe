"""Whose run is it: the evidence, weighed in one pure function."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.discovery import (
    DOUBTFUL,
    MINE,
    OTHER,
    Started,
    earliest,
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
        ({"ahead": 60.0}, session(AFTER), DOUBTFUL),
        ({"ahead": 5.0}, session(AFTER), MINE),
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
        ({"seen_running": {"s"}, "ahead": 60.0}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(AFTER), MINE),
        ({"seen_running": {"s"}, "all_known": False}, session(BEFORE), DOUBTFUL),
        ({"seen_running": {"t"}}, session(BEFORE), DOUBTFUL),
    ],
)
def test_match(evidence: Any, shown: Any, expected: str) -> None:
    assert match(Started(JOB, **{"sent_at": SENT, **evidence}), shown, now=SENT + 10) == expected


def test_the_earliest_counts() -> None:
    """Somebody may have started the job again before its short run has shown."""
    first, second = session(AT, "z"), session(AFTER, "a")
    for order in ([first, second], [second, first]):
        assert earliest(order) is first
    assert earliest([]) is None
