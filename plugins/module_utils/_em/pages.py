# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of a query, and the rows on them (em_rest 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Callable

from .._errors import PROTOCOL, ApiError
from .codec import DAMAGED_HINT, as_dict, as_list, members
from .links import links
from .values import whole

# More pages than any listing of 30 days has: a limit for servers whose pages never end.
MAX_PAGES = 20000


def pages(
    read: Callable[[dict[str, Any]], Any], query: dict[str, Any], page_size: int
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a query, page by page, to the end.

    :param read: sends GET /query with these parameters and returns the decoded answer.
    :raises ApiError: kind protocol, if an answer is not a query result or if pages repeat.
    """
    number = 1
    seen: set[tuple[Any, ...]] = set()
    while True:
        answer = read(dict(query, pageSize=page_size, page=number))
        rows = _rows(answer)
        paging = as_dict(as_dict(answer).get("paging_info"))
        here = whole(paging.get("page_num"))
        if here not in (None, number):
            raise _circle(f"The server returned page {here} instead of page {number}.")
        what = tuple(map(row_key, rows))
        if rows and what in seen:
            raise _circle(f"Page {number} contains the same rows as an earlier page.")
        seen.add(what)
        yield rows
        count = whole(paging.get("pages_count"))
        more = number < count if count is not None else _has_next(paging)
        # A page without rows is the last one, even if the server announces more.
        if not more or not rows:
            return
        if number == MAX_PAGES:
            raise _circle(f"The listing did not end after {MAX_PAGES} pages.")
        number += 1


def unique(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each resource once: if new rows arrive during the read, others move to the next page and appear twice."""
    seen = set()
    for row in rows:
        key = row_key(row)
        if key not in seen or not any(key):
            seen.add(key)
            yield row


def row_key(row: dict[str, Any]) -> tuple[str, ...]:
    """The identity of a row.

    It includes the name, because anonymized recordings have one UID for many sessions, and the parent, because a
    computer in two protection groups is listed once for each.
    """
    key = [str(row.get(name) or "") for name in ("uid", "task_id", "href", "name")]
    return tuple(key + [str(link.get("href")) for link in links(row, "Up")])


def _circle(message: str) -> ApiError:
    return ApiError(PROTOCOL, message, hint=DAMAGED_HINT, retryable=True)


def _rows(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, list) and answer:
        return members(answer)
    answer = as_dict(answer)
    parts = [answer.get(name) for name in ("refs", "entities", "resources")]
    if "paging_info" not in answer and not any(parts):
        raise ApiError(PROTOCOL, "The response to a query is not a query result.", hint=DAMAGED_HINT, retryable=True)
    return [row for part in parts for row in members(part)]


def _has_next(paging: dict[str, Any]) -> bool:
    return any(str(as_dict(link).get("rel")).lower() == "next" for link in as_list(paging.get("links")))
