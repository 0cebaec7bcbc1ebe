#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conductor_task_info
short_description: Read tasks of Conductor workflows
version_added: 0.1.0
description:
  - Reads tasks of Orkes Conductor or open-source Conductor, either by ID or by workflow and reference name.
  - Reading has no side effects. The module never calls the endpoint that hands tasks to workers.
author:
  - backupops contributors (@backupops)
notes:
  - The module fails if the server does not know an ID. If the workflow has not reached a reference name, the module returns a task
    with RV(tasks[].exists=false).
extends_documentation_fragment:
  - backupops.veeam_em.attributes
  - backupops.veeam_em.conductor
  - backupops.veeam_em.conductor.tasks
attributes:
  check_mode:
    support: full
    details:
      - The module only reads.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: backupops.veeam_em.conductor_task_wait
  - module: backupops.veeam_em.conductor_task
"""

EXAMPLES = r"""
- name: Read a task
  backupops.veeam_em.conductor_task_info:
    server_url: https://conductor.example.com
    auth_key: "{{ conductor_key }}"
    auth_secret: "{{ conductor_secret }}"
    task_id: 0c658ed7-becd-11ef-a89d-86a819bd92bf
  register: found

- name: Check whether the workflow has reached its backup gate
  backupops.veeam_em.conductor_task_info:
    server_url: http://localhost:8080/api
    workflow_id: "{{ workflow_id }}"
    task_reference_name: backup_gate
  register: gate

- name: Show what the gate is waiting for
  ansible.builtin.debug:
    var: gate.tasks[0].input
  when: gate.tasks[0].status == 'IN_PROGRESS'
"""

RETURN = r"""
tasks:
  description: The tasks in the order given, without duplicates. If only some of the tasks are unknown, the failure contains the others.
  type: list
  elements: dict
  returned: success
  contains:
    exists:
      description: Whether the task exists. V(false) if the workflow has not reached this reference name.
      type: bool
      sample: true
    task_id:
      description: Execution ID of this attempt.
      type: str
      sample: 0c658ed7-becd-11ef-a89d-86a819bd92bf
    status:
      description:
        - Status as reported by the server, such as V(SCHEDULED), V(IN_PROGRESS), V(COMPLETED), V(COMPLETED_WITH_ERRORS), V(SKIPPED),
          V(FAILED), V(FAILED_WITH_TERMINAL_ERROR), V(TIMED_OUT) and V(CANCELED).
      type: str
      sample: FAILED
    terminal:
      description: Whether this attempt has ended.
      type: bool
      sample: true
    successful:
      description: Whether it ended successfully. As on the server, V(COMPLETED_WITH_ERRORS) and V(SKIPPED) count as success.
      type: bool
      sample: false
    superseded:
      description: Whether a newer attempt has replaced this one.
      type: bool
      sample: false
    may_be_retried:
      description: Whether it failed and its definition allows another attempt.
      type: bool
      sample: false
    reason:
      description:
        - Why it is not completed, as reported by the worker or the server. A new attempt may still show the reason of the previous one.
      type: str
      sample: The disk of web02 is full.
    task_type:
      description: Type of the task, such as V(WAIT), V(HUMAN) or V(HTTP). For a worker task, its name.
      type: str
      sample: WAIT
    task_def_name:
      description: Name of the task definition.
      type: str
      sample: wait_for_backup
    reference_task_name:
      description: Reference name in the workflow. In a loop, with the iteration as a suffix.
      type: str
      sample: backup_gate
    workflow_id:
      description: Execution ID of the workflow.
      type: str
      sample: 5d7c1f52-becd-11ef-a89d-86a819bd92bf
    workflow_type:
      description: Name of the workflow.
      type: str
      sample: change_with_backup
    workflow_status:
      description: Status of the workflow; V(null) if the module read only the task.
      type: str
      sample: FAILED
    workflow_reason:
      description: Why the workflow failed. This explains tasks that are V(CANCELED).
      type: str
      sample: The disk of web02 is full.
    attempts:
      description: IDs of all attempts, oldest first. Empty if the module read only the task.
      type: list
      elements: str
      sample: [0c658ed7-becd-11ef-a89d-86a819bd92bf]
    input:
      description: Input of the task. It may contain secrets.
      type: dict
    output:
      description: Output of the task. It may contain secrets.
      type: dict
      sample: {result: Failed}
    external_input_path:
      description: Where the server stores the input if it is too large for the response. RV(tasks[].input) is empty then.
      type: str
    external_output_path:
      description: Where the server stores the output if it is too large for the response. RV(tasks[].output) is empty then.
      type: str
    retry_count:
      description: Number of the retry; V(0) for the first attempt.
      type: int
      sample: 0
    retried:
      description: The same as RV(tasks[].superseded), under the name that the server uses.
      type: bool
      sample: false
    retried_task_id:
      description: ID of the attempt that this one replaces.
      type: str
    iteration:
      description: Iteration of the loop; V(0) if the task is not in a loop.
      type: int
      sample: 0
    seq:
      description: Position in the workflow.
      type: int
      sample: 2
    poll_count:
      description: How often workers polled the task.
      type: int
      sample: 1
    worker_id:
      description: ID of the worker that processed the task.
      type: str
      sample: worker-1
    sub_workflow_id:
      description: Execution ID of the workflow that the task started.
      type: str
    callback_after_seconds:
      description: Seconds until the server evaluates the task again; V(2147483647) if it waits forever.
      type: int
      sample: 0
    scheduled_time:
      description: When the task was queued (UTC, ISO 8601); V(null) if not yet.
      type: str
      sample: '2026-01-31T22:00:04.210Z'
    scheduled_time_ms:
      description: The same time in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769896804210
    start_time:
      description: When the task was started; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:00:04.210Z'
    start_time_ms:
      description: The same time in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769896804210
    update_time:
      description: When the task was last updated; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:09:41.000Z'
    update_time_ms:
      description: The same time in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769897381000
    end_time:
      description: When the task ended; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:09:41.000Z'
    end_time_ms:
      description: The same time in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769897381000
error:
  description: Structured details of the failure.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(authentication), V(authorization), V(not_found), V(conflict), V(rejected), V(timeout), V(connection), V(tls), V(protocol),
          V(server) or V(usage).
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
      sample: /api/tasks/0c658ed7-becd-11ef-a89d-86a819bd92bf
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.watch import list_tasks, watched
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_conductor


def main() -> None:
    run_conductor(
        {
            "task_id": {"type": "list", "elements": "str"},
            "workflow_id": {"type": "str"},
            "task_reference_name": {"type": "list", "elements": "str"},
        },
        lambda client, module: {"changed": False, "tasks": list_tasks(client, watched(module.params))},
    )


if __name__ == "__main__":
    main()
