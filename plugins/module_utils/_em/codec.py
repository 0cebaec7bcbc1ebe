# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes XML and JSON bodies into one form.

The form: a dict with snake_case keys (`CreationTimeUTC`, `creationTimeUTC` -> `creation_time_utc`); attributes and
child elements are both members; a wrapper that contains only one list is that list; null, absent and empty are
all absent; numbers and booleans are typed. The root element's name is dropped (em_rest 1, JSON shape).
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Callable

from .._errors import PROTOCOL, ApiError
from .charset import readable

XMLTODICT_IMPORT_ERROR = None if find_spec("xmltodict") else "No module named 'xmltodict'."

# Children that repeat although their parent is not named after them.
_REPEATED = frozenset(
    (
        "Link",
        "Ref",
        "Day",
        "Days",
        "Months",
        "Path",
        "Extensions",
        "VlanIds",
        "NASObject",
        "NasObject",
        "ObjectInJob",
        "ObjectInAgentBackupJob",
    )
)
# Always text, whatever it looks like: a machine may be called 007, a description may be "true".
_TEXT = re.compile(
    r"(name|description|message|reason|version|uid|id|address|path|value|username|password|folder|href)$"
)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})$")
_TIME_OF_DAY = re.compile(r"(?:\d{4}-\d\d-\d\dT)?(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$")
# Keys that distinguish an object from a wrapper.
_IDENTITY = frozenset(("uid", "href", "task_id", "session_id"))
# The server's own misspelling in JSON (em_rest 1, JSON shape).
_ALIASES = {"retry_specified1": "retry_specified"}
DAMAGED_HINT = "Check whether a proxy or firewall on the way to the server changes or truncates responses."
# Deeper than any answer of the server. Deeper data could be neither processed nor returned.
MAX_DEPTH = 100
# An unterminated text extends to the end of the body; otherwise the search would begin again at each quote.
_BRACKET_OR_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)).difference(b"{}[]"))
_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")
# Characters that XML 1.0 does not allow, raw or as references (em_rest 17.7).
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,9}));")


class _TooDeep(ValueError):
    """An answer is nested deeper than MAX_DEPTH."""

    def __init__(self) -> None:
        super().__init__(f"it is nested more than {MAX_DEPTH} levels deep")


def snake(key: str) -> str:
    """`CreationTimeUTC` and `creationTimeUTC` both become `creation_time_utc`."""
    key = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", key)
    key = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()
    # A key such as items or keys would hide the dict's method in templates.
    return _ALIASES.get(key, f"{key}_" if hasattr(dict, key) else key)


def decode(body: bytes, note: Callable[[str], object] = str) -> Any:
    """Decode a body, whatever format its headers claim.

    :param note: called with a sentence if something had to be dropped or guessed to read the body.
    :returns: a dict, or a list where the root is a collection.
    :raises ApiError: kind protocol, if it is empty, or neither XML nor JSON.
    """
    if body[:1] in (b"\xef", b"\xfe", b"\xff") or b"\0" in body[:4]:
        # Older servers put a byte order mark before JSON (em_rest 1, JSON shape). Other encodings are detected.
        body = readable(body).encode("utf-8")
    start = body[:4096].lstrip()[:40]
    if not start:
        raise ApiError(PROTOCOL, "The response is empty.", hint=DAMAGED_HINT, retryable=True)
    try:
        if start[:1] in b"{[":
            return _from_json(body, note)
        if start[:1] == b"<" and not re.match(rb"(?i)<(!doctype\s+html|html)", start):
            return _from_xml(body.lstrip(), note)
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, LookupError) as error:
        raise _unreadable(f"The response cannot be decoded: {_one_line(error)}.") from error
    except Exception as error:
        # expat's error type derives from Exception only.
        if type(error).__name__ != "ExpatError":
            raise
        raise _unreadable(f"The response is not well-formed XML: {_one_line(error)}.") from error
    raise ApiError(
        PROTOCOL,
        "The response is neither XML nor JSON. It starts with {!r}.".format(start.decode("utf-8", "replace")),
        hint="Check host and port (default 9398). A proxy or another service may have answered.",
        retryable=True,
    )


def members(decoded: Any) -> list[dict[str, Any]]:
    """The objects of a collection, in any of its forms (em_rest 15, trap 22)."""
    if isinstance(decoded, dict):
        if not _IDENTITY.isdisjoint(decoded):
            return [decoded]
        found: list[dict[str, Any]] = []
        for key, value in decoded.items():
            if key not in ("links", "paging_info"):
                found.extend(members(value))
        return found
    if isinstance(decoded, list):
        return [item for item in decoded if isinstance(item, dict)]
    return []


