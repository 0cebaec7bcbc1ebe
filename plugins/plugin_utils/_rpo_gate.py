# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role rpo_gate decides: what to ask for its hosts, and which of them must stop.

Pure: data in, data out. The role carries it through veeam_em_report_info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._em.names import Patterns
from ..module_utils._em.report import UNPROTECTED
from ..module_utils._text import clean
from ._lists import exclusions, hours

UNKNOWN = (
    "Set rpo_gate_machine when Veeam knows it by another name, or exclude it with a reason (rpo_gate_exclude) when it "
    "is not to be backed up."
)
LONELY = (
    "The gate looked at the host {host} only. The other hosts of the play are not checked: leave run_once out, if it "
    "is set."
)
NO_JOB = "Add it to a job, or exclude it with a reason (rpo_gate_exclude)."
BACK_UP = "Back it up first, for example with the role backup_before_change."


def host_record(host: str, use: str, machine: Any, limit: Any, exclude: Any) -> dict[str, Any]:
    """What one host wants of one use of the role.

    :param use: tells this use from others, in which other hosts may have taken part.
    :param machine: the name under which Veeam knows the host.
    :param limit: how many hours old its newest good backup may be.
    :param exclude: machines that are not backed up on purpose.
    :raises ValueError: when the variables of the role are not right.
    """
    allowed = hours(limit)
    if allowed is None:
        shown = "null" if limit is None else repr(limit)
        raise ValueError(f"rpo_gate_hours of the host {host} is {shown}. Give a number of hours above 0.")
    return {
        "use": use,
        "host": host,
        "machine": _machine(host, machine),
        "hours": allowed,
        "exclude": exclusions("rpo_gate_exclude", exclude),
    }


def ask(hosts: Sequence[Mapping[str, Any]], host: str, use: str) -> dict[str, Any]:
    """What to ask veeam_em_report_info for the hosts that take part.

    :param hosts: records of host_record(), also those of other uses.
    :param host: the one that asks.
    :returns: `alone`, whether each host works on its own; `machine`, `hours` and `rpo_overrides` for the module.
    :raises ValueError: when the role would judge one host only, and all would go on.
    """
    mine = [each for each in hosts if each["use"] == use]
    known = [each["host"] for each in mine]
    if len(set(known)) < len(known):
        raise ValueError(
            f"The role rpo_gate is used with run_once: it would look at {known[0]} only, and let every host go on. "
            "Leave run_once out. Enterprise Manager is asked once in any case; rpo_gate_once stops all hosts when one "
            "has no recent backup."
        )
    alone = host not in known
    # The strictest first: it counts when two hosts mean the same machine.
    asked = sorted(
        (each for each in mine if _exclusion(each, [each["machine"]]) is None),
        key=lambda each: (each["hours"], each["machine"]),
    )
    return {"alone": alone, **_question([] if alone else asked)}


def ask_alone(record: Mapping[str, Any]) -> dict[str, Any]:
    """What to ask for one host by itself."""
    return _question([record] if _exclusion(record, [record["machine"]]) is None else [])


def answer(record: Mapping[str, Any], read: Mapping[str, Any]) -> dict[str, Any]:
    """What veeam_em_report_info said about the machine of a host; empty when it was not asked."""
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
    """Whether a host may go on.

    :param own: the answer for the host.
    :param read: what was read for all hosts.
    :param batch: the hosts of the play, or of its batch.
    :returns: `ok`, `msg`, whether people should see it (`shown`), and the `result` for other tasks.
    :raises ValueError: when the host was not asked for, or one breach cannot stop all hosts.
    """
    if once and alone and on_breach == "fail":
        raise ValueError(
            "rpo_gate_once cannot stop all hosts together: this play's strategy lets each host go on by itself, as "
            "free and host_pinned do. Use strategy: linear in this play."
        )
    result = _result(record, own)
    breaches = [result] if result["breach"] else []
    everyone = [each for each in hosts if each["use"] == record["use"]]
    if once:
        others = [_result(each, answer(each, read)) for each in everyone if each["host"] != record["host"]]
        breaches += [each for each in others if each["breach"]]
    stops = on_breach == "fail"
    told = breaches if stops else [each for each in breaches if each is result]
    words = [each["msg"] for each in told or [result]]
    if stops:
        words += [each["hint"] for each in told]
    # An include_role with run_once takes one host along, and nothing tells that from a `when`.
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
    """The answer for a host, with what it excludes itself. What nothing is known of is a breach."""
    name, known_as = record["machine"], list(own.get("known_as") or ())
    reason = _exclusion(record, known_as or [name])
    if reason is not None:
        msg = f"{name} is not backed up on purpose: {reason.rstrip('.')}."
        return {"breach": False, "known_as": known_as, "excluded": reason, "msg": clean(msg), "hint": ""}
    if not own:
        raise ValueError(f"Enterprise Manager was not asked for {name}. Use strategy: linear in this play.")
    breach = bool(own["breach"]) or not known_as
    hint = BACK_UP if known_as else UNKNOWN
    if UNPROTECTED in own["why"]:
        hint = NO_JOB
    return {"breach": breach, "known_as": known_as, "excluded": None, "msg": clean(own["msg"]), "hint": hint}


def _exclusion(record: Mapping[str, Any], machines: Sequence[str]) -> str | None:
    """Why a host is not backed up on purpose: each machine that it may be must be excluded."""
    excluded = Patterns((entry["machine"], entry["reason"]) for entry in record["exclude"])
    reasons = [excluded.find(name) for name in machines]
    return reasons[0] if reasons and None not in reasons else None


def _machine(host: str, given: Any) -> str:
    # With native Jinja, an inventory name of digits arrives as a number.
    if isinstance(given, (int, float)) and not isinstance(given, bool) and str(given) == host:
        return host
    if isinstance(given, str) and given.strip():
        return given.strip()
    what = "null" if given is None else "empty" if isinstance(given, str) else f"{given!r}, not a text"
    raise ValueError(
        f"rpo_gate_machine of the host {host} is {what}. Give the name under which Veeam knows the host, and put a "
        "name that looks like a number in quotes."
    )
