# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for people: durations, sizes, ages, times. Text from servers is shown without control characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timezone
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.values import moment
from ansible_collections.backupops.veeam_em.plugins.module_utils._text import clean

Report = Mapping[str, Any]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
WHY = {
    "too_old": "too old",
    "never": "never backed up",
    "unprotected": "no job protects it",
    "unknown_date": "age not known",
    "no_job": "no job backs it up",
    "job_deleted": "its job was deleted",
    "not_known": "Enterprise Manager does not know it",
}


def shown(value: Any) -> str:
    """Text from a server as one harmless line; "" for nothing."""
    return "" if value is None else clean(str(value)).strip()


def verdict(result: str | None, running: bool = False) -> str:
    """A result in words."""
    return result or ("Running" if running else "No verdict")


def time_of(text: str | None) -> str:
    """A server's time as 2026-01-31 22:00, UTC."""
    then = moment(text)
    return then.strftime("%Y-%m-%d %H:%M") if then else shown(text)


def iso(text: str | None) -> str:
    """A server's time as 2026-01-31T22:00:00Z."""
    then = moment(text)
    return then.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if then else shown(text)


def excerpt(text: str, most: int) -> str:
    """The beginning of a text that is too long, cut between words where that is possible."""
    if len(text) <= most:
        return text
    head = text[: most + 1].rpartition(" ")[0] or text[:most]
    return (head if len(head) > most / 2 else text[:most]) + " \u2026"


def duration(seconds: float | None) -> str:
    """Seconds in words: 45 s, 12 min, 3 h 5 min."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def age(hours: float | None) -> str:
    """An age in words: 40 min, 26 h, 9 days."""
    if hours is None:
        return "never"
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"


def size(amount: float | None) -> str:
    """Bytes in words."""
    if amount is None:
        return ""
    unit = 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount /= 1024
        unit += 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 or amount >= 10 else f"{amount:.1f} {_UNITS[unit]}"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 job, 2 jobs."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def open_failures(report: Report) -> list[dict[str, Any]]:
    """Failures without a later success, repeated ones as one."""
    return repeated([each for each in report["failures"] if not each["recovered"]])


def recovered_failures(report: Report) -> list[dict[str, Any]]:
    """Failures that a later run fixed, repeated ones as one."""
    return repeated([each for each in report["failures"] if each["recovered"]])


def open_warnings(report: Report) -> list[dict[str, Any]]:
    """Warnings that are not tolerated, repeated ones as one."""
    return repeated([each for each in report["warnings"] if not each["tolerated"]])


def tolerated_warnings(report: Report) -> list[dict[str, Any]]:
    """Warnings that are tolerated, repeated ones as one."""
    return repeated([each for each in report["warnings"] if each["tolerated"]])


def old_backups(report: Report) -> list[Mapping[str, Any]]:
    """Machines without a recent good backup; those that no job protects are in a separate list."""
    unprotected = {(each["machine"], each["backup_server"]) for each in report["unprotected"]}
    return [each for each in report["rpo_breaches"] if (each["machine"], each["backup_server"]) not in unprotected]


def newest_good(report: Report) -> dict[tuple[Any, Any], Mapping[str, Any]]:
    """The newest good backup of each machine that has one."""
    return {
        (each["name"], each["backup_server"]): each["last_good"] for each in report["machines"] if each["last_good"]
    }


def repeated(problems: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Repeated problems as one: the newest of each, with `times` and `since`."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in problems:
        key = tuple(each[name] for name in ("job_id", "job", "backup_server", "machine", "result", "reason"))
        known = found.setdefault(key, {**each, "times": 0, "since": each["when"]})
        known["times"] += 1
        known["since"] = min(known["since"] or "", each["when"] or "")
    return list(found.values())


def headline(report: Report) -> str:
    """What matters, in one sentence."""
    failed = len(open_failures(report))
    parts = [count(failed, "failure") + " without a later success"] if failed else []
    old = old_backups(report)
    if old:
        parts.append(count(len(old), "machine") + " without a recent good backup")
    if report["unprotected"]:
        parts.append(count(len(report["unprotected"]), "machine") + " that no job protects")
    if not parts:
        return "Nothing failed, or a later run fixed it." if report["totals"]["runs"] else "No job ran in this period."
    return _joined(parts) + "."


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def totals(report: Report) -> str:
    """The numbers in one line."""
    given = report["totals"]
    text = f"{count(given['jobs'], 'job')}, {count(given['machines'], 'machine')}, {count(given['runs'], 'run')}"
    names = {
        "success": "success",
        "warning": "warning",
        "failed": "failed",
        "running": "running",
        "without_verdict": "without a verdict",
    }
    told = [f"{given[name]} {word}" for name, word in names.items() if given[name]]
    never = f"; {count(given['never_run'], 'job')} never ran" if given["never_run"] else ""
    return text + (f" ({', '.join(told)})" if told else "") + never


def job_names(machine: Mapping[str, Any]) -> str:
    """The jobs of a machine; deleted ones are marked."""
    return ", ".join(shown(job["name"]) + (" (deleted)" if job["deleted"] else "") for job in machine["jobs"])


def subject(problem: Mapping[str, Any]) -> str:
    """What a failure or warning is about: the machine, or the run as a whole."""
    return shown(problem["machine"]) or "The run as a whole"
