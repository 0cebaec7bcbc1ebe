"""Tasks and workflows as JSON values (conductor 1.2). Nulls are left out, empty maps and zeros are kept."""

from __future__ import annotations

from typing import Any

from conductorsim.execution import Execution, TaskRun
from conductorsim.scenario import Task


def task(run: TaskRun, execution: Execution, now: float, orkes: bool) -> dict[str, Any]:
    """A Task object."""
    gate_type = run.definition.type
    name = run.definition.name or run.definition.reference
    gate_type = "FORK" if gate_type == "FORK_JOIN" else gate_type
    definition = _task_definition(run.definition)
    result: dict[str, Any] = {
        "taskType": name if gate_type == "SIMPLE" else gate_type,
        "status": run.status,
        "inputData": {**run.definition.input, **({"_createdBy": "conductorsim@example.com"} if orkes else {})},
        "referenceTaskName": run.reference,
        "retryCount": run.retry_count,
        "seq": run.seq,
        "pollCount": run.polls,
        "taskDefName": name,
        "scheduledTime": _ms(run.scheduled),
        "startTime": _ms(run.started),
        "endTime": _ms(run.ended),
        "updateTime": _ms(run.updated),
        "startDelayInSeconds": int(run.definition.retry_delay) if run.retry_count else 0,
        "retried": run.retried,
        "executed": run.executed,
        "callbackFromWorker": True,
        "responseTimeoutSeconds": 0,
        "workflowInstanceId": execution.id,
        "taskId": run.id,
        "callbackAfterSeconds": run.callback,
        "outputData": {} if run.external_output else run.output,
        "workflowTask": workflow_task(run.definition),
        "rateLimitPerFrequency": 0,
        "rateLimitFrequencyInSeconds": 0,
        "workflowPriority": 0,
        "iteration": run.iteration,
        "subworkflowChanged": False,
        "firstStartTime": 0,
        "taskDefinition": definition,  # printed as null when there is none
        "loopOverTask": run.iteration > 0,
        "queueWaitTime": _queue_wait(run, now),
    }
    optional = {
        "retriedTaskId": run.retried_id,
        "reasonForIncompletion": run.reason,
        "workerId": run.worker,
        "externalOutputPayloadStoragePath": run.external_output,
        "subWorkflowId": run.sub_workflow,
        "workflowType": execution.definition.name if run.status != "SKIPPED" else "",
    }
    result.update({key: value for key, value in optional.items() if value})
    if not orkes:
        result["executionMetadata"] = {"additionalContext": {}, "empty": True, "additionalContextMap": {}}
    return result


def workflow_task(definition: Task) -> dict[str, Any]:
    """The fragment of the definition that a task carries."""
    result: dict[str, Any] = {
        "name": definition.name or definition.reference,
        "taskReferenceName": definition.reference,
        "inputParameters": {},
        "type": definition.type,
        "startDelay": 0,
        "optional": definition.optional,
        "asyncComplete": False,
    }
    if definition.retries is not None:
        result["taskDefinition"] = _task_definition(definition)
    if definition.type == "DO_WHILE":
        result["loopOver"] = [workflow_task(each) for stage in definition.tasks for each in stage]
    return result


def workflow(execution: Execution, now: float, orkes: bool, with_tasks: bool) -> dict[str, Any]:
    """A Workflow object (conductor 5.4)."""
    stages = execution.definition.tasks
    result: dict[str, Any] = {
        "workflowId": execution.id,
        "workflowName": execution.definition.name,
        "workflowVersion": 1,
        "status": execution.status,
        "createTime": _ms(execution.started),
        "startTime": _ms(execution.started),
        "endTime": _ms(execution.ended),
        "input": {},
        "output": execution.runs[-1].output if execution.status == "COMPLETED" and execution.runs else {},
        "failedReferenceTaskNames": execution.failed,
        "failedTaskNames": [],
        "taskToDomain": {},
        "priority": 0,
        "lastRetriedTime": 0,
        "tasks": [task(run, execution, now, orkes) for run in execution.runs] if with_tasks else [],
        "workflowDefinition": {
            "name": execution.definition.name,
            "version": 1,
            "tasks": [workflow_task(each) for stage in stages for each in stage],
        },
    }
    if execution.reason:
        result["reasonForIncompletion"] = execution.reason
    return result


def _task_definition(definition: Task) -> dict[str, Any] | None:
    if definition.retries is None:
        return None
    return {
        "name": definition.name or definition.reference,
        "retryCount": definition.retries,
        "retryLogic": "FIXED",
        "retryDelaySeconds": int(definition.retry_delay),
        "timeoutSeconds": 0,
        "timeoutPolicy": "TIME_OUT_WF",
        "responseTimeoutSeconds": int(definition.response_timeout),
    }


def _queue_wait(run: TaskRun, now: float) -> int:
    if run.callback > 0 and run.updated > 0:
        return _ms(now) - (_ms(run.updated) + run.callback * 1000)
    return _ms(run.started) - _ms(run.scheduled) if run.started else 0


def _ms(moment: float) -> int:
    return int(moment * 1000)
