"""The application: logon, roles, format of the answer, and the way from a request to its handler."""

from __future__ import annotations

import copy
import email.utils
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from simbase.app import BaseApp
from simbase.faults import Fault
from simbase.messages import Request, Response
from simbase.routes import NoSuchMethod, NoSuchPath, Route

from emsim import render_json, render_xml
from emsim.context import ApiError, Context, Reply
from emsim.logons import LogonSession, LogonSessions
from emsim.profiles import PROFILES
from emsim.routes import ROUTES
from emsim.scenario import Scenario, User
from emsim.spelling import spell
from emsim.state import State
from emsim.world_faults import EM_FAULT_KINDS

TOKEN = "X-RestSvcSessionId"
# em_rest 1: headers of a real server
_HEADERS = {
    "Server": "Microsoft-HTTPAPI/2.0",
    "Cache-Control": "private",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
}
_NO_SERVICE = b"<HTML><HEAD><TITLE>Not Found</TITLE></HEAD><BODY><h2>Not Found</h2><p>HTTP Error 404.</p></BODY></HTML>"
_NOBODY = LogonSession("", "", User("", ""), 0, 0)
_LISTED = ("requests", "reads", "writes", "logons", "logoffs", "task_polls", "cookies_seen", "foreign_host")
_GROUPS = ("by_method", "starts", "stops", "retries", "toggles", "action_requests")


