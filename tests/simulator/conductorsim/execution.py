"""Workflows as they go on: events at moments, carried out when somebody looks."""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conductorsim.scenario import Attempt, Task, Workflow

# conductor 3: the statuses, and which of the terminal ones are good
TERMINAL = {
    "COMPLETED": True,
    "COMPLETED_WITH_ERRORS": True,
    "SKIPPED": True,
    "FAILED": False,
    "TIMED_OUT": False,
    "FAILED_WITH_TERMINAL_ERROR": False,
    "CANCELED": False,
}
# conductor 4, point 5
WORKFLOW_END = {"CANCELED": "TERMINATED", "TIMED_OUT": "TIMED_OUT"}
FOR_EVER = 2_147_483_647
_SPACE = uuid.UUID("0f8e7f0e-3b1b-5c39-9a57-2f1f6f0e6b6d")
_GATES = ("WAIT", "HUMAN")


def identifier(*parts: object) -> str:
    """A UUID made from what the thing is: the same scenario always gets the same ones."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(str(part) for part in parts)))


@dataclass
class TaskRun:
    """One attempt at a task. Moments are seconds since the epoch, 0 for not yet."""

    id: str
    definition: Task
    reference: str
    seq: int
    scheduled: float
    iteration: int = 0
    retry_count: int = 0
    retried_id: str = ""
    status: str = "SCHEDULED"
    started: float = 0
    updated: float = 0
    ended: float = 0
    retried: bool = False
    executed: bool = False
    reason: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    polls: int = 0
    worker: str = ""
    callback: int = 0

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    @property
    def is_gate(self) -> bool:
        """conductor 3.1: WAIT and HUMAN are the server's own."""
        return self.definition.type in _GATES

    @property
    def script(self) -> Attempt:
        """What is to become of it."""
        scripts = self.definition.attempts or [Attempt(status="NEVER" if self.is_gate else "COMPLETED")]
        return scripts[min(self.retry_count, len(scripts) - 1)]


class Execution:
    """One execution of a workflow. The owner holds the lock and calls advance() before it looks."""

    def __init__(self, definition: Workflow, identity: str, now: float, decide_lag: float) -> None:
        self.definition = definition
        self.id = identity
        self.status = "RUNNING"
        self.reason = ""
        self.failed: list[str] = []
        self.started = now
        self.ended = 0.0
        self.runs: list[TaskRun] = []
        self._decide_lag = decide_lag
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._stage = -1
        self._next_stage(now)
        if definition.terminate_after is not None:
            self._at(now + definition.terminate_after, self._terminate_as_planned)

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status not in ("RUNNING", "PAUSED")

    def advance(self, now: float) -> None:
        """Carry out everything that is due."""
        while self._events and self._events[0][0] <= now:
            moment, _number, action = heapq.heappop(self._events)
            action(moment)

    def find(self, task_id: str) -> TaskRun | None:
        """An attempt by its id."""
        return next((run for run in self.runs if run.id == task_id), None)

    def pending(self, reference: str) -> TaskRun | None:
        """conductor 5.2: the first open task of that reference name, then without the suffix of an iteration."""
        running = [run for run in self.runs if not run.terminal]
        exact = [run for run in running if run.reference == reference]
        loose = [run for run in running if run.reference.split("__")[0] == reference]
        return next(iter(exact + loose), None)

    def update(self, run: TaskRun, now: float, status: str, output: dict[str, Any], reason: str, **more: Any) -> bool:
        """conductor 5.1: what a worker reports; False when it is dropped because the task or the workflow has ended."""
        if run.terminal or self.terminal:
            return False
        run.output, run.reason, run.updated = output, reason[:500], now
        run.worker = more.get("worker") or run.worker
        run.callback = more.get("callback") or 0
        if status == "IN_PROGRESS":
            run.status = "IN_PROGRESS" if run.is_gate else "SCHEDULED"
        else:
            self._end(run, status, now)
        return True

    def poll(self, run: TaskRun, now: float, worker: str) -> None:
        """conductor 1: polling hands the task to the caller."""
        run.status, run.worker, run.polls = "IN_PROGRESS", worker, run.polls + 1
        run.started = run.started or now

    def terminate(self, now: float, reason: str, status: str = "TERMINATED") -> None:
        """End the workflow; what still runs is canceled, without a reason of its own (conductor 3.2)."""
        if self.terminal:
            return
        self.status, self.reason, self.ended = status, reason, now
        for run in self.runs:
            if not run.terminal:
                run.status, run.ended = "CANCELED", now

    def _at(self, moment: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), action))

    def _terminate_as_planned(self, now: float) -> None:
        self.terminate(now, self.definition.terminate_reason)

    def _next_stage(self, now: float) -> None:
        self._stage += 1
        if self._stage == len(self.definition.tasks):
            self.terminate(now, "", "COMPLETED")
            return
        for task in self.definition.tasks[self._stage]:
            self._schedule(task, now, iteration=1 if task.iterations else 0)

    def _schedule(self, task: Task, now: float, iteration: int, previous: TaskRun | None = None) -> None:
        reference = f"{task.reference}__{iteration}" if iteration else task.reference
        run = TaskRun(
            identifier(self.id, len(self.runs)), task, reference, len(self.runs) + 1, now, iteration=iteration
        )
        self.runs.append(run)
        starts_after = run.script.starts_after
        if previous:
            # conductor 4, point 1, and 3.2: the reason of the attempt before is carried along
            run.retry_count, run.retried_id, run.reason = previous.retry_count + 1, previous.id, previous.reason
            starts_after += task.retry_delay
        if run.is_gate:
            run.callback = FOR_EVER
        if run.is_gate and not starts_after:
            self._start(run, now)
        else:
            self._at(now + starts_after, lambda moment: self._start(run, moment))

    def _start(self, run: TaskRun, now: float) -> None:
        if run.terminal:
            return
        run.status, run.started = "IN_PROGRESS", now
        if not run.is_gate:
            run.polls, run.worker = run.polls + 1, "worker-1"
        if run.script.status != "NEVER":
            self._at(now + run.script.after, lambda moment: self._play(run, moment))

    def _play(self, run: TaskRun, now: float) -> None:
        self.update(run, now, run.script.status, dict(run.script.output), run.script.reason)

    def _end(self, run: TaskRun, status: str, now: float) -> None:
        run.status, run.ended = status, now
        if TERMINAL[status] or not self._decide_lag:
            self._decide(run, now)
        else:
            self._at(now + self._decide_lag, lambda moment: self._decide(run, moment))

    def _decide(self, run: TaskRun, now: float) -> None:
        """conductor 4, points 4 and 5: the next tasks, another attempt, or the end."""
        if self.terminal:
            return
        task = run.definition
        if not TERMINAL[run.status]:
            retriable = run.status in ("FAILED", "TIMED_OUT") and task.retries is not None
            if retriable and run.retry_count < (task.retries or 0):
                run.retried = True
                self._schedule(task, now, run.iteration, previous=run)
                return
            if not task.optional:
                self.failed.append(run.reference)
                self.terminate(now, run.reason, WORKFLOW_END.get(run.status, "FAILED"))
                return
            run.status = "COMPLETED_WITH_ERRORS"
        run.executed = True
        if run.iteration < task.iterations:
            self._schedule(task, now, run.iteration + 1)
        elif all(each.terminal for each in self.runs if each.definition in self.definition.tasks[self._stage]):
            self._next_stage(now)
