"""How servers and interfaces write values: flags, numbers, dates, letter case and omitted fields.

This is applied to the finished neutral form, so that resources need not know about it. Without such settings, nothing
changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emsim.scenario import Settings
from emsim.timestamps import iso, parse
from emsim.tree import Collection, Nested, Node, QueryResult, Repeated, Spoken

_FLAGS: dict[str, tuple[Any, Any]] = {
    "text": ("true", "false"),
    "capital": ("True", "False"),
    "number": (1, 0),
    "digit": ("1", "0"),
}
_CASED = ("State", "JobType", "Result")
_DATES = ("EndTimeUTC", "NextRun")
_FAR_AHEAD = 86400.0


def spell(thing: Node | Collection | QueryResult, settings: Settings) -> None:
    """Write an answer according to the settings."""
    if settings.plain_spelling():
        return
    for node in _all(thing):
        node.fields = [_field(node, name, value, settings) for name, value in node.fields if name not in settings.omit]
        if node.element != "PagingInfo" or settings.numbers_as_text:
            node.attributes = {
                name: _value(value, settings) for name, value in node.attributes.items() if name not in settings.omit
            }
        if node.links is not None:
            node.links = [link for link in node.links if link.type not in settings.omit]


def _all(thing: Any) -> Iterator[Node]:
    if isinstance(thing, Node):
        yield thing
        for _name, value in thing.fields:
            yield from _all(value)
    elif isinstance(thing, (Collection, Nested, Repeated)):
        for node in thing.nodes:
            yield from _all(node)
    elif isinstance(thing, QueryResult):
        yield thing.paging
        for node in thing.nodes:
            yield from _all(node)


def _field(node: Node, name: str, value: Any, settings: Settings) -> tuple[str, Any]:
    if value is None and name in _DATES and settings.no_date:
        return name, _no_date(node, name, settings.no_date)
    if name in _CASED and settings.letter_case and isinstance(value, str):
        return name, value.lower() if settings.letter_case == "lower" else value.upper()
    return name, _value(value, settings)


def _value(value: Any, settings: Settings) -> Any:
    if isinstance(value, bool):
        true, false = _FLAGS.get(settings.flags, (True, False))
        shown = true if value else false
        return Spoken(str(shown), shown) if settings.flags else value
    return str(value) if isinstance(value, int) and settings.numbers_as_text else value


def _no_date(node: Node, name: str, how: str) -> str | None:
    """em_rest 17.1: a placeholder, or for ends of sessions a time before their creation or far ahead."""
    if how not in ("before", "ahead"):
        return how
    created = next((value for field, value in node.fields if field == "CreationTimeUTC"), None)
    if name != "EndTimeUTC" or created is None:
        return None
    return iso(parse(created) + (_FAR_AHEAD if how == "ahead" else -60.0))
