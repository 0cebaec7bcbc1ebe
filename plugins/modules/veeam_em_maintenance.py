#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_maintenance
short_description: Disable job schedules for maintenance and restore them exactly
version_added: 0.3.0
description:
  - V(frozen) records in a file which schedules are enabled and then disables them. It can also stop the jobs that are running.
  - V(thawed) enables exactly the schedules that freezing disabled. A schedule that was disabled before stays disabled.
  - The module writes the file before the first change, and before and after every change. If the module is killed, run it again with the same file, either to
    freeze or to thaw. It waits for a change that was interrupted before it decides what to do. It never toggles a schedule twice and never loses one.
  - One file belongs to one window on one Enterprise Manager. Freezing again with the same file adds jobs to the window. If two modules use the same file at the
    same time, the second one waits for the first.
  - The module changes all schedules in one logon session and waits for all tasks together.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
attributes:
  check_mode:
    details:
      - The module changes neither the file nor the server.
  idempotent:
    support: full
options:
  state:
    description:
      - V(frozen) disables the schedules of the selected jobs.
      - V(thawed) enables the schedules that freezing with the same O(path) disabled. Use O(name), O(id), O(kind) and O(backup_server) to
        select some of them. Without these options, the module thaws all of them. An empty list is an error.
    type: str
    choices: [frozen, thawed]
    required: true
  path:
    description:
      - File that records the window, on the machine where the module runs. Only its owner can read it (mode V(0600)). Symbolic links are rejected.
      - By default, each Enterprise Manager has its own file in the directory C(backupops.veeam_em) below E(XDG_STATE_HOME) or C(~/.local/state).
      - The module does not create a file in a world-writable directory such as C(/var/tmp), because the system cleans up such directories.
      - The module creates missing directories with mode V(0700). A lock file next to the file, with the suffix C(.lock), prevents two modules from using
        the file at the same time.
      - The module can read files from release 0.2.0 of the role C(maintenance_window).
    type: path
  name:
    description:
      - Exact names of the jobs. The module skips jobs without a schedule.
      - A string is split at commas and line breaks. It may also contain a JSON list. Spaces around names are ignored.
    type: list
    elements: str
  id:
    description:
      - IDs or UIDs of the jobs. Use this instead of O(name).
    type: list
    elements: str
  all_jobs:
    description:
      - Whether V(frozen) selects every job, instead of using O(name) or O(id). V(thawed) rejects this option. Without O(name) and O(id), it thaws
        everything that was frozen.
    type: bool
    default: false
  kind:
    description:
      - Kind of the jobs. V(vm) covers VM backup, replication and backup copy jobs. V(agent) covers agent jobs.
      - With V(any), a name that exists in both kinds is ambiguous, and the module fails.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Name or ID of the backup server that has the jobs.
    type: str
  stop_running:
    description:
      - Whether V(frozen) also stops the running jobs after it has frozen all schedules, and waits until they have ended. V(thawed) rejects this option.
    type: bool
    default: false
  expires_after:
    description:
      - Number of seconds after which the window is overdue, counted from this run. See O(overdue_only).
      - Freezing again with this option moves the end of the window. Freezing again without it keeps the end. A window that was never given an end
        does not expire.
      - Only for V(frozen).
    type: float
  overdue_only:
    description:
      - Whether V(thawed) does nothing until the window is overdue. Run this every few minutes to thaw schedules that somebody forgot or that
        a crashed controller left frozen.
      - The module sends no request while there is nothing to do.
      - Only for V(thawed).
    type: bool
    default: false
  forget_missing:
    description:
      - Whether V(thawed) removes jobs from the file that Enterprise Manager no longer has, usually because they were deleted. If V(false), the module
        thaws the other jobs, keeps the missing ones in the file, and then fails and names them.
      - Only for V(thawed).
    type: bool
    default: false
  wait_timeout:
    description:
      - Timeout of the whole task, in seconds. Only O(stop_running) takes longer than a few minutes.
    type: float
    default: 14400
  progress:
    description:
      - Whether to show progress while schedules are changed and while jobs are being stopped, with one line for each change, and the state of
        each job at the end. More than 20 jobs share one line, such as C(3 of 40 jobs frozen).
      - Of a long summary, only the jobs that need attention are shown. The result has all of it.
      - There is no progress output with C(no_log), with C(async), or if the module does not run on the controller.
    type: bool
    default: true
