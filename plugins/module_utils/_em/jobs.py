# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the decisions of plan.py: sends every action once, follows every task, waits for every run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from .._errors import AMBIGUOUS, NOT_FOUND, REJECTED, USAGE, ApiError, keep
from .._wait import Waiter
from .client import EmClient
from .discovery import Discovery
from .links import bare_id
from .lookup import Family, find_jobs
from .model import Job, JobObject, JobSession, is_copy, is_stopping, job_objects
from .numbers import machine_numbers
from .plan import (
    ATTACH,
    NONE,
    RETRIED,
    RETRY,
    REUSE,
    SCHEDULE,
    START,
    STOP,
    STOPPED,
    Observed,
    Wish,
    busy_sessions,
    check,
    check_single,
    make_plan,
    running_already,
    verb,
)
from .reuse import read_valid_runs
from .row import Row, picture, shown_action, too_late
from .schedules import Schedules
from .sessions import (
    BACKUP,
    LastSessions,
    belongs,
    is_machine,
    kind_of,
    kinds_of,
    read_last_sessions,
    read_open_sessions,
    read_session,
)
from .verdicts import resumable, summary
from .watch import Watch
from .writes import Writer

# After a refused action: how long the run that may be the cause can take to appear or to end, in seconds.
OVERTAKEN_SECONDS = 10.0


