# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the progress of the module of the same name, and lets --tags select the role maintenance_window as a whole."""

from __future__ import annotations

from typing import Any

from ansible import context
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task_include import TaskInclude
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._watched import WatchedAction

ROLE = "backupops.veeam_em.maintenance_window"


class ActionModule(WatchedAction):
    """The action of veeam_em_maintenance."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module, unless --tags leaves the role out."""
        if self._is_left_out():
            return {"skipped": True, "changed": False, "skip_reason": "--tags selected neither the role nor its import"}
        return super().run(tmp, task_vars)

    def _is_left_out(self) -> bool:
        """Whether the task runs only because of the tag `always` in the role.

        Tags of an include_role do not reach its tasks, so these have `always`: then a selected include works. An import
        that was not selected is left out.
        """
        role = self._task._role
        if not role or role.get_name() != ROLE:
            return False
        inherited = {*role.tags, *self._task.get_play().tags}
        each = self._task._parent
        # The role includes its tasks with the tag `always`, which says nothing.
        while each and not isinstance(each, TaskInclude):
            each = each._parent
        each = each and each._parent
        while each and getattr(each, "statically_loaded", True) is not False:
            inherited.update(each.tags)
            each = each._parent
        if isinstance(each, IncludeRole):
            return False
        chosen = set(context.CLIARGS.get("tags") or ("all",))
        return not (
            chosen & {"all", "always", "maintenance_window", *inherited}
            or "always" in inherited
            or ("tagged" in chosen and inherited)
        )
