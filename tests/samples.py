"""How each reading module is called: the tests that hold for all of them take their tables from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# One line for each module, with options that make it return as much as it can from any server.
READING: dict[str, dict[str, Any]] = {
    "veeam_em_agent_job_info": {"include_objects": True, "include_last_session": True},
    "veeam_em_backup_task_session_info": {},
    "veeam_em_computer_info": {"include_last_restore_point": True},
    "veeam_em_job_info": {"include_objects": True, "include_last_session": True},
    "veeam_em_job_session_info": {},
    "veeam_em_protection_info": {"machine": ["web01"], "include_restore_points": True},
    "veeam_em_query_info": {"type": "BackupServer"},
    "veeam_em_replica_task_session_info": {},
    "veeam_em_report_info": {"hours": 200},
}
# A task exists only within the logon session that started it.
NEED_A_TASK = {"veeam_em_task_info"}


def rest(tasks: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return a task for each module that these tasks do not run already."""
    present = {name for task in tasks for name in task}
    return [{name: dict(options)} for name, options in READING.items() if name not in present]
