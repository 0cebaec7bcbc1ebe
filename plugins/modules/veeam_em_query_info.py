#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_query_info
short_description: Query any resource of Enterprise Manager
version_added: 0.1.0
description:
  - Sends a query to the query service of Enterprise Manager and reads all pages, up to O(limit).
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  type:
    description:
      - Query type, such as V(BackupServer), V(Repository), V(BackupJobSession) or V(AgentRestorePoint).
    type: str
    required: true
  filter:
    description:
      - Either a string in the filter syntax of the server, or a list of conditions.
      - The module URL-encodes a string and sends it unchanged otherwise.
      - Each condition has C(field), C(op) (default V(==)) and C(value). All conditions must be true. The module quotes and
        encodes the values. If the filter syntax cannot express a value, the module compares it itself.
      - If C(value) is a list, V(==) means "any of these" and V(!=) means "none of these". An empty list is an error.
    type: raw
  sort_by:
    description:
      - Field to sort by.
    type: str
  descending:
    description:
      - Whether to sort in descending order.
    type: bool
    default: false
  limit:
    description:
      - Return at most this many resources.
    type: int
  page_size:
    description:
      - How many resources to request per page.
    type: int
    default: 100
  entities:
    description:
      - Whether to read all fields. If V(false), the server returns references only.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Read the repositories
  backupops.veeam_em.veeam_em_query_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    type: Repository

- name: Read the runs of two jobs that did not succeed
  backupops.veeam_em.veeam_em_query_info:
    type: BackupJobSession
    filter:
      - field: JobName
        value: [Linux servers, SQL servers]
      - field: Result
        op: ">"
        value: Success
    sort_by: CreationTime
    descending: true
    limit: 20
"""

RETURN = r"""
resources:
  description:
    - The resources. The keys are the server's names in snake_case, such as C(creation_time_utc). The module adds C(id).
    - Empty members are omitted. Lists, numbers and booleans have the same types with every O(api_format).
  returned: success
  type: list
  elements: dict
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.resources import read_resources
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return {"resources": read_resources(client, module.params)}


def main() -> None:
    spec = {
        "type": {"type": "str", "required": True},
        "filter": {"type": "raw"},
        "sort_by": {"type": "str"},
        "descending": {"type": "bool", "default": False},
        "limit": {"type": "int"},
        "page_size": {"type": "int", "default": 100},
        "entities": {"type": "bool", "default": True},
    }
    run_em(spec, work)


if __name__ == "__main__":
    main()
