"""States, verdicts, times and records."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.model import (
    FINAL,
    JOB_SESSION,
    RUNNING,
    TASK,
    TASK_SESSION,
    UNKNOWN,
    classify,
    job_objects,
    moment,
    verdict,
    worst,
)


@pytest.mark.parametrize(
    ("what", "state", "expected"),
    [
        (TASK, "Running", RUNNING),
        (TASK, "OperationFinished", RUNNING),
        (TASK, "Finished", FINAL),
        (TASK, "Stopped", UNKNOWN),
        *((JOB_SESSION, state, RUNNING) for state in ("Starting", "Working", "Stopping", "Pausing", "Resuming")),
        *((JOB_SESSION, state, RUNNING) for state in ("Idle", "Running", "working", "WORKING")),
        (JOB_SESSION, "Stopped", FINAL),
        (JOB_SESSION, "stopped", FINAL),
        (JOB_SESSION, "Finished", UNKNOWN),
        (TASK_SESSION, "Pending", RUNNING),
        (TASK_SESSION, "InProgress", RUNNING),
        (TASK_SESSION, "Completed", FINAL),
        (TASK_SESSION, "Stopped", UNKNOWN),
        *(
            (what, state, UNKNOWN)
            for what in (TASK, JOB_SESSION, TASK_SESSION)
            for state in ("", None, "Hibernating", 7, [])
        ),
    ],
)
def test_classify(what: str, state: Any, expected: str) -> None:
    assert classify(what, state) == expected


@pytest.mark.parametrize(
    ("what", "state", "result", "expected"),
    [
        (JOB_SESSION, "Stopped", "Success", "Success"),
        (JOB_SESSION, "Stopped", "failed", "Failed"),
        (JOB_SESSION, "Stopped", "None", "None"),
        (JOB_SESSION, "Stopped", None, None),
        (JOB_SESSION, "Stopped", "", None),
        (JOB_SESSION, "Working", "Success", None),
        (JOB_SESSION, "Hibernating", "Failed", None),
        (TASK_SESSION, "InProgress", "Success", None),
        (TASK_SESSION, "Completed", "Warning", "Warning"),
    ],
)
def test_a_result_counts_in_a_final_state_only(what: str, state: str, result: Any, expected: Any) -> None:
    assert verdict(what, state, result) == expected


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], None),
        (["Success"], "Success"),
        (["Success", "Warning"], "Warning"),
        (["Failed", "Warning", "Success"], "Failed"),
        (["Success", None], None),
        (["Failed", "Strange"], "Strange"),
    ],
)
def test_worst(results: list[Any], expected: Any) -> None:
    assert worst(results) == expected


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-01-31T22:00:04Z", 0),
        ("2026-01-31T22:00:04", 0),
        ("2026-01-31 22:00:04", 0),
        ("2026-01-31T22:00:04.5Z", 500000),
        ("2026-01-31T22:00:04.21Z", 210000),
        ("2026-01-31T22:00:04.12345Z", 123450),
        ("2026-01-31T22:00:04.123456Z", 123456),
        ("2026-01-31T22:00:04.1234567Z", 123456),
        ("2026-02-01T00:00:04+02:00", 0),
        ("2026-01-31T16:30:04-05:30", 0),
    ],
)
def test_moment(text: str, microseconds: int) -> None:
    assert moment(text) == datetime(2026, 1, 31, 22, 0, 4, microseconds, timezone.utc)


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "2026-13-01T00:00:00Z", "2026-01-31", "2026-01-31T25:00:00Z", 5]
)
def test_what_is_no_moment(text: Any) -> None:
    assert moment(text) is None


def test_age_hours() -> None:
    now = datetime(2026, 2, 1, 0, 30, tzinfo=timezone.utc)
    assert model.age_hours("2026-01-31T22:00:00Z", now) == 2.5
    assert model.age_hours((now + timedelta(hours=1)).isoformat(), now) == -1.0
    assert model.age_hours(None, now) is None


@pytest.mark.parametrize("record", [model.task, model.job, model.job_session, model.task_session, model.computer])
def test_a_record_of_nothing_is_complete(record: Any) -> None:
    full = record({})
    odd = record({"result": "text", "links": None, "state": ["x"], "name": {"a": 1}, "uid": [], "job_info": "x"})
    assert set(full) == set(odd)
    assert not set(full) & {"items", "values", "keys", "get", "pop", "copy", "update"}


@pytest.mark.parametrize("count", [1, 2])
def test_objects_of_a_job_that_holds_nothing_else(count: int) -> None:
    items = [{"ObjectInJobId": f"i{n}", "Name": f"m{n}"} for n in range(count)]
    included = "".join(
        f"<ObjectInAgentBackupJob><ObjectInJobId>i{n}</ObjectInJobId><Name>m{n}</Name></ObjectInAgentBackupJob>"
        for n in range(count)
    )
    twins = (
        json.dumps({"Name": "A", "JobInfo": {"Includes": {"ObjectInAgentBackupJobs": items}}}),
        json.dumps({"Name": "A", "JobInfo": {"Includes": items}}),
        f"<AgentBackupJob Name='A'><JobInfo><Includes>{included}</Includes></JobInfo></AgentBackupJob>",
    )
    for text in twins:
        assert [each["name"] for each in job_objects(decode(text.encode()))] == [item["Name"] for item in items], text
