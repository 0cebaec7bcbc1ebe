# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes schedules, and restores them when thawing: window.py decides, _memory.py records, schedules.py toggles.

Each toggle is recorded on disk before it is sent. So after a kill at any moment, the file shows for every job either
that nothing was sent, or that a toggle may have been sent. The next run reads the schedule before it toggles.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable

from .._errors import CONFLICT, NOT_FOUND, PROTOCOL, USAGE, ApiError, keep, learnt_by
from .._memory import MemoryFile, default_path
from .._progress import Standing
from .._wait import Clock, Waiter, WaitOptions, timed_out
from .client import EmClient
from .filters import refuse_empty
from .jobs import Jobs
from .links import bare_id
from .lookup import KINDS_OF_JOBS, Found, find_jobs, on, read_jobs_again
from .model import Job
from .piece import Piece, picture
from .plan import NONE, SCHEDULE, STOP, STOPPED, Plan, Wish, must_toggle
from .row import Row
from .schedules import Schedules
from .watch import Watch
from .window import (
    FREEZING,
    FROZEN,
    GONE,
    LOOK,
    NOTHING,
    THAWED,
    THAWING,
    TOGGLE,
    Entry,
    NotAWindow,
    Step,
    Window,
    freeze_step,
    listed,
    thaw_step,
    time_of,
    window_of,
)
from .writes import Writer

FREEZE, THAW = "frozen", "thawed"
STATES = (FREEZE, THAW)
# How to select all jobs, and the options that only the other state has.
_ALL = {
    FREEZE: "Add at least one entry. To freeze all jobs, leave out {option} and set all_jobs to true.",
    THAW: "Add at least one entry, or leave out {option} to thaw everything that was frozen with the same path.",
}
_NOT_FOR = {FREEZE: ("overdue_only", "forget_missing"), THAW: ("all_jobs", "stop_running", "expires_after")}
# How long to wait for another freeze or thaw that uses the same memory, in seconds.
LOCK_SECONDS = 180.0
# Toggling takes seconds: the first polls come quickly, and no poll comes late.
INTERVAL, MAX_INTERVAL = 0.5, 3.0
# The longest window, in seconds: a century. Its end must be a date.
LONGEST = 3.2e9


@dataclass(frozen=True)
class Order:
    """What the user wants; the fields are the options of veeam_em_maintenance."""

    state: str
    names: Sequence[str] = ()
    ids: Sequence[str] = ()
    all_jobs: bool = False
    kind: str = "any"
    backup_server: str | None = None
    stop_running: bool = False
    expires_after: float | None = None
    overdue_only: bool = False
    forget_missing: bool = False
    timeout: float = 14400.0

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Order:
        """Read the options of the module.

        :raises ApiError: kind usage, if name or id is empty: without names, thawing selects everything.
        """
        given = {name: listed(params[name]) for name in ("name", "id") if params[name] is not None}
        refuse_empty(given, "name", "id", hint=_ALL[params["state"]])
        return cls(
            state=params["state"],
            names=given.get("name", ()),
            ids=given.get("id", ()),
            all_jobs=params["all_jobs"],
            kind=params["kind"],
            backup_server=params["backup_server"] or None,
            stop_running=params["stop_running"],
            expires_after=params["expires_after"],
            overdue_only=params["overdue_only"],
            forget_missing=params["forget_missing"],
            timeout=params["wait_timeout"],
        )

    def check(self) -> None:
        """Refuse invalid options.

        :raises ApiError: kind usage.
        """
        for option in _NOT_FOR[self.state]:
            if getattr(self, option) not in (None, False):
                raise ApiError(USAGE, f"{option} cannot be used with state {self.state}.", hint="Leave it out.")
        chosen = bool(self.names) + bool(self.ids) + self.all_jobs
        if self.state == FREEZE and not chosen:
            raise ApiError(USAGE, "No job was given.", hint="Set name or id, or set all_jobs to true.")
        if chosen > 1:
            raise ApiError(USAGE, "name, id and all_jobs cannot be combined.", hint="Set only one of them.")
        if self.expires_after is not None and not 0 < self.expires_after <= LONGEST:
            raise ApiError(
                USAGE,
                f"expires_after must be more than 0 seconds and at most {LONGEST:.0f}.",
                hint="Leave it out if the window must not expire.",
            )
        if not self.timeout >= 0:
            raise ApiError(USAGE, "wait_timeout must be at least 0 seconds.", hint="Set it to 0 or more.")


