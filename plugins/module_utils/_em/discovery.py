# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the job session that belongs to an action: the run that it started.

Names and the order of appearance prove nothing: Enterprise Manager collects sessions late (em_rest 15, trap 16),
somebody else may also start a job, and each backup server has its own clock. The evidence is weighed in `match`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .._errors import NOT_FOUND, ApiError
from .._wait import Clock
from .client import EmClient
from .model import Job, JobSession, is_copy
from .row import Row
from .sessions import (
    CLOCK_MARGIN,
    belongs,
    kind_of,
    kinds_of,
    read_newest_sessions,
    read_open_sessions,
    read_session,
    read_sessions_of,
    since,
)
from .values import seconds

MINE = "mine"
OTHER = "other"
DOUBTFUL = "doubtful"

# How long to look for better evidence if the evidence for a run is insufficient, in seconds.
DOUBT_SECONDS = 300.0
# How long the session that a task names may take to appear before others are considered, in seconds.
NAMED_SECONDS = 20.0
# A run that began this long before the start would have been seen then. If an unseen run began less than this before
# the start, the clocks disagree.
HIDDEN_SECONDS = 900.0
# How much the clocks of Enterprise Manager and a backup server may differ unnoticed, in seconds.
SKEW_SECONDS = 2.0
# The header Date has whole seconds.
WHOLE_SECOND = 1.0
# How long a narrow search may find nothing before a broad one is made, in seconds; doubled each time.
BROAD_AFTER = 10.0
# How many sessions that tasks name are read one by one in each look.
FEW_NAMED = 5


@dataclass(frozen=True)
class Started:
    """What is known about a run that was started.

    :ivar job: the job.
    :ivar sent_at: when the start was sent, by Enterprise Manager's clock, in seconds since the epoch; None if unknown.
    :ivar known: sessions that existed before the start.
    :ivar all_known: whether these are certainly all.
    :ivar named: the session that the start's task names.
    :ivar named_until: until then, only the named session counts; in seconds since the epoch.
    :ivar seen_running: sessions that were open when read after the start was accepted.
    :ivar ahead: sessions that were dated in the future when they were seen: their clock is ahead, so a session that
        seems to have begun after the start may have begun before it.
    """

    job: Job
    sent_at: float | None
    known: frozenset[str] | set[str] = frozenset()
    all_known: bool = True
    named: str | None = None
    named_until: float = 0.0
    seen_running: frozenset[str] | set[str] = frozenset()
    ahead: frozenset[str] | set[str] = frozenset()


def match(run: Started, session: JobSession, now: float) -> str:
    """Whether a session is the run: MINE, OTHER or DOUBTFUL.

    The first rule that applies decides:

    * a session of another job, or one that existed before the start: OTHER;
    * the session that the task names: MINE; another one, while the named one may still appear: OTHER;
    * open when read after the start was accepted: MINE, since the server does not start a running job. But DOUBTFUL if
      it began before the start, and some sessions may have been missed before the start;
    * ended when it was first seen: by the clocks it began after the start: MINE; long before it: OTHER; otherwise
      DOUBTFUL, and never the verdict.

    :param now: by Enterprise Manager's clock, in seconds since the epoch.
    """
    if not belongs(session, run.job) or session["id"] in run.known:
        return OTHER
    if run.named == session["id"]:
        return MINE
    if run.named and now < run.named_until:
        return OTHER
    after = _seems_after(run, session) and session["id"] not in run.ahead
    if session["id"] in run.seen_running and (after or run.all_known):
        return MINE
    began = seconds(session["creation_time"])
    if began is not None and run.sent_at is not None and began < run.sent_at - CLOCK_MARGIN.total_seconds():
        return OTHER
    return MINE if after else DOUBTFUL


def choose(run: Started, sessions: Iterable[JobSession], now: float) -> tuple[list[JobSession], list[JobSession]]:
    """The run among some sessions, and the sessions that may be the run if that is not clear.

    If several match, it is the one that the task names, or the one that began first: somebody else may start the job
    again before the run appears. A backup copy job has a session for each of its sources.
    """
    answers = [(match(run, session, now), session) for session in sessions]
    mine = [session for answer, session in answers if answer == MINE]
    doubtful = [session for answer, session in answers if answer == DOUBTFUL]
    if is_copy(run.job["job_type"]):
        return mine, doubtful
    named = [session for session in mine if session["id"] == run.named]
    first = min(named or mine, key=_order, default=None)
    if first is None:
        return [], doubtful
    # If a clock is ahead, a session that seems to have begun between the start and the first may also be the run.
    rivals = [each for each in doubtful if _seems_after(run, each) and _order(each) < _order(first)]
    return ([], [*rivals, first]) if rivals and not named else ([first], [])


def _seems_after(run: Started, session: JobSession) -> bool:
    """Whether a session began after the start, if the clocks agree."""
    began = seconds(session["creation_time"])
    return began is not None and run.sent_at is not None and began >= run.sent_at


def _order(session: JobSession) -> tuple[float, str]:
    return (seconds(session["creation_time"]) or 0.0, session["id"])


@dataclass
class _Search:
    """What is known about one row.

    :ivar doubtful: sessions that may or may not be the run.
    :ivar doubted_since: when the first of them was seen, by the monotonic clock.
    :ivar broad_after: how long after the start to search all sessions next, in seconds.
    """

    seen_running: set[str] = field(default_factory=set)
    ahead: set[str] = field(default_factory=set)
    doubtful: list[JobSession] = field(default_factory=list)
    doubted_since: float | None = None
    broad_after: float = BROAD_AFTER


