"""Workflows in progress: timed events, which are carried out when somebody reads the state."""

from __future__ import annotations

import heapq
import itertools
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from conductorsim.scenario import Attempt, Settings, Task, Workflow

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
# Control tasks of the server, which need no worker: they end when their content ends.
_HOLDERS = ("DO_WHILE", "SUB_WORKFLOW", "FORK_JOIN", "JOIN")


def identifier(*parts: object) -> str:
    """A UUID derived from what it identifies: the same scenario always gets the same UUIDs."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(str(part) for part in parts)))


class Conflict(Exception):
    """An action that the current state of a workflow does not allow."""


@dataclass
class Scope:
    """A sequence of stages in progress: a workflow, or the body of a loop."""

    stages: list[list[Task]]
    loop: TaskRun | None = None
    stage: int = -1
    iteration: int = 0  # of the loop


@dataclass
class TaskRun:
    """One attempt at a task. Moments are seconds since the epoch, 0 for not yet."""

    id: str
    definition: Task
    reference: str
    seq: int
    scheduled: float
    scope: Scope
    stage: int
    round: int = 0  # the iteration of the loop that it is in; for a loop, `iteration` is its own
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
    external_output: str = ""  # where the output is stored, if it is too long to be shown (conductor 1.2)
    polls: int = 0
    worker: str = ""
    callback: int = 0
    sub_workflow: str = ""

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL

    @property
    def is_gate(self) -> bool:
        """conductor 3.1: the server itself handles WAIT and HUMAN."""
        return self.definition.type in _GATES

    @property
    def script(self) -> Attempt:
        """What will happen to it."""
        scripts = self.definition.attempts or [Attempt(status="NEVER" if self.is_gate else "COMPLETED")]
        return scripts[min(self.retry_count, len(scripts) - 1)]


class Execution:
    """One execution of a workflow. The owner holds the lock and calls advance() before it reads the state.

    start_sub: starts another workflow and returns it. When that workflow ends, sub_ended() notifies this one.
    """

    def __init__(
        self,
        definition: Workflow,
        identity: str,
        now: float,
        settings: Settings,
        start_sub: Callable[[Workflow, str, float], Execution],
    ) -> None:
        self.definition = definition
        self.id = identity
        self.started = now
        self.settings = settings
        self.parent: tuple[Execution, TaskRun] | None = None
        self._start_sub = start_sub
        self._numbers = itertools.count()
        self._made = 0
        self._subs: dict[str, Execution] = {}
        self.begin(now)
        if definition.timeout:
            self._at(now + definition.timeout, self._time_out_all)
        if definition.terminate_after is not None:
            self._at(now + definition.terminate_after, self._terminate_as_planned)

    def begin(self, now: float) -> None:
        """Begin with the first task."""
        self.status = "RUNNING"
        self.reason = ""
        self.failed: list[str] = []
        self.ended = 0.0
        self.runs: list[TaskRun] = []
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._root = Scope(self.definition.tasks)
        self._next_stage(self._root, now)

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
        """conductor 5.2: the first open task of that name; failing that, one whose name has it up to its first "__"."""
        running = [run for run in self.runs if not run.terminal]
        exact = [run for run in running if run.reference == reference]
        loose = [run for run in running if run.reference.split("__", 1)[0] == reference]
        return next(iter(exact + loose), None)

    # What workers and operators do

    def update(self, run: TaskRun, now: float, status: str, output: dict[str, Any], reason: str, **more: Any) -> bool:
        """conductor 5.1: take a worker's report; False if it is dropped because the task or the workflow has ended."""
        if run.terminal or self.terminal:
            return False
        limit, size = self.settings.refuse_above, len(json.dumps(output))
        if limit and size > limit:
            run.reason = (
                f"The payload size: {size} of task: {run.id} in workflow: {self.id}  "
                f"is greater than the permissible limit: {limit} bytes"
            )
            self._end(run, "FAILED_WITH_TERMINAL_ERROR", now)
            return True
        self._put_output(run, output)
        run.reason = reason[:500]
        if status == "IN_PROGRESS" or not run.updated:
            run.updated = now  # conductor 1.2: not refreshed by the end
        run.worker = more.get("worker") or ""
        run.callback = more.get("callback") or 0
        if status == "IN_PROGRESS":
            run.status = "IN_PROGRESS" if run.is_gate else "SCHEDULED"
        else:
            self._end(run, status, now)
        return True

    def poll(self, run: TaskRun, now: float, worker: str) -> None:
        """conductor 1: polling hands the task to the caller."""
        run.status, run.worker, run.polls, run.updated = "IN_PROGRESS", worker, run.polls + 1, now
        run.started = run.started or now
        timeout = run.definition.response_timeout
        if timeout:
            self._at(now + timeout, lambda moment: self._time_out(run, moment))

    def terminate(self, now: float, reason: str, status: str = "TERMINATED") -> None:
        """End the workflow; what is still running is canceled, without a reason of its own (conductor 3.2)."""
        if self.terminal:
            return
        self.status, self.reason, self.ended = status, reason, now
        for run in self.runs:
            if not run.terminal:
                run.status, run.ended = "CANCELED", now
                if run.id in self._subs:
                    self._subs[run.id].terminate(now, f"Parent workflow has been terminated with reason: {reason}")
        if self.parent:
            self.parent[0].sub_ended(self.parent[1], self, now)

    def pause(self, paused: bool, now: float) -> None:
        """Pause: tasks that end in the meantime are recorded, and the tasks after them wait."""
        if self.terminal:
            raise Conflict("the workflow has ended")
        self.status = "PAUSED" if paused else "RUNNING"
        if not paused:
            for run in self.runs:
                if run.terminal and not run.executed and not run.retried and run.seq:
                    self._decide(run, now)

    def skip(self, reference: str, now: float) -> None:
        """conductor 3: a bare record of a task that will never run."""
        skipped = Task(reference, type=reference)
        run = TaskRun(self._new_id(), skipped, reference, 0, now, self._root, -1, status="SKIPPED", ended=now)
        self.runs.insert(0, run)

    def retry(self, now: float) -> None:
        """conductor 4, point 6: tasks that failed or were canceled get another attempt, without the reason."""
        last = [run for run in self.runs if not TERMINAL.get(run.status, True) and not run.retried]
        self.status, self.reason, self.ended = "RUNNING", "", 0.0
        for run in last:
            if run.definition.type in ("DO_WHILE", "JOIN"):
                run.status, run.ended = "IN_PROGRESS", 0  # under the same id
                continue
            run.retried = run.executed = True
            self._schedule(run.definition, now, run.scope, run.stage, previous=run, by_hand=True)

    def rerun(self, task_id: str, now: float) -> None:
        """conductor 4, point 6: run the same task again, under its id; forget the tasks after it."""
        self._demand_end("rerun")
        run = self.find(task_id)
        if run is None:
            raise Conflict(f"there is no task {task_id}")
        self.status, self.reason, self.ended, self.failed = "RUNNING", "", 0.0, []
        self.runs = [each for each in self.runs if each.seq <= run.seq]
        run.status, run.ended, run.started, run.reason, run.executed = "SCHEDULED", 0, 0, "", False
        run.output, run.external_output, run.worker, run.polls = {}, "", "", 0
        run.scope.stage = run.stage
        self._await_start(run, now, 0)

    def restart(self, now: float) -> None:
        """conductor 4, point 6: all ids become unknown."""
        self._demand_end("restart")
        self.begin(now)

    def sub_ended(self, run: TaskRun, other: Execution, now: float) -> None:
        """A workflow that one of the tasks started has ended."""
        if run.terminal or self.terminal:
            return
        run.updated = now
        if other.status == "COMPLETED":
            self._end(run, "COMPLETED", now)
        else:
            name = f"{other.definition.name}.1/{other.id}"
            run.reason = f"Sub workflow {name} failure reason: {other.reason}"[:500]
            self._end(run, "FAILED", now)

    # Consequences

    def _demand_end(self, verb: str) -> None:
        if not self.terminal:
            name = f"{self.definition.name}.1/{self.id}.{self.status}"
            raise Conflict(f"Workflow: {name} is not in terminal state, unable to {verb}.")

    def _new_id(self) -> str:
        self._made += 1
        return identifier(self.id, self._made - 1)

    def _put_output(self, run: TaskRun, output: dict[str, Any]) -> None:
        """conductor 1.2: an output that is too long goes to external storage, and later output is merged into it."""
        if run.external_output:
            output = {**run.output, **output}
        limit = self.settings.external_above
        if run.external_output or (limit and len(json.dumps(output)) > limit):
            run.external_output = f"{identifier(run.id, next(self._numbers))}.json"
        run.output = output

    def _at(self, moment: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), action))

    def _terminate_as_planned(self, now: float) -> None:
        self.terminate(now, self.definition.terminate_reason)

    def _time_out_all(self, now: float) -> None:
        """The server notices a timeout when it sweeps, and then says how late it is."""
        seconds = int(self.definition.timeout)
        configured = f"Timeout configured as {seconds} seconds. Timeout policy configured to TIME_OUT_WF"
        self.terminate(now, f"Workflow timed out after {seconds} seconds. {configured}", "TIMED_OUT")

    def _next_stage(self, scope: Scope, now: float) -> None:
        scope.stage += 1
        if scope.stage == len(scope.stages):
            self._scope_ended(scope, now)
            return
        stage = scope.stages[scope.stage]
        if all(self._skipped(task) for task in stage):
            self._next_stage(scope, now)
            return
        if len(stage) > 1:
            self._hold("FORK_JOIN", f"fork_{scope.stage + 1}", now, scope, "COMPLETED")
        for task in stage:
            if not self._skipped(task):
                self._schedule(task, now, scope, scope.stage)
        if len(stage) > 1:
            self._hold("JOIN", f"join_{scope.stage + 1}", now, scope, "IN_PROGRESS")

    def _skipped(self, task: Task) -> bool:
        return any(run.status == "SKIPPED" and run.reference == task.reference for run in self.runs)

    def _scope_ended(self, scope: Scope, now: float) -> None:
        loop = scope.loop
        if loop is None:
            self.terminate(now, "", "COMPLETED")
        elif scope.iteration < loop.definition.iterations:
            scope.iteration += 1
            loop.iteration, scope.stage = scope.iteration, -1
            self._next_stage(scope, now)
        else:
            self._end(loop, "COMPLETED", now)

    def _hold(self, kind: str, reference: str, now: float, scope: Scope, status: str) -> None:
        run = self._new_run(Task(reference, type=kind), now, scope, scope.stage)
        run.status, run.started, run.executed = status, now, status == "COMPLETED"
        run.ended = now if run.executed else 0

    def _new_run(self, task: Task, now: float, scope: Scope, stage: int) -> TaskRun:
        reference = f"{task.reference}__{scope.iteration}" if scope.iteration else task.reference
        seq = max((run.seq for run in self.runs), default=0) + 1
        run = TaskRun(self._new_id(), task, reference, seq, now, scope, stage, scope.iteration, scope.iteration)
        self.runs.append(run)
        return run

    def _schedule(
        self, task: Task, now: float, scope: Scope, stage: int, previous: TaskRun | None = None, by_hand: bool = False
    ) -> None:
        run = self._new_run(task, now, scope, stage)
        delay = 0.0
        if previous:
            # conductor 4, point 1, and 3.2: some servers keep the reason of the previous attempt
            run.retry_count, run.retried_id = previous.retry_count + 1, previous.id
            run.reference, run.round, run.iteration = previous.reference, previous.round, previous.iteration
            if not by_hand:
                run.reason = previous.reason if self.settings.retry_keeps_reason else ""
                delay = task.retry_delay
        self._await_start(run, now, delay)

    def _await_start(self, run: TaskRun, now: float, delay: float) -> None:
        task = run.definition
        if task.type == "DO_WHILE":
            run.status, run.started, run.iteration = "IN_PROGRESS", now, 1
            # Counted from 1 in each round of a loop around it: names repeat (conductor 4, point 7).
            self._next_stage(Scope(task.tasks, run, iteration=1), now)
            return
        if task.type == "SUB_WORKFLOW":
            run.status, run.started = "IN_PROGRESS", now
            other = self._start_sub(Workflow(task.name or task.reference, tasks=task.tasks), run.id, now)
            run.sub_workflow, other.parent, self._subs[run.id] = other.id, (self, run), other
            run.output = {"subWorkflowId": other.id}
            if other.terminal:
                self.sub_ended(run, other, now)
            return
        if task.type == "WAIT":
            run.callback = FOR_EVER
        delay += run.script.starts_after
        if run.is_gate and not delay:
            self._start(run, now)
        else:
            self._at(now + delay, lambda moment: self._start(run, moment))

    def _start(self, run: TaskRun, now: float) -> None:
        if run.terminal:
            return
        run.status, run.started = "IN_PROGRESS", now
        if not run.is_gate:
            run.polls, run.worker = run.polls + 1, "worker-1"
        if run.script.status != "NEVER":
            self._at(now + run.script.after, lambda moment: self._play(run, moment))

    def _play(self, run: TaskRun, now: float) -> None:
        script = run.script
        # A worker's output replaces the existing output; the server itself has none to store.
        output = {**run.output, **script.output} if run.is_gate else dict(script.output)
        self.update(run, now, script.status, output, script.reason, worker=run.worker)

    def _time_out(self, run: TaskRun, now: float) -> None:
        if run.terminal or self.terminal or now - run.updated < run.definition.response_timeout:
            return
        name = run.definition.name or run.definition.reference
        seconds = int(run.definition.response_timeout)
        run.reason = f"responseTimeout: {seconds} exceeded for the taskId: {run.id} with Task Definition: {name}"
        self._end(run, "TIMED_OUT", now)

    def _end(self, run: TaskRun, status: str, now: float) -> None:
        run.status, run.ended = status, now
        if self.status == "PAUSED":
            return
        if TERMINAL[status] or not self.settings.decide_lag:
            self._decide(run, now)
        else:
            self._at(now + self.settings.decide_lag, lambda moment: self._decide(run, moment))

    def _decide(self, run: TaskRun, now: float) -> None:
        """conductor 4, points 4 and 5: the next tasks, another attempt, or the end."""
        if self.terminal:
            return
        task = run.definition
        if not TERMINAL[run.status]:
            retriable = run.status in ("FAILED", "TIMED_OUT") and task.retries is not None
            if retriable and run.retry_count < (task.retries or 0):
                run.retried = True
                self._schedule(task, now, run.scope, run.stage, previous=run)
                return
            if not task.optional:
                self._fail(run, now)
                return
            run.status = "COMPLETED_WITH_ERRORS"
        run.executed = True
        place = (run.stage, run.round)
        peers = [each for each in self.runs if each.scope is run.scope and (each.stage, each.round) == place]
        if run.definition.type != "JOIN" and all(_passed(each) for each in peers if each.definition.type != "JOIN"):
            for join in (each for each in peers if each.definition.type == "JOIN"):
                join.status, join.ended, join.executed = "COMPLETED", now, True
            if run.scope.stage == run.stage:
                self._next_stage(run.scope, now)

    def _fail(self, run: TaskRun, now: float) -> None:
        self.failed.append(run.reference)
        end = WORKFLOW_END.get(run.status, "FAILED")
        reason = f"Task {run.id} failed with status: {end} and reason: '{run.reason or None}'"
        self.terminate(now, reason.replace("'None'", "'null'"), end)


def _passed(run: TaskRun) -> bool:
    return run.retried or run.terminal


def open_first(executions: Iterable[Execution], name: str) -> tuple[Execution, TaskRun] | None:
    """The first task of that definition that waits for a worker."""
    for execution in executions:
        for run in execution.runs:
            mine = (run.definition.name or run.definition.reference) == name
            worker = not run.is_gate and run.definition.type not in _HOLDERS
            if mine and worker and run.status == "SCHEDULED" and not execution.terminal:
                return execution, run
    return None
