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
  - Reads the jobs, runs and machines of a period and returns them as one report. The role P(backupops.veeam_em.backup_report#role)
    writes it as HTML, CSV, text, JSON or metrics. The role P(backupops.veeam_em.rpo_gate#role) stops a play based on it.
  - All ages are based on the server's clock.
  - The module reads pages of 500 rows. It reads the period first, and reads older runs only if a machine has no good backup or a job has
    no run in the period. If O(machine) lists up to 20 machines by name, without patterns, it then reads only their own sessions. The
    server keeps runs for 30 days. The report treats anything older as if it never happened.
  - A machine is identified by its backup server and its name. A short name matches a full name if only one full name starts with it.
    If a run has several sessions with the same machine name, the worst result counts.
  - Backup copies and replicas appear as runs. They do not count as the newest backup of a machine, because a copy is only as recent
    as its source.
author:
  - backupops contributors (@backupops)
extends_documentation_fragment:
  - backupops.veeam_em.em
  - backupops.veeam_em.attributes
  - backupops.veeam_em.attributes.info
options:
  hours:
    description:
      - Length of the period in hours, up to now. The server keeps runs for 30 days (V(720)).
    type: float
    default: 24
  name:
    description:
      - Report only jobs with these names. The report then leaves out unprotected machines.
    type: list
    elements: str
  kind:
    description:
      - Kind of the jobs. V(agent) covers agent jobs, and V(vm) covers VM backup, replication and backup copy jobs. V(any) covers both, and
        also the runs of file share jobs and of deleted jobs.
    type: str
    choices: [any, vm, agent]
    default: any
  backup_server:
    description:
      - Report only jobs of the backup server with this name or ID.
    type: str
  machine:
    description:
      - Report only these machines, given as names or shell patterns such as V(sql*). Names are not case-sensitive, and V(web01) also
        matches V(web01.example.com).
      - The report lists an unknown name as unprotected.
    type: list
    elements: str
  rpo_hours:
    description:
      - Maximum age in hours of the newest good backup of a machine. Without this option, only O(rpo_overrides) sets limits.
    type: float
  rpo_overrides:
    description:
      - Different limits for some machines. The first matching entry counts.
    type: list
    elements: dict
    suboptions:
      machine:
        description: A name or a shell pattern.
        type: str
        required: true
      hours:
        description: Maximum age in hours of the newest good backup.
        type: float
        required: true
  exclude:
    description:
      - Machines that are intentionally not backed up. They never count as unprotected or as a breach. The report still shows their failures.
      - Give names, shell patterns, or dictionaries with C(machine) and C(reason).
    type: list
    elements: raw
  tolerate_warnings:
    description:
      - Shell patterns for reasons, not case-sensitive. Warnings with a matching reason are marked as tolerated and listed last.
    type: list
    elements: str
seealso:
  - module: backupops.veeam_em.veeam_em_job_session_info
  - module: backupops.veeam_em.veeam_em_computer_info
"""

EXAMPLES = r"""
- name: Report what happened since yesterday
  backupops.veeam_em.veeam_em_report_info:
    host: em.example.com
    username: EXAMPLE\backup
    password: "{{ vault_em_password }}"
    rpo_hours: 26
    exclude:
      - machine: test*
        reason: Test machines are rebuilt instead.
    tolerate_warnings:
      - "*files were in use*"
  register: night

- name: Show the failures that no later run fixed
  ansible.builtin.debug:
    msg: "{{ night.report.failures | rejectattr('recovered') }}"

- name: Find the database servers without a backup from the last four hours
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
      description: When the report was made, by the server's clock (UTC).
      type: str
      sample: '2026-01-31T06:00:00Z'
    em:
      description: Enterprise Manager, as given in O(host).
      type: str
      sample: em.example.com
    period:
      description: The reported period, with C(from) and C(to) in UTC, and its length in C(hours).
      type: dict
    totals:
      description:
        - The numbers of C(jobs), C(runs) and C(machines); of runs that ended with C(success), C(warning), C(failed) or C(without_verdict); of
          C(running) runs; of tolerated warnings (C(warning_tolerated)); of jobs that have C(never_run); of machines
          whose newest backup failed (C(machines_failed)); of C(unprotected) machines; and of C(rpo_breaches).
      type: dict
    failures:
      description:
        - The failures, with one entry for each failed machine session, and one for each run that failed without a failed machine. Failures that
          no later run fixed come first. Within each group, the newest comes first.
      type: list
      elements: dict
      contains:
        job:
          description: Name of the job.
          type: str
        job_id:
          description: ID of the job.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        machine:
          description: The machine; V(null) if the run failed without a failed machine.
          type: str
        when:
          description: When it ended (UTC).
          type: str
        result:
          description: V(Failed); V(null) if it ended without a verdict.
          type: str
        reason:
          description: Reason as reported by the server.
          type: str
        job_session_id:
          description: ID of the run.
          type: str
        is_retry:
          description: Whether the run was a retry; V(null) if the server does not say.
          type: bool
        recovered:
          description: Whether a later run or retry of the same job succeeded for this machine.
          type: bool
        recovered_by:
          description:
            - What succeeded later, V(retry) or V(run); V(null) if nothing did, or if the server does not say whether that run was a
              retry.
          type: str
        recovered_at:
          description: When that run began (UTC).
          type: str
    warnings:
      description: The warnings, in the same form, but with C(tolerated) instead of the C(recovered) keys.
      type: list
      elements: dict
    running:
      description: Runs in progress, with C(elapsed_seconds), C(progress) in percent, C(machines_done) and C(machines_seen).
      type: list
      elements: dict
    rpo_breaches:
      description: Machines that exceed their limit, the worst first.
      type: list
      elements: dict
      contains:
        machine:
          description: The machine.
          type: str
        backup_server:
          description: Backup server of the machine.
          type: str
        last_good:
          description: When its newest good backup ended (UTC); V(null) if none is known.
          type: str
        age_hours:
          description: Age of that backup in hours.
          type: float
        limit:
          description: Maximum age in hours.
          type: float
        why:
          description: V(too_old), V(never), V(unprotected) if no job protects the machine, or V(unknown_date) if its
              backups have no date or a date in the future.
          type: str
        msg:
          description: The breach as a sentence.
          type: str
    unprotected:
      description:
        - Discovered computers, and machines in O(machine), that no existing job backs up. C(why) is V(no_job), V(job_deleted) or
          V(not_known). Enterprise Manager does not list virtual machines that no job has processed.
      type: list
      elements: dict
    excluded:
      description: Machines that are intentionally not backed up, with the C(reason).
      type: list
      elements: dict
    asked:
      description: One entry for each name in O(machine).
      type: list
      elements: dict
      contains:
        machine:
          description: The name as given.
          type: str
        known_as:
          description: The names of the matching machines.
          type: list
          elements: str
        breach:
          description: Whether one of these machines exceeds its limit.
          type: bool
        excluded:
          description: Why they are intentionally not backed up; V(null) if they should be backed up.
          type: str
        msg:
          description: The result as a sentence.
          type: str
    jobs:
      description: The jobs.
      type: list
      elements: dict
      contains:
        id:
          description: ID of the job.
          type: str
        name:
          description: Name of the job.
          type: str
        kind:
          description: V(agent), V(vm), V(nas) or V(other).
          type: str
        job_type:
          description: Type as reported by the server.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        deleted:
          description: Whether the job was deleted but its runs still exist.
          type: bool
        schedule_configured:
          description: Whether it has a schedule; V(null) if the server does not say.
          type: bool
        schedule_enabled:
          description: Whether its schedule is enabled; V(null) if the server does not say.
          type: bool
        next_run:
          description: When the schedule starts the job next (UTC).
          type: str
        never_run:
          description: Whether the job had no run in the last 30 days; V(null) if the module did not need to read older runs.
          type: bool
        last_run:
          description:
            - The newest run, in the same form as in C(runs), even if it is older than the period.
            - An ended run that is dated more than an hour in the future does not count.
          type: dict
        runs:
          description: The runs of the period, oldest first.
          type: list
          elements: dict
          contains:
            id:
              description: ID of the run.
              type: str
            start:
              description: When it began (UTC).
              type: str
            end:
              description: When it ended (UTC); V(null) until then, or if the date is more than an hour in the future.
              type: str
            duration_seconds:
              description: Duration in seconds; V(null) if the end is unknown.
              type: int
            result:
              description: V(Success), V(Warning) or V(Failed); V(null) until it has ended.
              type: str
            running:
              description: Whether it is still running.
              type: bool
            is_retry:
              description: Whether it is a retry; V(null) if the server does not say.
              type: bool
    machines:
      description: The machines that jobs back up now or backed up earlier.
      type: list
      elements: dict
      contains:
        name:
          description: The more specific name of the machine.
          type: str
        backup_server:
          description: Name of the backup server.
          type: str
        jobs:
          description: The jobs of the machine, with C(id), C(name), C(kind) and C(deleted).
          type: list
          elements: dict
        protected:
          description: Whether one of these jobs exists and creates backups.
          type: bool
        excluded:
          description: Why the machine is intentionally not backed up; V(null) if it should be backed up.
          type: str
        rpo_hours:
          description: Limit in hours; V(null) if there is no limit.
          type: float
        last:
          description: The newest backup that has ended; V(null) if none is known.
          type: dict
          contains:
            result:
              description: V(Success), V(Warning) or V(Failed).
              type: str
            reason:
              description: Reason as reported by the server.
              type: str
            tolerated:
              description: Whether it is a tolerated warning.
              type: bool
            start_time:
              description: When it began (UTC).
              type: str
            end_time:
              description: When it ended (UTC).
              type: str
            age_hours:
              description: Age in hours.
              type: float
            size:
              description: Size of the source data in bytes; V(null) if the server does not say.
              type: int
            duration_seconds:
              description: Duration in seconds.
              type: int
            is_retry:
              description: Whether the run was a retry.
              type: bool
            job_name:
              description: Name of the job.
              type: str
            job_id:
              description: ID of the job.
              type: str
            job_session_id:
              description: ID of the run.
              type: str
        last_good:
          description: The newest backup that ended with V(Success) or V(Warning), in the same form as C(last).
          type: dict
        days:
          description: The result of each day on which a backup ended, such as V(Success) for C(2026-01-31). Retries are taken into account.
          type: dict
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
