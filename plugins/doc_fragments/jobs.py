# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that bring jobs to a state."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Exact names of the jobs. An unknown name fails the module with near matches, before anything is started.
      - A name that holds a comma must be an element of a list; in a text, commas separate names.
    type: list
    elements: str
  id:
    description:
      - Ids or UIDs of the jobs, instead of O(name).
    type: list
    elements: str
  backup_server:
    description:
      - Name or id of the backup server that holds the jobs. Needed when several hold a job of the same name.
    type: str
  state:
    description:
      - V(started) starts the jobs unless they run already.
      - V(stopped) stops the jobs that run.
      - V(retried) retries the jobs whose last run ended Failed.
      - V(schedule) only sets the schedule, see O(schedule_enabled).
    type: str
    choices: [started, stopped, retried, schedule]
    required: true
  schedule_enabled:
    description:
      - Whether the schedule of the jobs is enabled.
      - With O(state=stopped) it is set first, with O(state=started) and O(state=retried) last.
      - The server can only toggle. The module reads, compares, toggles and verifies; it never toggles twice.
    type: bool
  if_running:
    description:
      - What V(started) and V(retried) do with a job that is already running. V(fail) fails before anything is started.
    type: str
    choices: [attach, fail]
    default: attach
  fail_on:
    description:
      - Which verdict of a run, or of one of its machines, fails the module when O(wait=true).
      - V(failed) lets warnings pass, V(warning) only success, V(never) everything.
      - A run that ended without a verdict passes only V(never).
    type: str
    choices: [failed, warning, never]
    default: failed
  valid_for:
    description:
      - With O(state=started), how old a good run may be to count as the backup, in seconds. Then nothing is started,
        and the job's C(action) is C(reuse). V(0) starts the job in any case.
      - The newest run counts that ended at most this long ago by the server's clock, if O(fail_on) accepts its verdict
        and that of each of its machines. It is preferred to a run in progress.
      - A retry counts together with the run that it retries, which must have ended in time as well.
      - The runs of a backup copy job never count.
    type: float
    default: 0.0
    version_added: 0.3.0
"""
