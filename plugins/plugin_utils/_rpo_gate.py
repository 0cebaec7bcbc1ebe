# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role rpo_gate: what to read for its hosts, and which hosts must stop.

Pure: data in, data out. The role calls veeam_em_report_info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._em.names import Patterns
from ..module_utils._em.report import UNPROTECTED
from ..module_utils._text import clean
from ._lists import exclusions, hours
from ._machine import machine_of

UNKNOWN = (
    "Set rpo_gate_machine if the machine has another name in Veeam, or exclude it with a reason (rpo_gate_exclude) if "
    "it should not be backed up."
)
LONELY = "The gate checked only the host {host}, and not the other hosts of the play. If run_once is set, remove it."
NO_JOB = "Add it to a job, or exclude it with a reason (rpo_gate_exclude)."
BACK_UP = "Back it up first, for example with the role backup_before_change."


def host_record(host: str, use: str, machine: Any, limit: Any, exclude: Any) -> dict[str, Any]:
    """The request of one host in one use of the role.

    :param use: identifies this use; other hosts may have taken part in other uses.
    :param machine: the name of the host in Veeam.
    :param limit: maximum age in hours of its newest good backup.
    :param exclude: machines that are intentionally not backed up.
    :raises ValueError: if the variables of the role are invalid.
    """
    allowed = hours(limit)
    if allowed is None:
        shown = "null" if limit is None else repr(limit)
        raise ValueError(f"rpo_gate_hours of the host {host} is {shown}. Set it to a number of hours above 0.")
    return {
        "use": use,
        "host": host,
        "machine": machine_of("rpo_gate_machine", host, machine),
        "hours": allowed,
        "exclude": exclusions("rpo_gate_exclude", exclude),
    }


def ask(hosts: Sequence[Mapping[str, Any]], host: str, use: str) -> dict[str, Any]:
    """The options of veeam_em_report_info for the hosts that take part.

    :param hosts: records of host_record(), also those of other uses.
    :param host: the current host.
    :returns: `alone`, whether each host works on its own; `machine`, `hours` and `rpo_overrides` for the module.
    :raises ValueError: if the role would check only one host, and all hosts would continue.
    """
    mine = [each for each in hosts if each.get("use") == use]
    known = [each["host"] for each in mine]
    if len(set(known)) < len(known):
        raise ValueError(
            f"With run_once, the role rpo_gate would check only {known[0]} and let every host continue. Remove "
            "run_once: the role reads from Enterprise Manager only once in any case. To stop all hosts if one has no "
            "recent backup, set rpo_gate_once."
        )
    alone = host not in known
    # The strictest first, because it counts if two hosts mean the same machine.
    asked = sorted(
        (each for each in mine if _exclusion(each, [each["machine"]]) is None),
        key=lambda each: (each["hours"], each["machine"]),
    )
    return {"alone": alone, **_question([] if alone else asked)}


def ask_alone(record: Mapping[str, Any]) -> dict[str, Any]:
    """The options for one host alone."""
    return _question([record] if _exclusion(record, [record["machine"]]) is None else [])


def answer(record: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of veeam_em_report_info for the machine of a host; empty if it was not requested."""
    report = read.get("report") or {}
    for each in report.get("asked") or ():
        if each["machine"] == record["machine"]:
            why = [one["why"] for one in report["rpo_breaches"] if one["machine"] in each["known_as"]]
            return {**each, "why": why}
    return {}


def judge(
    record: Mapping[str, Any],
    own: Mapping[str, Any],
    read: Mapping[str, Any],
    hosts: Sequence[Mapping[str, Any]],
    on_breach: str,
    once: bool,
    alone: bool,
    batch: Sequence[str],
) -> dict[str, Any]:
    """Whether a host may continue.

    :param own: the answer for the host.
    :param read: the data that was read for all hosts.
    :param batch: the hosts of the play, or of its batch.
    :returns: `ok`, `msg`, whether people should see it (`shown`), and the `result` for other tasks.
    :raises ValueError: if the host was not requested, or if one breach cannot stop all hosts.
    """
    if once and alone and on_breach == "fail":
        raise ValueError(
            "rpo_gate_once cannot stop all hosts together, because each host runs separately with the strategy of this "
            "play, such as free or host_pinned. Use strategy: linear in this play."
        )
    result = _result(record, own)
    breaches = [result] if result["breach"] else []
    everyone = [each for each in hosts if each.get("use") == record["use"]]
    if once:
        others = [_result(each, answer(each, read)) for each in everyone if each["host"] != record["host"]]
        breaches += [each for each in others if each["breach"]]
    stops = on_breach == "fail"
    told = breaches if stops else [each for each in breaches if each is result]
    words = [each["msg"] for each in told or [result]]
    if stops:
        words += [each["hint"] for each in told]
    # An include_role with run_once runs for one host, which looks the same as a `when`.
    lonely = not alone and len(everyone) == 1 and len(batch) > 1
    if lonely:
        words.append(LONELY.format(host=record["host"]))
    return {
        "ok": not (stops and breaches),
        "msg": " ".join(dict.fromkeys(words)),
        "shown": bool(told) or lonely,
        "result": {name: result[name] for name in ("breach", "known_as", "excluded", "msg")},
    }


def _question(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "machine": list(dict.fromkeys(each["machine"] for each in records)),
        "hours": max((each["hours"] for each in records), default=0),
        "rpo_overrides": [{"machine": each["machine"], "hours": each["hours"]} for each in records],
    }


def _result(record: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The answer for a host, with its own exclusions. An unknown machine is a breach."""
    name, known_as = record["machine"], list(own.get("known_as") or ())
    reason = _exclusion(record, known_as or [name])
    if reason is not None:
        msg = f"{name} is intentionally not backed up: {reason.rstrip('.')}."
        return {"breach": False, "known_as": known_as, "excluded": reason, "msg": clean(msg), "hint": ""}
    if not own:
        raise ValueError(f"Enterprise Manager was not asked for {name}. Use strategy: linear in this play.")
    breach = bool(own["breach"]) or not known_as
    hint = BACK_UP if known_as else UNKNOWN
    if UNPROTECTED in own["why"]:
        hint = NO_JOB
    return {"breach": breach, "known_as": known_as, "excluded": None, "msg": clean(own["msg"]), "hint": hint}


def _exclusion(record: Mapping[str, Any], machines: Sequence[str]) -> str | None:
    """Why a host is intentionally not backed up: each machine that it may be must be excluded."""
    excluded = Patterns((entry["machine"], entry["reason"]) for entry in record["exclude"])
    reasons = [excluded.find(name) for name in machines]
    return reasons[0] if reasons and None not in reasons else None
