# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
short_description: Write a report as HTML, CSV, text, JSON or metrics
version_added: 0.3.0
author:
  - backupops contributors (@backupops)
description:
  - Writes the result of M(backupops.veeam_em.veeam_em_report_info) as text. The role
    P(backupops.veeam_em.backup_report#role) does both.
  - Names and messages come from the server. The filter escapes them as each form requires, makes control
    characters visible, and prevents CSV cells from acting as formulas.
positional: form
options:
  _input:
    description: The report.
    type: dict
    required: true
  form:
    description:
      - V(html) is a self-contained page without scripts. It loads nothing from elsewhere.
      - V(csv) has one line for each machine, and V(csv_runs) has one line for each run (RFC 4180).
      - V(text) is for mail and chat, 80 columns wide.
      - V(json) is the report itself.
      - V(openmetrics) is for Prometheus and for the textfile collector of node_exporter.
    type: str
    choices: [html, csv, csv_runs, text, json, openmetrics]
    default: text
seealso:
  - plugin: backupops.veeam_em.backup_report
    plugin_type: role
"""

EXAMPLES = r"""
- name: What happened since yesterday
  backupops.veeam_em.veeam_em_report_info:
  register: night

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (night.report | backupops.veeam_em.report('text')).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.metrics import to_metrics
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.page import to_html
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.tables import (
    machines_csv,
    runs_csv,
    to_json,
    to_text,
)

FORMS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "html": to_html,
    "csv": machines_csv,
    "csv_runs": runs_csv,
    "text": to_text,
    "json": to_json,
    "openmetrics": to_metrics,
}


def report(given: Any, form: str = "text") -> str:
    """The report in the requested form."""
    if form not in FORMS:
        raise AnsibleFilterError(f"{form!r} is not a valid form. Use one of: {', '.join(FORMS)}.")
    if not isinstance(given, Mapping) or not {"totals", "jobs", "machines"} <= set(given):
        raise AnsibleFilterError("The input is not a report. Pass the return value 'report' of veeam_em_report_info.")
    return FORMS[form](given)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Names and functions."""
        return {"report": report}
