"""The input of a handler: the request, its logon session, and the state as this request sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simbase.messages import Request

from emsim.ids import is_guid
from emsim.logons import LogonSession, LogonSessions
from emsim.profiles import Profile
from emsim.scenario import Settings
from emsim.state import State
from emsim.tasks import Task
from emsim.tree import Collection, Node, QueryResult
from emsim.views import Lens


class ApiError(Exception):
    """An answer that is an error (em_rest 3)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Reply:
    """An answer; without content it has no body."""

    content: Node | Collection | QueryResult | None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Context:
    """A request that is being handled."""

    request: Request
    state: State
    profile: Profile
    logons: LogonSessions
    logon: LogonSession  # not to be used in routes that need no logon
    path: dict[str, str]  # named segments of the path
    counts: dict[str, int]
    now: float  # seconds since the epoch, by the real clock

    @property
    def settings(self) -> Settings:
        """The scenario's settings."""
        return self.state.scenario.settings

    @property
    def skew(self) -> float:
        """How far the server's clock is ahead, in seconds."""
        return self.request.overrides.get("clock_skew", self.settings.clock_skew)

    @property
    def lens(self) -> Lens:
        """How this request sees the sessions."""
        changed = self.request.overrides
        return Lens(
            self.now,
            self.skew,
            self.settings.early_result,
            changed.get("unknown_state", self.settings.unknown_state),
            changed.get("unknown_also_at_end", False),
            self.profile.fraction_in_names,
            self.settings.task_sessions_of,
        )

    @property
    def wants_entities(self) -> bool:
        """em_rest 1: `format=Entity`, in any case; em_rest 15.14: `Entities` is ignored outside queries."""
        return self.request.params.get("format", "").lower() == "entity"

    def href(self, path: str) -> str:
        """An address in an answer. em_rest 1: it names the server's own host, which a client may not know."""
        if self.settings.href_host == "self":
            return f"https://{self.request.header('Host')}/api/{path}"
        return f"https://{self.settings.href_host}:{self.settings.href_port}/api/{path}"

    def guid(self, kind: str) -> str:
        """The id in the path, which must be a GUID (em_rest 3)."""
        identifier = self.path["id"]
        if not is_guid(identifier):
            raise ApiError(400, f" ID {identifier} is invalid. Type: {kind}")
        return identifier.lower()

    def new_task(self, operation: str, message: str, success: bool, timing: tuple[float, float]) -> Task:
        """A task in the logon session of the request (em_rest 4). `timing`: seconds Running and OperationFinished."""
        self.counts["tasks"] += 1
        running, finished = (seconds / self.state.speed for seconds in timing)
        if not self.profile.operation_finished:
            running, finished = running + finished, 0
        task = Task(f"task-{self.counts['tasks']}", operation, self.now, running, finished, success, message)
        self.logon.tasks[task.id] = task
        return task

    def overridden(self, name: str) -> Any:
        """The setting of a fault for this request, or None."""
        return self.request.overrides.get(name)