def as_list(value: Any) -> list[Any]:
    """A value as a list: the value may be a list, a single item, or nothing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def as_dict(value: Any) -> dict[str, Any]:
    """`value` if it is a dict, else {}."""
    return value if isinstance(value, dict) else {}


def _unreadable(message: str) -> ApiError:
    return ApiError(PROTOCOL, message, hint=DAMAGED_HINT, retryable=True)


def _one_line(error: BaseException) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


# JSON: everything happens in the parser's hooks, since a second pass would cost as much as parsing.


def _from_json(body: bytes, note: Callable[[str], object]) -> Any:
    if _is_deep(body):
        raise _TooDeep
    text = readable(body, note)
    if b"\\" in body and _SURROGATE.search(text):
        # Lone surrogates cannot be encoded again; pairs are one character, and stay.
        text = json.dumps(json.loads(text, strict=False), ensure_ascii=False)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # Some servers do not escape control characters in texts: not strict.
    return json.loads(text, strict=False, object_pairs_hook=_json_object, parse_float=_float, parse_constant=_none)


def _is_deep(body: bytes) -> bool:
    """Whether brackets are nested more than MAX_DEPTH levels deep."""
    left = body.translate(None, _NOT_BRACKETS)
    for _level in range(MAX_DEPTH):
        fewer = left.replace(b"{}", b"").replace(b"[]", b"")
        if len(fewer) == len(left):
            break
        left = fewer
    if not left:
        return False
    # Brackets in texts do not count, but recognizing them takes longer.
    depth = 0
    for each in _BRACKET_OR_TEXT.finditer(body):
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(each.group(), 0)
        if depth > MAX_DEPTH:
            return True
    return False


class _Keys(dict[str, str]):
    """The keys of names that were seen before; a dict is the fastest cache."""

    def __missing__(self, name: str) -> str:
        key = snake(name)
        if len(self) < _MANY_KEYS:
            self[name] = key
        return key


_MANY_KEYS = 4096
_keys = _Keys()


def _json_object(pairs: list[tuple[str, Any]]) -> Any:
    # False and 0 are values; null, "", [] and {} are absent.
    result = {_keys[name]: value for name, value in pairs if value or value is False or value == 0}
    if len(result) == 1:
        return _unwrapped(result)
    if "time" in result and isinstance(result["time"], str):
        result["time"] = _time_of_day(result["time"])
    return result


def _float(text: str) -> float | None:
    value = float(text)
    return value if abs(value) < float("inf") else None


def _none(_text: str) -> None:
    """NaN and Infinity are not values."""


# XML


def _from_xml(body: bytes, note: Callable[[str], object]) -> Any:
    if b"<!DOCTYPE" in body:
        # The server never sends one. How xmltodict handles entities differs between releases.
        raise ValueError(
            "it contains a document type declaration, which is not allowed because it could define entities"
        )
    # Imported only when needed: most servers answer with JSON.
    import xmltodict  # pylint: disable=import-outside-toplevel

    def parse(document: bytes) -> Any:
        return xmltodict.parse(
            document,
            encoding=None,
            disable_entities=True,
            attr_prefix="",
            cdata_key="Value",
            # Blanks around a text belong to it, as in JSON.
            strip_whitespace=False,
        )

    try:
        document = parse(body)
    except Exception as error:
        if type(error).__name__ != "ExpatError":
            raise
        mended = _mended(body, note)
        if mended == body:
            raise
        document = parse(mended)
    name, root = next(iter(document.items()))
    return _xml_object(root, name) if isinstance(root, dict) else {}


def _mended(body: bytes, note: Callable[[str], object]) -> bytes:
    """A document without a wrong declaration and without characters that XML does not allow."""

    def allowed(reference: re.Match[str]) -> str:
        number = int(reference.group(1), 16) if reference.group(1) else int(reference.group(2))
        bad = number > 0x10FFFF or 0xD800 <= number < 0xE000 or _FORBIDDEN.match(chr(number))
        return "" if bad else reference.group()

    text = readable(body, note).lstrip()
    if text.startswith("<?xml"):
        text = text.partition("?>")[2]
    clean = _FORBIDDEN.sub("", _REFERENCE.sub(allowed, text))
    if len(clean) != len(text):
        note("A response contained characters that XML does not allow. They were removed.")
    return clean.encode("utf-8")


@lru_cache(maxsize=4096)
def _repeats(parent: str, name: str) -> bool:
    """Whether a child belongs to a list: it is known to repeat, or its parent is named after its plural."""
    plurals = (name + "s", name + "es", name[:-1] + "ies")
    return name in _REPEATED or (len(parent) > 3 and any(plural.endswith(parent) for plural in plurals))


@lru_cache(maxsize=4096)
def _member(parent: str, name: str) -> tuple[str, bool, bool, bool]:
    """How to convert an element or attribute: its key, and whether it is dropped, always a text, or part of a list."""
    key = snake(name)
    return key, name.startswith(("xmlns", "xsi:")), bool(_TEXT.search(key)), _repeats(parent, name)


def _xml_object(element: dict[str, Any], parent: str, depth: int = 1) -> Any:
    if depth > MAX_DEPTH:
        raise _TooDeep
    result: dict[str, Any] = {}
    for name, value in element.items():
        key, dropped, is_text, repeats = _member(parent, name)
        if dropped or (name == "Value" and isinstance(value, str) and not value.strip()):
            # The white space between child elements is layout.
            continue
        if isinstance(value, dict):
            value = _xml_object(value, name, depth + 1)
        elif isinstance(value, list):
            value = [
                _xml_object(each, name, depth + 1) if isinstance(each, dict) else _xml_value(each, key, is_text)
                for each in value
            ]
        else:
            value = _xml_value(value, key, is_text)
        if repeats and not isinstance(value, list):
            value = [value]
        if value or value is False or value == 0:
            result[key] = value
    return _unwrapped(result) if len(result) == 1 else result


def _xml_value(value: Any, key: str, is_text: bool) -> Any:
    if value is None:
        return None
    if not is_text:
        value = value.strip()
        if value in ("true", "false"):
            return bool(value == "true")
        if _INTEGER.match(value):
            return int(value)
    return _time_of_day(value) if key == "time" else value


def _time_of_day(value: str) -> str:
    """XML gives a time of day, JSON a full timestamp of some day (em_rest 1, JSON shape)."""
    match = _TIME_OF_DAY.match(value)
    return match.group(1) if match else value


def _unwrapped(result: dict[str, Any]) -> Any:
    """A wrapper that contains one list becomes that list. If a resource consists only of links, they stay a member."""
    key, value = next(iter(result.items()))
    return value if isinstance(value, list) and key != "links" else result
