# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed calls to Enterprise Manager. Everything that comes back is decoded; nothing here waits or decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from itertools import islice
from typing import Any, Callable

from .._errors import NOT_FOUND, PROTOCOL, TIMEOUT, USAGE, ApiError, option_missing
from .._http import HttpOptions
from .._progress import UNSEEN, Progress
from .._wait import SYSTEM_CLOCK, Clock, Deadline
from .codec import DAMAGED_HINT, as_dict, members
from .errors import id_hint
from .links import bare_id, checked_id, path_of
from .pages import pages, unique
from .query import Clause, Condition, all_of, checked, split
from .session import Credentials, EmSession

# Rows per page if the module has no option for it. The server's own default is 100 (em_rest 10).
PAGE_SIZE = 500
# Above this many names or ids, reading everything takes fewer requests than asking for each.
FEW = 20
# How often to read a listing whose pages shift, until two readings are equal.
MAX_READINGS = 4


class EmClient:
    """Enterprise Manager as a set of calls within one logon session; a context manager that logs off.

    :ivar warnings: warnings for the user, whatever the outcome.
    :ivar debug_lines: details that help to understand a slow or odd answer.
    :ivar progress: code that waits reports progress to it.
    """

    progress: Progress = UNSEEN

    def __init__(self, session: EmSession) -> None:
        self.session = session
        self.debug_lines = session.debug_lines
        self._namesakes: dict[tuple[str, str], int] = {}

    @classmethod
    def from_params(cls, params: Mapping[str, Any], read_only: bool = False, clock: Clock = SYSTEM_CLOCK) -> EmClient:
        """A client from connection options (the table EM_CONNECTION).

        :raises ApiError: kind usage, when the options are invalid.
        """
        host = (params["host"] or "").strip()
        if not host:
            raise option_missing("host", "VEEAM_EM_HOST")
        if "/" in host or "@" in host or " " in host:
            raise ApiError(
                USAGE, f"host {host!r} is not a host name or an IP address.", hint="Remove https:// and any path."
            )
        if not 0 < params["port"] < 65536:
            raise ApiError(
                USAGE,
                "port %d is not between 1 and 65535." % params["port"],
                hint="The default port of the Enterprise Manager REST API is 9398.",
            )
        if ":" in host:
            if host.count(":") == 1:
                raise ApiError(USAGE, f"host {host!r} contains a port.", hint="Use the option port for it.")
            # An IPv6 address; the zone of a link-local one follows a percent sign (RFC 6874).
            host = "[{}]".format(host.strip("[]").replace("%25", "%").replace("%", "%25"))
        options = HttpOptions.from_params("https://%s:%d/api/" % (host, params["port"]), params)
        credentials = Credentials(params["username"], params["password"], params["session_id"])
        return cls(
            EmSession(
                options,
                credentials,
                api_version=params["api_version"],
                api_format=params["api_format"],
                read_only=read_only,
                clock=clock,
            )
        )

    @property
    def warnings(self) -> list[str]:
        """Warnings for the user."""
        return self.session.warnings

    def warn(self, text: str) -> None:
        """Warn the user, but only once."""
        if text not in self.session.warnings:
            self.session.warnings.append(text)

    @property
    def owned(self) -> bool:
        """True when this client logs on and off itself."""
        return self.session.owned

    @property
    def renewals(self) -> int:
        """How often it has logged on again. Tasks vanish with the logon session that made them (em_rest 4, Scope)."""
        return self.session.renewals

    @property
    def server_time(self) -> float | None:
        """When the server gave its latest answer, by its own clock, in seconds since the epoch."""
        return self.session.transport.server_time

    def now(self) -> datetime:
        """The time by the server's clock, or by this computer's clock if the server does not give it."""
        told = self.server_time
        return datetime.now(timezone.utc) if told is None else datetime.fromtimestamp(told, timezone.utc)

    @property
    def request_timeout(self) -> float:
        """How long a request may take, in seconds."""
        return self.session.transport.options.request_timeout

    def within(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Requests inside end when the deadline passes, or shortly after."""
        return self.session.transport.within(deadline)

    def __enter__(self) -> EmClient:
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.session.close()

    # Tasks (em_rest 4)

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks of this logon session."""
        return members(self.session.read("tasks"))

    def task(self, task_id: str) -> dict[str, Any]:
        """One task of this logon session.

        :raises ApiError: kind not_found for a task of another logon session.
        """
        path = f"tasks/{checked_id(task_id)}"
        return self._checked(path, task_id, "task_id", self.session.read(path))

    def delete_task(self, task_id: str) -> None:
        """Delete a task."""
        self.session.write("DELETE", f"tasks/{checked_id(task_id)}")

    # Actions: each answers with a task

    def act(self, path: str, action: str) -> dict[str, Any]:
        """POST an action on a job or session and return its task.

        :raises ApiError: `outcome_unknown` is set when the action may have taken effect.
        """
        answer = as_dict(self.session.write("POST", path, {"action": action}))
        if not answer.get("task_id"):
            raise ApiError(
                PROTOCOL,
                f"The response to the action {action} on {path} is not a task.",
                hint=DAMAGED_HINT,
                outcome_unknown=True,
                path=path,
            )
        return answer

    # Resources

    def entity(self, collection: str, item_id: str) -> dict[str, Any]:
        """One resource of a collection, all fields.

        :param collection: path, such as agents/jobs.
        :raises ApiError: kind not_found if it does not exist.
        """
        path = f"{collection}/{checked_id(item_id)}"
        return self._checked(path, item_id, "uid", self.session.read(path, {"format": "Entity"}))

    def collection(self, path: str) -> list[dict[str, Any]]:
        """The members of a plain collection, as the server gives them: references or entities."""
        return members(self.session.read(path))

    def linked(self, link: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The collection that a link leads to, on the configured host."""
        return self.collection(path_of(str(link.get("href"))))

    # Query service (em_rest 10)

    def rows(
        self,
        query_type: str,
        filter_text: str | None = None,
        *,
        where: Sequence[Clause] = (),
        sort_by: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
        entities: bool = True,
    ) -> Iterator[dict[str, Any]]:
        """Rows of a query, each once, up to the end or `limit`; pages are read only when they are needed.

        :param filter_text: a filter in the server's grammar.
        :param where: conditions that must all be true; those that the grammar cannot express are checked here.
        """
        if limit is not None and not split(where)[1]:
            page_size = max(1, min(page_size, limit))
        pages_of_rows = self._pages(query_type, filter_text, where, sort_by, descending, page_size, entities)
        found = unique(row for page in pages_of_rows for row in page)
        return islice(checked(found, where), limit)

    def _pages(
        self,
        query_type: str,
        filter_text: str | None,
        where: Sequence[Clause],
        sort_by: str | None,
        descending: bool,
        page_size: int,
        entities: bool = True,
    ) -> Iterator[list[dict[str, Any]]]:
        """A query page by page; the caller must check conditions that the grammar cannot express."""
        remote, local = split(where)
        if local:
            shown = ", ".join(condition.text() for condition in local)
            self.debug_lines.append(
                f"The module filters this itself, because the filter syntax of the server cannot express it: {shown}"
            )
        texts = [filter_text, *remote] if filter_text else remote
        parameters: dict[str, Any] = {"type": query_type}
        if entities or local:
            parameters["format"] = "Entities"
        if sort_by:
            parameters["sortDesc" if descending else "sortAsc"] = sort_by
        if texts:
            parameters["filter"] = all_of(texts)
        return pages(self._page, parameters, page_size)

    def _page(self, asked: dict[str, Any]) -> Any:
        deadline = self.session.transport.deadline
        if asked["page"] > 1 and deadline and deadline.expired():
            raise ApiError(
                TIMEOUT,
                f"The time ran out before the module could read page {asked['page']} of the {asked['type']} listing.",
                hint="Raise the timeout, or narrow the listing with filters.",
                retryable=True,
            )
        return self.session.read("query", asked)

    def query(self, query_type: str, filter_text: str | None = None, **options: Any) -> list[dict[str, Any]]:
        """The rows of `rows` as a list."""
        return list(self.rows(query_type, filter_text, **options))

    def query_any(self, query_type: str, field: str, values: Iterable[str], **options: Any) -> list[dict[str, Any]]:
        """Rows whose field has one of many values: a few requests, however many values."""
        rows: list[dict[str, Any]] = []
        chunk: list[str] = []
        for value in values:
            if chunk and not Condition.of(field, "==", *chunk, value).portable:
                rows.extend(self.query(query_type, where=[Condition.of(field, "==", *chunk)], **options))
                chunk = []
            chunk.append(value)
        if chunk:
            rows.extend(self.query(query_type, where=[Condition.of(field, "==", *chunk)], **options))
        return list(unique(rows))

    def namesakes(self, query_type: str, name: str) -> int:
        """How many resources of a type have exactly this name; the answer is cached."""
        if (query_type, name) not in self._namesakes:
            rows = self.query_any(query_type, "Name", [name], entities=False)
            self._namesakes[query_type, name] = sum(row.get("name") == name for row in rows)
        return self._namesakes[query_type, name]

    def query_whole(
        self,
        query_type: str,
        *,
        where: Sequence[Clause],
        sort_by: str,
        key: Callable[[dict[str, Any]], Any] = lambda row: str(bare_id(row.get("uid"))),
    ) -> tuple[list[dict[str, Any]], bool]:
        """All rows of a listing, and whether it is certain that none is missing.

        If rows come or go while pages are read, others move across the pages. So a listing of several pages counts as
        complete when two consecutive readings are equal. The result has the rows of all readings.

        :param key: gives the identity of a row.
        """
        found: dict[Any, dict[str, Any]] = {}
        before: set[Any] | None = None
        for _reading in range(MAX_READINGS):
            read = list(self._pages(query_type, None, where, sort_by, False, PAGE_SIZE))
            now = {key(row): row for page in read for row in page}
            found.update(now)
            if len(read) <= 1 or now.keys() == before:
                return list(found.values()), True
            before = set(now)
        return list(found.values()), False

    def query_steady(
        self, query_type: str, *, where: Sequence[Clause], sort_by: str
    ) -> tuple[list[dict[str, Any]], bool]:
        """All rows of a listing, in one reading if possible, and whether it is certain that none is missing.

        Rows with the same time may change places between two pages. If one is missed, another comes twice. So a reading
        without duplicates is complete.
        """
        found: dict[str, dict[str, Any]] = {}
        for _reading in range(MAX_READINGS):
            read = 0
            for page in self._pages(query_type, None, where, sort_by, False, PAGE_SIZE):
                read += len(page)
                found.update((str(bare_id(row.get("uid"))), row) for row in page)
            if len(found) >= read:
                return list(found.values()), True
        return list(found.values()), False

    def _checked(self, path: str, item_id: str, key: str, answer: Any) -> dict[str, Any]:
        """The resource of an answer, if it is the requested one."""
        found = members(answer)
        if not found:
            raise ApiError(
                NOT_FOUND,
                f"Enterprise Manager found nothing at {path}.",
                hint=id_hint(path),
                method="GET",
                path=path,
            )
        shown = bare_id(found[0].get(key))
        if shown != bare_id(item_id.strip()):
            # The connection may be one answer behind, so it is not used again.
            self.session.transport.close()
            raise ApiError(
                PROTOCOL,
                f"The server answered the request for {path} with {shown or 'something else'}.",
                hint="The module ignored that response. " + DAMAGED_HINT,
                method="GET",
                path=path,
                retryable=True,
            )
        return found[0]
