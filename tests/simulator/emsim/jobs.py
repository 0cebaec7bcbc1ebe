"""Jobs on the simulated backup servers, and what start, stop, retry and toggle do to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emsim.ids import guid
from emsim.runs import Run, machine_run
from emsim.scenario import NEVER, Job, Machine, Past
from emsim.timestamps import settle
from emsim.views import Lens, RunView, view_run


@dataclass(frozen=True)
class Family:
    """One of the three families of jobs, and the names of its resources."""

    name: str
    path: str
    uid: str
    element: str
    reference: str
    plural: str
    tasks: dict[str, str]  # operation names of em_rest 4


AGENT = Family(
    "agent",
    "agents/jobs",
    "AgentBackupJob",
    "AgentBackupJob",
    "AgentBackupJobReference",
    "AgentBackupJobs",
    {"start": "StartJob", "stop": "StopAgentJob", "retry": "RetryAgentJob", "toggle": "UpdateJob"},
)
VM = Family(
    "vm",
    "jobs",
    "Job",
    "Job",
    "JobReference",
    "Jobs",
    {"start": "StartJob", "stop": "StopJob", "retry": "RetryJob", "toggle": "UpdateJob", "sync": "StartJobSync"},
)
NAS = Family(
    "nas",
    "nas/jobs",
    "NasJob",
    "NASJob",
    "NasJobReference",
    "NASJobs",
    {"start": "StartNasJob", "stop": "StopNasJob", "retry": "RetryNasJob", "toggle": "UpdateJob"},
)
COPY_TYPES = ("BackupCopy", "ImmediateBackupCopy")


class SimulatedJob:
    """A job with its runs. Moments are seconds since the epoch; durations of the scenario are divided by `speed`."""

    def __init__(self, family: Family, spec: Job, server_id: str, begin: float, speed: float, skew: float = 0) -> None:
        self.family = family
        self.spec = spec
        self.name = spec.name
        self.id = spec.id or guid(family.name, spec.backup_server, spec.name)
        self.server_id = server_id
        self._begin = begin
        self._skew = skew
        self._speed = speed
        self.runs: list[Run] = []
        self._settled: dict[str, tuple[tuple[object, ...], float, RunView]] = {}
        self.schedule_enabled = spec.schedule.enabled
        self._schedule_shows: list[tuple[float, bool]] = [(begin, spec.schedule.enabled)]
        for past in spec.history:
            for number in range(past.repeat):
                self._remember(past, begin - past.ended_ago - number * past.every)
        self.runs.sort(key=lambda run: run.start)
        if spec.stays_idle and self.runs:
            self.runs[-1].stays_idle = True
        if spec.running:
            self.run(begin - 1, shows_at=begin - 1)

    @property
    def is_agent(self) -> bool:
        """Whether its runs have a session for each machine."""
        return self.family is AGENT

    @property
    def is_copy(self) -> bool:
        """Whether it is started by sync."""
        return self.family is VM and self.spec.type in COPY_TYPES

    @property
    def job_type(self) -> str:
        """Value of JobType."""
        return {"agent": "AgentBackup", "nas": "NasBackup"}.get(self.family.name, self.spec.type)

    session_type = job_type

    @property
    def platform(self) -> str:
        """Value of Platform."""
        return self.spec.platform or ("AgentForLinux" if self.is_agent else "VMware")

    def current(self, now: float) -> Run | None:
        """The run in progress, whether Enterprise Manager shows it yet or not."""
        return next((run for run in reversed(self.runs) if run.running(now)), None)

    def idle(self, now: float) -> Run | None:
        """The run of a copy job that waits for the next interval."""
        last = self.runs[-1] if self.runs else None
        return last if last and last.state(now) == "Idle" else None

    def last_failed(self, now: float) -> bool:
        """Whether the latest run ended Failed (em_rest 5: what retry asks for)."""
        ended = [run for run in self.runs if run.end <= now]
        return bool(ended) and ended[-1].result == "Failed"

    def run(self, now: float, shows_at: float | None = None, retry: bool = False) -> Run:
        """Start a run; its session shows after `start_delay`, or at `shows_at`."""
        waiting = self.idle(now)
        if waiting:
            waiting.closed_at = now
        delay = 0.0 if self.spec.start_delay == NEVER else self.spec.start_delay / self._speed
        first = now + delay if shows_at is None else shows_at
        failed = {one.name for one in self.runs[-1].machines if one.result == "Failed"} if retry else set()
        machines = [one for one in self.spec.machines if not retry or one.name in failed] or self.spec.machines
        run = Run(
            id=guid("session", self.id, len(self.runs), now),
            job_id=self.id,
            start=now,
            visible_at=NEVER if self.spec.start_delay == NEVER and shows_at is None else first + self._hidden(),
            is_retry=retry,
            chosen_result="" if retry else self.spec.run_result,
            children_delay=self.spec.children_delay / self._speed,
            stop_takes=self.spec.stop_takes / self._speed,
            job_name=self.name,
            skew=self._skew,
            stays_idle=self.spec.stays_idle,
            result_after=self.spec.result_after / self._speed,
        )
        for machine in machines or [Machine(self.name)]:
            begin = first + machine.appears_after / self._speed
            result = machine.retry_result if retry else machine.result
            outcome = (result, machine.reason, machine.total_size)
            end = begin + machine.duration / self._speed
            run.machines.append(machine_run(run, machine, begin, end, outcome))
        self.runs.append(run)
        if self.spec.started_again:
            self._start_again(run)
        return run

    def _hidden(self) -> float:
        return self.spec.hidden_for / self._speed

    def _start_again(self, first: Run) -> None:
        """Somebody else's run, begun when ours has just ended; Enterprise Manager collects both together."""
        start = first.end + 1 / self._speed
        run = Run(
            id=guid("session", self.id, len(self.runs), start),
            job_id=self.id,
            start=start,
            visible_at=max(start, first.visible_at),
            job_name=self.name,
            skew=self._skew,
        )
        for machine in self.spec.started_again:
            outcome = (machine.result, machine.reason, machine.total_size)
            end = start + machine.duration / self._speed
            run.machines.append(machine_run(run, machine, start, end, outcome))
        self.runs.append(run)

    def toggle(self, now: float) -> None:
        """Flip the schedule; the change shows when the task has finished, or later (em_rest 15.10)."""
        self.schedule_enabled = not self.schedule_enabled
        delay = self.spec.task_running_for + self.spec.task_operation_finished_for + self.spec.toggle_delay
        self._schedule_shows.append((now + delay / self._speed, self.schedule_enabled))

    def set_schedule(self, now: float, enabled: bool) -> None:
        """Set the schedule from outside, visible at once."""
        self.schedule_enabled = enabled
        self._schedule_shows = [(now, enabled)]

    def shown_schedule(self, now: float) -> bool:
        """What Enterprise Manager shows as ScheduleEnabled."""
        return [value for moment, value in self._schedule_shows if moment <= now][-1]

    def next_run(self, now: float) -> float | None:
        """The next run of the schedule; None without one."""
        if not self.spec.schedule.configured or not self.shown_schedule(now):
            return None
        return settle(self._begin + self.spec.schedule.next_run, "next" + self.id)

    def views(self, lens: Lens, oldest: float, collected: list[float]) -> Iterator[RunView]:
        """The runs as Enterprise Manager shows them. `collected`: when it collected data from the server."""
        key = lens.settled_key()
        for run in self.runs:
            if run.start < oldest:
                continue
            kept = self._settled.get(run.id)
            if kept and kept[0] == key and kept[1] <= lens.now and run.visible_at != NEVER:
                yield kept[2]
                continue
            early = [moment for moment in collected if run.start <= moment] if run.visible_at != NEVER else []
            if lens.now < min([run.visible_at, *early]):
                continue
            view = view_run(self, run, lens)
            if run.end + max(run.children_delay, run.result_after) <= lens.now and run.ended(lens.now) is not None:
                self._settled[run.id] = (key, lens.now, view)
            yield view

    def _remember(self, past: Past, ended: float) -> None:
        start = ended - past.duration
        run = Run(
            id=guid("session", self.id, "past", past.ended_ago, self._begin - ended),
            job_id=self.id,
            start=start,
            visible_at=self._begin + past.appears_after / self._speed if past.appears_after else start,
            is_retry=past.retry,
            chosen_result=past.result,
            job_name=self.spec.old_name or self.name,
            skew=self._skew + past.dated_ahead,
        )
        for machine in past.machines or self.spec.machines or [Machine(self.name)]:
            result, reason = (machine.result, machine.reason) if past.machines else ("Success", "")
            outcome = (result, reason, machine.total_size)
            run.machines.append(machine_run(run, machine, start + past.duration / 20, ended, outcome))
        self.runs.append(run)
