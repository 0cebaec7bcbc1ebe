"""The client and a double of Conductor in one process, on one clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.client import ConductorClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.names import named
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.update import Update, update_task
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.watch import (
    list_tasks,
    wait_for_tasks,
    watched,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions
from conductorsim import ConductorSimulator


class Time:
    """Both sides' clock: seconds since the epoch for the double, monotonic for the client."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Conductor:
    """A double, and what the modules do against it."""

    def __init__(self, sim: ConductorSimulator, time: Time, **options: Any) -> None:
        self.sim = sim
        self.time = time
        self.options = options
        self.warnings: list[str] = []

    @property
    def workflow_id(self) -> str:
        """The id of the scenario's first workflow."""
        return self.sim.workflows()[0]["id"]

    def task_id(self, reference: str) -> str:
        """The id of the newest attempt at a task."""
        return [task["id"] for task in self.sim.workflows()[0]["tasks"] if task["reference"] == reference][-1]

    def client(self, read_only: bool = False, **options: Any) -> ConductorClient:
        """A client as a module makes it."""
        params = {name: spec.get("default") for name, (spec, _environment) in CONDUCTOR_CONNECTION.items()}
        params.update(server_url=self.sim.url, ca_path=self.sim.ca_path)
        return ConductorClient.from_params({**params, **self.options, **options}, read_only, self.time)

    def _do(self, work: Callable[[ConductorClient], Any], read_only: bool = False) -> Any:
        with self.client(read_only) as client:
            try:
                return work(client)
            finally:
                self.warnings = client.warnings

    def _named(self, task_id: Sequence[str] | None, reference: Sequence[str]) -> dict[str, Any]:
        if task_id is not None:
            return {"task_id": task_id, "workflow_id": None, "task_reference_name": None}
        return {"task_id": None, "workflow_id": self.workflow_id, "task_reference_name": reference}

    def info(self, task_id: Sequence[str] | None = None, reference: Sequence[str] = ()) -> Any:
        """What conductor_task_info returns."""
        params = self._named(task_id, reference)
        return self._do(lambda client: list_tasks(client, watched(params)))

    def wait(self, task_id: Sequence[str] | None = None, reference: Sequence[str] = (), **options: Any) -> Any:
        """What conductor_task_wait returns."""
        params = self._named(task_id, reference)
        waiter = Waiter(WaitOptions(timeout=options.pop("timeout", 600)), self.time)
        return self._do(lambda client: wait_for_tasks(client, waiter, watched(params), **options))

    def update(
        self,
        status: str,
        output: dict[str, Any] | None = None,
        reason: str | None = None,
        check_mode: bool = False,
        task_id: str | None = None,
        reference: str = "gate",
        workflow_id: str | None = None,
    ) -> Any:
        """What conductor_task returns; of the gate unless another task is named."""
        params = {"task_id": task_id, "workflow_id": None, "task_reference_name": None}
        if task_id is None:
            params.update(workflow_id=workflow_id or self.workflow_id, task_reference_name=reference)
        wish = Update.from_params(status, output, reason)
        return self._do(
            lambda client: update_task(client, wish, named(params), check_mode=check_mode), read_only=check_mode
        )


@pytest.fixture
def conductor() -> Iterator[Callable[..., Conductor]]:
    """Start a double: conductor(*tasks, **keys of the double and of its one workflow).

    At the end, nobody must have called the endpoint that hands tasks out.
    """
    with ExitStack() as stack:
        started: list[Conductor] = []

        def start(
            *tasks: Any,
            settings: dict[str, Any] | None = None,
            workflow: dict[str, Any] | None = None,
            personality: str = "oss",
            faults: list[dict[str, Any]] | None = None,
            tls: str = "good",
            **options: Any,
        ) -> Conductor:
            time = Time()
            scenario = {
                "settings": settings or {},
                "workflows": [{"name": "change", "tasks": list(tasks), **(workflow or {})}],
            }
            sim = ConductorSimulator(scenario, personality, faults, tls=tls, clock=time)
            if personality == "orkes":
                options = {"auth_key": "operator", "auth_secret": "conductorsim", **options}
            started.append(Conductor(stack.enter_context(sim), time, **options))
            return started[-1]

        yield start
        for each in started:
            assert each.sim.counters()["polls"] == 0
