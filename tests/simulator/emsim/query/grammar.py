"""The filter language: `Name=="a b";(Result>Success,IsRetry==true)`. `;` is AND and binds closer than `,`, OR."""

from __future__ import annotations

import re
from dataclasses import dataclass


class BadFilter(ValueError):
    """The filter is malformed; the text says where."""


@dataclass(frozen=True)
class Comparison:
    """One comparison."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True)
class All:
    """Every part must hold."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Any:
    """One part must hold."""

    parts: tuple[Expression, ...]


Expression = Comparison | All | Any

_TOKEN = re.compile(
    r'\s*(?:(?P<operator>==|!=|>=|<=|>|<)|(?P<mark>[;,()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s;,()"=<>!]+))'
)


def parse(text: str) -> Expression:
    """The meaning of a filter, already URL-decoded. Raises BadFilter."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if found is None:
                raise BadFilter(f"Invalid filter at position {position}: {text}")
            self._tokens.append((found.lastgroup or "", found.group(found.lastgroup or 0)))
            position = found.end()
        self._next = 0

    def whole(self) -> Expression:
        found = self._either()
        if self._next < len(self._tokens):
            raise self._problem()
        return found

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._take("mark", ","):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _both(self) -> Expression:
        parts = [self._one()]
        while self._take("mark", ";"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> Expression:
        if self._take("mark", "("):
            found = self._either()
            if not self._take("mark", ")"):
                raise self._problem()
            return found
        field = self._take("word")
        operator = self._take("operator")
        value = self._take("quoted")
        if value is None:
            value = self._take("word")
        if field is None or operator is None or value is None:
            raise self._problem()
        return Comparison(field, operator, value)

    def _take(self, kind: str, text: str | None = None) -> str | None:
        if self._next >= len(self._tokens):
            return None
        found_kind, found = self._tokens[self._next]
        if found_kind != kind or text not in (None, found):
            return None
        self._next += 1
        return found

    def _problem(self) -> BadFilter:
        near = self._tokens[self._next][1] if self._next < len(self._tokens) else "the end"
        return BadFilter(f"Invalid filter near {near}: {self._text}")
