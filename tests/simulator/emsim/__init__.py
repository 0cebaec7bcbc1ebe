"""emsim: a simulator of Veeam Backup Enterprise Manager's REST API."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from simbase.clock import steady_clock
from simbase.simulator import BaseSimulator

from emsim.app import EmApp
from emsim.profiles import PROFILES
from emsim.scenario import load

__all__ = ["Simulator"]


class Simulator(BaseSimulator):
    """A simulated Enterprise Manager in this process.

    scenario: mapping, path of a YAML file, or None for one server without jobs (README.md lists the keys).
    api_profile: v95u4, v10, v12 or v13. speed: durations of runs and tasks are divided by it. faults: the initial
    rules. state_dir: folder for the certificates, a temporary one by default. tls: good, expired, wrong-host or
    client-cert. clock: seconds since the epoch, for tests. Raises BadScenario, BadFault, ValueError.
    """

    def __init__(
        self,
        scenario: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        api_profile: str = "v12",
        speed: float = 1.0,
        faults: list[dict[str, Any]] | None = None,
        state_dir: str | os.PathLike[str] | None = None,
        tls: str = "good",
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if api_profile not in PROFILES:
            raise ValueError(f"api_profile must be one of {', '.join(PROFILES)}, not {api_profile!r}")
        if speed <= 0:
            raise ValueError("speed must be above 0")
        app = EmApp(load(scenario), api_profile, clock or steady_clock(), speed)
        super().__init__(app, tls=tls, state_dir=state_dir, host=host, port=port)
        self.app: EmApp = app
        self.add_faults(faults or [])

    def start(self) -> Simulator:
        """Serve; returns when requests can be made."""
        super().start()
        names = (self.host.lower(), f"[{self.host}]", "localhost", "127.0.0.1", "[::1]")
        self.app.own_hosts = {f"{name}:{self.port}" for name in names}
        return self

    def ready_info(self) -> dict[str, Any]:
        """The content of the ready file."""
        return {**super().ready_info(), "api_profile": self.app.profile.name}

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs with their true runs, even if Enterprise Manager does not show them yet."""
        with self.app.lock:
            return [self.app.state.describe(job) for job in self.app.state.jobs]

    def set_job(self, name: str, /, **changes: Any) -> dict[str, Any]:
        """Change keys of a job of the scenario. They apply from its next run on, the schedule immediately."""
        return self.app.set_job(name, changes)

    def reset(self) -> None:
        """Return to the state right after the start."""
        self.app.reset()
