#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_protection_info
short_description: Find the jobs that protect machines and the results of their newest backups
version_added: 0.3.0
description:
  - Returns for each machine which backup jobs protect it, how its newest run ended, and when its last good backup was made.
  - A job protects a machine if it includes the machine or its protection group, or if the machine was part of the job's newest run. The
    last rule also finds VMs that a job includes through a folder, a cluster or another container.
  - Agent jobs and VM backup jobs count. Replication and backup copy jobs do not count, because they do not create a new backup.
  - Reading hundreds of machines takes few more requests than reading one.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  machine:
    description:
      - Names of the machines. Names are not case-sensitive. Numbers are treated as strings.
      - An exact match takes precedence. Otherwise a short name such as C(web01) and a full name such as C(web01.example.com) match if no
        other machine could match. If a name could mean several machines, the module fails and lists them.
      - An unknown machine does not cause a failure. The module lists it in RV(unprotected).
    type: list
    elements: raw
    required: true
  backup_server:
    description:
      - Name or ID of the backup server whose jobs count. Required if several backup servers have a machine with the same name.
    type: str
  kind:
    description:
      - Kind of the jobs. V(agent) covers agent jobs, V(vm) covers VM backup jobs, and V(any) covers both.
    type: str
    choices: [any, vm, agent]
    default: any
  include_restore_points:
    description:
      - Whether to return the newest restore point of each machine, as C(restore_point).
      - Enterprise Manager lists restore points only for computers with an agent.
      - The module leaves out restore points that are dated more than an hour in the future, and warns about them.
    type: bool
    default: false
notes:
  - Enterprise Manager lists the sessions of the last 30 days. The module cannot see older runs.
  - A machine that was removed from a container counts as protected until the job has run without it.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_job_info
  - module: backupops.veeam_em.veeam_em_computer_info
"""

EXAMPLES = r"""
- name: Find the jobs of the web servers and the results of their newest backups
  backupops.veeam_em.veeam_em_protection_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    machine: "{{ groups['web'] }}"
  register: protection

- name: Stop if a server has no job, or no good backup from the last day
  ansible.builtin.assert:
    that:
      - protection.unprotected | length == 0
      - protection.machines | selectattr('last_good', 'none') | length == 0
      - protection.machines | map(attribute='last_good.age_hours') | max < 24

# This task takes its connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Back them up now and start each job once
  backupops.veeam_em.veeam_em_job:
    id: "{{ protection.machines | map(attribute='jobs') | flatten | map(attribute='id') | unique }}"
    state: started
    wait: true
"""

RETURN = r"""
machines:
  description: The machines, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the machine, as given in O(machine).
      type: str
      sample: web01
    known_as:
      description: Names of the machine on the server; empty if the server does not know it.
      type: list
      elements: str
      sample: [web01.example.com]
    protected:
      description: Whether a job protects the machine.
      type: bool
      sample: true
    jobs:
      description: The jobs that protect the machine. Jobs that include it directly come first.
      type: list
      elements: dict
      contains:
        id:
          description: ID of the job.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the job.
          type: str
          sample: Linux servers
        kind:
          description: V(agent) for agent jobs, V(vm) for VM backup jobs.
          type: str
          sample: agent
        backup_server:
          description: Name of the backup server that has the job.
          type: str
          sample: vbr01.example.com
        schedule_enabled:
          description: Whether the schedule is enabled; V(null) if the server does not say.
          type: bool
          sample: true
        by:
          description:
            - How the module found the job. An agent job includes the V(computer) or its V(protection_group), a VM job includes the VM as an
              V(object), or the machine was part of the job's newest run (V(history)).
          type: str
          sample: protection_group
    last:
      description: The result of the machine in its newest ended run; V(null) if there was none in the last 30 days.
      type: dict
      contains:
        result:
          description: V(Success), V(Warning) or V(Failed); V(null) if the run ended without a verdict for the machine.
          type: str
          sample: Failed
        reason:
          description: Why the machine did not succeed; V(null) if it succeeded or the server does not say.
          type: str
        end_time:
          description: When the machine's session ended (UTC).
          type: str
          sample: '2026-01-31T22:09:41Z'
        age_hours:
          description: How long ago that was, in hours by the server's clock.
          type: float
          sample: 9.25
        job_name:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: ID of the run.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    last_good:
      description: The same for the newest run that did not fail for the machine; V(null) if there was none in the last 30 days.
      type: dict
      contains:
        result:
          description: V(Success) or V(Warning).
          type: str
          sample: Success
        reason:
          description: Why the machine did not succeed; V(null) if it succeeded or the server does not say.
          type: str
        end_time:
          description: When the machine's session ended (UTC).
          type: str
          sample: '2026-01-31T22:09:41Z'
        age_hours:
          description: How long ago that was, in hours by the server's clock.
          type: float
          sample: 9.25
        job_name:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: ID of the run.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    restore_point:
      description: The newest restore point, if O(include_restore_points=true); V(null) if there is none.
      type: dict
      contains:
        id:
          description: ID of the restore point.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        creation_time:
          description: When the restore point was created (UTC).
          type: str
          sample: '2026-01-31T22:04:11Z'
        age_hours:
          description: Age of the restore point in hours.
          type: float
          sample: 9.25
        point_type:
          description: Type of the restore point, such as V(Full) or V(Increment).
          type: str
          sample: Increment
unprotected:
  description: The names in O(machine) that no job protects.
  returned: success
  type: list
  elements: str
  sample: [test07]
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import KINDS_OF_JOBS
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.protection import read_protection
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return read_protection(client, module.params)


def main() -> None:
    spec = {
        # Not str: null would become the name of a machine.
        "machine": {"type": "list", "elements": "raw", "required": True},
        "backup_server": {"type": "str"},
        "kind": {"type": "str", "default": "any", "choices": list(KINDS_OF_JOBS)},
        "include_restore_points": {"type": "bool", "default": False},
    }
    run_em(spec, work)


if __name__ == "__main__":
    main()
