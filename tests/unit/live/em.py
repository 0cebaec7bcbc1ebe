"""The client and a simulator in one process, on one clock that only sleeping moves: hours pass in no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.jobs import Jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, Family
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.maintenance import Order, carry_out
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.plan import Wish
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._progress import UNSEEN
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions
from emsim import Simulator


class Time:
    """Both sides' clock: seconds since the epoch for the simulator, monotonic for the client."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Em:
    """A simulator, and what a module does against it."""

    def __init__(self, sim: Simulator, time: Time, **options: Any) -> None:
        self.sim = sim
        self.time = time
        self.options = options
        self.warnings: list[str] = []
        self.debug_lines: list[str] = []
        self.progress = UNSEEN

    def client(self, read_only: bool = False, **options: Any) -> EmClient:
        """A client as a module makes it, with the options of the connection table."""
        params = {name: spec.get("default") for name, (spec, _environment) in EM_CONNECTION.items()}
        params.update(host=self.sim.host, port=self.sim.port, ca_path=self.sim.ca_path)
        params.update({"username": "administrator", "password": "emsim"}, **self.options)
        client = EmClient.from_params(dict(params, **options), read_only=read_only, clock=self.time)
        client.progress = self.progress
        return client

    def call(self, work: Any, *arguments: Any, read_only: bool = False, **keywords: Any) -> Any:
        """Call a function of the client's with a client that logs off afterwards."""
        with self.client(read_only) as client:
            try:
                return work(client, *arguments, **keywords)
            finally:
                self.warnings, self.debug_lines = client.warnings, client.debug_lines

    def waiter(self, **options: Any) -> Waiter:
        """A waiter on the common clock."""
        return Waiter(WaitOptions(**options), self.time)

    def jobs(
        self,
        *names: str,
        state: str = "started",
        wait: bool = True,
        ids: Sequence[str] = (),
        server: str | None = None,
        check: bool = False,
        family: Family = AGENT_JOBS,
        timeout: float = 14400,
        session_id: str | None = None,
        **wish: Any,
    ) -> dict[str, Any]:
        """What veeam_em_agent_job does, or veeam_em_job with its family."""

        def work(client: EmClient) -> dict[str, Any]:
            jobs = Jobs(client, (family,), Wish(state, wait=wait, **wish), self.waiter(timeout=timeout))
            return jobs.run(names, ids, server, check)

        with self.client(check, session_id=session_id) as client:
            try:
                return work(client)
            finally:
                self.warnings = client.warnings

    def maintenance(self, state: str, path: Any, *names: str, check: bool = False, **order: Any) -> dict[str, Any]:
        """What veeam_em_maintenance does; this computer's clock is the common one."""
        params = {"host": self.sim.host, "port": self.sim.port, "path": str(path)}
        with self.client(check) as client:
            try:
                return carry_out(client, Order(state, names, **order), params, self.time, now=self.time)
            finally:
                self.warnings = client.warnings

    def failure(self, *arguments: Any, **keywords: Any) -> ApiError:
        """The error that `jobs` ends with."""
        try:
            result = self.jobs(*arguments, **keywords)
        except ApiError as error:
            return error
        raise AssertionError(f"it did not fail: {result}")

    @property
    def counters(self) -> dict[str, Any]:
        """The simulator's counters, with a zero where nothing was counted."""
        return {**dict.fromkeys(("writes", "logons", "logoffs"), 0), "starts": {}, "stops": {}, **self.sim.counters()}

    def asked(self, path: str, method: str = "GET") -> list[dict[str, Any]]:
        """The requests whose path ends so."""
        return [each for each in self.sim.requests() if each["method"] == method and each["path"].endswith(path)]
