# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, lists, removes and follows tasks.

A task shows that an action was triggered, not how it ended (em_rest 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, Union

from .._errors import NOT_FOUND, REJECTED, ApiError, keep
from .._progress import Standing, table
from .._wait import Waiter, timed_out
from .client import EmClient
from .filters import among, refuse_empty
from .model import TASK, UNKNOWN, Task, classify, operation_finished, task

# What to do if no id is given and "all" is not a choice.
ONE_ID = "Set {option} to at least one ID."
# The state of a task: its record, or the error that the server does not know it.
Seen = Union[Task, ApiError]


def read_tasks(client: EmClient, ids: Sequence[str]) -> dict[str, Seen]:
    """Tasks by id, in one request if there are several; an unknown task gives its error."""
    found: dict[str, Seen] = {}
    if len(ids) > 1:
        found = {record["id"]: record for record in map(task, client.tasks())}
    for task_id in ids:
        if task_id not in found:
            try:
                found[task_id] = task(client.task(task_id))
            except ApiError as error:
                if error.kind != NOT_FOUND:
                    raise
                found[task_id] = error
    return {task_id: found[task_id] for task_id in ids}


def finished(record: Task) -> bool:
    """True if the task is done and its data was collected."""
    return record["finished"]


def follow(
    client: EmClient,
    waiter: Waiter,
    ids: Iterable[str],
    known: dict[str, Seen],
    done: Callable[[Task], bool] = finished,
    show: Callable[[], object] = bool,
) -> bool:
    """Wait until every task is done or no longer known.

    :param known: filled with the last record of each task, or the error that it is unknown.
    :param show: called after each read.
    :returns: False when time ran out.
    """
    ids = list(ids)
    renewals = client.renewals

    def poll() -> bool:
        pending = [task_id for task_id in ids if not _over(known.get(task_id), done)]
        for task_id, record in read_tasks(client, pending).items() if pending else ():
            if isinstance(record, ApiError):
                # While the service restarts, every path answers 404. Only the tasks of a lost logon session are gone.
                if task_id in known and record.http_status == 404 and client.renewals == renewals:
                    raise record.restated(retryable=True)
            elif classify(TASK, record["state"]) == UNKNOWN:
                client.warn(
                    f"Task {task_id} is in state {record['state']!r}, which this collection does not know; "
                    "the module waits for it."
                )
            known[task_id] = record
        show()
        return all(_over(known[task_id], done) for task_id in ids)

    return waiter.until(poll)


def list_tasks(
    client: EmClient,
    ids: Sequence[str] | None,
    states: Sequence[str] | None = None,
    operations: Sequence[str] | None = None,
) -> list[Task]:
    """Tasks by id, or all tasks of the logon session, narrowed by states and operations.

    :raises ApiError: not_found for unknown tasks, with the others in `learnt`.
    """
    refuse_empty({"task_id": ids, "state": states, "operation": operations}, "task_id", "state", "operation")
    found = _known_or_raise(read_tasks(client, once(ids))) if ids else [task(each) for each in client.tasks()]
    return [record for record in found if among(record["state"], states) and among(record["operation"], operations)]


def remove_tasks(client: EmClient, ids: Sequence[str], check_mode: bool) -> dict[str, Any]:
    """Delete the tasks that exist.

    :returns: changed, tasks as they were, diff.
    """
    refuse_empty({"task_id": ids}, "task_id", hint=ONE_ID)
    seen = read_tasks(client, once(ids))
    there = [record for record in seen.values() if not isinstance(record, ApiError)]
    for record in [] if check_mode else there:
        try:
            client.delete_task(record["id"])
        except ApiError as error:
            # The answer was lost: check whether the task still exists.
            if not error.outcome_unknown or not isinstance(read_tasks(client, [record["id"]])[record["id"]], ApiError):
                keep(error, {"tasks": there})
                raise
    names = [record["id"] for record in there]
    return {"changed": bool(there), "tasks": there, "diff": {"before": {"tasks": names}, "after": {"tasks": []}}}


def wait_for_tasks(
    client: EmClient, waiter: Waiter, ids: Sequence[str], until: str, fail_on_error: bool
) -> dict[str, Any]:
    """Wait until every task is finished.

    :param until: finished, or operation_finished when the data need not be collected.
    :returns: tasks, elapsed (seconds), polls.
    :raises ApiError: rejected, if a task ended in an error; not_found; timeout; all with `tasks` in `learnt`.
    """
    seen: dict[str, Seen] = {}
    try:
        refuse_empty({"task_id": ids}, "task_id", hint=ONE_ID)
        with client.within(waiter.deadline):
            over = finished if until == "finished" else operation_finished
            done = follow(client, waiter, once(ids), seen, over, lambda: client.progress.show(_standings(seen, over)))
        tasks = _known_or_raise(seen)
        if not done:
            pending = [f"{record['id']} ({record['state']})" for record in tasks if not record["finished"]]
            raise timed_out(
                f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout); not finished: {', '.join(pending)}.",
                "Nothing was stopped. Continue waiting in the same logon session, or raise wait_timeout.",
            )
        failed = [record for record in tasks if record["finished"] and not record["success"]]
        if failed and fail_on_error:
            raise ApiError(
                REJECTED,
                " ".join(f"Task {each['id']} ({each['operation']}) {refusal(each)}" for each in failed),
                hint="The message comes from the server. Check the job in Backup & Replication.",
                em_message=failed[0]["message"] or None,
            )
    except Exception as stop:
        known = [record for record in seen.values() if not isinstance(record, ApiError)]
        keep(stop, _told(known, waiter))
        raise
    return _told(tasks, waiter)


def _told(tasks: Sequence[Task], waiter: Waiter) -> dict[str, Any]:
    rows = [[each["id"], each["operation"], each["state"], _success(each), each["message"]] for each in tasks]
    text = table(("task", "operation", "state", "verdict", "message"), rows)
    return {"tasks": list(tasks), "summary": text, "elapsed": waiter.elapsed, "polls": waiter.polls}


def _success(record: Task) -> str | None:
    return None if record["success"] is None else "Success" if record["success"] else "Failed"


def _standings(seen: Mapping[str, Seen], over: Callable[[Task], bool]) -> dict[str, Standing]:
    return {
        task_id: Standing(
            f"{task_id} ({record['operation']})",
            refusal(record).rstrip(".") if record["finished"] and not record["success"] else str(record["state"]),
            ended=over(record),
            bad=record["finished"] and not record["success"],
        )
        for task_id, record in seen.items()
        if not isinstance(record, ApiError)
    }


def refusal(record: Task) -> str:
    """How an unsuccessful task ended, in words."""
    said = record["message"].rstrip(". ")
    if record["success"] is None:
        return f"finished without saying whether it succeeded{': ' if said else ''}{said}."
    return f"failed: {said or 'the server did not give a reason'}."


def once(ids: Iterable[str]) -> list[str]:
    """Ids as a user gives them, each once."""
    return list(dict.fromkeys(each.strip() for each in ids))


def _over(record: Seen | None, done: Callable[[Task], bool]) -> bool:
    return isinstance(record, ApiError) or (record is not None and done(record))


def _known_or_raise(seen: dict[str, Seen]) -> list[Task]:
    known = [record for record in seen.values() if not isinstance(record, ApiError)]
    unknown = {task_id: record for task_id, record in seen.items() if isinstance(record, ApiError)}
    if unknown:
        first = next(iter(unknown.values()))
        raise first.restated(
            f"Enterprise Manager does not know the task {', '.join(unknown)}.", learnt={"tasks": known}
        )
    return known
