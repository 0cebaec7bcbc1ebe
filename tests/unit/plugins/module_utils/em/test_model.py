"""States, verdicts, times and records."""

from __future__ import annotations

import json
from datetime import datetime, timezone
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
    ("result", "expected"),
    [("Success", "Success"), ("failed", "Failed"), ("WARNING", "Warning"), ("Odd", "Odd")]
    + [(nothing, None) for nothing in ("None", "none", None, "", {}, [])],
)
def test_verdict(result: Any, expected: Any) -> None:
    assert verdict(result) == expected


BEGAN, END = "2026-01-31T22:00:00Z", "2026-01-31T22:10:00Z"
NOW = datetime(2026, 1, 31, 23, 0, tzinfo=timezone.utc)
NO_DATES = (None, "", *(f"{day}T00:00:00Z" for day in ("0001-01-01", "1601-01-01", "1753-01-01", "1900-01-01")))


@pytest.mark.parametrize(
    ("state", "result", "end", "ended"),
    [
        ("Stopped", "Success", END, True),
        ("Stopped", None, None, True),
        ("Stopped", "Success", "9999-12-31T23:59:59Z", True),
        ("Working", "Success", END, False),
        ("Stopping", "Failed", END, False),
        ("Idle", "Success", END, False),
        ("Beendet", "Success", END, True),
        ("Beendet", "failed", END, True),
        (None, "Warning", END, True),
        ("Beendet", "None", END, False),
        ("Beendet", None, END, False),
        ("Beendet", "Odd", END, False),
        *(("Beendet", "Success", nothing, False) for nothing in (*NO_DATES, "9999-12-31T23:59:59Z", "soon")),
        ("Beendet", "Success", "2026-01-31T21:59:59Z", False),
        ("Beendet", "Success", "2026-01-31T23:00:01Z", False),
        *(("Working", "Success", nothing, False) for nothing in NO_DATES),
    ],
)
def test_one_rule_for_the_end_of_a_session(state: Any, result: Any, end: Any, ended: bool) -> None:
    shown = {"state": state, "result": result, "creation_time_utc": BEGAN, "end_time_utc": end, "progress": "100"}
    session = model.job_session(shown, NOW)
    assert session["running"] is not ended
    assert session["result"] == (model.verdict(result) if ended else None)
    assert session["end_time"] == (end if ended and end == END else None)
    if ended and state != "Stopped":
        part = model.task_session(shown, NOW)
        assert (part["result"], part["end_time"]) == (session["result"], session["end_time"])


@pytest.mark.parametrize("state", ["Working", "Stopped", "Beendet"])
@pytest.mark.parametrize("nothing", [*NO_DATES, "9999-12-31T00:00:00Z"])
def test_a_placeholder_is_no_date(state: str, nothing: Any) -> None:
    times = dict.fromkeys(("creation_time_utc", "end_time_utc", "next_run"), nothing)
    assert model.job(times)["next_run"] is None
    session = model.job_session(dict(times, state=state))
    assert (session["creation_time"], session["end_time"]) == (None, None)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [(each, True) for each in (True, "true", "True", "TRUE", 1, "1", " true ")]
    + [(each, False) for each in (False, "false", "False", 0, "0")]
    + [(each, None) for each in (None, "", "yes", "2", 2, [], {}, "enabled")],
)
def test_every_spelling_of_a_flag(shown: Any, expected: bool | None) -> None:
    job = model.job({"schedule_enabled": shown, "schedule_configured": shown})
    assert (job["schedule_enabled"], job["schedule_configured"]) == (expected, expected)
    assert model.job_session({"is_retry": shown})["is_retry"] is expected
    done = model.task({"state": "finished", "result": {"success": shown}})
    assert (done["finished"], done["success"]) == (True, expected)


@pytest.mark.parametrize(
    ("shown", "expected"), [(7, 7), ("7", 7), (" 7", 7), (None, None), ("", None), ("x", None), (True, None)]
)
def test_numbers_may_come_as_text(shown: Any, expected: int | None) -> None:
    assert model.job_session({"progress": shown})["progress"] == expected
    assert model.task_session({"total_size": shown})["total_size"] == expected


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
