#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_query_info
short_description: Query Enterprise Manager for anything
version_added: 0.1.0
description:
  - Sends a query of any type to the query service and follows its pages to the end, or to O(limit).
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
      - Either a text in the server's filter grammar, which is sent as it is (encoded),
      - or a list of conditions that must all hold, each with C(field), C(op) (V(==) if left out) and C(value).
        Such values are quoted and encoded; what the grammar cannot carry is compared by the module.
      - A list as C(value) means "one of them", with the C(op) V(!=) "none of them". An empty list is refused.
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
      - At most this many resources.
    type: int
  page_size:
    description:
      - How many resources are asked for at once.
    type: int
    default: 100
  entities:
    description:
      - Whether to read all fields, or references only.
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
    - The resources. Keys are the server's names in snake_case, such as C(creation_time_utc); C(id) is added.
    - Empty members are left out; lists are lists, numbers and booleans are typed, whatever O(api_format).
  returned: success
  type: list
  elements: dict
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(authentication), V(authorization), V(not_found), V(ambiguous), V(conflict), V(rejected), V(timeout), V(connection), V(tls),
          V(protocol), V(server) or V(usage).
      type: str
      sample: not_found
    http_status:
      description: Status code of the answer; null when there was none.
      type: int
      sample: 404
    em_message:
      description: The server's own words; null when it said nothing.
      type: str
    method:
      description: HTTP method of the request.
      type: str
      sample: GET
    path:
      description: Path of the request.
      type: str
      sample: /api/query
    retryable:
      description: Whether the same call may well succeed a little later.
      type: bool
      sample: false
    hint:
      description: What to do about it.
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
