#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_task_info
short_description: Read tasks of Enterprise Manager
version_added: 0.1.0
description:
  - Reads tasks by ID, or all tasks of the logon session.
  - A task only shows that an action was triggered. To find out how the run ended, use M(backupops.veeam_em.veeam_em_job_session_info).
  - A task is visible only in the logon session that created it. Set O(session_id) to that logon session.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  task_id:
    description:
      - IDs of the tasks.
    type: list
    elements: str
  state:
    description:
      - Return only tasks in one of these states.
    type: list
    elements: str
  operation:
    description:
      - Return only tasks with one of these operations, such as V(StartJob).
    type: list
    elements: str
seealso:
  - module: backupops.veeam_em.veeam_em_task_wait
  - module: backupops.veeam_em.veeam_em_session
"""

EXAMPLES = r"""
- name: Read the unfinished tasks of a logon session
  backupops.veeam_em.veeam_em_task_info:
    host: em.example.com
    session_id: "{{ logon.session_id }}"
    state: [Running, OperationFinished]

- name: Read one task
  backupops.veeam_em.veeam_em_task_info:
    host: em.example.com
    session_id: "{{ logon.session_id }}"
    task_id: task-7
"""

RETURN = r"""
tasks:
  description: The tasks. If only some of the tasks are unknown, the failure contains the others.
  returned: success
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import list_tasks
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    params = module.params
    return {"tasks": list_tasks(client, params["task_id"], params["state"], params["operation"])}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    run_em({"task_id": strings, "state": strings, "operation": strings}, work)


if __name__ == "__main__":
    main()