class Discovery:
    """Finds the sessions of rows that were started."""

    def __init__(self, client: EmClient, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._known: set[str] = set()
        self._all_known = True
        self._floor: datetime | None = None
        self._searches: dict[str, _Search] = {}

    def observe(self, jobs: Sequence[Job], starting: bool) -> list[JobSession]:
        """Read the sessions of some jobs that have not ended, before anything is written.

        They are searched among all open sessions: a run that a narrow search misses would be started twice.

        :param starting: whether to note also which sessions exist, for the search after a start.
        """
        result = []
        if starting and self.client.server_time is not None:
            self._floor = self.client.now() - CLOCK_MARGIN
        for kind in kinds_of(jobs):
            mine = [job for job in jobs if kind_of(job["job_type"]) is kind]
            sessions, whole = read_open_sessions(self.client, kind, mine)
            result += [session for session in sessions if session["running"]]
            if starting:
                recent, all_recent = read_sessions_of(self.client, kind, mine, since(self._floor))
                self._known.update(session["id"] for session in [*sessions, *recent])
                self._all_known = self._all_known and whole and all_recent
        return result

    def look(self, rows: Sequence[Row]) -> None:
        """Look for the sessions of rows that were started, and add them to the rows."""
        found: dict[str, JobSession] = {}
        for kind in kinds_of(row.job for row in rows):
            mine = [row for row in rows if kind_of(row.job["job_type"]) is kind]
            jobs = [row.job for row in mine]
            sessions, _whole = read_sessions_of(self.client, kind, jobs, since(self._floor))
            # Not any(): each row whose search has failed for long enough must have its turn.
            if sum(self._needs_a_broad_look(row) for row in mine):
                sessions += (
                    read_newest_sessions(self.client, kind, jobs) + read_open_sessions(self.client, kind, jobs)[0]
                )
            found.update((session["id"], session) for session in sessions)
        self._look_for_named(rows, found)
        by_job: dict[str | None, list[JobSession]] = {}
        for session in found.values():
            by_job.setdefault(session["job_id"], []).append(session)
        for row in rows:
            near = [*by_job.get(row.job["id"], ()), *by_job.get(None, ())]
            self._weigh(row, list(found.values()) if is_copy(row.job["job_type"]) else near, found)

    def began_before(self, row: Row) -> bool:
        """Whether the row's session seems to have begun before the action was sent: somebody else's."""
        session, sent_at = row.session, row.act.sent_at
        began = seconds(session["creation_time"]) if session else None
        if began is None or sent_at is None or is_copy(row.job["job_type"]):
            return False
        return SKEW_SECONDS < sent_at - began < HIDDEN_SECONDS

    def is_named(self, row: Row) -> bool:
        """Whether the row's task names its session: then it is certain."""
        return bool(row.act.task and row.act.task["job_session_id"] in row.session_ids)

    def doubt(self, row: Row) -> list[JobSession]:
        """The sessions that may be the row's run, once the time to resolve doubts is over."""
        search = self._search(row)
        over = search.doubted_since is not None and self.clock.monotonic() - search.doubted_since >= DOUBT_SECONDS
        return search.doubtful if over and not row.session_ids else []

    def _search(self, row: Row) -> _Search:
        return self._searches.setdefault(row.job["id"], _Search())

    def _needs_a_broad_look(self, row: Row) -> bool:
        """Whether the narrow search has failed for so long that it may not be able to see the row's run."""
        search = self._search(row)
        if row.session_ids or self.clock.monotonic() - row.act.sent < search.broad_after:
            return False
        search.broad_after *= 2
        return True

    def _look_for_named(self, rows: Sequence[Row], found: dict[str, JobSession]) -> None:
        """Read the session that a task names, which queries may not show; it counts if it belongs to this job."""
        asked = 0
        for row in rows:
            named = row.act.task["job_session_id"] if row.act.task else None
            if not named or named in self._known or named in found or asked == FEW_NAMED:
                continue
            asked += 1
            try:
                session = read_session(self.client, named, kind_of(row.job["job_type"]))
                found[session["id"]] = session
            except ApiError as error:
                if error.kind != NOT_FOUND:
                    raise

    def _weigh(self, row: Row, sessions: Sequence[JobSession], found: Mapping[str, JobSession]) -> None:
        search, now = self._search(row), self.client.now().timestamp()
        fresh = [each for each in sessions if belongs(each, row.job) and each["id"] not in self._known]
        search.seen_running.update(each["id"] for each in fresh if each["running"])
        for each in fresh:
            # A session dated in the future shows that the clocks differ.
            times = [seconds(each["creation_time"]) or 0.0, seconds(each["end_time"]) or 0.0]
            if max(times) > now + WHOLE_SECOND:
                search.ahead.add(each["id"])
        run = self._evidence(row, search, found)
        # The session that was taken for the run before may be missing from this reading.
        known = {each["id"]: each for each in [*row.sessions, *fresh]}
        mine, search.doubtful = choose(run, known.values(), now)
        if search.doubtful and search.doubted_since is None:
            search.doubted_since = self.clock.monotonic()
        row.take(mine)

    def _evidence(self, row: Row, search: _Search, found: Mapping[str, JobSession]) -> Started:
        named = row.act.task["job_session_id"] if row.act.task else None
        linked = found.get(named) if named else None
        if named in self._known or (linked and not belongs(linked, row.job)):
            # A link to a session of another job, or to one that existed before, is not evidence.
            named = None
        sent_at = row.act.sent_at
        return Started(
            row.job,
            sent_at,
            self._known,
            self._all_known,
            named,
            (sent_at or 0.0) + NAMED_SECONDS,
            search.seen_running,
            search.ahead,
        )
