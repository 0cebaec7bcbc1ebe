# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for tasks and job sessions that somebody names by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._errors import NOT_FOUND, REJECTED, USAGE, ApiError, keep
from .._wait import Waiter, timed_out
from .client import EmClient
from .links import bare_id
from .model import Record, task
from .runs import Watch, bad_machines, describe, read_session, unacceptable
from .tasks import finished, follow, operation_finished, read_tasks


def list_tasks(
    client: EmClient,
    ids: Sequence[str] | None,
    states: Sequence[str] | None = None,
    operations: Sequence[str] | None = None,
) -> list[Record]:
    """Tasks by id, or all tasks of the logon session, narrowed by states and operations.

    :raises ApiError: not_found for the ones that are not known, with the others in `learnt`.
    """
    found = _known_or_raise(read_tasks(client, _once(ids))) if ids else [task(each) for each in client.tasks()]
    return [
        record
        for record in found
        if (not states or record["state"].lower() in map(str.lower, states))
        and (not operations or record["operation"].lower() in map(str.lower, operations))
    ]


def remove_tasks(client: EmClient, ids: Sequence[str], check_mode: bool) -> dict[str, Any]:
    """Delete the tasks that exist.

    :returns: changed, tasks as they were, diff.
    """
    seen = read_tasks(client, _once(ids))
    there = [record for record in seen.values() if not isinstance(record, ApiError)]
    for record in [] if check_mode else there:
        try:
            client.delete_task(record["id"])
        except ApiError as error:
            # A lost answer: what counts is whether the task is still there.
            if not error.outcome_unknown or not isinstance(read_tasks(client, [record["id"]])[record["id"]], ApiError):
                error.learnt = dict({"tasks": there}, **error.learnt)
                raise
    names = [record["id"] for record in there]
    return {"changed": bool(there), "tasks": there, "diff": {"before": {"tasks": names}, "after": {"tasks": []}}}


def wait_for_tasks(
    client: EmClient, waiter: Waiter, ids: Sequence[str], until: str, fail_on_error: bool
) -> dict[str, Any]:
    """Wait until every task is finished.

    :param until: finished, or operation_finished when the data need not be collected.
    :returns: tasks, elapsed (seconds), polls.
    :raises ApiError: rejected for a task that ended in an error, not_found, timeout; all with `tasks` in `learnt`.
    """
    _refuse_none(ids, "task")
    seen: dict[str, Record | ApiError] = {}
    try:
        with client.session.transport.within(waiter.deadline):
            done = follow(client, waiter, _once(ids), seen, finished if until == "finished" else operation_finished)
        tasks = _known_or_raise(seen)
        if not done:
            pending = [f"{record['id']} ({record['state']})" for record in tasks if not record["finished"]]
            raise timed_out(
                f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout); not finished: {', '.join(pending)}.",
                "Nothing was stopped. Wait again in the same logon session, or raise wait_timeout.",
            )
        failed = [record for record in tasks if record["success"] is False]
        if failed and fail_on_error:
            raise ApiError(
                REJECTED,
                " ".join(f"Task {each['id']} ({each['operation']}) failed: {each['message']}" for each in failed),
                hint="The message is the server's own.",
                em_message=failed[0]["message"] or None,
            )
    except Exception as stop:
        known = [record for record in seen.values() if not isinstance(record, ApiError)]
        keep(stop, {"tasks": known, "elapsed": waiter.elapsed, "polls": waiter.polls})
        raise
    return {"tasks": tasks, "elapsed": waiter.elapsed, "polls": waiter.polls}


def wait_for_sessions(
    client: EmClient, waiter: Waiter, ids: Sequence[str], fail_on: str, on_timeout: str
) -> dict[str, Any]:
    """Wait until every job session has ended, and collect its machines.

    :param fail_on: failed, warning or never.
    :param on_timeout: fail or return.
    :returns: sessions (each with machines), timed_out, elapsed (seconds), polls.
    :raises ApiError: rejected for a verdict that does not pass, not_found, timeout; with `sessions` in `learnt`.
    """
    _refuse_none(ids, "job session")
    wanted = _once(bare_id(each) or each for each in ids)
    watch = Watch(client)
    order: list[str] = []

    def poll() -> bool:
        fresh = wanted[len(order) :]
        for session_id in fresh:
            order.append(watch.add(read_session(client, session_id))["id"])
        return not watch.running() if fresh else watch.refresh()

    try:
        with client.session.transport.within(waiter.deadline):
            ended = waiter.until(poll)
            if ended:
                watch.settle(waiter)
            else:
                watch.peek()
        if ended:
            _judge(watch, fail_on)
        elif on_timeout == "fail":
            raise _sessions_too_late(watch, waiter)
    except Exception as stop:
        keep(stop, _session_result(watch, order, waiter))
        raise
    return dict(_session_result(watch, order, waiter), timed_out=not ended)


def _session_result(watch: Watch, order: list[str], waiter: Waiter) -> dict[str, Any]:
    sessions = [dict(watch.sessions[each], machines=watch.machines.get(each, [])) for each in order]
    return {"sessions": sessions, "timed_out": False, "elapsed": waiter.elapsed, "polls": waiter.polls}


def _sessions_too_late(watch: Watch, waiter: Waiter) -> ApiError:
    running = [f"{each['name']} ({each['state']}, {each['progress']} %)" for each in watch.running()]
    return timed_out(
        f"Gave up after {waiter.options.timeout:g} seconds (wait_timeout); still running: {', '.join(running)}.",
        "Nothing was stopped: the backups go on. Wait again with the same ids, or raise wait_timeout.",
    )


def _judge(watch: Watch, fail_on: str) -> None:
    texts = []
    for session_id, session in watch.sessions.items():
        machines = watch.machines.get(session_id, [])
        if unacceptable(session["result"], fail_on) or bad_machines(machines, fail_on):
            texts.append(f"{session['name']} {describe(session, machines, fail_on)}.")
    if texts:
        raise ApiError(
            REJECTED,
            " ".join(texts),
            hint="The machines and reasons are in sessions[].machines; fail_on decides what counts.",
        )


def _known_or_raise(seen: dict[str, Record | ApiError]) -> list[Record]:
    known = [record for record in seen.values() if not isinstance(record, ApiError)]
    unknown = {task_id: record for task_id, record in seen.items() if isinstance(record, ApiError)}
    if unknown:
        first = next(iter(unknown.values()))
        raise ApiError(
            NOT_FOUND,
            f"Enterprise Manager does not know the task {', '.join(unknown)}.",
            hint=first.hint,
            http_status=first.http_status,
            em_message=first.em_message,
            method=first.method,
            path=first.path,
            learnt={"tasks": known},
        )
    return known


def _refuse_none(ids: Sequence[str], noun: str) -> None:
    if not ids:
        # A wait for nothing would pass every gate.
        raise ApiError(USAGE, f"No {noun} is named.", hint="Give at least one id.")


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(each.strip() for each in ids))
