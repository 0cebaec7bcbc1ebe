#!/usr/bin/python
# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veeam_em_report_info
short_description: Report what ran, what failed, and which machines have no recent backup
version_added: 0.3.0
description:
  - Reads jobs, runs and machines of a period and returns them as one report. The role P(backupops.veeam_em.backup_report#role) writes
    it as HTML, CSV, text, JSON and metrics, the role P(backupops.veeam_em.rpo_gate#role) makes a gate of it.
  - Ages are measured by the server's clock.
  - Everything is read page by page, 500 rows at a time. The period is read first; runs before it only when a machine has no good
    backup in it, or a job no run. The server keeps runs for 30 days; what is older counts as never.
  - A machine is told by its backup server and its name. A short name means the machine with the one long name that begins so.
    Within one run, sessions of the same name count as the worst of them.
  - Backup copies and replicas are reported as runs, but are not the newest backup of a machine, as a copy is as old as what it copies.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  hours:
    description:
      - How many hours the report reaches back. The server keeps runs for 30 days (V(720)).
    type: float
    default: 24
  name:
    description:
      - Only jobs with these names. What no job protects is then not reported.
    type: list
    elements: str
  kind:
    description:
      - V(agent) for agent jobs, V(vm) for VM backup, replication and backup copy jobs, V(any) for both, and for the runs of file share
        jobs and of jobs that were deleted.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Only jobs of the backup server with this name or id.
    type: str
  machine:
    description:
      - Only these machines. Names, or shell patterns such as V(sql*); letter case does not matter, and V(web01) means
        V(web01.example.com) too.
      - A name that nothing knows is reported as unprotected.
    type: list
    elements: str
  rpo_hours:
    description:
      - How many hours old the newest good backup of a machine may be. Without it, only O(rpo_overrides) sets limits.
    type: float
  rpo_overrides:
    description:
      - Other limits for some machines. The first that fits counts.
    type: list
    elements: dict
    suboptions:
      machine:
        description: A name, or a shell pattern.
        type: str
        required: true
      hours:
        description: How many hours old the newest good backup may be.
        type: float
        required: true
  exclude:
    description:
      - Machines that are not backed up on purpose. They are neither unprotected nor a breach; their failures are still reported.
      - Names or shell patterns, or dictionaries with C(machine) and C(reason).
    type: list
    elements: raw
  tolerate_warnings:
    description:
      - Shell patterns of reasons. Warnings whose reason fits are marked as tolerated and come last. Letter case does not matter.
    type: list
    elements: str
seealso:
  - module: backupops.veeam_em.veeam_em_job_session_info
  - module: backupops.veeam_em.veeam_em_computer_info
"""

EXAMPLES = r"""
- name: What happened since yesterday
  backupops.veeam_em.veeam_em_report_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    rpo_hours: 26
    exclude:
      - machine: test*
        reason: Test machines are built anew instead.
    tolerate_warnings:
      - "*files were in use*"
  register: night

- name: Show what failed and was not repeated with success
  ansible.builtin.debug:
    msg: "{{ night.report.failures | rejectattr('recovered') }}"

- name: Which database servers have no backup of the last four hours
  backupops.veeam_em.veeam_em_report_info:
    machine: sql*
    hours: 4
    rpo_hours: 4
"""

RETURN = r"""
report:
  description: The report.
  returned: success
  type: dict
  contains:
    generated_at:
      description: When it was made, by the server's clock, UTC.
      type: str
      sample: '2026-01-31T06:00:00Z'
    em:
      description: Enterprise Manager, as O(host).
      type: str
      sample: em.example.com
    period:
      description: The time that is reported, C(from) and C(to) in UTC, and its C(hours).
      type: dict
    totals:
      description:
        - Numbers of C(jobs), C(runs) and C(machines); of runs that ended with C(success), C(warning), C(failed) or C(without_verdict), and of
          C(running) ones; of warnings that are tolerated (C(warning_tolerated)); of jobs that have C(never_run); of machines
          whose newest backup failed (C(machines_failed)); of C(unprotected) machines and of C(rpo_breaches).
      type: dict
    failures:
      description:
        - What failed, one entry for each session of a machine, and for each run that failed by itself; first what has not been repeated
          with success, the newest first.
      type: list
      elements: dict
      contains:
        job:
          description: Name of the job.
          type: str
        job_id:
          description: Id of the job.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        machine:
          description: The machine; null when the run failed by itself.
          type: str
        when:
          description: When it ended, UTC.
          type: str
        result:
          description: V(Failed), or null when it ended without a verdict.
          type: str
        reason:
          description: What the server says.
          type: str
        job_session_id:
          description: Id of the run.
          type: str
        is_retry:
          description: Whether the run was a retry; null when the server does not tell.
          type: bool
        recovered:
          description: Whether a later run or retry of the same job succeeded for this machine.
          type: bool
        recovered_by:
          description: V(retry) or V(run).
          type: str
        recovered_at:
          description: When that began, UTC.
          type: str
    warnings:
      description: The same for warnings, with C(tolerated) instead of what tells of later runs.
      type: list
      elements: dict
    running:
      description: Runs that have not ended, with C(elapsed_seconds), C(progress) in percent, C(machines_done) and C(machines_seen).
      type: list
      elements: dict
    rpo_breaches:
      description: Machines whose newest good backup is not good enough, the worst first.
      type: list
      elements: dict
      contains:
        machine:
          description: The machine.
          type: str
        backup_server:
          description: Its backup server.
          type: str
        last_good:
          description: When its newest good backup ended, UTC; null when none is known.
          type: str
        age_hours:
          description: How old that is, in hours.
          type: float
        limit:
          description: How old it may be, in hours.
          type: float
        why:
          description: V(too_old), V(never), V(unprotected) when no job protects it, or V(unknown_date) when its
              backups have no date, or one that lies ahead.
          type: str
        msg:
          description: The same as a sentence.
          type: str
    unprotected:
      description:
        - Discovered computers, and machines asked for by name, that no existing job backs up. C(why) is V(no_job), V(job_deleted) or
          V(not_known). Virtual machines that no job has touched are not known to Enterprise Manager's listings.
      type: list
      elements: dict
    excluded:
      description: Machines that are not backed up on purpose, with the C(reason).
      type: list
      elements: dict
    asked:
      description: One entry for each name in O(machine).
      type: list
      elements: dict
      contains:
        machine:
          description: The name as it was given.
          type: str
        known_as:
          description: The names of the machines that are meant.
          type: list
          elements: str
        breach:
          description: Whether one of them breaks its limit.
          type: bool
        excluded:
          description: Why they are not backed up on purpose; null when they should be.
          type: str
        msg:
          description: A sentence for people.
          type: str
    jobs:
      description: The jobs.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the job.
          type: str
        name:
          description: Name of the job.
          type: str
        kind:
          description: V(agent), V(vm), V(nas) or V(other).
          type: str
        job_type:
          description: Type as the server gives it.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        deleted:
          description: Whether there are runs of the job, but no longer the job.
          type: bool
        schedule_enabled:
          description: Whether its schedule is enabled; null when the server does not tell.
          type: bool
        next_run:
          description: When it is to run next, UTC.
          type: str
        never_run:
          description: Whether no run of the last 30 days is known; null when it was not necessary to look for older ones.
          type: bool
        last_run:
          description: The newest run, as in C(runs), also when it is older than the period.
          type: dict
        runs:
          description: The runs of the period, the oldest first.
          type: list
          elements: dict
          contains:
            id:
              description: Id of the run.
              type: str
            start:
              description: When it began, UTC.
              type: str
            end:
              description: When it ended, UTC; null before.
              type: str
            duration_seconds:
              description: How long it took.
              type: int
            result:
              description: V(Success), V(Warning) or V(Failed); null until it has ended.
              type: str
            running:
              description: Whether it has not ended.
              type: bool
            is_retry:
              description: Whether it is a retry; null when the server does not tell.
              type: bool
    machines:
      description: The machines that jobs back up, or have backed up.
      type: list
      elements: dict
      contains:
        name:
          description: The more specific of its names.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        jobs:
          description: The jobs, with C(id), C(name), C(kind) and C(deleted).
          type: list
          elements: dict
        protected:
          description: Whether one of them exists and makes backups.
          type: bool
        excluded:
          description: Why it is not backed up on purpose; null when it should be.
          type: str
        rpo_hours:
          description: Its limit in hours; null when it has none.
          type: float
        last:
          description: The newest backup that has ended; null when none is known.
          type: dict
          contains:
            result:
              description: V(Success), V(Warning) or V(Failed).
              type: str
            reason:
              description: What the server says.
              type: str
            tolerated:
              description: Whether it is a warning that is tolerated.
              type: bool
            start_time:
              description: When it began, UTC.
              type: str
            end_time:
              description: When it ended, UTC.
              type: str
            age_hours:
              description: How long ago that was, in hours.
              type: float
            size:
              description: Size of what was backed up, in bytes; null when the server does not tell.
              type: int
            duration_seconds:
              description: How long it took.
              type: int
            is_retry:
              description: Whether the run was a retry.
              type: bool
            job_name:
              description: Name of the job.
              type: str
            job_id:
              description: Id of the job.
              type: str
            job_session_id:
              description: Id of the run.
              type: str
        last_good:
          description: The newest backup that ended with V(Success) or V(Warning), as C(last).
          type: dict
        days:
          description: The verdict of each day of the period on which a backup ended, such as C(2026-01-31) with V(Success), retries included.
          type: dict
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

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.report_reader import read_report
from ansible_collections.backupops.veeam_em.plugins.module_utils._module import run_em


def work(client: Any, module: Any) -> dict[str, Any]:
    return {"report": read_report(client, module.params)}


def main() -> None:
    strings = {"type": "list", "elements": "str"}
    override = {"machine": {"type": "str", "required": True}, "hours": {"type": "float", "required": True}}
    spec: dict[str, Any] = {
        "hours": {"type": "float", "default": 24.0},
        "name": strings,
        "kind": {"type": "str", "choices": ["any", "vm", "agent"], "default": "any"},
        "backup_server": {"type": "str"},
        "machine": strings,
        "rpo_hours": {"type": "float"},
        "rpo_overrides": {"type": "list", "elements": "dict", "options": override},
        "exclude": {"type": "list", "elements": "raw"},
        "tolerate_warnings": strings,
    }
    run_em(spec, work)


if __name__ == "__main__":
    main()
