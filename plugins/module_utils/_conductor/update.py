# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates a task: read, decide, POST once, read again (conductor 5.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._errors import CONFLICT, NOT_FOUND, TIMEOUT, USAGE, ApiError, Interrupted
from .client import ConductorClient
from .errors import TokenRefused, decode
from .model import COMPLETED_WITH_ERRORS, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, SCHEDULED, Record
from .names import Named

# The status that a requested status may become: the failure of an optional task becomes COMPLETED_WITH_ERRORS
# (conductor 3); a worker's task in progress goes back into its queue (conductor 5.1).
_SHOWN_AS = {
    FAILED: (FAILED, COMPLETED_WITH_ERRORS),
    FAILED_WITH_TERMINAL_ERROR: (FAILED_WITH_TERMINAL_ERROR, COMPLETED_WITH_ERRORS),
    IN_PROGRESS: (IN_PROGRESS, SCHEDULED),
}

_UNKNOWN = "The update may or may not have taken effect."


# How much of a reason the server keeps (conductor 3.2), counted as in Java: in UTF-16 units.
_REASON_UNITS = 500


@dataclass(frozen=True)
class Update:
    """The requested state of a task. `output` and `reason` have the form that the server returns: see from_params()."""

    status: str
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None

    @classmethod
    def from_params(cls, status: str, output: Mapping[str, Any] | None, reason: str | None) -> Update:
        """An update in the form that the server stores, so that both can be compared.

        :raises ApiError: kind usage, if the output cannot be converted to JSON.
        """
        try:
            kept = decode(json.dumps(output or {}, allow_nan=False).encode())
        except (TypeError, ValueError) as problem:
            raise ApiError(
                USAGE,
                f"output cannot be converted to JSON: {problem}.",
                hint="Use only strings, numbers, booleans, lists and dictionaries.",
            ) from problem
        if reason is not None:
            # Cut here, because the server may cut a character in two.
            reason = reason.encode("utf-16-le", "replace")[: 2 * _REASON_UNITS].decode("utf-16-le", "ignore")
        return cls(status, kept, reason)

    def holds(self, record: Record, before: Record | None = None) -> bool:
        """Whether a task is in the requested state. The output and reason of an ended task are final.

        :param before: the task before the update was sent.
        """
        if record["status"] not in _SHOWN_AS.get(self.status, (self.status,)):
            return False
        return record["terminal"] or (
            record["reason"] == self._reason_after(before or record) and self._output_holds(record, before)
        )

    def _reason_after(self, before: Record) -> str | None:
        """The reason of the task after the update. In a record, no reason and an empty one are the same."""
        if self.reason is None:
            return before["reason"] if self.status == IN_PROGRESS else None
        return self.reason or None

    def _output_holds(self, record: Record, before: Record | None) -> bool:
        if not record["external_output_path"]:
            return bool(record["output"] == self.merged(record))
        # The server does not show data in external storage, but it shows that somebody has written to the task.
        marks = ("external_output_path", "update_time_ms")
        return not self.output or (before is not None and any(record[mark] != before[mark] for mark in marks))

    def expected(self, before: Record) -> Record:
        """The prediction for check mode."""
        return dict(before, status=self.status, output=self.merged(before), reason=self._reason_after(before))

    def merged(self, record: Record) -> dict[str, Any]:
        """The task's output merged with ours, because the new output replaces the old one.

        An output in external storage is neither shown nor sent back: the server keeps it.
        """
        return dict(record["output"], **self.output)

    def result(self, record: Record) -> dict[str, Any]:
        """The body that is posted."""
        body = {
            "workflowInstanceId": record["workflow_id"],
            "taskId": record["task_id"],
            "status": self.status,
            "outputData": self.merged(record),
        }
        reason = self.reason if self.reason is not None else self._reason_after(record)
        if reason is not None:
            body["reasonForIncompletion"] = reason
        if self.status == IN_PROGRESS:
            # The server overwrites both, so the existing values are sent back, like the reason above.
            body["callbackAfterSeconds"] = record["callback_after_seconds"]
            body["workerId"] = record["worker_id"]
        return body