def carry_out(
    client: EmClient, order: Order, params: Mapping[str, Any], clock: Clock | None = None, **more: Any
) -> dict[str, Any]:
    """Freeze or thaw by the options of veeam_em_maintenance; see Maintenance.run.

    :param params: for the path of the memory and the address of the Enterprise Manager.
    """
    order.check()
    em = f"{params['host'].strip().rstrip('.').lower()}:{params['port']}"
    memory = MemoryFile(params["path"] or default_path(f"{em}.json"))
    options = WaitOptions(order.timeout, INTERVAL, MAX_INTERVAL)
    waiter = Waiter(options, clock) if clock else Waiter(options)
    return Maintenance(client, memory, em, order, waiter, **more).run()


class Maintenance:
    """Freezes or thaws jobs.

    :param em: the Enterprise Manager, as host:port.
    :param waiter: its deadline applies to the whole work.
    :param now: the time by this computer's clock, in seconds since the epoch: the memory is a file on this computer.
    """

    def __init__(
        self,
        client: EmClient,
        memory: MemoryFile,
        em: str,
        order: Order,
        waiter: Waiter,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.memory = memory
        self.em = em
        self.order = order
        self.waiter = waiter
        self.now = now
        self.check_mode = client.session.read_only
        self.wish = Wish(SCHEDULE, schedule_enabled=order.state == THAW)
        self.watch = Watch(client)
        self.window = Window(em)
        self.stored: dict[str, Any] | None = None
        self.pieces: list[Piece] = []
        self.problems: list[ApiError] = []
        self.remark = ""

    def run(self) -> dict[str, Any]:
        """Freeze or thaw.

        :returns: changed, jobs, memory, summary, msg, and before and after as a diff.
        :raises ApiError: `learnt` contains what is known by then.
        """
        try:
            with self._held():
                self._recall()
                if self.order.state == FREEZE:
                    self._freeze()
                else:
                    self._thaw()
            if self.order.state == FREEZE and self.order.stop_running:
                self._stop()
            self._raise_problems()
        except Exception as stop:
            keep(stop, self._result())
            raise
        finally:
            for text in self.memory.warnings:
                self.client.warn(text)
        return {**self._result(), "msg": self.remark or self._told()}

    # The memory

    @contextmanager
    def _held(self) -> Iterator[None]:
        # Without anything to thaw, thawing leaves no lock file. Check mode never leaves one.
        if self.check_mode or (self.order.state == THAW and self.memory.untouched):
            yield
            return
        with self.memory.locked(min(self.order.timeout, LOCK_SECONDS), self.waiter.clock):
            yield

    def _recall(self) -> None:
        found = self.memory.read()
        if found is None:
            return
        content, written = found
        try:
            self.window = window_of(content, written)
        except NotAWindow as problem:
            raise self.memory.foreign(str(problem)) from problem
        self.stored = content
        if self.window.em is None:
            # Release 0.2.0 did not store it.
            self.window.em = self.em
            if self.order.state == FREEZE and self.window.owed and not self.window.owed.keys() & self._known().keys():
                raise ApiError(
                    CONFLICT,
                    f"{self.memory.path} belongs to another Enterprise Manager: {self.em} does not have any of its "
                    "jobs.",
                    hint="Nothing was changed. Set another path.",
                )
        elif self.window.em != self.em and self.window.owed:
            raise ApiError(
                CONFLICT,
                f"{self.memory.path} belongs to the Enterprise Manager {self.window.em}, "
                f"but the connection goes to {self.em}.",
                hint=f"Nothing was changed. Connect to {self.window.em}, with the same name that was used to freeze, "
                "or set another path. If this is the same server under a new name, change em in that file.",
            )

    def _save(self) -> None:
        """Write the memory, if it has changed."""
        content = self.window.as_content()
        if content != self.stored and not self.check_mode:
            self.memory.write(content)
            self.stored = content

    def _note(self, entry: Entry, state: str) -> None:
        if entry.state != state:
            entry.state, entry.since = state, self.now()

    # Freezing

    def _freeze(self) -> None:
        jobs = self._chosen()
        self._refuse_unknown(jobs)
        now = self.now()
        if not self.window.owed:
            # A window that was thawed before is over; it may belong to another Enterprise Manager.
            self.window = Window(self.em, frozen_at=now)
        if self.order.expires_after is not None:
            self.window.expires_at = now + self.order.expires_after
        for each in jobs:
            old = self.window.jobs.get(each["id"])
            entry = self._entry(each, old)
            self.window.jobs[each["id"]] = entry
            self._add(each["id"], entry, each, old.state if old else None)
        self._carry_out()

    def _chosen(self) -> list[Job]:
        order = self.order
        found = find_jobs(self.client, KINDS_OF_JOBS[order.kind], order.names, order.ids, order.backup_server)
        return [each.record for each in found]

    def _entry(self, each: Job, old: Entry | None) -> Entry:
        if old and old.owed:
            old.name, old.backup_server = each["name"], each["backup_server"]
            return old
        configured = bool(each["schedule_configured"])
        # The job is unchanged until the toggle is about to be sent.
        state = freeze_step(None, configured, False, False).state
        was_enabled = each["schedule_enabled"] if configured else None
        return Entry(each["name"], each["backup_server"], each["kind"], was_enabled, state, self.now())

    def _refuse_unknown(self, jobs: Sequence[Job]) -> None:
        unknown = [
            each["name"]
            for each in jobs
            if each["schedule_configured"] is None or (each["schedule_configured"] and each["schedule_enabled"] is None)
        ]
        if unknown:
            raise ApiError(
                PROTOCOL,
                "Nothing was frozen. Enterprise Manager does not say whether the schedules of these jobs are enabled: "
                f"{', '.join(unknown)}.",
                hint="Leave them out, or disable their schedules in Backup & Replication.",
            )

    # Thawing

    def _thaw(self) -> None:
        if not self.window.jobs:
            self.remark = f"Nothing was frozen with {self.memory.path}. If you expected frozen jobs, check the path."
            return
        if self.order.overdue_only and not self.window.overdue(self.now()):
            self.remark = self._not_overdue()
            return
        if self.window.owed:
            self._take_owed()
            self._carry_out()
            self._forget_missing()
        else:
            for key, entry in self.window.jobs.items():
                self._add(key, entry, None, entry.state)
            self.remark = f"Everything that was frozen with {self.memory.path} has already been thawed."

    def _not_overdue(self) -> str:
        if not self.window.owed:
            return f"No schedule in {self.memory.path} is frozen."
        if self.window.expires_at is None:
            return f"{self.memory.path} does not expire (expires_after was not set), so it is never overdue."
        return f"{self.memory.path} is frozen until {time_of(self.window.expires_at)} and is not overdue."

    def _take_owed(self) -> None:
        """One piece for each selected job in the memory, with the job as it is now."""
        found = self._known()
        order = self.order
        wanted = {bare_id(each.strip()) for each in order.ids}
        for key, entry in self.window.jobs.items():
            now = found.get(key)
            meant = (
                (not order.names or entry.name in order.names or bool(now and now.record["name"] in order.names))
                and (not wanted or key in wanted)
                and order.kind in ("any", entry.kind)
                and self._is_on(now, entry)
            )
            if meant:
                self._add(key, entry, now.record if now else None, entry.state)
        names = {piece.entry.name for piece in self.pieces}
        names.update(piece.row.name for piece in self.pieces if piece.row)
        others = [each for each in order.names if each not in names]
        others += [each for each in order.ids if bare_id(each.strip()) not in {piece.key for piece in self.pieces}]
        if others:
            self.client.warn(f"These jobs were not frozen with {self.memory.path}: {', '.join(others)}.")

    def _is_on(self, now: Found | None, entry: Entry) -> bool:
        server = self.order.backup_server
        if not server:
            return True
        return on(now.resource, server) if now else str(entry.backup_server).lower() == server.lower()

    def _known(self) -> dict[str, Found]:
        """The remembered jobs that Enterprise Manager knows, by id."""
        found: dict[str, Found] = {}
        for family in KINDS_OF_JOBS["any"]:
            keys = {key for key, entry in self.window.jobs.items() if entry.kind == family.kind}
            if not keys:
                continue
            for row in self.client.query(family.query_type):
                found[str(bare_id(row.get("uid")))] = Found(family, row)
            lost = sorted(keys & self.window.owed.keys() - found.keys())
            # If pages shifted while the listing was read, it may miss some jobs.
            uids = [f"urn:veeam:{family.query_type}:{key}" for key in lost]
            for row in self.client.query_any(family.query_type, "UID", uids) if lost else ():
                found[str(bare_id(row.get("uid")))] = Found(family, row)
        return found

    def _forget_missing(self) -> None:
        missing = [piece for piece in self.pieces if piece.entry.owed and not piece.row]
        if not missing:
            return
        if self.order.forget_missing:
            for piece in missing:
                self._note(piece.entry, GONE)
                piece.notes.append("Enterprise Manager does not have this job. It was removed from the file.")
            self._save()
            return
        for piece in missing:
            piece.notes.append("Enterprise Manager does not have this job.")
        names = ", ".join(sorted(piece.entry.name for piece in missing))
        self.problems.append(
            ApiError(
                NOT_FOUND,
                f"Enterprise Manager does not have these jobs: {names}. Check that they were frozen on this server.",
                hint="If they were deleted, set forget_missing to true.",
            )
        )

    # Freezing and thawing

    def _add(self, key: str, entry: Entry, each: Job | None, state: str | None) -> None:
        row = Row(each, self.watch) if each else None
        self.pieces.append(Piece(key, entry, row, state))

    def _carry_out(self) -> None:
        """Toggle the schedules that need it, once, and record every step."""
        there = [piece for piece in self.pieces if piece.row]
        for piece in there:
            piece.step = self._step(piece)
        if self.check_mode:
            for piece in there:
                piece.predict(bool(self.wish.schedule_enabled))
            return
        if not there:
            # Do not assign the memory to this Enterprise Manager if it does not know any of the jobs.
            return
        # Before the first change.
        self._save()
        self._look([piece for piece in there if piece.to_do(LOOK)])
        for piece in there:
            if piece.step and piece.to_do(NOTHING):
                self._note(piece.entry, piece.step.state)
                piece.notes.append(piece.nothing_to_do())
        self._toggle([piece for piece in there if piece.to_do(TOGGLE)])

    def _step(self, piece: Piece, in_doubt: bool | None = None) -> Step | None:
        """What to do next with a job; if that is unclear, None, and the row gets the error."""
        if piece.row is None:
            return None
        now, entry = piece.row.job, piece.entry
        in_doubt = entry.doubt(self.now()) > 0 if in_doubt is None else in_doubt
        enabled = bool(now["schedule_enabled"])
        if self.order.state == FREEZE:
            return freeze_step(entry.state, bool(now["schedule_configured"]), enabled, in_doubt)
        if entry.owed:
            try:
                must_toggle(self.wish, now)
            except ApiError as error:
                piece.row.error = error
                return None
        return thaw_step(entry.state, enabled, in_doubt)

    def _look(self, pieces: Sequence[Piece]) -> None:
        """Wait until interrupted changes take effect, or can no longer be expected to."""
        if not pieces:
            return

        def poll() -> bool:
            fresh = read_jobs_again(self.client, [piece.row.job for piece in pieces if piece.row])
            for piece in pieces:
                if piece.row:
                    piece.row.job = fresh[piece.key]
                    piece.step = self._step(piece)
            waiting = [piece for piece in pieces if piece.to_do(LOOK)]
            text = "waiting for an earlier change that was interrupted"
            self.client.progress.show(
                {piece.key: Standing(piece.entry.name, text) for piece in waiting}, self.order.state
            )
            return not any(piece.step and piece.step.act == LOOK for piece in pieces)

        with self.client.within(self.waiter.deadline):
            longest = max(piece.entry.doubt(self.now()) for piece in pieces)
            self.waiter.until(poll, seconds=longest)
        still = [piece for piece in pieces if piece.to_do(LOOK)]
        if still and self.waiter.deadline.expired():
            names = ", ".join(piece.entry.name for piece in still)
            raise timed_out(
                f"Gave up after {self.waiter.options.timeout:g} seconds (wait_timeout): an earlier change of {names} "
                "was interrupted and may still take effect.",
                f"Nothing was toggled. {self._kept()} Raise wait_timeout.",
            )
        for piece in still:
            # The two clocks may differ by a fraction of a second.
            piece.step = self._step(piece, in_doubt=False)
        for piece in pieces:
            piece.notes.append("An earlier change was interrupted. The module read its result first.")

    def _toggle(self, pieces: Sequence[Piece]) -> None:
        by_row = {id(piece.row): piece for piece in pieces}
        was = {id(piece.row): (piece.entry.state, piece.entry.since) for piece in pieces}

        def remember(row: Row) -> None:
            entry = by_row[id(row)].entry
            self._note(entry, FREEZING if self.order.state == FREEZE else THAWING)
            entry.since = self.now()
            try:
                self._save()
            except ApiError:
                entry.state, entry.since = was[id(row)]
                raise

        rows = [piece.row for piece in pieces if piece.row]
        for row in rows:
            row.plan = Plan(NONE, True, "")
        writer = Writer(self.client, self.waiter)
        if rows:
            writer.prepare()
        try:
            Schedules(self.client, self.wish, self.waiter, writer, remember, self.order.state).set(rows)
        except ApiError as error:
            raise error.restated(hint=self._kept()) from error
        finally:
            for piece in pieces:
                self._settle(piece, *was[id(piece.row)])
            # However the block ends, write what is known to disk.
            self._save()

    def _settle(self, piece: Piece, state: str, since: float | None) -> None:
        """Record the outcome of a toggle."""
        row, entry = piece.row, piece.entry
        if row and row.toggle.done and not row.error and row.job["schedule_enabled"] == self.wish.schedule_enabled:
            self._note(entry, FROZEN if self.order.state == FREEZE else THAWED)
            piece.notes.append(f"The schedule is {'enabled' if self.wish.schedule_enabled else 'disabled'} now.")
        elif piece.left_alone():
            entry.state, entry.since = state, since

    # Runs

    def _stop(self) -> None:
        """Stop the running jobs and wait until they have ended."""
        pieces = {piece.key: piece for piece in self.pieces if piece.row}
        if not pieces:
            return
        kinds = {piece.entry.kind for piece in pieces.values()}
        families = [family for family in KINDS_OF_JOBS["any"] if family.kind in kinds]
        waiter = Waiter(WaitOptions(timeout=self.waiter.deadline.remaining()), self.waiter.clock)
        try:
            stopped = Jobs(self.client, families, Wish(STOPPED, wait=True), waiter).run(
                [], list(pieces), None, self.check_mode
            )
        except ApiError as error:
            stopped = learnt_by(error)
            # The jobs are reported below.
            error.learnt = {key: value for key, value in stopped.items() if key == "timed_out"}
            self.problems.append(error)
        for each in stopped.get("jobs", ()):
            piece = pieces.get(each["job"]["id"])
            if piece and each["action"] == STOP:
                piece.stopped = each["changed"]
                piece.notes.append(each["msg"])

    # Outcome

    def _kept(self) -> str:
        return f"The file {self.memory.path} was kept. Solve the problem and run the task again."

    def _raise_problems(self) -> None:
        errors = [(piece.entry.name, piece.error) for piece in self.pieces if piece.error]
        texts = [f"{name}: {error.message}" for name, error in errors if error]
        texts += [error.message for error in self.problems]
        if not texts:
            return
        first = next((error for _name, error in errors if error), None) or self.problems[0]
        hints = dict.fromkeys(error.hint for error in [first, *self.problems] if error.hint)
        raise first.restated(" ".join(texts), hint=" ".join([*hints, self._kept()]))

    def _result(self) -> dict[str, Any]:
        jobs = [piece.as_dict() for piece in self.pieces]
        lines = sorted(f"{piece.entry.name}: {piece.entry.state}" for piece in self.pieces)
        return {
            "changed": any(each["changed"] for each in jobs),
            "jobs": jobs,
            "memory": {
                "path": self.memory.path,
                "em": self.window.em,
                "frozen_at": time_of(self.window.frozen_at),
                "expires_at": time_of(self.window.expires_at),
            },
            "summary": "\n".join([self.remark or self._told(), f"Memory: {self.memory.path}", *lines]),
            "diff": {"before": picture(self.pieces, after=False), "after": picture(self.pieces, after=True)},
        }

    def _told(self) -> str:
        toggled = sum(bool(piece.row and piece.row.toggle.done) for piece in self.pieces)
        stopped = sum(piece.stopped for piece in self.pieces)
        would = "Would have " if self.check_mode else ""
        word = "enabled" if self.wish.schedule_enabled else "disabled"
        texts = [f"{would}{word} {toggled} of {len(self.pieces)} schedules".capitalize()]
        if stopped:
            texts.append(f"stopped {stopped} job{'' if stopped == 1 else 's'}")
        left = sorted(entry.name for entry in self.window.owed.values())
        rest = f" Still frozen: {', '.join(left)}." if left and self.order.state == THAW else ""
        return f"{', '.join(texts)}.{rest}"
