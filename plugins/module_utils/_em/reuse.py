# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recent runs that count as the backup (option valid_for)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from .client import EmClient
from .filters import filter_time
from .machines import read_machines
from .model import Job, JobSession, Machine, is_copy
from .names import same_machine
from .query import Condition
from .sessions import CLOCK_MARGIN, LISTED, belongs, kind_of, kinds_of, read_sessions_of, warn_ahead
from .values import seconds
from .verdicts import bad_machines, unacceptable


def read_valid_runs(
    client: EmClient, jobs: Sequence[Job], valid_for: float, fail_on: str
) -> dict[str, tuple[JobSession, list[Machine]]]:
    """The newest run of each job that ended well and recently enough, with its machines: job id -> run.

    A backup copy job has a session for each source. They do not form a run, so none of them counts.
    """
    wanted = [job for job in jobs if not is_copy(job["job_type"])]
    now = client.now()
    oldest = now - timedelta(seconds=min(valid_for, LISTED.total_seconds()))
    candidates: dict[str, list[list[JobSession]]] = {}
    for kind in kinds_of(wanted):
        mine = [job for job in wanted if kind_of(job["job_type"]) is kind]
        where = [Condition.of("EndTime", ">=", filter_time(oldest))]
        sessions, _whole = read_sessions_of(client, kind, mine, where)
        for job in mine:
            own = [each for each in sessions if belongs(each, job)]
            warn_ahead(client, job, [each for each in own if _is_ahead(each, now.timestamp())])
            candidates[job["id"]] = valid_runs(own, now.timestamp(), valid_for, fail_on)
    machines = read_machines(client, [each for runs in candidates.values() for run in runs for each in run])
    result = {}
    for job_id, runs in candidates.items():
        for run in runs:
            whole = overlaid([machines[each["id"]] for each in run])
            if whole and not bad_machines(whole, fail_on):
                result[job_id] = run[0], whole
                break
    return result


def valid_runs(sessions: Sequence[JobSession], now: float, valid_for: float, fail_on: str) -> list[list[JobSession]]:
    """A job's runs that may count, newest first: each is a session, or a retry with its earlier runs.

    All parts must be recent enough, because machines that were not retried were backed up by the earlier run. A session
    that does not say whether it is a retry counts as one, because it may lack machines. A session that is dated in the
    future may be of any age, so it does not count.

    :param now: by the server's clock, in seconds since the epoch.
    """

    def in_time(session: JobSession) -> bool:
        ended = seconds(session["end_time"])
        young = ended is not None and now - ended <= valid_for
        return not session["running"] and young and not _is_ahead(session, now)

    newest_first = sorted(sessions, key=lambda each: seconds(each["creation_time"]) or 0.0, reverse=True)
    runs = []
    for index, session in enumerate(newest_first):
        run = [session]
        for before in newest_first[index + 1 :]:
            if run[-1]["is_retry"] is False:
                break
            run.append(before)
        told = session["result"] is not None and not unacceptable(session["result"], fail_on)
        if told and run[-1]["is_retry"] is False and all(map(in_time, run)):
            runs.append(run)
    return runs


def _is_ahead(session: JobSession, now: float) -> bool:
    """Whether an ended session is dated in the future."""
    ended = seconds(session["end_time"])
    return not session["running"] and ended is not None and ended > now + CLOCK_MARGIN.total_seconds()


def overlaid(parts: Sequence[Sequence[Machine]]) -> list[Machine]:
    """The machines of a retry, and those of the earlier run that were not retried.

    :param parts: newest first. If a name is not unique, all stay: one too many is better than one lost.
    """
    result = list(parts[0])
    for part in parts[1:]:
        result += [
            each
            for each in part
            if sum(same_machine(each["name"], other["name"]) for other in result) != 1
            or sum(same_machine(each["name"], other["name"]) for other in part) != 1
        ]
    return result
