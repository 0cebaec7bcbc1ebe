# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as metrics: OpenMetrics text, which the textfile collector of node_exporter reads as well.

All metrics are gauges, so that both readers agree on every line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.values import seconds

from .words import Report, open_failures, shown

Labels = Mapping[str, Any]
Value = Union[int, float, bool, None]

RESULTS = ("success", "warning", "failed")
# Metric -> unit (the end of its name, or none), and its help text.
HELP: dict[str, tuple[str, str]] = {
    "veeam_em_report_timestamp_seconds": ("seconds", "When the report was made, by the server's clock."),
    "veeam_em_report_period_seconds": ("seconds", "Length of the period of the report."),
    "veeam_em_report_jobs": ("", "Number of jobs."),
    "veeam_em_report_machines": ("", "Number of machines that jobs back up."),
    "veeam_em_report_runs": ("", "Number of runs in the period, by result."),
    "veeam_em_report_open_failures": ("", "Failures in the period that no later run fixed."),
    "veeam_em_report_unprotected_machines": ("", "Machines that no job protects."),
    "veeam_em_job_info": ("", "A job; always 1."),
    "veeam_em_job_schedule_enabled": ("", "Whether the schedule of the job is enabled. Only jobs with a schedule."),
    "veeam_em_job_next_run_timestamp_seconds": ("seconds", "When the job will run next."),
    "veeam_em_job_running": ("", "Whether the job is running; a copy job that waits for its next interval is not."),
    "veeam_em_job_running_since_timestamp_seconds": ("seconds", "When the run in progress began."),
    "veeam_em_job_never_run": ("", "Whether no run of the job is known."),
    "veeam_em_job_last_run_timestamp_seconds": ("seconds", "When the newest completed run ended."),
    "veeam_em_job_last_run_duration_seconds": ("seconds", "How long that run took."),
    "veeam_em_job_last_run_result": ("", "The result of that run; 1 for the actual result."),
    "veeam_em_machine_protected": ("", "Whether a job protects the machine."),
    "veeam_em_machine_excluded": ("", "Whether the machine is intentionally not backed up."),
    "veeam_em_machine_last_result": ("", "The result of the newest backup; 1 for the actual result."),
    "veeam_em_machine_last_timestamp_seconds": ("seconds", "When the newest backup ended."),
    "veeam_em_machine_last_duration_seconds": ("seconds", "How long the newest backup took."),
    "veeam_em_machine_last_size_bytes": ("bytes", "Size of the data in the newest backup."),
    "veeam_em_machine_last_good_timestamp_seconds": ("seconds", "When the newest good backup ended; 0 for never."),
    "veeam_em_machine_rpo_seconds": ("seconds", "Maximum age of the newest good backup."),
    "veeam_em_machine_rpo_breach": ("", "Whether the newest good backup is missing or too old."),
}


