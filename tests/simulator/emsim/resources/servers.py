"""Backup servers and repositories."""

from __future__ import annotations

from emsim.ids import guid
from emsim.resources.common import Described, Href, Kind, server_link
from emsim.scenario import BackupServer, Repository
from emsim.tree import Link

SERVER = Kind("backupServers", "BackupServer", "BackupServer", "BackupServers")
REPOSITORY = Kind("repositories", "Repository", "Repository", "Repositories")


def repository_id(repository: Repository) -> str:
    """The id of a repository."""
    return repository.id or guid("repository", repository.backup_server, repository.name)


def describe_server(server: BackupServer, identifier: str, href: Href) -> Described:
    """One backup server."""
    return Described(
        SERVER,
        identifier,
        server.name,
        [("Description", server.description), ("Port", 9392), ("Version", server.version)],
        ups=[],
        downs=[
            Link("Down", href("jobs"), "JobReferenceList"),
            Link("Down", href("repositories"), "RepositoryReferenceList"),
        ],
        actions=[],
        attributes={},
    )


def describe_repository(repository: Repository, server_id: str, href: Href) -> Described:
    """One repository."""
    return Described(
        REPOSITORY,
        repository_id(repository),
        repository.name,
        [("Capacity", repository.capacity), ("FreeSpace", repository.free_space), ("Kind", repository.kind)],
        ups=[server_link(href, server_id, repository.backup_server)],
        downs=[],
        actions=[],
        attributes={},
    )
