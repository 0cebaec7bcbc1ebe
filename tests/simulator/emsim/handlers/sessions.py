"""Job sessions and task sessions (em_rest 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable

from emsim.context import ApiError, Context, Reply
from emsim.handlers.jobs import find as find_job
from emsim.jobs import VM, Family
from emsim.resources import sessions as resources
from emsim.resources.common import Kind, entities, references
from emsim.resources.tasks import task_node
from emsim.views import JobSession, TaskSession

Handle = Callable[[Context], Reply]


def sessions_of(family: Family | None, replica: bool = False) -> Handle:
    """All sessions, or those of one family."""

    def handle(context: Context) -> Reply:
        jobs = None if family is None else context.state.family(family)
        found = context.state.sessions(context.lens, jobs)
        return _sessions(context, [one for one in found if resources.is_replica(one) == replica], replica)

    return handle


def sessions_of_job(family: Family) -> Handle:
    """The sessions of one job; those of its machines are of other jobs (em_rest 7)."""

    def handle(context: Context) -> Reply:
        job = find_job(context, family)
        found = [one for one in context.state.sessions(context.lens, [job]) if one.job_id == job.id]
        return _sessions(context, found, job.job_type == "Replica")

    return handle


def session(replica: bool) -> Handle:
    """One session."""

    def handle(context: Context) -> Reply:
        found = resources.describe(_find(context, replica), context.settings, context.href)
        node = found.entity(context.href) if context.wants_entities else found.reference(context.href, "EntityRef")
        return Reply(node)

    return handle


def machines(context: Context) -> Reply:
    """em_rest 7: the child sessions of an agent session, one per machine."""
    parent = _find(context, False)
    found = [one for one in context.state.sessions(context.lens, [parent.job]) if one.parent == parent.id]
    return _sessions(context, found, False)


def stop(context: Context) -> Reply:
    """em_rest 7: stop a session; according to the page, only for VM jobs."""
    found = _find(context, False)
    if found.job.family is not VM:
        raise ApiError(400, f'Operation is not supported for job session "{found.name}".')
    outcome = context.state.stop(found.job)
    message = f'Job Session "{found.name}" triggered to stop.' if not outcome.rejected else outcome.message
    spec = found.job.spec
    timing = (spec.task_running_for, spec.task_operation_finished_for)
    task = context.new_task("StopJobSession", message, not outcome.rejected, timing)
    return Reply(task_node(task, context.now, context.href), 202)


def task_sessions(replica: bool) -> Handle:
    """All task sessions."""

    def handle(context: Context) -> Reply:
        found = context.state.task_sessions(context.lens)
        wanted = [one for one in found if resources.is_replica(one) == replica]
        return _task_sessions(context, wanted, replica, context.wants_entities)

    return handle


def task_sessions_of_session(replica: bool) -> Handle:
    """The task sessions of a job session; for a whole agent run, those of all its machines."""

    def handle(context: Context) -> Reply:
        owner = _find(context, replica)
        found = context.state.task_sessions(context.lens, [owner.job])
        wanted = [one for one in found if owner.id in (one.run_id, one.child_id)]
        # em_rest 8: vendor samples show entities below a replica session
        always = replica and context.settings.replica_task_sessions == "entities"
        return _task_sessions(context, wanted, replica, context.wants_entities or always)

    return handle


def task_session(replica: bool) -> Handle:
    """One task session."""

    def handle(context: Context) -> Reply:
        identifier = context.guid("TaskSession")
        other = bool(context.overridden("another_resource"))
        for found in context.state.task_sessions(context.lens):
            if (found.id == identifier) is not other and resources.is_replica(found) == replica:
                one = resources.describe_task(found, context.href)
                node = one.entity(context.href) if context.wants_entities else one.reference(context.href, "EntityRef")
                return Reply(node)
        raise ApiError(404, f"Cannot find task session [{identifier}]")

    return handle


def _find(context: Context, replica: bool) -> JobSession:
    identifier = context.guid("JobSession")
    other = bool(context.overridden("another_resource"))
    for found in context.state.sessions(context.lens):
        if (found.id == identifier) is not other and resources.is_replica(found) == replica:
            return found
    raise ApiError(404, f"Cannot find job session [{identifier}]")


def _sessions(context: Context, found: list[JobSession], replica: bool) -> Reply:
    described = [resources.describe(one, context.settings, context.href) for one in found]
    return _list(context, resources.REPLICA if replica else resources.BACKUP, described, context.wants_entities)


def _task_sessions(context: Context, found: list[TaskSession], replica: bool, as_entities: bool) -> Reply:
    described = [resources.describe_task(one, context.href) for one in found]
    return _list(context, resources.REPLICA_TASK if replica else resources.BACKUP_TASK, described, as_entities)


def _list(context: Context, kind: Kind, described: list[resources.Described], as_entities: bool) -> Reply:
    if as_entities:
        return Reply(entities(kind, described, context.href))
    return Reply(references(described, context.href))
