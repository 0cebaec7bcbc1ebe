"""Access keys and tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError

GATE = {"reference": "gate", "type": "HUMAN"}


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_renewed_once(conductor: Callable[..., Any], status: int) -> None:
    double = conductor(
        GATE,
        personality="orkes",
        settings={"expired_status": status},
        faults=[{"match": {"method": "GET"}, "fault": "expire_token"}],
    )
    assert double.info(reference=["gate"])[0]["status"] == "IN_PROGRESS"
    counters = double.sim.counters()
    assert (counters["tokens"], counters["reads"]) == (2, 2)


def test_a_token_that_is_refused_again_is_a_failure(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, personality="orkes", settings={"token_lifetime": 0})
    with pytest.raises(ApiError) as caught:
        double.info(reference=["gate"])
    assert caught.value.kind == "authentication"
    counters = double.sim.counters()
    assert (counters["tokens"], counters["reads"]) == (2, 2)


def test_a_long_wait_outlives_tokens(conductor: Callable[..., Any]) -> None:
    gate = dict(GATE, attempts=[{"after": 7200}])
    double = conductor(gate, personality="orkes", settings={"token_lifetime": 600})
    assert double.wait(reference=["gate"], timeout=9000)["tasks"][0]["status"] == "COMPLETED"
    assert 10 <= double.sim.counters()["tokens"] <= 14


def test_wrong_keys(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, personality="orkes", auth_secret="wrong")
    with pytest.raises(ApiError) as caught:
        double.info(reference=["gate"])
    assert caught.value.kind == "authentication"
    assert "auth_secret" in caught.value.sentence()
    assert "wrong" not in caught.value.sentence()
    assert double.sim.counters()["tokens"] == 1


def test_no_credentials_at_all(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, personality="orkes", auth_key=None, auth_secret=None)
    with pytest.raises(ApiError) as caught:
        double.info(reference=["gate"])
    assert caught.value.kind == "authentication"
    assert "Set auth_key and auth_secret" in caught.value.sentence()
    assert double.sim.counters()["tokens"] == 0


def test_a_token_of_the_users_own(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, personality="orkes")
    token = double.sim.app.state.tokens.issue("operator", "conductorsim", double.time())
    double.options = {"auth_token": f" {token}\n"}
    assert len(double.info(reference=["gate"])) == 1
    assert double.sim.counters()["tokens"] == 0
    double.sim.app.state.tokens.expire(token)
    with pytest.raises(ApiError) as caught:
        double.info(reference=["gate"])
    assert "auth_token" in caught.value.sentence()
    double.options.update(auth_key="operator", auth_secret="conductorsim")
    assert len(double.info(reference=["gate"])) == 1
    assert double.sim.counters()["tokens"] == 1


def test_open_source_issues_no_tokens(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, {"reference": "next"}, auth_key="k", auth_secret="s")
    assert len(double.info(reference=["gate", "next"])) == 2
    assert len(double.warnings) == 1
    assert "does not issue tokens" in double.warnings[0]
    assert not any(request["with_token"] for request in double.sim.requests())


def test_a_missing_right_is_not_a_matter_of_the_token(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, personality="orkes", auth_key="reader")
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED")
    assert caught.value.kind == "authorization"
    assert "EXECUTE" in caught.value.sentence()
    assert caught.value.learnt["task"]["status"] == "IN_PROGRESS"
    assert double.sim.counters()["tokens"] == 1


def test_getting_a_token_is_tried_again(conductor: Callable[..., Any]) -> None:
    faults = [{"match": {"path": "/api/token"}, "fault": fault} for fault in ("status", "malformed_body")]
    double = conductor(GATE, personality="orkes", faults=faults)
    assert len(double.info(reference=["gate"])) == 1
    assert double.sim.counters()["tokens"] == 2


def test_nothing_is_resent_when_the_token_expires_on_the_way(conductor: Callable[..., Any]) -> None:
    double = conductor(
        GATE, personality="orkes", faults=[{"match": {"method": "POST", "path": "/api/tasks"}, "fault": "expire_token"}]
    )
    result = double.update("COMPLETED", {"a": 1})
    assert (result["changed"], result["task"]["output"]) == (True, {"a": 1})
    paths = [(each["method"], each["path"], each["status"]) for each in double.sim.requests()][2:]
    task = f"/api/tasks/{double.task_id('gate')}"
    # Refused; read again, which renews the token; only then sent again.
    assert paths == [
        ("POST", "/api/tasks", 401),
        ("GET", task, 401),
        ("POST", "/api/token", 200),
        ("GET", task, 200),
        ("POST", "/api/tasks", 200),
        ("GET", task, 200),
    ]
