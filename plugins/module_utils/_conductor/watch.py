# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds tasks and waits for their end (conductor 4 and 6).

An id names one attempt. If the server retries the task, that attempt stays failed forever, and a new one with
another id replaces it. So a wait follows the newest attempt of (workflow, reference name).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import NOT_FOUND, REJECTED, ApiError, keep
from .._progress import Standing, table
from .._wait import Waiter, timed_out
from .client import ConductorClient
from .model import CANCELED, GOOD, STATUSES, Record, Workflow
from .names import named


@dataclass
class Watched:
    """One task: its name as given by the user, and its known state."""

    task_id: str | None = None
    workflow_id: str | None = None
    reference: str | None = None
    record: Record | None = None
    settled: bool = False
    canceled: bool = False

    def see(self, record: Record) -> None:
        """Store the state from a read of the task alone."""
        self.record = record
        self.workflow_id = record["workflow_id"]
        self.reference = record["reference_task_name"]
        # Only the workflow shows why a task failed, and whether the failure is final.
        self.settled = record["successful"] or (record["terminal"] and not self.workflow_id)

    def see_workflow(self, workflow: Workflow, follow_retries: bool) -> None:
        """Store the state from a read of its workflow.

        :raises ApiError: not_found, if exactly this attempt was requested and has been removed.
        """
        self.record = self._found(workflow, follow_retries)
        final = self.record["terminal"] and not (
            follow_retries and (self.record["superseded"] or self.record["may_be_retried"])
        )
        if final and self.record["status"] == CANCELED and not self.canceled:
            # Some servers cancel the tasks first and then end the workflow: the next read has the reason.
            self.canceled, final = True, False
        self.settled = workflow.terminal or final

    def _found(self, workflow: Workflow, follow_retries: bool) -> Record:
        if not self.task_id:
            return workflow.newest(self.reference or "")
        # Along the chain of retries, not by name: in nested loops, several tasks have the same name.
        found = workflow.successor(self.task_id) if follow_retries else workflow.attempt(self.task_id)
        if found is None and follow_retries and self.reference:
            # A restart removes all tasks and creates new ones with other ids.
            found = workflow.newest(self.reference)
        if found is None:
            raise ApiError(
                NOT_FOUND,
                f"The task {self.task_id} is no longer in its workflow {workflow.workflow_id}.",
                hint="A rerun or restart removes tasks. Use workflow_id and task_reference_name instead.",
            )
        return found


def watched(params: Mapping[str, Any]) -> list[Watched]:
    """The tasks in task_id, or in workflow_id and task_reference_name; each once, in the order given.

    :raises ApiError: kind usage, see named().
    """
    what = named(params)
    return [Watched(task_id=each) for each in what.task_ids] + [
        Watched(workflow_id=what.workflow_id, reference=each) for each in what.references
    ]


def list_tasks(client: ConductorClient, tasks: Sequence[Watched]) -> list[Record]:
    """Tasks as they are now.

    :raises ApiError: not_found for unknown ids, with the other tasks in `learnt`.
    """
    unknown: dict[str, ApiError] = {}
    workflows: dict[str, Workflow] = {}
    for each in tasks:
        if each.task_id is None:
            workflow_id = each.workflow_id or ""
            if workflow_id not in workflows:
                workflows[workflow_id] = client.workflow(workflow_id)
            each.see_workflow(workflows[workflow_id], follow_retries=True)
            _doubt(client, each, workflows[workflow_id])
            continue
        try:
            each.record = client.task(each.task_id)
        except ApiError as error:
            if error.kind != NOT_FOUND:
                raise
            unknown[each.task_id] = error
    if unknown:
        first = next(iter(unknown.values()))
        first.message = f"Conductor does not know the task {', '.join(unknown)}. {first.message}"
        first.learnt = {"tasks": _records(tasks)}
        raise first
    return _records(tasks)


