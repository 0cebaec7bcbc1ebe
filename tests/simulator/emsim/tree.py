"""One neutral form of an answer, from which XML and JSON are made. em_rest 1, JSON shape, has the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """em_rest 1: Rel and Href always, Type only on links to resources, Name only on key resources."""

    rel: str
    href: str
    type: str | None = None
    name: str | None = None


@dataclass
class Node:
    """An object: in XML an element. Fields are its children, attributes are attributes in XML only.

    `links` None: the object has none, and no Href and Type either (a nested object).
    """

    element: str
    fields: list[tuple[str, Any]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    uid: str | None = None
    href: str | None = None
    type: str | None = None
    links: list[Link] | None = None
    text: str | None = None  # the text of the element, in JSON a member Value
    is_reference: bool = False  # JSON puts the Links of a reference before its UID and Name


@dataclass
class Nested:
    """A list inside an object: XML children below the field, JSON a wrapper named by the plural."""

    json_key: str
    nodes: list[Node]


@dataclass
class Repeated:
    """Objects right below the parent: XML elements of their own name, JSON an array under `json_key`."""

    json_key: str
    nodes: list[Node]


@dataclass
class Texts:
    """Simple values: XML repeats the field, or `element` inside the field; JSON is a plain array."""

    texts: list[str]
    element: str | None = None


@dataclass
class Spoken:
    """A value that is written differently in XML and in JSON (time of day, odd flags)."""

    xml: str
    json: Any


@dataclass
class Collection:
    """A top-level list."""

    element: str
    json_key: str
    nodes: list[Node]


@dataclass
class QueryResult:
    """em_rest 10: `member` is Refs, Entities or Resources; `outer` its child (None for Refs), `inner` its JSON list."""

    member: str
    outer: str | None
    inner: str
    nodes: list[Node]
    paging: Node
