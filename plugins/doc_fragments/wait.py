# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Waiting options."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - How long to wait in total, in seconds. O(request_timeout) limits a single request.
      - On a timeout, the module fails with RV(ignore:timed_out=true). It returns everything that it knows,
        including the IDs that you need to continue waiting. It does not stop anything.
    type: float
    default: 14400.0
  wait_interval:
    description:
      - Shortest pause between two polls, in seconds. The first pauses have this length.
      - Later pauses grow to 3 % of the time waited, up to O(wait_max_interval). A pause is never shorter than
        the last poll.
    type: float
    default: 0.5
  wait_max_interval:
    description:
      - Longest pause between two polls, in seconds.
    type: float
    default: 30.0
  poll_error_timeout:
    description:
      - How long polls may keep failing before the module gives up, in seconds.
    type: float
    default: 120.0
  progress:
    description:
      - Whether to show progress while waiting, with one line for each important change. After five minutes without a
        change, one line says what the module is still waiting for.
      - At the end, the summary is shown. If it has more than 40 lines, only what did not succeed is shown, failures
        first. The result has all of it.
      - There is no progress output with C(no_log), with C(async), or if the module does not run on the controller.
      - A module that waits for a run also reads the machines while the run is in progress, to report failed machines
        early. This does not affect the result.
    type: bool
    default: true
    version_added: 0.3.0
"""

    OPTIONAL = r"""
options:
  wait:
    description:
      - Whether to wait until the run has ended.
      - If V(false), the module only waits for the task that triggers the action.
      - O(wait_timeout) applies in both cases and includes the reads before the first action.
      - If the time runs out before an action is sent, the module does not send it.
    type: bool
    default: false
"""
