"""Logon sessions and the people who may have one."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass, field

from emsim.scenario import User
from emsim.tasks import Task


@dataclass
class LogonSession:
    """One logon session; em_rest 4: tasks live in it."""

    id: str
    token: str
    user: User
    created: float
    last_used: float
    tasks: dict[str, Task] = field(default_factory=dict)

    @property
    def user_name(self) -> str:
        """em_rest 2: UserName reads DOMAIN\\user."""
        return f"{self.user.domain or 'EMSIM'}\\{self.user.name}"


class LogonSessions:
    """All logon sessions that are open."""

    def __init__(self, idle_timeout: float) -> None:
        self._idle_timeout = idle_timeout
        self._by_token: dict[str, LogonSession] = {}
        self.peak = 0

    def open(self, user: User, now: float) -> LogonSession:
        """A new logon session."""
        self._expire(now)
        identifier = str(uuid.uuid4())
        # em_rest 2: in recent examples the token is the base64 of the session's id
        token = base64.b64encode(identifier.encode()).decode()
        session = LogonSession(identifier, token, user, now, now)
        self._by_token[token] = session
        self.peak = max(self.peak, len(self._by_token))
        return session

    def find(self, token: str, now: float) -> LogonSession | None:
        """The session of a token, which counts as used now."""
        self._expire(now)
        session = self._by_token.get(token)
        if session is not None:
            session.last_used = now
        return session

    def all(self, now: float) -> list[LogonSession]:
        """The open sessions, oldest first."""
        self._expire(now)
        return sorted(self._by_token.values(), key=lambda session: session.created)

    def close(self, session: LogonSession) -> None:
        """End a session."""
        self._by_token.pop(session.token, None)

    def _expire(self, now: float) -> None:
        # em_rest 2: without a request for 15 minutes a session is gone
        self._by_token = {
            token: session for token, session in self._by_token.items() if now - session.last_used <= self._idle_timeout
        }


def who(authorization: str, users: list[User]) -> User | None:
    """The user of a Basic authorization header (UTF-8), if name and password are right."""
    scheme, _blank, text = authorization.partition(" ")
    try:
        credentials = base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, _colon, password = credentials.partition(":")
    if scheme.lower() != "basic":
        return None
    for user in users:
        full = f"{user.domain}\\{user.name}" if user.domain else user.name
        if name.lower() == full.lower() and password == user.password:
            return user
    return None
