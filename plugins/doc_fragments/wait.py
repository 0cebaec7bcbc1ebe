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
      - How long to wait, in seconds. It bounds the module's whole wait, O(request_timeout) one request.
      - When it runs out the module fails with RV(ignore:timed_out=true), everything known so far and the ids to
        wait on with. Nothing is stopped.
    type: float
    default: 14400.0
  wait_interval:
    description:
      - Shortest pause between two polls, in seconds. The first pauses last this long.
      - Pauses grow to 3 % of the time waited so far, at most O(wait_max_interval), and are never shorter than the
        last poll took.
    type: float
    default: 0.5
  wait_max_interval:
    description:
      - Longest pause between two polls, in seconds.
    type: float
    default: 30.0
  poll_error_timeout:
    description:
      - How long polls may fail in a row before the wait gives up, in seconds.
    type: float
    default: 120.0
  progress:
    description:
      - Whether to show how the wait is going, one line for each change that matters. After five minutes without a
        change, one line says what is still waited for.
      - Nothing is shown with C(no_log), in the background (C(async)), and when the module does not run on the
        controller.
      - To name failed machines early, the machines of the run are read while it lasts. Nothing else depends on it.
    type: bool
    default: true
    version_added: 0.3.0
"""

    OPTIONAL = r"""
options:
  wait:
    description:
      - Whether to wait for the outcome.
      - Without it the module follows only the task that the server answers an action with.
      - O(wait_timeout) bounds either, and what is read before the first action.
      - An action that cannot be sent in time is not sent.
    type: bool
    default: false
"""
