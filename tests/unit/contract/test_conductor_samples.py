"""Every recorded payload of both products: what the model and the judge make of it is what the index expects."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils import _errors
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor import errors, model
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Response

ROOT = Path(__file__).resolve().parents[3]
# Payloads written for this project, and those that VEEAM_EM_REFERENCE adds.
FOLDERS = (
    Path(__file__).with_name("payloads_conductor"),
    Path(os.environ.get("VEEAM_EM_REFERENCE", ROOT.parent / "shared" / "reference")) / "samples_conductor",
)
PLACE: dict[str, Path] = {}
INDEX: dict[str, Any] = {}
for _folder in FOLDERS:
    if (_folder / "index.json").is_file():
        _entries = json.loads((_folder / "index.json").read_text(encoding="utf-8"))
        PLACE.update(dict.fromkeys(_entries, _folder))
        INDEX.update(_entries)


def samples(shape: str) -> Any:
    """Run a test for each sample of a shape."""
    names = [name for name, entry in INDEX.items() if entry["expect"]["shape"] == shape]
    assert names, f"no payload of the shape {shape}"
    return pytest.mark.parametrize("name", names)


def body_of(name: str) -> bytes:
    return (PLACE[name] / name).read_bytes()


def read(name: str) -> Any:
    return errors.decode(body_of(name))


@samples("task")
def test_task(name: str) -> None:
    raw, expect = read(name), INDEX[name]["expect"]
    record = model.task(raw)
    seen = {
        "shape": "task",
        "status": record["status"],
        "terminal": record["terminal"],
        "successful": record["successful"],
        "retriable_flag": model.flags(record["status"]).retriable,
        "superseded_by_retry": record["superseded"],
        "is_retry_attempt": record["retried_task_id"] is not None,
        "has_reason": record["reason"] is not None,
    }
    assert seen == expect
    assert record["exists"]
    assert record["task_id"] == raw["taskId"]
    assert record["workflow_id"] == raw["workflowInstanceId"]
    assert record["input"] == raw.get("inputData", {})
    assert record["output"] == raw.get("outputData", {})
    for moment in ("scheduled", "start", "update", "end"):
        milliseconds = raw.get(moment + "Time", 0)
        assert record[moment + "_time_ms"] == milliseconds
        assert (record[moment + "_time"] is None) == (milliseconds == 0)


@samples("workflow")
def test_workflow(name: str) -> None:
    raw, expect = read(name), INDEX[name]["expect"]
    workflow = model.Workflow(raw)
    assert (workflow.status, workflow.terminal) == (expect["status"], expect["terminal"])
    assert len(raw["tasks"]) == expect["tasks"]
    for reference, chain in expect.get("retry_chain_for_ref", {}).items():
        assert [attempt["task_id"] for attempt in workflow.attempts(reference)] == chain
        assert workflow.newest(reference)["attempts"] == chain
    for reference, current in expect.get("current_task_for_ref", {}).items():
        assert workflow.newest(reference)["task_id"] == current
    assert {raw["referenceTaskName"] for raw in raw["tasks"]} <= set(workflow.references())


@samples("task_summary")
def test_task_summary(name: str) -> None:
    expect = INDEX[name]["expect"]
    record = model.task(read(name))
    assert (record["status"], record["terminal"]) == (expect["status"], expect["terminal"])


KINDS = {
    "token": _errors.AUTHENTICATION,
    "permission": _errors.AUTHORIZATION,
    "not_found": _errors.NOT_FOUND,
    "validation": _errors.REJECTED,
    "transient": _errors.SERVER,
    "server": _errors.SERVER,
}


@samples("error")
def test_error(name: str) -> None:
    entry = INDEX[name]
    method = entry["endpoint"].split()[0]
    response = Response(entry["http_status"], {}, body_of(name), "GET" if method == "any" else method, "/api/tasks/x")
    error = errors.judge(response)
    assert error is not None
    assert error.kind == KINDS[entry["expect"]["class"]]
    assert isinstance(error, errors.TokenRefused) == (entry["expect"]["class"] == "token")
    assert read(name)["message"] in (error.em_message or "")
    if entry["expect"]["class"] in ("transient", "server"):
        assert error.retryable


@samples("token")
def test_token(name: str) -> None:
    assert errors.judge(Response(200, {}, body_of(name), "POST", "/api/token")) is None
    assert read(name)["token"]