class Jobs:
    """Brings jobs to the requested state.

    :param families: the kinds of jobs to search.
    :param waiter: its deadline applies to the whole work.
    :param other_module: see find_jobs.
    """

    def __init__(
        self,
        client: EmClient,
        families: Sequence[Family],
        wish: Wish,
        waiter: Waiter,
        other_module: str | None = None,
    ) -> None:
        check(wish)
        self.client = client
        self.families = families
        self.other_module = other_module
        self.wish = wish
        self.waiter = waiter
        self.watch = Watch(client)
        self.writer = Writer(client, waiter)
        self.schedules = Schedules(client, wish, waiter, self.writer)
        self.discovery = Discovery(client, waiter.clock)
        self.rows: list[Row] = []
        self._includes: dict[str, list[JobObject]] = {}

    def run(self, names: Sequence[str], ids: Sequence[str], server: str | None, check_mode: bool) -> dict[str, Any]:
        """Find the jobs, plan, carry out, and wait if requested.

        :returns: changed, jobs, summary (for people), and before and after as a diff.
        :raises ApiError: `learnt` contains what is known about the jobs.
        """
        # With wait_timeout 0, the module sends all actions but does not wait.
        limited = self.client.within(self.waiter.deadline) if self.waiter.options.timeout else nullcontext()
        with limited:
            found = find_jobs(self.client, self.families, names, ids, server, self.other_module)
            check_single(self.wish, [each.record["name"] for each in found])
            self._includes = {str(each.id): job_objects(each.resource) for each in found}
            self._observe([each.record for each in found], check_mode)
        before = picture(self.rows)
        if check_mode:
            for row in self.rows:
                row.predict(self.wish)
            return self._result(before)
        try:
            try:
                self._carry_out()
            finally:
                # However it ends, each row says what was done.
                for row in self.rows:
                    row.conclude(self.wish)
            self._raise_failures()
        except ApiError as stop:
            error = self._with_schedules(stop)
            keep(error, self._result(before))
            raise error from stop
        except Exception as stop:
            keep(stop, self._result(before))
            raise
        return self._result(before)

    def _with_schedules(self, error: ApiError) -> ApiError:
        """A failure that also names the schedules that were not set because of it."""
        unset = [row for row in self.rows if row.unset(self.wish)]
        for row in unset:
            row.notes.append("Its schedule was not changed.")
        names = ", ".join(row.name for row in unset)
        return (
            error.restated(f"{error.message} The schedules of these jobs were not changed: {names}.")
            if unset
            else error
        )

    # Before anything is written

    def _observe(self, jobs: Sequence[Job], check_mode: bool) -> None:
        running: list[JobSession] = []
        if self.wish.state != SCHEDULE:
            running = self.discovery.observe(jobs, starting=self.wish.state != STOPPED and not check_mode)
        needs_last = self.wish.state == RETRIED or self.wish.after_session is not None
        last = read_last_sessions(self.client, jobs) if needs_last else LastSessions()
        valid = (
            read_valid_runs(self.client, jobs, self.wish.valid_for, self.wish.fail_on) if self.wish.valid_for else {}
        )
        wish = self._with_run(jobs, last.newest)
        problems = []
        for each in jobs:
            row = Row(each, self.watch)
            row.take([session for session in running if belongs(session, each)])
            run, machines = valid.get(each["id"], (None, []))
            seen = Observed(each, row.sessions, last.newest.get(each["id"]), run, each["id"] in last.ahead)
            try:
                row.plan = make_plan(wish, seen)
            except ApiError as error:
                row.error = error
                problems.append(error)
            if run and row.plan.action == REUSE:
                self.watch.keep(run, machines)
                row.take([run])
            if not row.sessions and seen.last and row.plan.action in (NONE, ATTACH):
                row.take([seen.last])
            self.rows.append(row)
        if problems:
            # Nothing has been written yet: if one job cannot be changed, change none.
            for row in self.rows:
                if not row.error:
                    row.notes.append("Nothing was done, because the request is not possible for another job.")
            told = ["Check mode: the task would fail."] if check_mode else []
            raise problems[0].restated(
                " ".join([*told, *(problem.message for problem in problems)]),
                learnt=self._result(picture(self.rows)),
            )

    def _with_run(self, jobs: Sequence[Job], last: Mapping[str, JobSession]) -> Wish:
        """The wish, with a run of the job as `after_session`: it may be the session of one machine in that run.

        :raises ApiError: kind usage, if it is a session of another job, since its age would then mean nothing.
        """
        given = bare_id(self.wish.after_session)
        job = jobs[0] if given else None
        if not given or not job or job["id"] not in last or last[job["id"]]["id"] == given:
            return self.wish
        try:
            session = read_session(self.client, given)
            if session["parent_session_id"]:
                session = read_session(self.client, session["parent_session_id"], BACKUP)
        except ApiError as error:
            if error.kind != NOT_FOUND:
                raise
            self.client.warn(
                f"The session {given} (after_session) does not exist or is older than 30 days. The newest session of "
                f"{job['name']} counts as a later one."
            )
            return self.wish
        if session["job_id"] and not is_machine(session) and not belongs(session, job):
            raise ApiError(
                USAGE,
                f"after_session {session['name']} is a session of the job {session['job_name']}, not of {job['name']}.",
                hint=f"Set after_session to a session of {job['name']}.",
            )
        return replace(self.wish, after_session=session["id"])

    def _busy(self, jobs: Sequence[Job]) -> dict[str, list[JobSession]]:
        """The sessions that keep some jobs from being started, by job id."""
        result: dict[str, list[JobSession]] = {each["id"]: [] for each in jobs}
        for kind in kinds_of(jobs):
            sessions, _whole = read_open_sessions(self.client, kind, jobs)
            for each in jobs:
                mine = [session for session in sessions if session["running"] and belongs(session, each)]
                result[each["id"]] += busy_sessions(each, mine)
        return result

    # Writing and waiting

    def _carry_out(self) -> None:
        acting = [row for row in self.rows if row.plan.action in (START, STOP, RETRY)]
        for row in self.rows:
            row.action = shown_action(row.plan, self.wish)
            if row.plan.action in (ATTACH, NONE, REUSE) and row.plan.reason:
                row.notes.append(f"Nothing to do: {row.plan.reason}.")
        if self.wish.state == STOPPED:
            self.schedules.set(self.rows)
        if acting:
            self.writer.prepare()
        self.writer.send_all([row for row in acting if not row.error], self._act)
        for row in acting:
            if row.error and not row.arrived:
                row.action = NONE
        self._show()
        with self.client.within(self.waiter.deadline):
            in_time = self.writer.follow([(row, row.act) for row in acting if not row.error])
            self._rejoin(acting)
            if not in_time:
                raise too_late(self.rows, self.waiter)
            self._reconsider([row for row in acting if row.error and row.error.kind == REJECTED])
            self._see_runs([row for row in self.rows if (row.plan.action != NONE or row.running) and not row.error])
        if self.wish.state != STOPPED:
            self.schedules.set(self.rows)

    def _act(self, row: Row) -> None:
        if row.plan.action != STOP:
            # A session that is open now, such as that of a copy job between two intervals, is not the run.
            row.take([])
        self.writer.send(row, row.act, verb(row.plan.action, row.job), lambda: self._acted(row))

    def _acted(self, row: Row) -> bool:
        """Whether the effect of a start, retry or stop is visible in the job's sessions."""
        if row.begun:
            self.discovery.look([row])
            return bool(row.session_ids)
        now = [read_session(self.client, each["id"], kind_of(each["job_type"])) for each in row.sessions]
        return all(is_stopping(session) or not session["running"] for session in now)

    def _rejoin(self, rows: Iterable[Row]) -> None:
        """Join the run if somebody else may have started it before an unconfirmed start was sent."""
        for row in rows:
            confirmed = row.act.task and row.act.task["success"]
            if row.begun and not row.error and not confirmed and self.discovery.began_before(row):
                row.act.done = False
                try:
                    self._attach(row, row.sessions)
                except ApiError as error:
                    row.error = error

    def _reconsider(self, rows: list[Row]) -> None:
        """Handle a refused action: the job may have been started or have ended in between."""
        rows = [row for row in rows if not row.begun or self.wish.if_running == "attach"]

        def poll() -> bool:
            still = [row for row in rows if row.error]
            busy = self._busy([row.job for row in still])
            for row in still:
                sessions = busy[row.job["id"]]
                if row.begun and sessions:
                    self._attach(row, sessions)
                elif not row.begun and not sessions:
                    row.error, row.action = None, NONE
                    row.notes.append("The run ended before the module could stop it.")
            return not any(row.error for row in rows)

        if rows:
            self.waiter.until(poll, seconds=OVERTAKEN_SECONDS)

    def _attach(self, row: Row, sessions: list[JobSession]) -> None:
        """Join a run that somebody else started.

        :raises ApiError: conflict, if `if_running` does not allow it.
        """
        if self.wish.if_running == "fail":
            raise running_already(row.name, sessions[0])
        row.error, row.action = None, ATTACH
        row.take(sessions)
        row.notes.append("Somebody else started the job just before.")

    # Runs

    def _show(self) -> None:
        """Report the progress of the jobs."""
        stopping = self.wish.state == STOPPED
        if self.wish.wait:
            rows = [row for row in self.rows if not stopping or row.plan.action == STOP or row.error]
            self.client.progress.show({row.job["id"]: row.standing() for row in rows}, "stopped" if stopping else "")

    def _see_runs(self, rows: Sequence[Row]) -> None:
        """Wait for the rows' runs, or read them once."""
        begun = [row for row in rows if row.begun]
        self.watch.outdate()
        if not self.wish.wait:
            try:
                self.discovery.look(begun)
                self.watch.refresh(_ids(rows))
            except ApiError as error:
                if not error.retryable:
                    raise
                self.client.warn(f"The runs could not be read: {error.message}")
            return
        try:
            ended = self.waiter.until(lambda: self._over(rows, begun))
            if ended and self.wish.state != STOPPED:
                self.watch.settle(
                    self.waiter, _ids(rows), lambda runs: machine_numbers(self.client, runs, self._includes)
                )
            else:
                # The machines of a stopped run are not essential.
                self.watch.peek(_ids(rows))
        except ApiError as error:
            raise self._with_runs(rows, error) from error
        self._show()
        if not ended:
            raise too_late(self.rows, self.waiter)

    def _over(self, rows: Sequence[Row], begun: Sequence[Row]) -> bool:
        """Read the state of the runs once; True if all have been found and have ended."""
        searched = [row for row in begun if not row.session_ids or is_copy(row.job["job_type"])]
        self.discovery.look([row for row in searched if not row.error])
        for row in begun:
            doubtful = self.discovery.doubt(row)
            if doubtful:
                row.error = _doubt(row, doubtful)
        running = not self.watch.refresh(_ids(rows))
        self.watch.glance(_ids(rows))
        self._show()
        found = all(row.session_ids or row.error for row in rows)
        if running and found and self.wish.state != STOPPED:
            self.client.progress.notice(resumable(self.watch.running(_ids(rows))))
        if running or not found:
            return False
        # Our run may have been short and appear only now; the run found before may then be somebody else's.
        self.discovery.look([row for row in begun if not row.error and not self.discovery.is_named(row)])
        return not self.watch.running(_ids(rows))

    def _with_runs(self, rows: Iterable[Row], error: ApiError) -> ApiError:
        """A read failure that also describes the state of the runs."""
        sessions = [session for row in rows for session in row.sessions]
        if any(session["running"] for session in sessions) or not all(row.session_ids for row in rows):
            return error.restated(hint=f"{error.hint} Nothing was stopped. The backups continue on the server.")
        verdicts = ", ".join(f"{each['name']} {each['result'] or 'without a verdict'}" for each in sessions)
        ids = ", ".join(each["id"] for each in sessions)
        return error.restated(
            f"The runs have ended ({verdicts}), but the module could not read their machines. {error.message}",
            hint=f"Read them with veeam_em_job_session_wait, id: [{ids}]; you do not need a new backup.",
        )

    # Outcome

    def _raise_failures(self) -> None:
        """Fail for refused actions and, after a wait, for verdicts that `fail_on` does not accept."""
        texts = []
        for row in self.rows:
            judged = self.wish.wait and row.action in (START, ATTACH, RETRY) and row.session_ids and not row.running
            if row.error:
                texts.append(f"{row.name}: {row.error.message}")
            elif judged and row.bad(self.wish.fail_on):
                texts.append(f"{row.name}: {row.outcome(self.wish.fail_on)}")
        if not texts:
            return
        hint = "See jobs[].machines for the machines and reasons. fail_on defines what counts as a failure."
        first = next((row.error for row in self.rows if row.error), ApiError(REJECTED, "", hint=hint))
        raise first.restated(" ".join(texts))

    def _result(self, before: dict[str, Any]) -> dict[str, Any]:
        return {
            "changed": any(row.changed for row in self.rows),
            "jobs": [row.as_dict() for row in self.rows],
            "summary": summary((row.name, row.session, row.machines, row.said) for row in self.rows),
            "diff": {"before": before, "after": picture(self.rows)},
        }


def _ids(rows: Iterable[Row]) -> list[str]:
    return [each for row in rows for each in row.session_ids]


def _doubt(row: Row, sessions: Sequence[JobSession]) -> ApiError:
    names = ", ".join(f"{each['name']} (id {each['id']})" for each in sessions)
    return ApiError(
        AMBIGUOUS,
        "The module cannot tell which session is the run that it started. According to the server clocks, these "
        f"sessions began before the start: {names}.",
        hint="Check the job in Backup & Replication. If the clocks of the backup server and of Enterprise Manager "
        "differ, correct them. Use veeam_em_job_session_wait to get the verdict of a session.",
    )
