#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_task_wait
short_description: Wait for tasks of Enterprise Manager
version_added: 0.1.0
description:
  - Waits until tasks are finished.
  - A task only shows that an action was triggered. To wait for the run itself, use M(backupops.veeam_em.veeam_em_job_session_wait).
  - A task is visible only in the logon session that created it. Set O(session_id) to that logon session.
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
  task_id:
    description:
      - IDs of the tasks.
    type: list
    elements: str
    required: true
  until:
    description:
      - V(finished) waits until the tasks are done and Enterprise Manager has collected their data.
      - V(operation_finished) only waits until the backup server is done.
    type: str
    choices: [finished, operation_finished]
    default: finished
  fail_on_error:
    description:
      - Whether the module fails if a task finishes without success.
    type: bool
    default: true
seealso:
  - module: backupops.veeam_em.veeam_em_task_info
  - module: backupops.veeam_em.veeam_em_session
"""

EXAMPLES = r"""
- name: Wait until the tasks are finished
  backupops.veeam_em.veeam_em_task_wait:
    host: em.example.com
    session_id: "{{ logon.session_id }}"
    task_id: [task-7, task-8]
    wait_timeout: 300
"""

RETURN = r"""
tasks:
  description: The tasks as last read.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: ID of the task.
      type: str
      sample: task-7
    state:
      description: V(Running), V(OperationFinished) or V(Finished).
      type: str
      sample: Finished
    operation:
      description: Operation of the task.
      type: str
      sample: StartJob
    finished:
      description: Whether the task is finished.
      type: bool
      sample: true
    success:
      description: Whether the server accepted the action; V(null) until the task is finished, or if the server does not say.
      type: bool
      sample: true
    message:
      description: Message from the server.
      type: str
      sample: 'Job "Linux servers" triggered to start.'
    job_session_id:
      description: ID of the job session that the task links to, if any.
      type: str
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
  returned: on timeout
  type: bool
  sample: true
summary:
  description: A readable table with one line for each task.
  returned: always
  type: str
  sample: |-
    task    operation  state     verdict  message
    task-7  StartJob   Finished  Success  Job "Linux servers" triggered to start.
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import wait_for_tasks
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import WAIT_ALWAYS, option_spec, run_em
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions


def work(client: Any, module: Any) -> dict[str, Any]:
    params = module.params
    waiter = Waiter(WaitOptions.from_params(params))
    return wait_for_tasks(client, waiter, params["task_id"], params["until"], params["fail_on_error"])


def main() -> None:
    spec = {
        "task_id": {"type": "list", "elements": "str", "required": True},
        "until": {"type": "str", "default": "finished", "choices": ["finished", "operation_finished"]},
        "fail_on_error": {"type": "bool", "default": True},
    }
    run_em(dict(spec, **option_spec(WAIT_ALWAYS)), work)


if __name__ == "__main__":
    main()
