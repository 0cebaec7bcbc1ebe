# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks repeatedly for sessions that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from .._errors import AUTHORIZATION, NOT_FOUND, ApiError
from .._wait import Clock
from .client import EmClient
from .cursor import LAST, NOW, OLDEST, OVERLAP, Cursor, missing
from .filters import filter_time
from .links import bare_id
from .machines import complete, read_machines
from .model import JobSession, Machine
from .query import Condition, fits
from .sessions import AGENT_MACHINE, BACKUP, KINDS, REPLICA, SessionKind, is_machine, note_state, records
from .values import seconds
from .watch import SETTLE_SECONDS

# The full look back (OVERLAP) is cheap while it finds few sessions (up to this number); otherwise, the interval
# of full look backs in seconds.
FEW_SESSIONS = 1000
DEEP_EVERY = 900.0
SHALLOW = 3600.0
# A session that ended this long ago has had time to show its machines. The second number is how long to wait for the
# machines of such an old session. Both are in seconds.
SETTLED_AFTER = 900.0
OLD_SETTLE_SECONDS = 5.0


class EndedSessions:
    """Reads sessions that may have ended since the last look.

    :param children: whether the sessions of single machines of agent runs count as well.
    """

    def __init__(self, client: EmClient, clock: Clock, children: bool = False) -> None:
        self.client = client
        self.clock = clock
        self.children = children
        self._rows = 0
        self._deep_at: float | None = None
        self._wide_at: float | None = None
        self._unsettled: dict[str, tuple[float, list[Machine]]] = {}

    def look(self, cursor: Cursor, initial: str, late: float = 0.0) -> list[JobSession]:
        """The ended sessions that are new for a cursor, in the order of their ends.

        :param late: how many seconds after the start of the source the first look comes, because earlier ones failed.
        :raises ApiError: nothing counts as seen then.
        """
        first = cursor.begun is None
        servers = self._servers() if first else []
        deep = first or self._deep_is_due()
        back = OLDEST if first and initial == LAST else OVERLAP if deep else SHALLOW
        # On the first look: get the server's clock before anything is compared with it.
        now = self._now()
        if late and initial == NOW:
            # What has ended since the start is new.
            cursor.start, initial = now - late, ""
        found = self._listed(cursor.windows(now, back))
        lost = missing(cursor, found.values())
        found.update(self._by_uid(lost))
        if deep:
            self._deep_at, self._rows = self.clock.monotonic(), len(found)
        sessions = [each for each in found.values() if self.children or not is_machine(each)]
        for each in sessions:
            note_state(self.client, each)
        now = self._now()
        fresh = cursor.begin(sessions, initial, now) if first else cursor.look(sessions, now)
        cursor.not_found(uid for uid in lost if bare_id(uid) not in found)
        cursor.meet(servers, now)
        return fresh

    def machines(self, sessions: Sequence[JobSession], backlog: bool) -> dict[str, list[Machine]]:
        """What happened to each machine of ended sessions: session id -> machines.

        Machines may appear after their session (em_rest 15, trap 18): a session whose machines may be incomplete is
        left out, for at most a minute.

        :param backlog: whether these are sessions of the past: the machines of old ones are not waited for.
        """
        found = read_machines(self.client, sessions)
        ready = {}
        for session in sessions:
            machines = found[session["id"]]
            since, before = self._unsettled.get(session["id"], (self.clock.monotonic(), None))
            whole = complete(session, machines) and machines == before
            if whole or self.clock.monotonic() - since >= self._patience(session, backlog):
                ready[session["id"]] = machines
                self._unsettled.pop(session["id"], None)
            else:
                self._unsettled[session["id"]] = (since, machines)
        return ready

    def _patience(self, session: JobSession, backlog: bool) -> float:
        """How long the machines of an ended session may stay incomplete, in seconds."""
        ended = seconds(session["end_time"])
        if ended and self._now() - ended > SETTLED_AFTER:
            return 0.0 if backlog else OLD_SETTLE_SECONDS
        return SETTLE_SECONDS

    def _now(self) -> float:
        return self.client.now().timestamp()

    def _deep_is_due(self) -> bool:
        return self._rows <= FEW_SESSIONS or self._is_long_ago(self._deep_at)

    def _is_long_ago(self, moment: float | None) -> bool:
        return moment is None or self.clock.monotonic() - moment >= DEEP_EVERY

    def _servers(self) -> list[str]:
        """The names of the backup servers, if this account may read them."""
        try:
            rows = self.client.query("BackupServer", entities=False)
        except ApiError as error:
            if error.kind not in (AUTHORIZATION, NOT_FOUND):
                raise
            return []
        return [str(row["name"]) for row in rows if row.get("name")]

    def _listed(self, windows: Sequence[tuple[str | None, float]]) -> dict[str, JobSession]:
        found: dict[str, JobSession] = {}
        texts = self._filters(windows)
        if len(texts) > 1:
            # If many servers are silent, those that do not fit into the first filter can wait.
            if self._is_long_ago(self._wide_at):
                self._wide_at = self.clock.monotonic()
            else:
                del texts[1:]
        for text in texts:
            for kind in KINDS:
                rows = self.client.rows(kind.query_type, text, sort_by="CreationTime")
                found.update((each["id"], each) for each in records(self.client, rows))
        return found

    def _filters(self, windows: Sequence[tuple[str | None, float]]) -> list[str]:
        """Filters that fit into URLs, for sessions that are open, or were created or ended in some time windows."""
        others = [] if self.children else [Condition.of("JobType", "!=", AGENT_MACHINE)]
        groups = [[Condition.of("State", "!=", "Stopped")]]
        for server, since in windows:
            then = filter_time(datetime.fromtimestamp(since, timezone.utc))
            groups.append([Condition.of("EndTime", ">=", then)])
            if server is None:
                # An end may appear late, or never.
                groups.append([Condition.of("CreationTime", ">=", then)])
            elif (name := Condition.of("BackupServerName", "==", server)).portable:
                # Without the name, this reads more than is needed, but misses nothing.
                groups[-1].append(name)
        texts: list[str] = []
        for group in groups:
            part = "(" + ";".join(each.text() for each in [*group, *others]) + ")"
            if texts and fits(f"{texts[-1]},{part}"):
                texts[-1] += f",{part}"
            else:
                texts.append(part)
        return texts

    def _by_uid(self, uids: Sequence[str]) -> dict[str, JobSession]:
        found: dict[str, JobSession] = {}
        for kind in KINDS:
            mine = [uid for uid in uids if _kind_of(uid) is kind]
            rows = self.client.query_any(kind.query_type, "UID", mine) if mine else []
            found.update((each["id"], each) for each in records(self.client, rows))
        return found


def _kind_of(uid: str) -> SessionKind:
    return REPLICA if "replica" in uid.lower() else BACKUP
