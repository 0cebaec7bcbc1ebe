"""Data derived from scenario and state: computers by group, restore points."""

from __future__ import annotations

from emsim.ids import guid
from emsim.resources.computers import Discovered, Point
from emsim.resources.sessions import restore_point_id
from emsim.scenario import ProtectionGroup, Scenario
from emsim.state import State
from emsim.timestamps import label, settle
from emsim.views import Lens


def discovered(scenario: Scenario) -> list[Discovered]:
    """All computers; em_rest 6: a computer in two groups is listed twice."""
    groups: dict[tuple[str, str], list[ProtectionGroup]] = {}
    for group in scenario.protection_groups:
        for name in dict.fromkeys(group.computers):
            groups.setdefault((group.backup_server, name), []).append(group)
    found = []
    for computer in scenario.computers:
        own: list[ProtectionGroup | None] = [*groups.get((computer.backup_server, computer.name), [])]
        found += [Discovered(computer, group) for group in own or [None]]
    return found


def points(state: State, lens: Lens) -> list[Point]:
    """Restore points of computers: one for each machine that was backed up, and those of the scenario."""
    found = []
    for session in state.task_sessions(lens):
        if session.job.is_agent and session.ended is not None and session.result != "Failed":
            found.append(
                Point(
                    restore_point_id(session),
                    session.machine,
                    session.job.server_id,
                    session.job.spec.backup_server,
                    session.name,
                    session.created,
                    "Incremental",
                    "Increment",
                    session.run_id,
                    session.created,
                )
            )
    for number, point in enumerate(state.scenario.agent_restore_points):
        identifier = guid("scenario point", number, point.computer)
        created = settle(state.begin - point.created_ago + lens.skew, identifier)
        found.append(
            Point(
                identifier,
                point.computer,
                state.server_id(point.backup_server),
                point.backup_server,
                f"{point.computer}@{label(created, False)}",
                created,
                point.algorithm,
                point.point_type,
                identifier,
                created,
            )
        )
    return found
