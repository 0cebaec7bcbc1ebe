"""Comparing a field of a resource with the text of a filter."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any as AnyValue

from emsim.query.grammar import All, BadFilter, Comparison, Expression
from emsim.runs import ORDER
from emsim.timestamps import parse as parse_time

_OPERATORS: dict[str, Callable[[AnyValue, AnyValue], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def _result(text: str) -> int:
    # em_rest 10: enumerations compare by index; None, which third parties have seen, comes first
    for index, name in enumerate(("None", *ORDER)):
        if name.lower() == text.lower():
            return index
    raise ValueError(text)


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _uid(text: str) -> str:
    # em_rest 10: a whole urn or a bare GUID
    return text.rpartition(":")[2].lower()


# kind of field: how to read the text of a filter, and how to read the value of the resource
_KINDS: dict[str, tuple[Callable[[str], AnyValue], Callable[[AnyValue], AnyValue]]] = {
    "text": (str.lower, lambda value: str(value).lower()),
    "uid": (_uid, _uid),
    "bool": (_truth, bool),
    "number": (float, float),
    "time": (parse_time, float),
    "result": (_result, lambda value: _result(str(value))),
}

Fields = Mapping[str, tuple[str, str]]  # name in lower case: kind, and attribute of the row


def check(expression: Expression, fields: Fields) -> Callable[[Mapping[str, AnyValue]], bool]:
    """A test for rows. Raises BadFilter for unknown fields and values that do not fit."""
    if isinstance(expression, Comparison):
        return _comparison(expression, fields)
    tests = [check(part, fields) for part in expression.parts]
    combine = all if isinstance(expression, All) else any
    return lambda row: combine(test(row) for test in tests)


def sort_key(name: str, fields: Fields) -> Callable[[Mapping[str, AnyValue]], AnyValue]:
    """A key for sorting rows by a field; rows without a value come first."""
    kind, attribute = _field(name, fields)
    read = _KINDS[kind][1]
    return lambda row: (0, 0) if row[attribute] is None else (1, read(row[attribute]))


def _comparison(comparison: Comparison, fields: Fields) -> Callable[[Mapping[str, AnyValue]], bool]:
    kind, attribute = _field(comparison.field, fields)
    from_text, from_row = _KINDS[kind]
    try:
        wanted = from_text(comparison.value)
    except (ValueError, KeyError):
        raise BadFilter(f"Invalid value {comparison.value} of {comparison.field}") from None
    compare = _OPERATORS[comparison.operator]

    def test(row: Mapping[str, AnyValue]) -> bool:
        value = row[attribute]
        if value is None:
            return comparison.operator == "!="
        return compare(from_row(value), wanted)

    return test


def _field(name: str, fields: Fields) -> tuple[str, str]:
    found = fields.get(name.lower())
    if found is None:
        raise BadFilter(f"Invalid field {name}")
    return found
