# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which job session is the run that an action has started: never one that was there before."""

from __future__ import annotations

from collections.abc import Iterable

from .._errors import NOT_FOUND, ApiError
from .._wait import Clock
from .client import EmClient
from .links import bare_id
from .lookup import Family, belongs, is_copy
from .model import Record, job_session, moment
from .row import Row
from .runs import CLOCK_MARGIN, SessionKind, Watch, earlier, kind_of, read_session, since

# A run of the schedule may have ended before the start was sent and be collected after it (em_rest 15, trap 16). A
# session that has ended when it is first seen and began before the start, or that the task does not name, is believed
# only when no other follows within this time, in seconds.
DOUBT_SECONDS = 20.0
# A run that began longer before the start than this would have been seen before it; when one seems to, clocks disagree.
HIDDEN_SECONDS = 900.0
# So much may the clocks of Enterprise Manager and of the backup server differ, in seconds.
SKEW_SECONDS = 2.0
# So many sessions that tasks name are asked for one by one in a poll.
FEW_NAMED = 5


class Discovery:
    """Finds the sessions of rows that were started; the cost of a look does not grow with the number of rows."""

    def __init__(self, client: EmClient, family: Family, watch: Watch, clock: Clock) -> None:
        self.client = client
        self.family = family
        self.watch = watch
        self.clock = clock
        self._known: set[str | None] = set()
        self._floors: dict[SessionKind, str | None] = {}
        self._found_ended: set[str] = set()

    def remember(self, jobs: Iterable[Record]) -> None:
        """Before anything is started: note which sessions exist. Only servers' clocks are compared."""
        for kind in kinds(jobs):
            run_type = self.family.run_type
            newest = self.client.query(
                kind.query_type, where=since(None, run_type), sort_by="CreationTime", descending=True, limit=1
            )
            floor = earlier(newest[0].get("creation_time_utc"), CLOCK_MARGIN) if newest else None
            self._floors[kind] = floor
            self._known.update(
                bare_id(row.get("uid")) for row in self.client.query(kind.query_type, where=since(floor, run_type))
            )

    def look(self, rows: Iterable[Row]) -> None:
        """Look for sessions of rows that have none yet, a doubtful one, or several (backup copies)."""
        rows = [row for row in rows if not row.sessions or is_copy(row.job) or self.doubtful(row)]
        for kind, floor in self._floors.items():
            mine = [row for row in rows if kind_of(row.job["job_type"]) is kind]
            if not mine:
                continue
            where = since(floor, self.family.run_type)
            for resource in self.client.query(kind.query_type, where=where, sort_by="CreationTime", descending=True):
                session = job_session(resource)
                for row in mine:
                    if session["id"] not in self._known and belongs(session, row.job):
                        self._consider(row, session)
        # What a task names may be hidden from queries.
        for row in [row for row in rows if not row.sessions and self._named(row)][:FEW_NAMED]:
            try:
                self._adopt(row, job_session(read_session(self.client, str(self._named(row)))))
            except ApiError as error:
                if error.kind != NOT_FOUND:
                    raise

    def old(self, row: Row) -> bool:
        """Whether the row's session seems to have begun before the action was sent."""
        session, sent_at = row.session, row.act.sent_at
        if not session or sent_at is None or is_copy(row.job) or session["id"] == self._named(row):
            return False
        began = _began(session)
        return began is not None and SKEW_SECONDS < sent_at - began < HIDDEN_SECONDS

    def doubtful(self, row: Row) -> bool:
        """Whether another session may still turn out to be the row's run."""
        return self._odd(row) and not self._late(row)

    def drop_doubtful(self, rows: Iterable[Row]) -> None:
        """Forget sessions that may be another's run: no verdict is better than a wrong one."""
        for row in filter(self.doubtful, rows):
            self._adopt(row, None)

    def note_odd(self, rows: Iterable[Row]) -> None:
        """Warn of sessions that were believed although they may be another's."""
        for row in rows:
            if not row.session or is_copy(row.job):
                continue
            named = self._named(row)
            if named and row.session["id"] != named:
                odd = f"is not the one that the task names ({named})"
            elif self._odd(row):
                odd = "began before the start, by the servers' clocks"
            else:
                continue
            self.client.warn(f"The run {row.session['name']} {odd}; no other has appeared, so it counts as the run.")

    def _odd(self, row: Row) -> bool:
        return self.old(row) and (row.session or {})["id"] in self._found_ended

    def _consider(self, row: Row, session: Record) -> None:
        named = self._named(row)
        if is_copy(row.job):
            if session["id"] not in {known["id"] for known in row.sessions}:
                row.sessions.append(session)
                self.watch.follow(session)
        elif named and not self._late(row):
            if session["id"] == named:
                self._adopt(row, session)
        elif not row.session or (_began(session) or 0.0) > (_began(row.session) or 0.0):
            self._adopt(row, session)

    def _named(self, row: Row) -> str | None:
        """The session that the row's task names, unless that is an old one."""
        named = row.act.task["job_session_id"] if row.act.task else None
        return None if named in self._known else named

    def _late(self, row: Row) -> bool:
        return self.clock.monotonic() - row.act.sent > DOUBT_SECONDS

    def _adopt(self, row: Row, session: Record | None) -> None:
        for known in row.sessions:
            self.watch.drop(known["id"])
        row.sessions = [session] if session else []
        if session:
            self.watch.follow(session)
            if not session["running"]:
                self._found_ended.add(session["id"])


def kinds(jobs: Iterable[Record]) -> list[SessionKind]:
    """The kinds of sessions that the runs of some jobs have."""
    return list(dict.fromkeys(kind_of(job["job_type"]) for job in jobs))


def _began(session: Record) -> float | None:
    """When a session began, in seconds since the epoch."""
    began = moment(session["creation_time"])
    return began.timestamp() if began else None
