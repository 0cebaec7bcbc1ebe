# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the query service (em_rest 10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Union
from urllib.parse import quote_plus

from .._errors import USAGE, ApiError
from .codec import snake
from .links import bare_id, id_in, links
from .values import moment

OPERATORS = ("==", "!=", ">", "<", ">=", "<=")
# How the grammar escapes these in a value is not documented (em_rest 16), so the module checks such values itself.
_UNSAFE = re.compile(r'["();,\\\x00-\x1f\x7f\ud800-\udfff]')
# Longest filter, encoded: keeps URLs below 2,000 characters.
MAX_FILTER = 1500
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*$")
# The server compares enumerations by their order, not as text (em_rest 10).
_ORDERED = {"success": 0, "warning": 1, "failed": 2}


@dataclass(frozen=True)
class Condition:
    """One comparison: field name as the server spells it, operator, and values.

    One of the values must match; with `!=`, none may be equal.
    """

    field: str
    op: str
    values: tuple[str, ...]

    @classmethod
    def of(cls, field: str, op: str, *values: Any) -> Condition:
        """Make a condition from a user's input.

        :raises ApiError: kind usage, if the operator is unknown or the field is not a name.
        """
        if op not in OPERATORS:
            raise ApiError(USAGE, f"{op!r} is not a filter operator.", hint=f"Use one of {', '.join(OPERATORS)}.")
        if not _FIELD.match(field):
            raise ApiError(
                USAGE,
                f"{field!r} is not the name of a field.",
                hint="Use a name as the server spells it, such as Name or CreationTime.",
            )
        if not values:
            raise ApiError(
                USAGE, f"The filter on {field} does not have a value.", hint="Remove the filter, or set a value."
            )
        return cls(field, op, tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values))

    @property
    def portable(self) -> bool:
        """True if the server's grammar can express the values, and all of them fit into a URL."""
        return all(value and not _UNSAFE.search(value) for value in self.values) and fits(self.text())

    def text(self) -> str:
        """The condition in the server's grammar."""
        return self._joiner.join(f'{self.field}{self.op}"{value}"' for value in self.values)

    @property
    def _joiner(self) -> str:
        return ";" if self.op == "!=" else ","

    def holds(self, resource: dict[str, Any]) -> bool:
        """Whether a decoded resource satisfies the condition; like on the server, letter case is ignored.

        :raises ApiError: kind usage, if the resource does not have the field.
        """
        actual = _shown(resource, self.field)
        if actual is None:
            raise ApiError(
                USAGE,
                f"A filter on {self.field} cannot contain {', '.join(map(repr, self.values))}: the filter syntax of "
                "the server cannot express it, and the resources do not have that field.",
                hint="Filter on another field.",
            )
        matches = [_COMPARE[self.op](*_comparable(self.field, actual, value)) for value in self.values]
        return all(matches) if self.op == "!=" else any(matches)


@dataclass(frozen=True)
class Intervals:
    """Time spans for a field, one of which must match: from the first time to the second, None for no end."""

    field: str
    spans: tuple[tuple[str, str | None], ...]
    portable = True

    def text(self) -> str:
        """The alternatives in the server's grammar: OR binds weaker than AND."""
        return ",".join(";".join(each.text() for each in self._parts(*span)) for span in self.spans)

    def holds(self, resource: dict[str, Any]) -> bool:
        """Whether a decoded resource is in one of the time spans."""
        return any(all(each.holds(resource) for each in self._parts(*span)) for span in self.spans)

    def _parts(self, begin: str, end: str | None) -> list[Condition]:
        first = [Condition.of(self.field, ">=", begin)]
        return [*first, Condition.of(self.field, "<=", end)] if end else first


@dataclass(frozen=True)
class Either:
    """Conditions, one of which must be true; each of them, and the whole, fits into the server's grammar."""

    parts: tuple[Condition | Intervals, ...]
    portable = True

    def text(self) -> str:
        """The alternatives in the server's grammar."""
        return ",".join(part.text() for part in self.parts)

    def holds(self, resource: dict[str, Any]) -> bool:
        """Whether a decoded resource satisfies one of the conditions."""
        return any(part.holds(resource) for part in self.parts)


def fits(text: str) -> bool:
    """Whether a filter, or a part of one, is short enough for a URL."""
    return len(quote_plus(text)) <= MAX_FILTER


Clause = Union[Condition, Either, Intervals]


def split(conditions: Sequence[Clause]) -> tuple[list[str], list[Clause]]:
    """Divide conditions (all must be true) into filter texts for the server and conditions for the client."""
    remote = [condition.text() for condition in conditions if condition.portable]
    return remote, [condition for condition in conditions if not condition.portable]


def checked(rows: Iterable[dict[str, Any]], conditions: Sequence[Clause]) -> Iterator[dict[str, Any]]:
    """The rows that meet those conditions that the server's grammar cannot express."""
    local = split(conditions)[1]
    return (row for row in rows if all(condition.holds(row) for condition in local))


def all_of(texts: Sequence[str]) -> str:
    """One filter text from several that must all be true: OR binds weaker than AND, so alternatives are grouped."""
    if len(texts) == 1:
        return texts[0]
    return ";".join(f"({text})" if "," in text else text for text in texts)


def _shown(resource: dict[str, Any], field: str) -> Any:
    """The value of a filter field in a resource: from a member, or from a link."""
    name = snake(field)
    for key in (name, name + "_utc"):
        if key in resource:
            return resource[key]
    owner, _dot, part = name.rpartition("_")
    types = _LINKED.get(owner)
    for link in links(resource, "Up", *types) if types else []:
        if owner == "job":
            # The link leads to the job's session, whose name consists of the job's name and the time.
            return str(link.get("name", "")).rpartition("@")[0] if part == "name" else None
        return id_in(link.get("href")) if part == "uid" else link.get("name")
    # Empty optional texts are absent in the decoded form.
    return "" if name in ("description", "reason") else None


def _comparable(field: str, actual: Any, wanted: str) -> tuple[Any, Any]:
    if isinstance(actual, bool):
        return str(actual).lower(), wanted.lower()
    if isinstance(actual, (int, float)):
        try:
            return float(actual), float(wanted)
        except (ValueError, OverflowError):
            return str(actual), wanted
    left, right = str(actual).strip().lower(), wanted.strip().lower()
    if snake(field) == "result" and left in _ORDERED and right in _ORDERED:
        return _ORDERED[left], _ORDERED[right]
    if snake(field).endswith("uid"):
        return bare_id(left), bare_id(right)
    then, limit = moment(actual), moment(wanted)
    if then and limit:
        return then, limit
    return left, right


# Filter fields that a resource shows only through a link: field without its last word -> link types.
_LINKED = {
    "backup_server": ("BackupServerReference",),
    "protection_group": ("AgentProtectionGroupReference",),
    "job": ("BackupJobSessionReference", "ReplicaJobSessionReference"),
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}
