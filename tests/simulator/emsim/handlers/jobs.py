"""Jobs of all families and their actions (em_rest 5 and 9)."""

from __future__ import annotations

from collections.abc import Callable

from emsim.context import ApiError, Context, Reply
from emsim.jobs import NAS, Family, SimulatedJob
from emsim.resources import jobs as resources
from emsim.resources.common import entities, references
from emsim.resources.tasks import task_node
from emsim.state import Outcome
from emsim.tree import Collection

Handle = Callable[[Context], Reply]
_HTTP = {"http_400": 400, "http_409": 409, "http_500": 500}


def find(context: Context, family: Family) -> SimulatedJob:
    """The job of the path."""
    identifier = context.guid("Job")
    job = context.state.job(family, identifier)
    if job is None:
        status = context.settings.unknown_job_status  # em_rest 16: it differs
        message = {
            400: f" ID {identifier} is invalid. Type: Job",
            404: f"Cannot find job [{identifier}]",
            500: "Object reference not set to an instance of an object.",
        }[status]
        raise ApiError(status, message)
    if context.overridden("another_resource"):
        return next(other for other in context.state.family(family) if other is not job)
    return job


def listing(family: Family) -> Handle:
    """All jobs of a family."""

    def handle(context: Context) -> Reply:
        found = [resources.describe(job, context.now, context.href) for job in context.state.family(family)]
        if context.wants_entities:
            return Reply(entities(resources.KINDS[family.name], found, context.href))
        return Reply(references(found, context.href))

    return handle


def one(family: Family) -> Handle:
    """One job."""

    def handle(context: Context) -> Reply:
        found = resources.describe(find(context, family), context.now, context.href)
        if context.wants_entities:
            return Reply(found.entity(context.href))
        return Reply(found.reference(context.href, "EntityRef"))

    return handle


def includes(family: Family) -> Handle:
    """What a job includes: full objects, not references."""

    def handle(context: Context) -> Reply:
        job = find(context, family)
        nested = resources.nas_includes(job, context.href) if family is NAS else resources.includes(job, context.href)
        roots = {"ObjectInAgentBackupJobs": "ObjectsInAgentBackupJob", "ObjectInJobs": "ObjectsInJob"}
        root = roots.get(nested.json_key, nested.json_key)  # em_rest 1: the element's name
        return Reply(Collection(root, nested.json_key, nested.nodes))

    return handle


def include(family: Family) -> Handle:
    """One of the objects."""

    def handle(context: Context) -> Reply:
        job = find(context, family)
        for name in [*job.spec.includes, *job.spec.containers]:
            if resources.object_id(job, name) == context.path["object"].lower():
                return Reply(resources.include(job, name, context.href))
        raise ApiError(404, f"Cannot find object [{context.path['object']}]")

    return handle


def act(family: Family, action: str) -> Handle:
    """start, sync, stop, retry or toggle: 202 with a task."""

    def handle(context: Context) -> Reply:
        job = find(context, family)
        copy_only = {"start": False, "sync": True}.get(action)
        if copy_only is not None and job.is_copy != copy_only:
            # em_rest 9: start does not apply to backup copy jobs, and sync applies only to them
            raise ApiError(400, f'Operation is not supported for job "{job.name}".')
        outcome = perform(context, job, action)
        if outcome.rejected in _HTTP:
            raise ApiError(_HTTP[outcome.rejected], outcome.message)
        task = context.new_task(
            family.tasks[action],
            outcome.message,
            not outcome.rejected,
            (job.spec.task_running_for, job.spec.task_operation_finished_for),
        )
        if outcome.run is not None and action != "stop" and job.spec.related_link:
            # em_rest 4: a third party read a link below /agents/backupSessions
            folder = "agents/backupSessions" if job.spec.related_link == "agents" else "backupSessions"
            run = outcome.run
            if job.spec.related_link == "other":
                run = next(other.runs[-1] for other in context.state.jobs if other is not job and other.runs)
            task.related = f"{folder}/{run.id}"
        return Reply(task_node(task, context.now, context.href), 202)

    return handle


def perform(context: Context, job: SimulatedJob, action: str) -> Outcome:
    """Carry out the action, with the effects of a fault."""
    state = context.state
    verbs = {"start": state.start, "sync": state.start, "stop": state.stop, "retry": state.retry}
    outcome = verbs.get(action, state.toggle)(job)
    if outcome.run is not None and context.overridden("session_never_appears"):
        state.hide_session(outcome.run)
    if action == "toggle" and not outcome.rejected and context.overridden("toggle_undone"):
        job.toggle(context.now)
    return outcome
