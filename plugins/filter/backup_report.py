# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role backup_report, for its tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_report
short_description: Decide what the role backup_report reads and writes
version_added: 0.3.0
description:
  - Checks the variables of the role P(backupops.veeam_em.backup_report#role).
  - This filter is only for the tasks of that role. In playbooks, use the role. The filter
    P(backupops.veeam_em.report#filter) writes a report as text.
author:
  - backupops contributors (@backupops)
positional: step
options:
  _input:
    description:
      - The variables, as the tasks of the role pass them.
    type: dict
    required: true
  step:
    description:
      - V(wishes) turns the variables into lists, and names the files to write.
      - If a variable is invalid, it returns a message as C(problem).
    type: str
    choices: [wishes]
    required: true
"""

EXAMPLES = r"""
- name: Check the variables
  ansible.builtin.debug:
    msg: "{{ variables | backupops.veeam_em.backup_report('wishes') }}"
  vars:
    variables:
      directory: /var/www/html/backup
      formats: [html, csv]
      exclude: []
      rpo_overrides: []
      tolerate_warnings: []
      jobs: []
      machines: []
      mode: "0644"
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _backup_report
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take

_STEPS: dict[str, Callable[..., Any]] = {"wishes": _backup_report.wishes}


def backup_report(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    return take("backup_report", _STEPS, given, step, checks=("wishes",))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"backup_report": backup_report}
