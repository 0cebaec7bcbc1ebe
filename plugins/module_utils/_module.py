# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only glue to AnsibleModule: options in, client out, errors to fail_json, log-off always."""

from __future__ import annotations

import os
import signal
import traceback
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ._conductor.client import ConductorClient
from ._em.client import EmClient
from ._em.codec import XMLTODICT_IMPORT_ERROR
from ._errors import PROTOCOL, TIMEOUT, ApiError, Interrupted, learnt_by
from ._http import REQUESTS_IMPORT_ERROR
from ._options import CONDUCTOR_CONNECTION, EM_CONNECTION, WAIT

Work = Callable[[Any, AnsibleModule], "dict[str, Any]"]


def option_spec(*tables: dict[str, tuple[dict[str, Any], str | None]], **defaults: Any) -> dict[str, Any]:
    """Argument spec of option groups.

    :param defaults: option name -> default, where a module differs from the table.
    """
    result = {}
    for table in tables:
        for name, (spec, environment) in table.items():
            spec = dict(spec)
            if environment:
                spec["fallback"] = (env_fallback, [environment])
            if name in defaults:
                spec["default"] = defaults[name]
            result[name] = spec
    return result


def without(table: dict[str, tuple[dict[str, Any], str | None]], *names: str) -> dict[str, Any]:
    """An option group without some of its options."""
    return {name: entry for name, entry in table.items() if name not in names}


WAIT_ALWAYS = without(WAIT, "wait")


def run_em(spec: dict[str, Any], work: Work, **kwargs: Any) -> None:
    """Run a veeam_em_* module.

    :param spec: the module's own options, and waiting options where it waits.
    :param work: gets the client (logged on when first used) and the module; returns the result.
    """
    libraries = {"requests": REQUESTS_IMPORT_ERROR, "xmltodict": XMLTODICT_IMPORT_ERROR}
    _run(dict(option_spec(EM_CONNECTION), **spec), work, EmClient, libraries, kwargs)


def run_conductor(spec: dict[str, Any], work: Work, **kwargs: Any) -> None:
    """Run a conductor_* module; as run_em."""
    libraries = {"requests": REQUESTS_IMPORT_ERROR}
    _run(dict(option_spec(CONDUCTOR_CONNECTION), **spec), work, ConductorClient, libraries, kwargs)


def _run(
    spec: dict[str, Any], work: Work, client_class: Any, libraries: dict[str, str | None], kwargs: dict[str, Any]
) -> None:
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, **kwargs)
    for library, missing in libraries.items():
        if missing:
            module.fail_json(msg=missing_required_lib(library), exception=missing)
    if not module.params["validate_certs"]:
        module.warn("Certificate checking is switched off by validate_certs: the server's identity is not known.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    client = None
    try:
        client = client_class.from_params(module.params, read_only=module.check_mode)
        with client:
            try:
                result = work(client, module)
            finally:
                # Nothing may cut the log-off short.
                _ignore_signals()
    except Exception as problem:  # pylint: disable=broad-except
        # Whatever a server can answer, a user gets a sentence, what was learnt, and the log-off.
        _tell(module, client)
        error = _as_error(problem)
        module.fail_json(msg=error.sentence(), error=error.as_dict(), **learnt_by(problem))
    _tell(module, client)
    module.exit_json(**result)


def _as_error(problem: Exception) -> ApiError:
    if isinstance(problem, ApiError):
        return problem
    if isinstance(problem, Interrupted):
        # The nearest of the kinds: it ended before the outcome was known, as when time runs out.
        return ApiError(
            TIMEOUT,
            f"Interrupted by {problem}. What had been started on the server goes on there; nothing was stopped.",
            hint="Wait on with the module for it, or run the playbook again: it attaches to what still runs.",
            retryable=True,
        )
    place = traceback.extract_tb(problem.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}, {place.name}, line {place.lineno}"
    return ApiError(
        PROTOCOL,
        f"An answer of the server led to an unexpected error ({type(problem).__name__} in {where}).",
        hint="This is a defect of backupops.veeam_em: please report it with this message.",
    )


def _interrupt(number: int, _frame: Any) -> None:
    # A second signal must not cut the log-off short.
    _ignore_signals()
    raise Interrupted(signal.Signals(number).name)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN: Python complains when it finds that for a signal that has just arrived.
        signal.signal(number, _go_on)


def _go_on(_number: int, _frame: Any) -> None:
    """Take no notice of a signal."""


def _tell(module: AnsibleModule, client: Any) -> None:
    for text in getattr(client, "warnings", ()):
        module.warn(text)
    for text in getattr(client, "debug_lines", ()):
        module.debug(text)
