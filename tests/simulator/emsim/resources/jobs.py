"""Jobs of all three families and the objects they include."""

from __future__ import annotations

from emsim.ids import guid
from emsim.jobs import AGENT, NAS, VM, SimulatedJob
from emsim.resources.common import Described, Href, Kind, server_link
from emsim.resources.options import guest_processing, retention, schedule_options
from emsim.timestamps import iso
from emsim.tree import Link, Nested, Node

KINDS = {family.name: Kind(family.path, family.uid, family.element, family.plural) for family in (AGENT, VM, NAS)}
_INFO = {"Backup": "BackupJobInfo", "Replica": "ReplicaJobInfo"}


def describe(job: SimulatedJob, now: float, href: Href) -> Described:
    """One job."""
    family = job.family
    base = f"{family.path}/{job.id}"
    sessions = "replicaSessions" if job.job_type == "Replica" else "backupSessions"
    word = "Replica" if job.job_type == "Replica" else "Backup"
    included = "NasObjectList" if family is NAS else "ObjectInJobList"
    return Described(
        KINDS[family.name],
        job.id,
        job.name,
        _fields(job, now, href),
        ups=[server_link(href, job.server_id, job.spec.backup_server)],
        downs=[Link("Down", href(f"{base}/{sessions}"), f"{word}JobSessionReferenceList")],
        actions=[Link("Down", href(f"{base}/includes"), included), *_actions(job, base, href)],
        attributes={},
        # em_rest 15.13: references of NAS jobs lead to /agents/jobs
        path="agents/jobs" if family is NAS else "",
        # em_rest 5: the Alternate link of an agent job's reference has Type Job, that of its entity JobReference
        alternate_types=("Job", "JobReference"),
    )


def _actions(job: SimulatedJob, base: str, href: Href) -> list[Link]:
    # em_rest 9: Start for backup and replication, Sync for copy jobs; NAS actions are paths
    names = ["sync" if job.is_copy else "start", "stop", "retry", "toggleScheduleEnabled"]
    style = "/" if job.family is NAS else "?action="
    return [Link(name[0].upper() + name[1:], href(f"{base}{style}{name}")) for name in names]


def _fields(job: SimulatedJob, now: float, href: Href) -> list[tuple[str, object]]:
    next_run = job.next_run(now)
    schedule = [
        ("ScheduleConfigured", job.spec.schedule.configured),
        ("ScheduleEnabled", job.shown_schedule(now)),
        ("NextRun", None if next_run is None else iso(next_run)),
        ("JobScheduleOptions", schedule_options()),
    ]
    if job.family is NAS:
        return [("Description", job.spec.description), ("Includes", nas_includes(job, href)), *schedule]
    head = [("JobType", job.job_type), ("Platform", job.platform), ("Description", job.spec.description)]
    content = [("Includes", includes(job, href)), ("GuestProcessingOptions", guest_processing()), *retention()]
    if job.family is VM:
        name = _INFO.get(job.job_type, f"{job.job_type}JobInfo")
        content = [(name, Node(name, content))]
    return [*head, *schedule, ("JobInfo", Node("JobInfo", content))]


def object_id(job: SimulatedJob, name: str) -> str:
    """The id of an object that a job includes."""
    return guid("object", job.id, name)


def include(job: SimulatedJob, name: str, href: Href) -> Node:
    """One object of an agent or VM job. em_rest 5: nothing shows whether it is a group or a computer."""
    identifier = object_id(job, name)
    element = "ObjectInAgentBackupJob" if job.is_agent else "ObjectInJob"
    fields: list[tuple[str, object]] = [("ObjectInJobId", identifier)]
    if not job.is_agent:
        # The reference of the hypervisor is the same in all jobs.
        there = int(guid("managed object", job.spec.backup_server, name)[:4], 16)
        kind, prefix = ("Folder", "group-v") if name in job.spec.containers else ("Vm", "vm-")
        fields.append(("HierarchyObjRef", f"urn:{job.platform}:{kind}:{guid('root')}.{prefix}{there}"))
    fields += [("Name", name), ("DisplayName", name), ("GuestProcessingOptions", guest_processing())]
    path = f"{job.family.path}/{job.id}/includes/{identifier}"
    return Node(element, fields, href=href(path), type=element, links=[])


def includes(job: SimulatedJob, href: Href) -> Nested:
    """em_rest 1: a list inside an object; em_rest 16: the JSON name of agent objects is inferred."""
    key = "ObjectInAgentBackupJobs" if job.is_agent else "ObjectInJobs"
    return Nested(key, [include(job, name, href) for name in [*job.spec.includes, *job.spec.containers]])


def nas_includes(job: SimulatedJob, href: Href) -> Nested:
    """The file share of a NAS job."""
    identifier = object_id(job, job.spec.file_share)
    fields = [
        ("HierarchyObjRef", f"urn:NasBackup:BackupServer:{job.server_id}"),
        ("ObjectInJobId", identifier),
        ("FileOrFolder", job.spec.file_share),
        ("FileServerUid", f"urn:veeam:FileServer:{guid('file server', job.spec.file_share)}"),
    ]
    path = f"nas/jobs/{job.id}/includes/{identifier}"
    return Nested("NASObjects", [Node("NASObject", fields, href=href(path), type="NasObject", links=[])])
