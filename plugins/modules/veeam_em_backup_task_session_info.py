#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_backup_task_session_info
short_description: Read backup task sessions
version_added: 0.1.0
description:
  - Reads backup task sessions, newest first. A task session shows the result of one machine in a run and the reason for a failure.
  - The server lists the task sessions of the last 30 days.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  id:
    description:
      - IDs or UIDs of the task sessions.
    type: list
    elements: str
  job_session_id:
    description:
      - Return only task sessions of the job sessions with these IDs or UIDs.
    type: list
    elements: str
  job_name:
    description:
      - Return only task sessions of jobs with these names.
      - Each machine of an agent job runs under a job of its own, which is called C(job - machine). To find the machines of an
        agent job, use O(job_session_id).
    type: list
    elements: str
  machine:
    description:
      - Return only task sessions of machines with these names.
    type: list
    elements: str
  state:
    description:
      - Return only sessions in one of these states.
    type: list
    elements: str
  result:
    description:
      - Return only sessions that ended with one of these results. A running session does not have a result yet.
    type: list
    elements: str
  created_after:
    description:
      - Return only sessions created at or after this time. Give the time in UTC, such as V(2026-01-31T22:00:00Z), or with an offset.
    type: str
  limit:
    description:
      - Return at most this many sessions, the newest ones.
    type: int
seealso:
  - module: backupops.veeam_em.veeam_em_job_session_info
"""

EXAMPLES = r"""
- name: Read the machines of a run
  backupops.veeam_em.veeam_em_backup_task_session_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    job_session_id: "{{ run.id }}"

- name: Find out which machines failed since yesterday evening, and why
  backupops.veeam_em.veeam_em_backup_task_session_info:
    result: Failed
    created_after: "2026-01-31T20:00:00Z"
"""

RETURN = r"""
task_sessions:
  description: The task sessions.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the task session.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    uid:
      description: UID of the task session.
      type: str
      sample: urn:veeam:BackupTaskSession:c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    name:
      description: Name of the task session.
      type: str
      sample: 'web01@2026-01-31 22:00:20'
    machine:
      description: Name of the machine.
      type: str
      sample: web01
    job_session_id:
      description: ID of the job session that it belongs to.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    job_name:
      description: Name of its job; V(null) if the server no longer shows the job session.
      type: str
      sample: Linux servers
      version_added: 0.3.0
    job_id:
      description: ID of its job; V(null) if the server no longer shows the job session.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
      version_added: 0.3.0
    state:
      description: State as reported by the server.
      type: str
      sample: Completed
    result:
      description: V(Success), V(Warning) or V(Failed); V(null) until the task session has ended.
      type: str
      sample: Failed
    reason:
      description: Why the machine did not succeed; empty if there is no reason.
      type: str
      sample: 'Not enough space on the disk.'
    total_size:
      description: Size of the source data, in bytes.
      type: int
      sample: 17179869184
    creation_time:
      description: When the task session began (UTC).
      type: str
      sample: '2026-01-31T22:00:20Z'
    end_time:
      description: When the task session ended (UTC); V(null) until then.
      type: str
      sample: '2026-01-31T22:04:11Z'
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import BACKUP
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.task_sessions import read_task_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return {"task_sessions": read_task_sessions(client, BACKUP, module.params)}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    names = ("id", "job_session_id", "job_name", "machine", "state", "result")
    spec: dict[str, Any] = dict.fromkeys(names, strings)
    spec.update(created_after={"type": "str"}, limit={"type": "int"})
    run_em(spec, work, mutually_exclusive=[("id", "job_session_id")])


if __name__ == "__main__":
    main()
