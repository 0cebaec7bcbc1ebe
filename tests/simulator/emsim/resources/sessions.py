"""Job sessions and task sessions."""

from __future__ import annotations

from emsim.ids import guid, urn
from emsim.resources.common import Described, Href, Kind, server_link
from emsim.scenario import Settings
from emsim.timestamps import iso
from emsim.tree import Link
from emsim.views import JobSession, TaskSession

BACKUP = Kind("backupSessions", "BackupJobSession", "BackupJobSession", "BackupJobSessions")
REPLICA = Kind("replicaSessions", "ReplicaJobSession", "ReplicaJobSession", "ReplicaJobSessions")
BACKUP_TASK = Kind("backupTaskSessions", "BackupTaskSession", "BackupTaskSession", "BackupTaskSessions")
REPLICA_TASK = Kind("replicaTaskSessions", "ReplicaTaskSession", "ReplicaTaskSession", "ReplicaTaskSessions")


def is_replica(session: JobSession | TaskSession) -> bool:
    """Whether a session belongs to a replication job."""
    return session.job.job_type == "Replica"


def job_uid(session: JobSession | TaskSession, settings: Settings) -> str:
    """em_rest 7: the type word is Job whatever the job is; for agent jobs em_rest 16 leaves it open."""
    return urn(settings.job_uid_type if session.job.is_agent else "Job", session.job_id)


def restore_point_id(session: TaskSession) -> str:
    """The restore point that a task session left behind."""
    return guid("restore point", session.id)


def describe(session: JobSession, settings: Settings, href: Href) -> Described:
    """One job session."""
    kind = REPLICA if is_replica(session) else BACKUP
    base = f"{kind.path}/{session.id}"
    job_path = f"{session.job.family.path}/{session.job_id}"
    ups = [
        server_link(href, session.job.server_id, session.job.spec.backup_server),
        Link("Up", href(job_path), "JobReference", session.job_name),
    ]
    if session.job_type == "AgentBackup":  # em_rest 7: the link to the sessions of the machines
        children = href(f"{base}/agentManagementSessions")
        ups.append(Link("Alternate", children, "BackupJobSessionReferenceList"))
    if session.parent:
        parent = href(f"{BACKUP.path}/{session.parent}")
        ups.append(Link("Up", parent, "BackupJobSessionReference", "Parent session"))
    return Described(
        kind,
        session.id,
        session.name,
        [
            ("JobUid", job_uid(session, settings)),
            ("JobName", session.job_name),
            ("JobType", session.job_type),
            ("CreationTimeUTC", iso(session.created)),
            ("EndTimeUTC", None if session.ended is None else iso(session.ended)),
            ("State", session.state),
            ("Result", session.result),
            ("Progress", session.progress),
            # em_rest 7: null in all recordings, absent from XML
            ("FailureMessage", session.failure if settings.failure_messages else None),
            ("IsRetry", session.is_retry),
        ],
        ups,
        downs=[_tasks_link(session, base, settings, href)],
        actions=[] if is_replica(session) else [Link("Stop", href(f"{base}?action=stop"))],
        attributes={},
    )


def _tasks_link(session: JobSession, base: str, settings: Settings, href: Href) -> Link:
    if not is_replica(session):
        return Link("Down", href(f"{base}/taskSessions"), "BackupTaskSessionReferenceList")
    # em_rest 8: several vendor samples have the misspelled segment
    segment = "repicaTaskSessions" if settings.misspelt_replica_links else "replicaTaskSessions"
    return Link("Down", href(f"{base}/{segment}"), "ReplicaTaskSessionReferenceList")


def describe_task(session: TaskSession, href: Href) -> Described:
    """One task session."""
    kind, owner = (REPLICA_TASK, REPLICA) if is_replica(session) else (BACKUP_TASK, BACKUP)
    fields = [
        ("JobSessionUid", urn(owner.uid, session.session_id)),
        ("CreationTimeUTC", iso(session.created)),
        ("EndTimeUTC", None if session.ended is None else iso(session.ended)),
        ("State", session.state),
        ("Result", session.result),
        ("Reason", session.reason),
        ("TotalSize", session.total_size),
    ]
    if kind is BACKUP_TASK and not session.job.is_agent:
        # em_rest 7: VmUid is newer than the 9.5 schema; em_rest 8: replica task sessions have none
        fields.append(("VmUid", f"urn:VMware:Vm:{guid('root')}.vm-{int(guid(session.machine)[:4], 16)}"))
    related = []
    if session.ended is not None and session.result != "Failed" and session.job.is_agent:
        point = href(f"agents/agentRestorePoints/{restore_point_id(session)}?format=Entity")
        related = [Link("Related", point, "AgentRestorePoint", session.name)]
    return Described(
        kind,
        session.id,
        session.name,
        fields,
        ups=[
            server_link(href, session.job.server_id, session.job.spec.backup_server),
            Link("Up", href(f"{owner.path}/{session.session_id}"), f"{owner.uid}Reference", session.session_name),
        ],
        downs=[],
        actions=related,
        attributes={"VmDisplayName": session.machine},
    )
