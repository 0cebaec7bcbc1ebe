# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One job on its way to the requested state: the plan, the events, and the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from .._errors import ApiError
from .._progress import Standing
from .._wait import Waiter, timed_out
from .model import Job, JobSession, Machine, Task, severity
from .plan import ATTACH, DISABLE, ENABLE, NONE, RETRY, START, STOP, Plan, Wish, busy_sessions
from .verdicts import bad_machines, describe, standing, unacceptable
from .watch import Watch


@dataclass
class Write:
    """One write.

    :ivar done: whether it took effect.
    :ivar task: the task that the server created for it.
    :ivar forgotten: whether the server no longer knows that task.
    :ivar sent: when it was sent, by the monotonic clock.
    :ivar sent_at: the same by the server's clock, in seconds since the epoch; None if unknown.
    :ivar shows: reads again whether its effect is visible on the server.
    """

    done: bool = False
    task: Task | None = None
    forgotten: bool = False
    sent: float = 0.0
    sent_at: float | None = None
    shows: Callable[[], bool] = bool


@dataclass
class Row:
    """One job.

    :ivar watch: knows the state of the row's sessions.
    :ivar session_ids: its run; a backup copy job has a session for each of its sources (em_rest 7).
    """

    job: Job
    watch: Watch
    plan: Plan = field(default_factory=lambda: Plan(NONE, False, ""))
    action: str = NONE
    act: Write = field(default_factory=Write)
    toggle: Write = field(default_factory=Write)
    session_ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: ApiError | None = None

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.job["name"]

    @property
    def changed(self) -> bool:
        """Whether any write took effect."""
        return self.act.done or self.toggle.done

    def take(self, sessions: Sequence[JobSession]) -> None:
        """Set the sessions of the row's run."""
        for session in sessions:
            self.watch.follow(session)
        self.session_ids = [session["id"] for session in sessions]

    @property
    def sessions(self) -> list[JobSession]:
        """The sessions of the run."""
        return self.watch.sessions(self.session_ids)

    @property
    def machines(self) -> list[Machine]:
        """What happened to each machine of the run."""
        return self.watch.machines(self.session_ids)

    @property
    def session(self) -> JobSession | None:
        """The session that shows the state of the run: one that is still running, or the one with the worst verdict."""
        return min(self.sessions, key=self._weight, default=None)

    def _weight(self, session: JobSession) -> tuple[bool, int, bool]:
        return (not session["running"], -severity(session["result"]), session["job_id"] != self.job["id"])

    @property
    def running(self) -> list[JobSession]:
        """The sessions of the run that have not ended."""
        return self.watch.running(self.session_ids)

    @property
    def begun(self) -> bool:
        """Whether the row has started a run, or has tried to."""
        return self.action in (START, RETRY)

    @property
    def arrived(self) -> bool:
        """Whether the server may have got the action, even if it refused it."""
        error = self.error
        return bool(self.act.sent) and (error is None or error.outcome_unknown or error.http_status is not None)

    def unset(self, wish: Wish) -> bool:
        """Whether a schedule that should change was left as it was, without an error that says so."""
        left = self.plan.toggle and not self.toggle.done and not self.error
        return left and self.job["schedule_enabled"] != wish.schedule_enabled

    def bad(self, fail_on: str) -> bool:
        """Whether a verdict of the ended run fails the module."""
        verdicts = [session["result"] for session in self.sessions]
        return any(unacceptable(each, fail_on) for each in verdicts) or bool(bad_machines(self.machines, fail_on))

    def standing(self) -> Standing:
        """The progress of the row."""
        if self.error:
            return Standing(self.name, f"failed: {self.error.message}", ended=True, bad=True)
        if self.session and self.plan.action == STOP:
            return Standing(self.name, "stopping" if self.running else "stopped", ended=not self.running)
        if self.session:
            return standing(self.name, self.session, self.machines)
        return Standing(self.name, "started; its run is not visible yet" if self.begun else "waiting")

    def outcome(self, fail_on: str) -> str:
        """How the run ended, as a sentence."""
        return f"The run {describe(self.session, self.machines, fail_on)}."

    def unfinished(self) -> str | None:
        """What the wait is for, None if it is over."""
        if self.error:
            return None
        for write in (self.act, self.toggle):
            if write.task and not write.task["finished"] and not write.forgotten:
                return f"{self.name} (its task {write.task['id']} is {write.task['state']})"
        if self.session and self.session["running"]:
            percent = self.session["progress"]
            done = "" if percent is None else ", %d %%" % percent
            return f"{self.name} ({self.session['state']}{done})"
        if self.begun and not self.session:
            return f"{self.name} (its session is not visible yet)"
        return None

    def conclude(self, wish: Wish) -> None:
        """Note what was done, also if time ran out. After a wait, the outcome is a separate note."""
        if self.error:
            return
        waited = wish.wait and self.session and not self.session["running"]
        resume = f"use veeam_em_job_session_wait, id: [{', '.join(each['id'] for each in self.running)}]"
        if self.plan.action in (START, RETRY, STOP) and not self.act.sent:
            self.action = NONE
            self.notes.append(f"The module did not send the {self.plan.action}.")
        elif waited and self.action in (START, ATTACH, RETRY):
            self.notes.append(self.outcome(wish.fail_on))
        elif self.action in (START, RETRY, STOP) and not self.act.done:
            if self.act.task:
                self.notes.append(
                    f"The module sent the {self.action}, but it is not known whether it took effect: its task "
                    f"{self.act.task['id']} is {self.act.task['state']}."
                )
        elif self.begun:
            begun = "Started" if self.action == START else "Retried"
            unseen = "" if self.session else "; its run is not visible yet"
            then = f"To wait for it, {resume}."
            if not self.running:
                again = "To wait for it, run the task again with wait set to true."
                then = "Check the job before you run the task again." if wish.wait else again
            self.notes.append(f"{begun}{unseen}. Nobody is waiting for the result. {then}")
        elif self.action == STOP:
            result = self.session["result"] if self.session and waited else None
            self.notes.append(f"Stopped; the run ended {result}." if result else "Stop requested.")
        elif self.action == ATTACH and self.running:
            now = "Its run has not ended." if wish.wait else "Nobody is waiting for the result."
            self.notes.append(f"{now} To wait for it, {resume}.")
        if self.toggle.done and self.job["schedule_enabled"] != wish.schedule_enabled:
            self.notes.append("The schedule was toggled, but Enterprise Manager does not show the new value yet.")
        elif self.toggle.done:
            self.notes.append(f"The schedule is now {'enabled' if wish.schedule_enabled else 'disabled'}.")

    def predict(self, wish: Wish) -> None:
        """Note what would be done, and show the job as it would be."""
        self.action = shown_action(self.plan, wish)
        steps = [] if self.plan.action == NONE else [self.plan.action]
        if self.plan.toggle:
            steps.append("%s the schedule" % (ENABLE if wish.schedule_enabled else DISABLE))
            self.job = {**self.job, "schedule_enabled": wish.schedule_enabled}
            self.toggle.done = True
        self.act.done = self.plan.action in (START, STOP, RETRY)
        self.notes.append(
            f"Would {' and '.join(steps)}." if self.plan.changes else f"Nothing to do: {self.plan.reason}."
        )

    @property
    def said(self) -> str:
        """The message for the row."""
        return " ".join(self.notes + ([self.error.sentence()] if self.error else []))

    def as_dict(self) -> dict[str, Any]:
        """The entry in the result."""
        return {
            "job": self.job,
            "action": self.action,
            "changed": self.changed,
            "task": self.act.task or self.toggle.task,
            "session": self.session,
            "machines": self.machines,
            "msg": self.said,
        }


