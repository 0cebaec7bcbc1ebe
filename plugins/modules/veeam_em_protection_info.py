#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_protection_info
short_description: Find the jobs that protect machines, and how their newest backups ended
version_added: 0.3.0
description:
  - Tells for each machine which backup jobs protect it, how its newest run ended, when it was last backed up well, and how long ago that is.
  - A job protects a machine when it names it, names its protection group, or had it in its newest run. The last also finds VMs
    in folders, clusters and other containers, which jobs name instead of their VMs.
  - Agent jobs and VM backup jobs count. Replication and backup copy jobs do not, since they make no new backup.
  - Hundreds of machines cost hardly more requests than one.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  machine:
    description:
      - Names of the machines. Letter case does not matter. Numbers are taken as text.
      - An equal name wins. Else a short name and a full one, C(web01) and C(web01.example.com), mean the same machine when no other
        machine could be meant. A name that could mean several machines fails the module, with a list of them.
      - A machine that nothing is known of is not an error, but is listed in RV(unprotected).
    type: list
    elements: raw
    required: true
  backup_server:
    description:
      - Name or id of the backup server whose jobs count. Needed when several know a machine of the same name.
    type: str
  kind:
    description:
      - V(agent) looks at agent jobs, V(vm) at VM backup jobs, V(any) at both.
    type: str
    choices: [any, vm, agent]
    default: any
  include_restore_points:
    description:
      - Whether to add the newest restore point of each machine, as C(restore_point).
      - Enterprise Manager lists them for computers with an agent only.
    type: bool
    default: false
notes:
  - Enterprise Manager lists the sessions of the last 30 days; older runs are not known.
  - A machine taken out of a container counts until the job has run without it.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_job_info
  - module: backupops.veeam_em.veeam_em_computer_info
"""

EXAMPLES = r"""
- name: Find the jobs of the web servers, and how their newest backups ended
  backupops.veeam_em.veeam_em_protection_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    machine: "{{ groups['web'] }}"
  register: protection

- name: Stop when one has no job, or no good backup of the last day
  ansible.builtin.assert:
    that:
      - protection.unprotected | length == 0
      - protection.machines | selectattr('last_good', 'none') | length == 0
      - protection.machines | map(attribute='last_good.age_hours') | max < 24

# Connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Back them up now, each job once
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
      description: Name of the machine, as asked for.
      type: str
      sample: web01
    known_as:
      description: Names by which the server knows it; empty when it does not.
      type: list
      elements: str
      sample: [web01.example.com]
    protected:
      description: Whether a job protects it.
      type: bool
      sample: true
    jobs:
      description: The jobs that protect it, those that name it first.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the job.
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
          description: Name of the backup server that holds the job.
          type: str
          sample: vbr01.example.com
        schedule_enabled:
          description: Whether the schedule is enabled; null when the server does not tell.
          type: bool
          sample: true
        by:
          description:
            - How it was found. The agent job names the V(computer) or its V(protection_group), the VM job names the VM as an V(object), or
              the machine was in the newest run of the job (V(history)).
          type: str
          sample: protection_group
    last:
      description: What became of the machine in the newest run that has ended; null when there is none in the last 30 days.
      type: dict
      contains:
        result:
          description: V(Success), V(Warning) or V(Failed); null when the run ended without a verdict for the machine.
          type: str
          sample: Failed
        reason:
          description: Why it did not succeed; null when it did, or when the server does not tell.
          type: str
        end_time:
          description: When the machine was done, UTC.
          type: str
          sample: '2026-01-31T22:09:41Z'
        age_hours:
          description: How long ago that was, in hours, by the server's clock.
          type: float
          sample: 9.25
        job_name:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: Id of the run.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    last_good:
      description: The same for the newest run that did not fail for the machine; null when there is none in the last 30 days.
      type: dict
      contains:
        result:
          description: V(Success) or V(Warning).
          type: str
          sample: Success
        reason:
          description: Why it did not succeed; null when it did, or when the server does not tell.
          type: str
        end_time:
          description: When the machine was done, UTC.
          type: str
          sample: '2026-01-31T22:09:41Z'
        age_hours:
          description: How long ago that was, in hours, by the server's clock.
          type: float
          sample: 9.25
        job_name:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: Id of the run.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
    restore_point:
      description: With O(include_restore_points=true), the newest restore point; null when there is none.
      type: dict
      contains:
        id:
          description: Id of the restore point.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        creation_time:
          description: When it was made, UTC.
          type: str
          sample: '2026-01-31T22:04:11Z'
        age_hours:
          description: Its age in hours.
          type: float
          sample: 9.25
        point_type:
          description: Such as V(Full) or V(Increment).
          type: str
          sample: Increment
unprotected:
  description: Those of the names asked for that no job protects.
  returned: success
  type: list
  elements: str
  sample: [test07]
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
