"""Identifiers: the same scenario always gets the same identifiers."""

from __future__ import annotations

import re
import uuid
from functools import lru_cache

_SPACE = uuid.UUID("6d3c9c0a-52c5-5d0e-9c1b-0e7a3e1f4c11")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@lru_cache(maxsize=1 << 18, typed=True)
def guid(*parts: object) -> str:
    """A GUID derived from what it identifies."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(str(part) for part in parts)))


def is_guid(text: str) -> bool:
    """Whether a text is a GUID."""
    return bool(_GUID.fullmatch(text))


def urn(kind: str, identifier: str) -> str:
    """A UID: em_rest 1, `urn:veeam:<Type>:<guid>`."""
    return f"urn:veeam:{kind}:{identifier}"
