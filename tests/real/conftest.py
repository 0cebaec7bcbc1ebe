"""One suite, several servers: the double always, real ones as `make test-real` finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.conftest import ansible, emsim
from ansible_collections.backupops.veeam_em.tests.real.servers import Double, RealServer, Server, releases

__all__ = ["ansible", "emsim"]

REAL = {release["version"]: release for release in releases()}


NONE = pytest.param("none", marks=pytest.mark.skip(reason="it needs a real server of Conductor: make test-real"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each server: one is started, used by all tests, and ended, before the next."""
    if "real_server" in metafunc.fixturenames:
        # The double would only be compared with itself.
        metafunc.parametrize("server", [*REAL] or [NONE], indirect=True, scope="session")
    elif "server" in metafunc.fixturenames:
        metafunc.parametrize("server", ["double", *REAL], indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of Conductor."""
    started: Any = None
    if request.param == "double":
        started = Double()
    else:
        folder: Path = tmp_path_factory.mktemp(f"conductor-{request.param}")
        started = RealServer(REAL[request.param], folder)
    yield started
    started.stop()


@pytest.fixture
def real_server(server: Server) -> Server:
    """A real one only."""
    return server
