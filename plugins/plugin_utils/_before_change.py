# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role backup_before_change decides: which jobs its hosts need, and whether each host is backed up.

Pure: data in, data out. The role carries it through its modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.validation import check_type_dict

from ..module_utils._em.model import SUCCESS, WARNING
from ..module_utils._em.names import same_machine
from ..module_utils._text import clean

# Actions of veeam_em_job after which the session is the run that was wanted. A job that was refused may show the
# session of a run with which it has nothing to do.
_OURS = ("start", "attach", "reuse")


def host_record(host: str, use: str, machine: Any, jobs: Any) -> dict[str, Any]:
    """What one host wants of one use of the role.

    :param use: tells this use from others, in which other hosts may have taken part.
    :param machine: the name under which Veeam knows the host.
    :param jobs: inventory name -> name of a job, or a list of them; perhaps as text.
    :raises ValueError: when the variables of the role are not right.
    """
    return {"use": use, "host": host, "machine": _machine(host, machine), "jobs": _jobs(host, jobs)}


def make_plan(
    hosts: Iterable[Mapping[str, Any]],
    host: str,
    use: str,
    named: Mapping[str, Any],
    protection: Mapping[str, Any],
    runs: Mapping[str, Any],
) -> dict[str, Any]:
    """What the hosts that take part need.

    :param hosts: records of host_record(), also those of other uses.
    :param host: the one that asks.
    :param named: result of veeam_em_job_info for `names`; empty as long as it was not called.
    :param protection: result of veeam_em_protection_info for `machines`; likewise.
    :param runs: runs that this process of Ansible has seen, see remember().
    :returns: `names` of jobs and `machines` to look up; `hosts` with their jobs; the jobs that are `due`; the `runs`
        that serve again, and the `sessions` of those among them that were not over.
    :raises ValueError: when each host works on its own.
    """
    mine = [each for each in hosts if each["use"] == use]
    if host not in [each["host"] for each in mine]:
        raise ValueError(
            f"The host {host} is not among those that are backed up together: the strategy of this play ignores "
            "run_once, as free and host_pinned do. Nothing was started. Use strategy: linear in this play."
        )
    by_name = {str(job["name"]): job for job in named.get("jobs") or ()}
    by_machine = {str(each["name"]): each for each in protection.get("machines") or ()}
    wanted: dict[str, dict[str, Any]] = {}
    for each in mine:
        found = by_machine.get(each["machine"], {})
        jobs = [by_name[name] for name in each["jobs"] if name in by_name] if each["jobs"] else found.get("jobs", [])
        wanted[each["host"]] = {
            "machine": each["machine"],
            "known_as": list(found.get("known_as", [])),
            "jobs": {job["id"]: job["name"] for job in jobs},
        }
    needed = _unique(job_id for each in wanted.values() for job_id in each["jobs"])
    again = {job_id: runs[job_id] for job_id in needed if job_id in runs}
    return {
        "names": _unique(name for each in mine for name in each["jobs"]),
        "machines": _unique(each["machine"] for each in mine if not each["jobs"]),
        "hosts": wanted,
        "due": [job_id for job_id in needed if job_id not in again],
        "runs": again,
        "sessions": [run["session_id"] for run in again.values() if run["running"]],
    }


def remember(
    runs: Mapping[str, Any], plan: Mapping[str, Any], start: Mapping[str, Any], waited: Mapping[str, Any]
) -> dict[str, Any]:
    """The runs seen so far, by id of the job, with what the newest calls tell of them.

    :param start: result of veeam_em_job.
    :param waited: result of veeam_em_job_session_wait for the sessions of the plan.
    """
    result = {**runs, **plan["runs"]}
    sessions = {each["id"]: each for each in waited.get("sessions") or ()}
    for job_id, run in plan["runs"].items():
        session = sessions.get(run["session_id"])
        if session:
            result[job_id] = {**run, "running": session["running"], "machines": _machines(session)}
    for row in start.get("jobs") or ():
        if row["session"] and row["action"] in _OURS:
            result[row["job"]["id"]] = {
                "job": row["job"]["name"],
                "session_id": row["session"]["id"],
                "running": row["session"]["running"],
                "machines": _machines(row),
                "msg": row["msg"],
            }
    return result


def judge(
    host: str,
    plan: Mapping[str, Any],
    start: Mapping[str, Any],
    waited: Mapping[str, Any],
    fail_on: str,
    wait_timeout: float | str,
) -> dict[str, Any]:
    """Whether a host is backed up. What is not known is no success.

    :returns: `ok`; `msg`; whether people should see it though it is ok (`shown`); `result`, one entry for each job in
        whose run its machine took part.
    """
    wanted = plan["hosts"][host]
    name = wanted["machine"]
    if not wanted["jobs"]:
        return _verdict(True, f"Not backed up: {name}. No job protects it, and the role was set to ignore that.", True)
    if _predicted(plan, start, wanted["jobs"]):
        return _verdict(True, f"Check mode: {name} was not backed up. {_would(start, wanted['jobs'])}", True)
    runs = remember({}, plan, start, waited)
    rows = {row["job"]["id"]: row for row in start.get("jobs") or ()}
    result: list[dict[str, Any]] = []
    for job_id, job in wanted["jobs"].items():
        run = runs.get(job_id)
        if run:
            late = _why_open(waited if job_id in plan["runs"] else start, float(wait_timeout))
            result += _entries(wanted, run, late)
        else:
            reason = rows.get(job_id, {}).get("msg") or start.get("msg") or "the job was not started"
            result.append(_entry(job, None, name, None, reason))
    accepted = [SUCCESS] if fail_on == "warning" else [SUCCESS, WARNING]
    bad = [each for each in result if each["result"] not in accepted]
    if bad:
        return _verdict(False, f"Not backed up: {name}. {' '.join(map(_told, bad))}", True, result)
    if not result:
        missed = ", ".join(f"{runs[job_id]['job']} ({runs[job_id]['msg']})" for job_id in wanted["jobs"])
        text = f"It is not among the machines of the runs that should have backed it up: {missed}"
        return _verdict(False, f"Not backed up: {name}. {text}", True)
    warned = any(each["result"] != SUCCESS for each in result)
    return _verdict(True, f"Backed up: {name}. {' '.join(map(_told, result))}", warned, result)


