# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interprets the variables of the role backup_report. Pure: data in, data out."""

from __future__ import annotations

from typing import Any

from ._lists import exclusions, limits, names

# Format -> its files, each with the form of the filter report.
FILES = {
    "html": [("backup_report.html", "html")],
    "csv": [("backup_report.csv", "csv"), ("backup_report_runs.csv", "csv_runs")],
    "text": [("backup_report.txt", "text")],
    "json": [("backup_report.json", "json")],
    "openmetrics": [("backup_report.prom", "openmetrics")],
}


def wishes(
    directory: Any,
    formats: Any,
    exclude: Any,
    rpo_overrides: Any,
    tolerate_warnings: Any,
    jobs: Any,
    machines: Any,
    mode: Any,
) -> dict[str, Any]:
    """The options for veeam_em_report_info, and the files to write.

    :raises ValueError: if a variable is invalid; the message has the role's name for it.
    """
    if not isinstance(directory, str) or not directory.strip():
        shown = "null" if directory is None else "empty" if isinstance(directory, str) else f"{directory!r}"
        raise ValueError(
            f"backup_report_directory is {shown}. Set it to a directory, or leave the variable out to use the default "
            "in the user's state directory."
        )
    if not directory.strip().startswith(("/", "~", "$")):
        # On the controller, the directory would be created next to the playbook, which may be inside the collection.
        raise ValueError(
            f"backup_report_directory is {directory.strip()!r}, a relative path. Use an absolute path, or one that "
            "begins with ~."
        )
    wanted = list(dict.fromkeys(names("backup_report_formats", formats)))
    if not wanted or set(wanted) - set(FILES):
        unknown = ", ".join(each for each in wanted if each not in FILES)
        told = f"names {unknown}, which is not a format" if unknown else "is empty"
        raise ValueError(f"backup_report_formats {told}. Choose from {', '.join(FILES)}.")
    return {
        "directory": directory.strip(),
        "files": [{"file": file, "form": form} for each in wanted for file, form in FILES[each]],
        "exclude": exclusions("backup_report_exclude", exclude),
        "rpo_overrides": limits("backup_report_rpo_overrides", rpo_overrides),
        "tolerate_warnings": names("backup_report_tolerate_warnings", tolerate_warnings),
        "jobs": names("backup_report_jobs", jobs),
        "machines": names("backup_report_machines", machines),
        # 0644 without quotes is a number in YAML, and older versions of ansible-core turn it into its decimal digits.
        "mode": f"{mode:04o}" if isinstance(mode, int) else mode,
    }
