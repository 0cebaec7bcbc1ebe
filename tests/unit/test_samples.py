"""What holds for every reading module, shown with its line in the table of samples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import PASSWORD, Laboratory, laboratory


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Laboratory]:
    with pytest.MonkeyPatch.context() as monkeypatch, laboratory(monkeypatch) as made:
        yield made


@pytest.fixture(params=samples.READING)
def module(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(shared_lab: Laboratory) -> Laboratory:
    shared_lab.begin()
    return shared_lab


def test_check_mode_reads_the_same_and_nothing_is_written(lab: Laboratory, module: str) -> None:
    results, sent = [], []
    for check in (False, True):
        lab.begin()
        before = len(lab.sim.requests())
        results.append(lab.run(module, check=check, **samples.READING[module]))
        requests = lab.sim.requests()[before:]
        sent.append([(each["method"], each["path"]) for each in requests])
    assert results[0] == results[1]
    assert results[0]["failed"] is results[0].get("changed", False) is False
    assert set(results[0]) - {"failed", "changed", "msg", "debug"}, "it returned nothing"
    assert [method for method, _path in sent[0]] == [method for method, _path in sent[1]]
    assert {method for method, path in sent[1] if "/logonSessions/" not in path and "/sessionMngr/" not in path} == {
        "GET"
    }
    assert lab.counters.get("writes", 0) == 0
    assert lab.counters["open_logon_sessions"] == 0


@pytest.mark.parametrize(
    ("given", "kind"),
    [({"password": PASSWORD + "x"}, "authentication"), ({"port": 1, "retries": 0}, "connection")],
)
def test_a_failure_says_what_to_do(lab: Laboratory, module: str, given: dict[str, object], kind: str) -> None:
    result = lab.run(module, **samples.READING[module], **given)
    assert result["failed"] is True
    assert result["error"]["kind"] == kind
    assert result["error"]["hint"] in result["msg"]
    assert PASSWORD not in str(result)
    assert lab.counters["open_logon_sessions"] == 0
