"""A route table: which method and path lead to which handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Route:
    """One row. `{name}` in the path stands for one segment; `options` is for the application."""

    method: str
    path: str
    handler: Callable[..., Any]
    action: str = ""  # the value of ?action= that this row is for
    options: dict[str, Any] = field(default_factory=dict)


class NoSuchPath(LookupError):
    """No row has this path."""


class NoSuchMethod(LookupError):
    """The path is known, the method (or the action) is not."""


class RouteTable:
    """Finds the row of a request. Literal segments are not case-sensitive."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(re.compile(_pattern(route.path), re.IGNORECASE), route) for route in routes]

    def find(self, method: str, path: str, action: str) -> tuple[Route, dict[str, str]]:
        """The row for a request and the named segments of its path."""
        known = False
        for pattern, route in self._routes:
            found = pattern.fullmatch(path.rstrip("/"))
            if not found:
                continue
            known = True
            if route.method == method and route.action.lower() == action.lower():
                return route, found.groupdict()
        raise NoSuchMethod(path) if known else NoSuchPath(path)


def _pattern(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path.rstrip("/")))
