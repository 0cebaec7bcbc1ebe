# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes of all modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Supports check mode. In check mode, the module sends no write request.
  diff_mode:
    description: In diff mode, shows the state before and after the change.
  idempotent:
    description: Running the task again changes nothing if the circumstances are the same.
  action_group:
    description: Use this action group in C(module_defaults) to set the connection options once for a whole play.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - The module only reads.
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
