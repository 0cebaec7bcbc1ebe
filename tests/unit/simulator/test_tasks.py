"""Tasks (em_rest 4 and 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

XMLNS = "{http://www.veeam.com/ent/v1.0}"


def test_states_in_order(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    task = api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")["TaskId"]
    clock.move(0.6)
    middle = api.get(f"tasks/{task}")
    assert (middle["State"], middle["Result"]) == (
        "OperationFinished",
        {"Message": "OperationFinished", "Success": True},
    )
    clock.move(0.5)
    assert api.get(f"tasks/{task}")["State"] == "Finished"
    assert em.counters()["task_polls"] == 2


def test_old_product_knows_no_operation_finished(
    simulate: Callable[..., Any], connect: Callable[..., Any], clock: Any, job_id: Callable[..., str]
) -> None:
    em = simulate(api_profile="v95u4")
    client = connect(em).log_on()
    task = client.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")["TaskId"]
    clock.move(0.6)
    middle = client.get(f"tasks/{task}")
    assert middle["State"] == "Running"
    assert "Result" not in middle


def test_scoped_to_the_logon_session(
    api: Any, em: Any, connect: Callable[..., Any], job_id: Callable[..., str]
) -> None:
    task = api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")["TaskId"]
    other = connect(em).log_on()
    message = other.get(f"tasks/{task}", status=500)["Message"]
    assert message == f"There is no backup task with id [{task}] in current rest session"
    assert other.get("tasks") == {"Tasks": None}
    assert [one["TaskId"] for one in api.get("tasks")["Tasks"]] == [task]


def test_delete_forgets_the_task(api: Any, em: Any, job_id: Callable[..., str]) -> None:
    task = api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")["TaskId"]
    assert api.send("DELETE", f"/api/tasks/{task}").status_code == 204
    api.get(f"tasks/{task}", status=500)
    assert next(job for job in em.jobs() if job["name"] == "Linux")["running"] is True


@pytest.mark.parametrize("query", ["", "&format=Entities", "&sortAsc=TaskUid", '&filter=TaskId=="task-1"'])
def test_query_of_tasks(api: Any, em: Any, job_id: Callable[..., str], query: str) -> None:
    api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")
    result = api.get(f"query?type=Task{query}")
    assert [one["TaskId"] for one in result["Resources"]["Tasks"]["Tasks"]] == ["task-1"]
    assert result["Entities"] is None


def test_xml(api: Any, em: Any, clock: Any, job_id: Callable[..., str]) -> None:
    api.post(f"agents/jobs/{job_id(em, 'Linux')}?action=start")
    assert api.xml("tasks/task-1").find(f"{XMLNS}Result") is None
    clock.move(2)
    result = api.xml("tasks").find(f"{XMLNS}Task/{XMLNS}Result")
    assert result.get("Success") == "true"
    assert result.findtext(f"{XMLNS}Message") == 'Job "Linux" triggered to start.'
