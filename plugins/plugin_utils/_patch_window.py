# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the playbook patch_window: the hosts of each batch, the jobs to freeze, and the summary.

Pure, except that it checks whether the file of tasks exists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..module_utils._em.backup import UNPROTECTED
from ._before_change import host_record
from ._lists import job_names

MEMBER = "patch_window_batch_"
# Facts of a host: how far its change has got, and the verdict of the role backup_before_change.
OUTCOME, VERDICT = "patch_window_outcome", "__backup_before_change_verdict"
BEGUN, CHANGED = "backed up, but its change did not complete", "changed"
# Values of patch_window_fail_on.
VERDICTS = ("failed", "warning")


def prepare(
    pattern: Any,
    chosen: Sequence[str],
    tasks: Any,
    file: Any,
    jobs: Any,
    serial: Any,
    hostvars: Mapping[str, Any],
    limit: Any = None,
    run_tags: Sequence[str] = ("all",),
    skip_tags: Sequence[str] = (),
    fail_on: Any = VERDICTS[0],
    valid_for: Any = 0,
    expires_after: Any = 28800,
    **kept: Any,
) -> dict[str, Any]:
    """The data for the plays.

    :param chosen: the hosts that match the pattern.
    :param jobs: names of jobs for all hosts; if empty, the jobs that a host names, or else those that protect it.
    :param kept: variables that later plays read here.
    :returns: `change` (file of tasks), `path` (memory); `names` of jobs and `machines` to look up; `jobs` of each host
        that has its own; `batches` (the member of each that never fails, with its number of hosts), `order` and `size`
        for the play.
    :raises ValueError: if the variables are invalid.
    """
    if limit:
        raise ValueError(
            "Select the hosts with patch_window_hosts, not with --limit, which excludes the hosts that freeze and thaw."
        )
    if list(run_tags) != ["all"] or skip_tags:
        raise ValueError("The window works as a whole: run it without --tags and --skip-tags. Nothing was changed.")
    if not pattern or not tasks:
        raise ValueError("Set both variables: -e patch_window_hosts=web -e patch_window_tasks=upgrade.yml")
    change = full_path(tasks)
    if not chosen:
        raise ValueError(f"Nothing to do: patch_window_hosts ({pattern}) does not match any host in the inventory.")
    if not os.path.isfile(change):
        raise ValueError(f"Nothing to do: {change} (patch_window_tasks) is not a file.")
    if fail_on not in VERDICTS:
        raise ValueError(f"patch_window_fail_on is {fail_on!r}. Set it to failed or warning.")
    every = job_names(jobs)
    if "" in every:
        raise ValueError(f"patch_window_jobs is {jobs!r}. Set it to names of jobs.")
    records = {}
    for host in chosen:
        variables = hostvars[host]
        own = {host: every} if every else variables.get("backup_before_change_jobs")
        records[host] = host_record(host, variables.get("backup_before_change_machine", host), own, {})
    size = _number(serial) or len(chosen)
    batches = [list(chosen[begin : begin + size]) for begin in range(0, len(chosen), size)]
    return {
        **kept,
        "fail_on": fail_on,
        "valid_for": _seconds("patch_window_valid_for", valid_for),
        "expires_after": _seconds("patch_window_expires_after", expires_after),
        "hosts": list(chosen),
        "change": change,
        "path": full_path(file) if file else "",
        "names": _unique(name for each in records.values() for name in each["jobs"]),
        "machines": _unique(each["machine"] for each in records.values() if not each["jobs"]),
        "jobs": {host: each["jobs"] for host, each in records.items() if each["jobs"]},
        "batches": {f"{MEMBER}{number}": len(hosts) for number, hosts in enumerate(batches, 1)},
        "order": [name for number, hosts in enumerate(batches, 1) for name in (f"{MEMBER}{number}", *hosts)],
        "size": size + 1,
    }


def ids_of(named: Mapping[str, Any], protection: Mapping[str, Any]) -> list[str]:
    """Ids of the jobs that were found, by the results of veeam_em_job_info and veeam_em_protection_info."""
    found = [*named.get("jobs", ())]
    found += [job for machine in protection.get("machines", ()) for job in machine["jobs"]]
    return _unique(job["id"] for job in found)


def summary(hosts: Iterable[str], hostvars: Mapping[str, Any], check: bool = False) -> list[str]:
    """One line for each host with its outcome."""
    return [f"{host}: {_outcome(hostvars[host], check)}" for host in hosts]


def full_path(path: Any) -> str:
    """The absolute form of a path relative to the working directory of ansible-playbook."""
    return os.path.abspath(os.path.expandvars(os.path.expanduser(str(path))))


def _outcome(variables: Mapping[str, Any], check: bool) -> str:
    outcome, verdict = variables.get(OUTCOME), variables.get(VERDICT)
    if outcome:
        unprotected = (verdict or {}).get("verdict") == UNPROTECTED
        said = str(outcome)
        if check:
            said = "would be changed" if outcome == CHANGED else "its change would not complete"
        elif unprotected and outcome == BEGUN:
            said = "its change did not complete"
        return f"{said} (not backed up, because no job protects it)" if unprotected else said
    if verdict:
        return str(verdict["msg"])
    return (
        "Not backed up and not changed: its batch was not reached, the host was unreachable, or its backup could not "
        "be started."
    )


def _number(serial: Any) -> int:
    try:
        number = int(serial or 0)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise ValueError(
            f"patch_window_serial is {serial!r}. Set it to the number of hosts in a batch, or 0 for all at once."
        )
    return number


def _seconds(variable: str, given: Any) -> float:
    try:
        seconds = float(given or 0)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{variable} is {given!r}. Set it to a number of seconds, or 0 for none.")
    return seconds


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
