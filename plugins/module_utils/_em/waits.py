# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for job sessions by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._errors import REJECTED, ApiError, keep
from .._wait import Waiter, timed_out
from .client import EmClient
from .filters import refuse_empty
from .links import bare_id
from .model import JobSession
from .numbers import machine_numbers
from .sessions import read_sessions
from .tasks import ONE_ID, once
from .verdicts import bad_machines, describe, resumable, standing, summary, unacceptable
from .watch import Watch


def wait_for_sessions(
    client: EmClient, waiter: Waiter, ids: Sequence[str], fail_on: str, on_timeout: str
) -> dict[str, Any]:
    """Wait until every job session has ended, and collect its machines.

    :param fail_on: failed, warning or never.
    :param on_timeout: fail or return.
    :returns: sessions (each with machines), summary (for people), timed_out, elapsed (seconds), polls.
    :raises ApiError: rejected, if a verdict does not pass; not_found; timeout; with `sessions` in `learnt`.
    """
    wanted = once(bare_id(each) or each for each in ids)
    watch = Watch(client)
    order: list[str] = []

    def poll() -> bool:
        for session in read_sessions(client, wanted[len(order) :]):
            watch.follow(session)
            order.append(session["id"])
        ended = watch.refresh(order)
        watch.glance(order)
        show()
        if not ended:
            client.progress.notice(resumable(watch.running(order)))
        return ended

    def show() -> None:
        client.progress.show(
            {each["id"]: standing(each["name"], each, watch.machines([each["id"]])) for each in watch.sessions(order)}
        )

    def result() -> dict[str, Any]:
        runs = [(each, watch.machines([each["id"]])) for each in watch.sessions(order)]
        return {
            "sessions": [dict(each, machines=machines) for each, machines in runs],
            "summary": summary((each["job_name"], each, machines, "") for each, machines in runs),
            "timed_out": False,
            "elapsed": waiter.elapsed,
            "polls": waiter.polls,
        }

    try:
        refuse_empty({"id": ids}, "id", hint=ONE_ID)
        with client.within(waiter.deadline):
            ended = waiter.until(poll)
            if ended:
                watch.settle(waiter, order, lambda runs: machine_numbers(client, runs))
            else:
                watch.peek(order)
            show()
        if ended:
            _judge(watch, order, fail_on)
        elif on_timeout == "fail":
            raise _too_late(watch.running(order), waiter)
    except Exception as stop:
        keep(stop, result())
        raise
    return dict(result(), timed_out=not ended)


def _too_late(sessions: Sequence[JobSession], waiter: Waiter) -> ApiError:
    running = [f"{each['name']} ({each['state']}, {each['progress']} %)" for each in sessions]
    return timed_out(
        f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout); still running: {', '.join(running)}.",
        "Nothing was stopped. The backups continue on the server. Run the task again to continue waiting, or raise "
        "wait_timeout.",
    )


def _judge(watch: Watch, order: Sequence[str], fail_on: str) -> None:
    texts = []
    for session in watch.sessions(order):
        machines = watch.machines([session["id"]])
        if unacceptable(session["result"], fail_on) or bad_machines(machines, fail_on):
            texts.append(f"{session['name']} {describe(session, machines, fail_on)}.")
    if texts:
        raise ApiError(
            REJECTED,
            " ".join(texts),
            hint="See sessions[].machines for the machines and reasons. fail_on defines what counts as a failure.",
        )
