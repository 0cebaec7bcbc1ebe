# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out what plan.py decided: every action sent once, every task followed, every run waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from .._errors import (
    AUTHENTICATION,
    AUTHORIZATION,
    CONFLICT,
    CONNECTION,
    NOT_FOUND,
    REJECTED,
    TIMEOUT,
    TLS,
    ApiError,
    Interrupted,
)
from .._wait import Waiter, timed_out
from .client import EmClient
from .links import bare_id
from .lookup import Family, belongs, find_jobs, last_sessions
from .model import Record, job, job_session, task
from .plan import (
    ATTACH,
    DISABLE,
    ENABLE,
    NONE,
    RETRIED,
    RETRY,
    SCHEDULE,
    START,
    STOP,
    STOPPED,
    Observed,
    Plan,
    Wish,
    check,
    make_plan,
)
from .query import Condition
from .runs import (
    CLOCK_MARGIN,
    SessionKind,
    Watch,
    bad_machines,
    describe,
    earlier,
    kind_of,
    read_session,
    since,
    unacceptable,
)
from .tasks import follow

# After a write whose answer was lost: how long to look for its traces, in seconds.
RESOLVE_SECONDS = 15.0
# After a refused action: how long the run that may be the reason can take to show, or to end, in seconds.
OVERTAKEN_SECONDS = 10.0
# After a toggle's task has finished: how long the old value may still be shown, in seconds.
VERIFY_SECONDS = 60.0

TOGGLE = "toggleScheduleEnabled"
# Failures that the next job would meet as well.
_SYSTEMIC = (AUTHENTICATION, AUTHORIZATION, CONNECTION, TIMEOUT, TLS)


@dataclass
class Row:
    """One job on its way: what was planned, what happened."""

    job: Record
    running: Record | None
    plan: Plan
    action: str = NONE
    changed: bool = False
    task: Record | None = None
    followed: Record | None = None
    session: Record | None = None
    machines: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: ApiError | None = None

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.job["name"])

    def as_dict(self) -> Record:
        """The row as it is returned."""
        return {
            "job": self.job,
            "action": self.action,
            "changed": self.changed,
            "task": self.task or self.followed,
            "session": self.session,
            "machines": self.machines,
            "msg": " ".join(self.notes + ([self.error.sentence()] if self.error else [])),
        }