def update_task(client: ConductorClient, update: Update, what: Named, *, check_mode: bool) -> dict[str, Any]:
    """Bring a task to a status.

    :param what: one attempt, or one reference name, whose newest attempt is meant.
    :returns: changed, task, and before and after as a diff.
    :raises ApiError: conflict, if the task has ended with another status or the server dropped the update; not_found;
        with `task` in `learnt`.
    """
    before = client.task(what.task_ids[0]) if what.task_ids else _current(client, what.workflow_id, what.references[0])
    if update.holds(before):
        return _result(before, before, changed=False)
    if before["terminal"]:
        raise ApiError(
            CONFLICT,
            f"Task {before['task_id']} has already ended as {before['status']} and cannot become {update.status}.",
            hint="The task was retried. Use workflow_id and task_reference_name to update the current attempt."
            if before["superseded"]
            else "An attempt that has ended cannot change. Retry or rerun the workflow in Conductor.",
            learnt={"task": before},
        )
    if check_mode:
        return dict(_result(before, update.expected(before), changed=True), task=before)
    try:
        after = _post(client, update, before)
    except ApiError as error:
        error.learnt.setdefault("task", before)
        raise
    except Interrupted as stop:
        raise ApiError(
            TIMEOUT,
            f"Interrupted by {stop} during the update. {_UNKNOWN}",
            hint="The module sent the update at most once. Check the task before you repeat the update.",
            learnt={"task": before},
        ) from stop
    if after["may_be_retried"] or after["superseded"]:
        client.warn(
            f"Task {after['task_id']} may be retried or was already retried, because its definition allows retries. "
            "Use FAILED_WITH_TERMINAL_ERROR to end a task without a retry."
        )
    return _result(before, after, changed=True)


def _current(client: ConductorClient, workflow_id: str, reference: str) -> Record:
    workflow = client.workflow(workflow_id)
    record = workflow.newest(reference)
    if not record["exists"]:
        known = ", ".join(workflow.references())
        raise ApiError(
            NOT_FOUND,
            f"Workflow {workflow_id} ({workflow.status}) has not reached the task {reference}.",
            hint=f"The workflow defines these tasks: {known}." if known else "Check task_reference_name.",
        )
    return record


def _post(client: ConductorClient, update: Update, before: Record) -> Record:
    """POST, then read the outcome: neither an accepted update nor a lost answer proves anything.

    :returns: the task, in the requested status.
    """
    failure = _try(client, update, before)
    after = _outcome(client, before, failure)
    if isinstance(failure, TokenRefused) and failure.certain and not update.holds(after, before):
        # The update was refused before anything was done, and the read has renewed the token.
        failure = _try(client, update, before)
        after = _outcome(client, before, failure)
    if update.holds(after, before):
        if failure:
            client.warn(
                f"The response to the update was lost ({failure.message}). The module read the task again and found "
                "that the update took effect."
            )
        return after
    if failure:
        unseen = after["external_output_path"] and update.output
        told = _UNKNOWN if unseen else "When the module read the task again, the update had not taken effect."
        failure.message = f"{told} {failure.message}"
        failure.learnt = {"task": after}
        raise failure
    task = f"task {after['task_id']}"
    hint = "The workflow had ended, or somebody else updated the task first. Check the workflow."
    if after["status"] == before["status"]:
        message = f"The server accepted the update of {task} but dropped it: the task is {after['status']}."
    else:
        message = f"{_UNKNOWN} The server accepted it, and then {task} was {after['status']}."
        if after["reason"] and after["reason"] not in (before["reason"], update.reason):
            # An output above the server's limit, for example, fails the task.
            message = f"{message[:-1]}: {after['reason']}."
            hint = "The reason is the server's, or that of somebody who updated the task first. Check the workflow."
    raise ApiError(CONFLICT, message, hint=hint, learnt={"task": after})


def _outcome(client: ConductorClient, before: Record, failure: ApiError | None) -> Record:
    """The task after the update.

    :raises ApiError: if it cannot be read; the outcome is then unknown, unless `failure` shows it.
    """
    try:
        return _reread(client, before)
    except ApiError as error:
        if isinstance(failure, TokenRefused) and failure.certain:
            raise
        lost = f" {failure.message}" if failure else ""
        raise error.restated(
            f"{_UNKNOWN}{lost} Reading the task again failed: {error.message}",
            hint=f"{error.hint} The module sent the update once. Check the task before you repeat the update.",
        ) from error


def _try(client: ConductorClient, update: Update, before: Record) -> ApiError | None:
    """POST once; return the failure if the update may still have taken effect, or if only the token was refused."""
    try:
        client.update(update.result(before))
    except ApiError as error:
        if error.outcome_unknown or isinstance(error, TokenRefused):
            return error
        raise
    return None


def _reread(client: ConductorClient, before: Record) -> Record:
    try:
        return client.task(before["task_id"])
    except ApiError as error:
        # Completing the last task may end the workflow and remove it; the archive still answers (conductor 1.1).
        if error.kind != NOT_FOUND or not before["workflow_id"]:
            raise
        found = client.workflow(before["workflow_id"]).attempt(before["task_id"])
        if not found:
            raise
        return found


def _result(before: Record, after: Record, changed: bool) -> dict[str, Any]:
    shown = ("status", "output", "reason")
    return {
        "changed": changed,
        "task": after,
        "diff": {"before": {key: before[key] for key in shown}, "after": {key: after[key] for key in shown}},
    }
