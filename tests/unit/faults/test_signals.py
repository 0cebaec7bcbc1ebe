"""SIGINT and SIGTERM at every moment of every operation: the logon session is ended and the truth is told."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory
from ansible_collections.backupops.veeam_em.tests.unit.faults.operations import OPERATIONS, Operation

LONG: dict[str, Any] = {"name": "Linux servers", "state": "started", "wait": True, "wait_timeout": 600}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Interruption:
    """Sends a signal to this process when the simulator gets a certain request, before it answers."""

    def __init__(self, lab: Laboratory, number: int, signals: list[int]) -> None:
        self.left = number
        self.signals = signals
        self.struck = ""
        self._serve = lab.sim.app.serve
        lab.monkeypatch.setattr(lab.sim.app, "serve", self.serve)

    def serve(self, request: Any, wire: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.struck = f"{request.method} {request.path}"
            for number in self.signals:
                os.kill(os.getpid(), number)
        self._serve(request, wire)


def interrupted(lab: Laboratory, operation: Operation, number: int, signals: list[int]) -> tuple[dict[str, Any], str]:
    options = {**operation.options, **operation.prepare(lab)}
    with lab.monkeypatch.context():
        strike = Interruption(lab, number, signals)
        try:
            return lab.run(operation.module, **options), strike.struck
        finally:
            lab.monkeypatch.setattr(lab.sim.app, "serve", strike._serve)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_signal_at_any_request(lab: Laboratory, operation: Operation) -> None:
    number = 0
    while True:
        number += 1
        lab.begin()
        signals = [signal.SIGTERM, signal.SIGINT] if number % 3 == 0 else [SIGNALS[number % len(SIGNALS)]]
        result, struck = interrupted(lab, operation, number, signals)
        if not struck:
            assert result["failed"] is False
            break
        counters = lab.counters
        for kind in ("starts", "stops", "retries", "toggles"):
            assert all(count <= 1 for count in counters[kind].values())
        assert counters["open_logon_sessions"] <= operation.leaves, struck
        if result["failed"]:
            assert result["msg"].startswith("Interrupted by SIG"), result["msg"]
            assert "continue on the server" in result["msg"]
        else:
            assert "logonSessions" in struck
    assert number > 1


def test_what_was_known_is_returned(lab: Laboratory) -> None:
    number = 0

    def strike(seconds: float) -> None:
        nonlocal number
        number += 1
        lab.time.now += seconds
        if number == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    with lab.monkeypatch.context() as patch:
        patch.setattr(lab.time, "sleep", strike)
        result = lab.run("veeam_em_agent_job", **LONG)
    assert result["failed"] is True
    assert "SIGTERM" in result["msg"]
    assert result["changed"] is True
    assert result["jobs"][0]["session"]["running"] is True
    assert lab.counters["stops"] == {}
    assert next(job for job in lab.sim.jobs() if job["name"] == "Linux servers")["running"] is True


def test_a_signal_during_a_logon_that_fails(lab: Laboratory) -> None:
    """It is not forgotten with the failure, which a wait would bear."""
    expire = {"match": {"path": "/api/backupSessions/*"}, "occurrence": 3, "fault": "expire_session"}
    lost = {"match": {"method": "POST", "path": "/api/sessionMngr*"}, "occurrence": "from 2", "fault": "reset_before"}
    lab.sim.add_faults([expire, lost])
    serve = lab.sim.app.serve
    logons = 0

    def strike(request: Any, wire: Any) -> None:
        nonlocal logons
        logons += "sessionmngr" in request.path.lower()
        if logons == 2:
            logons += 1
            os.kill(os.getpid(), signal.SIGTERM)
        serve(request, wire)

    with lab.monkeypatch.context() as patch:
        patch.setattr(lab.sim.app, "serve", strike)
        result = lab.run("veeam_em_agent_job", **LONG)
    assert result["msg"].startswith("Interrupted by SIGTERM")
    assert lab.time.slept < 100
