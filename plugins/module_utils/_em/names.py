# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds machines that the server knows by the names that a user gives. Pure: nothing here talks to a server.

Letter case does not matter. An exact match wins; otherwise a short name and a full one (web01 and
web01.example.com) mean the same machine if no other machine could be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any, Generic, TypeVar

from .._errors import AMBIGUOUS, USAGE, ApiError

Thing = TypeVar("Thing")

_ADDRESS = re.compile(r"[0-9.]+$|.*:")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Candidate:
    """A machine that the server knows.

    :ivar key: its unique key.
    :ivar names: its own name first, then the names that other listings show.
    :ivar place: where it is, for people.
    :ivar twins: whether several machines share this name and place.
    """

    key: Any
    names: tuple[str, ...]
    place: str = ""
    twins: bool = False

    def __str__(self) -> str:
        return f"{self.names[0]} on {self.place}" if self.place else self.names[0]


def same_machine(one: str, other: str) -> bool:
    """Whether two names mean the same machine: equal except for case, or one is the short form of the other."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return short == long or (bool(short) and long.startswith(short + ".") and not _ADDRESS.match(long))


def is_pattern(text: str) -> bool:
    """Whether a text is a shell pattern rather than a name."""
    return bool(_WILD.search(text))


class ByName(Generic[Thing]):
    """Items by their names, with a lookup time that does not depend on their number."""

    def __init__(self, named: Iterable[tuple[str, Thing]] = ()) -> None:
        self._equal: dict[str, list[Thing]] = {}
        self._near: dict[str, list[tuple[str, Thing]]] = {}
        for name, thing in named:
            self.add(name, thing)

    def add(self, name: str, thing: Thing) -> None:
        """Add an item; it may have several names."""
        self._equal.setdefault(name.lower(), []).append(thing)
        self._near.setdefault(_first_word(name), []).append((name, thing))

    def called(self, name: str) -> list[Thing]:
        """The items with exactly this name, ignoring letter case."""
        return self._equal.get(name.lower(), [])

    def near(self, name: str) -> list[tuple[str, Thing]]:
        """The items whose names begin with the same word, with these names: only these can be meant."""
        return self._near.get(_first_word(name), [])

    def alike(self, name: str) -> list[Thing]:
        """The items that a name may mean, by its short or long form."""
        return [thing for known, thing in self.near(name) if same_machine(known, name)]


class Patterns(Generic[Thing]):
    """Settings for machines by names and shell patterns. If several match a machine, the first counts."""

    def __init__(self, said: Iterable[tuple[str, Thing]]) -> None:
        self._named: ByName[tuple[int, Thing]] = ByName()
        self._wild: list[tuple[str, tuple[int, Thing]]] = []
        for place, (pattern, thing) in enumerate(said):
            if is_pattern(pattern):
                self._wild.append((pattern.lower(), (place, thing)))
            else:
                self._named.add(pattern, (place, thing))
        self._known: dict[str, Thing | None] = {}

    def find(self, name: str) -> Thing | None:
        """The setting for the machine with this name; None if there is none."""
        if name not in self._known:
            found = self._named.alike(name)
            wild = next((said for pattern, said in self._wild if fnmatchcase(name.lower(), pattern)), None)
            first = min([*found, *([wild] if wild else [])], key=lambda said: said[0], default=None)
            self._known[name] = first[1] if first else None
        return self._known[name]


def machine_names(given: Any) -> list[str]:
    """The names of machines in an option, each once; numbers are text.

    :raises ApiError: kind usage, if an element is not a name.
    """
    items = given if isinstance(given, list) else [given]
    if not items:
        raise ApiError(USAGE, "No machine was given.", hint="Set machine to at least one name.")
    return list(dict.fromkeys(_name(item, number) for number, item in enumerate(items, 1)))


def is_name(value: Any) -> bool:
    """Whether a value can be a name: a text that is not blank, or a number."""
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def names_in(given: Any) -> list[str]:
    """The names in a list, or a single one, each once; none if an element cannot be a name."""
    items = given if isinstance(given, (list, tuple)) else [given]
    return list(dict.fromkeys(str(each).strip() for each in items)) if all(map(is_name, items)) else []


def _name(item: Any, number: int) -> str:
    if is_name(item):
        return str(item).strip()
    what = "null" if item is None else "empty" if item in ("", [], {}) or isinstance(item, str) else f"{item!r}"
    raise ApiError(
        USAGE,
        f"machine contains an element that is not a machine name: element {number} is {what}.",
        hint="Use a list of strings with one name each.",
    )


class Matcher:
    """Finds machines by name among those that the server knows."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._own: ByName[Candidate] = ByName()
        self._other: ByName[Candidate] = ByName()
        self._all: ByName[Candidate] = ByName()
        for each in candidates:
            self._own.add(each.names[0], each)
            for name in each.names[1:]:
                self._other.add(name, each)
            for name in each.names:
                self._all.add(name, each)

    def match(self, asked: Sequence[str]) -> dict[str, Candidate]:
        """The machine for each name; names that no machine has are left out.

        :raises ApiError: ambiguous, with the candidates for each name that has several.
        """
        result: dict[str, Candidate] = {}
        problems: list[str] = []
        for name in asked:
            found = self._find(name)
            if len(found) > 1 or any(each.twins for each in found):
                problems.append(_several(name, found))
            elif found:
                result[name] = found[0]
        claims: dict[Any, list[str]] = {}
        for name, candidate in result.items():
            claims.setdefault(candidate.key, []).append(name)
        for names in claims.values():
            if not all(same_machine(one, other) for one, other in combinations(names, 2)):
                problems.append(f"{' and '.join(names)} could both be {result[names[0]]}.")
        if problems:
            raise ApiError(
                AMBIGUOUS,
                " ".join(problems),
                hint="Use the full name as shown by veeam_em_computer_info or the backup job, or set backup_server.",
            )
        return result

    def _find(self, name: str) -> list[Candidate]:
        equal = self._own.called(name) or self._other.called(name)
        if equal:
            return _unique(equal)
        near = self._all.near(name)
        alike = [(known, candidate) for known, candidate in near if same_machine(known, name)]
        # A short name matches each full name that begins with it.
        rivals = [
            candidate
            for known, candidate in near
            if not same_machine(known, name) and any(same_machine(known, short) for short, _candidate in alike)
        ]
        return _unique([candidate for _known, candidate in alike] + rivals)


def _first_word(name: str) -> str:
    return name.lower().partition(".")[0]


def _unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    return list({each.key: each for each in candidates}.values())


def _several(name: str, found: Sequence[Candidate]) -> str:
    if len(found) == 1:
        return f"{name} is the name of several machines on {found[0].place or 'the backup server'}."
    return f"{name} could be any of {len(found)} machines: {', '.join(sorted(map(str, found)))}."
