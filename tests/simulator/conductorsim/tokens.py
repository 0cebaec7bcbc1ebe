"""Tokens of personality orkes (conductor 2.2 and 2.3)."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass

from conductorsim.scenario import Key


@dataclass
class Token:
    """A token that was issued."""

    key: Key
    expires: float  # seconds since the epoch


class Tokens:
    """All tokens that were issued."""

    def __init__(self, keys: list[Key], lifetime: float) -> None:
        self._keys = {(key.id, key.secret): key for key in keys}
        self._lifetime = lifetime
        self._issued: dict[str, Token] = {}

    def issue(self, key_id: object, secret: object, now: float) -> str | None:
        """A new token for a key, None when the key is wrong."""
        key = self._keys.get((str(key_id), str(secret)))
        if key is None:
            return None
        expires = now + self._lifetime
        claims = {"sub": key.id, "iat": int(now), "exp": int(expires)}
        token = ".".join([_part({"alg": "HS256", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(32)])
        self._issued[token] = Token(key, expires)
        return token

    def find(self, text: str) -> Token | None:
        """An issued token, expired or not; None for an unknown one."""
        return self._issued.get(text)

    def issued(self) -> list[str]:
        """All tokens."""
        return list(self._issued)

    def expire(self, text: str) -> None:
        """Expire a token early."""
        if text in self._issued:
            self._issued[text].expires = 0


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
