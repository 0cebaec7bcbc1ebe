"""Summary reports (em_rest 11)."""

from __future__ import annotations

from typing import Any

from emsim.context import Context, Reply
from emsim.jobs import VM
from emsim.resources.sessions import is_replica
from emsim.scenario import DAY
from emsim.timestamps import iso
from emsim.tree import Link, Node, Repeated
from emsim.views import JobSession, TaskSession

REPORTS = ("overview", "vms_overview", "job_statistics", "processed_vms", "repository")
_WORKSPACE = "Workspace/ViewReport.aspx?definition="


def summary(context: Context) -> Reply:
    """Links to the reports."""
    links = [Link("Down", context.href(f"reports/summary/{name}"), "Report", name) for name in REPORTS]
    return Reply(Node("SummaryReport", href=context.href("reports/summary"), type="Report", links=links))


def overview(context: Context) -> Reply:
    """Counts of servers, jobs and latest states of VMs."""
    state, now = context.state, context.now
    latest: dict[str, TaskSession] = {}
    for session in reversed(_vm_tasks(context)):
        latest[session.machine] = session
    results = [session.result for session in latest.values()]
    return _report(
        "OverviewReportFrame",
        [
            ("BackupServers", len(state.servers)),
            ("ProxyServers", len(state.servers)),
            ("RepositoryServers", len(state.scenario.repositories)),
            ("RunningJobs", sum(job.current(now) is not None for job in state.jobs)),
            ("ScheduledJobs", sum(job.shown_schedule(now) for job in state.jobs)),
            # em_rest 15.26: the server's own spelling
            ("SuccessfulVmLastestStates", results.count("Success")),
            ("WarningVmLastestStates", results.count("Warning")),
            ("FailedVmLastestStates", results.count("Failed")),
        ],
    )


def job_statistics(context: Context) -> Reply:
    """Counts of runs in the last day (em_rest 11: the true period is not documented), longest runs in seconds."""
    state, now = context.state, context.now
    runs = [one for one in state.sessions(context.lens) if not one.parent and one.ended is not None]
    runs = [one for one in runs if one.created >= now - DAY]
    scheduled = [job for job in state.jobs if job.shown_schedule(now)]
    backup = _longest([one for one in runs if not is_replica(one)])
    replica = _longest([one for one in runs if is_replica(one)])
    results = [one.result for one in runs]
    return _report(
        "JobStatisticsReportFrame",
        [
            ("RunningJobs", sum(job.current(now) is not None for job in state.jobs)),
            ("ScheduledJobs", len(scheduled)),
            ("ScheduledBackupJobs", sum(job.job_type != "Replica" for job in scheduled)),
            ("ScheduledReplicaJobs", sum(job.job_type == "Replica" for job in scheduled)),
            ("TotalJobRuns", len(runs)),
            ("SuccessfulJobRuns", results.count("Success")),
            ("WarningsJobRuns", results.count("Warning")),
            ("FailedJobRuns", results.count("Failed")),
            ("MaxJobDuration", max(backup[0], replica[0])),
            ("MaxBackupJobDuration", backup[0]),
            ("MaxReplicaJobDuration", replica[0]),
            ("MaxDurationBackupJobName", backup[1]),
            ("MaxDurationReplicaJobName", replica[1]),
            ("BackupJobStatusReportLink", _WORKSPACE + "status"),
        ],
    )


def vms_overview(context: Context) -> Reply:
    """Counts and sizes of protected VMs."""
    done = [one for one in _vm_tasks(context) if one.ended is not None and one.result != "Failed"]
    backed_up = {one.machine for one in done if not is_replica(one)}
    replicated = {one.machine for one in done if is_replica(one)}
    size = sum({one.machine: one.total_size for one in done}.values())
    everything = {machine.name for job in context.state.family(VM) for machine in job.spec.machines}
    return _report(
        "VmsOverviewReportFrame",
        [
            ("ProtectedVms", len(backed_up | replicated)),
            ("BackedUpVms", len(backed_up)),
            ("ReplicatedVms", len(replicated)),
            ("RestorePoints", len(done)),
            ("FullBackupPointsSize", size // 2),
            ("IncrementalBackupPointsSize", size // 20),
            ("ReplicaRestorePointsSize", 0),
            ("SourceVmsSize", size),
            ("SuccessBackupPercents", 100 * len(backed_up | replicated) // max(1, len(everything))),
            ("ProtectedVmsReportLink", _WORKSPACE + "vms"),
        ],
    )


def processed_vms(context: Context) -> Reply:
    """VMs by day, newest first."""
    tasks = _vm_tasks(context)
    midnight = context.now - context.now % DAY
    days = []
    for number in range(7):
        begin = midnight - number * DAY
        today = [one for one in tasks if begin <= one.created < begin + DAY]
        days.append(
            Node(
                "Day",
                attributes={
                    "Timestamp": iso(begin),
                    "ReplicatedVms": sum(is_replica(one) for one in today),
                    "BackupedVms": sum(not is_replica(one) for one in today),
                },
            )
        )
    return _report("ProcessedVmsReportFrame", [("Day", Repeated("Days", days))])


def repository(context: Context) -> Reply:
    """Space in repositories."""
    periods = [
        Node(
            "Period",
            [
                ("Name", one.name),
                ("Capacity", one.capacity),
                ("FreeSpace", one.free_space),
                ("BackupSize", one.capacity - one.free_space),
            ],
        )
        for one in context.state.scenario.repositories
    ]
    link = {"CapacityPlanningReportLink": _WORKSPACE + "capacity"}
    return _report("RepositoryReportFrame", [("Period", Repeated("Periods", periods))], link)


def _report(element: str, fields: list[tuple[str, object]], attributes: dict[str, Any] | None = None) -> Reply:
    # em_rest, samples of 13: links, href and type are null in reports
    return Reply(Node(element, fields, attributes or {}, links=[]))


def _vm_tasks(context: Context) -> list[TaskSession]:
    return context.state.task_sessions(context.lens, context.state.family(VM))


def _longest(runs: list[JobSession]) -> tuple[int, str]:
    return max([(int(one.ended - one.created), one.job_name) for one in runs if one.ended is not None], default=(0, ""))
