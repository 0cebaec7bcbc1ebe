"""An application behind the server: faults, journal and control around what a simulator answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from simbase.fault_kinds import Answer
from simbase.faults import BadFault, Fault, FaultKind, FaultPlan
from simbase.journal import Journal
from simbase.messages import Request, Response
from simbase.wire import Wire

CONTROL = "/_sim/"


class BaseApp:
    """Subclasses say how to answer, how to word an error, and which faults their world has."""

    def __init__(self, fault_kinds: Mapping[str, FaultKind]) -> None:
        self.lock = threading.RLock()
        self.journal = Journal()
        self.faults = FaultPlan(fault_kinds)

    # ---- for subclasses ----

    def handle(self, request: Request) -> Response:
        """The true answer to a request. Called with the lock held."""
        raise NotImplementedError

    def error(self, request: Request, status: int, message: str) -> Response:
        """An error in the format that the request asks for."""
        raise NotImplementedError

    def prepare(self, fault: Fault, request: Request) -> None:
        """Apply a fault of the simulated world before the request is handled."""

    def note(self, request: Request, status: int | None, fault: Fault | None) -> None:
        """Count and log a request; `status` is None if no answer goes out."""
        self.journal.count("requests")
        self.journal.count("by_method", request.method)
        self.journal.log.append(
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "status": status,
                "fault": fault.name if fault else None,
                "user_agent": request.header("User-Agent"),
                "accept": request.header("Accept"),
                "content_type": request.header("Content-Type"),
                "host": request.header("Host"),
            }
        )

    def counters(self) -> dict[str, Any]:
        """The counters as a mapping that JSON can carry."""
        with self.lock:
            return {**self.journal.totals, **{name: dict(group) for name, group in self.journal.grouped.items()}}

    def requests(self) -> list[dict[str, Any]]:
        """The log of requests, oldest first."""
        with self.lock:
            return self.journal.requests()

    def reset(self) -> None:
        """Return to the state right after the start."""
        with self.lock:
            self.faults.clear()
            self.journal.reset()

    def set_job(self, name: str, changes: Mapping[str, Any]) -> Any:
        """Change one job, or what corresponds to it in this simulator; returns its new state."""
        raise NotImplementedError

    # ---- for the server ----

    def refuses_connection(self) -> bool:
        """Whether to reset a new connection immediately."""
        with self.lock:
            return self.faults.take_connection()

    def serve(self, request: Request, wire: Wire) -> None:
        """Answer one request, with the fault that a rule has for it."""
        if request.path.startswith(CONTROL):
            wire.send(self._control(request))
            return
        with self.lock:
            fault = self.faults.take(request)
            response = Response()  # of an action that did not take effect; nobody sends it
            if fault is None or fault.effect:
                if fault is not None:
                    self.prepare(fault, request)
                response = self.handle(request)
            silent = fault is not None and fault.name in ("refuse", "reset_before", "reset_after", "timeout")
            sent = fault.options.get("status") if fault else None
            status = None if silent else sent or response.status
            self.note(request, status, fault)
            self.journal.totals["bytes"] += len(response.body)
        if fault is None or fault.kind.deliver is None:
            wire.send(response)
        else:
            answer = Answer(request, response, lambda code, message: self.error(request, code, message))
            fault.kind.deliver(wire, answer, fault.options)

    def _control(self, request: Request) -> Response:
        try:
            result = self._controlled(request.method, request.path[len(CONTROL) :], request.body)
        except (BadFault, ValueError, TypeError, KeyError) as problem:
            return _json(400, {"error": str(problem)})
        return _json(404, {"error": "no such control address"}) if result is None else _json(200, result)

    def _controlled(self, method: str, path: str, body: bytes) -> Any:
        if (method, path) == ("GET", "counters"):
            return self.counters()
        if (method, path) == ("GET", "requests"):
            return self.requests()
        if (method, path) == ("POST", "faults"):
            rules = json.loads(body)
            with self.lock:
                self.faults.add(rules)
            return {"added": len(rules)}
        if (method, path) == ("DELETE", "faults"):
            with self.lock:
                self.faults.clear()
            return {"cleared": True}
        if (method, path) == ("POST", "reset"):
            self.reset()
            return {"reset": True}
        if method == "POST" and path.startswith("jobs/"):
            return self.set_job(path[len("jobs/") :], json.loads(body))
        return None


def _json(status: int, content: Any) -> Response:
    return Response(status, json.dumps(content).encode(), {"Content-Type": "application/json"})
