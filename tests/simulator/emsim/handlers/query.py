"""GET /query and /querySvc (em_rest 10)."""

from __future__ import annotations

import math
import operator
import random
from urllib.parse import parse_qsl, quote_plus

from emsim.context import ApiError, Context, Reply
from emsim.query.compare import check, sort_key
from emsim.query.grammar import BadFilter, parse
from emsim.query.types import QUERY_TYPES, QueryType, Row
from emsim.tree import Link, Node, QueryResult

_MANY_SELECTIONS = 8


def service(context: Context) -> Reply:
    """Ready-made links, one per type."""
    up = Link("Up", context.href(f"logonSessions/{context.logon.id}"), "LogonSession")
    links = [up]
    for kind in QUERY_TYPES.values():
        field = "TaskUid" if kind.name == "Task" else "name"  # em_rest 10
        path = f"query?type={kind.name}&format=Entities&sortAsc={field}&pageSize=15&page=1"
        links.append(Link("Down", context.href(path), f"{kind.name}List"))
    return Reply(Node("QuerySvc", href=context.href("querySvc"), type="QueryService", links=links))


def query(context: Context) -> Reply:
    """One page of resources."""
    params = context.request.params
    kind = QUERY_TYPES.get(params.get("type", "").lower())  # em_rest 10: names in any case
    if kind is None:
        raise ApiError(400, f"Invalid query type {params.get('type', '')}")
    if kind.admin_only and context.logon.user.role != "portal_administrator":
        raise ApiError(403, "Access denied")  # em_rest 2, roles
    rows = _kept(context, kind, params)
    if context.settings.unstable_order:
        context.counts["queries"] += 1
        rows = list(rows)
        random.Random(context.counts["queries"]).shuffle(rows)
    size = _number(params, "pagesize", context.settings.page_size)  # em_rest 15.15: 100 unless asked otherwise
    page = _number(params, "page", 1)
    count = max(1, math.ceil(len(rows) / size))  # em_rest 10: an empty result has one page
    shown = rows[(page - 1) * size : page * size]
    entities = params.get("format", "").lower() == "entities"
    paging = Node(
        "PagingInfo",
        attributes={"PagesCount": count, "PageSize": size, "PageNum": page},
        links=_page_links(context, size, page, count),
    )
    if kind.member == "Resources" or entities:
        outer = context.settings.agent_query_wrapper if kind.name == "AgentBackupJob" else kind.outer
        nodes = [row["make"](context, False) for row in shown]
        return Reply(QueryResult(kind.member, outer, kind.inner, nodes, paging))
    return Reply(QueryResult("Refs", None, "Refs", [row["make"](context, True) for row in shown], paging))


def _kept(context: Context, kind: QueryType, params: dict[str, str]) -> list[Row]:
    """The requested rows.

    The next page of a listing requests the same rows: if nothing has changed, they are neither filtered nor sorted
    again.
    """
    rows = kind.rows(context)
    asked = (kind.name, *(params.get(name, "") for name in ("filter", "sortasc", "sortdesc")))
    kept = context.state.selections.get(asked)
    if kept is None or len(kept[0]) != len(rows) or not all(map(operator.is_, kept[0], rows)):
        kept = (rows, _selected(kind, rows, params))
        while len(context.state.selections) >= _MANY_SELECTIONS:
            del context.state.selections[next(iter(context.state.selections))]
        context.state.selections[asked] = kept
    return kept[1]


def _selected(kind: QueryType, rows: list[Row], params: dict[str, str]) -> list[Row]:
    try:
        if params.get("filter"):
            test = check(parse(params["filter"]), kind.fields)
            rows = [row for row in rows if test(row)]
        # the order without sorting is not documented: by UID, so that nothing relies on a different one
        rows = sorted(rows, key=lambda row: row.get("UID", ""))
        for name in ("sortasc", "sortdesc"):
            if params.get(name):
                rows = sorted(rows, key=sort_key(params[name], kind.fields), reverse=name == "sortdesc")
    except BadFilter as problem:
        raise ApiError(400, str(problem)) from None
    return rows


def _number(params: dict[str, str], name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise ApiError(400, f"Invalid {name} {text}")
    return int(text)


def _page_links(context: Context, size: int, page: int, count: int) -> list[Link]:
    """em_rest 10: First, Next if there is one, Last; they repeat the query, with page size and page."""
    echoed = [
        f"{name}={quote_plus(value)}"
        for name, value in parse_qsl(context.request.query, keep_blank_values=True)
        if name.lower() not in ("pagesize", "page")
    ]

    def link(rel: str, number: int) -> Link:
        return Link(rel, context.href("query?" + "&".join([*echoed, f"pageSize={size}", f"page={number}"])))

    following = [link("Next", page + 1)] if page < count else []
    return [link("First", 1), *following, link("Last", count)]
