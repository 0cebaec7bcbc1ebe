"""Tasks."""

from __future__ import annotations

from emsim.resources.common import Href
from emsim.tasks import Task
from emsim.tree import Link, Node


def task_node(task: Task, now: float, href: Href) -> Node:
    """One task as it is now."""
    state = task.state(now)
    address = href(f"tasks/{task.id}")
    links = [Link("Delete", address)]
    if task.related and state == "Finished" and task.success:
        # em_rest 4: a Finished task may link to its result
        links.append(Link("Related", href(f"{task.related}?format=Entity"), "BackupJobSession"))
    result = None
    if state != "Running":  # em_rest 4: a running task has no Result
        # em_rest 12: OperationFinished already reads Success
        message = "OperationFinished" if state == "OperationFinished" else task.message
        result = Node("Result", [("Message", message)], {"Success": task.success})
    fields = [("TaskId", task.id), ("State", state), ("Operation", task.operation), ("Result", result)]
    return Node("Task", fields, href=address, type="Task", links=links)
