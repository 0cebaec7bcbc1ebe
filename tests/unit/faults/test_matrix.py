"""Every fault x every module operation: the outcome of each cell is declared in expectations.py.

A cell strikes one request of an operation. Without faults the requests of an operation are always the same, so a cell
names its request by its number. "make test" takes a place of each operation for each fault, and of those that write
the write; of the faults that take real time it takes some. "make test-full" takes every request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.faults.expectations import (
    CHECK,
    CONDUCTOR_FAULTS,
    COURTESY,
    FAULTS,
    GLANCE,
    LAST_POLL,
    LAST_RUN,
    LOG_OFF,
    LOGON,
    LOOKUP,
    OK,
    POLL,
    READ,
    TOGGLE,
    UNCHANGED,
    VERIFY,
    WRITE,
    Fault,
    Place,
)
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import (
    KEY_SECRET,
    PASSWORD,
    Laboratory,
    conductor_laboratory,
    laboratory,
)
from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import (
    CONDUCTOR_OPERATIONS,
    OPERATIONS,
    RETRIES,
    STOPS,
    TOGGLES,
    Operation,
)

BASIC = base64.b64encode(f"administrator:{PASSWORD}".encode()).decode()
# One of so many pairs with a fault that takes real time is in the sample.
TAKEN_OF_THE_SLOW = 5
# What asks for the machines of a run, which happens when it has ended.
# What is read of a stopped run: a courtesy.
_EXTRAS = ("/query", "/agentManagementSessions")
_MACHINES = ("AgentManagement", "type=BackupTaskSession", "type=ReplicaTaskSession")


@contextmanager
def _laboratories() -> Iterator[dict[str, Laboratory]]:
    """One of each server."""
    with pytest.MonkeyPatch.context() as monkeypatch, ExitStack() as stack:
        labs = {name: stack.enter_context(conductor_laboratory(monkeypatch, name)) for name in ("orkes", "oss")}
        yield {**labs, "em": stack.enter_context(laboratory(monkeypatch))}


@pytest.fixture(scope="module")
def labs() -> Iterator[dict[str, Laboratory]]:
    """Laboratories for many experiments."""
    with _laboratories() as made:
        yield made


@cache
def places() -> dict[str, list[Place]]:
    """The requests of each operation, as they are without faults."""
    found = {}
    with _laboratories() as labs:
        for operation in (*OPERATIONS, *CONDUCTOR_OPERATIONS):
            lab = labs[operation.server]
            lab.begin()
            options = operation.prepare(lab)
            before = len(lab.sim.requests())
            result = lab.run(operation.module, **{**operation.options, **options})
            assert result["failed"] is False, (operation.name, result)
            assert lab.counters["open_logon_sessions"] == operation.leaves
            find = _places if operation.server == "em" else _conductor_places
            found[operation.name] = find(operation, lab.sim.requests()[before:])
    return found


def _places(operation: Operation, requests: list[dict[str, Any]]) -> list[Place]:
    kinds = [_kind(each) for each in requests]
    end = len(kinds) + 1
    first = _index(kinds, READ)
    written = min(_index(kinds, WRITE), _index(kinds, TOGGLE))
    if operation.attaches:
        # What follows is a wait from where the running session is read by itself.
        written = next(number for number, each in enumerate(requests) if "essions/" in each["path"]) - 1
    toggled = _index(kinds, TOGGLE) if operation.writes[1:] == (TOGGLES,) else end
    machines = [written < number and _is_about_machines(each) for number, each in enumerate(requests)]
    known = _index(machines, True) if operation.waits else end
    if operation.polls_first:
        known = _index([_is_about_machines(each) for each in requests], True) if operation.waits else end
    result = []
    for number, kind in enumerate(kinds):
        path = requests[number]["path"]
        if kind != READ:
            pass
        elif (number == first or _finds_jobs(requests[number], number - first)) and not operation.polls_first:
            kind = LOOKUP
        elif RETRIES in operation.writes and number < written and "JobName" in requests[number]["query"]:
            kind = LAST_RUN
        elif number == toggled - 1:
            kind = CHECK
        elif _glances(operation) and written < number < toggled and "/tasks/" not in path:
            kind = GLANCE
        elif STOPS in operation.writes and number > _index(kinds, WRITE) and path.endswith(_EXTRAS):
            kind = COURTESY
        elif operation.polls_first or number > written:
            kind = POLL
        result.append(Place(number + 1, kind, verdict_known=number >= known))
    return result


def _index(found: list[Any], wanted: Any) -> int:
    return found.index(wanted) if wanted in found else len(found)


def _finds_jobs(request: dict[str, Any], after_first: int) -> bool:
    """Whether it looks for jobs by name: jobs of the second kind come right after those of the first."""
    return after_first == 1 and request["query"].startswith(("type=AgentBackupJob&", "type=Job&"))


def _is_about_machines(request: dict[str, Any]) -> bool:
    return any(word in request["query"] for word in _MACHINES)


def _glances(operation: Operation) -> bool:
    """Whether it starts or attaches without waiting for the run."""
    return operation.options.get("state") == "started" and not operation.waits


def _kind(request: dict[str, Any]) -> str:
    path = request["path"].lower()
    if path.startswith(("/api/sessionmngr", "/api/token")):
        return LOGON
    if request["method"] == "GET":
        return READ
    if path.startswith("/api/logonsessions/"):
        return LOG_OFF
    return TOGGLE if "toggle" in request["query"].lower() else WRITE


def _conductor_places(operation: Operation, requests: list[dict[str, Any]]) -> list[Place]:
    kinds = [_kind(each) for each in requests]
    written = _index(kinds, WRITE)
    result = []
    for number, kind in enumerate(kinds):
        if kind == READ and operation.polls_first:
            kind = LAST_POLL if number == len(kinds) - 1 else POLL
        elif kind == READ:
            kind = VERIFY if number > written else LOOKUP
        result.append(Place(number + 1, kind))
    return result


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
    for operations, faults in ((OPERATIONS, FAULTS), (CONDUCTOR_OPERATIONS, CONDUCTOR_FAULTS)):
        slow = [fault for fault in faults if fault.slow]
        for row, operation in enumerate(operations):
            all_places = places()[operation.name]
            for column, fault in enumerate(faults):
                # Another place for each pair, so that the sample reaches all of them.
                sample = all_places[(row * 7 + column * 5) % len(all_places)]
                for place in all_places:
                    taken = place is sample or place.kind in (WRITE, TOGGLE)
                    if fault.slow and (row + slow.index(fault)) % TAKEN_OF_THE_SLOW:
                        taken = False
                    cell = Cell(fault, operation, place)
                    result.append(pytest.param(cell, id=str(cell), marks=[] if taken else [pytest.mark.full]))
    return result


def test_the_sample_is_large_and_leaves_no_pair_out() -> None:
    """But for the pairs with faults that take real time: of those, every fault and every operation is there."""
    sample = [param.values[0] for param in cells() if not param.marks]
    assert len(sample) >= 300
    for operations, faults in ((OPERATIONS, FAULTS), (CONDUCTOR_OPERATIONS, CONDUCTOR_FAULTS)):
        pairs = {(cell.fault.name, cell.operation.name) for cell in sample if cell.operation in operations}
        quick = {(fault.name, operation.name) for fault in faults for operation in operations if not fault.slow}
        assert quick < pairs
        assert {name for name, _operation in pairs} == {fault.name for fault in faults}
        assert {name for _fault, name in pairs - quick} == {operation.name for operation in operations}
    for operation in (*OPERATIONS, *CONDUCTOR_OPERATIONS):
        # No write is overlooked.
        kinds = [place.kind for place in places()[operation.name]]
        assert kinds.count(WRITE) + kinds.count(TOGGLE) >= len(operation.writes) * max(1, len(operation.jobs))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where the sample is wanted, the others are not even made: there are twenty thousand of them."""
    if "cell" in metafunc.fixturenames:
        only_sample = metafunc.config.option.markexpr == "not full"
        metafunc.parametrize("cell", [each for each in cells() if not (only_sample and each.marks)])


