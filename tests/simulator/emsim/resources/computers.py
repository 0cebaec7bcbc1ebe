"""Protection groups, discovered computers and restore points of agents."""

from __future__ import annotations

from dataclasses import dataclass

from emsim.ids import guid
from emsim.resources.common import Described, Href, Kind, server_link
from emsim.scenario import Computer, ProtectionGroup
from emsim.timestamps import iso
from emsim.tree import Link

GROUP = Kind("agents/protectionGroups", "AgentProtectionGroup", "AgentProtectionGroup", "AgentProtectionGroups")
COMPUTER = Kind("agents/discoveredComputers", "DiscoveredComputer", "DiscoveredComputer", "DiscoveredComputers")
AGENT_POINT = Kind("agents/agentRestorePoints", "AgentRestorePoint", "AgentRestorePoint", "AgentRestorePoints")
POINT = Kind("agents/restorePoints", "RestorePoint", "RestorePoint", "RestorePoints")
_NOBODY = "00000000-0000-0000-0000-000000000000"


def group_id(group: ProtectionGroup) -> str:
    """The id of a protection group."""
    return group.id or guid("group", group.backup_server, group.name)


def computer_id(computer: Computer) -> str:
    """The id of a computer."""
    return computer.id or guid("computer", computer.backup_server, computer.name)


@dataclass(frozen=True)
class Discovered:
    """A computer in one protection group, or in none."""

    computer: Computer
    group: ProtectionGroup | None


@dataclass(frozen=True)
class Point:
    """A restore point of one computer. `run_id`: the session that made it."""

    id: str
    computer: str
    server_id: str
    server_name: str
    name: str
    created: float
    algorithm: str
    point_type: str
    run_id: str
    run_created: float


def describe_group(group: ProtectionGroup, server_id: str, href: Href) -> Described:
    """One protection group."""
    identifier = group_id(group)
    computers = f"{GROUP.path}/{identifier}/discoveredComputers"
    reference = f"urn:AgentForWindows:AgentProtectionGroup:{_NOBODY}.{guid('object', identifier)}"
    return Described(
        GROUP,
        identifier,
        group.name,
        [("RescanScheduleEnabled", group.rescan_schedule_enabled), ("HierarchyObjRef", reference)],
        ups=[server_link(href, server_id, group.backup_server)],
        # em_rest 6: the entity's link asks for entities
        downs=[Link("Down", href(f"{computers}?format=Entity"), "DiscoveredComputerList")],
        actions=[],
        attributes={},
    )


def describe_computer(found: Discovered, server_id: str, href: Href) -> Described:
    """One computer."""
    computer = found.computer
    identifier = computer_id(computer)
    ups = [server_link(href, server_id, computer.backup_server)]
    if found.group is not None:
        up = href(f"{GROUP.path}/{group_id(found.group)}")
        ups.append(Link("Up", up, GROUP.reference, found.group.name))
    return Described(
        COMPUTER,
        identifier,
        computer.name,
        [
            ("HostStatus", computer.host_status),
            ("AgentVersion", computer.agent_version),
            ("AgentStatus", computer.agent_status),
            ("OsVersion", computer.os_version),
            ("IpAddress", ip_address(computer)),
            ("HierarchyObjRef", f"urn:AgentForWindows:VeeamAgent:{_NOBODY}.{identifier}"),
        ],
        ups,
        downs=[],
        actions=[],
        attributes={},
        path="backupTaskSessions",  # em_rest 15.13: the Href of computers is wrong
    )


def ip_address(computer: Computer) -> str:
    """The address, made up if the scenario has none (RFC 5737 range)."""
    return computer.ip_address or f"192.0.2.{int(computer_id(computer)[:2], 16)}"


def describe_agent_point(point: Point, href: Href) -> Described:
    """One restore point of a computer."""
    run = href(f"restorePoints/{guid('run point', point.run_id)}")
    file = href(f"backupFiles/{guid('file', point.id)}")
    return Described(
        AGENT_POINT,
        point.id,
        point.name,
        [("CreationTimeUTC", iso(point.created)), ("Algorithm", point.algorithm), ("PointType", point.point_type)],
        ups=[
            server_link(href, point.server_id, point.server_name),
            Link("Up", run, "RestorePointReference", iso(point.run_created)),
            Link("Up", file, "BackupFileReference", f"{point.computer}.vib"),
        ],
        downs=[],
        actions=[],
        attributes={},
    )
