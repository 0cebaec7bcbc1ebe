#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conductor_task
short_description: Complete, fail or update a task of a Conductor workflow
version_added: 0.1.0
description:
  - Sets the status and the output of a task in Orkes Conductor or open-source Conductor. This is typically a V(WAIT) or V(HUMAN)
    task that a workflow is waiting for.
  - The server gives the same response whether an update takes effect or not. The module therefore reads the task before and after
    the update, and fails if the server dropped the update.
  - The module sends the update once. If the response is lost, it reads the task to find out whether the update took effect.
author:
  - backupops contributors (@backupops)
options:
  task_id:
    description:
      - Execution ID of the attempt to update.
      - Either this or O(workflow_id) is required.
    type: str
  workflow_id:
    description:
      - Execution ID of the workflow that the task belongs to. Requires O(task_reference_name).
    type: str
  task_reference_name:
    description:
      - Reference name of the task in the workflow. The module updates the newest attempt, and in a loop the latest iteration.
    type: str
  status:
    description:
      - The new status of the task.
      - With V(FAILED), the server may retry the task under a new ID if its definition allows retries. This also applies to gates.
        V(FAILED_WITH_TERMINAL_ERROR) ends the task without a retry.
      - With V(IN_PROGRESS), the module updates the output and the task continues.
    type: str
    choices: [COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS]
    required: true
  output:
    description:
      - Keys and values to add to the task's output. Other keys of the output are kept.
      - The module never changes the output of a task that has ended.
      - Output in external storage is kept as well. The module cannot read it, so with V(IN_PROGRESS) it always sends the update.
    type: dict
    default: {}
  reason:
    description:
      - Why the task is not completed. The server keeps the first 500 characters.
    type: str
extends_documentation_fragment:
  - backupops.veeam_em.attributes
  - backupops.veeam_em.conductor
attributes:
  check_mode:
    support: full
    details:
      - The module reads the task and does not update it.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - If the task already has the status, the module changes nothing, whatever the value of O(output).
seealso:
  - module: backupops.veeam_em.conductor_task_info
  - module: backupops.veeam_em.conductor_task_wait
"""

EXAMPLES = r"""
- name: Open the gate
  backupops.veeam_em.conductor_task:
    server_url: https://conductor.example.com
    auth_key: "{{ conductor_key }}"
    auth_secret: "{{ conductor_secret }}"
    workflow_id: "{{ workflow_id }}"
    task_reference_name: backup_gate
    status: COMPLETED
    output:
      job_session: "{{ backup.jobs[0].session.id }}"
      result: "{{ backup.jobs[0].session.result }}"

- name: Stop the change permanently and give the reason
  backupops.veeam_em.conductor_task:
    server_url: http://localhost:8080/api
    task_id: "{{ task_id }}"
    status: FAILED_WITH_TERMINAL_ERROR
    reason: "{{ backup.msg }}"
"""

RETURN = r"""
task:
  description: The task as last read. In check mode, its current state.
  type: dict
  returned: when the task could be read, also on failure
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
      description: Where the server stores the input if it is too large for the response. RV(task.input) is empty then.
      type: str
    external_output_path:
      description: Where the server stores the output if it is too large for the response. RV(task.output) is empty then.
      type: str
    retry_count:
      description: Number of the retry; V(0) for the first attempt.
      type: int
      sample: 0
    retried:
      description: The same as RV(task.superseded), under the name that the server uses.
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

from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.names import named
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.update import Update, update_task
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_conductor


def work(client: Any, module: Any) -> dict[str, Any]:
    params = module.params
    update = Update.from_params(params["status"], params["output"], params["reason"])
    return update_task(client, update, named(params), check_mode=module.check_mode)


def main() -> None:
    run_conductor(
        {
            "task_id": {"type": "str"},
            "workflow_id": {"type": "str"},
            "task_reference_name": {"type": "str"},
            "status": {
                "type": "str",
                "required": True,
                "choices": ["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "IN_PROGRESS"],
            },
            "output": {"type": "dict", "default": {}},
            "reason": {"type": "str"},
        },
        work,
    )


if __name__ == "__main__":
    main()
