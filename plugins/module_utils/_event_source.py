# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source veeam_em_sessions: looks for ended sessions and puts an event for each into a queue."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, TypeVar

from ._em.client import EmClient
from ._em.cursor import LAST, NOW, Cursor
from ._em.ended import EndedSessions
from ._em.events import event, wanted_machines, wanted_session
from ._em.model import JobSession, Machine
from ._em.sessions import AGENT_MACHINE
from ._em.values import moment, seconds
from ._errors import AUTHENTICATION, AUTHORIZATION, REJECTED, TLS, USAGE, ApiError, Interrupted, as_error
from ._options import EM_CONNECTION
from ._plugin import NOT_VERIFIED, connection, require_libraries, shown, typed
from ._state_file import StateFile
from ._text import Secrets, clean, presentable
from ._wait import Deadline

NAME = "backupops.veeam_em.veeam_em_sessions"
log = logging.getLogger(NAME)

_LIST = {"type": "list", "elements": "str"}
# name -> spec, as in the table of connection options.
SOURCE: dict[str, dict[str, Any]] = {
    "interval": {"type": "float", "default": 60.0},
    "job_name": _LIST,
    "job_type": _LIST,
    "result": _LIST,
    "machine": _LIST,
    "include_machines": {"type": "bool", "default": True},
    "initial": {"type": "str", "default": NOW},
    "state_file": {"type": "path"},
    "feedback": {"type": "bool", "default": False},
}
# The argument that ansible-rulebook adds if a source asks for feedback.
FEEDBACK_QUEUE = "eda_feedback_queue"
RESULTS = ("Success", "Warning", "Failed")
MIN_INTERVAL = 0.05
# While the server cannot be reached: the growth of the pauses, and their limit in seconds.
GROWTH = 2.0
MAX_PAUSE = 300.0
# While machines of an ended session are missing: the first pause and the longest one, in seconds.
FIRST_SOON, MAX_SOON = 0.5, 10.0
# How far `initial` may lie in the future, in seconds, since clocks differ.
CLOCKS_APART = 300.0
# How far the clock of a backup server may be behind, in seconds, if the first look comes long after the start.
CLOCKS_BEHIND = 600.0
# Idle logon sessions end after 15 minutes, so with longer intervals, each look opens a new logon session.
KEEP_LOGON = 600.0
# How many sessions' machines are read together; fewer for old sessions, since these may be far apart in time.
CHUNK, OLD_CHUNK, OLD = 40, 3, 86400.0
# After this many failures to read the machines of a session, its event is sent without them.
MACHINE_TRIES = 5
# How long a rule engine may take to confirm an event, in seconds.
FEEDBACK_TIMEOUT = 120.0
FORMAT = 1

_ALWAYS_FATAL = (USAGE, AUTHORIZATION)
_FATAL_AT_FIRST = (TLS, REJECTED)

Result = TypeVar("Result")


def read_options(args: Mapping[str, Any]) -> dict[str, Any]:
    """All options, checked.

    :raises ApiError: kind usage, for invalid names and values.
    """
    known = [*EM_CONNECTION, *SOURCE]
    unknown = sorted(str(name) for name in args if name not in known and name != FEEDBACK_QUEUE)
    if unknown:
        raise ApiError(USAGE, f"Unknown arguments: {', '.join(unknown)}.", hint=f"Valid arguments: {', '.join(known)}.")
    options = connection(args)
    for name, spec in SOURCE.items():
        value = args.get(name)
        # A null counts as an argument that was left out, because templates produce it for a missing variable.
        value = spec.get("default") if value is None else value
        options[name] = None if value is None else typed(name, spec, value)
    if not MIN_INTERVAL <= options["interval"] < float("inf"):
        raise ApiError(
            USAGE, f"interval must be at least {MIN_INTERVAL} seconds.", hint=f"Set it to {MIN_INTERVAL} or more."
        )
    for name in ("job_name", "job_type", "result", "machine"):
        if options[name] is not None and not any(each.strip() for each in options[name]):
            raise ApiError(
                USAGE, f"{name} is empty, so no session would ever match.", hint="Leave it out to select all."
            )
    for each in options["result"] or ():
        if each.lower() not in map(str.lower, RESULTS):
            raise ApiError(USAGE, f"{each!r} is not a valid result.", hint=f"Use {', '.join(RESULTS)}.")
    if options["initial"] not in (NOW, LAST) and not moment(options["initial"]):
        raise ApiError(
            USAGE,
            f"initial {options['initial']!r} is not a time.",
            hint=f"Use {NOW}, {LAST}, a UTC time such as 2026-01-31T22:00:00Z, or a time with an offset.",
        )
    return options


