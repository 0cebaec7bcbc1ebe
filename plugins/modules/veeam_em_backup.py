#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_backup
short_description: Back up machines with the jobs that protect them, and check the result of each machine
version_added: 0.3.0
description:
  - Finds the jobs that protect the machines, VM jobs and agent jobs alike, starts each job once, waits for the runs, and returns a
    verdict for every machine.
  - A machine counts as backed up if it was in the run of at least one of these jobs, and ended well in each run that it was in.
    An unknown result does not count as success.
  - If a job is already running, the module joins that run. See O(if_running). A job always backs up all of its machines, not only those in
    O(machine).
  - The role P(backupops.veeam_em.backup_before_change#role) uses this module for the hosts of a play.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.wait
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
options:
  machine:
    description:
      - Names of the machines. Names are not case-sensitive. Numbers are treated as strings.
      - An exact match takes precedence. Otherwise a short name such as C(web01) and a full name such as C(web01.example.com) match if no
        other machine could match. If a name could mean several machines, the module fails and lists them.
    type: list
    elements: raw
    required: true
  jobs:
    description:
      - Maps the name of a machine, as in O(machine), to the name of its job or to a list of names. The module does not look up the jobs of
        these machines.
    type: dict
    default: {}
  kind:
    description:
      - Kind of the jobs. V(agent) covers agent jobs, V(vm) covers VM jobs, and V(any) covers both.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Use only jobs of the backup server with this name or ID. If not set, jobs of all backup servers count.
    type: str
  unprotected:
    description:
      - What to do if no job protects a machine.
      - V(fail) backs up the other machines and then fails. In a play or task with C(any_errors_fatal), V(fail) means V(stop).
      - V(stop) fails before the module starts any job.
      - V(ignore) lets the machine pass, with the verdict V(unprotected).
    type: str
    choices: [fail, ignore, stop]
    default: fail
  if_running:
    description:
      - What to do if one of the jobs is already running.
      - V(attach) joins that run, which may have finished the machine long ago. V(fail) fails before the module starts any job.
    type: str
    choices: [attach, fail]
    default: attach
  valid_for:
    description:
      - Maximum age in seconds of an earlier run that counts as the backup, if O(fail_on) accepts its verdict. If there is such a run, the
        module does not start the job. V(0) always starts the job.
      - A run that is dated more than an hour in the future does not count, because its age is unknown. The module warns about it.
    type: float
    default: 0
  fail_on:
    description:
      - Which verdict of a machine makes the module fail. V(failed) accepts warnings, V(warning) does not.
    type: str
    choices: [failed, warning]
    default: failed
  runs:
    description:
      - Runs to use instead of new ones, as returned in RV(runs) by an earlier call. The module waits for those that have not ended.
    type: dict
    default: {}
attributes:
  idempotent:
    support: partial
    details:
      - With O(valid_for) or O(runs), the module does not start a job that has such a run.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_protection_info
"""

EXAMPLES = r"""
- name: Back up the web servers with the jobs that protect them
  backupops.veeam_em.veeam_em_backup:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    machine: "{{ groups['web'] }}"
  run_once: true
  delegate_to: localhost

# The connection comes from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Accept a backup from the last hour, and name the job of the database server
  backupops.veeam_em.veeam_em_backup:
    machine: [web01, sql01]
    jobs:
      sql01: SQL servers
    valid_for: 3600
"""

RETURN = r"""
machines:
  description: The outcome for each machine, in the order given.
  returned: as soon as the jobs are known
  type: list
  elements: dict
  contains:
    name:
      description: Name of the machine, as it was given.
      type: str
      sample: web01
    verdict:
      description:
        - V(success), V(warning) or V(failed).
        - V(unprotected) if no job protects the machine, V(predicted) in check mode.
      type: str
      sample: success
    ok:
      description: Whether the machine is safe to change, according to O(fail_on) and O(unprotected).
      type: bool
      sample: true
    msg:
      description: The verdict as text.
      type: str
      sample: 'Backed up: web01. Linux servers: Success.'
    jobs:
      description: Names of the jobs that protect the machine.
      type: list
      elements: str
      sample: [Linux servers]
    result:
      description: The result of the machine in the run of each job.
      type: list
      elements: dict
      contains:
        job:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: ID of the run; V(null) if there is no run.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        machine:
          description: Name of the machine in that run.
          type: str
          sample: web01.example.com
        result:
          description: V(Success), V(Warning) or V(Failed); V(null) if there is no verdict.
          type: str
          sample: Success
        reason:
          description: Why the machine did not succeed; empty if there is no reason.
          type: str
          sample: Not enough space on the disk.
jobs:
  description: One entry for each job that this call started, joined or reused, but not for the runs in O(runs).
  returned: as soon as the jobs are known
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
      description: What the module did. One of V(start), V(attach), V(reuse) or V(none).
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
      description: The result of each machine in the run, including machines that were not requested.
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
runs:
  description: Maps the ID of each job to the ID of its run. Pass this to a later call as O(runs) to use the same runs.
  returned: as soon as the jobs are known
  type: dict
  sample: {c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11: 0f8fad5b-d9cb-469f-a165-70867728950e}
timed_out:
  description: Whether the wait timed out.
  returned: on timeout
  type: bool
  sample: true
summary:
  description: One line for each machine, suitable for mail and chat.
  returned: as soon as the jobs are known
  type: str
  sample: 'Backed up: web01. Linux servers: Success.'
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.backup import Order, back_up
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import KINDS_OF_JOBS
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import WAIT_ALWAYS, option_spec, run_em
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions


def work(client: Any, module: Any) -> dict[str, Any]:
    waiter = Waiter(WaitOptions.from_params(module.params))
    return back_up(client, Order.from_params(module.params), waiter, module.check_mode)


def main() -> None:
    spec = {
        # Not str: null would become the name of a machine.
        "machine": {"type": "list", "elements": "raw", "required": True},
        "jobs": {"type": "dict", "default": {}},
        "kind": {"type": "str", "default": "any", "choices": list(KINDS_OF_JOBS)},
        "backup_server": {"type": "str"},
        "unprotected": {"type": "str", "default": "fail", "choices": ["fail", "ignore", "stop"]},
        "if_running": {"type": "str", "default": "attach", "choices": ["attach", "fail"]},
        "valid_for": {"type": "float", "default": 0.0},
        "fail_on": {"type": "str", "default": "failed", "choices": ["failed", "warning"]},
        "runs": {"type": "dict", "default": {}},
    }
    run_em(dict(spec, **option_spec(WAIT_ALWAYS)), work)


if __name__ == "__main__":
    main()
