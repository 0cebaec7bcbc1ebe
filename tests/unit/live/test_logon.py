"""Logon sessions: opened when needed, renewed once, always closed, never closed when they belong to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.session import (
    end_logon_session,
    open_logon_session,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import (
    list_tasks,
    remove_tasks,
    wait_for_tasks,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

FLEET = {"agent_jobs": [{"name": "A", "machines": [{"name": "m1", "duration": 60}]}]}


def refused(it: Em, work: Any, *arguments: Any, **options: Any) -> ApiError:
    with it.client(**options) as client, pytest.raises(ApiError) as caught:
        work(client, *arguments)
    return caught.value


def opened(it: Em) -> dict[str, Any]:
    with it.client() as client:
        return open_logon_session(client.session)


def test_a_session_is_opened_used_and_ended(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    logon = opened(it)
    assert logon["changed"] is True
    assert logon["session_id"]
    assert logon["logon_session_id"]
    assert logon["username"] == "EMSIM\\administrator"
    assert it.counters["open_logon_sessions"] == 1
    started = it.jobs("A", wait=False, session_id=logon["session_id"])["jobs"][0]
    with it.client(session_id=logon["session_id"]) as client:
        assert [task["id"] for task in list_tasks(client, None)] == [started["task"]["id"]]
    assert (it.counters["logons"], it.counters["logoffs"]) == (1, 0)
    with it.client(session_id=logon["session_id"]) as client:
        assert end_logon_session(client.session, logon["logon_session_id"]) == {"changed": True}
    assert it.counters["open_logon_sessions"] == 0
    with it.client(session_id=logon["session_id"]) as client:
        assert end_logon_session(client.session, logon["logon_session_id"]) == {"changed": False}


def test_check_mode_tries_the_credentials_and_leaves_nothing_open(em: Start) -> None:
    it = em(FLEET)
    result = it.call(lambda client: open_logon_session(client.session), read_only=True)
    assert result == {"changed": True, "session_id": "", "logon_session_id": "", "username": "EMSIM\\administrator"}
    assert (it.counters["logons"], it.counters["logoffs"]) == (1, 1)


def test_an_expired_session_id(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    logon = opened(it)
    it.time.sleep(901)
    error = refused(it, list_tasks, None, session_id=logon["session_id"])
    assert error.kind == "authentication"
    assert "15 minutes" in str(error.hint)
    assert "veeam_em_session" in str(error.hint)
    assert it.counters["logons"] == 1


def test_a_logon_session_of_our_own_is_renewed(em: Start) -> None:
    it = em(FLEET)
    it.sim.add_faults([{"match": {"path": "/api/query"}, "occurrence": 2, "fault": "expire_session"}])
    assert it.jobs("A")["jobs"][0]["session"]["result"] == "Success"
    assert it.counters["logons"] == 2
    assert it.counters["starts"] == {"A": 1}


def test_a_logon_session_that_has_ended_by_itself_is_no_trouble(em: Start) -> None:
    it = em(FLEET)

    def work(client: Any) -> None:
        list_tasks(client, None)
        it.time.sleep(901)

    it.call(work)
    assert it.warnings == []


def test_renewing_is_bounded(em: Start) -> None:
    it = em(FLEET)
    it.sim.add_faults([{"match": {"path": "/api/query"}, "times": "forever", "fault": "expire_session"}])
    assert it.failure("A").kind == "authentication"
    assert it.counters["logons"] <= 3


@pytest.mark.parametrize(("username", "password"), [("administrator", "wrong"), ("nobody", "emsim")])
def test_wrong_credentials(em: Start, username: str, password: str, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    error = refused(it, list_tasks, None, username=username, password=password)
    assert error.kind == "authentication"
    assert username in error.message
    assert "DOMAIN\\user" in str(error.hint)
    assert password not in error.sentence()
    # A wrong password is not tried again: accounts get locked.
    assert len(it.asked("/sessionMngr/", "POST")) == 1


@pytest.mark.parametrize("missing", ["username", "password"])
def test_without_credentials(em: Start, missing: str) -> None:
    it = em(FLEET)
    error = refused(it, list_tasks, None, **{missing: None})
    assert error.kind == "usage"
    assert "VEEAM_EM_USERNAME" in str(error.hint)
    assert it.counters.get("requests", 0) == 0


def test_names_and_passwords_of_any_letters(em: Start) -> None:
    user = {"name": "J\u00f6rg", "domain": "EX\u00c4MPLE", "password": "p\u00e4ss:w\u00f6rd \u6771"}
    it = em({**FLEET, "users": [user]})
    with it.client(username="EX\u00c4MPLE\\J\u00f6rg", password=user["password"]) as client:
        assert list_tasks(client, None) == []


@pytest.mark.parametrize("role", ["viewer", "restorer"])
def test_a_role_that_may_not_see_jobs(em: Start, role: str, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    it.options["username"] = role
    error = it.failure("A")
    assert error.kind == "authorization"
    assert error.http_status == 403
    assert "Portal Administrator" in str(error.hint)
    assert it.counters["writes"] == 0


def test_tasks_of_another_logon_session(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    task = it.jobs("A", wait=False)["jobs"][0]["task"]["id"]
    for work in (
        lambda client: list_tasks(client, [task]),
        lambda client: wait_for_tasks(client, it.waiter(timeout=10), [task], "finished", True),
    ):
        error = refused(it, work)
        assert error.kind == "not_found"
        assert task in error.message
        assert "session_id" in str(error.hint)


class TestTasks:
    @pytest.fixture
    def shared(self, em: Start, dialect: dict[str, str]) -> Any:
        """A logon session in which two starts have been sent, one of which is refused."""
        slow = {"task_running_for": 20, "task_operation_finished_for": 20}
        jobs = [{"name": "A", **slow}, {"name": "B", "refuse_start": "No license.", **slow}]
        it = em({"agent_jobs": jobs}, **dialect)
        client = it.client()
        with client:
            yield it, client, [client.act("agents/jobs/" + job["id"], "start")["task_id"] for job in it.sim.jobs()]

    def test_reading_them(self, shared: Any) -> None:
        _it, client, (first, second) = shared
        assert [task["id"] for task in list_tasks(client, [second, first])] == [second, first]
        assert [task["id"] for task in list_tasks(client, None, ["running"])] == [first, second]
        assert list_tasks(client, None, ["Finished"]) == []
        assert list_tasks(client, None, None, ["StopAgentJob"]) == []
        assert len(list_tasks(client, None, None, ["startjob"])) == 2
        running = list_tasks(client, [first])[0]
        assert (running["finished"], running["success"], running["operation"]) == (False, None, "StartJob")

    def test_waiting_for_them(self, shared: Any) -> None:
        it, client, (first, _second) = shared
        result = wait_for_tasks(client, it.waiter(), [first], "finished", True)
        assert result["tasks"][0]["state"] == "Finished"
        assert result["tasks"][0]["success"] is True
        assert result["elapsed"] >= 40
        assert result["polls"] > 3

    def test_operation_finished_comes_sooner(self, shared: Any) -> None:
        it, client, (first, _second) = shared
        result = wait_for_tasks(client, it.waiter(), [first], "operation_finished", True)
        assert 20 <= result["elapsed"] <= 42
        if it.sim.app.profile.operation_finished:
            assert result["tasks"][0]["state"] == "OperationFinished"
            assert result["tasks"][0]["success"] is None

    def test_a_task_that_failed(self, shared: Any) -> None:
        it, client, ids = shared
        with pytest.raises(ApiError, match=r"No license\.") as caught:
            wait_for_tasks(client, it.waiter(), ids, "finished", True)
        assert caught.value.kind == "rejected"
        assert [task["success"] for task in caught.value.learnt["tasks"]] == [True, False]
        assert wait_for_tasks(client, it.waiter(), ids, "finished", False)["tasks"][1]["success"] is False

    def test_time_runs_out(self, shared: Any) -> None:
        it, client, ids = shared
        with pytest.raises(ApiError) as caught:
            wait_for_tasks(client, it.waiter(timeout=10), ids, "finished", True)
        assert caught.value.learnt["timed_out"] is True
        assert [task["id"] for task in caught.value.learnt["tasks"]] == ids

    def test_removing_them(self, shared: Any) -> None:
        it, client, (first, second) = shared
        writes = it.counters["writes"]
        predicted = remove_tasks(client, [first, "task-999"], check_mode=True)
        assert it.counters["writes"] == writes
        removed = remove_tasks(client, [first, "task-999"], check_mode=False)
        for result in (predicted, removed):
            assert (result["changed"], [task["id"] for task in result["tasks"]]) == (True, [first])
        assert remove_tasks(client, [first], check_mode=False)["changed"] is False
        assert [task["id"] for task in list_tasks(client, None)] == [second]