class _Metrics:
    def __init__(self) -> None:
        self.samples: dict[str, dict[str, str]] = {name: {} for name in HELP}

    def add(self, name: str, value: Value, **labels: Any) -> None:
        """Add a sample, unless it has no value. Of two samples with the same labels, the larger one counts."""
        if value is None:
            return
        number = _number(value)
        inner = ",".join(f'{key}="{_escaped(shown(text))}"' for key, text in labels.items())
        known = self.samples[name].get(inner)
        if known is None or float(number) > float(known):
            self.samples[name][inner] = number

    def result(self, name: str, result: str | None, **labels: Any) -> None:
        """Add a sample for each possible result."""
        if result is not None:
            for each in RESULTS:
                self.add(name, each == result.lower(), **labels, result=each)

    def text(self) -> str:
        lines = []
        for name, samples in self.samples.items():
            if not samples:
                continue
            unit, told = HELP[name]
            lines += [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
            if unit:
                lines.append(f"# UNIT {name} {unit}")
            lines += [
                f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples.items()
            ]
        return "\n".join([*lines, "# EOF", ""])


def to_metrics(report: Report) -> str:
    """The report for Prometheus."""
    metrics = _Metrics()
    em, totals = report["em"], report["totals"]
    metrics.add("veeam_em_report_timestamp_seconds", seconds(report["generated_at"]), em=em)
    metrics.add("veeam_em_report_period_seconds", report["period"]["hours"] * 3600, em=em)
    metrics.add("veeam_em_report_jobs", totals["jobs"], em=em)
    metrics.add("veeam_em_report_machines", totals["machines"], em=em)
    for result in (*RESULTS, "running", "without_verdict"):
        metrics.add("veeam_em_report_runs", totals[result], em=em, result=result)
    metrics.add("veeam_em_report_open_failures", len(open_failures(report)), em=em)
    metrics.add("veeam_em_report_unprotected_machines", len(report["unprotected"]), em=em)
    for job in report["jobs"]:
        if not job["deleted"]:
            # Not "job", which Prometheus itself sets.
            labels = {"em": em, "job_name": job["name"], "job_id": job["id"], "backup_server": job["backup_server"]}
            _job(metrics, job, labels, [each for each in report["running"] if each["job_id"] == job["id"]])
    breaches = {(each["machine"], each["backup_server"]) for each in report["rpo_breaches"]}
    for machine in report["machines"]:
        labels = {"em": em, "machine": machine["name"], "backup_server": machine["backup_server"]}
        _machine(metrics, machine, labels)
        key = (machine["name"], machine["backup_server"])
        if machine["rpo_hours"] is not None:
            metrics.add("veeam_em_machine_rpo_breach", key in breaches, **labels)
    known = {(machine["name"], machine["backup_server"]) for machine in report["machines"]}
    for each in [*report["unprotected"], *report["excluded"]]:
        key = (each["machine"], each["backup_server"])
        if key not in known:
            labels = {"em": em, "machine": key[0], "backup_server": key[1]}
            metrics.add("veeam_em_machine_protected", False, **labels)
            metrics.add("veeam_em_machine_excluded", each in report["excluded"], **labels)
            metrics.add("veeam_em_machine_last_good_timestamp_seconds", 0, **labels)
            if key in breaches:
                metrics.add("veeam_em_machine_rpo_breach", True, **labels)
    return metrics.text()


def _job(metrics: _Metrics, job: Mapping[str, Any], labels: Labels, running: Sequence[Any]) -> None:
    runs = job["runs"] or ([job["last_run"]] if job["last_run"] else [])
    # A run that is dated in the future is not the last run, whatever its date says.
    newest = seconds(job["last_run"]["start"]) if job["last_run"] else 0.0
    known = [run for run in [job["last_run"], *runs] if run and (seconds(run["start"]) or 0.0) <= (newest or 0.0)]
    ended = [run for run in known if not run["running"]]
    last = max(ended, key=lambda run: seconds(run["end"] or run["start"]) or 0.0, default=None)
    metrics.add("veeam_em_job_info", 1, **labels, kind=job["kind"])
    if job["schedule_configured"] is not False:
        metrics.add("veeam_em_job_schedule_enabled", job["schedule_enabled"], **labels)
    metrics.add("veeam_em_job_next_run_timestamp_seconds", seconds(job["next_run"]), **labels)
    metrics.add("veeam_em_job_running", bool(running), **labels)
    begun = [begin for begin in (seconds(each["start"]) for each in running) if begin is not None]
    metrics.add("veeam_em_job_running_since_timestamp_seconds", min(begun, default=None), **labels)
    metrics.add("veeam_em_job_never_run", job["never_run"], **labels)
    if last:
        metrics.add("veeam_em_job_last_run_timestamp_seconds", seconds(last["end"] or last["start"]), **labels)
        metrics.add("veeam_em_job_last_run_duration_seconds", last["duration_seconds"], **labels)
        metrics.result("veeam_em_job_last_run_result", last["result"], **labels)


def _machine(metrics: _Metrics, machine: Mapping[str, Any], labels: Labels) -> None:
    last, good = machine["last"], machine["last_good"]
    metrics.add("veeam_em_machine_protected", machine["protected"], **labels)
    metrics.add("veeam_em_machine_excluded", machine["excluded"] is not None, **labels)
    metrics.add("veeam_em_machine_last_good_timestamp_seconds", _when(good) if good else 0, **labels)
    if machine["rpo_hours"] is not None:
        metrics.add("veeam_em_machine_rpo_seconds", machine["rpo_hours"] * 3600, **labels)
    if last:
        metrics.add("veeam_em_machine_last_timestamp_seconds", _when(last), **labels)
        metrics.add("veeam_em_machine_last_duration_seconds", last["duration_seconds"], **labels)
        metrics.add("veeam_em_machine_last_size_bytes", last["size"], **labels)
        metrics.result("veeam_em_machine_last_result", last["result"], **labels)


def _when(backup: Mapping[str, Any]) -> float | None:
    return seconds(backup["end_time"] or backup["start_time"])


def _number(value: int | float | bool) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
