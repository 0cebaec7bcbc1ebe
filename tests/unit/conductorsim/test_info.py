"""Reading tasks: by id, by reference name, and when there is none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.model import may_be_retried
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.session import ConductorSession
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError

GATE = {"reference": "gate", "type": "WAIT", "input": {"job": "Linux"}}


@pytest.mark.parametrize("personality", ["oss", "orkes"])
def test_by_id_and_by_reference(conductor: Callable[..., Any], personality: str) -> None:
    double = conductor(GATE, personality=personality)
    (by_id,) = double.info([double.task_id("gate")])
    (by_reference,) = double.info(reference=["gate"])
    assert {**by_reference, "workflow_status": None, "attempts": []} == by_id
    assert by_reference["workflow_status"] == "RUNNING"
    assert by_reference["attempts"] == [by_id["task_id"]]
    assert (by_id["task_type"], by_id["status"], by_id["input"]["job"]) == ("WAIT", "IN_PROGRESS", "Linux")
    assert by_id["start_time"] == "2026-09-21T14:13:20.000Z"
    assert by_id["end_time"] is None


@pytest.mark.parametrize(
    ("personality", "answer", "status"),
    [("oss", "404", 404), ("oss", "204", None), ("orkes", "400", 400), ("orkes", "null", None)],
)
def test_an_unknown_task_in_four_ways(
    conductor: Callable[..., Any], personality: str, answer: str, status: int | None
) -> None:
    double = conductor(GATE, personality=personality, settings={"unknown_task": answer})
    known = double.task_id("gate")
    with pytest.raises(ApiError) as caught:
        double.info(["nothing", known])
    assert (caught.value.kind, caught.value.http_status) == ("not_found", status)
    assert "nothing" in caught.value.message
    assert [task["task_id"] for task in caught.value.learnt["tasks"]] == [known]


@pytest.mark.parametrize("personality", ["oss", "orkes"])
def test_an_unknown_workflow(conductor: Callable[..., Any], personality: str) -> None:
    double = conductor(GATE, personality=personality)
    with double.client() as client, pytest.raises(ApiError) as caught:
        client.workflow("nothing")
    assert caught.value.kind == "not_found"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", ["FAILED"]),
        ("referenceTaskName", 7),
        ("outputData", "text"),
        ("workflowTask", [1]),
        ("taskDefinition", True),
        ("reasonForIncompletion", {"a": 1}),
        ("taskId", None),
        ("taskId", 7),
    ],
)
@pytest.mark.parametrize("by_id", [True, False])
def test_a_task_of_another_shape_is_not_read(
    conductor: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, by_id: bool, field: str, value: Any
) -> None:
    double = conductor(GATE)
    task_id, read = double.task_id("gate"), ConductorSession.read

    def odd(*arguments: Any) -> Any:
        answer = read(*arguments)
        for task in answer.get("tasks", [answer]):
            task[field] = value
        return answer

    monkeypatch.setattr(ConductorSession, "read", odd)
    with pytest.raises(ApiError) as caught:
        double.info([task_id]) if by_id else double.info(reference=["gate"])
    assert (caught.value.kind, "is not a " in caught.value.message) == ("protocol", True)


@pytest.mark.parametrize(
    ("in_workflow", "defined", "again"), [(None, 2, True), (None, 0, False), ("x", 0, False), (0, 2, False)]
)
def test_how_often_a_task_may_be_retried(in_workflow: Any, defined: Any, again: bool) -> None:
    raw = {"status": "FAILED", "workflowTask": {"retryCount": in_workflow}, "taskDefinition": {"retryCount": defined}}
    assert may_be_retried({**raw, "retryCount": 0}) is again


@pytest.mark.parametrize("text", ["[]", "['a', 'b']", "{'a': 1}"])
def test_an_id_that_was_a_list(conductor: Callable[..., Any], text: str) -> None:
    """Ansible makes such texts where one id is expected."""
    double = conductor(GATE)
    with pytest.raises(ApiError) as caught:
        double.update("COMPLETED", task_id=text)
    assert (caught.value.kind, double.sim.counters()["requests"]) == ("usage", 0)


def test_a_task_that_is_not_reached(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, {"reference": "deploy"})
    gate, deploy = double.info(reference=["gate", "deploy"])
    assert (gate["exists"], deploy["exists"], deploy["status"]) == (True, False, None)
    assert double.warnings == []
    assert double.sim.counters()["reads"] == 1


def test_a_name_that_the_workflow_does_not_define(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE)
    (task,) = double.info(reference=["gaet"])
    assert not task["exists"]
    assert "It defines: gate" in double.warnings[0]


def test_ids_go_encoded(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE)
    for name in ("a b", "a;b", "a%2Fb", "a?b#c"):
        with pytest.raises(ApiError) as caught:
            double.info([name])
        assert caught.value.kind == "not_found"
        assert double.sim.requests()[-1]["query"] == ""


def test_each_task_once_in_the_order_given(conductor: Callable[..., Any]) -> None:
    double = conductor([{"reference": "a"}, {"reference": "b"}])
    ids = [double.task_id("b"), double.task_id("a"), double.task_id("b")]
    assert [task["reference_task_name"] for task in double.info(ids)] == ["b", "a"]
    for nothing in ([], ["", ids[0]]):
        with pytest.raises(ApiError) as caught:
            double.info(nothing)
        assert caught.value.kind == "usage"
    assert double.sim.counters()["reads"] == 2


def test_the_latest_iteration_of_a_loop(conductor: Callable[..., Any]) -> None:
    double = conductor({"reference": "step", "iterations": 3, "attempts": [{"after": 10}]})
    double.time.sleep(25)
    (task,) = double.info(reference=["step"])
    assert (task["reference_task_name"], task["iteration"], task["status"]) == ("step__3", 3, "IN_PROGRESS")
    assert double.info(reference=["step__1"])[0]["status"] == "COMPLETED"


@pytest.mark.parametrize("fault", ["truncated_body", "malformed_body", "html", "reset_before", "status"])
def test_a_read_is_tried_again(conductor: Callable[..., Any], fault: str) -> None:
    double = conductor(GATE, faults=[{"fault": fault, "times": 2}])
    assert double.info([double.task_id("gate")])[0]["status"] == "IN_PROGRESS"
    assert double.sim.counters()["reads"] == 3


@pytest.mark.parametrize(("fault", "kind"), [("html", "protocol"), ("redirect", "protocol"), ("status", "server")])
def test_a_failure_that_stays(conductor: Callable[..., Any], fault: str, kind: str) -> None:
    double = conductor(GATE, faults=[{"fault": fault, "times": "forever"}])
    with pytest.raises(ApiError) as caught:
        double.info([double.task_id("gate")])
    assert caught.value.kind == kind


def test_tls_is_checked(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, tls="wrong-host")
    with pytest.raises(ApiError) as caught:
        double.info([double.task_id("gate")])
    assert caught.value.kind == "tls"


def test_a_client_certificate(conductor: Callable[..., Any]) -> None:
    double = conductor(GATE, tls="client-cert")
    double.options["client_cert"] = double.sim.client_cert_path
    assert len(double.info(reference=["gate"])) == 1


class PlainHandler(BaseHTTPRequestHandler):
    """A server without TLS that knows one task, and repeats the path it was asked for."""

    def do_GET(self) -> None:
        body = json.dumps({"taskId": "t", "workflowInstanceId": "w", "status": "COMPLETED", "workerId": self.path})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def test_plain_http(conductor: Callable[..., Any]) -> None:
    with HTTPServer(("127.0.0.1", 0), PlainHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with conductor().client(server_url=f"http://127.0.0.1:{server.server_port}") as client:
            task = client.task("a b?c")
        server.shutdown()
    assert (task["status"], task["worker_id"]) == ("COMPLETED", "/api/tasks/a%20b%3Fc")
    assert client.warnings == []
