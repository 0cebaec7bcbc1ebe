"""Tasks (em_rest 4): scoped to the logon session."""

from __future__ import annotations

from emsim.context import ApiError, Context, Reply
from emsim.resources.tasks import task_node
from emsim.tasks import Task
from emsim.tree import Collection


def list_tasks(context: Context) -> Reply:
    """em_rest 4: full tasks, not references."""
    nodes = [task_node(task, context.now, context.href) for task in context.logon.tasks.values()]
    return Reply(Collection("Tasks", "Tasks", nodes))


def get_task(context: Context) -> Reply:
    """One task."""
    context.counts["task_polls"] += 1
    return Reply(task_node(_find(context), context.now, context.href))


def delete_task(context: Context) -> Reply:
    """em_rest 4: 204. em_rest 16: whether it stops anything is not known; here it only forgets the task."""
    del context.logon.tasks[_find(context).id]
    return Reply(None, 204)


def _find(context: Context) -> Task:
    task = context.logon.tasks.get(context.path["id"])
    if context.overridden("another_resource"):
        task = next(other for other in context.logon.tasks.values() if other is not task)
    if task is None:
        # em_rest 15.3: 500, not 404, with this message
        raise ApiError(500, f"There is no backup task with id [{context.path['id']}] in current rest session")
    return task