class SourceFailed(Exception):
    """The reason why the source ended, as one text."""


class _Clock:
    """A clock whose pauses end when the source is stopped."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds_: float, /) -> None:
        if self.stopped.wait(seconds_):
            raise Interrupted("the end of the source")


class Source:
    """One source: options in, events out. Everything that blocks runs in a separate thread."""

    def __init__(self, queue: Any, args: Mapping[str, Any]) -> None:
        self.options = options = read_options(args)
        self.server = f"{options['host'].strip()}:{options['port']}"
        self.hand_over = HandOver(queue, args.get(FEEDBACK_QUEUE))
        self.cursor = Cursor()
        self.state: StateFile | None = None
        self._clock = _Clock()
        self._client: EmClient | None = None
        self._reader: EndedSessions | None = None
        self._secrets = Secrets()
        self._started = time.monotonic()
        self._succeeded = False
        self._failing_since: float | None = None
        self._pause = 0.0
        self._soon = FIRST_SOON
        self._tries: Counter[str] = Counter()
        self._told: deque[str] = deque(maxlen=50)
        self._state_is_fine = True
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=NAME)

    async def run(self) -> None:
        """Look for ended sessions until it is cancelled.

        :raises ApiError: for errors that do not go away by themselves.
        """
        _keep_quiet()
        _mend_signals()
        listening = self.hand_over.listen()
        try:
            await self._call(self._open)
            while True:
                await asyncio.sleep(await self._round())
        finally:
            listening.cancel()
            await self._end()

    async def _round(self) -> float:
        """Look once and handle the result; return the seconds until the next look."""
        try:
            waiting = await self._deliver(await self._call(self._look))
        except ApiError as error:
            return self._failed(error)
        self._worked()
        self._soon = min(self._soon * GROWTH, MAX_SOON) if waiting else FIRST_SOON
        return min(self._soon, self.options["interval"]) if waiting else self.options["interval"]

    async def _deliver(self, fresh: Sequence[JobSession]) -> bool:
        """Hand over the events of ended sessions, the oldest first, and record each before the next.

        :returns: whether some events have to wait because their sessions do not show all machines yet.
        """
        waiting = False
        rest = list(fresh)
        while rest:
            chunk, rest = self._split(rest)
            machines = await self._call(partial(self._machines, chunk))
            for session in chunk:
                if session["id"] in machines:
                    await self._hand_over(session, machines[session["id"]])
                else:
                    self.cursor.wait_for(session)
                    waiting = True
        self.cursor.caught_up = True
        await self._call(partial(self._rest, waiting))
        return waiting

    async def _hand_over(self, session: JobSession, machines: Sequence[Machine]) -> None:
        happening = self._event(session, machines)
        if happening:
            await self.hand_over(happening)
        if happening or not self.options["result"]:
            self.cursor.done(session, self._now())
        else:
            # A result may be corrected after the end.
            self.cursor.pass_over(session, self._now())
        self._tries.pop(session["id"], None)
        if happening:
            await self._call(self._save)

    def _event(self, session: JobSession, machines: Sequence[Machine]) -> dict[str, Any] | None:
        if not wanted_session(session, self.options) or not wanted_machines(machines, self.options):
            return None
        happening = event(self.server, session, machines, self.options["include_machines"])
        found: dict[str, Any] = presentable(happening, self._secrets)
        return found

    def _split(self, sessions: list[JobSession]) -> tuple[list[JobSession], list[JobSession]]:
        """The sessions whose machines are read together next, and the others."""
        if self._tries[sessions[0]["id"]]:
            size = 1
        else:
            began = seconds(sessions[0]["creation_time"])
            size = OLD_CHUNK if began and self._now() - began > OLD else CHUNK
        return sessions[:size], sessions[size:]

    # In the thread

    def _open(self) -> None:
        require_libraries()
        if not self.options["validate_certs"]:
            log.warning(NOT_VERIFIED)
        if self.options["state_file"]:
            self.state = StateFile(self.options["state_file"])
            self._recall(self.state)
        # Invalid options are reported before the first look.
        self._connect()

    def _recall(self, state: StateFile) -> None:
        stored = state.read()
        if stored is None:
            return
        try:
            if isinstance(stored["format"], int) and stored["format"] > FORMAT:
                raise ApiError(
                    USAGE,
                    f"The state file {state.path} was written by a newer release of this collection.",
                    hint="Use that release, or set another file. The source then starts again as set in initial.",
                )
            if stored["format"] != FORMAT:
                raise ValueError("another format")
            self.cursor = Cursor.from_dict(stored["cursor"])
            server = str(stored["server"])
        except (KeyError, TypeError, ValueError) as problem:
            raise state.not_ours() from problem
        if server.lower() != self.server.lower():
            raise ApiError(
                USAGE,
                f"The state file {state.path} belongs to {server}, not to {self.server}.",
                hint="Use a separate state file for each server.",
            )

    def _connect(self) -> EndedSessions:
        if self._reader is None:
            self._client = EmClient.from_params(self.options, read_only=True, clock=self._clock)
            self._secrets = self._client.session.secrets
            children = AGENT_MACHINE.lower() in [each.lower() for each in self.options["job_type"] or ()]
            self._reader = EndedSessions(self._client, self._clock, children)
        return self._reader

    def _look(self) -> list[JobSession]:
        reader = self._connect()
        initial, late = self.options["initial"], 0.0
        if self.cursor.begun is None and self._failing_since is not None:
            late = time.monotonic() - self._started + CLOCKS_BEHIND
        if self.cursor.begun is None and initial not in (NOW, LAST):
            self.cursor.start = start = seconds(initial)
            if start and start > self._now() + CLOCKS_APART:
                raise ApiError(
                    USAGE,
                    f"initial {initial} is in the future.",
                    hint=f"Z means UTC. For local time, use its offset, such as +01:00. {NOW} means from now on.",
                )
        fresh = reader.look(self.cursor, initial, late)
        self._tell()
        return fresh

    def _machines(self, sessions: Sequence[JobSession]) -> dict[str, list[Machine]]:
        """What happened to the machines of some sessions, if the options ask for it."""
        asked = [each for each in sessions if wanted_session(each, self.options)]
        if not self.options["include_machines"] and not self.options["machine"]:
            asked = []
        result: dict[str, list[Machine]] = {each["id"]: [] for each in sessions if each not in asked}
        if not asked:
            return result
        try:
            return {**result, **self._connect().machines(asked, not self.cursor.caught_up)}
        except ApiError as error:
            self._tries.update(each["id"] for each in asked)
            if len(sessions) > 1 or self._tries[asked[0]["id"]] < MACHINE_TRIES:
                raise
            self._warn(f"The machines of the session {asked[0]['name']} cannot be read: {error.message}")
            return {asked[0]["id"]: []}
        finally:
            self._tell()

    def _rest(self, waiting: bool) -> None:
        """Record that all events that are ready were handed over; log off if the next look is far away."""
        self._save()
        if self.options["interval"] > KEEP_LOGON and not waiting:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._client:
            self._client.session.close()
            self._tell()
        self._client = self._reader = None

    def _save(self) -> None:
        """Record what was handed over. A full disk must not stop the source."""
        if not self.state:
            return
        content = {"format": FORMAT, "server": self.server, "cursor": self.cursor.as_dict()}
        try:
            self.state.write(content)
            self._state_is_fine = True
        except ApiError as error:
            if self._state_is_fine:
                log.warning("%s Events are still sent. After a restart, some may repeat.", clean(error.sentence()))
            self._state_is_fine = False

    def _close(self) -> None:
        self._clock.stopped.clear()
        try:
            # The source may have ended after it sent the last event and before it recorded it.
            if self.cursor.begun is not None:
                self._save()
            self._disconnect()
        finally:
            if self.state:
                self.state.close()

    # Messages

    def _now(self) -> float:
        return self._client.now().timestamp() if self._client else datetime.now(timezone.utc).timestamp()

    def _warn(self, text: str) -> None:
        """Warn, but do not repeat the same warning."""
        text = clean(self._secrets.scrub(text))
        if text not in self._told:
            self._told.append(text)
            log.warning("%s", text)

    def _tell(self) -> None:
        """Pass on the client's warnings and debug lines, and clear them: the client lives for months."""
        if self._client:
            for text in self._client.warnings:
                self._warn(text)
            for text in self._client.debug_lines:
                log.debug("%s", clean(self._secrets.scrub(text)))
            self._client.warnings.clear()
            self._client.debug_lines.clear()

    def _failed(self, error: ApiError) -> float:
        """A look failed: raise errors that do not go away by themselves; return the seconds until the next look."""
        refused = error.kind == AUTHENTICATION and (not self._owned() or "sessionMngr" in str(error.path))
        if refused or error.kind in _ALWAYS_FATAL or (error.kind in _FATAL_AT_FIRST and not self._succeeded):
            # Do not try again: repeated attempts can lock the account.
            raise error
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            self._pause = float(self.options["interval"])
            log.warning(
                "The source cannot read %s at the moment. No event is lost. It tries again with growing pauses and "
                "does not repeat this warning. %s",
                self.server,
                clean(self._secrets.scrub(error.sentence())),
            )
        else:
            self._pause = min(self._pause * GROWTH, max(MAX_PAUSE, self.options["interval"]))
            log.debug("%s", clean(self._secrets.scrub(error.sentence())))
        return max(self._pause, min(error.retry_after or 0.0, 3600.0))

    def _owned(self) -> bool:
        return self._client is None or self._client.owned

    def _worked(self) -> None:
        self._succeeded = True
        if self._failing_since is not None:
            log.info("%s is back after %d s.", self.server, time.monotonic() - self._failing_since)
        self._failing_since = None

    # The thread

    async def _call(self, work: Callable[[], Result]) -> Result:
        """Run something that blocks off the event loop."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Exception as problem:  # pylint: disable=broad-except
            raise shown(problem, self._client) from None

    async def _end(self) -> None:
        """Log off, whatever is in progress, even if the end is requested several times."""
        self._clock.stopped.set()
        if self._client:
            # A read in progress ends soon.
            self._client.session.transport.deadline = Deadline(0.0, self._clock)
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        while not closing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(closing)
        self._thread.shutdown(wait=False)


class HandOver:
    """Puts events into a queue, and knows when they were taken.

    Events that wait in a queue are lost if the process dies, so they do not count as handed over. Engines that give
    feedback confirm each event when it is in their own storage.
    """

    def __init__(self, queue: Any, feedback: asyncio.Queue[Any] | None) -> None:
        self._queue = queue
        self._feedback = feedback
        self._confirmed = asyncio.Event()

    def listen(self) -> asyncio.Task[None]:
        """Take feedback as it comes: an engine waits until it is taken."""
        return asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while self._feedback is not None:
            await self._feedback.get()
            self._confirmed.set()

    async def __call__(self, happening: dict[str, Any]) -> None:
        """Hand over an event; return when it was taken."""
        self._confirmed.clear()
        await self._queue.put(happening)
        # ansible-rulebook passes the filters and the queue as one object.
        inner = getattr(self._queue, "queue", self._queue)
        pause = 0.0
        while getattr(inner, "maxsize", 0) > 0 and not inner.empty():
            await asyncio.sleep(pause)
            pause = min(pause + 0.005, 0.1)
        if self._feedback is not None:
            try:
                await asyncio.wait_for(self._confirmed.wait(), FEEDBACK_TIMEOUT)
            except asyncio.TimeoutError:
                raise SourceFailed(
                    f"The rule engine did not confirm an event within {FEEDBACK_TIMEOUT:g} seconds. Its log may show "
                    "why. After a restart, the source sends the event again."
                ) from None


class _NoRequests(logging.Filter):
    """Drops the HTTP library's log lines about our requests: the address of a log-off contains a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.threadName).startswith(NAME)


def _keep_quiet() -> None:
    for name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, _NoRequests) for each in logger.filters):
            logger.addFilter(_NoRequests())


def _mend_signals() -> None:
    """Restore the signal handlers of this process, which a Java virtual machine in it has replaced.

    Otherwise, SIGTERM would end the process immediately and leave the logon session open.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, handler)


async def main(queue: Any, args: Mapping[str, Any]) -> None:
    """The entry point for rule engines.

    :raises SourceFailed: with a sentence for people; engines show its text.
    """
    try:
        source = Source(queue, args)
        await source.run()
    except SourceFailed:
        raise
    except Exception as problem:  # pylint: disable=broad-except
        raise SourceFailed(as_error(problem).sentence()) from None
