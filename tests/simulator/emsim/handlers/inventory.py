"""Backup servers, repositories, protection groups, computers and restore points: plain reads, and collect."""

from __future__ import annotations

from collections.abc import Callable

from emsim import fleet
from emsim.context import ApiError, Context, Reply
from emsim.ids import guid
from emsim.resources import computers, servers
from emsim.resources.common import Described, Kind, entities, references, server_link
from emsim.resources.logon import service_node
from emsim.resources.tasks import task_node

Handle = Callable[[Context], Reply]
Source = Callable[[Context], list[Described]]
COLLECT_TIMING = (0.5, 0.0)


def listing(kind: Kind, source: Source) -> Handle:
    """A collection."""

    def handle(context: Context) -> Reply:
        found = source(context)
        as_entities = context.wants_entities
        return Reply(entities(kind, found, context.href) if as_entities else references(found, context.href))

    return handle


def one(kind: Kind, source: Source) -> Handle:
    """One of the collection."""

    def handle(context: Context) -> Reply:
        identifier = context.guid(kind.uid)
        for found in source(context):
            if found.id == identifier:
                if context.wants_entities:
                    return Reply(found.entity(context.href))
                return Reply(found.reference(context.href, "EntityRef"))
        raise ApiError(404, f"Cannot find {kind.uid} [{identifier}]")

    return handle


def all_servers(context: Context) -> list[Described]:
    """Backup servers."""
    state = context.state
    return [servers.describe_server(server, state.server_id(server.name), context.href) for server in state.servers]


def all_repositories(context: Context) -> list[Described]:
    """Repositories."""
    state = context.state
    return [
        servers.describe_repository(one, state.server_id(one.backup_server), context.href)
        for one in state.scenario.repositories
    ]


def all_groups(context: Context) -> list[Described]:
    """Protection groups."""
    state = context.state
    return [
        computers.describe_group(group, state.server_id(group.backup_server), context.href)
        for group in state.scenario.protection_groups
    ]


def all_computers(context: Context) -> list[Described]:
    """Discovered computers, once for each group they are in."""
    return _computers(context, "")


def computers_of_group(context: Context) -> list[Described]:
    """The computers of one protection group."""
    identifier = context.guid("AgentProtectionGroup")
    if all(group.id != identifier for group in all_groups(context)):
        raise ApiError(404, f"Cannot find AgentProtectionGroup [{identifier}]")
    return _computers(context, identifier)


def _computers(context: Context, group_id: str) -> list[Described]:
    state = context.state
    return [
        computers.describe_computer(found, state.server_id(found.computer.backup_server), context.href)
        for found in fleet.discovered(state.scenario)
        if not group_id or (found.group and computers.group_id(found.group) == group_id)
    ]


def all_agent_points(context: Context) -> list[Described]:
    """Restore points of computers."""
    return [computers.describe_agent_point(one, context.href) for one in fleet.points(context.state, context.lens)]


def all_points(context: Context) -> list[Described]:
    """Restore points of agent runs."""
    runs = {point.run_id: point for point in fleet.points(context.state, context.lens)}
    return [
        Described(
            computers.POINT,
            guid("run point", run_id),
            point.name.rpartition("@")[2],
            [],
            ups=[server_link(context.href, point.server_id, point.server_name)],
            downs=[],
            actions=[],
            attributes={},
        )
        for run_id, point in runs.items()
    ]


def collect(context: Context) -> Reply:
    """em_rest 9 and 15.16: collect data now; the task finishes when collecting has started."""
    identifier = context.guid("BackupServer")
    if all(server.id != identifier for server in all_servers(context)):
        raise ApiError(404, f"Cannot find BackupServer [{identifier}]")
    context.state.collect(identifier)
    task = context.new_task("CollectingBackupServer", "Ok", True, COLLECT_TIMING)
    return Reply(task_node(task, context.now, context.href), 202)


def agents(context: Context) -> Reply:
    """em_rest 6: links only."""
    lists = [
        ("AgentBackupJob", "agents/jobs"),
        ("BackupJobSession", "agents/backupSessions"),
        ("DiscoveredComputer", "agents/discoveredComputers"),
        ("AgentProtectionGroup", "agents/protectionGroups"),
        ("AgentRestorePoint", "agents/agentRestorePoints"),
    ]
    return Reply(service_node("AgentsService", lists, context.href))


def nas(context: Context) -> Reply:
    """em_rest 9: links only."""
    lists = [("Job", "nas/jobs"), ("BackupJobSession", "nas/backupSessions")]
    return Reply(service_node("NasService", lists, context.href))
