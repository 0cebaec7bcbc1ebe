# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one self-contained HTML file, without scripts, which loads nothing from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from . import charts, words


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        # Every name and reason comes from a server.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        age=words.age,
        count=words.count,
        duration=words.duration,
        excerpt=words.excerpt,
        job_names=words.job_names,
        shown=words.shown,
        size=words.size,
        subject=words.subject,
        time=words.time_of,
        verdict=words.verdict,
        verdict_class=charts.class_of,
    )
    return environment.get_template("page.html.j2")


def to_html(report: words.Report) -> str:
    """The report as a page."""
    days = charts.days_of(report)
    return _template().render(
        report=report,
        headline=words.headline(report),
        totals=words.totals(report),
        failures=words.open_failures(report),
        recovered=words.recovered_failures(report),
        old=words.old_backups(report),
        good_of=defaultdict(lambda: None, words.newest_good(report)),
        warnings=words.open_warnings(report),
        tolerated=words.tolerated_warnings(report),
        why=words.WHY,
        days=days,
        runs_chart=charts.runs_chart,
        calendar=lambda verdicts: charts.calendar(days, verdicts),
    )
