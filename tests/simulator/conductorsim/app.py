"""The application: personality, token check, and the way from a request to its handler."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from simbase.app import BaseApp
from simbase.fault_kinds import FAULT_KINDS
from simbase.faults import Fault, FaultKind
from simbase.messages import Request, Response
from simbase.routes import NoSuchMethod, NoSuchPath

from conductorsim.execution import Conflict
from conductorsim.handlers import ROUTES, ApiError, Context, Nothing, Plain
from conductorsim.scenario import Scenario, workflow
from conductorsim.state import State
from conductorsim.tokens import Token

TOKEN = "X-Authorization"
_CHANGES = ("terminate", "remove", "pause")

# The faults below change the world for the request that they apply to. Its answer goes out as usual.
CONDUCTOR_FAULT_KINDS: dict[str, FaultKind] = {
    **FAULT_KINDS,
    # the token of the request expires first; `code` and `http_status` (0: as in the scenario) say how it is reported
    "expire_token": FaultKind(None, options={"code": "EXPIRED_TOKEN", "http_status": 0}),
    "update_dropped": FaultKind(None),  # conductor 5.1: the update is accepted and has no effect
    "unknown_status": FaultKind(None, options={"status_name": "PENDING"}),  # of all tasks in this answer
    "terminate": FaultKind(None, options={"reason": "Called off."}),  # somebody ends all workflows first
    "remove": FaultKind(None),  # all workflows are removed first (conductor 1.1)
}


class ConductorApp(BaseApp):
    """A simulated Conductor without its connection."""

    def __init__(self, scenario: Scenario, personality: str, clock: Callable[[], float]) -> None:
        super().__init__(CONDUCTOR_FAULT_KINDS)
        self.personality = personality
        self._scenario = scenario
        self._clock = clock
        self.state = State(scenario, personality, clock())

    def reset(self) -> None:
        """Return to the state right after the start."""
        with self.lock:
            super().reset()
            self.state = State(self._scenario, self.personality, self._clock())

    def counters(self) -> dict[str, Any]:
        """All counters; updates by WORKFLOW/REFERENCE, and only those that took effect."""
        with self.lock:
            return {
                **{name: self.journal.totals[name] for name in ("requests", "reads", "writes", "tokens")},
                "polls": self.state.counts["polls"],
                "by_method": dict(self.journal.grouped.get("by_method", {})),
                **{name: dict(counter) for name, counter in self.state.by_task.items()},
            }

    def set_job(self, name: str, changes: Mapping[str, Any]) -> Any:
        """Change a workflow, by its id: {terminate: REASON}, {pause: true|false} or {remove: true}."""
        with self.lock:
            now = self._advance()
            execution = self.state.executions[name]
            unknown = set(changes) - set(_CHANGES)
            if unknown:
                raise ValueError(f"unknown key {min(unknown)!r}; known: {', '.join(_CHANGES)}")
            if "terminate" in changes:
                execution.terminate(now, str(changes["terminate"]))
            if "pause" in changes and not execution.terminal:
                execution.pause(bool(changes["pause"]), now)
            if changes.get("remove"):
                del self.state.executions[name]
            return {"id": name, "status": execution.status}

    def start_workflow(self, source: Mapping[str, Any]) -> str:
        """Start one more workflow; returns its id."""
        with self.lock:
            now = self._advance()
            return self.state.start(workflow(source), str(len(self.state.executions)), now).id

    def workflows(self) -> list[dict[str, Any]]:
        """All workflows with the ids of their tasks."""
        with self.lock:
            self._advance()
            return [
                {
                    "id": execution.id,
                    "name": execution.definition.name,
                    "status": execution.status,
                    "tasks": [
                        {"id": run.id, "reference": run.reference, "status": run.status, "output": run.output}
                        for run in execution.runs
                    ],
                }
                for execution in self.state.executions.values()
            ]

    def prepare(self, fault: Fault, request: Request) -> None:
        """Apply a fault of the simulated world."""
        if fault.name == "expire_token":
            self.state.tokens.expire(request.header(TOKEN))
            request.overrides["expired"] = (fault.options["code"], fault.options["http_status"])
        elif fault.name == "update_dropped":
            request.overrides["update_dropped"] = True
        elif fault.name == "unknown_status":
            request.overrides["unknown_status"] = fault.options["status_name"]
        elif fault.name == "terminate":
            now = self._advance()
            for execution in self.state.executions.values():
                execution.terminate(now, str(fault.options["reason"]))
        elif fault.name == "remove":
            self.state.executions.clear()

    def note(self, request: Request, status: int | None, fault: Fault | None) -> None:
        """Count and log a request."""
        super().note(request, status, fault)
        if request.path.rstrip("/") == "/api/token":
            self.journal.count("tokens")
        else:
            self.journal.count("reads" if request.method == "GET" else "writes")
        self.journal.log[-1]["with_token"] = bool(request.header(TOKEN))

    def handle(self, request: Request) -> Response:
        """The true answer."""
        try:
            answer = self._answer(request)
        except ApiError as problem:
            return self._refusal(problem.status, str(problem), problem.token_code, problem.details)
        if isinstance(answer, Nothing):
            return Response(answer.status)
        if isinstance(answer, Plain):
            kind = {"Content-Type": "text/plain;charset=UTF-8"} if answer.text else {}
            return Response(200, answer.text.encode(), kind)
        return Response(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def error(self, request: Request, status: int, message: str) -> Response:
        """An error as the server words it."""
        return self._refusal(status, message, "")

    def _advance(self) -> float:
        now = self._clock()
        self.state.advance(now)
        return now

    def _answer(self, request: Request) -> Any:
        now = self._advance()
        try:
            route, path = ROUTES.find(request.method, request.path, "")
        except NoSuchPath:
            raise ApiError(404, f"No static resource {request.path.lstrip('/')}.") from None
        except NoSuchMethod:
            raise ApiError(405, f"Request method '{request.method}' is not supported") from None
        if route.options.get("orkes") and not self.state.orkes:
            raise ApiError(404, f"No static resource {request.path.lstrip('/')}.")  # conductor 2.1: no tokens in OSS
        token = None
        if self.state.orkes and not route.options.get("open"):
            token = self._token(request, now)
        try:
            return route.handler(Context(request, self.state, path, token, now))
        except Conflict as problem:
            raise ApiError(409, str(problem)) from None

    def _token(self, request: Request, now: float) -> Token:
        """conductor 2.3: the answers to a missing, an unknown and an expired token."""
        text = request.header(TOKEN)
        token = self.state.tokens.find(text)
        if not text:
            raise ApiError(401, "Token cannot be null or empty", "INVALID_TOKEN")
        if token is None:
            raise ApiError(401, "Token is not valid", "INVALID_TOKEN")
        if token.expires <= now:
            code, status = request.overrides.get("expired", ("EXPIRED_TOKEN", 0))
            raise ApiError(status or self._scenario.settings.expired_status, "Token expired", code)
        return token

    def _refusal(
        self, status: int, message: str, token_code: str, details: list[dict[str, str]] | None = None
    ) -> Response:
        if token_code:
            body = {"message": message, "error": token_code, "timestamp": int(self._clock() * 1000)}
        else:
            # conductor 2.4
            body = {"status": status, "message": message, "retryable": status == 503}
            # A validation error does not name an instance.
            body.update({"validationErrors": details} if details else {"instance": "conductorsim"})
        return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
