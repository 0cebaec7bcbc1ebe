# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following tasks. A task tells that an action was triggered, not how it ended (em_rest 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from .._errors import NOT_FOUND, ApiError
from .._wait import Waiter
from .client import EmClient
from .model import TASK, UNKNOWN, Record, classify, task


def read_tasks(client: EmClient, ids: list[str]) -> dict[str, Record | ApiError]:
    """Tasks by id, in one request when there are several; a task that is not known gives its error."""
    found: dict[str, Record | ApiError] = {}
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


def finished(record: Record) -> bool:
    """True when the task is done and its data collected."""
    return bool(record["finished"])


def operation_finished(record: Record) -> bool:
    """True when the backup server is done, whether or not the data is collected."""
    return finished(record) or record["state"] == "OperationFinished"


def follow(
    client: EmClient,
    waiter: Waiter,
    ids: Iterable[str],
    known: dict[str, Record | ApiError],
    done: Callable[[Record], bool] = finished,
) -> bool:
    """Wait until every task is done or not known any more.

    :param known: filled with the last record of each task, or the error that says that it is not known.
    :returns: False when time ran out.
    """
    ids = list(ids)

    def poll() -> bool:
        pending = [task_id for task_id in ids if not _over(known.get(task_id), done)]
        known.update(read_tasks(client, pending) if pending else {})
        for task_id in pending:
            record = known[task_id]
            if not isinstance(record, ApiError) and classify(TASK, record["state"]) == UNKNOWN:
                state = record["state"]
                client.warn(
                    f"Task {task_id} is in state {state!r}, which this collection does not know: it is waited for."
                )
        return all(_over(known[task_id], done) for task_id in ids)

    return waiter.until(poll)


def _over(record: Any, done: Callable[[Record], bool]) -> bool:
    return isinstance(record, ApiError) or (record is not None and done(record))
