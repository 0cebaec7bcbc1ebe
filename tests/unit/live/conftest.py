"""Fixtures of the tests that run the client against emsim in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em, Time
from emsim import Simulator

PROFILES = ("v95u4", "v10", "v12", "v13")
# One of each way in which a server speaks and is spoken to.
DIALECTS = [("v95u4", "json"), ("v10", "json"), ("v12", "json"), ("v12", "xml"), ("v13", "json"), ("v13", "xml")]


@pytest.fixture
def em() -> Iterator[Callable[..., Em]]:
    """Start a simulator and return the client's side of it; every logon session must be closed at the end."""
    with ExitStack() as stack:
        started: list[Em] = []

        def start(scenario: Any = None, api_profile: str = "v12", api_format: str = "json", **arguments: Any) -> Em:
            time = Time()
            sim = stack.enter_context(Simulator(scenario, api_profile=api_profile, clock=time, **arguments))
            started.append(Em(sim, time, api_format=api_format))
            return started[-1]

        yield start
        for each in started:
            assert each.sim.counters().get("open_logon_sessions", 0) == 0
            assert each.sim.counters().get("foreign_host", 0) == 0


@pytest.fixture(params=DIALECTS, ids=["-".join(each) for each in DIALECTS])
def dialect(request: pytest.FixtureRequest) -> dict[str, str]:
    """Server generation and format, as keyword arguments of `em`."""
    return dict(zip(("api_profile", "api_format"), request.param, strict=True))
