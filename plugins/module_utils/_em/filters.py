# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of users, as conditions for the server and as checks of records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, TypeVar

from .._errors import USAGE, ApiError
from .query import Condition
from .values import moment, parse_time

Record = TypeVar("Record")


def filter_time(then: datetime) -> str:
    """A moment as the text that filters take: UTC, whole seconds (em_rest 10)."""
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def conditions(wanted: Mapping[str, Any], **fields: str) -> list[Condition]:
    """Conditions for the options of an info module.

    :param fields: option -> field of the query service; created_after and created_before always apply.
    :raises ApiError: kind usage, if a time is invalid.
    """
    result = [Condition.of(field, "==", *wanted[option]) for option, field in fields.items() if wanted.get(option)]
    # Filters take whole seconds, so the server may return too many rows; in_time removes them.
    margins = {"created_after": (">=", timedelta(0)), "created_before": ("<=", timedelta(seconds=1))}
    for option, (operator, margin) in margins.items():
        given = wanted.get(option)
        if given:
            then = parse_time(given)
            if not then:
                raise ApiError(
                    USAGE,
                    f"{option} {given!r} is not a time.",
                    hint="Use a UTC time such as 2026-01-31T22:00:00Z, or a time with an offset.",
                )
            result.append(Condition.of("CreationTime", operator, filter_time(then + margin)))
    return result


def conditions_from(filters: Sequence[Any]) -> list[Condition]:
    """Conditions from a user's list of dicts with field, op (== if left out) and value (one or several).

    :raises ApiError: kind usage.
    """
    result = []
    for each in filters:
        if not isinstance(each, dict) or not {"field", "value"} <= set(each) <= {"field", "op", "value"}:
            raise ApiError(
                USAGE,
                f"The filter {each!r} is not a condition.",
                hint="A condition must contain field and value, and may contain op.",
            )
        value = each["value"]
        result.append(
            Condition.of(str(each["field"]), each.get("op", "=="), *(value if isinstance(value, list) else [value]))
        )
    return result


def page_size(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The page size: a small page is enough if few rows are wanted, unless the module itself filters out rows."""
    return {"page_size": wanted["limit"]} if wanted["limit"] and wanted["limit"] < 100 else {}


def among(actual: Any, wanted: Sequence[str] | None) -> bool:
    """Whether a value is wanted, ignoring letter case; an empty list means all."""
    return not wanted or str(actual or "").lower() in [each.lower() for each in wanted]


def in_time(creation_time: str | None, wanted: Mapping[str, Any]) -> bool:
    """Whether something was created between created_after and created_before."""
    created = moment(creation_time)
    after, before = parse_time(wanted.get("created_after")), parse_time(wanted.get("created_before"))
    return not (after and created and created < after) and not (before and created and created > before)


def creation(record: Any) -> datetime:
    """A key that sorts records by their creation; those without one come first."""
    return moment(record["creation_time"]) or datetime.min.replace(tzinfo=timezone.utc)


def refuse_empty(
    wanted: Mapping[str, Any],
    *options: str,
    hint: str = "Leave out {option} to select all, or add at least one entry.",
) -> None:
    """Reject options of the type list that are given but empty: they would select all, or pass every gate.

    :param hint: what to do instead; {option} becomes the name of the option.
    :raises ApiError: kind usage.
    """
    for option in options:
        given = wanted.get(option)
        if given is not None and not any(str(each).strip() for each in given):
            raise ApiError(USAGE, f"{option} is empty.", hint=hint.format(option=option))


def check_limit(wanted: Mapping[str, Any]) -> None:
    """Reject a negative limit.

    :raises ApiError: kind usage.
    """
    if (wanted["limit"] or 0) < 0:
        raise ApiError(USAGE, "limit must be at least 0.", hint="Leave it out to return everything.")


def limited(records: Iterable[Record], limit: int | None) -> list[Record]:
    """The first `limit` records, or all."""
    return list(islice(records, limit))
