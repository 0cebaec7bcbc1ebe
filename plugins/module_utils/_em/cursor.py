# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ended sessions are new: each is reported once, however late it appears and whatever the clocks say. Pure.

Times are seconds since the epoch: `now` by Enterprise Manager's clock, ends by the clock of their backup server.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .links import bare_id
from .model import JobSession
from .values import seconds

# Sessions are collected late, and not in the order of their ends: a session that ended this long ago may be new.
OVERLAP = 86400.0
# The maximum number of ended sessions that are remembered. If there are more, the look back is shorter than OVERLAP.
MAX_REMEMBERED = 20000
# A session may be shown as stopped before its result is known: for this long, it counts as open.
RESULT_PATIENCE = 600.0
# An open session that is missing from this many consecutive looks was deleted.
MISSES = 3
# How much the clocks of Enterprise Manager and backup servers may differ without special handling.
MARGIN = 3600.0
# Older sessions are not listed (em_rest 7).
OLDEST = 31 * 86400.0

NOW = "now"
LAST = "last"


@dataclass
class Cursor:
    """The position up to which ended sessions were handed over, for each backup server by its own clock.

    :param begun: time of the first look; None before it.
    :param caught_up: whether everything that the first look found has been handed over.
    :param start: sessions that ended earlier are not wanted; None for no limit.
    :param ends: backup server -> latest end that was handed over.
    :param floors: backup server -> time before which ended sessions are forgotten, and so are not new.
    :param sent: backup server -> session id -> time that decides how long it is remembered.
    :param open: UID of each session that was running when last seen -> how often it was not found since.
    :param runs: session id -> the identity of its run, for each session in `sent`.
    :param unwanted: session id -> the result with which it was skipped, for some sessions in `sent`.
    """

    begun: float | None = None
    caught_up: bool = False
    start: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    sent: dict[str, dict[str, float]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    unwanted: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The content to store."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Cursor:
        """The cursor from a stored content (as_dict).

        :raises ValueError: if the content is invalid.
        """
        if set(_FIELDS) - set(stored):
            raise ValueError("something is missing")
        found = cls(**{name: stored[name] for name in _FIELDS})
        if not isinstance(found.caught_up, bool):
            raise ValueError("a flag is expected")
        moments = [each for each in (found.begun, found.start) if each is not None]
        for numbers in (found.ends, found.floors, found.open, *_values(found.sent)):
            moments.extend(_values(numbers))
        if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in moments):
            raise ValueError("a number is expected")
        if not all(isinstance(each, str) for texts in (found.runs, found.unwanted) for each in _values(texts)):
            raise ValueError("a text is expected")
        return found

    def floor(self, server: str, now: float) -> float:
        """The time before which sessions that ended on a backup server are not new."""
        base = now if self.begun is None else self.begun
        found = max(self.ends.get(server, base) - OVERLAP, self.floors.get(server, 0.0))
        if self.start is None:
            return found
        return self.start if server not in self.ends else max(found, self.start)

    def meet(self, servers: Iterable[str], now: float) -> None:
        """Add backup servers before anything has ended on them."""
        for each in servers:
            self.ends.setdefault(each, now if self.start is None else min(now, self.start))

    def look(self, sessions: Iterable[JobSession], now: float) -> list[JobSession]:
        """The new ended sessions, in the order of their ends. The caller must hand over each, or mark it as done.

        :param sessions: all sessions that may be new, and those that were open.
        """
        sessions = list(sessions)
        self._recognize(sessions)
        fresh = []
        for session in sessions:
            server, uid = session["backup_server"] or "", session["uid"]
            if session["running"] or (session["result"] is None and now - _moment(session, now) < RESULT_PATIENCE):
                self.open[uid] = 0
            elif any(session["id"] in ids for ids in self.sent.values()):
                if self.unwanted.get(session["id"], session["result"] or "") != (session["result"] or ""):
                    fresh.append(session)
                else:
                    self.open.pop(uid, None)
            elif uid in self.open or _moment(session, now) >= self.floor(server, now):
                fresh.append(session)
        return sorted(fresh, key=lambda each: (min(_moment(each, now), now), each["id"]))

    def _recognize(self, sessions: Sequence[JobSession]) -> None:
        """Recognize sessions that have new ids, for example because Enterprise Manager has a new database.

        An ended session is the same one if it is the same run and its old id is no longer listed.
        """
        shown = {each["id"] for each in sessions}
        gone = {run: old for old, run in self.runs.items() if run and old not in shown}
        for session in sessions:
            new, old = session["id"], gone.get(_run(session))
            if old is None or new in self.runs or session["running"]:
                continue
            for server, ids in self.sent.items():
                if old in ids:
                    # Keep its position, since the oldest come first.
                    self.sent[server] = {new if key == old else key: moment for key, moment in ids.items()}
            self.runs[new] = self.runs.pop(old)
            if old in self.unwanted:
                self.unwanted[new] = self.unwanted.pop(old)
            del gone[_run(session)]

    def not_found(self, uids: Iterable[str]) -> None:
        """Count open sessions that were not found; give them up after several times."""
        for uid in uids:
            self.open[uid] = self.open.get(uid, 0) + 1
            if self.open[uid] >= MISSES:
                del self.open[uid]

    def wait_for(self, session: JobSession) -> None:
        """Keep a session as new, because it is not ready to be handed over."""
        self.open[session["uid"]] = 0

    def done(self, session: JobSession, now: float) -> None:
        """Mark a session as handed over, and everything that ended before it on its backup server."""
        server = session["backup_server"] or ""
        moment = _moment(session, now)
        # An end in the future must not hide sessions that end before it.
        self.ends[server] = max(self.ends.get(server, 0.0), min(moment, now))
        ids = self.sent.setdefault(server, {})
        # Kept until the look back has passed it, even if its end is in the future or long ago.
        ids[session["id"]] = max(moment, self.ends[server])
        self.runs[session["id"]] = _run(session)
        self.unwanted.pop(session["id"], None)
        self.open.pop(session["uid"], None)
        floor = self.floor(server, now)
        # Usually nothing has to be forgotten, and the oldest come first.
        if next(iter(ids.values())) < floor or len(ids) % 1000 == 0:
            self.sent[server] = {key: kept for key, kept in ids.items() if kept >= floor}
        self._forget_too_many()
        self._forget_the_rest()

    def pass_over(self, session: JobSession, now: float) -> None:
        """Skip a session because of its result; it is new again if its result changes."""
        self.done(session, now)
        self.unwanted[session["id"]] = session["result"] or ""

    def _forget_too_many(self) -> None:
        if sum(map(len, self.sent.values())) <= MAX_REMEMBERED:
            return
        server = max(self.sent, key=lambda each: len(self.sent[each]))
        ids = self.sent[server]
        last = sorted(ids.values())[len(ids) // 10]
        self.floors[server] = max(self.floors.get(server, 0.0), math.nextafter(last, math.inf))
        self.sent[server] = {key: kept for key, kept in ids.items() if kept > last}

    def _forget_the_rest(self) -> None:
        """Forget data about sessions that are no longer in `sent`."""
        if len(self.runs) > sum(map(len, self.sent.values())):
            kept = set().union(*self.sent.values())
            self.runs = {key: run for key, run in self.runs.items() if key in kept}
            self.unwanted = {key: result for key, result in self.unwanted.items() if key in kept}

    def begin(self, sessions: Sequence[JobSession], initial: str, now: float) -> list[JobSession]:
        """The first look.

        :param initial: NOW, LAST, or any other value for sessions that ended since `start`.
        :returns: as look: nothing for NOW, the newest ended session of each job for LAST.
        """
        if initial == LAST:
            newest = {
                (each["backup_server"], each["job_id"] or each["job_name"]): each for each in _ended(sessions, now)
            }
            # Open sessions are looked for until they are found, even after a restart.
            self.open.update((each["uid"], 0) for each in newest.values())
        fresh = self.look(sessions, now)
        self.begun = now
        if initial in (NOW, LAST):
            for session in fresh:
                if session["uid"] not in self.open:
                    self.done(session, now)
            fresh = [session for session in fresh if session["uid"] in self.open]
        return fresh

    def windows(self, now: float, back: float = OVERLAP) -> list[tuple[str | None, float]]:
        """What to list: pairs of a backup server (None for all) and the earliest end.

        A server without sessions for a long time has a separate window: its sessions may be collected late.

        :param back: how far to look back; less than OVERLAP in between, where many sessions make that expensive.
        """
        common = now - back - MARGIN
        if not self.caught_up and self.start is not None:
            common = min(common, self.start)
        found: list[tuple[str | None, float]] = []
        for server, end in sorted(self.ends.items()):
            since = max(self.floor(server, now), end - back, now - OLDEST)
            if since < common:
                found.append((server, since))
        return [(None, max(common, now - OLDEST)), *found]


_FIELDS = ("begun", "caught_up", "start", "ends", "floors", "sent", "open", "runs", "unwanted")


def _values(found: Any) -> Iterable[Any]:
    if not isinstance(found, dict):
        raise ValueError("a mapping is expected")
    return found.values()


def _moment(session: JobSession, now: float) -> float:
    """When a session ended, if its server says so."""
    return seconds(session["end_time"]) or seconds(session["creation_time"]) or now


def _run(session: JobSession) -> str:
    """The identity of an ended run; empty if unknown.

    Whole seconds are enough: a job does not run twice in the same second. The number of fractional
    digits may change between releases.
    """
    times = [seconds(session[name]) for name in ("creation_time", "end_time")]
    if None in times or not session["job_name"]:
        return ""
    parts = (session["backup_server"], session["job_name"], *(int(each or 0) for each in times))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _ended(sessions: Iterable[JobSession], now: float) -> list[JobSession]:
    ended = [each for each in sessions if not each["running"] and each["result"]]
    return sorted(ended, key=lambda each: (min(_moment(each, now), now), each["id"]))


def missing(cursor: Cursor, sessions: Iterable[JobSession]) -> list[str]:
    """UIDs of open sessions that a listing does not show."""
    shown = {each["id"] for each in sessions}
    return [uid for uid in cursor.open if bare_id(uid) not in shown]
