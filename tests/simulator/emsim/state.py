"""The state of the simulated Enterprise Manager: computed from the clock, no threads, no HTTP."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emsim.ids import guid
from emsim.jobs import AGENT, NAS, VM, Family, SimulatedJob
from emsim.runs import Run
from emsim.scenario import DAY, NEVER, BackupServer, BadScenario, Job, Scenario, Schedule, build
from emsim.views import JobSession, Lens, RunView, TaskSession


@dataclass
class Outcome:
    """The outcome of an action. `rejected` says how it was refused: see scenario.ON_REFUSAL."""

    message: str
    run: Run | None = None
    rejected: str = ""


class State:
    """Backup servers with their jobs and sessions. `clock` gives seconds since the epoch."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float], speed: float = 1.0) -> None:
        self.scenario = scenario
        self.clock = clock
        self.speed = speed
        self.counts: dict[str, Counter[str]] = {}
        begin = clock()
        self.begin = begin
        self.down_until = begin
        self.servers = list(scenario.backup_servers)
        # The results of queries: the request, all rows at that time, and the selected rows.
        self.selections: dict[tuple[str, ...], tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
        self._collections: dict[str, list[float]] = {}
        self.jobs: list[SimulatedJob] = []
        for family, specs in ((AGENT, scenario.agent_jobs), (VM, scenario.vm_jobs), (NAS, scenario.nas_jobs)):
            for spec in specs:
                self._add(family, spec)

    # ---- finding ----

    def server_id(self, name: str) -> str:
        """The id of a backup server."""
        server = next(server for server in self.servers if server.name == name)
        return server.id or guid("server", name)

    def family(self, family: Family) -> list[SimulatedJob]:
        """The jobs of one family."""
        return [job for job in self.jobs if job.family is family]

    def job(self, family: Family, identifier: str) -> SimulatedJob | None:
        """One job by its id."""
        return next((job for job in self.family(family) if job.id == identifier.lower()), None)

    def views(self, lens: Lens, jobs: list[SimulatedJob] | None = None) -> Iterator[RunView]:
        """All runs that are shown. em_rest 7: those of the last 30 days."""
        oldest = lens.now - self.scenario.settings.history_days * DAY
        for job in self.jobs if jobs is None else jobs:
            collected = [moment for moment in self._collections.get(job.server_id, []) if moment <= lens.now]
            yield from job.views(lens, oldest, collected)

    def sessions(self, lens: Lens, jobs: list[SimulatedJob] | None = None) -> list[JobSession]:
        """All job sessions that are shown, newest first."""
        found = [session for view in self.views(lens, jobs) for session in view.sessions]
        return sorted(found, key=lambda session: (-session.created, session.id))

    def task_sessions(self, lens: Lens, jobs: list[SimulatedJob] | None = None) -> list[TaskSession]:
        """All task sessions that are shown, newest first."""
        found = [session for view in self.views(lens, jobs) for session in view.task_sessions]
        return sorted(found, key=lambda session: (-session.created, session.id))

    # ---- acting ----

    def start(self, job: SimulatedJob) -> Outcome:
        """Start a run, or sync a backup copy."""
        now = self.clock()
        if job.spec.refuse_start:
            return Outcome(job.spec.refuse_start, rejected="task_failed")
        if job.current(now):
            # em_rest 16: the answer of a real server is unknown, so it is a setting
            rejected = self.scenario.settings.start_on_running
            return Outcome(f'Job "{job.name}" is already running.', rejected=rejected)
        self._count("starts", job)
        return Outcome(f'Job "{job.name}" triggered to start.', job.run(now))

    def stop(self, job: SimulatedJob) -> Outcome:
        """Stop the run in progress."""
        now = self.clock()
        run = job.current(now) or job.idle(now)
        if run is None:
            return Outcome(f'Job "{job.name}" is not running.', rejected=self.scenario.settings.stop_on_idle)
        if run.stopping_from is None:
            self._count("stops", job)
            run.stop(now)
        return Outcome(f'Job "{job.name}" triggered to stop.', run)

    def retry(self, job: SimulatedJob) -> Outcome:
        """em_rest 15.11: works only on a job that ended Failed."""
        now = self.clock()
        if job.current(now) or not job.last_failed(now):
            rejected = self.scenario.settings.retry_on_success
            return Outcome(f'Job "{job.name}" has nothing to retry.', rejected=rejected)
        if not job.spec.retryable:
            return Outcome(f'Job "{job.name}" cannot be retried.', rejected="task_failed")
        self._count("retries", job)
        return Outcome(f'Job "{job.name}" triggered to retry.', job.run(now, retry=True))

    def toggle(self, job: SimulatedJob) -> Outcome:
        """Flip the schedule."""
        if not job.spec.schedule.configured:
            return Outcome(f'Schedule is not configured for job "{job.name}".', rejected="task_failed")
        if job.spec.refuse_toggle:
            return Outcome(job.spec.refuse_toggle, rejected="task_failed")
        self._count("toggles", job)
        job.toggle(self.clock())
        return Outcome("Ok")

    def collect(self, server_id: str) -> None:
        """em_rest 15.16: collecting makes new sessions visible early."""
        done = self.clock() + self.scenario.settings.collect_takes
        self._collections.setdefault(server_id, []).append(done)

    def hide_session(self, run: Run) -> None:
        """The run continues, but its session never appears."""
        run.visible_at = NEVER

    def duplicate(self, name: str) -> None:
        """Put every job with this name, or every job, on a second backup server as well."""
        if len(self.servers) == 1:
            self.servers.append(BackupServer("second.example.invalid"))
        known = {(job.family.name, job.name, job.spec.backup_server) for job in self.jobs}
        for job in list(self.jobs):
            other = next(server.name for server in self.servers if server.name != job.spec.backup_server)
            if name in (job.name, "") and (job.family.name, job.name, other) not in known:
                spec = dataclasses.replace(job.spec, backup_server=other, id="", history=[], running=False)
                self._add(job.family, spec)

    def change(self, name: str, changes: Mapping[str, Any]) -> SimulatedJob:
        """Change keys of a job of the scenario. They apply from its next run on, schedule and name immediately."""
        job = next((job for job in self.jobs if name in (job.name, job.id)), None)
        if job is None:
            raise BadScenario(f"there is no job {name!r}")
        fixed = {"id", "backup_server", "history", "running", "type"} & set(changes)
        if fixed:
            raise BadScenario(f"key {sorted(fixed)[0]!r} of a job cannot be changed while the simulator runs")
        given = dict(changes)
        if "schedule" in given:
            schedule = {**dataclasses.asdict(job.spec.schedule), **given["schedule"]}
            given["schedule"] = schedule
        draft = build(Job, {"name": job.name, **given}, f"job {name}")
        for key in given:
            setattr(job.spec, key, getattr(draft, key))
        job.name = job.spec.name
        if "schedule" in given:
            job.set_schedule(self.clock(), job.spec.schedule.enabled)
        return job

    def describe(self, job: SimulatedJob) -> dict[str, Any]:
        """A job for tests: its true state on the backup server, whatever Enterprise Manager shows."""
        now = self.clock()
        schedule: Schedule = job.spec.schedule
        return {
            "name": job.name,
            "id": job.id,
            "kind": job.family.name,
            "backup_server": job.spec.backup_server,
            "schedule_configured": schedule.configured,
            "schedule_enabled": job.schedule_enabled,
            "running": job.current(now) is not None,
            "runs": [
                {
                    "id": run.id,
                    "start": run.start,
                    "end": run.end,
                    "state": run.state(now),
                    "result": run.result,
                    "is_retry": run.is_retry,
                }
                for run in job.runs
            ],
        }

    def _add(self, family: Family, spec: Job) -> None:
        server = next(server for server in self.servers if server.name == spec.backup_server)
        self.jobs.append(
            SimulatedJob(family, spec, self.server_id(server.name), self.begin, self.speed, server.clock_skew)
        )

    def _count(self, what: str, job: SimulatedJob) -> None:
        self.counts.setdefault(what, Counter())[job.name] += 1
