"""Fixtures of all end-to-end tests: emsim in this process, Ansible in real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator


@pytest.fixture
def emsim() -> Iterator[Callable[..., Simulator]]:
    """Start a simulator, with the arguments of emsim.Simulator; it ends with the test."""
    with ExitStack() as stack:

        def start(scenario: Any = None, **arguments: Any) -> Simulator:
            simulator: Simulator = stack.enter_context(Simulator(scenario, **arguments))
            return simulator

        yield start


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    """Ansible without a connection: ansible.connected(sim) has one."""
    return Ansible(tmp_path)
