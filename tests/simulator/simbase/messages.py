"""One request and one response, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class Request:
    """A request as it arrived. `query` is the raw text after the question mark."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    overrides: dict[str, Any] = field(default_factory=dict)  # what faults change for this one request

    @property
    def params(self) -> dict[str, str]:
        """Query parameters by lower-case name; the first of several wins."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(name.lower(), value)
        return found

    def header(self, name: str) -> str:
        """The value of a header, whatever the case of its name, or an empty text."""
        for known, value in self.headers.items():
            if known.lower() == name.lower():
                return value
        return ""


@dataclass
class Response:
    """A response. Content-Length is added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
