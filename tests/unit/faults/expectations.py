"""What each fault may lead to: the declared outcomes of the fault matrix.

A fault strikes one request (or, for good, that one and all that follow). What it leads to depends on what that request
was; the columns of the table are:

logon      the POST that opens the logon session, or gets the token
read       a GET: reads are sent again, so most faults go unnoticed
write      the POST or DELETE that changes something: it is never sent again
log_off    the DELETE at the end: whatever happens to it, the result stands

`exceptions` tell some of them apart:

lookup     the first read
last run   the read that a retry depends on
poll       a read that is repeated until something has happened; the last one of a wait for Conductor is a last poll
glance     the look at the runs after a start without `wait`
courtesy   the look at the machines after a stop, which never fails anything
check      the look at the schedule when a run has ended, before it is toggled
verify     the read that tells what an update of Conductor has come to
toggle     the write that toggles a schedule

An outcome is OK, UNCHANGED (it goes well and does nothing), or the `error.kind` of the failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import RETRIES, STOPS, Operation

OK, UNCHANGED = "ok", "unchanged"
LOGON, READ, WRITE, LOG_OFF = "logon", "read", "write", "log_off"
LOOKUP, LAST_RUN, POLL, GLANCE, COURTESY = "lookup", "last run", "poll", "glance", "courtesy"
CHECK, LAST_POLL, VERIFY, TOGGLE = "check", "last poll", "verify", "toggle"
# What each is a case of; the first ones are columns.
_COLUMNS = (LOGON, READ, WRITE, LOG_OFF)
_CASE_OF = {
    **dict.fromkeys((LOOKUP, LAST_RUN, POLL, GLANCE, COURTESY, CHECK, VERIFY), READ),
    LAST_POLL: POLL,
    TOGGLE: WRITE,
}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """One request of an operation: its number, from 1, and what it is.

    verdict_known: the run that is waited for has been seen to end by then.
    """

    number: int
    kind: str
    verdict_known: bool = False


@dataclass(frozen=True)
class Fault:
    """A fault and its outcomes.

    lost: when it strikes the logon, the answer is lost as a whole. The logon session then exists on the server, and
        nothing that would end it has arrived: neither its id nor its token. That is the one case in which a logon
        session stays open (Enterprise Manager ends it after 15 idle minutes).
    resent: the server refuses a write in words that mean that it has done nothing, and that a new token cures that:
        the write is sent once more when a read has confirmed it. There is no other case.
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
    resent: bool = False
    exceptions: dict[tuple[str, str], str] = field(default_factory=dict)

    def outcome(self, operation: Operation, place: Place) -> str:
        """The expected outcome."""
        if place.kind == COURTESY:
            return OK
        kinds = [place.kind]
        while kinds[-1] not in _COLUMNS:
            kinds.append(_CASE_OF[kinds[-1]])
        for kind in kinds:
            for group in _groups(operation):
                if (group, kind) in self.exceptions:
                    return self.exceptions[group, kind]
        return str(getattr(self, kinds[-1]))


def _groups(operation: Operation) -> list[str]:
    """What exceptions can name, the most special first."""
    traits = {
        "borrowed": operation.borrowed,
        "anonymous": operation.server == "oss",
        "by name": operation.server == "em" and "jobs" in _nouns(operation) and "name" in operation.options,
        "stops": STOPS in operation.writes,
        "retries": RETRIES in operation.writes,
        "polls first": operation.polls_first,
        "waits": operation.waits,
        "updates": "updates" in operation.writes,
    }
    return [operation.name, *(name for name, holds in traits.items() if holds), ""]


def _nouns(operation: Operation) -> str:
    return "jobs" if operation.module.endswith(("_job", "_job_info")) else ""


def _status(status: int, message: str = "Injected fault.", **options: Any) -> Rule:
    return {"fault": "status", "with": {"status": status, "message": message, **options}}


def _world(name: str, **options: Any) -> Rule:
    return {"fault": name, "with": options}


def _for_good(kind: str) -> dict[tuple[str, str], str]:
    """Where a server that does not come back has another outcome than elsewhere."""
    # The job has started by then, and its session is returned only if it shows.
    # Unless the schedule is still to be changed.
    return {("", GLANCE): OK, ("start, disable the schedule", GLANCE): kind, ("session absent", LOG_OFF): kind}


