#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_session
short_description: Open and end logon sessions of Enterprise Manager
version_added: 0.1.0
description:
  - Opens a logon session that other modules can reuse with O(session_id), so that a play logs on only once. Ends it again with O(state=absent).
  - A task of Enterprise Manager is visible only in the logon session that created it.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
options:
  state:
    description:
      - V(present) opens a logon session.
      - V(absent) ends the logon session that O(session_id) and O(logon_session_id) identify.
    type: str
    choices: [present, absent]
    default: present
  logon_session_id:
    description:
      - ID of the logon session to end, as returned by O(state=present). It differs from the token in O(session_id).
      - Keep it secret. Recent servers derive the token from it.
    type: str
attributes:
  check_mode:
    support: full
    details:
      - V(present) logs on to check the credentials and immediately logs off again. V(absent) does not send a request.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - V(present) opens a new logon session each time.
notes:
  - Register the result with C(no_log=true). The token and the ID of the logon session are secrets.
"""

EXAMPLES = r"""
- name: Open a logon session
  backupops.veeam_em.veeam_em_session:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
  register: logon
  no_log: true

- name: Use the logon session, and always end it
  block:
    - name: Read the tasks of this logon session
      backupops.veeam_em.veeam_em_task_info:
        host: em.example.com
        session_id: "{{ logon.session_id }}"
  always:
    - name: End the logon session
      backupops.veeam_em.veeam_em_session:
        host: em.example.com
        state: absent
        session_id: "{{ logon.session_id }}"
        logon_session_id: "{{ logon.logon_session_id }}"
"""

RETURN = r"""
session_id:
  description:
    - The token to pass to other modules as O(session_id). It works like a password until 15 minutes after its last use.
    - Empty in check mode, because the module ends the logon session immediately.
  returned: when O(state=present)
  type: str
logon_session_id:
  description: The ID to pass as O(logon_session_id). It is a secret like the token. Empty in check mode.
  returned: when O(state=present)
  type: str
  sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
username:
  description: The account, as named by the server.
  returned: when O(state=present)
  type: str
  sample: EXAMPLE\backup
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.session import (
    end_logon_session,
    open_logon_session,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    if module.params["state"] == "absent":
        return end_logon_session(client.session, module.params["logon_session_id"])
    return open_logon_session(client.session)


def main() -> None:
    spec = {
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "logon_session_id": {"type": "str", "no_log": True},
    }
    run_em(spec, work, required_if=[("state", "absent", ("session_id", "logon_session_id"))])


if __name__ == "__main__":
    main()
