"""Scenarios: the fleet that is simulated. Every key, with its default, is a field of a class in this file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

GIGABYTE = 1 << 30
NEVER = float("inf")
ROLES = ("portal_administrator", "portal_user", "restore_operator")
JOB_TYPES = ("Backup", "Replica", "BackupCopy", "ImmediateBackupCopy")
RESULTS = ("Success", "Warning", "Failed")
ON_REFUSAL = ("task_failed", "http_400", "http_409", "http_500")
DAY = 86400


class BadScenario(ValueError):
    """The scenario is invalid; the text says where and why."""


@dataclass
class Settings:
    """Behavior of the whole server. Times are real seconds; --speed does not change them."""

    logon_session_limit: int = 0  # logon sessions at once, 0 for no limit
    idle_timeout: float = 900
    clock_skew: float = 0  # seconds that the server's clock is ahead of the real one
    href_host: str = "em.internal.invalid"  # host in all Hrefs; "self": the one that the client used
    href_port: int = 9398  # port in all Hrefs, unless href_host is "self"
    early_result: bool | str = True  # task sessions read Success before they end; "all": job sessions too
    unknown_state: str = ""  # shown by job sessions instead of Working
    history_days: float = 30
    misspelt_replica_links: bool = False
    replica_task_sessions: str = "entities"  # what /replicaSessions/{ID}/replicaTaskSessions lists, or "references"
    page_size: int = 100
    job_uid_type: str = "Job"  # type word in the JobUid of agent sessions, or "AgentBackupJob"
    task_sessions_of: str = "child"  # whom JobSessionUid of an agent task session names, or "parent"
    unknown_job_status: int = 404
    start_on_running: str = "task_failed"
    stop_on_idle: str = "task_failed"
    retry_on_success: str = "task_failed"
    empty_lists: str = ""  # brackets, null or no_wrapper; empty: as in the API profile
    agent_query_wrapper: str = "AgentBackupJob"  # key around the result of an agent job query, or "AgentBackupJobs"
    collect_takes: float = 0.5  # seconds until a `collect` has made new sessions visible
    no_date: str = (
        ""  # how "no date" is written, such as 1753-01-01T00:00:00Z; ends also before (their creation), ahead
    )
    flags: str = ""  # booleans as text ("true"), capital ("True"), number (1) or digit ("1")
    numbers_as_text: bool = False
    failure_messages: bool = False  # whether sessions show FailureMessage, which is null in all recordings
    letter_case: str = ""  # State, JobType and Result in lower or upper case
    omit: list[str] = field(default_factory=list)  # fields, attributes and types of links that are left out
    unstable_order: bool = False  # rows of queries come in a different order at each request, sorted or not

    def plain_spelling(self) -> bool:
        """Whether answers are written as in the reference."""
        return not (self.no_date or self.flags or self.numbers_as_text or self.letter_case or self.omit)


@dataclass
class User:
    """Somebody who may log on, as DOMAIN\\name if there is a domain."""

    name: str
    password: str
    role: str = "portal_administrator"
    domain: str = ""


@dataclass
class BackupServer:
    """A backup server."""

    name: str
    id: str = ""
    description: str = ""
    version: str = "12.1.0.2131"
    clock_skew: float = 0  # seconds that its own clock, which dates its sessions, is ahead of Enterprise Manager's


@dataclass
class Schedule:
    """A job's schedule. `next_run`: seconds after the start of the simulator."""

    configured: bool = True
    enabled: bool = True
    next_run: float = 21600


@dataclass
class Machine:
    """What happens to one machine in a run. `count` makes several; then {n} in the name is their number."""

    name: str
    result: str = "Success"
    reason: str = ""
    duration: float = 10
    appears_after: float = 1  # seconds after the job session shows
    total_size: int = 50 * GIGABYTE
    retry_result: str = "Success"  # result in a run started by retry
    task_session: bool = True  # whether it gets one; a machine that is switched off does not
    full_name: str = ""  # what task sessions call it, such as web01.example.com; default: the name
    count: int = 1


@dataclass
class Past:
    """A past run, in real seconds. `repeat` and `every`: more such runs, each `every` seconds earlier."""

    ended_ago: float
    duration: float = 600
    result: str = ""  # default: the worst of the machines
    machines: list[Machine] = field(default_factory=list)  # default: the job's, all with Success
    retry: bool = False
    repeat: int = 1
    every: float = DAY
    appears_after: float = 0  # em_rest 15.16: collected this long after the simulator's start, divided by --speed
    dated_ahead: float = 0  # how many seconds its times are ahead of the true time


