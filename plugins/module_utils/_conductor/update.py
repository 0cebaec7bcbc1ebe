# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a task: read, decide, POST once, read again (conductor 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._errors import CONFLICT, NOT_FOUND, ApiError
from .client import ConductorClient
from .errors import TokenRefused
from .model import COMPLETED_WITH_ERRORS, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, SCHEDULED, Record

# How a wished status may show afterwards: the failure of an optional task becomes COMPLETED_WITH_ERRORS (conductor 3),
# a worker's task in progress goes back into its queue (conductor 5.1).
_SHOWN_AS = {
    FAILED: (FAILED, COMPLETED_WITH_ERRORS),
    FAILED_WITH_TERMINAL_ERROR: (FAILED_WITH_TERMINAL_ERROR, COMPLETED_WITH_ERRORS),
    IN_PROGRESS: (IN_PROGRESS, SCHEDULED),
}

_UNKNOWN = "It is not known whether the update took effect."


@dataclass(frozen=True)
class Update:
    """What a task is to become."""

    status: str
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None

    def holds(self, record: Record) -> bool:
        """Whether a task is so. The output and the reason of a task that has ended are settled."""
        if record["status"] not in _SHOWN_AS.get(self.status, (self.status,)):
            return False
        return record["terminal"] or (
            (self.reason is None or record["reason"] == self.reason) and record["output"] == self.merged(record)
        )

    def merged(self, record: Record) -> dict[str, Any]:
        """The task's output with ours: what is sent replaces what was there."""
        return dict(record["output"], **self.output)

    def result(self, record: Record) -> dict[str, Any]:
        """The body that is posted."""
        body = {
            "workflowInstanceId": record["workflow_id"],
            "taskId": record["task_id"],
            "status": self.status,
            "outputData": self.merged(record),
        }
        if self.reason is not None:
            body["reasonForIncompletion"] = self.reason
        if self.status == IN_PROGRESS:
            # Both are overwritten, so what is there is sent back.
            body["callbackAfterSeconds"] = record["callback_after_seconds"]
            body["workerId"] = record["worker_id"]
        return body


def update_task(
    client: ConductorClient,
    update: Update,
    *,
    task_id: str | None,
    workflow_id: str | None,
    reference: str | None,
    check_mode: bool,
) -> dict[str, Any]:
    """Bring a task to a status.

    :param task_id: an attempt; else the newest one of `reference` in `workflow_id`.
    :returns: changed, task, and before and after as a diff.
    :raises ApiError: conflict when the task has ended otherwise or the server dropped the update; not_found; with
        `task` in `learnt`.
    """
    before = client.task(task_id) if task_id else _current(client, workflow_id or "", reference or "")
    if update.holds(before):
        return _result(before, before, changed=False)
    if before["terminal"]:
        raise ApiError(
            CONFLICT,
            f"Task {before['task_id']} has ended as {before['status']}: it cannot become {update.status}.",
            hint="It was retried: name it by workflow_id and task_reference_name to reach the current attempt."
            if before["superseded"]
            else "An attempt that has ended stays as it is; retry or rerun the workflow in Conductor.",
            learnt={"task": before},
        )
    if check_mode:
        after = dict(before, status=update.status, output=update.merged(before), reason=update.reason)
        return dict(_result(before, after, changed=True), task=before)
    try:
        after = _post(client, update, before)
    except ApiError as error:
        error.learnt.setdefault("task", before)
        raise
    if after["may_be_retried"] or after["superseded"]:
        client.warn(
            f"Task {after['task_id']} may be retried or has been: its definition allows it. "
            "FAILED_WITH_TERMINAL_ERROR ends a task without a retry."
        )
    return _result(before, after, changed=True)


def _current(client: ConductorClient, workflow_id: str, reference: str) -> Record:
    workflow = client.workflow(workflow_id)
    record = workflow.newest(reference)
    if not record["exists"]:
        known = ", ".join(workflow.references())
        raise ApiError(
            NOT_FOUND,
            f"Workflow {workflow_id} ({workflow.status}) has not reached a task {reference}.",
            hint=f"Its definition has these: {known}." if known else "Check task_reference_name.",
        )
    return record


def _post(client: ConductorClient, update: Update, before: Record) -> Record:
    """POST, then read what came of it: that the server accepts an update says nothing, nor does a lost answer.

    :returns: the task, in the wished status.
    """
    failure = _try(client, update, before)
    after = _outcome(client, before, failure)
    if isinstance(failure, TokenRefused) and failure.certain and not update.holds(after):
        # Refused before anything was done, and the read has renewed the token.
        failure = _try(client, update, before)
        after = _outcome(client, before, failure)
    if update.holds(after):
        if failure:
            client.warn(
                f"The answer to the update was lost ({failure.message}); its effect was found by reading again."
            )
        return after
    if failure:
        failure.message = f"The update had not taken effect when the task was read again. {failure.message}"
        failure.learnt = {"task": after}
        raise failure
    task = f"task {after['task_id']}"
    if after["status"] == before["status"]:
        message = f"The server accepted the update of {task} and dropped it: the task is {after['status']}."
    else:
        message = f"{_UNKNOWN} The server accepted it, and then {task} was {after['status']}."
    raise ApiError(
        CONFLICT,
        message,
        hint="Its workflow had ended, or somebody else was faster. Look at the workflow.",
        learnt={"task": after},
    )


def _outcome(client: ConductorClient, before: Record, failure: ApiError | None) -> Record:
    """The task after the update.

    :raises ApiError: when it cannot be read, and that the outcome is not known, unless `failure` tells it.
    """
    try:
        return _reread(client, before)
    except ApiError as error:
        if isinstance(failure, TokenRefused) and failure.certain:
            raise
        lost = f" {failure.message}" if failure else ""
        raise error.restated(
            f"{_UNKNOWN}{lost} Reading the task again failed: {error.message}",
            hint=f"{error.hint or ''} The update was sent once: look at the task before you repeat it.".strip(),
        ) from error


def _try(client: ConductorClient, update: Update, before: Record) -> ApiError | None:
    """POST once; the failure, if the update may have taken effect all the same or only the token was refused."""
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
