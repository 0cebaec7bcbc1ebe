"""A module's main() in this process, against a live simulator, on one clock that only sleeping moves.

Everything is real but Ansible's side of the module and the pauses: sockets, TLS, timeouts of requests, the modules' own
options and their defaults.
"""

from __future__ import annotations

import importlib
import json
import signal
import time as real_time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.backupops.veeam_em.plugins.module_utils import _module
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.client import ConductorClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._signals import ENDING
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Deadline, Waiter
from conductorsim import ConductorSimulator
from emsim import Simulator

PASSWORD = "canary-of-the-password"
SCENARIO: dict[str, Any] = {
    "users": [{"name": "administrator", "password": PASSWORD}],
    "protection_groups": [{"name": "Linux servers", "computers": ["web01", "web02"]}],
    "agent_jobs": [
        {
            "name": "Linux servers",
            "machines": [{"name": "web01", "duration": 20}, {"name": "web02", "duration": 40}],
            "history": [{"ended_ago": 30000}],
        },
        {
            "name": "SQL servers",
            "machines": [{"name": "sql01", "duration": 15}],
            "history": [{"ended_ago": 20000, "result": "Failed", "machines": [{"name": "sql01", "result": "Failed"}]}],
        },
        {"name": "Workstations", "machines": [{"name": "pc01", "duration": 3000}], "running": True},
    ],
    "vm_jobs": [
        {"name": "VM backup", "machines": [{"name": "vm01", "duration": 20}]},
        {
            "name": "VM replica",
            "type": "Replica",
            "machines": [{"name": "vm02", "duration": 20}],
            "history": [{"ended_ago": 10000}],
        },
        {
            "name": "VM failed",
            "machines": [{"name": "vm03", "duration": 15}],
            "history": [{"ended_ago": 15000, "result": "Failed", "machines": [{"name": "vm03", "result": "Failed"}]}],
        },
        {"name": "VM long", "machines": [{"name": "vm04", "duration": 3000}], "running": True},
        {"name": "VM copy", "type": "BackupCopy", "machines": [{"name": "vm01", "duration": 20}]},
    ],
}
KEY_ID, KEY_SECRET = "operator", "canary-of-the-key"
GATE = {"reference": "gate", "type": "HUMAN"}
CONDUCTOR_SCENARIO: dict[str, Any] = {
    "keys": [{"id": KEY_ID, "secret": KEY_SECRET}],
    "workflows": [
        # Something to wait for: the first attempt fails after 10 seconds.
        {
            "name": "work",
            "tasks": [
                [
                    {"reference": "short", "attempts": [{"after": 5, "output": {"ready": True}}]},
                    {
                        "reference": "long",
                        "retries": 1,
                        "retry_delay": 5,
                        "attempts": [{"status": "FAILED", "after": 10, "reason": "busy"}, {"after": 20}],
                    },
                ],
                GATE,
            ],
        },
        # Something to update.
        {"name": "change", "tasks": [GATE, {"reference": "after"}]},
    ],
}


class Time:
    """Both sides' clock: seconds since the epoch for the simulator, monotonic for the module."""

    def __init__(self) -> None:
        self.start = self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def slept(self) -> float:
        """Seconds since the start."""
        return self.now - self.start


class Ended(BaseException):
    """A module called exit_json or fail_json."""


@dataclass
class FakeModule:
    """What _module.py needs of AnsibleModule; options are checked by Ansible's own code."""

    given: dict[str, Any]
    check_mode: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __call__(self, argument_spec: dict[str, Any], supports_check_mode: bool, **rules: Any) -> FakeModule:
        # Each poll is a place for a fault: fewer of them tell as much.
        calm = {"wait_interval": 2.0} if "wait_interval" in argument_spec else {}
        checked = ArgumentSpecValidator(argument_spec, **rules).validate({**calm, **self.given})
        if checked.error_messages:
            raise ValueError(checked.error_messages)
        self.params = checked.validated_parameters
        return self

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def debug(self, text: str) -> None:
        """Debug lines go to the system log; here they only have to be text."""
        self.result.setdefault("debug", []).append(str(text))

    def exit_json(self, **result: Any) -> None:
        self.result.update(result, failed=False)
        raise Ended

    def fail_json(self, **result: Any) -> None:
        self.result.update(result, failed=True)
        raise Ended


