# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as CSV (RFC 4180), as JSON, and as text of 80 columns."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .words import (
    WHY,
    Report,
    age,
    count,
    duration,
    excerpt,
    headline,
    iso,
    job_names,
    newest_good,
    old_backups,
    open_failures,
    open_warnings,
    recovered_failures,
    shown,
    subject,
    time_of,
    totals,
    verdict,
)

COLUMNS = 80
# How much of a reason, and how many entries of a section, mail and chat show; the page and CSV have the rest.
REASON = 400
ENTRIES = 50
# This character turns the one before it into an emoji, which is wide.
_EMOJI = "\ufe0f"
# Spreadsheets treat a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_MACHINE_HEAD = (
    "machine",
    "backup_server",
    "jobs",
    "protected",
    "excluded",
    "last_result",
    "last_end_time",
    "last_age_hours",
    "last_job",
    "last_reason",
    "last_size_bytes",
    "last_duration_seconds",
    "last_good_end_time",
    "last_good_age_hours",
    "rpo_hours",
    "rpo_breach",
)
_RUN_HEAD = (
    "job",
    "kind",
    "backup_server",
    "start",
    "end",
    "duration_seconds",
    "result",
    "is_retry",
    "job_id",
    "job_session_id",
)


def to_json(report: Report) -> str:
    """The report for programs. ASCII only, so that no name can break the file."""
    return json.dumps(report, indent=2) + "\n"


def machines_csv(report: Report) -> str:
    """One line for each machine, unprotected and excluded ones included."""
    breaches = {(each["machine"], each["backup_server"]): each["why"] for each in report["rpo_breaches"]}
    rows: list[Sequence[Any]] = [_MACHINE_HEAD]
    for each in report["machines"]:
        last, good = each["last"] or {}, each["last_good"] or {}
        rows.append(
            (
                each["name"],
                each["backup_server"],
                job_names(each),
                _flag(each["protected"]),
                each["excluded"],
                last.get("result"),
                iso(last.get("end_time")),
                last.get("age_hours"),
                last.get("job_name"),
                last.get("reason"),
                last.get("size"),
                last.get("duration_seconds"),
                iso(good.get("end_time")),
                good.get("age_hours"),
                each["rpo_hours"],
                breaches.get((each["name"], each["backup_server"])),
            )
        )
    known = {(each["name"], each["backup_server"]) for each in report["machines"]}
    for each in report["unprotected"]:
        key = (each["machine"], each["backup_server"])
        if key not in known:
            rows.append((*key, "", "no", *[None] * 11, breaches.get(key)))
    for each in report["excluded"]:
        key = (each["machine"], each["backup_server"])
        if key not in known:
            rows.append((*key, "", "no", each["reason"], *[None] * 11))
    return _csv(rows)


def runs_csv(report: Report) -> str:
    """One line for each run of the period."""
    rows: list[Sequence[Any]] = [_RUN_HEAD]
    for job in report["jobs"]:
        for run in job["runs"]:
            rows.append(
                (
                    job["name"],
                    job["kind"],
                    job["backup_server"],
                    iso(run["start"]),
                    iso(run["end"]),
                    run["duration_seconds"],
                    verdict(run["result"], run["running"]),
                    _flag(run["is_retry"]),
                    job["id"],
                    run["id"],
                )
            )
    return _csv(rows)


