# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and workflows as records, and the only classifier of statuses (conductor 1.2, 3 and 4).

Times are UTC: milliseconds since the epoch from the server (0: not yet), and ISO 8601 text (None: not yet).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

Record = dict[str, Any]

COMPLETED, IN_PROGRESS, SCHEDULED = "COMPLETED", "IN_PROGRESS", "SCHEDULED"
FAILED, FAILED_WITH_TERMINAL_ERROR = "FAILED", "FAILED_WITH_TERMINAL_ERROR"
COMPLETED_WITH_ERRORS, SKIPPED, CANCELED = "COMPLETED_WITH_ERRORS", "SKIPPED", "CANCELED"


class Flags(NamedTuple):
    """The meaning of a status.

    :ivar successful: whether it is a good end; False while the task is running, unlike the server's flag of that name.
    :ivar retriable: whether the server may schedule another attempt.
    """

    terminal: bool
    successful: bool
    retriable: bool


STATUSES = {
    SCHEDULED: Flags(terminal=False, successful=False, retriable=True),
    IN_PROGRESS: Flags(terminal=False, successful=False, retriable=True),
    COMPLETED: Flags(terminal=True, successful=True, retriable=True),
    COMPLETED_WITH_ERRORS: Flags(terminal=True, successful=True, retriable=True),
    SKIPPED: Flags(terminal=True, successful=True, retriable=False),
    FAILED: Flags(terminal=True, successful=False, retriable=True),
    "TIMED_OUT": Flags(terminal=True, successful=False, retriable=True),
    FAILED_WITH_TERMINAL_ERROR: Flags(terminal=True, successful=False, retriable=False),
    CANCELED: Flags(terminal=True, successful=False, retriable=False),
}
# The statuses that the server considers good ends.
GOOD = [status for status, meaning in STATUSES.items() if meaning.successful]
_UNKNOWN = Flags(terminal=False, successful=False, retriable=False)