@dataclass
class Job:
    """A job of any kind. Times are seconds, divided by --speed."""

    name: str
    type: str = "Backup"  # of VM jobs: one of JOB_TYPES
    id: str = ""
    platform: str = ""
    description: str = ""
    backup_server: str = ""
    schedule: Schedule = field(default_factory=Schedule)
    includes: list[str] = field(default_factory=list)  # protection groups or computers; default: the machines
    containers: list[str] = field(default_factory=list)  # of VM jobs: folders that it includes instead of machines
    machines: list[Machine] = field(default_factory=list)
    start_delay: float = 1.5  # from the start to the moment that the session shows; "never"
    children_delay: float = 0  # how much later than they really begin the machines of an agent run show
    result_after: float = 0  # how long after its end a run still shows no result
    hidden_for: float = 0  # how long after it begins to work a run shows
    started_again: list[Machine] = field(default_factory=list)  # what somebody else's run does, 1 s after each of ours
    stays_idle: bool = False  # of copy jobs: the newest session is Idle when it is done, until the next sync or stop
    old_name: str = ""  # the job's name when the runs of its history were made
    task_running_for: float = 0.5
    task_operation_finished_for: float = 0.5
    toggle_delay: float = 0  # how long after its task has finished a toggle shows in the job
    stop_takes: float = 1
    related_link: bool | str = (
        False  # whether the start task links to the session; "agents": below /agents; "other": another job's
    )
    run_result: str = ""  # default: the worst of the machines
    history: list[Past] = field(default_factory=list)
    running: bool = False  # already running when the simulator starts
    refuse_start: str = ""  # message of the start task that fails
    refuse_toggle: str = ""  # message of the toggle task that fails
    retryable: bool = True
    workers: bool = False  # each machine is a source with a session of its own (em_rest 7: ImmediateBackupCopyWorker)
    file_share: str = r"\\files01\share"  # of NAS jobs


@dataclass
class ProtectionGroup:
    """A protection group."""

    name: str
    backup_server: str = ""
    id: str = ""
    rescan_schedule_enabled: bool = True
    computers: list[str] = field(default_factory=list)


@dataclass
class Computer:
    """A discovered computer. Machines of agent jobs need no entry unless they differ from these defaults."""

    name: str
    backup_server: str = ""
    id: str = ""
    host_status: str = "Online"
    agent_version: str = "6.1.2.134"
    agent_status: str = "Installed"
    os_version: str = "Linux (64-bit)"
    ip_address: str = ""


@dataclass
class RestorePoint:
    """A restore point in addition to those that runs create."""

    computer: str
    created_ago: float
    backup_server: str = ""
    algorithm: str = "Incremental"
    point_type: str = "Increment"


@dataclass
class Repository:
    """A repository; sizes in bytes."""

    name: str
    backup_server: str = ""
    id: str = ""
    capacity: int = 4096 * GIGABYTE
    free_space: int = 1024 * GIGABYTE
    kind: str = "WinLocal"


@dataclass
class Scenario:
    """The whole scenario. `defaults` are default values for the keys of all jobs."""

    settings: Settings = field(default_factory=Settings)
    users: list[User] = field(
        default_factory=lambda: [
            User("administrator", "emsim"),
            User("viewer", "emsim", "portal_user"),
            User("restorer", "emsim", "restore_operator"),
        ]
    )
    backup_servers: list[BackupServer] = field(default_factory=lambda: [BackupServer("vbr01.example.com")])
    defaults: dict[str, Any] = field(default_factory=dict)
    agent_jobs: list[Job] = field(default_factory=list)
    vm_jobs: list[Job] = field(default_factory=list)
    nas_jobs: list[Job] = field(default_factory=list)
    protection_groups: list[ProtectionGroup] = field(default_factory=list)
    computers: list[Computer] = field(default_factory=list)
    agent_restore_points: list[RestorePoint] = field(default_factory=list)
    repositories: list[Repository] = field(default_factory=lambda: [Repository("Default Backup Repository")])


