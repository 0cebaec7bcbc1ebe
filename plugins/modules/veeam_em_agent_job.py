#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_agent_job
short_description: Start, stop, retry Veeam Agent backup jobs and set their schedules
version_added: 0.1.0
description:
  - Brings Veeam Agent backup jobs to a state and reports what happened to every machine.
  - An idle job is started once. A run that is under way is attached to, see O(if_running).
  - With O(wait=true) the module waits for the run itself, not only for its trigger, and fails when a machine failed.
  - Every action is sent once. When the answer to an action is lost, the module reads again what happened, and never sends the action twice.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.jobs
  - backupops.veeam_em.wait
  - backupops.veeam_em.wait.optional
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
attributes:
  idempotent:
    support: partial
    details:
      - A job that has ended in between is started again by V(started), as asked.
seealso:
  - module: backupops.veeam_em.veeam_em_agent_job_info
  - module: backupops.veeam_em.veeam_em_job_session_wait
  - module: backupops.veeam_em.veeam_em_job
"""

EXAMPLES = r"""
- name: Back up before the change, stop when a machine failed
  backupops.veeam_em.veeam_em_agent_job:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    name: [Linux servers, SQL servers]
    state: started
    wait: true
  register: backup

# The next ones take their connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Show the verdict of every machine
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.result }} {{ item.reason | default('', true) }}"
  loop: "{{ backup.jobs | map(attribute='machines') | flatten }}"
  loop_control:
    label: "{{ item.name }}"

- name: Stop a job and wait until its run has ended
  backupops.veeam_em.veeam_em_agent_job:
    name: Linux servers
    state: stopped
    wait: true
    wait_timeout: 600

- name: Disable the schedule during maintenance
  backupops.veeam_em.veeam_em_agent_job:
    name: Linux servers
    state: schedule
    schedule_enabled: false
"""

RETURN = r"""
jobs:
  description: One entry per job, in the order given.
  returned: when the jobs were found
  type: list
  elements: dict
  contains:
    job:
      description: The job.
      type: dict
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
    action:
      description: V(start), V(attach), V(reuse), V(stop), V(retry), V(enable), V(disable) or V(none).
      type: str
      sample: start
    changed:
      description: Whether something was changed for this job.
      type: bool
      sample: true
    msg:
      description: What happened, in words.
      type: str
    task:
      description: The task that triggered the action; null when nothing was triggered.
      type: dict
      contains:
        id:
          description: Id of the task.
          type: str
          sample: task-7
        state:
          description: V(Running), V(OperationFinished) or V(Finished).
          type: str
          sample: Finished
        operation:
          description: What the task does.
          type: str
          sample: StartJob
        finished:
          description: Whether the task is finished.
          type: bool
          sample: true
        success:
          description: Whether the action was accepted; null until the task is finished, and when the server does not tell.
          type: bool
          sample: true
        message:
          description: The message of the server.
          type: str
          sample: 'Job "Linux servers" triggered to start.'
        job_session_id:
          description: Id of the job session that the task links to, if it does.
          type: str
    session:
      description: The run; null when it is not visible yet, or when it cannot be told which session it is.
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
    machines:
      description: What happened to each machine; filled with O(wait=true).
      type: list
      elements: dict
      contains:
        id:
          description: Id of the session of the machine, or of its task session where it has no other.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        name:
          description: Name of the machine, the fully qualified one where the server shows it. Two machines may have the same name.
          type: str
          sample: web01
        result:
          description: V(Success), V(Warning) or V(Failed); null until it is final.
          type: str
          sample: Failed
        reason:
          description: Why the machine did not succeed; null when there is nothing to say.
          type: str
          sample: 'Not enough space on the disk.'
        state:
          description: State as the server gives it.
          type: str
          sample: Stopped
        task_session_id:
          description: Id of the task session of the machine.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        duration_seconds:
          description: How long the machine's session took, in seconds. Null while it runs.
          type: float
          sample: 250.5
          version_added: 0.3.0
timed_out:
  description: Whether time ran out.
  returned: when it did
  type: bool
  sample: true
summary:
  description: A table for people, one line for each machine. It suits mail and chat.
  returned: always
  type: str
  sample: |-
    job            machine  verdict  duration    reason
    Linux servers  web01    Success  4 min 10 s  -
  version_added: 0.3.0
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._job_module import run_jobs


def main() -> None:
    run_jobs()


if __name__ == "__main__":
    main()
