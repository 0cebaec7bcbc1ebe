#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_computer_info
short_description: Read discovered computers
version_added: 0.1.0
description:
  - Reads the computers that Veeam discovered in its protection groups, their agents and, optionally, their newest restore points.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  name:
    description:
      - Exact names of the computers.
    type: list
    elements: str
  protection_group:
    description:
      - Return only computers of these protection groups.
    type: list
    elements: str
  include_last_restore_point:
    description:
      - Whether to return the newest restore point of each computer, as C(last_restore_point).
      - The module leaves out restore points that are dated more than an hour in the future, and warns about them.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Find out how old the newest restore point of each Linux server is
  backupops.veeam_em.veeam_em_computer_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    protection_group: Linux
    include_last_restore_point: true
  register: linux
"""

RETURN = r"""
computers:
  description: The computers, sorted by name. A computer in several protection groups has one entry for each group.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the computer.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    uid:
      description: UID of the computer.
      type: str
      sample: urn:veeam:DiscoveredComputer:c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    name:
      description: Name of the computer.
      type: str
      sample: web01
    backup_server:
      description: Name of the backup server that discovered the computer.
      type: str
      sample: vbr01.example.com
    protection_group:
      description: Name of the computer's protection group; V(null) if it has none.
      type: str
      sample: Linux
    protection_group_id:
      description: ID of the computer's protection group; V(null) if it has none.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    host_status:
      description: Status of the computer, such as V(Online) or V(Offline).
      type: str
      sample: Online
    agent_status:
      description: Status of the agent, such as V(Installed) or V(NotInstalled).
      type: str
      sample: Installed
    agent_version:
      description: Version of the agent.
      type: str
      sample: '6.3.2.1207'
    os_version:
      description: Operating system.
      type: str
      sample: Debian 12
    ip_address:
      description: IP address of the computer.
      type: str
      sample: 192.0.2.17
    last_restore_point:
      description: The newest restore point, if O(include_last_restore_point=true); V(null) if there is none.
      type: dict
      contains:
        id:
          description: ID of the restore point.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        creation_time:
          description: When the restore point was created (UTC).
          type: str
          sample: '2026-01-31T22:04:11Z'
        age_hours:
          description: Age of the restore point in hours.
          type: float
          sample: 9.25
        point_type:
          description: Type of the restore point, such as V(Full) or V(Increment).
          type: str
          sample: Increment
error:
  description: Structured details of the failure.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(authentication), V(authorization), V(not_found), V(ambiguous), V(conflict), V(rejected), V(timeout), V(connection), V(tls),
          V(protocol), V(server) or V(usage).
      returned: failure
      type: str
      sample: not_found
    http_status:
      description: HTTP status code; V(null) if there was no response.
      returned: failure
      type: int
      sample: 404
    em_message:
      description: Error message from the server; V(null) if there was none.
      returned: failure
      type: str
    method:
      description: HTTP method of the request.
      returned: failure
      type: str
      sample: GET
    path:
      description: Path of the request.
      returned: failure
      type: str
      sample: /api/query
    retryable:
      description: Whether the same call may succeed later.
      returned: failure
      type: bool
      sample: false
    hint:
      description: What to do next.
      returned: failure
      type: str
"""

from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.computers import list_computers
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return {"computers": list_computers(client, module.params)}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    spec = {
        "name": strings,
        "protection_group": strings,
        "include_last_restore_point": {"type": "bool", "default": False},
    }
    run_em(spec, work)


if __name__ == "__main__":
    main()