def test_cell(labs: dict[str, Laboratory], cell: Cell) -> None:
    operation = cell.operation
    lab = labs[operation.server]
    lab.begin()
    options = {**operation.options, **operation.prepare(lab)}
    if cell.fault.slow:
        options["request_timeout"] = 0.4
    before = lab.counters
    sent_before = len(lab.sim.requests())
    lab.sim.add_faults([cell.rule])
    began = lab.time.now

    result = lab.run(operation.module, **options)

    after = lab.counters
    _check_outcome(cell, result)
    if operation.server == "em":
        _check_writes(cell, result, before, after)
        _check_verdict(cell, result)
        _check_logon_sessions(cell, after)
    else:
        _check_updates(cell, result, after, lab.sim.requests()[sent_before:])
        assert after["polls"] == 0
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
        elif cell.operation.attaches:
            assert (result["changed"], result["jobs"][0]["action"]) == (False, "attach")
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
            assert done <= (job in operation.jobs and name in operation.writes), (name, job)
    sent = sum(after["action_requests"].values()) - sum(before["action_requests"].values())
    assert sent <= len(operation.jobs) * len(operation.writes)
    if not operation.writes:
        assert not result.get("changed") or operation.module in ("veeam_em_session", "veeam_em_task")
        return
    known = result.get("jobs", [])
    for row in known:
        effects = [name for name in operation.writes if after[name].get(row["job"]["name"], 0)]
        if row["changed"]:
            assert effects, row
        else:
            assert not effects or "not known" in result["msg"], row
    if not result["failed"] and result["changed"]:
        assert {row["job"]["name"] for row in known} == set(operation.jobs)
        for name in operation.writes:
            assert after[name] == dict.fromkeys(operation.jobs, 1), name
        if TOGGLES in operation.writes:
            wish = operation.options.get("state") == "thawed"
            assert all(row["job"]["schedule_enabled"] is wish for row in known), known


