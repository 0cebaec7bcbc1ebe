#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conductor_task_wait
short_description: Wait for tasks of Conductor workflows
version_added: 0.1.0
description:
  - Waits until tasks of Orkes Conductor or open-source Conductor, or their workflow, have ended.
  - If the server retries a failed task, the task continues under a new ID. The module follows it unless O(follow_retries=false).
  - Each poll is one request per workflow, however many tasks of the workflow the module waits for.
author:
  - backupops contributors (@backupops)
options:
  follow_retries:
    description:
      - Whether to wait for all attempts of the task. If V(false), the module waits for the current attempt only.
    type: bool
    default: true
  success_statuses:
    description:
      - The statuses that count as success.
      - V(COMPLETED_WITH_ERRORS) means that the task failed, but the workflow marks it as optional.
    type: list
    elements: str
    choices: [COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED]
    default: [COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED]
  fail_on_error:
    description:
      - Whether the module fails if a task does not end successfully.
      - The module always fails on a timeout or an unknown ID.
    type: bool
    default: true
extends_documentation_fragment:
  - backupops.veeam_em.attributes
  - backupops.veeam_em.conductor
  - backupops.veeam_em.conductor.tasks
  - backupops.veeam_em.wait
attributes:
  check_mode:
    support: full
    details:
      - The module only reads. It also waits in check mode.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: backupops.veeam_em.conductor_task_info
  - module: backupops.veeam_em.conductor_task
"""

EXAMPLES = r"""
- name: Wait until somebody approves
  backupops.veeam_em.conductor_task_wait:
    server_url: https://conductor.example.com
    auth_key: "{{ conductor_key }}"
    auth_secret: "{{ conductor_secret }}"
    workflow_id: "{{ workflow_id }}"
    task_reference_name: approval
    wait_timeout: 3600

- name: Wait for two tasks and continue whatever their results are
  backupops.veeam_em.conductor_task_wait:
    server_url: http://localhost:8080/api
    workflow_id: "{{ workflow_id }}"
    task_reference_name: [snapshot, backup]
    fail_on_error: false
  register: ended

- name: Wait for one attempt and ignore retries
  backupops.veeam_em.conductor_task_wait:
    server_url: http://localhost:8080/api
    task_id: "{{ task_id }}"
    follow_retries: false
"""

RETURN = r"""
elapsed:
  description: How long the wait took, in seconds.
  returned: always
  type: float
  sample: 31.4
polls:
  description: How many polls the module made.
  returned: always
  type: int
  sample: 6
timed_out:
  description: Whether the wait timed out.
  returned: always
  type: bool
  sample: false
tasks:
  description:
    - The tasks as last read, in the order given. Also returned on failure.
    - If a task was retried, this is its newest attempt.
  type: list
  elements: dict
  returned: always
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
summary:
  description: A readable table with one line for each task.
  returned: always
  type: str
  sample: |-
    task         status     reason
    backup_gate  COMPLETED  -
  version_added: 0.3.0
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.model import GOOD
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.watch import wait_for_tasks, watched
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import WAIT_ALWAYS, option_spec, run_conductor
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions


def work(client: Any, module: Any) -> dict[str, Any]:
    params = module.params
    result = wait_for_tasks(
        client,
        Waiter(WaitOptions.from_params(params)),
        watched(params),
        follow_retries=params["follow_retries"],
        success_statuses=params["success_statuses"],
        fail_on_error=params["fail_on_error"],
    )
    return dict(result, changed=False)


def main() -> None:
    run_conductor(
        dict(
            option_spec(WAIT_ALWAYS),
            task_id={"type": "list", "elements": "str"},
            workflow_id={"type": "str"},
            task_reference_name={"type": "list", "elements": "str"},
            follow_retries={"type": "bool", "default": True},
            success_statuses={"type": "list", "elements": "str", "choices": GOOD, "default": GOOD},
            fail_on_error={"type": "bool", "default": True},
        ),
        work,
    )


if __name__ == "__main__":
    main()
