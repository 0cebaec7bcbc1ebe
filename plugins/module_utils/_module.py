# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only connection to AnsibleModule: turns options into a client and errors into fail_json, and always logs off."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule, env_fallback

from . import _signals
from ._em.client import EmClient
from ._em.codec import XMLTODICT_IMPORT_ERROR
from ._errors import USAGE, ApiError, Interrupted, as_error, learnt_by, library_missing, option_missing
from ._http import REQUESTS_IMPORT_ERROR
from ._options import CONDUCTOR_CONNECTION, EM_CONNECTION, WAIT
from ._progress import CHANNEL, Channel, Progress
from ._text import Secrets, clean, presentable

# How ansible-core's message begins if required options are missing.
_MISSING = re.compile(r"missing required arguments: ([\w, ]+)$")
_VARIABLES = {
    name: variable
    for table in (EM_CONNECTION, CONDUCTOR_CONNECTION)
    for name, (spec, variable) in table.items()
    if spec.get("required")
}

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

    :param spec: the module's own options, and the waiting options if it waits.
    :param work: gets the client (logged on when first used) and the module; returns the result.
    """
    libraries = {"requests": REQUESTS_IMPORT_ERROR, "xmltodict": XMLTODICT_IMPORT_ERROR}
    _run(dict(option_spec(EM_CONNECTION), **spec), work, EmClient, libraries, kwargs)


def run_conductor(spec: dict[str, Any], work: Work, **kwargs: Any) -> None:
    """Run a conductor_* module; as run_em."""
    # Most calls are for Enterprise Manager and do not need the other client.
    from ._conductor.client import ConductorClient

    libraries = {"requests": REQUESTS_IMPORT_ERROR}
    _run(dict(option_spec(CONDUCTOR_CONNECTION), **spec), work, ConductorClient, libraries, kwargs)


class _Module(AnsibleModule):
    """AnsibleModule whose own checks of the options fail like everything else: with `error`."""

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        missing = _MISSING.match(msg)
        for name in missing.group(1).split(", ") if missing else ():
            if name in _VARIABLES:
                error = option_missing(name, _VARIABLES[name])
                kwargs["error"] = error.as_dict()
                # The words of ansible-core come first, because other tools look for them.
                msg = f"{msg}. {error.hint}"
        if "error" not in kwargs:
            module = self._name.rpartition(".")[2]
            hint = f"Check the options of the task: ansible-doc backupops.veeam_em.{module}."
            kwargs["error"] = ApiError(USAGE, msg, hint=hint).as_dict()
        super().fail_json(msg, **kwargs)
        raise SystemExit(1)


def _run(
    spec: dict[str, Any], work: Work, client_class: Any, libraries: dict[str, str | None], kwargs: dict[str, Any]
) -> None:
    module = _Module(argument_spec=spec, supports_check_mode=True, **kwargs)
    error = library_missing(libraries)
    if error:
        tracebacks = "\n".join(filter(None, libraries.values()))
        module.fail_json(msg=error.sentence(), error=error.as_dict(), exception=tracebacks)
    if not module.params["validate_certs"]:
        module.warn("validate_certs is false, so the module does not verify the identity of the server.")
    _signals.listen()
    client = None
    try:
        client = client_class.from_params(module.params, read_only=module.check_mode)
        if module.params.get("progress"):
            client.progress = Progress(Channel(os.environ.get(CHANNEL)), _secrets(client))
        with client:
            try:
                result = work(client, module)
            finally:
                # Nothing may interrupt the log-off.
                _signals.ignore()
    except Exception as problem:  # pylint: disable=broad-except
        # Whatever the server answers, the user gets a message and what was learnt, and the module logs off.
        _signals.ignore()
        _tell(module, client)
        error = as_error(problem)
        failure = {"msg": error.sentence(), "error": error.as_dict(), **learnt_by(problem)}
        if isinstance(problem, Interrupted) and client:
            client.progress.tell([(failure["msg"], True)])
        module.fail_json(**presentable(failure, _secrets(client)))
    _tell(module, client)
    # Only veeam_em_session returns secrets, on purpose.
    wanted = {name: result.pop(name) for name in ("session_id", "logon_session_id") if name in result}
    module.exit_json(**presentable(result, _secrets(client)), **wanted)


def _secrets(client: Any) -> Secrets:
    return getattr(getattr(client, "session", None), "secrets", None) or Secrets()


def _tell(module: AnsibleModule, client: Any) -> None:
    secrets = _secrets(client)
    for text in getattr(client, "warnings", ()):
        module.warn(clean(secrets.scrub(text)))
    for text in getattr(client, "debug_lines", ()):
        module.debug(clean(secrets.scrub(text)))
