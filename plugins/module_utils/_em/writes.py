# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends actions on jobs, each once, and reads their outcome, whatever happened to the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable

from .._errors import (
    AUTHENTICATION,
    AUTHORIZATION,
    CONNECTION,
    PROTOCOL,
    REJECTED,
    TIMEOUT,
    TLS,
    ApiError,
    Interrupted,
)
from .._wait import Deadline, Waiter, timed_out
from .client import EmClient
from .lookup import family_of
from .model import Resource, Task, operation_finished, task
from .row import Row, Write
from .tasks import Seen, follow, read_tasks, refusal

# After a write with an unknown outcome: how long to look for its traces, in seconds.
RESOLVE_SECONDS = 15.0
# When time has run out: how long to pause before the last look at a task, in seconds.
LAST_LOOK_SECONDS = 1.0
# Failures that would also affect the next job.
_SYSTEMIC = (AUTHENTICATION, AUTHORIZATION, CONNECTION, TIMEOUT, TLS)


class Writer:
    """Sends actions and follows their tasks."""

    def __init__(self, client: EmClient, waiter: Waiter) -> None:
        self.client = client
        self.waiter = waiter
        self._known_tasks: set[str] = set()

    def prepare(self) -> None:
        """Note the existing tasks before anything is sent: others may have left some in a shared logon session."""
        if not self.client.owned:
            self._known_tasks = {task(resource)["id"] for resource in self.client.tasks()}

    def send_all(self, rows: Iterable[Row], send: Callable[[Row], None]) -> None:
        """Send one write per row; stop at the deadline, or at a failure that would affect every job."""
        stop: ApiError | None = None
        for row in rows:
            # With wait_timeout 0, the module sends all actions but does not wait.
            if not stop and self.waiter.options.timeout and self.waiter.deadline.expired():
                row.error = stop = timed_out(
                    f"Not attempted, because the time ran out (wait_timeout {self.waiter.options.timeout:g}).",
                    "Raise wait_timeout, or select fewer jobs.",
                )
                continue
            if stop:
                row.error = ApiError(stop.kind, "Not attempted, because of an earlier failure.", hint=stop.hint)
                continue
            try:
                send(row)
            except ApiError as error:
                row.error = error
                if error.kind in _SYSTEMIC or error.outcome_unknown:
                    stop = error

    def send(self, row: Row, write: Write, action: str, shows: Callable[[], bool]) -> None:
        """Send a write once.

        :param shows: reads whether the effect is visible, for example after a lost answer.
        :raises ApiError: the failure, if the write did not arrive or left no trace.
        """
        write.shows = shows
        write.sent, write.sent_at = self.waiter.clock.monotonic(), self.client.server_time
        try:
            self._adopt(write, self.client.act(self._path(row), action))
        except ApiError as error:
            if not error.outcome_unknown:
                raise
            self._resolve(row, write, error)
        except Interrupted:
            row.notes.append("The module was interrupted while it sent the action. The action may have taken effect.")
            raise
        write.done = True

    def follow(self, sent: Sequence[tuple[Row, Write]], show: Callable[[], object] = bool) -> bool:
        """Follow the tasks of writes until they are finished; a refusal becomes the row's error.

        :param show: called after each read.
        :returns: False if time ran out.
        """
        seen: dict[str, Seen] = {write.task["id"]: write.task for _row, write in sent if write.task}

        def look() -> None:
            for _row, write in sent:
                record = seen.get(write.task["id"]) if write.task else None
                if record and not isinstance(record, ApiError):
                    write.task = record
            show()

        done = follow(self.client, self.waiter, list(seen), seen, show=look) if seen else True
        if not done:
            done = self._look_again(seen)
        for row, write in sent:
            record = seen.get(write.task["id"]) if write.task else None
            if isinstance(record, ApiError):
                self.client.warn(
                    f"Enterprise Manager no longer knows the task of {row.name}. The module continues without it."
                )
                write.forgotten = True
            elif record:
                write.task = record
                if record["success"] is False:
                    write.done = False
                    row.error = self._refusal(row, record)
                elif not record["finished"]:
                    # The backup server is done before its data has been collected (em_rest 4).
                    write.done = self._shows(write, 0) or operation_finished(record)
                elif record["success"] is None:
                    write.done = self._shows(write, RESOLVE_SECONDS)
                    row.error = None if write.done else self._silence(row, record)
        return done

    def _look_again(self, seen: dict[str, Seen]) -> bool:
        """Read unfinished tasks once more after time has run out, so that the result shows what was done.

        :returns: whether all are finished by then.
        """
        pending = [key for key, record in seen.items() if not isinstance(record, ApiError) and not record["finished"]]
        self.waiter.clock.sleep(min(self.waiter.options.interval, LAST_LOOK_SECONDS))
        with self.client.within(Deadline(self.client.request_timeout, self.waiter.clock)):
            try:
                seen.update(
                    (key, record)
                    for key, record in read_tasks(self.client, pending).items()
                    if not isinstance(record, ApiError)
                )
            except ApiError:
                return False
        return all(isinstance(record, ApiError) or record["finished"] for record in seen.values())

    def _path(self, row: Row) -> str:
        return f"{family_of(row.job).collection}/{row.job['id']}"

    def _adopt(self, write: Write, resource: Resource) -> None:
        record = task(resource)
        if record["id"] in self._known_tasks:
            raise ApiError(
                PROTOCOL,
                f"The response to the action is the task {record['id']}, which already existed before.",
                hint="The action may or may not have taken effect. Check the job before you run the playbook again.",
                outcome_unknown=True,
            )
        write.task = record
        self._known_tasks.add(record["id"])

    def _resolve(self, row: Row, write: Write, error: ApiError) -> None:
        """After a write whose answer was lost, look for its traces; never send it again."""
        renewals = self.client.renewals

        def poll() -> bool:
            # The tasks of a logon session vanish with it (em_rest 4, Scope).
            return (self.client.renewals == renewals and self._new_task(row, write)) or write.shows()

        try:
            found = self.waiter.until(poll, seconds=RESOLVE_SECONDS)
        except ApiError:
            found = False
        if not found:
            raise error.restated(
                f"The action on {row.name} may or may not have taken effect. {error.message}",
                hint="The module did not see any effect and did not send the action again. Check the job before you "
                "run the playbook again. If the job is running by then, the module joins that run.",
            ) from error
        self.client.warn(
            f"The response to an action on {row.name} was lost ({error.message}). The module read the job again and "
            "found that the action took effect."
        )

    def _new_task(self, row: Row, write: Write) -> bool:
        """Adopt a task that is not assigned yet. In a logon session that we opened, it can only be ours."""
        for resource in self.client.tasks():
            record = task(resource)
            mine = self.client.owned or f'"{row.name}"' in record["message"]
            if record["id"] not in self._known_tasks and mine:
                self._adopt(write, resource)
                return True
        return False

    def _shows(self, write: Write, seconds: float) -> bool:
        """Whether the effect of a write becomes visible within some seconds."""
        try:
            return self.waiter.until(write.shows, seconds=seconds)
        except ApiError:
            return False

    def _refusal(self, row: Row, record: Task) -> ApiError:
        said = record["message"].rstrip(". ")
        message = f"Enterprise Manager rejected the action on {row.name}: {said or 'it did not give a reason'}."
        return self._error(row, record, REJECTED, message, "Check the job in Backup & Replication.")

    def _silence(self, row: Row, record: Task) -> ApiError:
        message = f"The action on {row.name} may or may not have taken effect: its task {record['id']} "
        hint = (
            "The module did not see any effect and did not send the action again. "
            "Check the job before you run the playbook again."
        )
        return self._error(row, record, PROTOCOL, message + refusal(record), hint)

    def _error(self, row: Row, record: Task, kind: str, message: str, hint: str) -> ApiError:
        said = record["message"] or None
        return ApiError(kind, message, hint=hint, em_message=said, method="POST", path=f"/api/{self._path(row)}")
