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
  - A task tells that an action was triggered. How the run ended is told by M(backupops.veeam_em.veeam_em_job_session_wait).
  - Tasks are visible only within the logon session that created them, so O(session_id) is needed.
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
      - Only reads; waits in check mode, too.
options:
  task_id:
    description:
      - Ids of the tasks.
    type: list
    elements: str
    required: true
  until:
    description:
      - V(finished) waits until the tasks are done and their data is collected.
      - V(operation_finished) is content when the backup server is done.
    type: str
    choices: [finished, operation_finished]
    default: finished
  fail_on_error:
    description:
      - Whether a task that finished without success fails the module.
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
  description: The tasks in their last state.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Id of the task.
      type: str
      sample: task-7
    state:
      description: V(Running), V(OperationFinished) or V(Finished).
      type: str
      sample: Finished
    operation:
      description: What the task does.
      type: str
      sample: StartJob
    finished:
      description: Whether the task is finished.
      type: bool
      sample: true
    success:
      description: Whether the action was accepted; null until the task is finished, and when the server does not tell.
      type: bool
      sample: true
    message:
      description: The message of the server.
      type: str
      sample: 'Job "Linux servers" triggered to start.'
    job_session_id:
      description: Id of the job session that the task links to, if it does.
      type: str
elapsed:
  description: How long the module waited, in seconds.
  returned: always
  type: float
  sample: 34.2
polls:
  description: How often the module asked.
  returned: always
  type: int
  sample: 9
timed_out:
  description: Whether time ran out.
  returned: when it did
  type: bool
  sample: true
summary:
  description: A table for people, one line for each task.
  returned: always
  type: str
  sample: |-
    task    operation  state     verdict  message
    task-7  StartJob   Finished  Success  Job "Linux servers" triggered to start.
  version_added: 0.3.0
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
