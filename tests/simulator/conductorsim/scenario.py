"""Scenarios: the workflows that are simulated. Every key, with its default, is a field of a class in this file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TYPES = ("SIMPLE", "WAIT", "HUMAN", "HTTP", "DO_WHILE", "SUB_WORKFLOW")
OUTCOMES = ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED", "NEVER")


class BadScenario(ValueError):
    """The scenario is invalid; the text says where and why."""


@dataclass
class Settings:
    """Behavior of the whole server. Times are seconds."""

    # conductor 1.1; by default 404 with personality oss, 400 with orkes. 204: OSS up to 3.21.19; null: 200 with null.
    unknown_task: str = ""
    token_lifetime: float = 36_000  # conductor 2.2
    expired_status: int = 401  # conductor 2.3: 403 occurs as well
    external_above: int = 0  # conductor 1.2: an output of more characters goes to external storage; 0: none does
    refuse_above: int = 0  # an output of more characters fails the task for good, as with real servers; 0: none does
    retry_keeps_reason: bool = (
        True  # conductor 3.2: servers up to 3.21 begin a retry without the reason of the last one
    )
    decide_lag: float = 0  # conductor 4, point 3: between the failure of a task and its retry or the workflow's end


@dataclass
class Key:
    """An access key of personality orkes. `may`: its application's permissions (conductor 2.2)."""

    id: str
    secret: str
    may: list[str] = field(default_factory=lambda: ["READ", "EXECUTE"])


@dataclass
class Attempt:
    """How one attempt at a task ends if nobody updates it. By default, gates (WAIT, HUMAN) never end."""

    status: str = "COMPLETED"
    after: float = 1  # seconds since it was started
    starts_after: float = 0  # seconds since it was scheduled; gates start at once (conductor 3.1)
    reason: str = ""
    output: dict[str, Any] = field(default_factory=dict)


@dataclass
class Task:
    """A task of a workflow's definition. The last of `attempts` holds for all later ones."""

    reference: str
    type: str = "SIMPLE"
    name: str = ""  # of the definition; by default the reference
    attempts: list[Attempt] = field(default_factory=list)
    retries: int | None = None  # None: no definition is registered, hence no retry (conductor 4, point 4)
    retry_delay: float = 1
    optional: bool = False
    response_timeout: float = 0  # seconds that a worker may keep silent after it has polled the task; 0: forever
    # For a DO_WHILE: the number of rounds (conductor 4, point 7). Any other task that has it gets a loop of its own.
    iterations: int = 0
    tasks: list[list[Task]] = field(default_factory=list)  # for a DO_WHILE or SUB_WORKFLOW: its content
    input: dict[str, Any] = field(default_factory=dict)


@dataclass
class Workflow:
    """An execution. Tasks follow each other; a list among them is a fork, whose tasks run side by side."""

    name: str
    id: str = ""
    tasks: list[list[Task]] = field(default_factory=list)
    timeout: float = 0  # seconds; 0: forever
    terminate_after: float | None = None  # seconds
    terminate_reason: str = ""


@dataclass
class Scenario:
    """The whole."""

    settings: Settings = field(default_factory=Settings)
    keys: list[Key] = field(
        default_factory=lambda: [
            Key("operator", "conductorsim"),
            Key("reader", "conductorsim", ["READ"]),
        ]
    )
    workflows: list[Workflow] = field(default_factory=list)


_LISTS = {"keys": Key, "workflows": Workflow, "attempts": Attempt}
_CHOICES = {"type": TYPES, "status": OUTCOMES, "unknown_task": ("", "204", "400", "404", "null")}


def load(source: Mapping[str, Any] | str | os.PathLike[str] | None) -> Scenario:
    """A scenario from a mapping, from a YAML file, or the smallest one. Raises BadScenario."""
    if source is not None and not isinstance(source, Mapping):
        try:
            source = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as problem:
            raise BadScenario(f"cannot read scenario {source}: {problem}") from None
    return _build(Scenario, source or {}, "scenario")


def _build(kind: type, given: Any, where: str) -> Any:
    if not isinstance(given, Mapping):
        raise BadScenario(f"{where}: expected a mapping, found {given!r}")
    known = {item.name for item in dataclasses.fields(kind)}
    for key in given:
        if key not in known:
            raise BadScenario(f"{where}: unknown key {key!r}; known: {', '.join(sorted(known))}")
    try:
        return kind(**{key: _value(key, value, f"{where}.{key}") for key, value in given.items()})
    except TypeError as problem:
        raise BadScenario(f"{where}: {problem}") from None


def workflow(source: Mapping[str, Any]) -> Workflow:
    """One more workflow. Raises BadScenario."""
    built: Workflow = _build(Workflow, source, "workflow")
    return built


def _task(given: Any, where: str) -> Task:
    task: Task = _build(Task, given, where)
    if bool(task.tasks) != (task.type in ("DO_WHILE", "SUB_WORKFLOW")):
        raise BadScenario(f"{where}: a DO_WHILE or SUB_WORKFLOW must have tasks, and no other task may")
    if task.type == "DO_WHILE":
        return dataclasses.replace(task, iterations=max(1, task.iterations))
    if task.iterations:
        inner = dataclasses.replace(task, iterations=0)
        return Task(f"{task.reference}_loop", "DO_WHILE", iterations=task.iterations, tasks=[[inner]])
    return task


def _value(key: str, value: Any, where: str) -> Any:
    if key in _CHOICES and str(value) not in _CHOICES[key]:
        raise BadScenario(f"{where}: must be one of {', '.join(map(repr, _CHOICES[key]))}, not {value!r}")
    if key == "unknown_task":
        return str(value)
    if key == "settings":
        return _build(Settings, value, where)
    if key == "tasks":
        forks = [item if isinstance(item, list) else [item] for item in value]
        return [[_task(item, f"{where}[{number}]") for item in fork] for number, fork in enumerate(forks)]
    if key in _LISTS:
        return [_build(_LISTS[key], item, f"{where}[{number}]") for number, item in enumerate(value)]
    return value