class Laboratory:
    """One simulator, back in its first state for each experiment.

    connection: options of all modules. The request_timeout is real time.
    """

    def __init__(
        self, sim: Any, time: Time, monkeypatch: pytest.MonkeyPatch, client: Any, connection: dict[str, Any]
    ) -> None:
        self.sim = sim
        self.time = time
        self.monkeypatch = monkeypatch
        self.connection = {"ca_path": sim.ca_path, "request_timeout": 20, "retries": 2, **connection}
        self.module = FakeModule({})
        self.seconds = 0.0
        # Modules take the system's clock where none is named: here the common one.
        self._clocks = {
            Waiter.__init__: (time,),
            Deadline.__init__: (time,),
            client.from_params.__func__: (False, time),
        }
        for function, defaults in self._clocks.items():
            monkeypatch.setattr(function, "__defaults__", defaults)

    def begin(self) -> None:
        """Everything as it was at first."""
        # There may be other laboratories, with other clocks.
        for function, defaults in self._clocks.items():
            function.__defaults__ = defaults
        self.time.now = self.time.start
        self.sim.reset()

    def client(self, **options: Any) -> EmClient:
        """A client of Enterprise Manager without a module."""
        defaults = {name: spec.get("default") for name, (spec, _environment) in EM_CONNECTION.items()}
        return EmClient.from_params({**defaults, **self.connection, **options})

    def run(self, module: str, /, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module; returns what it would return to Ansible.

        An exception that a module does not turn into a failure comes out of here.
        """
        options = {key: value for key, value in {**self.connection, **options}.items() if value is not None}
        self.module = FakeModule(options, check)
        main = importlib.import_module(f"ansible_collections.backupops.veeam_em.plugins.modules.{module}").main
        handlers = {number: signal.getsignal(number) for number in ENDING}
        began = real_time.monotonic()
        try:
            with self.monkeypatch.context() as patch:
                patch.setattr(_module, "_Module", self.module)
                main()
        except Ended:
            pass
        finally:
            self.seconds = real_time.monotonic() - began
            for number, handler in handlers.items():
                signal.signal(number, handler)
        # Ansible gets it as JSON.
        return json.loads(json.dumps(self.module.result))

    @property
    def counters(self) -> dict[str, Any]:
        """The simulator's counters, with a zero where nothing was counted."""
        numbers = ("cookies_seen", "foreign_host", "logons", "logoffs", "open_logon_sessions", "peak_logon_sessions")
        names = ("starts", "stops", "retries", "toggles", "action_requests", "updates")
        groups: dict[str, Any] = {name: {} for name in names}
        return {**dict.fromkeys(numbers, 0), **groups, **self.sim.counters()}


@contextmanager
def laboratory(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> Iterator[Laboratory]:
    """A laboratory with Enterprise Manager; arguments are those of emsim.Simulator."""
    time = Time()
    with Simulator(**{"scenario": SCENARIO, **arguments}, clock=time) as sim:
        connection = {"host": sim.host, "port": sim.port, "username": "administrator", "password": PASSWORD}
        yield Laboratory(sim, time, monkeypatch, EmClient, connection)


@contextmanager
def conductor_laboratory(monkeypatch: pytest.MonkeyPatch, personality: str) -> Iterator[Laboratory]:
    """A laboratory with Conductor, which is oss or orkes."""
    time = Time()
    with ConductorSimulator(CONDUCTOR_SCENARIO, personality, clock=time) as sim:
        keys = {"auth_key": KEY_ID, "auth_secret": KEY_SECRET} if personality == "orkes" else {}
        yield Laboratory(sim, time, monkeypatch, ConductorClient, {"server_url": sim.url, **keys})
