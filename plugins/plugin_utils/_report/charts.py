# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts as SVG paths: one path for each verdict, so that the page stays small with thousands of runs.

Verdicts differ in shape as well as in color: failures have a mark below, and are taller in a calendar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.values import moment

from .words import count, duration, verdict

# The maximum number of runs in a chart; the newest are shown.
MOST_RUNS = 60
# The maximum number of days in a calendar; the server keeps 30.
MOST_DAYS = 62
HEIGHT = 32
_BAR, _DAY = 7, 8
_CLASSES = {"Success": "s", "Warning": "w", "Failed": "f"}


@dataclass(frozen=True)
class Chart:
    """The data for the template: the size, paths by class, and a description in words."""

    width: int
    height: int
    paths: Mapping[str, str]
    words: str


def class_of(result: str | None) -> str:
    """The class that colors a result."""
    return _CLASSES.get(str(result), "n")


def runs_chart(runs: Sequence[Mapping[str, Any]]) -> Chart | None:
    """The durations and results of the runs of a job; None if none has ended."""
    ended = [run for run in runs if not run["running"]][-MOST_RUNS:]
    if not ended:
        return None
    longest = max((run["duration_seconds"] or 0 for run in ended), default=0) or 1
    top = HEIGHT - 5
    paths: dict[str, str] = {}
    for place, run in enumerate(ended):
        name = class_of(run["result"])
        tall = max(2, round((run["duration_seconds"] or 0) / longest * top))
        x = place * _BAR + 3
        mark = f"M{x} {HEIGHT - 3}v3" if name == "f" else ""
        paths[name] = paths.get(name, "") + f"M{x} {top}v-{tall}{mark}"
    return Chart(max(len(ended) * _BAR, 10), HEIGHT, paths, _runs_in_words(ended, longest))


def _runs_in_words(ended: Sequence[Mapping[str, Any]], longest: int) -> str:
    results = [verdict(run["result"]) for run in ended]
    told = ", ".join(f"{results.count(each)} {each}" for each in dict.fromkeys(sorted(results)))
    return f"{count(len(ended), 'run')}: {told}; the longest took {duration(longest)}"


def days_of(report: Mapping[str, Any]) -> list[date]:
    """The days of the period, the last ones if there are many."""
    begin, end = moment(report["period"]["from"]), moment(report["period"]["to"])
    if begin is None or end is None:
        return []
    number = min((end.date() - begin.date()).days + 1, MOST_DAYS)
    return [end.date() - timedelta(days=number - 1 - each) for each in range(number)]


def calendar(days: Sequence[date], verdicts: Mapping[str, str]) -> Chart | None:
    """The verdict of each day for a machine; None if there is none."""
    paths: dict[str, str] = {}
    bad: dict[str, list[str]] = {"w": [], "f": []}
    for place, day in enumerate(days):
        result = verdicts.get(day.isoformat())
        name = class_of(result) if result else "e"
        if name in bad:
            bad[name].append(day.isoformat())
        x = place * _DAY + 4
        low, tall = {"s": (14, 8), "w": (16, 12), "f": (20, 20)}.get(name, (11, 2))
        paths[name] = paths.get(name, "") + f"M{x} {low}v-{tall}"
    if not verdicts:
        return None
    told = f"{len(verdicts)} of {count(len(days), 'day')} with backups"
    for name, word in (("f", "failed on"), ("w", "warnings on")):
        if bad[name]:
            more = f" and {count(len(bad[name]) - 5, 'more day')}" if len(bad[name]) > 5 else ""
            told += f"; {word} {', '.join(bad[name][-5:])}{more}"
    return Chart(max(len(days) * _DAY, 12), 20, paths, told)
