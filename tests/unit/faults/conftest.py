"""Fixtures of the tests that break things on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory, laboratory


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Laboratory]:
    """One simulator for many experiments."""
    with pytest.MonkeyPatch.context() as monkeypatch, laboratory(monkeypatch) as made:
        yield made


@pytest.fixture
def lab(shared_lab: Laboratory) -> Laboratory:
    """A laboratory, everything in it as it was at first."""
    shared_lab.begin()
    return shared_lab


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell how large the fault matrix was."""
    counts = {
        outcome: sum("test_matrix.py::test_cell[" in report.nodeid for report in terminalreporter.getreports(outcome))
        for outcome in ("passed", "failed")
    }
    if not any(counts.values()):
        return
    terminalreporter.write_line(f"fault matrix: {counts['passed'] + counts['failed']} cells, {counts['failed']} failed")
