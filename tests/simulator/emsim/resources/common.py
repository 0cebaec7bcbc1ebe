"""What all resources share: references, entities, and their links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emsim.ids import urn
from emsim.tree import Collection, Link, Node

Href = Callable[[str], str]  # from a path below /api/ to an address


@dataclass(frozen=True)
class Kind:
    """The names of a kind of key resource: its path, the type word of its UID, its element and the plural."""

    path: str
    uid: str
    element: str
    plural: str

    @property
    def reference(self) -> str:
        """Type of a reference."""
        return f"{self.uid}Reference"


@dataclass(frozen=True)
class Described:
    """A key resource, ready to be rendered as reference or as entity.

    ups: the links both forms begin with. downs: links for both. actions: links of the entity only.
    """

    kind: Kind
    id: str
    name: str
    fields: list[tuple[str, Any]]
    ups: list[Link]
    downs: list[Link]
    actions: list[Link]
    attributes: dict[str, Any]
    path: str = ""  # the target of its Href, if that differs from its own address
    alternate_types: tuple[str, str] = ("", "")  # Type of the Alternate link in the reference and in the entity

    def reference(self, href: Href, element: str = "Ref") -> Node:
        """The reference form."""
        served = f"{self.kind.path}/{self.id}"
        kind = self.alternate_types[0] or self.kind.uid
        alternate = Link("Alternate", href(f"{served}?format=Entity"), kind, self.name)
        return Node(
            element,
            name=self.name,
            uid=urn(self.kind.uid, self.id),
            href=href(f"{self.path or self.kind.path}/{self.id}"),
            type=self.kind.reference,
            links=[*self.ups, alternate, *self.downs],
            is_reference=True,
        )

    def entity(self, href: Href) -> Node:
        """The entity form."""
        served = f"{self.kind.path}/{self.id}"
        kind = self.alternate_types[1] or self.kind.reference
        return Node(
            self.kind.element,
            self.fields,
            self.attributes,
            name=self.name,
            uid=urn(self.kind.uid, self.id),
            href=href(f"{self.path or self.kind.path}/{self.id}?format=Entity"),
            type=self.kind.uid,
            links=[*self.ups, Link("Alternate", href(served), kind, self.name), *self.downs, *self.actions],
        )


def references(found: list[Described], href: Href) -> Collection:
    """A collection of references."""
    return Collection("EntityReferences", "Refs", [one.reference(href) for one in found])


def entities(kind: Kind, found: list[Described], href: Href) -> Collection:
    """A collection of entities."""
    return Collection(kind.plural, kind.plural, [one.entity(href) for one in found])


def server_link(href: Href, server_id: str, name: str) -> Link:
    """The link to the backup server that everything has."""
    return Link("Up", href(f"backupServers/{server_id}"), "BackupServerReference", name)
