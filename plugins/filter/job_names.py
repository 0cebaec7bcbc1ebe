# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Job names from surveys and extra variables."""

from __future__ import annotations

DOCUMENTATION = r"""
name: job_names
short_description: Read job names from a list or a string
version_added: 0.3.0
author:
  - backupops contributors (@backupops)
description:
  - AWX surveys and extra variables pass job names as a string.
  - This filter returns the list that the modules expect.
options:
  _input:
    description:
      - A list, or a string with commas or line breaks between the names, or a JSON list.
      - Use a list or JSON if a name contains a comma.
    type: raw
    required: true
seealso:
  - module: backupops.veeam_em.veeam_em_job
"""

EXAMPLES = r"""
- name: Back up the jobs that the survey names
  backupops.veeam_em.veeam_em_job:
    name: "{{ survey_jobs | backupops.veeam_em.job_names }}"
    state: started
"""

RETURN = r"""
_value:
  description:
    - The names, without spaces around them.
    - An entry of a list that cannot be a name, such as null, becomes an empty string, which the modules reject.
      If the filter dropped such an entry, nobody would notice that a job is missing.
  type: list
  elements: str
"""

from typing import Any

from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._lists import job_names
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import plain


def names(given: Any) -> Any:
    """Text from a survey is data, not a template."""
    return wrap_var(job_names(plain(given)))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Any]:
        return {"job_names": names}
