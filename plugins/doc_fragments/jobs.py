# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that start, stop and schedule jobs."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Exact names of the jobs. If a name is unknown, the module fails before it starts anything, and it
        suggests similar names.
      - A string is split at commas. To use a name that contains a comma, pass a list.
    type: list
    elements: str
  id:
    description:
      - IDs or UIDs of the jobs. Use this instead of O(name).
    type: list
    elements: str
  backup_server:
    description:
      - Name or ID of the backup server that has the jobs. Required if several backup servers have a job with
        the same name.
    type: str
  state:
    description:
      - V(started) starts the jobs that are not running.
      - V(stopped) stops the jobs that are running.
      - V(retried) retries the jobs whose last run failed.
      - V(schedule) only enables or disables the schedule. See O(schedule_enabled).
    type: str
    choices: [started, stopped, retried, schedule]
    required: true
  schedule_enabled:
    description:
      - Whether the schedules of the jobs should be enabled.
      - With O(state=stopped), the module sets the schedule before it stops the job. With O(state=started) and
        O(state=retried), it sets the schedule last.
      - The server can only toggle a schedule. The module reads the current value, toggles it only if it differs,
        and verifies the result. It never toggles twice.
    type: bool
  if_running:
    description:
      - What to do if a job that V(started) or V(retried) should act on is already running.
      - V(attach) joins that run. V(fail) fails before the module starts anything.
    type: str
    choices: [attach, fail]
    default: attach
  fail_on:
    description:
      - With O(wait=true), which verdict makes the module fail. It applies to the run and to each of its machines.
      - V(failed) accepts warnings, V(warning) accepts only success, and V(never) accepts everything.
      - Only V(never) accepts a run that ended without a verdict.
    type: str
    choices: [failed, warning, never]
    default: failed
  valid_for:
    description:
      - With O(state=started), the maximum age in seconds of an earlier run that counts as the backup. If there is
        such a run, the module does not start the job and returns C(reuse) as its C(action). V(0) always starts the job.
      - The module uses the newest run that ended within this time by the server's clock, provided that O(fail_on)
        accepts the verdict of the run and of each machine. Such a run takes precedence over a run in progress.
      - A retry counts only together with the run that it retries. Both must have ended within this time.
      - Runs of backup copy jobs never count. Neither does a run that is dated more than an hour in the future, because
        its age is unknown. The module warns about it.
    type: float
    default: 0.0
    version_added: 0.3.0
  after_session:
    description:
      - ID of a session of the job, such as the failed session in an event. With O(state=started) and
        O(state=retried), the module starts or retries the job only if this is still its newest session.
      - If there is a newer session, the module starts nothing. It returns C(attach) as the job's C(action), and waits
        for that session or returns it.
      - You can repeat such a call, even after it was killed, and the job runs only once.
      - This works with one job for each call. The session of one machine stands for the run that it belongs to. A
        session of another job is an error.
      - If the job has an ended session that is dated more than an hour in the future, that may be a newer run. The
        module then starts nothing, returns C(none), and warns about the clock of the backup server.
    type: str
    version_added: 0.3.0
"""