class Jobs:
    """Brings jobs to a wished state.

    :param waiter: its deadline bounds the whole.
    """

    def __init__(self, client: EmClient, family: Family, wish: Wish, waiter: Waiter) -> None:
        check(wish)
        self.client = client
        self.family = family
        self.wish = wish
        self.waiter = waiter
        self.watch = Watch(client)
        self.rows: list[Row] = []
        self._known_tasks: set[str] = set()
        self._known_sessions: set[str | None] = set()
        self._floors: dict[SessionKind, str | None] = {}

    def run(self, names: Sequence[str], ids: Sequence[str], server: str | None, check_mode: bool) -> dict[str, Any]:
        """Find the jobs, plan, carry out, wait if wished.

        :returns: changed, jobs, and before and after as a diff.
        :raises ApiError: what is known of the jobs by then is in `learnt`.
        """
        self._observe([job(resource) for resource in find_jobs(self.client, self.family, names, ids, server)])
        before = self._picture()
        if check_mode:
            for row in self.rows:
                self._predict(row)
            return self._result(before)
        try:
            self._carry_out()
            self._raise_failures()
        except (ApiError, Interrupted) as stop:
            stop.learnt = dict(self._result(before), **stop.learnt)
            raise
        return self._result(before)

    # Before anything is written

    def _observe(self, records: list[Record]) -> None:
        running = self._running(records) if self.wish.state != SCHEDULE else {}
        last = {}
        if self.wish.state == RETRIED:
            last = {key: job_session(row) for key, row in last_sessions(self.client, self.family, records).items()}
        problems = []
        for record in records:
            seen = Observed(record, running.get(record["id"]), last.get(record["id"]))
            try:
                plan = make_plan(self.wish, seen)
                shown = {ATTACH: seen.running, STOP: seen.running, NONE: seen.running or seen.last}
                self.rows.append(Row(record, seen.running, plan, session=shown.get(plan.action)))
            except ApiError as error:
                problems.append(error)
        if problems:
            # Nothing has been written yet: a wish that cannot be fulfilled as a whole is refused as a whole.
            problems[0].message = " ".join(problem.message for problem in problems)
            raise problems[0]

    def _running(self, records: Iterable[Record]) -> dict[str, Record]:
        """The running session of each job, by job id."""
        records = list(records)
        result: dict[str, Record] = {}
        for kind in _kinds(records):
            where = [*since(None, self.family.run_type), Condition.of("State", "!=", "Stopped")]
            for row in self.client.query(kind.query_type, where=where):
                session = job_session(row)
                for record in records:
                    # An unknown state counts as running, but not that of a run that has an end.
                    if session["running"] and not session["end_time"] and belongs(session, record):
                        result[record["id"]] = session
        return result

    def _predict(self, row: Row) -> None:
        row.action = self._action(row)
        row.changed = row.plan.changes
        if row.changed:
            steps = " and ".join(self._steps(row))
            row.notes.append(f"Would {steps}.")
        else:
            row.notes.append(f"Nothing to do: {row.plan.reason}.")
        if row.plan.toggle:
            row.job = dict(row.job, schedule_enabled=self.wish.schedule_enabled)

    def _action(self, row: Row) -> str:
        if row.plan.action == NONE and row.plan.toggle:
            return ENABLE if self.wish.schedule_enabled else DISABLE
        return row.plan.action

    def _steps(self, row: Row) -> list[str]:
        steps = [] if row.plan.action == NONE else [row.plan.action]
        if row.plan.toggle:
            steps.append("%s the schedule" % (ENABLE if self.wish.schedule_enabled else DISABLE))
        return steps

    # Writing and waiting

    def _carry_out(self) -> None:
        acting = [row for row in self.rows if row.plan.action in (START, STOP, RETRY)]
        if self.wish.state == STOPPED:
            self._set_schedules()
        if acting and not self.client.session.owned:
            # Others may have left tasks in a shared logon session.
            self._known_tasks = {task(resource)["id"] for resource in self.client.tasks()}
        if any(row.plan.action != STOP for row in acting):
            self._remember_sessions()
        for row in self.rows:
            row.action = self._action(row)
            if row.plan.action in (ATTACH, NONE) and row.plan.reason:
                row.notes.append(f"Nothing to do: {row.plan.reason}.")
        self._send_all([row for row in acting if not row.error], self._act)
        with self.client.session.transport.within(self.waiter.deadline):
            self._follow([row for row in acting if row.followed and not row.error])
            for row in acting:
                row.task = row.followed
            self._reconsider([row for row in acting if row.error and row.error.kind == REJECTED])
            self._see_runs([row for row in self.rows if row.plan.action != NONE and not row.error])
        if self.wish.state != STOPPED:
            self._set_schedules()

    def _send_all(self, rows: Iterable[Row], send: Callable[[Row], None]) -> None:
        """Send one write per row; a failure that would meet every job ends the sending."""
        stop: ApiError | None = None
        for row in rows:
            if stop:
                row.error = ApiError(stop.kind, "Not attempted, because of the failure before it.", hint=stop.hint)
                continue
            try:
                send(row)
            except ApiError as error:
                row.error = error
                if error.kind in _SYSTEMIC or error.outcome_unknown:
                    stop = error

    def _act(self, row: Row) -> None:
        action = row.plan.action
        if action == START and row.job["job_type"] in ("BackupCopy", "ImmediateBackupCopy"):
            # Backup copy jobs are started by sync (em_rest 9).
            action = "sync"
        try:
            self._adopt_task(row, self.client.act(self._path(row), action))
        except ApiError as error:
            self._resolve(row, error, lambda: self._acted(row))
        row.changed = True

    def _path(self, row: Row) -> str:
        return f"{self.family.collection}/{row.job['id']}"

    def _adopt_task(self, row: Row, resource: dict[str, Any]) -> None:
        row.followed = task(resource)
        self._known_tasks.add(row.followed["id"])

    def _resolve(self, row: Row, error: ApiError, acted: Callable[[], bool]) -> None:
        """After a write whose answer was lost: look for its traces, never send it again.

        :raises ApiError: the failure, when the write did not arrive or leaves no trace.
        """
        if not error.outcome_unknown:
            raise error
        renewals = self.client.session.renewals

        def poll() -> bool:
            # The tasks of a logon session vanish with it (em_rest 4, Scope).
            same_logon_session = self.client.session.renewals == renewals
            return (same_logon_session and self._new_task(row)) or acted()

        try:
            found = self.waiter.until(poll, seconds=RESOLVE_SECONDS)
        except ApiError:
            found = False
        if not found:
            error.message = f"It is not known whether the action on {row.name} took effect. {error.message}"
            error.hint = (
                "No trace of it was seen, and it was not sent again. Look at the job before you repeat the task; "
                "when the job is running by then, the task attaches to the run."
            )
            raise error
        self.client.warn(
            f"The answer to an action on {row.name} was lost ({error.message}); its effect was found by reading again."
        )

    def _new_task(self, row: Row) -> bool:
        """Adopt a task that nobody has accounted for. In a logon session of our own it can only be ours."""
        for resource in self.client.tasks():
            record = task(resource)
            mine = self.client.session.owned or f'"{row.name}"' in record["message"]
            if record["id"] not in self._known_tasks and mine:
                self._adopt_task(row, resource)
                return True
        return False

    def _acted(self, row: Row) -> bool:
        """Whether a start, retry or stop shows in the job's sessions."""
        if row.plan.action != STOP:
            self._discover([row])
            return row.session is not None
        current = read_session(self.client, (row.running or {})["id"])
        session = job_session(current)
        return session["state"] == "Stopping" or not session["running"]

    def _follow(self, rows: list[Row]) -> None:
        """Follow the rows' tasks to Finished."""
        tasks: dict[str, Record | ApiError] = {row.followed["id"]: row.followed for row in rows if row.followed}
        done = follow(self.client, self.waiter, list(tasks), tasks) if tasks else True
        for row in rows:
            followed = row.followed or {}
            seen = tasks.get(followed.get("id", ""))
            if isinstance(seen, ApiError):
                self.client.warn(f"Task {followed['id']} of {row.name} is not known any more; going on without it.")
            elif seen:
                row.followed = seen
                if seen["success"] is False:
                    row.error = self._refusal(row, seen["message"])
                    row.changed = False
        if not done:
            raise self._too_late()

    def _refusal(self, row: Row, said: str) -> ApiError:
        return ApiError(
            REJECTED,
            f"Enterprise Manager refused the action on {row.name}: {said or 'it gave no reason.'}",
            hint="See the job in Backup & Replication.",
            em_message=said or None,
            path=self._path(row),
        )

    def _reconsider(self, rows: list[Row]) -> None:
        """A refused action may have been overtaken: the job was started, or has ended, in between."""
        rows = [row for row in rows if row.plan.action == STOP or self.wish.if_running == "attach"]

        def poll() -> bool:
            still = [row for row in rows if row.error]
            running = self._running([row.job for row in still])
            for row in still:
                session = running.get(row.job["id"])
                if row.plan.action == STOP and not session:
                    row.error, row.action = None, NONE
                    row.notes.append("It had ended before it could be stopped.")
                elif row.plan.action != STOP and session:
                    row.error, row.action, row.session = None, ATTACH, session
                    row.notes.append("Somebody else had started it just before.")
            return not any(row.error for row in rows)

        if rows:
            self.waiter.until(poll, seconds=OVERTAKEN_SECONDS)

    # Runs

    def _remember_sessions(self) -> None:
        """Note which sessions exist: a new run is one that is not among them. Only servers' clocks are compared."""
        for kind in _kinds(row.job for row in self.rows):
            run_type = self.family.run_type
            newest = self.client.query(
                kind.query_type, where=since(None, run_type), sort_by="CreationTime", descending=True, limit=1
            )
            floor = earlier(newest[0].get("creation_time_utc"), CLOCK_MARGIN) if newest else None
            self._floors[kind] = floor
            self._known_sessions.update(
                bare_id(row.get("uid")) for row in self.client.query(kind.query_type, where=since(floor, run_type))
            )

    def _discover(self, rows: list[Row]) -> None:
        """Find the new sessions of rows that have none yet; one request, however many rows."""
        for row in rows:
            related = row.followed["job_session_id"] if row.followed and not row.session else None
            if related and related not in self._known_sessions:
                try:
                    row.session = self.watch.add(read_session(self.client, related))
                except ApiError as error:
                    # The task may name a session that is not collected yet.
                    if error.kind != NOT_FOUND:
                        raise
        for kind, floor in self._floors.items():
            pending = [row for row in rows if not row.session and kind_of(row.job["job_type"]) is kind]
            if not pending:
                continue
            where = since(floor, self.family.run_type)
            for resource in self.client.query(kind.query_type, where=where, sort_by="CreationTime", descending=True):
                session = job_session(resource)
                for row in pending:
                    if not row.session and session["id"] not in self._known_sessions and belongs(session, row.job):
                        row.session = self.watch.add(resource)

    def _see_runs(self, rows: list[Row]) -> None:
        """Wait for the rows' runs, or look at them once."""
        for row in rows:
            if row.session:
                self.watch.follow(row.session)
        if not self.wish.wait:
            try:
                self._discover([row for row in rows if row.action in (START, RETRY)])
                self.watch.refresh()
            except ApiError as error:
                if not error.retryable:
                    raise
                self.client.warn(f"The runs could not be looked at: {error.message}")
            self._take_over(rows)
            return

        def poll() -> bool:
            self._discover([row for row in rows if not row.session])
            return self.watch.refresh() and all(row.session for row in rows)

        try:
            ended = self.waiter.until(poll)
            if self.wish.state == STOPPED:
                # What became of the machines of a stopped run is a courtesy.
                self.watch.peek()
            elif ended:
                self.watch.settle(self.waiter)
            else:
                self.watch.peek()
        except ApiError as error:
            error.hint = f"{error.hint or ''} Nothing was stopped: the backups go on.".strip()
            raise
        finally:
            self._take_over(rows)
        if not ended:
            raise self._too_late()

    def _take_over(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.session:
                row.session = self.watch.sessions.get(row.session["id"], row.session)
                row.machines = self.watch.machines.get(row.session["id"], [])

    def _too_late(self) -> ApiError:
        waiting = []
        for row in self.rows:
            if row.error or row.action == NONE or (row.session and not row.session["running"]):
                continue
            if row.followed and not row.followed["finished"]:
                waiting.append(f"{row.name} (its task {row.followed['id']} is {row.followed['state']})")
            elif row.session:
                percent = row.session["progress"]
                done = "" if percent is None else ", %d %%" % percent
                waiting.append(f"{row.name} ({row.session['state']}{done})")
            else:
                waiting.append(f"{row.name} (its session has not appeared yet)")
        ids = [row.session["id"] for row in self.rows if row.session and row.session["running"]]
        resume = "Look at the jobs before you run the task again: what is not seen running would be started anew."
        if ids:
            resume = f"Wait on with veeam_em_job_session_wait, id: [{', '.join(ids)}], or raise wait_timeout."
        return timed_out(
            f"Gave up after {self.waiter.options.timeout:g} seconds (wait_timeout) with these jobs unfinished: "
            f"{', '.join(waiting)}.",
            f"Nothing was stopped: the backups go on. {resume}",
        )

    # Schedules: the server can only toggle (em_rest 15, trap 10)

    def _set_schedules(self) -> None:
        rows = [row for row in self.rows if row.plan.toggle and not row.error]
        if not rows:
            return
        if self.wish.state not in (SCHEDULE, STOPPED):
            # Time has passed since the schedules were read.
            rows = [row for row in rows if not self._as_wished([row])]
        self._send_all(rows, self._toggle)
        sent = [row for row in rows if not row.error]
        with self.client.session.transport.within(self.waiter.deadline):
            self._follow([row for row in sent if row.followed])
            sent = [row for row in sent if not row.error]
            if not sent or self.waiter.until(lambda: self._as_wished(sent), seconds=VERIFY_SECONDS):
                return
        for row in sent:
            if row.job["schedule_enabled"] != self.wish.schedule_enabled:
                shown = "enabled" if row.job["schedule_enabled"] else "disabled"
                row.error = ApiError(
                    CONFLICT,
                    f"The schedule of {row.name} is still {shown} although it was toggled.",
                    hint="Somebody else may have toggled it at the same time; it was not toggled again.",
                )

    def _toggle(self, row: Row) -> None:
        row.followed = None
        try:
            self._adopt_task(row, self.client.act(self._path(row), TOGGLE))
        except ApiError as error:
            self._resolve(row, error, lambda: self._as_wished([row]))
        row.changed = True

    def _as_wished(self, rows: list[Row]) -> bool:
        """Read the jobs again; True when every schedule is as wished."""
        if len(rows) == 1:
            found = [self.client.entity(self.family.collection, rows[0].job["id"])]
        else:
            found = self.client.query(self.family.query_type)
        fresh = {record["id"]: record for record in map(job, found)}
        for row in rows:
            row.job = fresh.get(row.job["id"], row.job)
        return all(row.job["schedule_enabled"] == self.wish.schedule_enabled for row in rows)

    # Outcome

    def _raise_failures(self) -> None:
        """Fail for refused actions and, after a wait, for verdicts that `fail_on` does not let pass."""
        failed = [row for row in self.rows if row.error]
        bad = []
        for row in self.rows:
            if not (self.wish.wait and row.session and row.action in (START, ATTACH, RETRY)) or row.session["running"]:
                continue
            row.notes.append(self._outcome(row))
            if unacceptable(row.session["result"], self.wish.fail_on) or bad_machines(row.machines, self.wish.fail_on):
                bad.append(row)
        if not failed and not bad:
            return
        texts = [f"{row.name}: {row.error.message}" for row in failed if row.error]
        texts += [f"{row.name}: {self._outcome(row)}" for row in bad]
        first = failed[0].error if failed else None
        error = first or ApiError(
            REJECTED, "", hint="The machines and reasons are in jobs[].machines; fail_on decides what counts."
        )
        error.message = " ".join(texts)
        raise error

    def _outcome(self, row: Row) -> str:
        return f"The run {describe(row.session or {}, row.machines, self.wish.fail_on)}."

    def _result(self, before: dict[str, Any]) -> dict[str, Any]:
        return {
            "changed": any(row.changed for row in self.rows),
            "jobs": [row.as_dict() for row in self.rows],
            "diff": {"before": before, "after": self._picture()},
        }

    def _picture(self) -> dict[str, Any]:
        """The part of the jobs' state that this module changes, for diff mode."""
        picture = {}
        for row in self.rows:
            begun = row.changed and row.action in (START, RETRY) and not row.session
            picture[f"{row.name} ({row.job['id']})"] = {
                "running": bool(begun or (row.session and row.session["running"] and row.action != STOP)),
                "schedule_enabled": row.job["schedule_enabled"],
                "session": row.session["name"] if row.session else None,
            }
        return picture


def _kinds(records: Iterable[Record]) -> list[SessionKind]:
    return list(dict.fromkeys(kind_of(record["job_type"]) for record in records))