def _flag(value: bool | None) -> str | None:
    return None if value is None else ("yes" if value else "no")


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """A value as a cell: text as one line, and never as a formula."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = shown(value)
    # Full-width signs count as formulas in some spreadsheets.
    return "'" + text if unicodedata.normalize("NFKC", text[:1]).startswith(_FORMULA) else text


def to_text(report: Report) -> str:
    """The report for mail and chat."""
    period = report["period"]
    lines = [
        f"Backup report of {shown(report['em'])}",
        f"{time_of(period['from'])} to {time_of(period['to'])} UTC",
        "",
        headline(report),
        totals(report),
    ]
    tolerated = sum(each["tolerated"] for each in report["warnings"])
    on = _servers(report)
    lines += _problems("FAILED", open_failures(report), on)
    lines += _section("NO RECENT GOOD BACKUP", old_backups(report), lambda each: (shown(each["msg"]), None))
    good = newest_good(report)
    lines += _section("UNPROTECTED", report["unprotected"], lambda each: (_unprotected(each, good, on), None))
    lines += _problems("WARNINGS", open_warnings(report), on)
    lines += _section(
        "RUNNING",
        report["running"],
        lambda each: (
            f"{shown(each['job'])}{on(each)}: "
            + (f"{each['progress']} % after " if each["progress"] is not None else "for ")
            + duration(each["elapsed_seconds"]),
            None,
        ),
    )
    lines += _section(
        "FIXED BY A LATER RUN",
        recovered_failures(report),
        lambda each: (f"{subject(each)} ({shown(each['job'])}{on(each)}), {time_of(each['when'])}", None),
    )
    lines += _section(
        "INTENTIONALLY NOT BACKED UP",
        report["excluded"],
        lambda each: (f"{shown(each['machine'])}{on(each)}: {shown(each['reason'])}", None),
    )
    lines += _oldest(report, on)
    if tolerated:
        lines += ["", f"{count(tolerated, 'tolerated warning')} not listed."]
    return "\n".join(one for line in lines for one in _wrapped(line)) + "\n"


def _servers(report: Report) -> Callable[[Any], str]:
    """A function that names the backup server of an entry, if the report covers several: they may share names."""
    entries = [*report["jobs"], *report["machines"], *report["unprotected"]]
    several = len({each["backup_server"] for each in entries if each["backup_server"]}) > 1
    return lambda each: f" on {shown(each['backup_server'])}" if several and each["backup_server"] else ""


def _unprotected(each: Any, good: Any, on: Callable[[Any], str]) -> str:
    backup = good.get((each["machine"], each["backup_server"]))
    groups = ", ".join(map(shown, each["protection_groups"]))
    told = [
        WHY[each["why"]],
        f"protection groups: {groups}" if groups else "",
        f"newest good backup {age(backup['age_hours'])} ago" if backup else "",
    ]
    return f"{shown(each['machine'])}{on(each)}: {'; '.join(filter(None, told))}"


def _oldest(report: Report, on: Callable[[Any], str]) -> list[str]:
    """The machines whose newest good backup is the oldest."""
    aged = [each for each in report["machines"] if each["last_good"] and each["last_good"]["age_hours"] is not None]
    aged.sort(key=lambda each: -each["last_good"]["age_hours"])
    if not aged:
        return []
    shown_machines = [
        f"  {age(each['last_good']['age_hours']):>8}  {shown(each['name'])}{on(each)}" for each in aged[:5]
    ]
    return ["", "OLDEST GOOD BACKUPS", *shown_machines]


def _problems(title: str, problems: Sequence[Any], on: Callable[[Any], str]) -> list[str]:
    return _section(
        title,
        problems,
        lambda each: (
            f"{subject(each)} ({shown(each['job'])}{on(each)}), {_when(each)}",
            excerpt(shown(each["reason"]), REASON),
        ),
    )


def _when(each: Any) -> str:
    again = f", {each['times']} times since {time_of(each['since'])}" if each["times"] > 1 else ""
    return time_of(each["when"]) + again


def _section(title: str, found: Sequence[Any], told: Any) -> list[str]:
    if not found:
        return []
    lines = ["", f"{title} ({len(found)})"]
    for each in found[:ENTRIES]:
        first, second = told(each)
        lines.append(f"  {first}")
        if second:
            lines.append(f"      {second}")
    return lines + ([f"  and {len(found) - ENTRIES} more"] if len(found) > ENTRIES else [])


def _wrapped(line: str) -> list[str]:
    """A line in pieces of at most 80 columns; wide characters take two."""
    indent = line[: len(line) - len(line.lstrip())]
    if _width(line) <= COLUMNS:
        return [line]
    pieces: list[str] = []
    current = indent
    for word in line.split():
        for part in _parts(word, COLUMNS - len(indent) - 2):
            longer = f"{current} {part}" if current.strip() else current + part
            if _width(longer) > COLUMNS:
                pieces.append(current)
                longer = f"{indent}  {part}"
            current = longer
    return [*pieces, current]


def _parts(word: str, columns: int) -> list[str]:
    if _width(word) <= columns:
        return [word]
    parts, current, used = [], "", 0
    for each in word:
        wide = _width(each)
        if used + wide > columns:
            parts.append(current)
            current, used = "", 0
        current, used = current + each, used + wide
    return [*parts, current]


def _width(text: str) -> int:
    return sum(map(_columns, text))


def _columns(each: str) -> int:
    if each == _EMOJI:
        return 1
    if unicodedata.category(each) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(each) in "WF" else 1
