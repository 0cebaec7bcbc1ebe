# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what to do: from the current state and the request to a plan. Pure: nothing here talks to a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import CONFLICT, PROTOCOL, USAGE, ApiError
from .links import bare_id
from .model import FAILED, Job, JobSession, is_copy, is_idle, is_stopping

STARTED, STOPPED, RETRIED, SCHEDULE = "started", "stopped", "retried", "schedule"
STATES = (STARTED, STOPPED, RETRIED, SCHEDULE)

NONE, START, ATTACH, STOP, RETRY, REUSE = "none", "start", "attach", "stop", "retry", "reuse"
ENABLE, DISABLE = "enable", "disable"


@dataclass(frozen=True)
class Wish:
    """What the user wants of a job; the fields are the options of veeam_em_agent_job and veeam_em_job."""

    state: str
    schedule_enabled: bool | None = None
    if_running: str = "attach"
    fail_on: str = "failed"
    wait: bool = False
    valid_for: float = 0.0
    after_session: str | None = None


@dataclass(frozen=True)
class Observed:
    """What is known about a job before anything is done.

    :ivar running: its sessions that have not ended.
    :ivar last: its newest session.
    :ivar valid: its newest run that still counts as the backup (option valid_for).
    :ivar ahead: whether it has ended sessions that are dated in the future; any of them may be newer than `last`.
    """

    job: Job
    running: Sequence[JobSession] = ()
    last: JobSession | None = None
    valid: JobSession | None = None
    ahead: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do with a job."""

    action: str
    toggle: bool
    reason: str

    @property
    def changes(self) -> bool:
        """True if carrying it out writes to the server."""
        return self.toggle or self.action in (START, STOP, RETRY)


def check(wish: Wish) -> None:
    """Reject an invalid request.

    :raises ApiError: kind usage.
    """
    if wish.state == SCHEDULE and wish.schedule_enabled is None:
        raise ApiError(
            USAGE, "state schedule requires schedule_enabled.", hint="Set schedule_enabled to true or false."
        )
    if not wish.valid_for >= 0:
        raise ApiError(USAGE, "valid_for must be at least 0 seconds.", hint="Use 0 to always start a backup.")
    if wish.valid_for and wish.state != STARTED:
        raise ApiError(USAGE, f"valid_for cannot be used with state {wish.state}.", hint="Leave it out.")
    if wish.after_session is not None and wish.state not in (STARTED, RETRIED):
        raise ApiError(USAGE, f"after_session cannot be used with state {wish.state}.", hint="Leave it out.")


def check_single(wish: Wish, names: Sequence[str]) -> None:
    """Reject the session of one job for several jobs.

    :raises ApiError: kind usage.
    """
    if wish.after_session is not None and len(names) > 1:
        raise ApiError(
            USAGE,
            f"after_session is a session of one job, but these jobs are named: {', '.join(names)}.",
            hint="Name one job for each call.",
        )


def make_plan(wish: Wish, seen: Observed) -> Plan:
    """Decide what to do with one job.

    :raises ApiError: kind conflict, if the current state does not allow the request; kind protocol, if the server does
        not report a value that the decision needs.
    """
    toggle = must_toggle(wish, seen.job)
    if wish.state == SCHEDULE:
        return Plan(NONE, toggle, "" if toggle else "the schedule already has the requested value")
    if wish.state == STOPPED:
        if seen.running and all(map(is_stopping, seen.running)):
            # Stopping is not idempotent: a second stop may be another kind of stop.
            return Plan(NONE, toggle, "it is already stopping")
        return Plan(STOP, toggle, "") if seen.running else Plan(NONE, toggle, "the job is not running")
    if seen.valid:
        return Plan(
            REUSE, toggle, f"its run {seen.valid['name']} ended {seen.valid['result']} and is recent enough (valid_for)"
        )
    busy = busy_sessions(seen.job, seen.running)
    if busy:
        if wish.if_running == "fail":
            raise running_already(seen.job["name"], busy[0])
        return Plan(ATTACH, toggle, "the job is already running")
    # A second retry is refused by the server, but a second start is not.
    if seen.ahead and (seen.last is None or wish.after_session is not None):
        return Plan(NONE, toggle, "its last run is unknown, because sessions of the job are dated in the future")
    if wish.after_session is not None:
        if seen.last is None:
            return Plan(NONE, toggle, "no session of the job is listed, so after_session cannot be checked")
        if seen.last["id"].lower() != bare_id(wish.after_session):
            newest = seen.last["name"]
            return Plan(ATTACH, toggle, f"the job has run since after_session; its newest session is {newest}")
    if wish.state == STARTED:
        return Plan(START, toggle, "")
    if seen.last is None:
        return Plan(NONE, toggle, "the job has not run in the last 30 days")
    if seen.last["result"] != FAILED:
        return Plan(NONE, toggle, f"its last run ended {seen.last['result'] or 'without a verdict'}")
    return Plan(RETRY, toggle, "")


def must_toggle(wish: Wish, job: Job) -> bool:
    """Whether the schedule has to be toggled.

    :raises ApiError: kind conflict, if the job has no schedule; kind protocol, if the server does not say whether the
        schedule is enabled: a toggle could then do the opposite of the request.
    """
    if wish.schedule_enabled is None:
        return False
    if job["schedule_configured"] is False:
        raise ApiError(
            CONFLICT,
            f"The job {job['name']} has no schedule to enable or disable.",
            hint="Configure a schedule in the job's settings in Backup & Replication, or leave out schedule_enabled.",
        )
    if wish.schedule_enabled == job["schedule_enabled"]:
        return False
    if job["schedule_enabled"] is None or job["schedule_configured"] is None:
        unknown = "is enabled" if job["schedule_enabled"] is None else "exists"
        raise ApiError(
            PROTOCOL,
            f"Enterprise Manager does not say whether the schedule of {job['name']} {unknown}, so it was not toggled.",
            hint="Set the schedule in Backup & Replication, or leave out schedule_enabled.",
        )
    return True


def busy_sessions(job: Job, running: Sequence[JobSession]) -> list[JobSession]:
    """The sessions that keep a job from being started: a backup copy job that waits for its interval can be synced."""
    return [session for session in running if not (is_copy(job["job_type"]) and is_idle(session))]


def verb(action: str, job: Job) -> str:
    """The server's word for an action: backup copy jobs are started by sync (em_rest 9)."""
    return "sync" if action == START and is_copy(job["job_type"]) else action


def running_already(name: str, session: JobSession) -> ApiError:
    """The error for a job that must not be running, but is."""
    return ApiError(
        CONFLICT,
        f"The job {name} is already running (session {session['name']}).",
        hint="Wait for that run with veeam_em_job_session_wait, or set if_running to attach to join it.",
    )
