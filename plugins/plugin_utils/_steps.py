# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls the pure functions behind the filters that decide for roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible.vars.hostvars import HostVars


def take(
    name: str, steps: Mapping[str, Callable[..., Any]], given: Mapping[str, Any], step: str, checks: Sequence[str] = ()
) -> Any:
    """Take one step of a filter that has several.

    :param checks: steps that return a user's error as `problem`. A task then fails with exactly that message; before
        the message of an exception, Ansible would put many words of its own.
    """
    if step not in steps:
        raise AnsibleFilterError(f"{name} has no step {step!r}, only {', '.join(steps)}.")
    try:
        # Text from a server is data, and facts must not treat it as a template.
        return wrap_var(steps[step](**plain(given)))
    except ValueError as error:
        if step in checks:
            return wrap_var({"problem": str(error)})
        raise AnsibleFilterError(str(error)) from error


def plain(value: Any) -> Any:
    """The data as plain dictionaries and lists, because Ansible's own may be lazy and cannot be copied."""
    if isinstance(value, HostVars):
        return value
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value
