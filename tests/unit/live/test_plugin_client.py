"""The client for what is not a module: it logs off on every path, and what it says holds no secret."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._plugin import connection, em_client
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em
from emsim import Simulator

Start = Callable[..., Em]


def options(sim: Simulator, **more: object) -> dict[str, object]:
    given = {"host": sim.host, "port": sim.port, "username": "administrator", "password": "emsim"}
    return connection({**given, "ca_path": sim.ca_path, "retries": 0, **more}, {})


@pytest.mark.parametrize(
    "problem", [None, ApiError("server", "It went wrong.", hint="Wait."), ZeroDivisionError("secret")], ids=str
)
def test_it_logs_off(em: Start, problem: Exception | None) -> None:
    it = em()

    def work() -> None:
        with em_client(options(it.sim)) as client:
            assert client.query("BackupServer")
            if problem:
                raise problem

    if problem:
        with pytest.raises(ApiError) as failure:
            work()
        assert "secret" not in failure.value.sentence()
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__
    else:
        work()
    assert (it.counters["logons"], it.counters["logoffs"], it.counters["writes"]) == (1, 1, 0)


def test_it_only_reads(em: Start) -> None:
    it = em({"agent_jobs": [{"name": "J", "machines": ["a"]}]})
    with pytest.raises(ApiError, match="was not sent"), em_client(options(it.sim)) as client:
        client.act("agents/jobs/" + it.sim.jobs()[0]["id"], "start")
    assert it.counters["starts"] == {}


def test_what_the_server_echoes_is_freed_from_secrets(em: Start) -> None:
    it = em()
    it.sim.add_faults(
        [{"match": {"path": "/api/query"}, "fault": "status", "with": {"status": 400, "message": "emsim\x1b[1m no"}}]
    )
    with pytest.raises(ApiError) as failure, em_client(options(it.sim)) as client:
        client.query("BackupServer")
    assert "emsim" not in failure.value.sentence() + str(failure.value.em_message)
    assert "\x1b" not in failure.value.sentence() + str(failure.value.em_message)


def test_warnings_are_told(em: Start) -> None:
    it = em()
    it.sim.add_faults([{"match": {"method": "DELETE"}, "fault": "status", "times": "forever"}])
    told: list[str] = []
    with em_client(options(it.sim, validate_certs=False), told.append) as client:
        client.query("BackupServer")
    assert [text.partition(".")[0] for text in told] == [
        "validate_certs is false, so the identity of the server is not verified",
        "Logging off failed",
    ]
    it.sim.clear_faults()
    it.sim.reset()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 42), (signal.SIGHUP, -signal.SIGHUP)]
)
def test_a_signal_takes_effect_after_the_log_off(em: Start, number: signal.Signals, status: int) -> None:
    it = em()
    script = textwrap.dedent(f"""
        import sys, time
        sys.path[:0] = {sys.path!r}
        from ansible_collections.backupops.veeam_em.plugins.module_utils._plugin import em_client
        try:
            with em_client({options(it.sim)!r}) as client:
                client.query("BackupServer")
                print("ready", flush=True)
                # A signal that arrives just before a sleep takes effect after it: many short ones.
                for _each in range(600):
                    time.sleep(0.1)
        except KeyboardInterrupt:
            sys.exit(42)
    """)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VEEAM_EM_")}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert it.counters["logoffs"] == 0
        process.send_signal(number)
        assert process.wait(20) == status
    assert it.counters["logoffs"] == 1
