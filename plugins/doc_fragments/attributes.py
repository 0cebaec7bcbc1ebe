# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules can be relied on for."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and then makes no write request.
  diff_mode:
    description: Shows before and after in diff mode.
  idempotent:
    description: Changes nothing when run again in the same circumstances.
  action_group:
    description: Use the action group in C(module_defaults) to set connection options once for a play.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Only reads.
  diff_mode:
    support: none
  idempotent:
    support: full
  action_group:
    support: full
    membership:
      - backupops.veeam_em.veeam_em
"""

    WRITE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  action_group:
    support: full
    membership:
      - backupops.veeam_em.veeam_em
"""
