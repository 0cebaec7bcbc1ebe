# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role backup_before_change, for its tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_before_change
short_description: Decide what the role backup_before_change does
version_added: 0.3.0
description:
  - Prepares the input of M(backupops.veeam_em.veeam_em_backup) for the role
    P(backupops.veeam_em.backup_before_change#role), and evaluates its result.
  - This filter is only for the tasks of that role. In playbooks, use the role or the module.
author:
  - backupops contributors (@backupops)
positional: step
options:
  _input:
    description:
      - The input of the step, from the tasks of the role.
    type: dict
    required: true
  step:
    description:
      - V(host) checks the variables of one host and returns its request.
        If a variable is invalid, it returns a message as C(problem).
      - V(batch) combines the requests of the hosts that take part into options of the module.
      - V(remember) adds the runs that the module returned to those of earlier calls.
      - V(verdict) picks the verdict of a host.
    type: str
    choices: [host, batch, remember, verdict]
    required: true
"""

EXAMPLES = r"""
- name: Note what the host needs
  ansible.builtin.debug:
    msg: "{{ wanted | backupops.veeam_em.backup_before_change('host') }}"
  vars:
    wanted:
      host: app01
      machine: app01.example.com
      jobs: {app01: Linux servers}
      memory: {}
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _before_change
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take

_STEPS: dict[str, Callable[..., Any]] = {
    "host": _before_change.host_record,
    "batch": _before_change.make_batch,
    "remember": _before_change.remember,
    "verdict": _before_change.verdict_of,
}


def backup_before_change(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    return take("backup_before_change", _STEPS, given, step, checks=("host",))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"backup_before_change": backup_before_change}
