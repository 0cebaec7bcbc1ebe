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
  - Waits until tasks of Orkes Conductor or open-source Conductor have ended, or their workflow has.
  - A task that fails and is retried continues under a new id. The wait follows it, unless O(follow_retries=false).
  - However many tasks of a workflow are waited for, they cost one request per poll.
author:
  - backupops contributors (@backupops)
options:
  follow_retries:
    description:
      - Whether to wait for the task through all its attempts. If not, the attempt that is there is waited for.
    type: bool
    default: true
  success_statuses:
    description:
      - The statuses that count as a good end.
      - V(COMPLETED_WITH_ERRORS) is a failure that the workflow marks as optional.
    type: list
    elements: str
    choices: [COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED]
    default: [COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED]
  fail_on_error:
    description:
      - Whether the module fails when a task has not ended well.
      - A timeout and an id that is not known are failures in any case.
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
      - Only reads; waits in check mode, too.
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

- name: Wait for two tasks and continue, however they end
  backupops.veeam_em.conductor_task_wait:
    server_url: http://localhost:8080/api
    workflow_id: "{{ workflow_id }}"
    task_reference_name: [snapshot, backup]
    fail_on_error: false
  register: ended

- name: Wait for one attempt, without regard to retries
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
  description: How often the state was read.
  returned: always
  type: int
  sample: 6
timed_out:
  description: Whether the time ran out first.
  returned: always
  type: bool
  sample: false
tasks:
  description:
    - The tasks as they were last read, in the order in which they were named. Returned on failure too.
    - Of a task that was retried this is the newest attempt.
  type: list
  elements: dict
  returned: always
  contains:
    exists:
      description: Whether there is such a task. V(false) for a reference name that the workflow has not reached.
      type: bool
      sample: true
    task_id:
      description: Execution id of this attempt.
      type: str
      sample: 0c658ed7-becd-11ef-a89d-86a819bd92bf
    status:
      description:
        - The server's word for it, such as V(SCHEDULED), V(IN_PROGRESS), V(COMPLETED), V(COMPLETED_WITH_ERRORS), V(SKIPPED),
          V(FAILED), V(FAILED_WITH_TERMINAL_ERROR), V(TIMED_OUT) and V(CANCELED).
      type: str
      sample: FAILED
    terminal:
      description: Whether this attempt has ended.
      type: bool
      sample: true
    successful:
      description: Whether it has ended well. V(COMPLETED_WITH_ERRORS) and V(SKIPPED) count as well, as they do for the server.
      type: bool
      sample: false
    superseded:
      description: Whether another attempt has taken its place.
      type: bool
      sample: false
    may_be_retried:
      description: Whether it has failed and its definition still allows another attempt.
      type: bool
      sample: false
    reason:
      description:
        - Why it is not completed, in the words of the worker or the server. A new attempt may carry the reason of the one before.
      type: str
      sample: The disk of web02 is full.
    task_type:
      description: V(WAIT), V(HUMAN), V(HTTP) and so on; the task's name if a worker does it.
      type: str
      sample: WAIT
    task_def_name:
      description: Name of its definition.
      type: str
      sample: wait_for_backup
    reference_task_name:
      description: Its name in the workflow, in a loop with the suffix of the iteration.
      type: str
      sample: backup_gate
    workflow_id:
      description: Execution id of its workflow.
      type: str
      sample: 5d7c1f52-becd-11ef-a89d-86a819bd92bf
    workflow_type:
      description: Name of its workflow.
      type: str
      sample: change_with_backup
    workflow_status:
      description: Status of the workflow; V(null) where only the task was read.
      type: str
      sample: FAILED
    workflow_reason:
      description: Why the workflow ended badly; this explains tasks that are V(CANCELED).
      type: str
      sample: The disk of web02 is full.
    attempts:
      description: Ids of all attempts, the oldest first; empty where only the task was read.
      type: list
      elements: str
      sample: [0c658ed7-becd-11ef-a89d-86a819bd92bf]
    input:
      description: Its input. It may hold secrets.
      type: dict
    output:
      description: Its output. It may hold secrets.
      type: dict
      sample: {result: Failed}
    external_input_path:
      description: Where the input is, if it is too large to be shown. RV(tasks[].input) is empty then.
      type: str
    external_output_path:
      description: Where the output is, if it is too large to be shown. RV(tasks[].output) is empty then.
      type: str
    retry_count:
      description: V(0) for the first attempt.
      type: int
      sample: 0
    retried:
      description: The same as RV(tasks[].superseded), under the server's name.
      type: bool
      sample: false
    retried_task_id:
      description: Id of the attempt that this one replaces.
      type: str
    iteration:
      description: Iteration of the loop that it is in; V(0) outside of loops.
      type: int
      sample: 0
    seq:
      description: Position in the workflow.
      type: int
      sample: 2
    poll_count:
      description: How often workers have polled it.
      type: int
      sample: 1
    worker_id:
      description: The worker that did it.
      type: str
      sample: worker-1
    sub_workflow_id:
      description: Execution id of the workflow that it started.
      type: str
    callback_after_seconds:
      description: Seconds until the server looks at it again; V(2147483647) if it waits for ever.
      type: int
      sample: 0
    scheduled_time:
      description: When it was put into its queue, in UTC, ISO 8601; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:00:04.210Z'
    scheduled_time_ms:
      description: The same in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769896804210
    start_time:
      description: When it was started; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:00:04.210Z'
    start_time_ms:
      description: The same in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769896804210
    update_time:
      description: When it was last updated; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:09:41.000Z'
    update_time_ms:
      description: The same in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769897381000
    end_time:
      description: When it ended; V(null) if not yet.
      type: str
      sample: '2026-01-31T22:09:41.000Z'
    end_time_ms:
      description: The same in milliseconds since 1970; V(0) if not yet.
      type: int
      sample: 1769897381000
summary:
  description: A table for people, one line for each task.
  returned: always
  type: str
  sample: |-
    task         status     reason
    backup_gate  COMPLETED  -
  version_added: 0.3.0
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(authentication), V(authorization), V(not_found), V(conflict), V(rejected), V(timeout), V(connection), V(tls), V(protocol),
          V(server) or V(usage).
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
      sample: /api/tasks/0c658ed7-becd-11ef-a89d-86a819bd92bf
    retryable:
      description: Whether the same call may succeed a little later.
      type: bool
      sample: false
    hint:
      description: What can be done about it.
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
