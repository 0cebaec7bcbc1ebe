# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows the progress of the module of the same name."""

from __future__ import annotations

from ansible_collections.backupops.veeam_em.plugins.plugin_utils._watched import WatchedAction as ActionModule

__all__ = ("ActionModule",)
