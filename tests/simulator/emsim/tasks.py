"""Tasks: the triggers that actions leave behind in a logon session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Task:
    """One task. em_rest 12: Running, then perhaps OperationFinished, then Finished."""

    id: str
    operation: str
    created: float
    running_for: float
    operation_finished_for: float
    success: bool
    message: str
    related: str | None = None  # path of the job session that the finished task links to

    def state(self, now: float) -> str:
        """Its state at a moment."""
        age = now - self.created
        if age < self.running_for:
            return "Running"
        # a refused action has nothing to collect
        if self.success and age < self.running_for + self.operation_finished_for:
            return "OperationFinished"
        return "Finished"
