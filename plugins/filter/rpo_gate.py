# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role rpo_gate, for its tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rpo_gate
short_description: Decide what the role rpo_gate does
version_added: 0.3.0
description:
  - Decides for the role P(backupops.veeam_em.rpo_gate#role) what to read from Enterprise Manager, and which hosts stop.
  - This filter is only for the tasks of that role. In playbooks, use the role.
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
      - V(ask) combines the requests of all hosts. V(ask_alone) uses the request of one host.
      - V(answer) finds the answer for one host.
      - V(judge) decides whether a host stops.
    type: str
    choices: [host, ask, ask_alone, answer, judge]
    required: true
"""

EXAMPLES = r"""
- name: Note what the host needs
  ansible.builtin.debug:
    msg: "{{ wanted | backupops.veeam_em.rpo_gate('host') }}"
  vars:
    wanted:
      host: app01
      use: the first
      machine: app01.example.com
      limit: 26
      exclude: []
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.plugin_utils import _rpo_gate
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take

_STEPS: dict[str, Callable[..., Any]] = {
    "host": _rpo_gate.host_record,
    "ask": _rpo_gate.ask,
    "ask_alone": _rpo_gate.ask_alone,
    "answer": _rpo_gate.answer,
    "judge": _rpo_gate.judge,
}


def rpo_gate(given: dict[str, Any], step: str) -> Any:
    """Take one step."""
    return take("rpo_gate", _STEPS, given, step, checks=("host", "ask"))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"rpo_gate": rpo_gate}
