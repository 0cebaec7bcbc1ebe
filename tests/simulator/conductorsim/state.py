"""The state of the simulated server."""

from __future__ import annotations

from collections import Counter

from conductorsim.execution import Execution, TaskRun, identifier
from conductorsim.scenario import Scenario, Workflow
from conductorsim.tokens import Tokens

PERSONALITIES = ("oss", "orkes")


class State:
    """Workflows, tokens and counts. The owner holds the lock and calls advance() first."""

    def __init__(self, scenario: Scenario, personality: str, now: float) -> None:
        settings = scenario.settings
        self.orkes = personality == "orkes"
        self.unknown_task = settings.unknown_task or ("400" if self.orkes else "404")
        self.tokens = Tokens(scenario.keys, settings.token_lifetime)
        self.counts: Counter[str] = Counter()
        self.by_task: dict[str, Counter[str]] = {"updates": Counter(), "update_requests": Counter()}
        self.executions: dict[str, Execution] = {}
        # conductor 1: Orkes' ids have a prefix, so they are not UUIDs
        self._prefix = "sim7" if self.orkes else ""
        self._settings = settings
        for workflow in scenario.workflows:
            self.start(workflow, str(len(self.executions)), now)

    def start(self, workflow: Workflow, seed: str, now: float) -> Execution:
        """Start a workflow. The same seed gives the same ids."""
        identity = workflow.id or self._prefix + identifier("workflow", seed, workflow.name)
        execution = Execution(workflow, identity, now, self._settings, self.start)
        self.executions[identity] = execution
        return execution

    def advance(self, now: float) -> None:
        """Bring everything up to date."""
        for execution in list(self.executions.values()):
            execution.advance(now)

    def execution(self, identity: str) -> Execution | None:
        """A workflow by its id."""
        return self.executions.get(identity)

    def find_task(self, task_id: str) -> tuple[Execution, TaskRun] | None:
        """An attempt, whichever workflow it belongs to."""
        for execution in self.executions.values():
            run = execution.find(task_id)
            if run:
                return execution, run
        return None

    def count(self, group: str, execution: Execution, run: TaskRun) -> None:
        """Count something that happened to a task."""
        self.by_task[group][f"{execution.definition.name}/{run.reference}"] += 1