def wait_for_tasks(
    client: ConductorClient,
    waiter: Waiter,
    tasks: Sequence[Watched],
    *,
    follow_retries: bool = True,
    success_statuses: Sequence[str] = GOOD,
    fail_on_error: bool = True,
) -> dict[str, Any]:
    """Wait until every task, or its workflow, has ended.

    :param follow_retries: whether to follow the task through all its attempts, or wait only for the current attempt.
    :param success_statuses: the statuses that count as a good end.
    :returns: tasks, summary (for people), timed_out, elapsed (seconds), polls.
    :raises ApiError: rejected, if a task ended badly; not_found; timeout; all with `tasks` in `learnt`.
    """

    def poll() -> bool:
        _read(client, [each for each in tasks if not each.settled], follow_retries)
        client.progress.show({str(index): _standing(each, success_statuses) for index, each in enumerate(tasks)})
        return all(each.settled for each in tasks)

    def result() -> dict[str, Any]:
        records = _records(tasks)
        rows = [[each["reference_task_name"] or each["task_id"], each["status"], each["reason"]] for each in records]
        return {
            "tasks": records,
            "summary": table(("task", "status", "reason"), rows),
            "timed_out": False,
            "elapsed": waiter.elapsed,
            "polls": waiter.polls,
        }

    try:
        with client.session.transport.within(waiter.deadline):
            ended = waiter.until(poll)
        if not ended:
            pending = " ".join(f"{_where(each)} {_pending(each)}." for each in tasks if not each.settled)
            raise timed_out(
                f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout). {pending}",
                "Nothing was changed. Run the task again to continue waiting, or raise wait_timeout.",
            )
        bad = [each for each in tasks if not _good(each.record, success_statuses)]
        if bad and fail_on_error:
            reached = all(each.record and each.record["exists"] for each in bad)
            raise ApiError(
                REJECTED if reached else NOT_FOUND,
                " ".join(f"{_where(each)}{_why(each)}." for each in bad),
                hint="The worker or the server reported these reasons. success_statuses defines what counts as success."
                if reached
                else "The workflow ended before it reached the task, or took another path. Check the workflow and "
                "task_reference_name.",
            )
    except Exception as stop:
        keep(stop, result())
        raise
    return result()


def _read(client: ConductorClient, tasks: Sequence[Watched], follow_retries: bool) -> None:
    """Read tasks that have not ended: one request per workflow, and one per task whose workflow is still unknown."""
    for each in tasks:
        if not each.workflow_id:
            each.see(client.task(each.task_id or ""))
    for workflow_id in dict.fromkeys(each.workflow_id for each in tasks if each.workflow_id and not each.settled):
        workflow = client.workflow(workflow_id)
        for each in tasks:
            if each.workflow_id == workflow_id and not each.settled:
                each.see_workflow(workflow, follow_retries)
                _doubt(client, each, workflow)
    for each in tasks:
        status = each.record["status"] if each.record else None
        if status and status not in STATUSES:
            client.warn(f"{_where(each)}: this collection does not know that status, so the module keeps waiting.")


def _doubt(client: ConductorClient, each: Watched, workflow: Workflow) -> None:
    """Warn about a reference name that is not in the workflow's definition: the task may still be added dynamically."""
    if each.record and not each.record["exists"] and not workflow.defines(each.reference or ""):
        names = ", ".join(workflow.references())
        client.warn(f"Workflow {workflow.workflow_id} does not define a task {each.reference}. It defines: {names}.")


def _records(tasks: Sequence[Watched]) -> list[Record]:
    return [each.record for each in tasks if each.record]


def _standing(each: Watched, success_statuses: Sequence[str]) -> Standing:
    """The progress of a task."""
    record = each.record or {}
    return Standing(
        str(record.get("reference_task_name") or each.reference or each.task_id),
        f"{record.get('status') or 'not reached yet'}{_why(each)}",
        ended=each.settled,
        bad=each.settled and not _good(each.record, success_statuses),
    )


def _good(record: Record | None, success_statuses: Sequence[str]) -> bool:
    return record is not None and record["terminal"] and record["status"] in success_statuses


def _where(each: Watched) -> str:
    """The task and its state, as the beginning of a sentence."""
    if each.record is None:
        return f"Task {each.task_id or each.reference} (not read yet)"
    record = each.record
    name = record["reference_task_name"] or record["task_id"]
    return f"Task {name} of workflow {record['workflow_id']} ({record['status'] or 'not reached'})"


def _pending(each: Watched) -> str:
    """Why the wait continues."""
    record = each.record or {}
    paused = ", and its workflow is paused" if record.get("workflow_status") == "PAUSED" else ""
    if record.get("terminal") and record.get("may_be_retried"):
        return f"may still be retried{paused}"
    return f"has not ended{paused}"


def _why(each: Watched) -> str:
    """The reason for a bad end. A canceled task has no reason of its own (conductor 3.2)."""
    record = each.record or {}
    reason = record.get("reason") if record.get("terminal") else None
    if reason:
        return f": {reason}"
    ended = f"; its workflow is {record['workflow_status']}" if record.get("workflow_status") else ""
    return f"{ended}: {record['workflow_reason']}" if ended and record.get("workflow_reason") else ended
