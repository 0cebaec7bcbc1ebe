# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the progress of the module of the same name, and passes on what only the task knows."""

from __future__ import annotations

from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import USAGE, ApiError
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._watched import WatchedAction, failure

ROLE = "backupops.veeam_em.backup_before_change"
ONE_HOST_ONLY = ApiError(
    USAGE,
    "With run_once, the role backup_before_change would back up only the first host, but the play would change all "
    "hosts. Nothing was started.",
    hint="Remove run_once: the role starts each job only once in any case.",
)


class ActionModule(WatchedAction):
    """The action of veeam_em_backup."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module. If one failure ends the play, a machine without a job must end it before hours of backups."""
        if len((task_vars or {}).get("ansible_play_hosts_all") or ()) > 1 and self._is_role_run_once():
            return failure(ONE_HOST_ONLY)
        if self._task.any_errors_fatal and self._task.args.get("unprotected", "fail") == "fail":
            self._task.args["unprotected"] = "stop"
        return super().run(tmp, task_vars)

    def _is_role_run_once(self) -> bool:
        """Whether run_once is set for the whole role, and not only for this task."""
        role = self._task._role
        if not role or role.get_name() != ROLE:
            return False
        each = self._task._parent
        while each:
            if getattr(each, "_run_once", None) is True:
                return True
            each = getattr(each, "_parent", None)
        return getattr(role, "_run_once", None) is True

    def _starts(self) -> bool:
        return True
