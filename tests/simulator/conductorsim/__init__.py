"""conductorsim: a double of Conductor's task API, as the open-source server and as Orkes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from simbase.clock import steady_clock
from simbase.simulator import BaseSimulator

from conductorsim.app import ConductorApp
from conductorsim.scenario import load
from conductorsim.state import PERSONALITIES

__all__ = ["ConductorSimulator"]


class ConductorSimulator(BaseSimulator):
    """A simulated Conductor in this process.

    scenario: mapping, path of a YAML file, or None for a server without workflows (scenario.py lists the keys).
    personality: oss or orkes. The other parameters are those of emsim.Simulator. Raises BadScenario, BadFault,
    ValueError.
    """

    def __init__(
        self,
        scenario: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        personality: str = "oss",
        faults: list[dict[str, Any]] | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        tls: str = "good",
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if personality not in PERSONALITIES:
            raise ValueError(f"personality must be one of {', '.join(PERSONALITIES)}, not {personality!r}")
        app = ConductorApp(load(scenario), personality, clock or steady_clock())
        super().__init__(app, tls=tls, state_dir=state_dir, host=host, port=port)
        self.app: ConductorApp = app
        self.add_faults(faults or [])

    def ready_info(self) -> dict[str, Any]:
        """The content of the ready file."""
        return {**super().ready_info(), "personality": self.app.personality, "workflows": self.workflows()}

    def workflows(self) -> list[dict[str, Any]]:
        """All workflows: id, name, status, tasks[] {id, reference, status, output}."""
        return self.app.workflows()

    def start_workflow(self, workflow: Mapping[str, Any]) -> str:
        """Start one more workflow, in the form of a scenario. Returns its id. Raises BadScenario."""
        return self.app.start_workflow(workflow)

    def set_workflow(self, workflow_id: str, **changes: Any) -> Any:
        """Change a workflow: terminate=REASON, pause=True|False, remove=True."""
        return self.app.set_job(workflow_id, changes)

    def reset(self) -> None:
        """Return to the state right after the start."""
        self.app.reset()
