# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML and JSON bodies into one form.

The form: a dict with snake_case keys (`CreationTimeUTC`, `creationTimeUTC` -> `creation_time_utc`); attributes and
child elements alike are members; a wrapper that holds nothing but one list is that list; null, absent and empty are
all absent; numbers and booleans are typed. The root element's name is dropped (em_rest 1, JSON shape).
"""

from __future__ import annotations

import json
import re
import traceback
from typing import Any

from .._errors import PROTOCOL, ApiError

XMLTODICT_IMPORT_ERROR: str | None
try:
    import xmltodict
except ImportError:
    XMLTODICT_IMPORT_ERROR = traceback.format_exc()
else:
    XMLTODICT_IMPORT_ERROR = None

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
# Text whatever it looks like: a machine may be called 007, a description may read "true".
_TEXT = re.compile(
    r"(name|description|message|reason|version|uid|id|address|path|value|username|password|folder|href)$"
)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})$")
_TIME_OF_DAY = re.compile(r"(?:\d{4}-\d\d-\d\dT)?(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$")
# What tells an object from a wrapper.
_IDENTITY = frozenset(("uid", "href", "task_id", "session_id"))
# The server's own misspelling in JSON (em_rest 1, JSON shape).
_ALIASES = {"retry_specified1": "retry_specified"}
DAMAGED_HINT = "See whether something between here and the server changes or cuts the answers."


def snake(key: str) -> str:
    """`CreationTimeUTC` and `creationTimeUTC` both become `creation_time_utc`."""
    key = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", key)
    key = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()
    # A member called items or keys would hide a dict's method from templates.
    return _ALIASES.get(key, f"{key}_" if hasattr(dict, key) else key)


def decode(body: bytes) -> Any:
    """Decode a body, whatever format it says it has.

    :returns: a dict, or a list where the root is a collection.
    :raises ApiError: kind protocol, when it is empty or neither XML nor JSON.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        # Older servers put a byte order mark before JSON (em_rest 1, JSON shape).
        body = body[3:]
    text = body.lstrip()
    if not text:
        raise ApiError(PROTOCOL, "The answer has no body.", hint=DAMAGED_HINT, retryable=True)
    try:
        if text[:1] in b"{[":
            return _from_json(json.loads(text.decode("utf-8")))
        if text[:1] == b"<" and not re.match(rb"(?i)<(!doctype\s+html|html)", text):
            return _from_xml(text)
    except ApiError:
        raise
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError, LookupError) as error:
        raise ApiError(
            PROTOCOL,
            f"The answer cannot be read: {_one_line(error)}.",
            hint=DAMAGED_HINT,
            retryable=True,
        ) from error
    except Exception as error:
        # expat's error type derives from Exception only.
        if type(error).__name__ != "ExpatError":
            raise
        raise ApiError(
            PROTOCOL,
            f"The answer is not well-formed XML: {_one_line(error)}.",
            hint=DAMAGED_HINT,
            retryable=True,
        ) from error
    raise ApiError(
        PROTOCOL,
        "The answer is neither XML nor JSON; it begins with {!r}.".format(text[:40].decode("utf-8", "replace")),
        hint="Check host and port (9398 is the default): a proxy or another service may have answered.",
        retryable=True,
    )


def members(decoded: Any) -> list[dict[str, Any]]:
    """The objects of a collection, in whichever of its shapes it came (em_rest 15, trap 22)."""
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
    """A list of what may be a list, one thing, or nothing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def as_dict(value: Any) -> dict[str, Any]:
    """`value` if it is a dict, else {}."""
    return value if isinstance(value, dict) else {}


def _one_line(error: BaseException) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _from_json(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return _object([(name, _from_json(child, snake(name))) for name, child in value.items()])
    if isinstance(value, list):
        return [_from_json(child, key) for child in value]
    if isinstance(value, str):
        # A lone surrogate cannot be written out again.
        return _text(key, value.encode("utf-8", "replace").decode("utf-8"))
    return value


def _from_xml(body: bytes) -> Any:
    document = xmltodict.parse(
        body,
        encoding=None,
        disable_entities=True,
        attr_prefix="",
        cdata_key="Value",
        force_list=_is_repeated,
        # Blanks around a text are part of it, as they are in JSON.
        strip_whitespace=False,
    )
    root = next(iter(document.values()))
    value = _element(root, "")
    return value if isinstance(value, (dict, list)) else {}


def _is_repeated(path: Any, key: str, _value: Any) -> bool:
    """Whether an XML child is a member of a list: it is known to repeat, or its plural ends with its parent's name."""
    parent = path[-1][0] if path else ""
    plurals = (key + "s", key + "es", key[:-1] + "ies")
    return key in _REPEATED or (len(parent) > 3 and any(plural.endswith(parent) for plural in plurals))


def _is_layout(key: str, value: Any) -> bool:
    """Whether this is only the white space between child elements."""
    return key == "Value" and isinstance(value, str) and not value.strip()


def _element(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return _object(
            [
                (name, _element(child, snake(name)))
                for name, child in value.items()
                if not name.startswith(("xmlns", "xsi:")) and not _is_layout(name, child)
            ]
        )
    if isinstance(value, list):
        return [_element(child, key) for child in value]
    if value is None:
        return None
    if not _TEXT.search(key):
        value = value.strip()
        if value in ("true", "false"):
            return value == "true"
        if _INTEGER.match(value):
            return int(value)
    return _text(key, value)


def _text(key: str, value: str) -> str:
    if key == "time":
        # XML gives a time of day, JSON a full timestamp of some day (em_rest 1, JSON shape).
        match = _TIME_OF_DAY.match(value)
        return match.group(1) if match else value
    return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """A dict without empty members; a wrapper that holds one list is that list."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        if value in (None, "", [], {}):
            continue
        result[snake(name)] = value
    if len(result) == 1:
        key, value = next(iter(result.items()))
        # A resource may consist of links only; its Links are still a member (em_rest 1, Conventions).
        if isinstance(value, list) and key != "links":
            return value
    return result
