"""XML of the neutral form."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from emsim.tree import Collection, Link, Nested, Node, QueryResult, Repeated, Spoken, Texts

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
NAMESPACE = "http://www.veeam.com/ent/v1.0"  # em_rest 1


def render(thing: Node | Collection | QueryResult) -> bytes:
    """A whole document."""
    if isinstance(thing, Node):
        root = _node(thing)
    elif isinstance(thing, Collection):
        root = ElementTree.Element(thing.element)
        root.extend(map(_node, thing.nodes))
    else:
        root = _query_result(thing)
    root.set("xmlns", NAMESPACE)
    document = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    # em_rest 17.7: .NET writes references to characters that XML does not allow
    return _FORBIDDEN.sub(lambda found: b"&#x%X;" % found.group()[0], document)


def _node(node: Node) -> ElementTree.Element:
    element = ElementTree.Element(node.element)
    element.text = node.text
    known = {"Type": node.type, "Href": node.href, "Name": node.name, "UID": node.uid, **node.attributes}
    for name, value in known.items():
        if value is not None:
            element.set(name, _text(value))
    if node.links:
        ElementTree.SubElement(element, "Links").extend(map(_link, node.links))
    for name, value in node.fields:
        _field(element, name, value)
    return element


def _link(link: Link) -> ElementTree.Element:
    values = {"Rel": link.rel, "Type": link.type, "Href": link.href, "Name": link.name}
    return ElementTree.Element("Link", {name: value for name, value in values.items() if value is not None})


def _field(parent: ElementTree.Element, name: str, value: Any) -> None:
    if value is None:  # em_rest 1: an absent optional element
        return
    if isinstance(value, Repeated):
        parent.extend(map(_node, value.nodes))
    elif isinstance(value, Nested):
        ElementTree.SubElement(parent, name).extend(map(_node, value.nodes))
    elif isinstance(value, Texts):
        holder = parent if value.element is None else ElementTree.SubElement(parent, name)
        for text in value.texts:
            ElementTree.SubElement(holder, value.element or name).text = text
    elif isinstance(value, Node):
        child = _node(value)
        child.tag = name
        parent.append(child)
    else:
        ElementTree.SubElement(parent, name).text = _text(value) or None


def _query_result(result: QueryResult) -> ElementTree.Element:
    root = ElementTree.Element("QueryResult")
    holder = ElementTree.SubElement(root, result.member)
    if result.outer is not None:
        holder = ElementTree.SubElement(holder, result.outer)
    holder.extend(map(_node, result.nodes))
    root.append(_node(result.paging))
    return root


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.xml if isinstance(value, Spoken) else str(value)