def shown_action(plan: Plan, wish: Wish) -> str:
    """The word for what is done with a job."""
    if plan.action == NONE and plan.toggle:
        return ENABLE if wish.schedule_enabled else DISABLE
    return plan.action


def picture(rows: Iterable[Row]) -> dict[str, Any]:
    """The part of the jobs' state that the modules change, for diff mode."""
    result = {}
    for row in rows:
        begun = row.act.done and row.begun and not row.session
        busy = row.action != STOP and busy_sessions(row.job, row.running)
        result[f"{row.name} ({row.job['id']})"] = {
            "running": bool(begun or busy),
            "schedule_enabled": row.job["schedule_enabled"],
            "session": row.session["name"] if row.session else None,
        }
    return result


def too_late(rows: Sequence[Row], waiter: Waiter) -> ApiError:
    """The error for jobs that were not finished when time ran out."""
    waiting = [text for row in rows if (text := row.unfinished())]
    ids = [session["id"] for row in rows for session in row.running]
    resume = "Check the jobs before you run the playbook again. It starts every job that is not visibly running."
    if ids:
        resume = f"Wait for them with veeam_em_job_session_wait, id: [{', '.join(ids)}], or raise wait_timeout."
    others = "".join(f" {row.name}: {row.error.message}" for row in rows if row.error)
    return timed_out(
        f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout) with these jobs unfinished: "
        f"{', '.join(waiting)}.{others}",
        f"Nothing was stopped. The runs continue on the server. {resume}",
    )
