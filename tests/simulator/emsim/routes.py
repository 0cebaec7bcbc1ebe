"""The one table of all addresses."""

from __future__ import annotations

from typing import Any

from simbase.routes import Route, RouteTable

from emsim.handlers import inventory, jobs, logon, query, reports, sessions, tasks
from emsim.jobs import AGENT, NAS, VM, Family
from emsim.resources import computers, servers
from emsim.resources.common import Kind


def _row(method: str, path: str, handler: Any, action: str = "", **options: bool) -> Route:
    return Route(method, f"/api{path}", handler, action, options)


def _plain(path: str, kind: Kind, source: inventory.Source, admin: bool = False) -> list[Route]:
    """A collection that is only read, and one of it."""
    return [
        _row("GET", path, inventory.listing(kind, source), admin=admin),
        _row("GET", f"{path}/{{id}}", inventory.one(kind, source), admin=admin),
    ]


def _jobs(family: Family, nas: bool = False) -> list[Route]:
    """em_rest 2, roles: only Portal Administrators may use jobs."""
    base = f"/{family.path}"
    rows = [
        _row("GET", base, jobs.listing(family), admin=True, nas=nas),
        _row("GET", f"{base}/{{id}}", jobs.one(family), admin=True, nas=nas),
        _row("GET", f"{base}/{{id}}/includes", jobs.includes(family), admin=True, nas=nas),
        _row("GET", f"{base}/{{id}}/includes/{{object}}", jobs.include(family), admin=True, nas=nas),
        _row("GET", f"{base}/{{id}}/backupSessions", sessions.sessions_of_job(family), admin=True, nas=nas),
    ]
    for action in family.tasks:
        word = "toggleScheduleEnabled" if action == "toggle" else action
        # em_rest 9: actions of NAS jobs are paths, all others ?action=
        path, name = (f"{base}/{{id}}/{word}", "") if family is NAS else (f"{base}/{{id}}", word)
        rows.append(_row("POST", path, jobs.act(family, action), name, admin=True, nas=nas))
    return rows


# options: open = without logon; admin = Portal Administrators only; nas = only where the profile has NAS
ROUTES = RouteTable(
    [
        _row("GET", "/", logon.root, open=True),
        _row("POST", "/sessionMngr", logon.log_on, open=True),
        _row("GET", "/logonSessions", logon.list_sessions),
        _row("GET", "/logonSessions/{id}", logon.get_session),
        _row("DELETE", "/logonSessions/{id}", logon.log_off),
        _row("GET", "/tasks", tasks.list_tasks),
        _row("GET", "/tasks/{id}", tasks.get_task),
        _row("DELETE", "/tasks/{id}", tasks.delete_task),
        _row("GET", "/agents", inventory.agents),
        *_jobs(AGENT),
        _row("GET", "/agents/backupSessions", sessions.sessions_of(AGENT)),
        _row("GET", "/agents/backupSessions/{id}", sessions.session(replica=False)),
        *_plain("/agents/discoveredComputers", computers.COMPUTER, inventory.all_computers, admin=True),
        *_plain("/agents/protectionGroups", computers.GROUP, inventory.all_groups, admin=True),
        _row(
            "GET",
            "/agents/protectionGroups/{id}/discoveredComputers",
            inventory.listing(computers.COMPUTER, inventory.computers_of_group),
            admin=True,
        ),
        *_plain("/agents/restorePoints", computers.POINT, inventory.all_points),
        *_plain("/agents/agentRestorePoints", computers.AGENT_POINT, inventory.all_agent_points),
        _row("GET", "/backupSessions", sessions.sessions_of(None)),
        _row("GET", "/backupSessions/{id}", sessions.session(replica=False)),
        _row("GET", "/backupSessions/{id}/taskSessions", sessions.task_sessions_of_session(replica=False)),
        _row("GET", "/backupSessions/{id}/agentManagementSessions", sessions.machines),
        _row("POST", "/backupSessions/{id}", sessions.stop, "stop", admin=True),
        _row("GET", "/backupTaskSessions", sessions.task_sessions(replica=False)),
        _row("GET", "/backupTaskSessions/{id}", sessions.task_session(replica=False)),
        _row("GET", "/replicaSessions", sessions.sessions_of(None, replica=True)),
        _row("GET", "/replicaSessions/{id}", sessions.session(replica=True)),
        _row("GET", "/replicaSessions/{id}/replicaTaskSessions", sessions.task_sessions_of_session(replica=True)),
        # em_rest 8: whether a server serves the misspelled path is unknown; links may lead here
        _row("GET", "/replicaSessions/{id}/repicaTaskSessions", sessions.task_sessions_of_session(replica=True)),
        _row("GET", "/replicaTaskSessions", sessions.task_sessions(replica=True)),
        _row("GET", "/replicaTaskSessions/{id}", sessions.task_session(replica=True)),
        *_jobs(VM),
        _row("GET", "/jobs/{id}/replicaSessions", sessions.sessions_of_job(VM), admin=True),
        _row("GET", "/nas", inventory.nas, nas=True),
        *_jobs(NAS, nas=True),
        _row("GET", "/nas/backupSessions", sessions.sessions_of(NAS), nas=True),
        *_plain("/backupServers", servers.SERVER, inventory.all_servers),
        _row("POST", "/backupServers/{id}", inventory.collect, "collect"),  # em_rest 15.16: Portal User allowed
        *_plain("/repositories", servers.REPOSITORY, inventory.all_repositories),
        _row("GET", "/reports/summary", reports.summary),
        *(_row("GET", f"/reports/summary/{name}", getattr(reports, name)) for name in reports.REPORTS),
        _row("GET", "/querySvc", query.service),
        _row("GET", "/query", query.query),
    ]
)
