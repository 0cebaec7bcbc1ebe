"""Every fault x every module operation: the outcome of each cell is declared in expectations.py.

A cell strikes one request of an operation. Without faults the requests of an operation are always the same, so a cell
names its request by its number. "make test" takes two places of each operation for each fault (the write always);
"make test-full" takes every request.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.faults.expectations import (
    COURTESY,
    FAULTS,
    GLANCE,
    LAST_RUN,
    LOG_OFF,
    LOGON,
    LOOKUP,
    OK,
    POLL,
    READ,
    UNCHANGED,
    WRITE,
    Fault,
    Place,
)
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import PASSWORD, Laboratory, laboratory
from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import OPERATIONS, Operation

BASIC = base64.b64encode(f"administrator:{PASSWORD}".encode()).decode()


@cache
def places() -> dict[str, list[Place]]:
    """The requests of each operation, as they are without faults."""
    found = {}
    with pytest.MonkeyPatch.context() as monkeypatch, laboratory(monkeypatch) as lab:
        for operation in OPERATIONS:
            lab.begin()
            options = operation.prepare(lab)
            before = len(lab.sim.requests())
            result = lab.run(operation.module, **{**operation.options, **options})
            assert result["failed"] is False, (operation.name, result)
            assert lab.counters["open_logon_sessions"] == operation.leaves
            found[operation.name] = _places(operation, lab.sim.requests()[before:])
    return found


def _places(operation: Operation, requests: list[dict[str, Any]]) -> list[Place]:
    kinds = [_kind(operation, each) for each in requests]
    first = kinds.index(READ) if READ in kinds else len(kinds)
    written = kinds.index(WRITE) if WRITE in kinds else len(kinds)
    waits = operation.module.endswith("_wait")
    result = []
    for number, kind in enumerate(kinds):
        path = requests[number]["path"]
        if kind == READ and number == first and not waits:
            kind = LOOKUP
        elif operation.writes == "retries" and number < written and "JobName" in requests[number]["query"]:
            kind = LAST_RUN
        elif kind == READ and number > written and operation.name == "start" and "/tasks/" not in path:
            kind = GLANCE
        elif kind == READ and number > written and _after_a_stop(operation, path):
            kind = COURTESY
        elif kind == READ and (waits or number > written):
            kind = POLL
        result.append(Place(number + 1, kind))
    return result


def _after_a_stop(operation: Operation, path: str) -> bool:
    """When a run has been stopped, its machines are read once."""
    return operation.writes == "stops" and path.endswith("/query")


def _kind(operation: Operation, request: dict[str, Any]) -> str:
    if request["path"].lower().startswith("/api/sessionmngr"):
        return LOGON
    if request["method"] == "GET":
        return READ
    if request["path"].lower().startswith("/api/logonsessions/"):
        return LOG_OFF
    return WRITE


@dataclass(frozen=True)
class Cell:
    """A fault on one request of an operation."""

    fault: Fault
    operation: Operation
    place: Place

    def __str__(self) -> str:
        return f"{self.operation.name} | {self.fault.name} | {self.place.number} {self.place.kind}"

    @property
    def rule(self) -> dict[str, Any]:
        """As the simulator takes it."""
        when = f"from {self.place.number}" if self.fault.for_good else self.place.number
        return {"match": {"path": "/api/*"}, "occurrence": when, **self.fault.rule}


def cells() -> list[Any]:
    """All cells; those that "make test" leaves out are marked."""
    result = []
    for row, operation in enumerate(OPERATIONS):
        all_places = places()[operation.name]
        for column, fault in enumerate(FAULTS):
            # Another place for each pair, so that the sample reaches all of them.
            sample = all_places[(row * 7 + column * 5) % len(all_places)]
            for place in all_places:
                marks = [] if place is sample or place.kind == WRITE else [pytest.mark.full]
                cell = Cell(fault, operation, place)
                result.append(pytest.param(cell, id=str(cell), marks=marks))
    return result


def test_the_sample_is_large_and_leaves_no_pair_out() -> None:
    sample = [param.values[0] for param in cells() if not param.marks]
    assert len(sample) >= 300
    assert {(cell.fault.name, cell.operation.name) for cell in sample} == {
        (fault.name, operation.name) for fault in FAULTS for operation in OPERATIONS
    }


@pytest.mark.parametrize("cell", cells())
def test_cell(lab: Laboratory, cell: Cell) -> None:
    operation = cell.operation
    options = {**operation.options, **operation.prepare(lab)}
    if cell.fault.slow:
        options["request_timeout"] = 0.4
    before = lab.counters
    lab.sim.add_faults([cell.rule])
    began = lab.time.now

    result = lab.run(operation.module, **options)

    after = lab.counters
    _check_outcome(cell, result)
    _check_writes(cell, result, before, after)
    _check_logon_sessions(cell, after)
    _check_secrets(lab, cell, result, options)
    # Four times the longest wait would be for ever.
    assert lab.time.now - began < 4 * 600
    assert lab.seconds < 30
    assert after["cookies_seen"] == after["foreign_host"] == 0


def _check_outcome(cell: Cell, result: dict[str, Any]) -> None:
    expected = cell.fault.outcome(cell.operation, cell.place)
    if expected in (OK, UNCHANGED):
        assert result["failed"] is False, result["msg"]
        if cell.operation.writes:
            assert result["changed"] is (expected == OK)
        return
    assert result["failed"] is True
    error = result["error"]
    assert error["kind"] == expected, result["msg"]
    assert error["hint"]
    assert error["hint"] in result["msg"]


def _check_writes(cell: Cell, result: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Nothing is written twice, and `changed` tells the truth."""
    operation = cell.operation
    for name in ("starts", "stops", "retries", "toggles"):
        for job, count in after[name].items():
            done = count - before[name].get(job, 0)
            assert done <= (job in operation.jobs and name == operation.writes), (name, job)
    sent = sum(after["action_requests"].values()) - sum(before["action_requests"].values())
    assert sent <= len(operation.jobs)
    if not operation.writes:
        return
    known = result.get("jobs", [])
    for row in known:
        effect = after[operation.writes].get(row["job"]["name"], 0)
        if row["changed"]:
            assert effect == 1, row
        else:
            assert effect == 0 or "not known" in result["msg"], row
    if not result["failed"] and result["changed"]:
        assert {row["job"]["name"] for row in known} == set(operation.jobs)
        if operation.waits:
            assert all(row["session"]["result"] == "Success" and row["machines"] for row in known), known


def _check_logon_sessions(cell: Cell, after: dict[str, Any]) -> None:
    fault, operation = cell.fault, cell.operation
    if fault.for_good:
        return
    lost = 1 if fault.lost and cell.place.kind == LOGON else 0
    assert after["open_logon_sessions"] <= operation.leaves + lost
    # One logon session at a time, beside the one that was there before.
    assert after["peak_logon_sessions"] <= max(1, operation.leaves) + lost


def _check_secrets(lab: Laboratory, cell: Cell, result: dict[str, Any], options: dict[str, Any]) -> None:
    if cell.operation.name == "session present":
        result = {**result, "session_id": ""}
    told = json.dumps([result, lab.module.warnings])
    tokens = {_token(each["logon_session"]) for each in lab.sim.requests() if each.get("logon_session")}
    for secret in (PASSWORD, BASIC, *tokens):
        assert secret not in told


def _token(logon_session_id: str) -> str:
    """The simulator's token of a logon session."""
    return base64.b64encode(logon_session_id.encode()).decode()
