#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_backup
short_description: Back up machines, whatever jobs protect them, and judge each machine by its own result
version_added: 0.3.0
description:
  - Finds the jobs that protect the machines, VM jobs and agent jobs alike, starts each job once, waits for the runs, and returns a
    verdict for every machine.
  - A machine is backed up when it took part in the run of at least one of these jobs and ended well in each run that it took part in.
    An unknown result is not a success.
  - A job that is already running is joined, see O(if_running). A job that protects further machines is started as a whole.
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
      - Names of the machines. Letter case does not matter. Numbers are taken as text.
      - An equal name wins. Else a short name and a full one, C(web01) and C(web01.example.com), mean the same machine when no other
        machine could be meant. A name that could mean several machines fails the module, with a list of them.
    type: list
    elements: raw
    required: true
  jobs:
    description:
      - Name of a machine, as in O(machine), and the name of its job or a list of names. These machines are not looked up.
    type: dict
    default: {}
  kind:
    description:
      - Which jobs count. V(agent) means agent jobs, V(vm) means VM jobs, V(any) means both.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Name or id of the backup server whose jobs count. All of them if not set.
    type: str
  unprotected:
    description:
      - What to do when no job protects a machine.
      - V(fail) fails the module at the end; the jobs of the other machines are started. In a play or task with C(any_errors_fatal) it
        means V(stop).
      - V(stop) fails the module before any job is started.
      - V(ignore) says so in the verdict of the machine, and lets it pass.
    type: str
    choices: [fail, ignore, stop]
    default: fail
  if_running:
    description:
      - What to do when one of the jobs is already running.
      - V(attach) joins that run, which may have finished the machine long ago. V(fail) starts none of the jobs and fails.
    type: str
    choices: [attach, fail]
    default: attach
  valid_for:
    description:
      - A run that ended at most this many seconds ago, with a verdict that O(fail_on) accepts, counts as the backup. Then the job is not
        started. V(0) starts it in any case.
    type: float
    default: 0
  fail_on:
    description:
      - Which verdict of a machine fails the module. V(failed) lets warnings pass, V(warning) does not.
    type: str
    choices: [failed, warning]
    default: failed
  runs:
    description:
      - Runs that serve instead of a new one, as an earlier call returned them in RV(runs). A run that is not over is waited for.
    type: dict
    default: {}
attributes:
  idempotent:
    support: partial
    details:
      - With O(valid_for) and with O(runs), nothing is started again.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_protection_info
"""

EXAMPLES = r"""
- name: Back up the web servers, whatever jobs protect them
  backupops.veeam_em.veeam_em_backup:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    machine: "{{ groups['web'] }}"
  run_once: true
  delegate_to: localhost

# The connection comes from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: A backup of the last hour is enough; the database has its own job
  backupops.veeam_em.veeam_em_backup:
    machine: [web01, sql01]
    jobs:
      sql01: SQL servers
    valid_for: 3600
"""

RETURN = r"""
machines:
  description: What became of each machine, in the order given.
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
        - V(unprotected) when no job protects the machine, V(predicted) in check mode.
      type: str
      sample: success
    ok:
      description: Whether the machine may be changed, by O(fail_on) and O(unprotected).
      type: bool
      sample: true
    msg:
      description: The verdict in words.
      type: str
      sample: 'Backed up: web01. Linux servers: Success.'
    jobs:
      description: Names of the jobs that protect the machine.
      type: list
      elements: str
      sample: [Linux servers]
    result:
      description: What the run of each job did to the machine.
      type: list
      elements: dict
      contains:
        job:
          description: Name of the job.
          type: str
          sample: Linux servers
        job_session_id:
          description: Id of the run; null when there is none.
          type: str
          sample: c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11
        machine:
          description: Name of the machine in that run.
          type: str
          sample: web01.example.com
        result:
          description: V(Success), V(Warning) or V(Failed); null when there is no verdict.
          type: str
          sample: Success
        reason:
          description: Why it is not a success; empty when there is nothing to say.
          type: str
          sample: Not enough space on the disk.
jobs:
  description: One entry for each job that this call started, joined or reused; those of O(runs) are not among them.
  returned: as soon as the jobs are known
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
          sample: vm
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
          description: When the schedule starts the job next, UTC; null when it does not.
          type: str
          sample: '2026-01-31T22:00:00Z'
        schedule:
          description: What the schedule consists of; kinds of schedule that are switched off are left out, null when there is none.
          type: dict
    action:
      description: V(start), V(attach), V(reuse) or V(none).
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
          description: Whether the action was accepted; null until the task is finished, and when the server does not say.
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
      description: The run; V(null) if it is not visible yet, or if the module cannot tell which session it is.
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
          description: Whether the run is a retry; V(null) if the server does not say.
          type: bool
          sample: false
        failure_message:
          description: The message of a failed run, if the server gives one.
          type: str
    machines:
      description: What happened to each machine.
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
runs:
  description: Ids of the jobs and of their runs. A later call with this as O(runs) uses the same runs.
  returned: as soon as the jobs are known
  type: dict
  sample: {c1a7c6a0-5f0e-4b1c-9a51-6d2f0d9b7a11: 0f8fad5b-d9cb-469f-a165-70867728950e}
timed_out:
  description: Whether time ran out.
  returned: when it did
  type: bool
  sample: true
summary:
  description: One line for each machine, for people.
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
