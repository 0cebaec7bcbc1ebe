#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_job_session_wait
short_description: Wait for job sessions
version_added: 0.1.0
description:
  - Waits until job runs have ended and reports the result of every machine.
  - Any logon session can wait for a run. This differs from tasks, which only their own logon session can see.
  - To start a job and wait for it, use O(backupops.veeam_em.veeam_em_agent_job#module:wait=true). That module waits for
    exactly the run that it started.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.wait
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
attributes:
  check_mode:
    support: full
    details:
      - The module only reads. It also waits in check mode.
options:
  id:
    description:
      - IDs or UIDs of the sessions.
    type: list
    elements: str
    required: true
  fail_on:
    description:
      - Which verdict makes the module fail. It applies to the run and to each of its machines.
      - V(failed) accepts warnings, V(warning) accepts only success, and V(never) accepts everything.
    type: str
    choices: [failed, warning, never]
    default: failed
  on_timeout:
    description:
      - What to do on a timeout. V(fail) makes the module fail. V(return) returns what is known, with RV(timed_out=true).
    type: str
    choices: [fail, return]
    default: fail
seealso:
  - module: backupops.veeam_em.veeam_em_agent_job
  - module: backupops.veeam_em.veeam_em_job_session_info
"""

EXAMPLES = r"""
- name: Wait for a run that an earlier task started without waiting
  backupops.veeam_em.veeam_em_job_session_wait:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    id: "{{ started.jobs[0].session.id }}"
    wait_timeout: 7200
  when: started.jobs[0].session is not none
"""

RETURN = r"""
sessions:
  description: The sessions as last read.
  returned: always
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
      description: The result of each machine.
      type: list
      elements: dict
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
          version_added: 0.3.0
elapsed:
  description: How long the module waited, in seconds.
  returned: always
  type: float
  sample: 34.2
polls:
  description: How many polls the module made.
  returned: always
  type: int
  sample: 9
timed_out:
  description: Whether the wait timed out.
  returned: always
  type: bool
  sample: false
summary:
  description: A readable table with one line for each machine, suitable for mail and chat.
  returned: always
  type: str
  sample: |-
    job            machine  verdict  duration    reason
    Linux servers  web01    Success  4 min 10 s  -
  version_added: 0.3.0
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import WAIT_ALWAYS, option_spec, run_em
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions


def work(client: Any, module: Any) -> dict[str, Any]:
    params = module.params
    waiter = Waiter(WaitOptions.from_params(params))
    return wait_for_sessions(client, waiter, params["id"], params["fail_on"], params["on_timeout"])


def main() -> None:
    spec = {
        "id": {"type": "list", "elements": "str", "required": True},
        "fail_on": {"type": "str", "default": "failed", "choices": ["failed", "warning", "never"]},
        "on_timeout": {"type": "str", "default": "fail", "choices": ["fail", "return"]},
    }
    run_em(dict(spec, **option_spec(WAIT_ALWAYS)), work)


if __name__ == "__main__":
    main()
