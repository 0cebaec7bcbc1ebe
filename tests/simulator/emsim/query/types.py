"""The types that can be queried, with the fields that can be used in filters and for sorting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from emsim import fleet
from emsim.jobs import AGENT, NAS, VM
from emsim.query.compare import Fields
from emsim.resources import computers, jobs, servers, sessions, tasks
from emsim.resources.common import Described

if TYPE_CHECKING:
    from emsim.context import Context
    from emsim.tree import Node
    from emsim.views import JobSession, RunView, TaskSession

Row = dict[str, Any]  # values of the fields; under "make" a function (context, reference?) -> Node


@dataclass(frozen=True)
class QueryType:
    """One type: the keys of its result (em_rest 1, JSON shape), its fields and its rows.

    admin_only: em_rest 2, roles.
    """

    name: str
    outer: str
    inner: str
    fields: Fields
    rows: Callable[[Context], list[Row]]
    admin_only: bool = False
    member: str = "Entities"


def _fields(text: str) -> Fields:
    """Fields from "Name CreationTime:time": the kind is text where none is given."""
    pairs = [item.partition(":") for item in text.split()]
    return {name.lower(): (kind or "text", name) for name, _colon, kind in pairs}


def _maker(describe: Callable[[Context], Described]) -> Callable[[Context, bool], Node]:
    """Only the rows that are shown get described."""

    def make(context: Context, as_reference: bool) -> Node:
        one = describe(context)
        return one.reference(context.href) if as_reference else one.entity(context.href)

    return make


def _made(describe: Callable[[], Described]) -> Callable[[Context, bool], Node]:
    """The same for rows that each request creates."""
    return _maker(lambda _context: describe())


def _same(node: Node) -> Callable[[Context, bool], Node]:
    """A task has one form only."""
    return lambda context, as_reference: node


_SERVER = "BackupServerUid:uid BackupServerName"
_JOB = f"UID:uid Name Description NextRun:time JobType Platform ScheduleConfigured:bool ScheduleEnabled:bool {_SERVER}"
_AGENT_JOB = f"UID:uid Name Description JobType Platform ScheduleConfigured:bool ScheduleEnabled:bool {_SERVER}"
_NAS_JOB = f"UID:uid Name Description NextRun:time ScheduleConfigured:bool ScheduleEnabled:bool {_SERVER}"
_SESSION = (
    f"UID:uid Name JobType JobUid:uid JobName CreationTime:time EndTime:time State Result:result IsRetry:bool {_SERVER}"
)
_TASK_SESSION = (
    "UID:uid Name CreationTime:time EndTime:time State Result:result Reason TotalSize:number JobSessionUid:uid "
    f"JobUid:uid JobName {_SERVER} VmDisplayName"
)
_COMPUTER = (
    f"UID:uid Name {_SERVER} AgentVersion AgentStatus OsVersion IpAddress ProtectionGroupUid:uid ProtectionGroupName"
)


def _job_rows(family: Any) -> Callable[[Context], list[Row]]:
    def rows(context: Context) -> list[Row]:
        return [
            {
                "UID": job.id,
                "Name": job.name,
                "Description": job.spec.description,
                "NextRun": job.next_run(context.now),
                "JobType": job.job_type,
                "Platform": job.platform,
                "ScheduleConfigured": job.spec.schedule.configured,
                "ScheduleEnabled": job.shown_schedule(context.now),
                "BackupServerUid": job.server_id,
                "BackupServerName": job.spec.backup_server,
                "make": _made(partial(jobs.describe, job, context.now, context.href)),
            }
            for job in context.state.family(family)
        ]

    return rows


def _session_row(session: JobSession) -> Row:
    return {
        "UID": session.id,
        "Name": session.name,
        "JobType": session.job_type,
        "JobUid": session.job_id,
        "JobName": session.job_name,
        "CreationTime": session.created,
        "EndTime": session.ended,
        "State": session.state,
        "Result": session.result,
        "IsRetry": session.is_retry,
        "BackupServerUid": session.job.server_id,
        "BackupServerName": session.job.spec.backup_server,
        "make": _maker(lambda context: sessions.describe(session, context.settings, context.href)),
    }


def _of_views(kind: str, look: Callable[[RunView], list[Row]]) -> Callable[[Context], list[Row]]:
    """Rows of all runs; those of a run that has ended are made once."""

    def rows(context: Context) -> list[Row]:
        found: list[Row] = []
        for view in context.state.views(context.lens):
            kept = view.rows.get(kind)
            if kept is None:
                kept = view.rows[kind] = look(view)
            found += kept
        return found

    return rows


def _session_rows(replica: bool) -> Callable[[Context], list[Row]]:
    def look(view: RunView) -> list[Row]:
        return [_session_row(one) for one in view.sessions if sessions.is_replica(one) == replica]

    return _of_views(f"sessions {replica}", look)


def _task_session_row(session: TaskSession) -> Row:
    return {
        "UID": session.id,
        "Name": session.name,
        "CreationTime": session.created,
        "EndTime": session.ended,
        "State": session.state,
        "Result": session.result,
        "Reason": session.reason,
        "TotalSize": session.total_size,
        "JobSessionUid": session.session_id,
        "JobUid": session.job_id,
        "JobName": session.job_name,
        "BackupServerUid": session.job.server_id,
        "BackupServerName": session.job.spec.backup_server,
        "VmDisplayName": session.machine,
        "make": _maker(lambda context: sessions.describe_task(session, context.href)),
    }


def _task_session_rows(replica: bool) -> Callable[[Context], list[Row]]:
    def look(view: RunView) -> list[Row]:
        return [_task_session_row(one) for one in view.task_sessions if sessions.is_replica(one) == replica]

    return _of_views(f"task sessions {replica}", look)


def _server_rows(context: Context) -> list[Row]:
    state = context.state
    return [
        {
            "UID": state.server_id(server.name),
            "Name": server.name,
            "Description": server.description,
            "Version": server.version,
            "make": _made(partial(servers.describe_server, server, state.server_id(server.name), context.href)),
        }
        for server in state.servers
    ]


def _repository_rows(context: Context) -> list[Row]:
    state = context.state
    return [
        {
            "UID": servers.repository_id(one),
            "Name": one.name,
            "Capacity": one.capacity,
            "FreeSpace": one.free_space,
            "BackupServerUid": state.server_id(one.backup_server),
            "BackupServerName": one.backup_server,
            "make": _made(partial(servers.describe_repository, one, state.server_id(one.backup_server), context.href)),
        }
        for one in state.scenario.repositories
    ]


def _group_rows(context: Context) -> list[Row]:
    state = context.state
    return [
        {
            "UID": computers.group_id(group),
            "Name": group.name,
            "BackupServerUid": state.server_id(group.backup_server),
            "BackupServerName": group.backup_server,
            "make": _made(partial(computers.describe_group, group, state.server_id(group.backup_server), context.href)),
        }
        for group in state.scenario.protection_groups
    ]


def _computer_rows(context: Context) -> list[Row]:
    state = context.state
    return [
        {
            "UID": computers.computer_id(found.computer),
            "Name": found.computer.name,
            "BackupServerUid": state.server_id(found.computer.backup_server),
            "BackupServerName": found.computer.backup_server,
            "AgentVersion": found.computer.agent_version,
            "AgentStatus": found.computer.agent_status,
            "OsVersion": found.computer.os_version,
            "IpAddress": computers.ip_address(found.computer),
            "ProtectionGroupUid": computers.group_id(found.group) if found.group else None,
            "ProtectionGroupName": found.group.name if found.group else None,
            "make": _made(
                partial(
                    computers.describe_computer, found, state.server_id(found.computer.backup_server), context.href
                ),
            ),
        }
        for found in fleet.discovered(state.scenario)
    ]


def _point_rows(context: Context) -> list[Row]:
    return [
        {
            "UID": point.id,
            "Name": point.name,
            "CreationTime": point.created,
            "BackupServerUid": point.server_id,
            "BackupServerName": point.server_name,
            "make": _made(partial(computers.describe_agent_point, point, context.href)),
        }
        for point in fleet.points(context.state, context.lens)
    ]


def _task_rows(context: Context) -> list[Row]:
    # em_rest 4: tasks are scoped to the logon session
    return [
        {
            "TaskId": task.id,
            "TaskUid": task.id,
            "State": task.state(context.now),
            "Operation": task.operation,
            "make": _same(tasks.task_node(task, context.now, context.href)),
        }
        for task in context.logon.tasks.values()
    ]


def _nothing(context: Context) -> list[Row]:
    return []


QUERY_TYPES = {
    kind.name.lower(): kind
    for kind in (
        # em_rest 1: the odd one, outer key singular and inner plural (a setting can change the outer)
        QueryType("AgentBackupJob", "AgentBackupJob", "AgentBackupJobs", _fields(_AGENT_JOB), _job_rows(AGENT), True),
        QueryType("Job", "Jobs", "Jobs", _fields(_JOB), _job_rows(VM), True),
        QueryType("NasJob", "NASJobs", "NASJobs", _fields(_NAS_JOB), _job_rows(NAS), True),
        QueryType(
            "BackupJobSession", "BackupJobSessions", "BackupJobSessions", _fields(_SESSION), _session_rows(False)
        ),
        QueryType(
            "ReplicaJobSession", "ReplicaJobSessions", "ReplicaJobSessions", _fields(_SESSION), _session_rows(True)
        ),
        QueryType(
            "BackupTaskSession",
            "BackupTaskSessions",
            "BackupTaskSessions",
            _fields(_TASK_SESSION),
            _task_session_rows(False),
        ),
        QueryType(
            "ReplicaTaskSession",
            "ReplicaTaskSessions",
            "ReplicaTaskSessions",
            _fields(_TASK_SESSION),
            _task_session_rows(True),
        ),
        QueryType(
            "BackupServer", "BackupServers", "BackupServers", _fields("UID:uid Name Description Version"), _server_rows
        ),
        QueryType(
            "Repository",
            "Repositories",
            "Repositories",
            _fields(f"UID:uid Name Capacity:number FreeSpace:number {_SERVER}"),
            _repository_rows,
        ),
        QueryType(
            "AgentProtectionGroup",
            "AgentProtectionGroups",
            "AgentProtectionGroups",
            _fields(f"UID:uid Name {_SERVER}"),
            _group_rows,
            True,
        ),
        QueryType(
            "DiscoveredComputer", "DiscoveredComputers", "DiscoveredComputers", _fields(_COMPUTER), _computer_rows, True
        ),
        QueryType(
            "AgentRestorePoint",
            "AgentRestorePoints",
            "AgentRestorePoints",
            _fields(f"UID:uid Name CreationTime:time {_SERVER}"),
            _point_rows,
        ),
        # em_rest 10: task results sit under Resources/Tasks (inferred)
        QueryType("Task", "Tasks", "Tasks", _fields("TaskId TaskUid State Operation"), _task_rows, member="Resources"),
        # known types for which this simulator has no data
        *(
            QueryType(name, f"{name}s", f"{name}s", _fields(f"UID:uid Name {_SERVER}"), _nothing)
            for name in ("Backup", "BackupFile", "Replica", "RestorePoint", "RestoreSession", "ObjectInJob")
        ),
    )
}