def _check_verdict(cell: Cell, result: dict[str, Any]) -> None:
    """A wait that goes well has the verdict, and what was known by then is not lost when something fails later."""
    if not cell.operation.waits:
        return
    expected = cell.fault.outcome(cell.operation, cell.place)
    if expected == OK or cell.place.verdict_known:
        rows = result["jobs"] if "jobs" in result else [{**each, "session": each} for each in result["sessions"]]
        assert rows
        assert all(row["session"]["result"] == "Success" for row in rows), rows
        # The machines are read when the verdict is known already.
        assert expected != OK or all(row["machines"] for row in rows), rows


def _check_updates(cell: Cell, result: dict[str, Any], after: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    """conductor 5.1: an update is sent once, and the truth is told of what has come of it."""
    operation = cell.operation
    sent = [each for each in requests if _kind(each) == WRITE]
    refused = [each for each in sent if each["status"] in (401, 403)]
    again = len(refused) if cell.fault.resent and cell.place.kind == WRITE else 0
    assert len(sent) <= bool(operation.writes) + again
    effects = after["updates"]
    assert all(count <= 1 and task in operation.jobs for task, count in effects.items())
    if not operation.writes:
        assert not result.get("changed")
        tasks = result.get("tasks", [])
        if operation.polls_first and not cell.fault.for_good and cell.place.number > 3:
            # What was read by then.
            assert tasks, result
        if operation.polls_first and not result["failed"]:
            assert {task["status"] for task in tasks} == {"COMPLETED"}
    elif not result["failed"]:
        task = result["task"]
        assert effects == dict.fromkeys(operation.jobs, 1)
        assert task["status"] == operation.options["status"]
        assert task["output"] == operation.options.get("output", {})
    elif effects:
        assert "may or may not have taken effect" in result["msg"], result["msg"]
    elif sent:
        task = result["task"]
        wished = (operation.options["status"], operation.options.get("output", {}))
        assert (task["status"], task["output"]) != wished


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
    tokens |= set(lab.sim.app.state.tokens.issued()) if cell.operation.server == "orkes" else set()
    for secret in (PASSWORD, BASIC, KEY_SECRET, *tokens):
        assert secret not in told


def _token(logon_session_id: str) -> str:
    """The simulator's token of a logon session."""
    return base64.b64encode(logon_session_id.encode()).decode()
