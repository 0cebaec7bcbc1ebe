"""One run of a job: what it looks like at any moment. Pure; moments are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

from emsim.ids import guid
from emsim.scenario import Machine

ORDER = ("Success", "Warning", "Failed")  # em_rest 10: the order of results
STOPPED_REASON = "Operation was cancelled by user."


@dataclass
class MachineRun:
    """The part of a run that deals with one machine."""

    name: str
    full_name: str
    has_task_session: bool
    start: float
    end: float
    result: str
    reason: str
    total_size: int
    session_id: str
    task_session_id: str
    job_id: str  # em_rest 7: a child session has a job id of its own


@dataclass
class Run:
    """A run. The session shows from `visible_at` on, its machines from their start plus `children_delay`."""

    id: str
    job_id: str
    start: float
    visible_at: float
    machines: list[MachineRun] = field(default_factory=list)
    is_retry: bool = False
    chosen_result: str = ""
    children_delay: float = 0
    stop_takes: float = 1
    stopping_from: float | None = None
    job_name: str = ""  # the job's name at the time
    skew: float = 0  # how many seconds its times are ahead of the true time
    stays_idle: bool = False  # open until it is closed, though nothing is left to do
    closed_at: float | None = None
    result_after: float = 0

    @property
    def end(self) -> float:
        """When the last machine is done."""
        return max([machine.end for machine in self.machines], default=self.start)

    @property
    def result(self) -> str:
        """The final result: the worst of the machines unless the scenario says otherwise."""
        if self.chosen_result and self.stopping_from is None:
            return self.chosen_result
        return max([machine.result for machine in self.machines], key=ORDER.index, default="Success")

    def running(self, now: float) -> bool:
        """Whether it is in progress on the backup server, visible or not."""
        return self.start <= now < self.end

    def ended(self, now: float) -> float | None:
        """When its session ended, None while it is open. em_rest 17.5: a copy job waits for the next interval."""
        if not self.stays_idle:
            return self.end if now >= self.end else None
        return self.closed_at if self.closed_at is not None and now >= self.closed_at else None

    def state(self, now: float) -> str:
        """em_rest 12: Starting, Working, Idle, Stopping, Stopped."""
        if self.ended(now) is not None:
            return "Stopped"
        if now >= self.end:
            return "Idle"
        if self.stopping_from is not None and now >= self.stopping_from:
            return "Stopping"
        return "Working" if any(machine.start <= now for machine in self.machines) else "Starting"

    def progress(self, now: float) -> int:
        """Percent; 100 only at the end."""
        if now >= self.end:
            return 100
        begin = min(machine.start for machine in self.machines)
        return min(99, max(0, int(100 * (now - begin) / (self.end - begin))))

    def stop(self, now: float) -> None:
        """Stop it: machines that are not done fail."""
        self.stopping_from = now
        if self.stays_idle and self.closed_at is None:
            self.closed_at = now + self.stop_takes
        for machine in self.machines:
            if machine.end > now:
                machine.start = min(machine.start, now)
                machine.end = now + self.stop_takes
                machine.result = "Failed"
                machine.reason = STOPPED_REASON


def machine_run(run: Run, machine: Machine, start: float, end: float, outcome: tuple[str, str, int]) -> MachineRun:
    """The part of one machine; `outcome` is result, reason and size in bytes."""
    result, reason, total_size = outcome
    name = machine.name
    # em_rest 17.2: machines may have the same name; the first keeps the ids that it has alone
    same = sum(other.name == name for other in run.machines)
    key = f"{name} {same}" if same else name
    return MachineRun(
        name,
        machine.full_name or name,
        machine.task_session,
        start,
        end,
        result,
        reason if result != "Success" else "",
        total_size,
        session_id=guid("child", run.id, key),
        task_session_id=guid("task session", run.id, key),
        job_id=guid("child job", run.job_id, key),
    )
