# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out what plan.py decided: every action sent once, every task followed, every run waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Callable

from .._errors import (
    AUTHENTICATION,
    AUTHORIZATION,
    CONFLICT,
    CONNECTION,
    REJECTED,
    TIMEOUT,
    TLS,
    ApiError,
    Interrupted,
    keep,
)
from .._wait import Waiter, timed_out
from .client import EmClient
from .discovery import Discovery, kinds
from .lookup import Family, belongs, find_jobs, last_sessions
from .model import Record, job, job_session, task
from .plan import (
    ATTACH,
    NONE,
    RETRIED,
    RETRY,
    SCHEDULE,
    START,
    STOP,
    STOPPED,
    STOPPING,
    Observed,
    Plan,
    Wish,
    check,
    make_plan,
    running_already,
)
from .query import Condition
from .row import Row, Write, picture, shown_action
from .runs import Watch, read_session, since
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
        self.discovery = Discovery(client, family, self.watch, waiter.clock)
        self.rows: list[Row] = []
        self._known_tasks: set[str] = set()

    def run(self, names: Sequence[str], ids: Sequence[str], server: str | None, check_mode: bool) -> dict[str, Any]:
        """Find the jobs, plan, carry out, wait if wished.

        :returns: changed, jobs, and before and after as a diff.
        :raises ApiError: what is known of the jobs by then is in `learnt`.
        """
        self._observe([job(resource) for resource in find_jobs(self.client, self.family, names, ids, server)])
        before = picture(self.rows)
        if check_mode:
            for row in self.rows:
                row.predict(self.wish)
            return self._result(before)
        try:
            self._carry_out()
            self._raise_failures()
        except Exception as stop:
            self._note_unset(stop)
            keep(stop, self._result(before))
            raise
        return self._result(before)

    def _note_unset(self, stop: Exception) -> None:
        unset = [row for row in self.rows if row.unset(self.wish)]
        for row in unset:
            row.notes.append("Its schedule was not set.")
        if unset and isinstance(stop, ApiError):
            stop.message += f" The schedule was not set: {', '.join(row.name for row in unset)}."

    # Before anything is written

    def _observe(self, records: list[Record]) -> None:
        running = self._running(records) if self.wish.state != SCHEDULE else {}
        last = {}
        if self.wish.state == RETRIED:
            last = {key: job_session(row) for key, row in last_sessions(self.client, self.family, records).items()}
        problems = []
        for record in records:
            now = Row(record, Plan(NONE, False, ""), sessions=running.get(record["id"], []))
            seen = Observed(record, now.session, last.get(record["id"]))
            try:
                now.plan = make_plan(self.wish, seen)
            except ApiError as error:
                problems.append(error)
            if not now.sessions and seen.last and now.plan.action == NONE:
                now.sessions = [seen.last]
            self.rows.append(now)
        if problems:
            # Nothing has been written yet: a wish that cannot be fulfilled as a whole is refused as a whole.
            problems[0].message = " ".join(problem.message for problem in problems)
            problems[0].learnt = {"jobs": [row.as_dict() for row in self.rows]}
            raise problems[0]

    def _running(self, records: Iterable[Record]) -> dict[str, list[Record]]:
        """The running sessions of each job, by job id."""
        records = list(records)
        result: dict[str, list[Record]] = {}
        for kind in kinds(records):
            where = [*since(None, self.family.run_type), Condition.of("State", "!=", "Stopped")]
            for row in self.client.query(kind.query_type, where=where):
                session = job_session(row)
                for record in records:
                    # An unknown state counts as running, but not that of a run that has an end.
                    if session["running"] and not session["end_time"] and belongs(session, record):
                        result.setdefault(record["id"], []).append(session)
        return result

    # Writing and waiting

    def _carry_out(self) -> None:
        acting = [row for row in self.rows if row.plan.action in (START, STOP, RETRY)]
        if self.wish.state == STOPPED:
            self._set_schedules()
        if acting and not self.client.session.owned:
            # Others may have left tasks in a shared logon session.
            self._known_tasks = {task(resource)["id"] for resource in self.client.tasks()}
        if any(row.plan.action != STOP for row in acting):
            self.discovery.remember(row.job for row in self.rows)
        for row in self.rows:
            row.action = shown_action(row.plan, self.wish)
            if row.plan.action in (ATTACH, NONE) and row.plan.reason:
                row.notes.append(f"Nothing to do: {row.plan.reason}.")
        self._send_all([row for row in acting if not row.error], self._act)
        with self.client.session.transport.within(self.waiter.deadline):
            self._follow([(row, row.act) for row in acting if not row.error])
            self._reconsider([row for row in acting if row.error and row.error.kind == REJECTED])
            self._see_runs([row for row in self.rows if (row.plan.action != NONE or row.running) and not row.error])
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
        self._write(row, row.act, action, lambda: self._acted(row))

    def _path(self, row: Row) -> str:
        return f"{self.family.collection}/{row.job['id']}"

    def _write(self, row: Row, write: Write, action: str, acted: Callable[[], bool]) -> None:
        """Send a write once.

        :param acted: tells, after a lost answer, whether the write shows.
        """
        write.sent, write.sent_at = self.waiter.clock.monotonic(), self.client.session.transport.server_time
        try:
            self._adopt_task(write, self.client.act(self._path(row), action))
        except ApiError as error:
            self._resolve(row, write, error, acted)
        except Interrupted:
            row.notes.append("Interrupted while the action was being sent: it may have taken effect.")
            raise
        if write is row.act and row.plan.action != STOP and not write.task and self.discovery.old(row):
            # The server refused in unclear words what somebody else had started before.
            self._attach(row, row.sessions)
        else:
            write.done = True

    def _adopt_task(self, write: Write, resource: dict[str, Any]) -> None:
        write.task = task(resource)
        self._known_tasks.add(write.task["id"])

    def _resolve(self, row: Row, write: Write, error: ApiError, acted: Callable[[], bool]) -> None:
        """After a write whose answer was lost: look for its traces, never send it again.

        :raises ApiError: the failure, when the write did not arrive or leaves no trace.
        """
        if not error.outcome_unknown:
            raise error
        renewals = self.client.session.renewals

        def poll() -> bool:
            # The tasks of a logon session vanish with it (em_rest 4, Scope).
            same_logon_session = self.client.session.renewals == renewals
            return (same_logon_session and self._new_task(row, write)) or acted()

        try:
            found = self.waiter.until(poll, seconds=RESOLVE_SECONDS)
        except ApiError:
            found = False
        if not found:
            self.discovery.drop_doubtful([row])
            error.message = f"It is not known whether the action on {row.name} took effect. {error.message}"
            error.hint = (
                "No trace of it was seen, and it was not sent again. Look at the job before you run the playbook "
                "again; when the job is running by then, the module attaches to the run."
            )
            raise error
        self.client.warn(
            f"The answer to an action on {row.name} was lost ({error.message}); its effect was found by reading again."
        )

    def _new_task(self, row: Row, write: Write) -> bool:
        """Adopt a task that nobody has accounted for. In a logon session of our own it can only be ours."""
        for resource in self.client.tasks():
            record = task(resource)
            mine = self.client.session.owned or f'"{row.name}"' in record["message"]
            if record["id"] not in self._known_tasks and mine:
                self._adopt_task(write, resource)
                return True
        return False

    def _acted(self, row: Row) -> bool:
        """Whether a start, retry or stop shows in the job's sessions."""
        if row.plan.action != STOP:
            self.discovery.look([row])
            return bool(row.running or (row.sessions and not self.discovery.old(row)))
        now = [job_session(read_session(self.client, session["id"])) for session in row.sessions]
        return all(session["state"] == STOPPING or not session["running"] for session in now)

    def _follow(self, sent: Sequence[tuple[Row, Write]]) -> None:
        """Follow the tasks of writes to Finished."""
        tasks: dict[str, Record | ApiError] = {write.task["id"]: write.task for _row, write in sent if write.task}
        done = follow(self.client, self.waiter, list(tasks), tasks) if tasks else True
        for row, write in sent:
            seen = tasks.get(write.task["id"]) if write.task else None
            if isinstance(seen, ApiError):
                self.client.warn(f"A task of {row.name} is not known any more; going on without it.")
                write.forgotten = True
            elif seen:
                write.task = seen
                if seen["success"] is False:
                    row.error = self._refusal(row, seen["message"])
                    write.done = False
        if not done:
            raise self._too_late()

    def _refusal(self, row: Row, said: str) -> ApiError:
        return ApiError(
            REJECTED,
            f"Enterprise Manager refused the action on {row.name}: {said.rstrip('. ') or 'it gave no reason'}.",
            hint="See the job in Backup & Replication.",
            em_message=said or None,
            method="POST",
            path=f"/api/{self._path(row)}",
        )

    def _reconsider(self, rows: list[Row]) -> None:
        """A refused action may have been overtaken: the job was started, or has ended, in between."""
        rows = [row for row in rows if row.plan.action == STOP or self.wish.if_running == "attach"]

        def poll() -> bool:
            still = [row for row in rows if row.error]
            running = self._running([row.job for row in still])
            for row in still:
                sessions = running.get(row.job["id"], [])
                if row.plan.action == STOP and not sessions:
                    row.error, row.action = None, NONE
                    row.notes.append("It had ended before it could be stopped.")
                elif row.plan.action != STOP and sessions:
                    self._attach(row, sessions)
            return not any(row.error for row in rows)

        if rows:
            self.waiter.until(poll, seconds=OVERTAKEN_SECONDS)

    def _attach(self, row: Row, sessions: list[Record]) -> None:
        """Join a run that somebody else has started.

        :raises ApiError: conflict, when `if_running` says so.
        """
        if self.wish.if_running == "fail":
            raise running_already(row.name, sessions[0])
        row.error, row.action, row.sessions = None, ATTACH, sessions
        row.notes.append("Somebody else had started it just before.")

    # Runs

    def _see_runs(self, rows: list[Row]) -> None:
        """Wait for the rows' runs, or look at them once."""
        for row in rows:
            for session in row.sessions:
                self.watch.follow(session)
        started = [row for row in rows if row.action in (START, RETRY)]
        if not self.wish.wait:
            try:
                self.discovery.look(started)
                self.discovery.drop_doubtful(started)
                self.watch.refresh()
            except ApiError as error:
                if not error.retryable:
                    raise
                self.client.warn(f"The runs could not be looked at: {error.message}")
            self._take_over(rows)
            return

        def poll() -> bool:
            self.discovery.look(started)
            found = all(row.sessions for row in rows) and not any(map(self.discovery.doubtful, started))
            return self.watch.refresh() and found

        try:
            ended = self.waiter.until(poll)
            self.discovery.drop_doubtful(started)
            self.discovery.note_odd(started)
            if ended and self.wish.state != STOPPED:
                self.watch.settle(self.waiter)
            else:
                # What became of the machines of a stopped run is a courtesy.
                self.watch.peek()
        except ApiError as error:
            self._tell_of_runs(rows, error)
            raise
        finally:
            self._take_over(rows)
        if not ended:
            raise self._too_late()

    def _tell_of_runs(self, rows: Iterable[Row], error: ApiError) -> None:
        """Add to a failure to read how the runs stand."""
        ended = {session_id: each for session_id, each in self.watch.sessions.items() if not each["running"]}
        if self.watch.running() or not all(row.sessions for row in rows):
            error.hint = f"{error.hint or ''} Nothing was stopped: the backups go on.".strip()
            return
        verdicts = ", ".join(f"{each['name']} {each['result'] or 'without a verdict'}" for each in ended.values())
        error.message = f"The runs have ended ({verdicts}), but their machines could not be read. {error.message}"
        error.hint = (
            f"Read them with veeam_em_job_session_wait, id: [{', '.join(ended)}]; no new backup is needed for that."
        )

    def _take_over(self, rows: Iterable[Row]) -> None:
        for row in rows:
            ids = [session["id"] for session in row.sessions]
            row.sessions = [self.watch.sessions.get(each["id"], each) for each in row.sessions]
            row.machines = [machine for each in ids for machine in self.watch.machines.get(each, [])]

    def _too_late(self) -> ApiError:
        waiting = [text for row in self.rows if (text := row.unfinished())]
        ids = [session["id"] for row in self.rows for session in row.running]
        resume = "Look at the jobs before you run the playbook again: what is not seen running would be started anew."
        if ids:
            resume = f"Wait on with veeam_em_job_session_wait, id: [{', '.join(ids)}], or raise wait_timeout."
        return timed_out(
            f"Gave up after {self.waiter.options.timeout:g} seconds (wait_timeout) with these jobs unfinished: "
            f"{', '.join(waiting)}.",
            f"Nothing was stopped: what was started goes on. {resume}",
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
            self._follow([(row, row.toggle) for row in sent])
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
        self._write(row, row.toggle, TOGGLE, lambda: self._as_wished([row]))

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
            row.conclude(self.wish)
            judged = self.wish.wait and row.action in (START, ATTACH, RETRY) and row.sessions and not row.running
            if judged and not row.error and row.bad(self.wish.fail_on):
                bad.append(row)
        if not failed and not bad:
            return
        texts = [f"{row.name}: {row.error.message}" for row in failed if row.error]
        texts += [f"{row.name}: {row.outcome(self.wish.fail_on)}" for row in bad]
        first = failed[0].error if failed else None
        error = first or ApiError(
            REJECTED, "", hint="The machines and reasons are in jobs[].machines; fail_on decides what counts."
        )
        error.message = " ".join(texts)
        raise error

    def _result(self, before: dict[str, Any]) -> dict[str, Any]:
        return {
            "changed": any(row.changed for row in self.rows),
            "jobs": [row.as_dict() for row in self.rows],
            "diff": {"before": before, "after": picture(self.rows)},
        }
