#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_task
short_description: Remove tasks of Enterprise Manager
version_added: 0.1.0
description:
  - Deletes tasks of the logon session.
  - The server's documentation describes this both as removing a task and as stopping its execution.
  - To stop the run that a task triggered, use M(backupops.veeam_em.veeam_em_agent_job).
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
options:
  task_id:
    description:
      - IDs of the tasks.
    type: list
    elements: str
    required: true
  state:
    description:
      - The only state is V(absent), because tasks cannot be created.
    type: str
    choices: [absent]
    default: absent
attributes:
  idempotent:
    support: full
seealso:
  - module: backupops.veeam_em.veeam_em_task_info
"""

EXAMPLES = r"""
- name: Remove a finished task
  backupops.veeam_em.veeam_em_task:
    host: em.example.com
    session_id: "{{ logon.session_id }}"
    task_id: task-7
    state: absent
"""

RETURN = r"""
tasks:
  description: The tasks as they were before the removal. Tasks that did not exist are omitted. Also returned if a removal failed.
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import remove_tasks
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return remove_tasks(client, module.params["task_id"], module.check_mode)


def main() -> None:
    spec = {
        "task_id": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "default": "absent", "choices": ["absent"]},
    }
    run_em(spec, work)


if __name__ == "__main__":
    main()
