# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client for plugins other than modules: checks options, makes errors safe to show, and always logs off."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Callable

from . import _signals
from ._em.client import EmClient
from ._em.codec import XMLTODICT_IMPORT_ERROR
from ._errors import USAGE, ApiError, as_error, learnt_by, library_missing, option_missing
from ._http import REQUESTS_IMPORT_ERROR
from ._options import EM_CONNECTION
from ._text import Secrets, clean, presentable

_TRUE = frozenset(("1", "on", "t", "true", "y", "yes"))
_FALSE = frozenset(("0", "f", "false", "n", "no", "off"))
# What a plugin tells if validate_certs is false.
NOT_VERIFIED = "validate_certs is false, so the identity of the server is not verified."


def connection(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All connection options of the table EM_CONNECTION: as given, else from the environment, else the default.

    For callers whose options are neither completed nor checked; Ansible does that for its own plugins.

    :raises ApiError: kind usage, for a value that does not fit or a required one that is missing.
    """
    environ = os.environ if environ is None else environ
    result = {}
    for name, (spec, variable) in EM_CONNECTION.items():
        value = given.get(name)
        if value is None and variable:
            value = environ.get(variable)
        if value is None:
            value = spec.get("default")
        if value is None and spec.get("required"):
            raise option_missing(name, variable)
        result[name] = None if value is None else typed(name, spec, value)
    return result


def typed(name: str, spec: Mapping[str, Any], value: Any) -> Any:
    """A value as its option's type.

    :raises ApiError: kind usage, for a value that does not fit.
    """
    try:
        typed = _TYPES[spec["type"]](value)
    except (TypeError, ValueError):
        # The value may be a secret in the wrong place.
        raise ApiError(
            USAGE, f"The value of {name} is not a valid {spec['type']}.", hint=f"Set {name} to a value of this type."
        ) from None
    if typed not in spec.get("choices", [typed]):
        raise ApiError(
            USAGE, f"{name} has an unknown value.", hint=f"{name} must be one of {', '.join(spec['choices'])}."
        )
    return typed


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list, tuple)):
        raise TypeError
    return str(value)


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in (value if isinstance(value, (list, tuple)) else [value])]


_TYPES: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "int": lambda value: int(_text(value)),
    "float": lambda value: float(_text(value)),
    "bool": _flag,
    "list": _texts,
    "path": lambda value: os.path.expanduser(os.path.expandvars(_text(value))),
}


def require_libraries() -> None:
    """Check that the libraries that the client needs are installed.

    :raises ApiError: kind usage, if one is missing.
    """
    error = library_missing({"requests": REQUESTS_IMPORT_ERROR, "xmltodict": XMLTODICT_IMPORT_ERROR})
    if error:
        raise error


@contextmanager
def em_client(options: Mapping[str, Any], tell: Callable[[str], None] = lambda _text: None) -> Iterator[EmClient]:
    """A read-only client that logs off at the end of the block, however the block ends.

    In the main thread, a signal that would end the process takes effect after the log-off.

    :param options: all connection options, of the right types.
    :param tell: called with each warning, which is safe to show.
    :raises ApiError: for any failure, with a message that is safe to show.
    """
    client = None
    try:
        require_libraries()
        if not options["validate_certs"]:
            tell(NOT_VERIFIED)
        client = EmClient.from_params(options, read_only=True)
        with _signals.passed_on():
            try:
                yield client
            finally:
                with _signals.held():
                    client.session.close()
    except Exception as problem:  # pylint: disable=broad-except
        # Not "from problem": its words have not been cleaned.
        raise shown(problem, client) from None
    finally:
        for text in client.warnings if client else ():
            tell(clean(_secrets(client).scrub(text)))


def shown(problem: Exception, client: EmClient | None) -> ApiError:
    """A failure as an ApiError without secrets and control characters."""
    error = as_error(problem)
    secrets = _secrets(client)
    return error.restated(
        clean(secrets.scrub(error.message)),
        hint=clean(secrets.scrub(error.hint)),
        em_message=clean(secrets.scrub(error.em_message)) if error.em_message else None,
        learnt=presentable(learnt_by(problem), secrets),
    )


def _secrets(client: EmClient | None) -> Secrets:
    return client.session.secrets if client else Secrets()
