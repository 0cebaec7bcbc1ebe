# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input of the role backup_before_change for veeam_em_backup, and the verdict for each host from its result.

Pure: data in, data out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from ..module_utils._em.names import names_in
from ..module_utils._text import clean
from ._machine import machine_of

FACT = "__backup_before_change_host"


def host_record(host: str, machine: Any, jobs: Any, memory: Mapping[str, Any]) -> dict[str, Any]:
    """The request of one host in one use of the role.

    :param machine: the name of the host in Veeam.
    :param jobs: inventory name -> name of a job, or a list of names; may be JSON text.
    :param memory: see remember().
    :returns: `use` identifies this use; other hosts may have taken part in other uses.
    :raises ValueError: if the variables of the role are invalid.
    """
    name = machine_of("backup_before_change_machine", host, machine)
    return {"use": memory.get("uses", 0), "machine": name, "jobs": _jobs(host, jobs)}


def make_batch(hosts: Iterable[str], hostvars: Mapping[str, Any], memory: Mapping[str, Any]) -> dict[str, Any]:
    """The options `machine` and `jobs` of veeam_em_backup, for the hosts that take part in this use.

    :param hostvars: variables of the hosts, with the record of host_record() where one was made.
    """
    records = [hostvars[host].get(FACT) for host in hosts]
    mine = [each for each in records if each and each.get("use") == memory.get("uses", 0)]
    jobs: dict[str, list[str]] = {}
    for each in mine:
        if each["jobs"]:
            jobs[each["machine"]] = list(dict.fromkeys([*jobs.get(each["machine"], []), *each["jobs"]]))
    return {"machine": list(dict.fromkeys(each["machine"] for each in mine)), "jobs": jobs}


def remember(memory: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """How often the role was used in this process of Ansible, and the runs that it has seen.

    :param run: result of veeam_em_backup.
    """
    return {"uses": memory.get("uses", 0) + 1, "runs": {**memory.get("runs", {}), **run.get("runs", {})}}


def verdict_of(machine: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict of one machine. Without a verdict from the module, the host must not pass.

    :param run: result of veeam_em_backup.
    """
    for each in run.get("machines", ()):
        if each["name"] == machine:
            return dict(each)
    why = run.get("msg") or "The module ended without a result."
    return {
        "verdict": "failed",
        "ok": False,
        "msg": clean(f"Not backed up: {machine}. {why}"),
        "jobs": [],
        "result": [],
    }


def _jobs(host: str, given: Any) -> list[str]:
    """The names of the jobs that are mapped to a host; none if they have to be looked up."""
    try:
        mapped = check_type_dict(given) if given else {}
    except TypeError as error:
        raise ValueError(
            "backup_before_change_jobs is neither a dictionary of inventory names and jobs nor such a dictionary in "
            f"JSON: {error}"
        ) from error
    entries = [value for key, value in mapped.items() if str(key) == host]
    if not entries:
        return []
    names = names_in(entries[0])
    if not names:
        shown = "null" if entries[0] is None else repr(entries[0])
        raise ValueError(
            f"backup_before_change_jobs does not name the job of {host}: its value is {shown}. Set it to a job name or "
            "a list of names, or leave the host out to have its jobs looked up."
        )
    return names
