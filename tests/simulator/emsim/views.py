"""What Enterprise Manager shows of runs at one moment: job sessions and task sessions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emsim.runs import MachineRun, Run
from emsim.timestamps import label, settle

if TYPE_CHECKING:
    from emsim.jobs import SimulatedJob


@dataclass(frozen=True)
class Lens:
    """How the server views its data: settings, profile and what faults change for one request."""

    now: float
    skew: float = 0
    early_result: bool | str = True
    unknown_state: str = ""
    unknown_also_at_end: bool = False
    names_with_fraction: bool = False
    task_sessions_of: str = "child"

    def settled_key(self) -> tuple[object, ...]:
        """Everything that the view of an ended run depends on."""
        state = self.unknown_state if self.unknown_also_at_end else ""
        return self.skew, state, self.names_with_fraction, self.task_sessions_of


@dataclass(frozen=True)
class JobSession:
    """A job session as it is shown. `parent` is the session of the whole agent run, for one of its machines."""

    id: str
    job: SimulatedJob
    job_id: str
    job_name: str
    job_type: str
    name: str
    created: float
    ended: float | None
    state: str
    result: str
    progress: int
    is_retry: bool
    failure: str | None
    parent: str | None = None


@dataclass(frozen=True)
class TaskSession:
    """A task session as it is shown. `run_id` is the session of the whole run, `session_id` the one it belongs to."""

    id: str
    job: SimulatedJob
    machine: str
    name: str
    created: float
    ended: float | None
    state: str
    result: str
    reason: str
    total_size: int
    run_id: str
    session_id: str
    child_id: str
    session_name: str
    job_id: str
    job_name: str


@dataclass(frozen=True)
class RunView:
    """One run as it is shown: the session first, then its machines' sessions, and the task sessions.

    rows: what queries keep of it, so that each ended run is evaluated only once.
    """

    sessions: tuple[JobSession, ...]
    task_sessions: tuple[TaskSession, ...]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict, compare=False, repr=False)


def view_run(job: SimulatedJob, run: Run, lens: Lens) -> RunView:
    """The current view of a visible run."""
    shown = [machine for machine in run.machines if machine.start + run.children_delay <= lens.now]
    if job.spec.workers:
        workers = [_machine_session(job, run, machine, lens) for machine in shown]
        pairs = zip(shown, workers, strict=True)
        return RunView(tuple(workers), tuple(_task_session(job, run, one, worker, None, lens) for one, worker in pairs))
    parent = _run_session(job, run, lens)
    children = {one.session_id: _machine_session(job, run, one, lens) for one in shown} if job.is_agent else {}
    known = [one for one in shown if one.has_task_session]
    tasks = tuple(_task_session(job, run, one, parent, children.get(one.session_id), lens) for one in known)
    return RunView((parent, *children.values()), tasks)


def _run_session(job: SimulatedJob, run: Run, lens: Lens) -> JobSession:
    state, ended = run.state(lens.now), run.ended(lens.now)
    over, skew = ended is not None, lens.skew + run.skew
    created = settle(run.start + skew, run.id)
    failed = [machine.name for machine in run.machines if machine.result == "Failed"]
    return JobSession(
        id=run.id,
        job=job,
        job_id=job.id,
        job_name=run.job_name,
        job_type=job.session_type,
        name=f"{run.job_name}@{label(created, lens.names_with_fraction)}",
        created=created,
        ended=None if ended is None else settle(ended + skew, "end" + run.id),
        state=_state(state, lens),
        result=_result(run, ended, lens),
        progress=run.progress(lens.now),
        is_retry=run.is_retry,
        failure=f"{len(failed)} of {len(run.machines)} objects failed." if over and failed else None,
    )


def _machine_session(job: SimulatedJob, run: Run, machine: MachineRun, lens: Lens) -> JobSession:
    over = lens.now >= machine.end
    created = settle(machine.start + lens.skew + run.skew, machine.session_id)
    # em_rest 7 and 15.17
    name = f"{run.job_name}\\{machine.name}" if job.spec.workers else f"{run.job_name} - {machine.name}"
    span = max(machine.end - machine.start, 0.001)
    return JobSession(
        id=machine.session_id,
        job=job,
        job_id=machine.job_id,
        job_name=name,
        job_type="ImmediateBackupCopyWorker" if job.spec.workers else "AgentManagement",
        name=f"{name}@{label(created, lens.names_with_fraction)}",
        created=created,
        ended=settle(machine.end + lens.skew + run.skew, "end" + machine.session_id) if over else None,
        state=_state("Stopped" if over else "Working", lens),
        result=machine.result if over else _early(lens.early_result == "all"),
        progress=100 if over else min(99, int(100 * (lens.now - machine.start) / span)),
        is_retry=run.is_retry,
        failure=machine.reason or None if over else None,
        parent=None if job.spec.workers else run.id,
    )


def _task_session(
    job: SimulatedJob, run: Run, machine: MachineRun, parent: JobSession, child: JobSession | None, lens: Lens
) -> TaskSession:
    over = lens.now >= machine.end
    created = settle(machine.start + lens.skew + run.skew, machine.task_session_id)
    pending = lens.now < machine.start + (machine.end - machine.start) / 10
    owner = child if child is not None and lens.task_sessions_of == "child" else parent
    return TaskSession(
        id=machine.task_session_id,
        job=job,
        machine=machine.full_name,
        name=f"{machine.full_name}@{label(created, lens.names_with_fraction)}",
        created=created,
        ended=settle(machine.end + lens.skew + run.skew, "end" + machine.task_session_id) if over else None,
        state="Completed" if over else "Pending" if pending else "InProgress",  # em_rest 12
        result=machine.result if over else _early(bool(lens.early_result)),
        reason=machine.reason if over else "",
        total_size=machine.total_size,
        run_id=run.id if job.is_agent else parent.id,
        session_id=owner.id,
        child_id=child.id if child else parent.id,
        session_name=owner.name,
        job_id=owner.job_id,
        job_name=owner.job_name,
    )


def _state(state: str, lens: Lens) -> str:
    odd = lens.unknown_state and (state != "Stopped" or lens.unknown_also_at_end)
    return lens.unknown_state if odd else state


def _result(run: Run, ended: float | None, lens: Lens) -> str:
    if ended is None:
        return _early(lens.early_result == "all")
    return run.result if lens.now >= ended + run.result_after else "None"


def _early(early: bool) -> str:
    # em_rest 12: Result may already read Success; otherwise None (third parties) while it runs
    return "Success" if early else "None"