def _machine(host: str, given: Any) -> str:
    # With native Jinja, an inventory name of digits arrives as a number.
    if isinstance(given, (int, float)) and not isinstance(given, bool) and str(given) == host:
        return host
    if isinstance(given, str) and given.strip():
        return given.strip()
    what = "null" if given is None else "empty" if given == "" or isinstance(given, str) else f"{given!r}, not a text"
    raise ValueError(
        f"backup_before_change_machine of the host {host} is {what}. Give the name under which Veeam knows the host, "
        "and put a name that looks like a number in quotes."
    )


def _jobs(host: str, given: Any) -> list[str]:
    """The names of the jobs that are mapped to a host; none when it is to be looked up."""
    try:
        mapped = check_type_dict(given) if given else {}
    except TypeError as error:
        raise ValueError(
            f"backup_before_change_jobs is not a dictionary of inventory names and jobs, nor JSON of one: {error}"
        ) from error
    entries = [value for key, value in mapped.items() if str(key) == host]
    if not entries:
        return []
    items = entries[0] if isinstance(entries[0], (list, tuple)) else [entries[0]]
    names = [str(each).strip() for each in items if _is_name(each)]
    if not names or len(names) < len(items):
        shown = "null" if entries[0] is None else repr(entries[0])
        raise ValueError(
            f"backup_before_change_jobs does not name the job of {host}: it holds {shown}. Give the name of a job or a "
            "list of names, or leave the host out to have its jobs looked up."
        )
    return _unique(names)


def _is_name(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _predicted(plan: Mapping[str, Any], start: Mapping[str, Any], jobs: Mapping[str, str]) -> bool:
    """Whether veeam_em_job only told what it would do.

    Its result decides, since check mode can be set for a run of Ansible, a play, a role or a task. Without check mode
    the module ends well only when all runs have ended.
    """
    if "error" in start or "jobs" not in start:
        return False
    open_rows = [row["job"]["id"] for row in start["jobs"] if not row["session"] or row["session"]["running"]]
    return any(job_id in plan["due"] and job_id in open_rows for job_id in jobs)


def _would(start: Mapping[str, Any], jobs: Mapping[str, str]) -> str:
    return " ".join(f"{row['job']['name']}: {row['msg']}" for row in start["jobs"] if row["job"]["id"] in jobs)


def _why_open(call: Mapping[str, Any], wait_timeout: float) -> str:
    """Why a run was not over when the call was."""
    if "error" in call and not call.get("timed_out"):
        return str(call.get("msg"))
    return f"the run had not ended after {wait_timeout:g} seconds and continues on the server"


def _machines(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = ("name", "result", "reason", "state")
    return [{key: machine.get(key) for key in keys} for machine in run.get("machines") or ()]


def _entries(wanted: Mapping[str, Any], run: Mapping[str, Any], late: str) -> list[dict[str, Any]]:
    """What became of a host's machine in a run. It may be done before the run is."""
    machines = _own(wanted, run["machines"])
    if not machines and run["running"]:
        return [_entry(run["job"], run["session_id"], wanted["machine"], None, late)]
    result = []
    for machine in machines:
        reason = machine["reason"]
        if not reason and not machine["result"]:
            reason = late if run["running"] else f"its state is {machine['state']}"
        result.append(_entry(run["job"], run["session_id"], machine["name"], machine["result"], reason))
    return result


def _own(wanted: Mapping[str, Any], machines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The machines of a run that are the host's: by an equal name, else by a short and a full one.

    Where several could be meant, all of them must be good.
    """
    equal = {str(name).lower() for name in (wanted["machine"], *wanted["known_as"])}
    exact = [each for each in machines if str(each["name"]).lower() in equal]
    return exact or [each for each in machines if same_machine(str(each["name"]), wanted["machine"])]


def _entry(job: str, session_id: str | None, machine: str, result: str | None, reason: str | None) -> dict[str, Any]:
    return {"job": job, "job_session_id": session_id, "machine": machine, "result": result, "reason": reason or ""}


def _told(entry: Mapping[str, Any]) -> str:
    parts = [entry["job"], entry["result"] or "no result", entry["reason"]]
    return ": ".join(str(part) for part in parts if part) + ("" if str(entry["reason"]).endswith(".") else ".")


def _verdict(ok: bool, msg: str, shown: bool, result: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    return {"ok": ok, "msg": clean(msg), "shown": shown, "result": list(result)}


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
