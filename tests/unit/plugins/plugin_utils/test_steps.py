# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of users in the variables of a role are a sentence; others are errors of the filter."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.backupops.veeam_em.plugins.filter.backup_before_change import backup_before_change
from ansible_collections.backupops.veeam_em.plugins.filter.backup_report import backup_report
from ansible_collections.backupops.veeam_em.plugins.filter.patch_window import patch_window
from ansible_collections.backupops.veeam_em.plugins.filter.rpo_gate import rpo_gate
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._steps import take


def test_a_check_returns_its_problem_and_other_steps_raise() -> None:
    def refuse() -> None:
        raise ValueError("Set x.")

    steps = {"check": refuse, "other": refuse}
    assert take("f", steps, {}, "check", checks=("check",)) == {"problem": "Set x."}
    with pytest.raises(AnsibleFilterError, match=r"^Set x\.$"):
        take("f", steps, {}, "other", checks=("check",))


def test_the_variables_of_roles_are_checked() -> None:
    host = {"host": "web01", "use": "1", "machine": "web01", "limit": 0, "exclude": []}
    assert (
        rpo_gate(host, "host")["problem"]
        == "rpo_gate_hours of the host web01 is 0. Set it to a number of hours above 0."
    )
    wanted: dict[str, list[str]] = {
        name: [] for name in ("exclude", "rpo_overrides", "tolerate_warnings", "jobs", "machines", "mode")
    }
    report = backup_report({**wanted, "directory": "/x", "formats": ["pdf"]}, "wishes")
    assert report["problem"].startswith("backup_report_formats names pdf, which is not a format.")
    window = dict.fromkeys(("pattern", "tasks", "file", "jobs", "serial"), "")
    window_problem = patch_window({**window, "chosen": [], "hostvars": {}}, "prepare")["problem"]
    assert window_problem == "Set both variables: -e patch_window_hosts=web -e patch_window_tasks=upgrade.yml"
    given = {"host": "web01", "machine": None, "jobs": {}, "memory": {}}
    problem = backup_before_change(given, "host")["problem"]
    assert problem.startswith("backup_before_change_machine of the host web01 is null")


def test_hosts_with_a_problem_take_no_part() -> None:
    """In a block with rescue they are still in the batch."""
    problem = {"problem": "Set x."}
    good = {"use": 0, "machine": "web02", "jobs": []}
    variables = {"web01": {"__backup_before_change_host": problem}, "web02": {"__backup_before_change_host": good}}
    batch = backup_before_change({"hosts": ["web01", "web02"], "hostvars": variables, "memory": {}}, "batch")
    assert batch["machine"] == ["web02"]
    mine = rpo_gate({"host": "web02", "use": "1", "machine": "web02", "limit": 26, "exclude": []}, "host")
    assert rpo_gate({"hosts": [problem, mine], "host": "web02", "use": "1"}, "ask")["machine"] == ["web02"]
