"""The handlers of all addresses, and the only table of addresses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from simbase.messages import Request
from simbase.routes import Route, RouteTable

from conductorsim import render
from conductorsim.execution import Execution, TaskRun, open_first
from conductorsim.state import State
from conductorsim.tokens import Token

# conductor 5.1; CANCELED is accepted by OSS from 3.32.0 on and not in Orkes' specification
UPDATES = ("IN_PROGRESS", "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR")


class ApiError(Exception):
    """An answer that is an error (conductor 2.3 and 2.4). `token_code` is the value of `error`."""

    def __init__(
        self, status: int, message: str, token_code: str = "", details: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.token_code = token_code
        self.details = details


@dataclass
class Plain:
    """An answer in plain text."""

    text: str


@dataclass
class Nothing:
    """An answer without a body."""

    status: int


@dataclass
class Context:
    """A request that is being handled."""

    request: Request
    state: State
    path: dict[str, str]
    token: Token | None
    now: float

    def execution(self) -> Execution:
        """The workflow in the path. conductor 5.4: Orkes answers 400 to an unknown one."""
        found = self.state.execution(self.path["workflow"])
        if found is None:
            status = 400 if self.state.orkes else 404
            raise ApiError(status, f"No such workflow found by id: {self.path['workflow']}")
        return found

    def json(self) -> dict[str, Any]:
        """The body. conductor 2.4: an unreadable one gives a 500."""
        try:
            content = json.loads(self.request.body)
        except ValueError as problem:
            raise ApiError(500, f"JSON parse error: {problem}") from None
        if not isinstance(content, dict):
            raise ApiError(500, "JSON parse error: not an object")
        return content

    def task(self, run: TaskRun, execution: Execution) -> dict[str, Any]:
        """A task as it is shown."""
        return self.disguise(render.task(run, execution, self.now, self.state.orkes))

    def disguise(self, task: dict[str, Any]) -> dict[str, Any]:
        """The task with the status that a fault gives it."""
        status = self.request.overrides.get("unknown_status")
        return {**task, "status": status} if status else task

    def may(self, right: str, task_name: str) -> None:
        """conductor 2.3: a missing right is a 403 without a token code."""
        if self.token and right not in self.token.key.may:
            raise ApiError(403, f"You don't have permissions to {right.lower()} task: {task_name}")

    def apply(self, run: TaskRun, execution: Execution, status: str, output: Any, **more: Any) -> None:
        """An update, which may be dropped silently (conductor 5.1)."""
        self.may("EXECUTE", run.definition.name or run.definition.reference)
        self.state.count("update_requests", execution, run)
        if self.request.overrides.get("update_dropped"):
            return
        if execution.update(run, self.now, status, output, str(more.pop("reason", None) or ""), **more):
            self.state.count("updates", execution, run)


def issue_token(context: Context) -> Any:
    """conductor 2.2."""
    body = context.json()
    token = context.state.tokens.issue(body.get("keyId"), body.get("keySecret"), context.now)
    if token is None:
        raise ApiError(401, "Invalid access key or secret")
    return {"token": token}


def user_info(context: Context) -> Any:
    """conductor 2.2."""
    return {"id": context.token.key.id if context.token else "anonymous"}


def get_task(context: Context) -> Any:
    """conductor 1, and 1.1 for the four answers to an unknown id."""
    task_id = context.path["task"]
    found = context.state.find_task(task_id)
    if found:
        context.may("READ", found[1].reference)
        return context.task(found[1], found[0])
    answer = context.state.unknown_task
    if answer == "204":
        return Nothing(204)
    if answer == "null":
        return None
    raise ApiError(int(answer), f"Task not found for taskId: {task_id}")


def update_task(context: Context) -> Any:
    """conductor 5.1."""
    body = context.json()
    workflow_id, task_id, status = body.get("workflowInstanceId"), body.get("taskId"), body.get("status")
    missing = {"workflowInstanceId": "" if workflow_id else "Workflow Id", "taskId": "" if task_id else "Task ID"}
    details = [
        {"path": f"updateTask.arg0.{name}", "message": f"{words} cannot be null or empty"}
        for name, words in missing.items()
        if words
    ]
    if details:
        raise ApiError(400, "Validation failed, check below errors for detail.", details=details)
    _check_status(context, status)
    execution = context.state.execution(str(workflow_id))
    if execution is None:
        raise ApiError(404, f"No such workflow found by id: {workflow_id}")
    run = execution.find(str(task_id))
    if run is None:
        raise ApiError(404, f"No such task found by id: {task_id}")
    context.apply(
        run,
        execution,
        str(status),
        body.get("outputData") or {},  # replaces the existing value, even with nothing
        reason=body.get("reasonForIncompletion"),
        worker=body.get("workerId"),
        callback=body.get("callbackAfterSeconds"),
    )
    return Plain(str(task_id))


def update_by_reference(context: Context) -> Any:
    """conductor 5.2: merge the body into the output; if nothing is pending, an empty 200, or a 404 with Orkes."""
    found = _pending(context)
    if found is None:
        if context.state.orkes:
            raise _nothing_pending(context)
        return Plain("")
    return Plain(found[1].id)


def update_by_reference_and_read(context: Context) -> Any:
    """conductor 5.2: the same, answered with the workflow."""
    found = _pending(context)
    if found is None:
        raise _nothing_pending(context)
    return get_workflow(context)


def _pending(context: Context) -> tuple[Execution, TaskRun] | None:
    output = context.json()
    _check_status(context, context.path["status"])
    execution = context.state.execution(context.path["workflow"])
    run = execution.pending(context.path["reference"]) if execution else None
    if execution is None or run is None:
        return None
    output = output if run.external_output else {**run.output, **output}
    context.apply(run, execution, context.path["status"], output)
    return execution, run


def _nothing_pending(context: Context) -> ApiError:
    reference, workflow = context.path["reference"], context.path["workflow"]
    return ApiError(404, f"Found no running task {reference} of workflow {workflow} to update")


def _check_status(context: Context, status: Any) -> None:
    if status not in (UPDATES if context.state.orkes else (*UPDATES, "CANCELED")):
        raise ApiError(500, f"No enum constant for status {status}")  # conductor 2.4


def get_workflow(context: Context) -> Any:
    """conductor 5.4."""
    with_tasks = context.request.params.get("includetasks", "true") != "false"
    workflow = render.workflow(context.execution(), context.now, context.state.orkes, with_tasks)
    return {**workflow, "tasks": [context.disguise(task) for task in workflow["tasks"]]}


def get_workflow_status(context: Context) -> Any:
    """conductor 5.4: the lighter read."""
    execution = context.execution()
    return {"workflowId": execution.id, "status": execution.status}


def get_workflow_tasks(context: Context) -> Any:
    """conductor 5.4: a page, 15 by default."""
    execution = context.execution()
    wanted = context.request.params.get("status")
    start, count = (int(context.request.params.get(name, default)) for name, default in (("start", 0), ("count", 15)))
    runs = [run for run in execution.runs if not wanted or run.status == wanted]
    tasks = [context.task(run, execution) for run in runs[start : start + count]]
    return {"totalHits": len(runs), "results": tasks}


def poll(context: Context) -> Any:
    """conductor 1: this takes the task, so it is not a read. The counter proves that the client never calls it."""
    context.state.counts["polls"] += 1
    found = open_first(context.state.executions.values(), context.path["type"])
    if found is None:
        return Nothing(204)
    found[0].poll(found[1], context.now, context.request.params.get("workerid", ""))
    return context.task(found[1], found[0])


# What operators do (conductor 4, point 6, and 5.4)


def terminate(context: Context) -> Any:
    """End a workflow."""
    context.execution().terminate(context.now, context.request.params.get("reason", ""))
    return Nothing(200)


def remove(context: Context) -> Any:
    """Forget a workflow and its tasks, once it has ended."""
    execution = context.execution()
    if not execution.terminal:
        raise ApiError(400, f"Cannot archive workflow: {execution.id} with status: {execution.status}")
    del context.state.executions[execution.id]
    return Nothing(200)


def pause(context: Context) -> Any:
    """Nothing new is scheduled until it is resumed."""
    context.execution().pause(True, context.now)
    return Nothing(200)


def resume(context: Context) -> Any:
    """Resume after a pause."""
    context.execution().pause(False, context.now)
    return Nothing(200)


def skip(context: Context) -> Any:
    """Skip a task."""
    context.execution().skip(context.path["reference"], context.now)
    return Nothing(200)


def retry(context: Context) -> Any:
    """Retry what has failed. For a running workflow, the server answers as if it did not exist."""
    execution = context.execution()
    if not execution.terminal:
        raise ApiError(404, f"Workflow {execution.id} has not ended, it cannot be retried.")
    execution.retry(context.now)
    return Nothing(204)


def rerun(context: Context) -> Any:
    """Rerun from a task on."""
    execution = context.execution()
    execution.rerun(str(context.json().get("reRunFromTaskId")), context.now)
    return Plain(execution.id)


def restart(context: Context) -> Any:
    """Restart from the beginning."""
    context.execution().restart(context.now)
    return Nothing(204)


ROUTES = RouteTable(
    [
        Route("POST", "/api/token", issue_token, options={"open": True, "orkes": True}),
        Route("GET", "/api/token/userInfo", user_info, options={"orkes": True}),
        Route("GET", "/api/tasks/poll/{type}", poll),
        Route("GET", "/api/tasks/{task}", get_task),
        Route("POST", "/api/tasks", update_task),
        Route("POST", "/api/tasks/{workflow}/{reference}/{status}", update_by_reference),
        Route("POST", "/api/tasks/{workflow}/{reference}/{status}/sync", update_by_reference_and_read),
        Route("GET", "/api/workflow/{workflow}", get_workflow),
        Route("GET", "/api/workflow/{workflow}/status", get_workflow_status),
        Route("GET", "/api/workflow/{workflow}/tasks", get_workflow_tasks),
        Route("DELETE", "/api/workflow/{workflow}", terminate),
        Route("DELETE", "/api/workflow/{workflow}/remove", remove),
        Route("PUT", "/api/workflow/{workflow}/pause", pause),
        Route("PUT", "/api/workflow/{workflow}/resume", resume),
        Route("PUT", "/api/workflow/{workflow}/skiptask/{reference}", skip),
        Route("POST", "/api/workflow/{workflow}/retry", retry),
        Route("POST", "/api/workflow/{workflow}/rerun", rerun),
        Route("POST", "/api/workflow/{workflow}/restart", restart),
    ]
)
