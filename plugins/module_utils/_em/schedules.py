# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets schedules on a server that can only toggle them (em_rest 15, trap 10): read, compare, toggle, verify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from .._errors import CONFLICT, ApiError
from .._progress import Standing
from .._wait import Waiter
from .client import EmClient
from .lookup import read_jobs_again
from .plan import SCHEDULE, STOPPED, Wish, must_toggle
from .row import Row, too_late
from .writes import Writer

# After a toggle's task has finished: how long the old value may still be shown, in seconds.
VERIFY_SECONDS = 60.0

TOGGLE = "toggleScheduleEnabled"


class Schedules:
    """Brings the schedules of jobs to the requested state.

    :param before: called right before a toggle is sent; if it raises an ApiError, the toggle is not sent.
    :param aim: what the jobs become, such as frozen, if their progress is to be shown.
    """

    def __init__(
        self,
        client: EmClient,
        wish: Wish,
        waiter: Waiter,
        writer: Writer,
        before: Callable[[Row], None] | None = None,
        aim: str = "",
    ) -> None:
        self.client = client
        self.wish = wish
        self.waiter = waiter
        self.writer = writer
        self.before = before
        self.aim = aim

    def set(self, rows: Sequence[Row]) -> None:
        """Toggle the schedules that differ from the request, once, and read them again. Failures go into the rows.

        :raises ApiError: kind timeout, if time runs out while the tasks are followed.
        """
        everything, rows = rows, [row for row in rows if row.plan.toggle and not row.error]
        if rows and self.wish.state not in (SCHEDULE, STOPPED):
            # The schedules may have changed since they were read.
            rows = self._still_other(rows)
        self._show(rows)
        self.writer.send_all(rows, self._toggle)
        sent = [row for row in rows if not row.error]
        with self.client.within(self.waiter.deadline):
            in_time = self.writer.follow([(row, row.toggle) for row in sent], lambda: self._show(rows))
            self._show(rows)
            if not in_time:
                raise too_late(everything, self.waiter)
            sent = [row for row in sent if not row.error]
            if sent:
                self.waiter.until(lambda: self._as_wished(sent), seconds=VERIFY_SECONDS)
        for row in sent:
            if row.job["schedule_enabled"] != self.wish.schedule_enabled:
                row.error = self._unverified(row)
        self._show(rows)

    def _show(self, rows: Sequence[Row]) -> None:
        """Report the progress of the toggles."""
        if self.aim:
            self.client.progress.show({row.job["id"]: self._standing(row) for row in rows}, self.aim)

    def _standing(self, row: Row) -> Standing:
        """The progress of a toggle: it has taken effect when its task has succeeded or when the job shows it."""
        if row.error:
            return row.standing()
        shown = bool(row.toggle.sent) and row.job["schedule_enabled"] == self.wish.schedule_enabled
        done = shown or bool(row.toggle.task and row.toggle.task["success"])
        return Standing(row.name, self.aim if done else "thawing" if self.wish.schedule_enabled else "freezing", done)

    def _toggle(self, row: Row) -> None:
        if self.before:
            self.before(row)
        self.writer.send(row, row.toggle, TOGGLE, lambda: self._as_wished([row]))

    def _still_other(self, rows: Sequence[Row]) -> list[Row]:
        self._as_wished(rows)
        result = []
        for row in rows:
            try:
                if must_toggle(self.wish, row.job):
                    result.append(row)
            except ApiError as error:
                row.error = error
        return result

    def _as_wished(self, rows: Sequence[Row]) -> bool:
        """Read the jobs again; True if every schedule is in the requested state."""
        fresh = read_jobs_again(self.client, [row.job for row in rows])
        for row in rows:
            row.job = fresh[row.job["id"]]
        return all(row.job["schedule_enabled"] == self.wish.schedule_enabled for row in rows)

    def _unverified(self, row: Row) -> ApiError:
        shown = {True: "is still enabled", False: "is still disabled", None: "is not shown"}
        return ApiError(
            CONFLICT,
            f"The schedule of {row.name} {shown[row.job['schedule_enabled']]} although the module toggled it.",
            hint="Somebody else may have toggled it at the same time. The module did not toggle it again.",
        )
