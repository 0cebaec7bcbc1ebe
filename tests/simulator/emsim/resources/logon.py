"""The root, logon sessions, and the services that consist only of links."""

from __future__ import annotations

from emsim.logons import LogonSession
from emsim.profiles import Profile
from emsim.resources.common import Href
from emsim.tree import Link, Nested, Node

# em_rest 2: links Down to every collection
_DOWN = (
    ("BackupServer", "backupServers"),
    ("Job", "jobs"),
    ("Repository", "repositories"),
    ("BackupJobSession", "backupSessions"),
    ("ReplicaJobSession", "replicaSessions"),
    ("BackupTaskSession", "backupTaskSessions"),
    ("ReplicaTaskSession", "replicaTaskSessions"),
)


def root_node(profile: Profile, href: Href) -> Node:
    """em_rest 2: the root shows the REST versions and where to log on."""

    def logon(version: str) -> Link:
        return Link("Create", href(f"sessionMngr/?v={version}"), "LogonSession")

    versions = [
        Node("SupportedVersion", attributes={"Name": version}, links=[logon(version)]) for version in profile.versions
    ]
    links = [Link("Down", href("logonSessions"), "LogonSessionList"), logon("latest")]
    content = [("SupportedVersions", Nested("SupportedVersions", versions))]
    return Node("EnterpriseManager", content, links=links)


def logon_node(session: LogonSession, profile: Profile, href: Href) -> Node:
    """One logon session."""
    own = href(f"logonSessions/{session.id}")
    links = [Link("Up", href(""), "EnterpriseManager")]
    links += [Link("Down", href(path), f"{kind}ReferenceList") for kind, path in _DOWN]
    links += [
        Link("Down", href("tasks"), "TaskList"),
        Link("Down", href("querySvc"), "QueryService"),
        Link("Down", href("reports/summary"), "Report", "Summary"),
        Link("Down", href("agents"), "AgentsService"),
    ]
    links += [Link("Down", href(f"{path}?format=Entity"), f"{kind}List") for kind, path in _DOWN]
    if profile.nas:
        links.append(Link("Down", href("nas"), "NasService"))
    links.append(Link("Delete", own))
    fields = [("UserName", session.user_name), ("SessionId", session.id)]
    return Node("LogonSession", fields, href=own, type="LogonSession", links=links)


def service_node(element: str, lists: list[tuple[str, str]], href: Href) -> Node:
    """A resource that has only links: to a list of references and to one of entities for each (type, path)."""
    links = [Link("Down", href(path), f"{kind}ReferenceList") for kind, path in lists]
    links += [Link("Down", href(f"{path}?format=Entity"), f"{kind}List") for kind, path in lists]
    return Node(element, links=links)
