"""Faults: which request gets which fault, and how often.

A rule is a mapping:

    match: {method: POST, path: "/api/agents/jobs/*", query: action=start}   # all optional
    occurrence: 2 | [1, 3] | from 3     # which of the matching requests, counted from 1
    times: 2 | forever                  # how often at most
    fault: reset_after
    with: {...}                         # options of the fault

Without `occurrence` and `times`, only the first matching request gets the fault. `from N` has no end
unless `times` says otherwise. `path` is a shell pattern on the whole path, `query` is a part of the decoded query.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from simbase.messages import Request


class BadFault(ValueError):
    """The rule is invalid; the text says why."""


@dataclass(frozen=True)
class FaultKind:
    """What a fault is.

    effect: whether the action of the request takes effect; None if the rule must not choose, because the fault is
        made from the true answer or belongs to the simulated world (then it always takes effect).
    deliver: sends the answer; None if the answer goes out as usual.
    options: the options with their defaults.
    """

    effect: bool | None
    deliver: Callable[..., None] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Fault:
    """One fault that applies to one request."""

    name: str
    kind: FaultKind
    effect: bool
    options: dict[str, Any]


class Rule:
    """One rule with its count of matching requests."""

    def __init__(self, text: Mapping[str, Any], kinds: Mapping[str, FaultKind]) -> None:
        if not isinstance(text, Mapping):
            raise BadFault(f"a fault rule must be a mapping, not {text!r}")
        _refuse_unknown("fault rule", text, ("match", "occurrence", "times", "fault", "with"))
        self.match = dict(text.get("match") or {})
        _refuse_unknown("match", self.match, ("method", "path", "query"))
        name = str(text.get("fault"))
        if name not in kinds:
            raise BadFault(f"unknown fault {name!r}; known: {', '.join(sorted(kinds))}")
        kind = kinds[name]
        options = dict(text.get("with") or {})
        effect = options.pop("effect", None)
        if effect is not None and kind.effect is None:
            raise BadFault(f"fault {name} always takes effect, so option effect is not allowed")
        _refuse_unknown(f"fault {name}", options, kind.options)
        self.fault = Fault(
            name,
            kind,
            effect=bool(kind.effect if effect is None else effect) or kind.effect is None,
            options={**kind.options, **options},
        )
        self._wanted, self._left = _when(text.get("occurrence"), text.get("times"))
        self._seen = 0

    def matches(self, request: Request) -> bool:
        """Whether the request is one that this rule counts."""
        return (
            self.match.get("method", request.method).upper() == request.method
            and fnmatch.fnmatchcase(request.path.lower(), self.match.get("path", "*").lower())
            and self.match.get("query", "").lower() in unquote_plus(request.query).lower()
        )

    def due(self) -> bool:
        """Count one match; return whether it gets the fault."""
        self._seen += 1
        if self._left <= 0 or not self._wanted(self._seen):
            return False
        self._left -= 1
        return True


class FaultPlan:
    """All rules in force. The owner holds the lock."""

    def __init__(self, kinds: Mapping[str, FaultKind]) -> None:
        self._kinds = kinds
        self._rules: list[Rule] = []

    def add(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules; all of them or, if one is wrong, none."""
        if not isinstance(rules, list):
            raise BadFault("faults must be a list of rules")
        self._rules += [Rule(rule, self._kinds) for rule in rules]

    def clear(self) -> None:
        """Drop all rules."""
        self._rules = []

    def take(self, request: Request) -> Fault | None:
        """The fault for a request. Every matching rule counts it; the first one that is due is used."""
        due = [rule for rule in self._rules if not _at_accept(rule) and rule.matches(request) and rule.due()]
        return due[0].fault if due else None

    def take_connection(self) -> bool:
        """Whether to refuse a connection that was just accepted (fault `refuse` without `match`)."""
        due = [rule for rule in self._rules if _at_accept(rule) and rule.due()]
        return bool(due)


def _at_accept(rule: Rule) -> bool:
    return rule.fault.name == "refuse" and not rule.match


def _when(occurrence: Any, times: Any) -> tuple[Callable[[int], bool], float]:
    try:
        left = math.inf if times == "forever" else None if times is None else int(times)
        if occurrence is None:
            return (lambda seen: True), 1 if left is None else left
        left = math.inf if left is None else left
        if isinstance(occurrence, str) and occurrence.startswith("from "):
            first = int(occurrence[5:])
            return (lambda seen: seen >= first), left
        wanted = {int(number) for number in (occurrence if isinstance(occurrence, list) else [occurrence])}
    except (TypeError, ValueError):
        raise BadFault(
            f"occurrence must be a number, a list of numbers or 'from N', and times a number or 'forever'; "
            f"got {occurrence!r} and {times!r}"
        ) from None
    return (lambda seen: seen in wanted), left


def _refuse_unknown(what: str, given: Mapping[str, Any], known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise BadFault(f"{what}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known)) or 'none'}")
