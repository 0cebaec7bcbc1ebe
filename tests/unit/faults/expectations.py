"""What each fault may lead to: the declared outcomes of the fault matrix.

A fault strikes one request (or, for good, that one and all that follow). What it leads to depends on what that request
was; the columns of the table are:

logon      the POST that opens the logon session
read       a GET: reads are sent again, so most faults go unnoticed. `exceptions` tell some of them apart: the
           lookup is the first one, the last run what a retry depends on, a poll one that is repeated until something
           has happened, a glance the look at the runs after a start without `wait`, and a courtesy the look at
           the machines after a stop, which never fails anything
write      the POST or DELETE that changes something: it is never sent again
log_off    the DELETE at the end: whatever happens to it, the result stands

An outcome is OK, UNCHANGED (it goes well and does nothing), or the `error.kind` of the failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import Operation

OK, UNCHANGED = "ok", "unchanged"
LOGON, READ, WRITE, LOG_OFF = "logon", "read", "write", "log_off"
LOOKUP, LAST_RUN, POLL, GLANCE, COURTESY = "lookup", "last run", "poll", "glance", "courtesy"

Rule = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """One request of an operation: its number, from 1, and what it is."""

    number: int
    kind: str


@dataclass(frozen=True)
class Fault:
    """A fault and its outcomes.

    lost: when it strikes the logon, the answer is lost as a whole. The logon session then exists on the server, and
        nothing that would end it has arrived: neither its id nor its token. That is the one case in which a logon
        session stays open (Enterprise Manager ends it after 15 idle minutes).
    for_good: all later requests get it, too: the server cannot be reached at the end, so nothing can be logged off.
    """

    name: str
    rule: Rule
    logon: str = OK
    read: str = OK
    write: str = OK
    log_off: str = OK
    lost: bool = False
    for_good: bool = False
    slow: bool = False
    exceptions: dict[tuple[str, str], str] = field(default_factory=dict)

    def outcome(self, operation: Operation, place: Place) -> str:
        """The expected outcome."""
        if place.kind == COURTESY:
            return OK
        column = READ if place.kind in (LOOKUP, LAST_RUN, POLL, GLANCE) else place.kind
        for name in (operation.name, _group(operation), ""):
            for kind in (place.kind, column):
                if (name, kind) in self.exceptions:
                    return self.exceptions[name, kind]
        return str(getattr(self, column))


def _group(operation: Operation) -> str:
    if "state" in operation.options and operation.options["state"] == "schedule":
        return "toggles"
    if operation.waits:
        return "waits"
    return ""


def _status(status: int, message: str = "Injected fault.", **options: Any) -> Rule:
    return {"fault": "status", "with": {"status": status, "message": message, **options}}


def _world(name: str, **options: Any) -> Rule:
    return {"fault": name, "with": options}


def _for_good(kind: str) -> dict[tuple[str, str], str]:
    """Where a server that does not come back has another outcome than elsewhere."""
    # The job has started by then, and its session is returned only if it shows.
    return {("start", GLANCE): OK, ("session absent", LOG_OFF): kind}


# The logon session is not the module's own: it cannot log on again.
_NOT_OURS = {
    (name, READ): "authentication" for name in ("start and wait, session_id", "task info", "task wait", "task absent")
}
_BY_NAME = (
    "start",
    "start and wait",
    "start two and wait",
    "start and wait, session_id",
    "stop and wait",
    "retry and wait",
    "disable the schedule",
    "VM job: start and wait",
    "replication: start and wait",
)

FAULTS = (
    # Nothing arrives
    Fault("connection refused", _world("refuse"), write="connection"),
    Fault("reset before the effect", _world("reset_before"), write="connection"),
    Fault("reset after the effect", _world("reset_after"), lost=True),
    Fault("no answer, no effect", _world("timeout", seconds=1), write="timeout", slow=True),
    Fault("no answer, but an effect", _world("timeout", seconds=1, effect=True), lost=True, slow=True),
    # What arrives is slow or damaged
    Fault("slow headers", _world("slow_headers", seconds=1), lost=True, slow=True),
    Fault("slow headers, in time", _world("slow_headers", seconds=0.05)),
    Fault("slow body", _world("slow_body", seconds=1), slow=True),
    Fault("slow body, in time", _world("slow_body", seconds=0.05)),
    Fault("truncated body", _world("truncated_body")),
    Fault("malformed body", _world("malformed_body")),
    Fault("empty body", _world("empty_body")),
    Fault("wrong content type", _world("wrong_content_type")),
    Fault("byte order mark", _world("bom")),
    Fault("entity bomb", _world("entity_bomb")),
    Fault("200 MB", _world("huge_body")),
    # Somebody else answers
    Fault("HTML of a proxy", _world("html"), write="protocol"),
    Fault("HTML of a proxy, but an effect", _world("html", effect=True), lost=True),
    Fault("HTML of a gateway, 502", _world("html", status=502), write="server"),
    Fault("redirect to another host", _world("redirect"), logon="protocol", read="protocol", write="protocol"),
    # Errors
    Fault("429", _status(429), write="server"),
    Fault("429, Retry-After in seconds", _status(429, retry_after=3), write="server"),
    Fault("429, Retry-After as a date", _status(429, retry_after=3, retry_after_as="date"), write="server"),
    Fault("503", _status(503), write="server"),
    Fault("503, Retry-After in seconds", _status(503, retry_after=3), write="server"),
    Fault("503, Retry-After as a date", _status(503, retry_after=3, retry_after_as="date"), write="server"),
    Fault(
        "503, Retry-After an hour",
        _status(503, retry_after=3600),
        logon="server",
        read="server",
        write="server",
        # What waits has the time: a later poll goes well. So does the logon that comes with its first one.
        exceptions={("", POLL): OK, ("start", GLANCE): OK, ("session wait", LOGON): OK},
    ),
    Fault("500", _status(500), write="server"),
    Fault("500, but an effect", _status(500, effect=True), lost=True),
    Fault(
        "401 although the logon session lives",
        _status(401),
        logon="authentication",
        write="authentication",
        exceptions=_NOT_OURS,
    ),
    Fault("logon session expired", _world("expire_session"), write="authentication", exceptions=_NOT_OURS),
    Fault("403", _status(403, "Access denied"), logon="authorization", read="authorization", write="authorization"),
    # The world is not as expected
    Fault(
        "duplicate jobs",
        _world("duplicate_jobs"),
        exceptions={(name, place): "ambiguous" for name in _BY_NAME for place in (LOGON, LOOKUP)},
    ),
    Fault("clock skew", _world("clock_skew", seconds=7200)),
    Fault(
        "session never appears",
        _world("session_never_appears"),
        # When it strikes a stop, the session that is being stopped vanishes.
        exceptions={("waits", WRITE): "timeout", ("stop and wait", WRITE): "not_found"},
    ),
    Fault("unknown state", _world("unknown_state")),
    Fault(
        "unknown state, also at the end",
        _world("unknown_state", also_at_end=True),
        # A run in a state that nobody knows has no verdict, so there is nothing to retry.
        exceptions={("retry and wait", LAST_RUN): UNCHANGED},
    ),
    Fault("toggle undone by somebody else", _world("toggle_undone"), exceptions={("toggles", WRITE): "conflict"}),
    # The server does not come back
    Fault(
        "refused for good",
        _world("refuse"),
        logon="connection",
        read="connection",
        write="connection",
        for_good=True,
        exceptions=_for_good("connection"),
    ),
    Fault(
        "503 for good",
        _status(503),
        logon="server",
        read="server",
        write="server",
        for_good=True,
        exceptions=_for_good("server"),
    ),
    Fault(
        "HTML for good",
        _world("html"),
        logon="protocol",
        read="protocol",
        write="protocol",
        for_good=True,
        exceptions=_for_good("protocol"),
    ),
    Fault(
        "401 for good",
        _status(401),
        logon="authentication",
        read="authentication",
        write="authentication",
        for_good=True,
    ),
)
