#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_job
short_description: Start, stop and retry backup jobs of any kind, and set their schedules
version_added: 0.1.0
description:
  - Starts, stops or retries VM backup, replication, backup copy and agent jobs, or sets their schedules, and reports the result of every machine.
  - If the job is idle, the module starts it once. If the job is already running, the module joins that run. See O(if_running).
  - With O(wait=true), the module waits for the backup run itself, not only for its trigger, and fails if a machine failed.
  - The module sends every action once. If the response is lost, it reads the state to find out what happened and never sends the action again.
  - To start a backup copy job, the module uses the server's sync action. The session of a copy job that copies continuously goes back to
    V(Idle) afterwards and does not end, so there is no final result. With O(wait=true), the module then waits until O(wait_timeout). Use
    O(wait=false) for such a job.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.jobs
  - backupops.veeam_em.wait
  - backupops.veeam_em.wait.optional
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
options:
  kind:
    description:
      - Kind of the jobs. V(vm) covers VM backup, replication and backup copy jobs. V(agent) covers agent jobs.
      - V(any) looks for the name among both kinds. A name that exists in both kinds is ambiguous, and the module fails.
    type: str
    choices: [any, vm, agent]
    default: any
    version_added: 0.3.0
attributes:
  idempotent:
    support: partial
    details:
      - If a job has ended since the last task, V(started) starts it again.
seealso:
  - module: backupops.veeam_em.veeam_em_agent_job
  - module: backupops.veeam_em.veeam_em_job_session_wait
"""

EXAMPLES = r"""
- name: Back up before the change, and stop if a machine failed
  backupops.veeam_em.veeam_em_job:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    name: [Web VMs]
    state: started
    wait: true
  register: backup

# The next tasks take their connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Show the result of every machine
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.result }} {{ item.reason | default('', true) }}"
  loop: "{{ backup.jobs | map(attribute='machines') | flatten }}"
  loop_control:
    label: "{{ item.name }}"

- name: Stop a job and wait until its run has ended
  backupops.veeam_em.veeam_em_job:
    name: Web VMs
    state: stopped
    wait: true
    wait_timeout: 600

- name: Disable the schedule during maintenance
  backupops.veeam_em.veeam_em_job:
    name: Web VMs
    state: schedule
    schedule_enabled: false
"""

RETURN = r"""
jobs:
  description: One entry for each job, in the order given.
  returned: when the jobs were found
  type: list
  elements: dict
  contains:
    job:
      description: The job.
      type: dict
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
          description: Name of the backup server that has the job.
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
    action:
      description: What the module did. One of V(start), V(attach), V(reuse), V(stop), V(retry), V(enable), V(disable) or V(none).
      type: str
      sample: start
    changed:
      description: Whether the module changed anything for this job.
      type: bool
      sample: true
    msg:
      description: What happened, as text.
      type: str
    task:
      description: The task that triggered the action; V(null) if the module triggered nothing.
      type: dict
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
    session:
      description: The run; V(null) if it is not visible yet, or if the module cannot tell which session it is.
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
    machines:
      description: The result of each machine. Empty unless O(wait=true).
      type: list
      elements: dict
      contains:
        id:
          description: ID of the machine's session, or of its task session if it has no other session.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the machine, fully qualified if the server shows it. Two machines may have the same name.
          type: str
          sample: web01
        result:
          description: V(Success), V(Warning) or V(Failed); V(null) until it is final.
          type: str
          sample: Failed
        reason:
          description: Why the machine did not succeed; V(null) if there is no reason.
          type: str
          sample: 'Not enough space on the disk.'
        state:
          description: State as reported by the server.
          type: str
          sample: Stopped
        task_session_id:
          description: ID of the machine's task session.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        duration_seconds:
          description: Duration of the machine's session, in seconds; V(null) while it is running.
          type: float
          sample: 250.5
          version_added: 0.3.0
timed_out:
  description: Whether the wait timed out.
  returned: on timeout
  type: bool
  sample: true
summary:
  description: A readable table with one line for each machine, suitable for mail and chat. Also returned if a job or a machine failed.
  returned: success
  type: str
  sample: |-
    job            machine  verdict  duration    reason
    Linux servers  web01    Success  4 min 10 s  -
  version_added: 0.3.0
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import KINDS_OF_JOBS
from ansible_collections.backupops.veeam_em.plugins.module_utils._job_module import run_jobs


def main() -> None:
    run_jobs(kind={"type": "str", "default": "any", "choices": list(KINDS_OF_JOBS)})


if __name__ == "__main__":
    main()
