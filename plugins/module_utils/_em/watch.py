# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only owner of the state of followed sessions: other code only has their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from .._errors import NOT_FOUND, ApiError
from .._wait import Waiter
from .client import EmClient
from .errors import was_there
from .machines import complete, read_machines
from .model import JobSession, Machine
from .query import Condition
from .sessions import KINDS, SessionKind, kind_of, note_state, read_session, records, since
from .task_sessions import begun

# Machines may appear after their run (em_rest 15, trap 18): how long to wait for missing ones, in seconds.
SETTLE_SECONDS = 60.0
# If the number of machines is unknown: how long repeated reads must show the same machines before these count as
# all, in seconds.
UNCHANGED_SECONDS = 5.0
# Up to this many running sessions are requested by id; above it, they are searched among the open ones of all jobs.
FEW_RUNNING = 15
# How many sessions that queries do not show are read one by one in a poll; the others follow in the next polls.
FEW_HIDDEN = 5


class Watch:
    """Sessions that are followed until they end. A poll costs a bounded number of requests, not one per session."""

    def __init__(self, client: EmClient) -> None:
        self.client = client
        self._sessions: dict[str, JobSession] = {}
        self._machines: dict[str, list[Machine]] = {}
        self._settled: set[str] = set()
        self._fresh: set[str] = set()
        self._read_alone: Counter[str] = Counter()

    def follow(self, session: JobSession) -> None:
        """Follow a session; if it is already followed, update it."""
        note_state(self.client, session)
        self._sessions[session["id"]] = session
        self._fresh.add(session["id"])

    def keep(self, session: JobSession, machines: Sequence[Machine]) -> None:
        """Keep an ended session and its machines, which are known."""
        self.follow(session)
        self._machines[session["id"]] = list(machines)
        self._settled.add(session["id"])

    def outdate(self) -> None:
        """Mark the sessions as possibly outdated, for example after an action. The next refresh reads them again."""
        self._fresh.clear()

    def sessions(self, ids: Iterable[str]) -> list[JobSession]:
        """Sessions by id, as last read."""
        return [self._sessions[each] for each in ids]

    def machines(self, ids: Iterable[str]) -> list[Machine]:
        """The machines of some sessions, as last read."""
        return [machine for each in ids for machine in self._machines.get(each, [])]

    def running(self, ids: Iterable[str]) -> list[JobSession]:
        """The sessions that have not ended."""
        return [session for session in self.sessions(ids) if session["running"]]

    def refresh(self, ids: Sequence[str]) -> bool:
        """Read the running sessions again, unless that was just done; True if all have ended."""
        fresh, self._fresh = self._fresh, set()
        running = [session for session in self.running(ids) if session["id"] not in fresh]
        for kind in KINDS:
            stale = [session for session in running if kind_of(session["job_type"]) is kind]
            if len(stale) == 1:
                self._read_one(kind, stale[0])
            elif stale:
                self._read_many(kind, stale)
        self._fresh = set()
        return not self.running(ids)

    def glance(self, ids: Sequence[str]) -> None:
        """Read the machines only for the progress lines: read failures are left to the polls."""
        progress = self.client.progress
        if ids and progress.may_read():
            with progress.reading():
                try:
                    self._machines.update(read_machines(self.client, self.sessions(ids)))
                except ApiError as error:
                    self.client.debug_lines.append(f"The machines could not be read: {error.message}")

    def peek(self, ids: Sequence[str]) -> None:
        """Read the machines once, as far as possible: a machine may be done before its run has ended."""
        try:
            self._machines.update(read_machines(self.client, self.sessions(ids)))
        except ApiError as error:
            self.client.warn(f"The machines could not be read: {error.message}")

    def settle(
        self, waiter: Waiter, ids: Sequence[str], count: Callable[[Sequence[JobSession]], Mapping[str, int]]
    ) -> bool:
        """Collect the machines of ended sessions until they are complete.

        :param count: gives the number of machines of some runs, if known: session id -> number.
        :returns: False if the run's own deadline passed first. A warning names runs whose machines stay missing.
        """
        before: dict[str, list[Machine]] = {}
        unchanged_since: dict[str, float] = {}
        numbers: dict[str, int] = {}

        def poll() -> bool:
            wanted = self._unsettled(ids)
            if not wanted:
                return True
            self._read_verdicts(wanted)
            now = self._machines_of(wanted)
            self._machines.update(now)
            explained = [each for each in wanted if complete(self._sessions[each], now[each])]
            if not before and explained:
                numbers.update(count(self.sessions(explained)))
            read_at = waiter.clock.monotonic()
            for each in wanted:
                if each not in explained or before.get(each) != now[each]:
                    unchanged_since[each] = read_at
                unchanged = read_at - unchanged_since[each] >= UNCHANGED_SECONDS
                if each in explained and (unchanged or numbers.get(each) == len(now[each])):
                    self._settled.add(each)
            before.update(now)
            return self._settled.issuperset(wanted)

        done = waiter.until(poll, seconds=SETTLE_SECONDS)
        for session_id in self._unsettled(ids):
            # The machines of the last read may be all.
            if not complete(self._sessions[session_id], self._machines.get(session_id, [])):
                self._note_missing(session_id)
        return done

    def _unsettled(self, ids: Sequence[str]) -> list[str]:
        return [each for each in ids if not self._sessions[each]["running"] and each not in self._settled]

    def _read_verdicts(self, ids: Sequence[str]) -> None:
        """Read sessions again that are shown as stopped before their result is known."""
        for session in self.sessions(ids):
            if session["result"] is None:
                self._read_one(kind_of(session["job_type"]), session)

    def _machines_of(self, ids: Sequence[str]) -> dict[str, list[Machine]]:
        try:
            return read_machines(self.client, self.sessions(ids))
        except ApiError as error:
            raise was_there(error) from error

    def _read_one(self, kind: SessionKind, session: JobSession) -> None:
        try:
            self.follow(read_session(self.client, session["id"], kind))
        except ApiError as error:
            if error.kind != NOT_FOUND:
                raise
            raise was_there(error).restated(
                f"The session {session['name']}, which existed before, no longer exists.",
                hint="Check whether the Enterprise Manager service was restarted, or whether the job or its history "
                "was deleted.",
            ) from error

    def _read_many(self, kind: SessionKind, sessions: Sequence[JobSession]) -> None:
        wanted = {session["id"]: session for session in sessions}
        found: dict[str, JobSession] = {}
        if len(wanted) > FEW_RUNNING:
            where = [Condition.of("State", "!=", "Stopped"), *since(begun(sessions))]
            rows = self.client.query(kind.query_type, where=where)
            found = {session["id"]: session for session in records(self.client, rows)}
        missing = [session["uid"] for each, session in wanted.items() if each not in found]
        if missing:
            rows = self.client.query_any(kind.query_type, "UID", missing)
            found.update((session["id"], session) for session in records(self.client, rows))
        for each in wanted:
            if each in found:
                self.follow(found[each])
        hidden = [session for each, session in wanted.items() if each not in found]
        for session in sorted(hidden, key=lambda each: self._read_alone[each["id"]])[:FEW_HIDDEN]:
            self._read_alone[session["id"]] += 1
            self._read_one(kind, session)

    def _note_missing(self, session_id: str) -> None:
        session, machines = self._sessions[session_id], self._machines.get(session_id, [])
        undecided = [machine["name"] for machine in machines if not machine["result"]]
        if undecided:
            what = f"has no final result yet for: {', '.join(undecided)}"
        elif not machines:
            what = "does not show any machine"
        else:
            what = f"ended {session['result']}, but none of its machines explains this result. A machine may be missing"
        self.client.warn(f"The ended session {session['name']} {what}.")
