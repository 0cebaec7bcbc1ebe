# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Current state + wish -> what to do. Pure: nothing here talks to a server."""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import CONFLICT, USAGE, ApiError
from .model import FAILED, Record

STARTED, STOPPED, RETRIED, SCHEDULE = "started", "stopped", "retried", "schedule"
STATES = (STARTED, STOPPED, RETRIED, SCHEDULE)

NONE, START, ATTACH, STOP, RETRY = "none", "start", "attach", "stop", "retry"
ENABLE, DISABLE = "enable", "disable"
# State of a run that has been told to stop (em_rest 12).
STOPPING = "Stopping"


@dataclass(frozen=True)
class Wish:
    """What the user wants of a job; the fields are the options of veeam_em_agent_job and veeam_em_job."""

    state: str
    schedule_enabled: bool | None = None
    if_running: str = "attach"
    fail_on: str = "failed"
    wait: bool = False


@dataclass(frozen=True)
class Observed:
    """What is known of a job before anything is done: the job, its running session, its newest session."""

    job: Record
    running: Record | None = None
    last: Record | None = None


@dataclass(frozen=True)
class Plan:
    """What to do with a job."""

    action: str
    toggle: bool
    reason: str

    @property
    def changes(self) -> bool:
        """True when carrying it out writes to the server."""
        return self.toggle or self.action in (START, STOP, RETRY)


def check(wish: Wish) -> None:
    """Refuse a wish that makes no sense.

    :raises ApiError: kind usage.
    """
    if wish.state == SCHEDULE and wish.schedule_enabled is None:
        raise ApiError(USAGE, "state schedule needs schedule_enabled.", hint="Set schedule_enabled to true or false.")


def make_plan(wish: Wish, seen: Observed) -> Plan:
    """Decide what to do with one job.

    :raises ApiError: kind conflict, when the wish cannot be fulfilled as things are.
    """
    toggle = wish.schedule_enabled is not None and wish.schedule_enabled != seen.job["schedule_enabled"]
    if wish.schedule_enabled is not None and not seen.job["schedule_configured"]:
        raise ApiError(
            CONFLICT,
            f"The job {seen.job['name']} has no schedule, so there is none to enable or disable.",
            hint="Configure a schedule in the job's settings in Backup & Replication, or leave out schedule_enabled.",
        )
    if wish.state == SCHEDULE:
        return Plan(NONE, toggle, "" if toggle else "the schedule is as wanted")
    if wish.state == STOPPED:
        if seen.running and seen.running["state"] == STOPPING:
            # Stopping is not idempotent: a second stop may be another kind of stop.
            return Plan(NONE, toggle, "it is stopping already")
        return Plan(STOP, toggle, "") if seen.running else Plan(NONE, toggle, "it is not running")
    if seen.running:
        if wish.if_running == "fail":
            raise running_already(seen.job["name"], seen.running)
        return Plan(ATTACH, toggle, "it is running already")
    if wish.state == STARTED:
        return Plan(START, toggle, "")
    if seen.last is None:
        return Plan(NONE, toggle, "it has not run in the last 30 days")
    if seen.last["result"] != FAILED:
        return Plan(NONE, toggle, f"its last run ended {seen.last['result'] or 'without a verdict'}")
    return Plan(RETRY, toggle, "")


def running_already(name: str, session: Record) -> ApiError:
    """The error for a job that runs although it must not."""
    return ApiError(
        CONFLICT,
        f"The job {name} is running already (session {session['name']}).",
        hint="Wait for it with veeam_em_job_session_wait, or set if_running to attach.",
    )
