"""Whether a task is as wished: compared as the server keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.model import task
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.update import Update
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError

SMILE = "\U0001f600"  # two units of UTF-16


def record(status: str = "IN_PROGRESS", **more: Any) -> dict[str, Any]:
    return task({"taskId": "t", "workflowInstanceId": "w", "status": status, "updateTime": 5, **more})


def wish(output: Any = None, reason: str | None = None, status: str = "IN_PROGRESS") -> Update:
    return Update.from_params(status, output, reason)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("", ""),
        ("disk full", "disk full"),
        ("x" * 501, "x" * 500),
        # A character that the border would cut in two goes whole.
        (SMILE * 250 + "x", SMILE * 250),
        ("a" + SMILE * 250, "a" + SMILE * 249),
    ],
)
def test_the_reason_that_is_sent(given: str | None, kept: str | None) -> None:
    assert wish(reason=given).reason == kept


@pytest.mark.parametrize(
    ("update", "now", "expected"),
    [
        (wish(), record(), True),
        (wish(), record(reasonForIncompletion="of the attempt before"), True),
        (wish(reason="x" * 700), record(reasonForIncompletion="x" * 500), True),
        (wish(reason="x" * 700), record(reasonForIncompletion="x" * 499), False),
        (wish(reason=""), record(), True),
        (wish(reason=""), record(reasonForIncompletion=""), True),
        (wish(reason=""), record(reasonForIncompletion="old"), False),
        (wish({"a": 1}), record(outputData={"a": 1, "b": 2}), True),
        (wish({"a": 1}), record(outputData={"a": 2}), False),
        # JSON has no other keys than texts.
        (wish({1: (2, 3)}), record(outputData={"1": [2, 3]}), True),
        (wish({"a": 1}), record("SCHEDULED", outputData={"a": 1}), True),
        (wish({"a": 1}), record(externalOutputPayloadStoragePath="p"), False),
        (wish(), record(externalOutputPayloadStoragePath="p"), True),
        # What has ended is settled.
        (wish({"a": 1}, "r", "FAILED"), record("FAILED"), True),
        (wish({"a": 1}, "r", "FAILED"), record("COMPLETED_WITH_ERRORS"), True),
        (wish({}, None, "COMPLETED"), record("FAILED"), False),
    ],
)
def test_whether_it_is_so_already(update: Update, now: dict[str, Any], expected: bool) -> None:
    assert update.holds(now) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, False),
        ({"updateTime": 6}, True),
        ({"externalOutputPayloadStoragePath": "q"}, True),
        ({"updateTime": 6, "reasonForIncompletion": "another"}, False),
    ],
)
def test_an_output_in_external_storage_is_known_by_its_marks(after: dict[str, Any], expected: bool) -> None:
    before = record(externalOutputPayloadStoragePath="p", reasonForIncompletion="r")
    raw = {"externalOutputPayloadStoragePath": "p", "reasonForIncompletion": "r", **after}
    assert wish({"a": 1}).holds(record(**raw), before) is expected


def test_an_output_that_was_put_into_external_storage() -> None:
    assert wish({"a": "long"}).holds(record(externalOutputPayloadStoragePath="p"), record())


def test_what_is_posted() -> None:
    before = record(
        outputData={"kept": 1, "changed": 1},
        reasonForIncompletion="r",
        callbackAfterSeconds=2147483647,
        workerId="worker",
    )
    body = {"workflowInstanceId": "w", "taskId": "t", "outputData": {"kept": 1, "changed": 2}}
    # A task that continues keeps what the update does not name: the server would overwrite it.
    assert wish({"changed": 2}).result(before) == {
        **body,
        "status": "IN_PROGRESS",
        "callbackAfterSeconds": 2147483647,
        "workerId": "worker",
        "reasonForIncompletion": "r",
    }
    assert wish({"changed": 2}, status="COMPLETED").result(before) == {**body, "status": "COMPLETED"}
    assert wish({"changed": 2}, "", "COMPLETED").result(before)["reasonForIncompletion"] == ""


@pytest.mark.parametrize("output", [{"a": float("nan")}, {"a": {1, 2}}])
def test_an_output_that_is_not_json(output: Any) -> None:
    with pytest.raises(ApiError) as caught:
        wish(output)
    assert caught.value.kind == "usage"
