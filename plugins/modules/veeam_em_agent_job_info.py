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
  - Reads all agent backup jobs, or those with the given names or IDs.
  - If a name is unknown, the module fails and suggests similar names.
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
      - IDs or UIDs of the jobs. Use this instead of O(name).
    type: list
    elements: str
  platform:
    description:
      - Return only jobs of these platforms, such as V(AgentForLinux) or V(AgentForWindows).
    type: list
    elements: str
  backup_server:
    description:
      - Name or ID of the backup server that has the jobs.
    type: str
  include_objects:
    description:
      - Whether to return the objects that each job protects, as C(objects).
    type: bool
    default: false
  include_last_session:
    description:
      - Whether to return the newest session of each job, as C(last_session).
    type: bool
    default: false
seealso:
  - module: backupops.veeam_em.veeam_em_agent_job
"""

EXAMPLES = r"""
- name: Read all agent jobs
  backupops.veeam_em.veeam_em_agent_job_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
  register: all_jobs

- name: Check whether the job is running, and how its last run ended
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
      description: ID of the job.
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
      description: Name of the backup server of the job.
      type: str
      sample: vbr01.example.com
    schedule_configured:
      description: Whether the job has a schedule; V(null) if the server does not say.
      type: bool
      sample: true
    schedule_enabled:
      description: Whether the schedule is enabled; V(null) if the server does not say.
      type: bool
      sample: true
    next_run:
      description: When the schedule starts the job next (UTC); V(null) if there is no next run.
      type: str
      sample: '2026-01-31T22:00:00Z'
    schedule:
      description: The schedule settings, without the kinds of schedule that are switched off; V(null) if the job has no schedule.
      type: dict
    objects:
      description: The protection groups and computers that the job protects, if O(include_objects=true).
      type: list
      elements: dict
      contains:
        id:
          description: ID of the object within the job.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the object.
          type: str
          sample: Linux
        display_name:
          description: Display name of the object.
          type: str
          sample: Linux
        type:
          description: Type of an object in a VM job, such as V(Vm); V(null) for agent jobs.
          type: str
        reference:
          description: Hypervisor reference of an object in a VM job; V(null) for agent jobs.
          type: str
    last_session:
      description: The newest session, if O(include_last_session=true); V(null) if there was none in the last 30 days.
      type: dict
      contains:
        id:
          description: ID of the session.
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
          description: ID of its job.
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
          description: Name of the backup server that runs the job; V(null) if the server does not show it.
          type: str
          sample: vbr01.example.com
        parent_session_id:
          description: ID of the run that a machine's session belongs to; V(null) for a run.
          type: str
        state:
          description: State as reported by the server.
          type: str
          sample: Stopped
        result:
          description: V(Success), V(Warning) or V(Failed); V(null) until the session has ended.
          type: str
          sample: Success
        progress:
          description: Progress in percent.
          type: int
          sample: 100
        running:
          description: Whether the session is still running.
          type: bool
          sample: false
        creation_time:
          description: When the session began (UTC).
          type: str
          sample: '2026-01-31T22:00:04.21Z'
        end_time:
          description: When the session ended (UTC); V(null) until then.
          type: str
          sample: '2026-01-31T22:09:41Z'
        is_retry:
          description: Whether the run is a retry; V(null) if the server does not say.
          type: bool
          sample: false
        failure_message:
          description: Message of a failed run, if the server provides one.
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
