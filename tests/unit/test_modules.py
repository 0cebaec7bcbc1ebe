"""Every module is where users and the tests look for it."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import CONDUCTOR_OPERATIONS, OPERATIONS

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


def test_action_groups() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert groups == {
        "veeam_em": [name for name in MODULES if name.startswith("veeam_em_")],
        "conductor": [name for name in MODULES if name.startswith("conductor_")],
    }


def test_every_info_module_has_a_sample() -> None:
    info = {name for name in MODULES if name.startswith("veeam_em_") and name.endswith("_info")}
    assert set(samples.READING) == info - samples.NEED_A_TASK


def test_samples_that_a_test_does_not_have_itself() -> None:
    own = [{"name": "a title", "veeam_em_query_info": {"type": "Job"}}]
    names = [next(iter(task)) for task in samples.rest(own)]
    assert names == [name for name in samples.READING if name != "veeam_em_query_info"]


def test_every_module_meets_damaged_answers() -> None:
    assert {operation.module for operation in (*OPERATIONS, *CONDUCTOR_OPERATIONS)} == set(MODULES)
