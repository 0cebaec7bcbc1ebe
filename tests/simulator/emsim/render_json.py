"""JSON of the neutral form, as the generations of the product write it."""

from __future__ import annotations

import json
import re
from typing import Any

from emsim.profiles import Profile
from emsim.tree import Collection, Link, Nested, Node, QueryResult, Repeated, Spoken, Texts

_NAMES = {"RetrySpecified": "RetrySpecified1"}  # em_rest 1, JSON shape

# em_rest 1: all keys below Entities are present, all but the requested one are null; two are misspelled there
_ENTITIES = (
    "Jobs",
    "FailoverPlans",
    "Backups",
    "Replicas",
    "Repositories",
    "RestorePoints",
    "BackupJobSessions",
    "ReplicaJobSessions",
    "ReplicaTaskSessions",
    "RestoreSessions",
    "BackupTaskSessions",
    "BackupServers",
    "ManagedServers",
    "EnterpiseRoles",
    "EnterpiseAccounts",
    "AgentRestorePoints",
    "AgentBackupJob",
    "AgentProtectionGroups",
    "DiscoveredComputers",
    "FileServers",
    "NASJobs",
)


def render(thing: Node | Collection | QueryResult, profile: Profile, empty_lists: str = "") -> bytes:
    """A whole document. `empty_lists` overrides the profile."""
    writer = _Writer(profile, empty_lists or profile.empty_lists)
    return writer.encode(writer.document(thing))


def encode(content: Any, profile: Profile) -> bytes:
    """Plain content in the key case of the profile."""
    return _Writer(profile, "").encode(content)


class _Writer:
    def __init__(self, profile: Profile, empty_lists: str) -> None:
        self._profile = profile
        self._empty = empty_lists

    def encode(self, content: Any) -> bytes:
        text = json.dumps(_camel(content) if self._profile.camel_case else content, ensure_ascii=False)
        return (b"\xef\xbb\xbf" if self._profile.byte_order_mark else b"") + text.encode("utf-8")

    def document(self, thing: Node | Collection | QueryResult) -> dict[str, Any]:
        if isinstance(thing, Node):
            return self._node(thing)
        if isinstance(thing, Collection):
            return self._list(thing.json_key, thing.nodes) or {}
        return self._query_result(thing)

    def _list(self, key: str, nodes: list[Node]) -> dict[str, Any] | None:
        if nodes or self._empty == "brackets":
            return {key: [self._node(node) for node in nodes]}
        return {key: None} if self._empty == "null" else None

    def _node(self, node: Node) -> dict[str, Any]:
        out: dict[str, Any] = {}
        own = [(_NAMES.get(name, name), self._value(value), value) for name, value in node.fields]
        for name, value, kind in own:
            self._put(out, kind.json_key if isinstance(kind, Repeated) else name, value)
        for name, value in node.attributes.items():
            self._put(out, name, self._value(value))
        if node.text is not None:
            out["Value"] = node.text
        if node.links is None:
            return out
        tail: dict[str, Any] = {}
        links = [self._link(link) for link in node.links] or None
        if not node.is_reference and node.uid is not None:
            tail = {"Name": node.name, "UID": node.uid}
        self._put(tail, "Links", links)
        if node.is_reference:
            tail.update(UID=node.uid, Name=node.name)
        self._put(tail, "Href", node.href)
        self._put(tail, "Type", node.type)
        return {**out, **tail}

    def _link(self, link: Link) -> dict[str, Any]:
        out: dict[str, Any] = {"Rel": link.rel, "Href": link.href}
        self._put(out, "Name", link.name)
        self._put(out, "Type", link.type)
        return out

    def _put(self, out: dict[str, Any], name: str, value: Any) -> None:
        if value is not None or self._profile.nulls:
            out[name] = value

    def _value(self, value: Any) -> Any:
        if isinstance(value, Node):
            return self._node(value)
        if isinstance(value, Nested):
            return self._list(value.json_key, value.nodes)
        if isinstance(value, Repeated):
            return [self._node(node) for node in value.nodes]
        if isinstance(value, Texts):
            return value.texts
        return value.json if isinstance(value, Spoken) else value

    def _query_result(self, result: QueryResult) -> dict[str, Any]:
        content: Any = self._list(result.inner, result.nodes)
        if result.outer is not None:
            others = _ENTITIES if result.member == "Entities" and self._profile.nulls else ()
            content = {**dict.fromkeys(others), result.outer: content}
        out: dict[str, Any] = {}
        for member in ("Refs", "Entities", "Resources"):
            self._put(out, member, content if member == result.member else None)
        self._put(out, "Links", None)
        paging = self._node(result.paging)
        out["PagingInfo"] = {name: paging[name] for name in ("Links", "PageNum", "PageSize", "PagesCount")}
        return out


def _camel(content: Any) -> Any:
    if isinstance(content, dict):
        return {_camel_key(key): _camel(value) for key, value in content.items()}
    return [_camel(item) for item in content] if isinstance(content, list) else content


def _camel_key(key: str) -> str:
    """Lower-case the first letters as .NET does: UID, uid; NASJobs, nasJobs; CreationTimeUTC, creationTimeUTC."""
    head = re.match(r"[A-Z]+(?![a-z])|[A-Z]", key)
    return key[: head.end()].lower() + key[head.end() :] if head else key