class EmApp(BaseApp):
    """A simulated Enterprise Manager without its connection."""

    def __init__(self, scenario: Scenario, profile: str, clock: Callable[[], float], speed: float) -> None:
        super().__init__(EM_FAULT_KINDS)
        self._scenario = scenario
        self.profile = PROFILES[profile]
        self._clock = clock
        self._speed = speed
        self.own_hosts: set[str] = set()  # values of the Host header that are ours; empty: all are
        self._begin()

    def _begin(self) -> None:
        self.state = State(copy.deepcopy(self._scenario), self._clock, self._speed)
        self.logons = LogonSessions(self._scenario.settings.idle_timeout)
        self.counts: Counter[str] = Counter()

    def reset(self) -> None:
        """Return to the state right after the start: no logon session, and only the runs of the scenario."""
        with self.lock:
            super().reset()
            self._begin()

    def counters(self) -> dict[str, Any]:
        """All counters; counters for each job have the job's name as their key."""
        with self.lock:
            self.logons.all(self._clock())
            groups = {**self.journal.grouped, **self.state.counts}
            return {
                **{name: self.journal.totals[name] + self.counts[name] for name in _LISTED},
                "open_logon_sessions": len(self.logons.all(self._clock())),
                "peak_logon_sessions": self.logons.peak,
                **{name: dict(groups.get(name, {})) for name in _GROUPS},
            }

    def set_job(self, name: str, changes: Mapping[str, Any]) -> Any:
        """Change a job of the scenario; returns its description."""
        with self.lock:
            return self.state.describe(self.state.change(name, changes))

    def prepare(self, fault: Fault, request: Request) -> None:
        """Apply a fault of the simulated world."""
        options = fault.options
        if fault.name == "expire_session":
            session = self._session(request)
            if session is not None:
                self.logons.close(session)
        elif fault.name == "duplicate_jobs":
            self.state.duplicate(options["name"])
        elif fault.name == "clock_skew":
            request.overrides["clock_skew"] = float(options["seconds"])
        elif fault.name == "unknown_state":
            request.overrides["unknown_state"] = options["state"]
            request.overrides["unknown_also_at_end"] = options["also_at_end"]
        elif fault.name == "restart":
            self.state.down_until = self._clock() + float(options["seconds"])
            for session in self.logons.all(self._clock()):
                self.logons.close(session)
        elif fault.name in ("session_never_appears", "toggle_undone", "another_resource"):
            request.overrides[fault.name] = True

    def note(self, request: Request, status: int | None, fault: Fault | None) -> None:
        """Count and log a request."""
        super().note(request, status, fault)
        session = self._session(request)
        self.journal.log[-1]["logon_session"] = session.id if session else None
        path = request.path.rstrip("/").lower()
        own = path == "/api/sessionmngr" or (request.method == "DELETE" and path.startswith("/api/logonsessions/"))
        if not own:
            self.journal.count("reads" if request.method == "GET" else "writes")
        if TOKEN.lower() in request.header("Cookie").lower():
            self.journal.count("cookies_seen")
        if self.own_hosts and request.header("Host").lower() not in self.own_hosts:
            self.journal.count("foreign_host")
        if request.method == "POST":
            job = next((job for job in self.state.jobs if f"/{job.id}" in path), None)
            if job is not None:
                self.journal.count("action_requests", job.name)

    def handle(self, request: Request) -> Response:
        """The true answer."""
        if self._clock() < self.state.down_until:
            # em_rest 17.4: nobody listens below /api; the system's own web server answers
            return Response(404, _NO_SERVICE, {"Content-Type": "text/html; charset=us-ascii"})
        try:
            reply = self._reply(request)
        except ApiError as problem:
            return self.error(request, problem.status, str(problem))
        if reply.content is not None:
            spell(reply.content, self._scenario.settings)
        if reply.content is None:
            return Response(reply.status, b"", self._headers(request, with_body=False))
        if _wants_json(request):
            body = render_json.render(reply.content, self.profile, self._scenario.settings.empty_lists)
        else:
            body = render_xml.render(reply.content)
        return Response(reply.status, body, {**self._headers(request), **dict(reply.headers)})

    def error(self, request: Request, status: int, message: str) -> Response:
        """em_rest 3: the error body in both formats; recorded XML has no attribute Status, JSON all members."""
        headers = self._headers(request)
        if status == 401:
            headers["WWW-Authenticate"] = "Basic Realm=RestSvc"  # em_rest 2
        if _wants_json(request):
            members = dict.fromkeys(["FirstChanceExceptionMessage", "Message", "StackTrace", "Status"])
            body = render_json.encode({**members, "Message": message, "StatusCode": status}, self.profile)
        else:
            element = ElementTree.Element("Error", Message=message, StatusCode=str(status), xmlns=render_xml.NAMESPACE)
            ElementTree.SubElement(element, "FirstChanceExceptionMessage").text = message
            body = ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)
        return Response(status, body, headers)

    def _reply(self, request: Request) -> Reply:
        if request.method == "POST" and not request.header("Content-Length"):
            raise ApiError(411, "Length Required")  # em_rest 2: clients have to set it
        route, path = self._find(request)
        session = self._session(request)
        if not route.options.get("open"):
            if session is None:
                raise ApiError(401, "Session is expired or invalid.")  # em_rest 3
            if route.options.get("admin") and session.user.role != "portal_administrator":
                raise ApiError(403, "Access denied")  # em_rest 2, roles
        if not _body_fits(request):
            raise ApiError(400, "Node [root] does not exist.")  # em_rest 15.7
        now = self._clock()
        context = Context(request, self.state, self.profile, self.logons, session or _NOBODY, path, self.counts, now)
        return route.handler(context)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        action = request.params.get("action", "")
        try:
            route, path = ROUTES.find(request.method, request.path, action)
        except NoSuchPath:
            raise ApiError(404, "Not Found") from None
        except NoSuchMethod:
            # em_rest 3; a POST of a known method with an unknown action is a bad request
            known = request.method == "POST" and action
            raise ApiError(400 if known else 405, "Operation is not supported.") from None
        if route.options.get("nas") and not self.profile.nas:
            raise ApiError(404, "Not Found")  # em_rest 14: NAS since 10
        return route, path

    def _session(self, request: Request) -> LogonSession | None:
        # em_rest 15.4: the cookie overrides the header
        token = _cookie(request) or request.header(TOKEN)
        return self.logons.find(token, self._clock()) if token else None

    def _headers(self, request: Request, with_body: bool = True) -> dict[str, str]:
        skew = request.overrides.get("clock_skew", self._scenario.settings.clock_skew)
        headers = {**_HEADERS, "Date": email.utils.formatdate(self._clock() + skew, usegmt=True)}
        kind = "json" if _wants_json(request) else "xml"
        return {**headers, "Content-Type": f"application/{kind}; charset=utf-8"} if with_body else headers


def _cookie(request: Request) -> str:
    for part in request.header("Cookie").split(";"):
        name, _equals, value = part.strip().partition("=")
        if name.lower() == TOKEN.lower():
            return value.strip('"')
    return ""


def _wants_json(request: Request) -> bool:
    # em_rest 1: JSON when application/json is asked for; a wildcard gives XML
    return "application/json" in request.header("Accept").lower()


def _body_fits(request: Request) -> bool:
    """em_rest 15.7: application/json anywhere in Accept makes the server read the body as JSON, else as XML."""
    if not request.body.strip():
        return True
    try:
        if _wants_json(request):
            json.loads(request.body.decode("utf-8-sig"))
        else:
            ElementTree.fromstring(request.body)
    except (ValueError, ElementTree.ParseError):
        return False
    return True
