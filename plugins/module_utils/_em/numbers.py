# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many machines a run will have, where that is known before all of them have shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._errors import NOT_FOUND, ApiError
from .client import EmClient
from .machines import read_machines
from .model import SUCCESS, WARNING, JobSession
from .query import Condition
from .sessions import kind_of, records
from .values import seconds

# Only so few runs are worth the requests; the machines of more are read repeatedly instead.
FEW_RUNS = 5
# So many of a job's newest sessions are looked through for a run before.
NEWEST = 10


def machine_numbers(client: EmClient, runs: Sequence[JobSession]) -> Mapping[str, int]:
    """The number of machines in the last good run of the same job: session id -> number.

    A retry has only the machines that failed before, so it tells nothing, and nothing is told of it.
    """
    if len(runs) > FEW_RUNS:
        return {}
    try:
        before = {run["id"]: _run_before(client, run) for run in runs if run["job_id"] and not run["is_retry"]}
        machines = read_machines(client, [each for each in before.values() if each])
    except ApiError as error:
        if not error.retryable and error.kind != NOT_FOUND:
            raise
        # Without numbers it takes a few readings more, and nothing else.
        return {}
    return {run_id: len(machines[each["id"]]) for run_id, each in before.items() if each}


def _run_before(client: EmClient, run: JobSession) -> JobSession | None:
    uids = [f"urn:veeam:{word}:{run['job_id']}" for word in ("Job", "AgentBackupJob")]
    rows = client.rows(
        kind_of(run["job_type"]).query_type,
        where=[Condition.of("JobUid", "==", *uids)],
        sort_by="CreationTime",
        descending=True,
        limit=NEWEST,
    )
    began = seconds(run["creation_time"]) or 0.0
    for each in records(client, rows):
        older = (seconds(each["creation_time"]) or began) < began
        if older and each["job_id"] == run["job_id"] and each["result"] in (SUCCESS, WARNING) and not each["is_retry"]:
            return each
    return None
