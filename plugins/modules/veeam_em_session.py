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
  - Opens a logon session that other modules reuse with O(session_id), so that a play logs on once; and ends it.
  - Tasks of Enterprise Manager are visible only within the logon session that created them.
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
      - V(absent) ends the one given by O(session_id) and O(logon_session_id).
    type: str
    choices: [present, absent]
    default: present
  logon_session_id:
    description:
      - Id of the logon session to end, as V(present) returned it. It is not the token O(session_id).
      - It is a secret all the same, since recent servers make the token from it.
    type: str
attributes:
  check_mode:
    support: full
    details:
      - V(present) logs on, to check the credentials, and off again; V(absent) sends nothing.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - V(present) opens a new logon session each time.
notes:
  - Register the result with C(no_log=true), because the token and the id of the logon session are secrets.
"""

EXAMPLES = r"""
- name: Open a logon session
  backupops.veeam_em.veeam_em_session:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
  register: logon
  no_log: true

- name: Use the logon session, and end it whatever happens
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
    - The token for O(session_id) of other modules. It is as good as a password for 15 minutes after its last use.
    - Empty in check mode, where the logon session is ended at once.
  returned: when O(state=present)
  type: str
logon_session_id:
  description: The id for O(logon_session_id), a secret like the token; empty in check mode.
  returned: when O(state=present)
  type: str
  sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
username:
  description: The account as the server names it.
  returned: when O(state=present)
  type: str
  sample: EXAMPLE\backup
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
