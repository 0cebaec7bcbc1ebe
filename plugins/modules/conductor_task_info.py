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
  - Reads tasks of Orkes Conductor or open-source Conductor, by their ids or by the workflow and their reference names.
  - Reading has no side effects; the endpoint that hands tasks to workers is never called.
author:
  - backupops contributors (@backupops)
notes:
  - An id that the server does not know is a failure. A reference name that the workflow has not reached gives a task with
    RV(tasks[].exists=false).
extends_documentation_fragment:
  - backupops.veeam_em.attributes
  - backupops.veeam_em.conductor
  - backupops.veeam_em.conductor.tasks
attributes:
  check_mode:
    support: full
    details:
      - Only reads.
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

- name: Has the workflow reached its backup gate?
  backupops.veeam_em.conductor_task_info:
    server_url: http://localhost:8080/api
    workflow_id: "{{ workflow_id }}"
    task_reference_name: backup_gate
  register: gate

- name: Show what the gate waits for
  ansible.builtin.debug:
    var: gate.tasks[0].input
  when: gate.tasks[0].status == 'IN_PROGRESS'
"""

RETURN = r"""
tasks:
  description: The tasks, each once, in the order in which they were named.
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