_WORKFLOW_ENDS = frozenset(("COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"))
# Never retried automatically (conductor 4, point 4).
_CONTROL_TYPES = frozenset(("DECISION", "SWITCH", "FORK", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE"))
# The fields that are relied on, with their types; all but the IDs may be null or missing (conductor 1.2).
_TASK_FIELDS: dict[str, type] = {
    **dict.fromkeys(("taskId", "status", "taskType", "referenceTaskName", "workflowInstanceId"), str),
    **dict.fromkeys(("retriedTaskId", "reasonForIncompletion"), str),
    **dict.fromkeys(("inputData", "outputData", "workflowTask", "taskDefinition"), dict),
}
_WORKFLOW_FIELDS: dict[str, type] = {"workflowId": str, "status": str, "reasonForIncompletion": str, "tasks": list}
_ITERATION = re.compile(r"__\d+$")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def flags(status: Any) -> Flags:
    """The meaning of a status. An unknown status is not terminal: it never ends a wait."""
    return STATUSES.get(str(status), _UNKNOWN)


def task(raw: Record) -> Record:
    """A task as modules return it; `raw` is the server's task, in which most fields may be missing."""
    status = raw.get("status")
    meaning = flags(status)
    record: Record = {
        "exists": True,
        "task_id": raw.get("taskId"),
        "status": status,
        "terminal": meaning.terminal,
        "successful": meaning.successful,
        "superseded": raw.get("retried") is True,
        "may_be_retried": may_be_retried(raw),
        "reason": raw.get("reasonForIncompletion") or None,
        "task_type": raw.get("taskType"),
        "task_def_name": raw.get("taskDefName"),
        "reference_task_name": raw.get("referenceTaskName"),
        "workflow_id": raw.get("workflowInstanceId"),
        "workflow_type": raw.get("workflowType"),
        "workflow_status": None,
        "workflow_reason": None,
        "attempts": [],
        "input": raw.get("inputData") or {},
        "output": raw.get("outputData") or {},
        "external_input_path": raw.get("externalInputPayloadStoragePath"),
        "external_output_path": raw.get("externalOutputPayloadStoragePath"),
        "retry_count": _count(raw, "retryCount"),
        "retried": raw.get("retried") is True,
        "retried_task_id": raw.get("retriedTaskId"),
        "iteration": _count(raw, "iteration"),
        "seq": _count(raw, "seq"),
        "poll_count": _count(raw, "pollCount"),
        "worker_id": raw.get("workerId"),
        "sub_workflow_id": raw.get("subWorkflowId"),
        "callback_after_seconds": _count(raw, "callbackAfterSeconds"),
    }
    for name in ("scheduled", "start", "update", "end"):
        milliseconds = _count(raw, f"{name}Time")
        record[f"{name}_time_ms"] = milliseconds
        record[f"{name}_time"] = iso(milliseconds)
    return record


def misshapen(answer: Any, id_field: str) -> str | None:
    """What is wrong with an answer, as the end of a sentence; None if it is a task or a workflow.

    :param id_field: taskId for a task, workflowId for a workflow.
    """
    if not isinstance(answer, dict) or not answer.get(id_field):
        return ""
    of_task = id_field == "taskId"
    for field, kind in (_TASK_FIELDS if of_task else _WORKFLOW_FIELDS).items():
        if not isinstance(answer.get(field), (kind, type(None))):
            return f": {field} has the wrong type"
    for each in () if of_task else answer.get("tasks") or ():
        wrong = misshapen(each, "taskId")
        if wrong is not None:
            return wrong or ": a task in it has no taskId"
    return None


def missing(workflow_id: str, reference: str) -> Record:
    """The record of a task that its workflow has not reached."""
    return dict(task({"workflowInstanceId": workflow_id, "referenceTaskName": reference}), exists=False)


def may_be_retried(raw: Record) -> bool:
    """Whether the server may still replace a failed task with a new attempt (conductor 4, points 3 and 4).

    The server stores the failure before the new attempt, so only this shows whether a failure is final.
    """
    meaning = flags(raw.get("status"))
    if not meaning.terminal or meaning.successful or not meaning.retriable or raw.get("retried"):
        return False
    in_workflow = raw.get("workflowTask") or {}
    definition = raw.get("taskDefinition") or in_workflow.get("taskDefinition")
    if not isinstance(definition, dict) or not definition or raw.get("taskType") in _CONTROL_TYPES:
        return False
    limits = (in_workflow.get("retryCount"), definition.get("retryCount"))
    limit = next((each for each in limits if isinstance(each, int)), None)
    return limit is None or _count(raw, "retryCount") < limit


class Workflow:
    """A workflow and its tasks."""

    def __init__(self, raw: Record) -> None:
        self.workflow_id: str = raw["workflowId"]
        self.status = raw.get("status")
        self.terminal = self.status in _WORKFLOW_ENDS
        self.reason = raw.get("reasonForIncompletion") or None
        self._tasks = raw.get("tasks") or []
        self._definition = raw.get("workflowDefinition")

    def attempts(self, reference: str) -> list[Record]:
        """All attempts at a task, oldest first: the newest one and, along the server's chain, those that it replaces.

        :param reference: the name in the workflow, or with the suffix that a loop gives it (gate__2).
        """
        found = [raw for raw in self._tasks if raw.get("referenceTaskName") == reference]
        if not found:
            found = [raw for raw in self._tasks if _in_loop(raw, reference)]
        # Not by iteration: an inner loop counts from 1 again in each round of the outer loop (conductor 4, point 7).
        return [task(raw) for raw in self._chain(max(found, key=_age))] if found else []

    def newest(self, reference: str) -> Record:
        """The newest attempt at a task; `exists` is false if the workflow has not reached it."""
        attempts = self.attempts(reference)
        found = attempts[-1] if attempts else missing(self.workflow_id, reference)
        return self._placed(found, [each["task_id"] for each in attempts])

    def successor(self, task_id: str) -> Record | None:
        """The newest attempt in the chain of retries of an attempt; None if the attempt no longer exists."""
        raw = self._find(task_id)
        seen = set()
        while raw and raw.get("taskId") not in seen:
            seen.add(raw.get("taskId"))
            later = [each for each in self._tasks if each.get("retriedTaskId") == raw.get("taskId")]
            raw = max(later, key=_age) if later else raw
        return self._placed(task(raw), [str(each.get("taskId")) for each in self._chain(raw)]) if raw else None

    def attempt(self, task_id: str) -> Record | None:
        """One attempt, by its id."""
        raw = self._find(task_id)
        return self._placed(task(raw), [task_id]) if raw else None

    def defines(self, reference: str) -> bool:
        """Whether the definition has a task of this name, which may have the suffix of a loop; true if unknown."""
        known = self.references()
        return not known or reference in known or _ITERATION.sub("", reference) in known

    def references(self) -> list[str]:
        """The reference names in the workflow's definition; none if the server did not return the definition."""
        return sorted(set(_references(self._definition)))

    def _find(self, task_id: Any) -> Record | None:
        return next((raw for raw in self._tasks if task_id and raw.get("taskId") == task_id), None)

    def _chain(self, raw: Record) -> list[Record]:
        """A task, preceded by all attempts that it replaces."""
        chain = [raw]
        while (before := self._find(chain[0].get("retriedTaskId"))) and before not in chain:
            chain.insert(0, before)
        return chain

    def _placed(self, record: Record, attempts: list[str]) -> Record:
        return dict(record, workflow_status=self.status, workflow_reason=self.reason, attempts=attempts)


def iso(milliseconds: int) -> str | None:
    """Milliseconds since the epoch as ISO 8601 text in UTC; None for 0 and for invalid times."""
    if milliseconds <= 0:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(raw: Record, field: str) -> int:
    value = raw.get(field)
    return value if isinstance(value, int) else 0


def _age(raw: Record) -> tuple[int, int]:
    """The sort key of attempts, oldest first: the position in the workflow."""
    return _count(raw, "seq"), _count(raw, "retryCount")


def _in_loop(raw: Record, reference: str) -> bool:
    """Whether a loop has created this task from the one with that name. Names may end like that without a loop."""
    iteration = _count(raw, "iteration")
    return iteration > 0 and raw.get("referenceTaskName") == f"{reference}__{iteration}"


def _references(definition: Any) -> Iterator[str]:
    if isinstance(definition, dict):
        if isinstance(definition.get("taskReferenceName"), str):
            yield definition["taskReferenceName"]
        definition = list(definition.values())
    if isinstance(definition, list):
        for each in definition:
            yield from _references(each)