_LISTS = {
    "users": User,
    "backup_servers": BackupServer,
    "machines": Machine,
    "started_again": Machine,
    "history": Past,
    "agent_jobs": Job,
    "vm_jobs": Job,
    "nas_jobs": Job,
    "protection_groups": ProtectionGroup,
    "computers": Computer,
    "agent_restore_points": RestorePoint,
    "repositories": Repository,
}
_OBJECTS = {"settings": Settings, "schedule": Schedule}
_CHOICES = {
    "role": ROLES,
    "start_on_running": ON_REFUSAL,
    "stop_on_idle": ON_REFUSAL,
    "retry_on_success": ON_REFUSAL,
    "job_uid_type": ("Job", "AgentBackupJob"),
    "task_sessions_of": ("child", "parent"),
    "replica_task_sessions": ("entities", "references"),
    "early_result": (True, False, "all"),
    "unknown_job_status": (400, 404, 500),
    "empty_lists": ("", "brackets", "null", "no_wrapper"),
    "agent_query_wrapper": ("AgentBackupJob", "AgentBackupJobs"),
    "type": JOB_TYPES,
    "related_link": (True, False, "agents", "other"),
    "flags": ("", "text", "capital", "number", "digit"),
    "letter_case": ("", "lower", "upper"),
    "result": ("", *RESULTS),
    "run_result": ("", *RESULTS),
    "retry_result": RESULTS,
}


def load(source: Mapping[str, Any] | str | os.PathLike[str] | None) -> Scenario:
    """A scenario from a mapping, from a YAML file, or the smallest one. Raises BadScenario."""
    if source is None:
        source = {}
    if not isinstance(source, Mapping):
        path = Path(source)
        try:
            source = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as problem:
            raise BadScenario(f"cannot read scenario {path}: {problem}") from None
    source = dict(source)
    defaults = source.get("defaults") or {}
    for key in ("agent_jobs", "vm_jobs", "nas_jobs"):
        if key in source:
            source[key] = [{**defaults, **job} for job in source[key] or []]
    scenario = build(Scenario, source, "scenario")
    _fill_in(scenario)
    return scenario


def build(kind: type, given: Mapping[str, Any], where: str) -> Any:
    """An object of one of the classes above from a mapping; unknown keys and missing names are errors."""
    if not isinstance(given, Mapping):
        raise BadScenario(f"{where}: expected a mapping, found {given!r}")
    known = {item.name for item in dataclasses.fields(kind)}
    for key in given:
        if key not in known:
            raise BadScenario(f"{where}: unknown key {key!r}; known: {', '.join(sorted(known))}")
    try:
        return kind(**{key: _value(kind, key, value, f"{where}.{key}") for key, value in given.items()})
    except TypeError as problem:
        raise BadScenario(f"{where}: {problem}") from None


def _value(kind: type, key: str, value: Any, where: str) -> Any:
    if key in _CHOICES and value not in _CHOICES[key]:
        raise BadScenario(f"{where}: must be one of {', '.join(map(repr, _CHOICES[key]))}, not {value!r}")
    if key == "start_delay" and value == "never":
        return NEVER
    if key in _OBJECTS:
        return build(_OBJECTS[key], value, where)
    if key in _LISTS and kind is not ProtectionGroup:  # of a group, computers are names
        items = [build(_LISTS[key], _named(item), f"{where}[{number}]") for number, item in enumerate(value or [])]
        return [one for item in items for one in _expand(item)] if key in ("machines", "started_again") else items
    return value


def _named(item: Any) -> Any:
    return {"name": item} if isinstance(item, str) else item


def _expand(machine: Machine) -> list[Machine]:
    if machine.count == 1:
        return [machine]
    return [
        dataclasses.replace(machine, name=machine.name.replace("{n}", str(number)), count=1)
        for number in range(1, machine.count + 1)
    ]


def _fill_in(scenario: Scenario) -> None:
    """Give everything a backup server, and machines of agent jobs a computer."""
    names = [server.name for server in scenario.backup_servers]
    jobs = scenario.agent_jobs + scenario.vm_jobs + scenario.nas_jobs
    for item in (
        jobs + scenario.protection_groups + scenario.computers + scenario.agent_restore_points + scenario.repositories
    ):
        item.backup_server = item.backup_server or names[0]
        if item.backup_server not in names:
            raise BadScenario(f"{item}: there is no backup server {item.backup_server!r}")
    for job in jobs:
        job.includes = job.includes or ([] if job.containers else [machine.name for machine in job.machines])
    computers = {(computer.backup_server, computer.name) for computer in scenario.computers}
    grouped = [(group.backup_server, name) for group in scenario.protection_groups for name in group.computers]
    # A machine of a job may have the name of a group's computer in a different letter case: it is the same computer.
    known = {(server, name.lower()) for server, name in grouped}
    machines = [(job.backup_server, machine.name) for job in scenario.agent_jobs for machine in job.machines]
    machines = [(server, name) for server, name in machines if (server, name.lower()) not in known]
    for server, name in dict.fromkeys(machines + grouped):
        if (server, name) not in computers:
            scenario.computers.append(Computer(name, server))
