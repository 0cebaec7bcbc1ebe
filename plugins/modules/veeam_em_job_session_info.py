#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_job_session_info
short_description: Read job sessions
version_added: 0.1.0
description:
  - Reads the runs of agent, VM, backup copy and replication jobs, newest first.
  - The server lists the runs of the last 30 days.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  id:
    description:
      - IDs or UIDs of the sessions.
    type: list
    elements: str
  job_name:
    description:
      - Return only runs of jobs with these names.
    type: list
    elements: str
  job_id:
    description:
      - Return only runs of jobs with these IDs or UIDs.
    type: list
    elements: str
  job_type:
    description:
      - Return only runs of jobs of these types, such as V(AgentBackup), V(Backup), V(BackupCopy) or V(Replica).
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
  created_before:
    description:
      - Return only sessions created at or before this time.
    type: str
  limit:
    description:
      - Return at most this many sessions, the newest ones.
    type: int
  include_machines:
    description:
      - Whether to return the result of each machine, too. This takes a few more requests.
      - The machines are read once. Those of a run that has just ended may still be incomplete;
        M(backupops.veeam_em.veeam_em_job_session_wait) waits for them.
    type: bool
    default: false
    version_added: 0.3.0
seealso:
  - module: backupops.veeam_em.veeam_em_job_session_wait
"""

EXAMPLES = r"""
- name: Find the runs that failed since yesterday evening
  backupops.veeam_em.veeam_em_job_session_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    result: Failed
    created_after: "2026-01-31T20:00:00Z"
  register: failed

- name: Read the newest run of a job
  backupops.veeam_em.veeam_em_job_session_info:
    job_name: Linux servers
    job_type: AgentBackup
    limit: 1
"""

RETURN = r"""
sessions:
  description: The sessions, newest first. With O(id), in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the session.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    uid:
      description: UID of the session.
      type: str
      sample: urn:veeam:BackupJobSession:c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    name:
      description: Name of the session.
      type: str
      sample: 'Linux servers@2026-01-31 22:00:04'
    job_id:
      description: ID of its job.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    job_name:
      description: Name of its job.
      type: str
      sample: Linux servers
    job_type:
      description: Type of its job.
      type: str
      sample: AgentBackup
    backup_server:
      description: Name of the backup server that runs the job; V(null) if the server does not show it.
      type: str
      sample: vbr01.example.com
    parent_session_id:
      description: ID of the run that a machine's session belongs to; V(null) for a run.
      type: str
    state:
      description: State as reported by the server.
      type: str
      sample: Stopped
    result:
      description: V(Success), V(Warning) or V(Failed); V(null) until the session has ended.
      type: str
      sample: Success
    progress:
      description: Progress in percent.
      type: int
      sample: 100
    running:
      description: Whether the session is still running.
      type: bool
      sample: false
    creation_time:
      description: When the session began (UTC).
      type: str
      sample: '2026-01-31T22:00:04.21Z'
    end_time:
      description: When the session ended (UTC); V(null) until then.
      type: str
      sample: '2026-01-31T22:09:41Z'
    is_retry:
      description: Whether the run is a retry; V(null) if the server does not say.
      type: bool
      sample: false
    failure_message:
      description: Message of a failed run, if the server provides one.
      type: str
    machines:
      description: The result of each machine, with O(include_machines=true).
      returned: with include_machines
      type: list
      elements: dict
      version_added: 0.3.0
      contains:
        id:
          description: ID of the machine's session, or of its task session if it has no other session.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the machine, fully qualified if the server shows it. Two machines may have the same name.
          type: str
          sample: web01
        result:
          description: V(Success), V(Warning) or V(Failed); V(null) until it is final.
          type: str
          sample: Failed
        reason:
          description: Why the machine did not succeed; V(null) if there is no reason.
          type: str
          sample: 'Not enough space on the disk.'
        state:
          description: State as reported by the server.
          type: str
          sample: Stopped
        task_session_id:
          description: ID of the machine's task session.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        duration_seconds:
          description: Duration of the machine's session, in seconds; V(null) while it is running.
          type: float
          sample: 250.5
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.machines import read_machines
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import read_job_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    sessions = read_job_sessions(client, module.params)
    if not module.params["include_machines"]:
        return {"sessions": sessions}
    machines = read_machines(client, sessions)
    return {"sessions": [{**each, "machines": machines[each["id"]]} for each in sessions]}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    spec: dict[str, Any] = dict.fromkeys(("id", "job_name", "job_id", "job_type", "state", "result"), strings)
    spec.update(created_after={"type": "str"}, created_before={"type": "str"}, limit={"type": "int"})
    spec.update(include_machines={"type": "bool", "default": False})
    run_em(spec, work)


if __name__ == "__main__":
    main()
