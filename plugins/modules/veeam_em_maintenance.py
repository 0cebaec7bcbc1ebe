#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_maintenance
short_description: Freeze the schedules of jobs, and thaw them as they were
version_added: 0.3.0
description:
  - V(frozen) remembers in a file which schedules are enabled, disables those, and stops the jobs that run if asked to.
  - V(thawed) enables exactly the schedules that freezing has disabled. A schedule that was off before stays off.
  - The file is written before the first change, and before and after every one. A module that is killed at any moment can be run again with the same file,
    to freeze or to thaw. It never toggles a schedule twice and forgets none; a change that was cut short is waited for before anything is decided.
  - One file stands for one window on one Enterprise Manager. Freezing again with the same file adds to it. Two modules that use one file at the same time wait
    for each other.
  - All schedules are changed within one logon session, and all tasks are followed together.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.write
attributes:
  check_mode:
    details:
      - Neither the file nor the server is written to.
  idempotent:
    support: full
options:
  state:
    description:
      - V(frozen) disables the schedules of the chosen jobs.
      - V(thawed) enables those that were disabled by freezing with the same O(path). O(name), O(id), O(kind) and O(backup_server) choose
        among them; without these options all are thawed.
    type: str
    choices: [frozen, thawed]
    required: true
  path:
    description:
      - File that remembers, on the computer where the module runs. It belongs to this user alone (mode V(0600)), and is never reached through a symbolic link.
      - The default is a file for each Enterprise Manager in the folder C(backupops.veeam_em) of the user's state folder, E(XDG_STATE_HOME)
        or C(~/.local/state).
      - A new file in a folder that everybody may write to, such as C(/var/tmp), is refused; such folders are cleaned now and then.
      - Folders that do not exist are made, with mode V(0700). A file beside it, with C(.lock) added to the name, keeps two modules from using it at once.
      - Files that release 0.2.0 of the role C(maintenance_window) wrote are read.
    type: path
  name:
    description:
      - Exact names of the jobs. Jobs without a schedule are left alone.
      - A text is cut at commas and line breaks; it may also be a list in JSON. Blanks around names do not matter.
    type: list
    elements: str
  id:
    description:
      - Ids or UIDs of the jobs, instead of O(name).
    type: list
    elements: str
  all_jobs:
    description:
      - Whether every job is meant, instead of O(name) or O(id).
    type: bool
    default: false
  kind:
    description:
      - Which jobs are meant. V(vm) are the backup, replication and backup copy jobs of virtual machines, V(agent) those of Veeam Agents.
      - With V(any), a name that a job of either kind has is ambiguous.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Name or id of the backup server that holds the jobs.
    type: str
  stop_running:
    description:
      - Whether V(frozen) also stops those of the jobs that run, once all are frozen, and waits until they have ended.
    type: bool
    default: false
  expires_after:
    description:
      - After how many seconds the window is overdue, counted from this run. See O(overdue_only).
      - Freezing again with this option moves the end; freezing again without it does not. Without it in any run, the window has no end.
    type: float
  overdue_only:
    description:
      - Whether V(thawed) does nothing until the window is overdue. A job that runs every few minutes thaws then what somebody forgot, or
        what a lost controller left.
      - No request is made while there is nothing to do.
    type: bool
    default: false
  forget_missing:
    description:
      - Whether V(thawed) forgets the jobs that Enterprise Manager does not know, because they were deleted. Otherwise the module thaws the
        others, keeps these in the file, fails and names them.
    type: bool
    default: false
  wait_timeout:
    description:
      - How long the whole may take, in seconds. Only O(stop_running) takes longer than a few minutes.
    type: float
    default: 14400
  progress:
    description:
      - Whether to show how the wait for stopped jobs is going, and at the end the state of each job.
      - Nothing is shown with C(no_log), in the background (C(async)), and when the module does not run on the controller.
    type: bool
    default: true
notes:
  - C(changed) tells whether schedules or runs were changed. What only the file remembers, such as a later end of the window, does not count.
  - The account must be a Portal Administrator.
seealso:
  - module: backupops.veeam_em.veeam_em_job
  - module: backupops.veeam_em.veeam_em_agent_job
"""

EXAMPLES = r"""
- name: Freeze two jobs for four hours at most, and stop what runs
  backupops.veeam_em.veeam_em_maintenance:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    state: frozen
    name: [Linux servers, SQL servers]
    stop_running: true
    expires_after: 14400

# The next ones take their connection from VEEAM_EM_HOST, VEEAM_EM_USERNAME and VEEAM_EM_PASSWORD.
- name: Thaw exactly what was frozen
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed

- name: Thaw what somebody forgot (run it every few minutes)
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed
    overdue_only: true

- name: Freeze every VM job, with a file of one's own for this window
  backupops.veeam_em.veeam_em_maintenance:
    state: frozen
    all_jobs: true
    kind: vm
    path: ~/windows/storage.json

- name: Thaw these
  backupops.veeam_em.veeam_em_maintenance:
    state: thawed
    path: ~/windows/storage.json
"""

RETURN = r"""
jobs:
  description: One entry per job, in the order given; to thaw, in the order in which they were frozen.
  returned: when the jobs were found
  type: list
  elements: dict
  contains:
    job:
      description: The job. Only C(id), C(name) and C(backup_server) when Enterprise Manager does not know it, or was not asked.
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
          description: Name of the backup server that holds the job.
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
          description: When the schedule starts the job next, UTC; null when it does not.
          type: str
          sample: '2026-01-31T22:00:00Z'
        schedule:
          description: What the schedule consists of; kinds of schedule that are switched off are left out, null when there is none.
          type: dict
    was_enabled:
      description: Whether the schedule was enabled before freezing; null for a job without a schedule.
      type: bool
      sample: true
    state:
      description:
        - What the file remembers. V(frozen) and V(thawed); V(untouched) for a schedule that was off before; V(without schedule); V(gone) for a forgotten job;
          V(freezing) or V(thawing) when it is not certain whether a change took effect, which the next run finds out.
      type: str
      sample: frozen
    changed:
      description: Whether the schedule or a run of the job was changed.
      type: bool
      sample: true
    msg:
      description: What happened, in words.
      type: str
      sample: The schedule is disabled now.
memory:
  description: What the file says of the window.
  returned: unless options make no sense
  type: dict
  contains:
    path:
      description: The file, in full.
      type: str
      sample: /home/backup/.local/state/backupops.veeam_em/em.example.com_9398.json
    em:
      description: The Enterprise Manager that it belongs to.
      type: str
      sample: em.example.com:9398
    frozen_at:
      description: When the window began, UTC; null when nothing was frozen, or the file does not tell.
      type: str
      sample: '2026-01-31T22:00:00.000Z'
    expires_at:
      description: When the window is overdue, UTC; null when it has no end.
      type: str
      sample: '2026-02-01T02:00:00.000Z'
summary:
  description: What happened, the file, and the state of each job, for people; one line each.
  returned: unless options make no sense
  type: str
msg:
  description: What happened, in words.
  returned: always
  type: str
  sample: Disabled 2 of 3 schedules.
timed_out:
  description: Whether time ran out.
  returned: when it did
  type: bool
  sample: true
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
