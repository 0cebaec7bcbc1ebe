"""Logging on and off (em_rest 2)."""

from __future__ import annotations

from emsim.context import ApiError, Context, Reply
from emsim.logons import LogonSession, who
from emsim.resources.logon import logon_node, root_node
from emsim.tree import Collection


def root(context: Context) -> Reply:
    """em_rest 2: readable without credentials."""
    return Reply(root_node(context.profile, context.href))


def log_on(context: Context) -> Reply:
    """em_rest 2: 201, the token in a header and in a cookie, the session in the body."""
    request = context.request
    if context.profile.refuses_form_logon and "form-urlencoded" in request.header("Content-Type"):
        raise ApiError(415, "Unsupported media type.")  # em_rest 15.6
    version = request.params.get("v", "latest")
    if version not in ("latest", *context.profile.versions):
        raise ApiError(400, f"REST API version {version} is not supported.")
    user = who(request.header("Authorization"), context.state.scenario.users)
    if user is None:
        raise ApiError(401, "Access denied.")
    limit = context.settings.logon_session_limit
    if limit and len(context.logons.all(context.now)) >= limit:
        raise ApiError(503, "Too many logon sessions.")  # em_rest 16: the answer of a real server is unknown
    session = context.logons.open(user, context.now)
    context.counts["logons"] += 1
    headers = (
        ("X-RestSvcSessionId", session.token),
        ("Set-Cookie", f"X-RestSvcSessionId={session.token}; Path=/api;"),
    )
    return Reply(logon_node(session, context.profile, context.href), 201, headers)


def list_sessions(context: Context) -> Reply:
    """All logon sessions."""
    nodes = [logon_node(one, context.profile, context.href) for one in context.logons.all(context.now)]
    return Reply(Collection("LogonSessions", "LogonSessions", nodes))


def get_session(context: Context) -> Reply:
    """One logon session."""
    return Reply(logon_node(_find(context), context.profile, context.href))


def log_off(context: Context) -> Reply:
    """em_rest 2: 204; the id is the one from the body, not the token."""
    context.logons.close(_find(context))
    context.counts["logoffs"] += 1
    return Reply(None, 204)


def _find(context: Context) -> LogonSession:
    for session in context.logons.all(context.now):
        if session.id == context.path["id"].lower():
            return session
    # em_rest 2: not 404
    raise ApiError(500, f"There is no logon session with id [{context.path['id']}]")
