# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the playbook patch_window, for its tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: patch_window
short_description: Decide what the playbook patch_window does
version_added: 0.3.0
description:
  - Checks the variables of the playbook C(backupops.veeam_em.patch_window), forms its batches, and summarizes the
    outcome.
  - This filter is only for that playbook.
author:
  - backupops contributors (@backupops)
positional: step
options:
  _input:
    description:
      - The input of the step, from the playbook.
    type: dict
    required: true
  step:
    description:
      - V(prepare) checks the variables and forms the batches.
        If a variable is invalid, it returns a message as C(problem).
      - V(ids) returns the IDs of the jobs to freeze.
      - V(summary) returns the outcome for each host.
    type: str
    choices: [prepare, ids, summary]
    required: true
"""

EXAMPLES = r"""
- name: Show the outcome for the hosts
  ansible.builtin.debug:
    msg: "{{ {'hosts': groups['all'], 'hostvars': hostvars} | backupops.veeam_em.patch_window('summary') }}"
"""

RETURN = r"""
_value:
  description: The decision.
  type: raw
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _patch_window
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take

_STEPS: dict[str, Callable[..., Any]] = {
    "prepare": _patch_window.prepare,
    "ids": _patch_window.ids_of,
    "summary": _patch_window.summary,
}


def patch_window(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    return take("patch_window", _STEPS, given, step, checks=("prepare",))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"patch_window": patch_window}