notes:
  - C(changed) is V(true) if the module changed a schedule or stopped a run. Changes to the file alone, such as a later end of the window, do not count.
  - The account needs the Portal Administrator role.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_agent_job
"""

EXAMPLES = r"""
- name: Freeze two jobs for at most four hours, and stop them if they are running
  backupops.veeam_em.veeam_em_maintenance:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    state: frozen
    name: [Linux servers, SQL servers]
    stop_running: true
    expires_after: 14400

# The next tasks take their connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Thaw exactly what was frozen
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed

- name: Thaw a forgotten window (run this every few minutes)
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed
    overdue_only: true

- name: Freeze every VM job, with a separate file for this window
  backupops.veeam_em.veeam_em_maintenance:
    state: frozen
    all_jobs: true
    kind: vm
    path: ~/windows/storage.json

- name: Thaw these jobs
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed
    path: ~/windows/storage.json
"""

RETURN = r"""
jobs:
  description: One entry for each job, in the order given. With O(state=thawed), in the order in which they were frozen.
  returned: when the jobs were found
  type: list
  elements: dict
  contains:
    job:
      description: The job. Only C(id), C(name) and C(backup_server) if Enterprise Manager does not have the job or the module did not read it.
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
          description: V(vm) or V(agent).
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
          description: Whether the job has a schedule.
          type: bool
          sample: true
        schedule_enabled:
          description: Whether the schedule is enabled now.
          type: bool
          sample: false
        next_run:
          description: When the schedule starts the job next (UTC); V(null) if there is no next run.
          type: str
          sample: '2026-01-31T22:00:00Z'
        schedule:
          description: The schedule settings, without the kinds of schedule that are switched off; V(null) if the job has no schedule.
          type: dict
    was_enabled:
      description: Whether the schedule was enabled before freezing; V(null) for a job without a schedule.
      type: bool
      sample: true
    state:
      description:
        - State of the job in the file. V(frozen) or V(thawed); V(untouched) if the schedule was already disabled; V(without schedule); V(gone) if the job
          was removed from the file; V(freezing) or V(thawing) if a change may or may not have taken effect. The next run checks this.
      type: str
      sample: frozen
    changed:
      description: Whether the module changed the schedule or stopped a run of the job.
      type: bool
      sample: true
    msg:
      description: What happened, as text.
      type: str
      sample: The schedule is disabled now.
memory:
  description: The window as recorded in the file.
  returned: unless the options are invalid
  type: dict
  contains:
    path:
      description: Full path of the file.
      type: str
      sample: /home/backup/.local/state/backupops.veeam_em/em.example.com_9398.json
    em:
      description: Enterprise Manager that the window belongs to.
      type: str
      sample: em.example.com:9398
    frozen_at:
      description: When the window began (UTC); V(null) if nothing was frozen or the file does not say.
      type: str
      sample: '2026-01-31T22:00:00.000Z'
    expires_at:
      description: When the window is overdue (UTC); V(null) if it does not expire.
      type: str
      sample: '2026-02-01T02:00:00.000Z'
summary:
  description: A readable summary with the outcome, the file, and one line for each job.
  returned: unless the options are invalid
  type: str
msg:
  description: What happened, as text.
  returned: always
  type: str
  sample: Disabled 2 of 3 schedules.
timed_out:
  description: Whether the wait timed out.
  returned: on timeout
  type: bool
  sample: true
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.maintenance import STATES, Order, carry_out
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import option_spec, run_em
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import WAIT


def work(client: Any, module: Any) -> dict[str, Any]:
    return carry_out(client, Order.from_params(module.params), module.params)


def main() -> None:
    spec = {
        "state": {"type": "str", "required": True, "choices": list(STATES)},
        "path": {"type": "path"},
        "name": {"type": "list", "elements": "str"},
        "id": {"type": "list", "elements": "str"},
        "all_jobs": {"type": "bool", "default": False},
        "kind": {"type": "str", "default": "any", "choices": ["any", "vm", "agent"]},
        "backup_server": {"type": "str"},
        "stop_running": {"type": "bool", "default": False},
        "expires_after": {"type": "float"},
        "overdue_only": {"type": "bool", "default": False},
        "forget_missing": {"type": "bool", "default": False},
    }
    waiting = {name: WAIT[name] for name in ("wait_timeout", "progress")}
    run_em({**spec, **option_spec(waiting)}, work)


if __name__ == "__main__":
    main()