# The logon session is not the module's own: it cannot log on again.
_NOT_OURS = {("borrowed", READ): "authentication"}

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
    Fault("another encoding", _world("encoding")),
    Fault("entity bomb", _world("entity_bomb")),
    Fault("200 MB", _world("huge_body"), slow=True),
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
        exceptions={("", POLL): OK, ("", GLANCE): OK, ("polls first", LOGON): OK},
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
        exceptions={
            **{("by name", place): "ambiguous" for place in (LOGON, LOOKUP)},
            # The other kind is looked through after the first.
            ("job info, both kinds", READ): "ambiguous",
            # The jobs of both servers name a machine of this name.
            ("protection info", LOGON): "ambiguous",
        },
    ),
    Fault("the service restarts", _world("restart", seconds=1), write="not_found", exceptions=_NOT_OURS),
    Fault("clock skew", _world("clock_skew", seconds=7200)),
    Fault(
        "session never appears",
        _world("session_never_appears"),
        # When it strikes a stop, the session that is being stopped vanishes.
        exceptions={("waits", WRITE): "timeout", ("stops", WRITE): "not_found", ("", TOGGLE): OK},
    ),
    Fault("unknown state", _world("unknown_state")),
    Fault(
        "unknown state, also at the end",
        _world("unknown_state", also_at_end=True),
        # A run in a state that nobody knows has no verdict, so there is nothing to retry.
        exceptions={("retries", LAST_RUN): UNCHANGED},
    ),
    Fault("toggle undone by somebody else", _world("toggle_undone"), exceptions={("", TOGGLE): "conflict"}),
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

# Conductor has the faults of any server, with other outcomes where its answers mean something else, and its own.
_OF_ANY_SERVER = {fault.name: fault for fault in FAULTS}


def _also(name: str, **outcomes: Any) -> Fault:
    """A fault of any server, at Conductor. There is no log-off, and no logon session to lose."""
    fault = _OF_ANY_SERVER[name]
    special = {**fault.exceptions, **outcomes.pop("exceptions", {})}
    return replace(fault, lost=False, exceptions=special, **outcomes)


# conductor 2.3: one new token and one repetition, if there is a key to get it with. Open source knows no tokens.
_TOKEN: dict[str, Any] = {
    "exceptions": {("borrowed", READ): "authentication", ("borrowed", WRITE): "authentication"},
    "resent": True,
}

CONDUCTOR_FAULTS = (
    *(
        _also(name)
        for name in (
            "connection refused",
            "reset before the effect",
            "reset after the effect",
            "no answer, no effect",
            "no answer, but an effect",
            "slow headers",
            "slow headers, in time",
            "slow body",
            "slow body, in time",
            "truncated body",
            "malformed body",
            "wrong content type",
            "byte order mark",
            "entity bomb",
            "200 MB",
            "HTML of a proxy",
            "HTML of a proxy, but an effect",
            "HTML of a gateway, 502",
            "redirect to another host",
            "429",
            "429, Retry-After in seconds",
            "429, Retry-After as a date",
            "503",
            "503, Retry-After in seconds",
            "503, Retry-After as a date",
            "503, Retry-After an hour",
            "500",
            "500, but an effect",
            "403",
            "refused for good",
            "503 for good",
            "HTML for good",
            "401 for good",
        )
    ),
    # conductor 1.1: an empty answer is one of the four ways to say that a task is not known; the archive knows more.
    _also("empty body", logon="protocol", read="not_found", exceptions={("", VERIFY): OK}),
    # conductor 2.3: a 401 without the code of a token is about credentials: nothing is repeated
    Fault("401 without a code", _status(401), logon="authentication", read="authentication", write="authentication"),
    # ... and one that is not JSON is probably about the token: a read may be repeated, a write may not.
    Fault(
        "401 in HTML",
        _world("html", status=401),
        logon="authentication",
        write="authentication",
        exceptions={("borrowed", READ): "authentication", ("anonymous", READ): "authentication"},
    ),
    Fault("token expired", _world("expire_token"), **_TOKEN),
    Fault("token expired, 403", _world("expire_token", http_status=403), **_TOKEN),
    Fault("token revoked", _world("expire_token", code="INVALID_TOKEN"), **_TOKEN),
    Fault(
        "tokens expire at once",
        _world("expire_token"),
        logon="authentication",
        read="authentication",
        write="authentication",
        for_good=True,
        exceptions={("anonymous", READ): OK, ("anonymous", WRITE): OK},
    ),
    # The world is not as expected
    Fault("update dropped", _world("update_dropped"), exceptions={("updates", WRITE): "conflict"}),
    # An unknown status is not the end (conductor 3), and no proof of anything.
    Fault("unknown status", _world("unknown_status"), exceptions={("updates", VERIFY): "conflict"}),
    Fault(
        "terminated by somebody else",
        _world("terminate"),
        exceptions={
            ("updates", LOGON): "conflict",
            ("updates", LOOKUP): "conflict",
            ("updates", WRITE): "conflict",
            # What had ended before stays as it was.
            ("Conductor: update, in progress", VERIFY): "conflict",
            ("polls first", LOGON): "rejected",
            ("polls first", POLL): "rejected",
            ("polls first", LAST_POLL): OK,
        },
    ),
    Fault("removed by somebody else", _world("remove"), logon="not_found", read="not_found", write="not_found"),
)
