#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_agent_job_info
short_description: Read Veeam Agent backup jobs
version_added: 0.1.0
description:
  - Reads agent backup jobs by name or id, or all of them.
  - An unknown name fails with near matches.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  name:
    description:
      - Exact names of the jobs.
    type: list
    elements: str
  id:
    description:
      - Ids or UIDs of the jobs, instead of O(name).
    type: list
    elements: str
  platform:
    description:
      - Only jobs of these platforms, such as V(AgentForLinux) or V(AgentForWindows).
    type: list
    elements: str
  backup_server:
    description:
      - Name or id of the backup server that holds the jobs.
    type: str
  include_objects:
    description:
      - Whether to add what each job protects, as C(objects).
    type: bool
    default: false
  include_last_session:
    description:
      - Whether to add the newest session of each job, as C(last_session).
    type: bool
    default: false
seealso:
  - module: backupops.veeam_em.veeam_em_agent_job
"""

EXAMPLES = r"""
- name: Which agent jobs are there
  backupops.veeam_em.veeam_em_agent_job_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
  register: all_jobs

- name: Is the job running, and how did it end last
  backupops.veeam_em.veeam_em_agent_job_info:
    name: Linux servers
    include_last_session: true
  register: linux
"""

RETURN = r"""
jobs:
  description: The jobs.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the job.
      type: str
      sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    uid:
      description: UID of the job.
      type: str
      sample: urn:veeam:AgentBackupJob:c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    name:
      description: Name of the job.
      type: str
      sample: Linux servers
    kind:
      description: V(agent) for agent jobs, V(vm) for VM backup, replication and backup copy jobs.
      type: str
      sample: agent
    job_type:
      description: Type of the job.
      type: str
      sample: AgentBackup
    platform:
      description: Platform of the job.
      type: str
      sample: AgentForLinux
    description:
      description: Description of the job.
      type: str
      sample: Nightly backup
    backup_server:
      description: Name of the backup server that holds the job.
      type: str
      sample: vbr01.example.com
    schedule_configured:
      description: Whether the job has a schedule; null when the server does not tell.
      type: bool
      sample: true
    schedule_enabled:
      description: Whether the schedule is enabled; null when the server does not tell.
      type: bool
      sample: true
    next_run:
      description: When the schedule starts the job next, UTC; null when it does not.
      type: str
      sample: '2026-01-31T22:00:00Z'
    schedule:
      description: What the schedule consists of; kinds of schedule that are switched off are left out, null when there is none.
      type: dict
    objects:
      description: With O(include_objects=true), the protection groups and computers that the job protects.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the object within the job.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the object.
          type: str
          sample: Linux
        display_name:
          description: Name as it is displayed.
          type: str
          sample: Linux
        type:
          description: Type of an object of a VM job, such as V(Vm); null for agent jobs, which show none.
          type: str
        reference:
          description: What the hypervisor knows an object of a VM job by; null for agent jobs.
          type: str
          sample: urn:VMware:Vm:c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11.vm-62228
    last_session:
      description: With O(include_last_session=true), the newest session; null when there is none in the last 30 days.
      type: dict
      contains:
        id:
          description: Id of the session.
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
          description: Id of its job.
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
          description: Name of the backup server that runs the job; null when the server does not show it.
          type: str
          sample: vbr01.example.com
        parent_session_id:
          description: Id of the run that a machine's session is part of; null for a run.
          type: str
        state:
          description: State as the server gives it.
          type: str
          sample: Stopped
        result:
          description: V(Success), V(Warning) or V(Failed); null until the session has ended.
          type: str
          sample: Success
        progress:
          description: Progress in percent.
          type: int
          sample: 100
        running:
          description: Whether the session has not ended.
          type: bool
          sample: false
        creation_time:
          description: When the session began, UTC.
          type: str
          sample: '2026-01-31T22:00:04.21Z'
        end_time:
          description: When the session ended, UTC; null before.
          type: str
          sample: '2026-01-31T22:09:41Z'
        is_retry:
          description: Whether the run is a retry; null when the server does not tell.
          type: bool
          sample: false
        failure_message:
          description: The message of a failed run, if the server gives one.
          type: str
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import KINDS_OF_JOBS, list_jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return {"jobs": list_jobs(client, KINDS_OF_JOBS["agent"], module.params)}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    spec = {
        "name": strings,
        "id": strings,
        "platform": strings,
        "backup_server": {"type": "str"},
        "include_objects": {"type": "bool", "default": False},
        "include_last_session": {"type": "bool", "default": False},
    }
    run_em(spec, work, mutually_exclusive=[("name", "id")])


if __name__ == "__main__":
    main()
