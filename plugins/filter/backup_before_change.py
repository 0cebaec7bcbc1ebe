# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role backup_before_change decides, for its tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_before_change
short_description: Decide what the role backup_before_change does
version_added: 0.3.0
description:
  - The decisions of the role P(backupops.veeam_em.backup_before_change#role). Which jobs its hosts need, which of them
    are still to be started, and whether each host is backed up.
  - It is made for the tasks of that role. Use the role in playbooks.
author:
  - backupops contributors (@backupops)
positional: step
options:
  _input:
    description:
      - What the step needs, as the tasks of the role give it.
    type: dict
    required: true
  step:
    description:
      - V(host) checks the variables of one host and notes what it needs.
      - V(plan) finds out which jobs the hosts that take part need.
      - V(remember) adds the runs that the modules have returned to those already seen.
      - V(judge) decides whether a host is backed up.
    type: str
    choices: [host, plan, remember, judge]
    required: true
"""

EXAMPLES = r"""
- name: Note what the host needs
  ansible.builtin.debug:
    msg: "{{ wanted | backupops.veeam_em.backup_before_change('host') }}"
  vars:
    wanted:
      host: app01
      use: the first
      machine: app01.example.com
      jobs: {app01: Linux servers}
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _before_change

_STEPS: dict[str, Callable[..., Any]] = {
    "host": _before_change.host_record,
    "plan": _before_change.make_plan,
    "remember": _before_change.remember,
    "judge": _before_change.judge,
}


def backup_before_change(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    if step not in _STEPS:
        raise AnsibleFilterError(f"backup_before_change has no step {step!r}, only {', '.join(_STEPS)}.")
    try:
        # What a server says is data, and must not be taken for a template on its way through facts.
        return wrap_var(_STEPS[step](**_plain(given)))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def _plain(value: Any) -> Any:
    """The same in plain dictionaries and lists: those of Ansible may be lazy, and cannot be copied."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"backup_before_change": backup_before_change}
