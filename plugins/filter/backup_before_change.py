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

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _before_change
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take

_STEPS: dict[str, Callable[..., Any]] = {
    "host": _before_change.host_record,
    "plan": _before_change.make_plan,
    "remember": _before_change.remember,
    "judge": _before_change.judge,
}


def backup_before_change(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    return take("backup_before_change", _STEPS, given, step)


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"backup_before_change": backup_before_change}
