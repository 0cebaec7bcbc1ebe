"""Every option of every module has an effect that a user sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from emsim import Simulator

Start = Callable[..., Simulator]
Result = dict[str, Any]
Requests = list[dict[str, Any]]


@dataclass
class Row:
    """Options, and what they do to the result, to the requests, or both."""

    given: dict[str, Any]
    shows: Callable[[Result], bool] = lambda result: not result["failed"]
    asks: Callable[[Requests], bool] = lambda requests: True


@dataclass
class Case:
    """The options of one module: tasks that come first, the rows, and options that a test of their own is about."""

    rows: dict[str, Row]
    setup: list[dict[str, Any]] = field(default_factory=list)
    always: dict[str, Any] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()


SERVERS = [{"name": "vbr01.example.com"}, {"name": "vbr02.example.com"}]
MIXED = [{"name": "good", "duration": 5}, {"name": "bad", "result": "Failed", "reason": "Full.", "duration": 5}]
HISTORY = [{"ended_ago": 1000, "machines": MIXED}, {"ended_ago": 90000, "machines": MIXED[:1]}]
NIGHTLY = {"name": "Nightly", "machines": MIXED, "history": HISTORY}
# Seconds are divided by ten: see the tests.
JOBS = [
    {"name": "Quick", "machines": [{"name": "q1", "duration": 5}]},
    {"name": "Warns", "machines": [{"name": "w1", "result": "Warning", "duration": 5}]},
    {"name": "Long", "running": True, "machines": [{"name": "l1", "duration": 90000}]},
    {"name": "Idle"},
    {"name": "Twin"},
    {"name": "Twin", "backup_server": "vbr02.example.com"},
]
SCENARIO = {
    "backup_servers": SERVERS,
    "agent_jobs": [
        *({**job, "platform": "AgentForLinux"} for job in JOBS),
        {**NIGHTLY, "platform": "AgentForWindows"},
    ],
    "vm_jobs": [
        *({**job, "name": f"{job['name']} VM"} for job in JOBS),
        {**NIGHTLY, "name": "Standby", "type": "Replica", "task_running_for": 6000},
    ],
    "protection_groups": [{"name": "Web", "computers": ["web01", "web02"]}],
    "agent_restore_points": [{"computer": "web01", "created_ago": 7200}],
}


def names(key: str, part: str = "name") -> Callable[[Result], list[Any]]:
    return lambda result: [each[part] for each in result[key]]


def is_(value: Any, read: Callable[[Result], Any]) -> Callable[[Result], bool]:
    return lambda result: read(result) == value


def kind(expected: str, *words: str) -> Callable[[Result], bool]:
    """It fails, with this kind of error and these words."""
    return lambda result: (
        result["failed"] and result["error"]["kind"] == expected and all(word in result["msg"] for word in words)
    )


def report_jobs(result: Result) -> list[str]:
    """The jobs of a report."""
    return [each["name"] for each in result["report"]["jobs"]]


def breaches(result: Result) -> list[str]:
    """Why machines of a report break their limits."""
    return [each["why"] for each in result["report"]["rpo_breaches"]]


def polled(requests: Requests) -> int:
    """How often a session or task was looked at."""
    return sum("Sessions/" in each["path"] or "/tasks/" in each["path"] for each in requests)


def job(family: str) -> Case:
    suffix = "" if family == "agent_job" else " VM"
    resource = "AgentBackupJob" if family == "agent_job" else "Job"
    long = {"name": f"Long{suffix}", "state": "started", "wait": True}

    def first(key: str, part: str | None = None) -> Callable[[Result], Any]:
        return lambda result: result["jobs"][0][key] if part is None else result["jobs"][0][key][part]

    return Case(
        setup=[
            {
                "veeam_em_query_info": {"type": resource, "filter": [{"field": "Name", "value": f"Idle{suffix}"}]},
                "register": "idle",
            }
        ],
        always={"wait_interval": 0.1},
        rows={
            "state": Row({"name": f"Idle{suffix}", "state": "started"}, is_("start", first("action"))),
            "name": Row(
                {"name": [f"Warns{suffix}", f"Quick{suffix}"], "state": "stopped"},
                lambda result: [row["job"]["name"] for row in result["jobs"]] == [f"Warns{suffix}", f"Quick{suffix}"],
            ),
            "id": Row(
                {"id": "{{ idle.resources[0].id }}", "state": "schedule", "schedule_enabled": True},
                is_(f"Idle{suffix}", first("job", "name")),
            ),
            "backup_server": Row(
                {"name": f"Twin{suffix}", "backup_server": "vbr02.example.com", "state": "stopped"},
                is_("vbr02.example.com", first("job", "backup_server")),
            ),
            "schedule_enabled": Row(
                {"name": f"Warns{suffix}", "state": "schedule", "schedule_enabled": False},
                lambda result: result["changed"] and result["jobs"][0]["job"]["schedule_enabled"] is False,
            ),
            "if_running": Row({**long, "if_running": "fail"}, kind("conflict", "Long")),
            "fail_on": Row(
                {"name": f"Warns{suffix}", "state": "started", "wait": True, "fail_on": "warning"},
                kind("rejected", "w1 Warning"),
            ),
            "valid_for": Row(
                {"name": "Nightly" if family == "agent_job" else "Standby", "state": "started", "valid_for": 900000},
                is_("reuse", first("action")),
            ),
            # A session that is not the newest one.
            "after_session": Row(
                {
                    "name": "Nightly" if family == "agent_job" else "Standby",
                    "state": "retried",
                    "after_session": "00000000-0000-0000-0000-000000000001",
                },
                is_("attach", first("action")),
            ),
            **(
                {"kind": Row({"name": "Quick", "kind": "vm", "state": "stopped"}, kind("not_found", "agent"))}
                if family == "job"
                else {}
            ),
            "wait": Row(
                {"name": f"Quick{suffix}", "state": "started", "wait": True}, is_("Success", first("session", "result"))
            ),
            "wait_timeout": Row(
                {**long, "wait_timeout": 0.5}, lambda result: result["timed_out"] and "0.5 seconds" in result["msg"]
            ),
            "wait_interval": Row(
                {**long, "wait_timeout": 1.5, "wait_interval": 1.4, "progress": False},
                is_(True, names_timed_out),
                lambda asked: polled(asked) <= 5,
            ),
            "wait_max_interval": Row(
                {**long, "wait_timeout": 4, "wait_interval": 0.05, "wait_max_interval": 0.05},
                is_(True, names_timed_out),
                lambda asked: polled(asked) >= 12,
            ),
        },
        elsewhere=("poll_error_timeout", "progress"),
    )


def names_timed_out(result: Result) -> bool:
    return bool(result["timed_out"])


def task_sessions(parent: str, resource: str, job_name: str, found: list[str]) -> Case:
    every = "all.task_sessions"
    return Case(
        setup=[
            {f"veeam_em_{resource}_task_session_info": {"state": "Completed"}, "register": "all"},
            {
                "veeam_em_job_session_info": {"job_name": "Nightly" if resource == "backup" else "Standby"},
                "register": "runs",
            },
        ],
        rows={
            "id": Row({"id": f"{{{{ {every}[1].id }}}}"}, lambda result: len(result["task_sessions"]) == 1),
            parent: Row(
                {parent: "{{ runs.sessions[0].id }}"},
                lambda result: {m["machine"] for m in result["task_sessions"]} == {"good", "bad"},
            ),
            "job_name": Row(
                {"job_name": job_name}, lambda result: sorted(names("task_sessions", "machine")(result)) == found
            ),
            "machine": Row({"machine": "bad"}, is_(["bad"], names("task_sessions", "machine"))),
            "state": Row(
                {"state": "InProgress"}, lambda result: set(names("task_sessions", "machine")(result)) <= {"l1"}
            ),
            "result": Row({"result": ["Failed"]}, is_(["bad"], names("task_sessions", "machine"))),
            "created_after": Row(
                {"created_after": f"{{{{ {every}[1].creation_time }}}}", "state": "Completed"},
                lambda result: (
                    set(names("task_sessions", "machine")(result)) == {"good", "bad"}
                    and len(result["task_sessions"]) == 2
                ),
            ),
            "limit": Row({"limit": 1}, lambda result: len(result["task_sessions"]) == 1),
        },
    )


RUNS = {"veeam_em_job_session_info": {"job_name": "Nightly"}, "register": "runs"}
LOGON = {"veeam_em_session": {}, "register": "logon"}
SHARED = {"session_id": "{{ logon.session_id }}"}
START = {
    "veeam_em_agent_job": {**SHARED, "name": ["Idle", "Quick"], "state": "started", "wait_interval": 0.1},
    "register": "started",
}
TASK = "{{ started.jobs[0].task.id }}"
GOOD, FAILED = "{{ runs.sessions[1].id }}", "{{ runs.sessions[0].id }}"
LONG = "{{ long.sessions[0].id }}"

CASES = {
    "veeam_em_agent_job": job("agent_job"),
    "veeam_em_job": job("job"),
    "veeam_em_agent_job_info": Case(
        setup=[{"veeam_em_agent_job_info": {"name": "Idle"}, "register": "idle"}],
        rows={
            "name": Row({"name": ["Quick", "Idle"]}, is_(["Quick", "Idle"], names("jobs"))),
            "id": Row({"id": ["{{ idle.jobs[0].id }}"]}, is_(["Idle"], names("jobs"))),
            "platform": Row({"platform": "AgentForWindows"}, is_(["Nightly"], names("jobs"))),
            "backup_server": Row({"backup_server": "vbr02.example.com"}, is_(["Twin"], names("jobs"))),
            "include_objects": Row(
                {"name": "Nightly", "include_objects": True},
                lambda result: [each["name"] for each in result["jobs"][0]["objects"]] == ["good", "bad"],
            ),
            "include_last_session": Row(
                {"name": "Nightly", "include_last_session": True},
                lambda result: result["jobs"][0]["last_session"]["result"] == "Failed",
            ),
        },
    ),
    "veeam_em_job_info": Case(
        setup=[{"veeam_em_job_info": {"name": "Idle VM"}, "register": "idle"}],
        rows={
            "name": Row({"name": ["Idle VM", "Idle"]}, is_(["vm", "agent"], names("jobs", "kind"))),
            "id": Row({"id": ["{{ idle.jobs[0].id }}"]}, is_(["Idle VM"], names("jobs"))),
            "kind": Row({"kind": "vm"}, lambda result: set(names("jobs", "kind")(result)) == {"vm"}),
            "platform": Row({"platform": "AgentForWindows"}, is_(["Nightly"], names("jobs"))),
            "backup_server": Row({"backup_server": "vbr02.example.com"}, is_(["Twin", "Twin VM"], names("jobs"))),
            "include_objects": Row(
                {"name": "Standby", "include_objects": True},
                lambda result: [each["type"] for each in result["jobs"][0]["objects"]] == ["Vm", "Vm"],
            ),
            "include_last_session": Row(
                {"name": "Standby", "include_last_session": True},
                lambda result: result["jobs"][0]["last_session"]["job_type"] == "Replica",
            ),
        },
    ),
    "veeam_em_job_session_info": Case(
        setup=[RUNS],
        rows={
            "id": Row({"id": GOOD}, is_(["Success"], names("sessions", "result"))),
            "job_name": Row({"job_name": "Nightly"}, is_(["Failed", "Success"], names("sessions", "result"))),
            "job_id": Row(
                {"job_id": "{{ runs.sessions[0].job_id }}"}, is_(["Failed", "Success"], names("sessions", "result"))
            ),
            "job_type": Row({"job_type": "Replica"}, is_(["Standby"] * 2, names("sessions", "job_name"))),
            "state": Row(
                {"state": "Working"}, lambda result: set(names("sessions", "job_name")(result)) >= {"Long", "Long VM"}
            ),
            "result": Row({"result": "Failed"}, lambda result: set(names("sessions", "result")(result)) == {"Failed"}),
            "created_after": Row(
                {"job_name": "Nightly", "created_after": "{{ runs.sessions[0].creation_time }}"},
                is_(["Failed"], names("sessions", "result")),
            ),
            "created_before": Row(
                {"job_name": "Nightly", "created_before": "{{ runs.sessions[1].creation_time }}"},
                is_(["Success"], names("sessions", "result")),
            ),
            "limit": Row({"limit": 3}, lambda result: len(result["sessions"]) == 3),
            "include_machines": Row(
                {"id": FAILED, "include_machines": True},
                lambda result: (
                    [(m["name"], m["result"]) for m in result["sessions"][0]["machines"]]
                    == [("bad", "Failed"), ("good", "Success")]
                ),
            ),
        },
    ),
    "veeam_em_maintenance": Case(
        setup=[{"veeam_em_agent_job_info": {"name": "Idle"}, "register": "idle"}],
        always={"state": "frozen", "path": "{{ playbook_dir }}/window.json"},
        rows={
            "name": Row({"name": "Quick, Idle"}, is_(["frozen"] * 2, names("jobs", "state"))),
            "id": Row({"id": "{{ idle.jobs[0].id }}"}, lambda result: result["jobs"][0]["job"]["name"] == "Idle"),
            "kind": Row({"name": "Quick", "kind": "vm"}, kind("not_found", "Set kind to any")),
            "backup_server": Row(
                {"name": "Twin", "backup_server": "vbr02.example.com"},
                lambda result: result["jobs"][0]["job"]["backup_server"] == "vbr02.example.com",
            ),
            "all_jobs": Row({"all_jobs": True, "kind": "agent"}, lambda result: len(result["jobs"]) == 7),
            "stop_running": Row(
                {"name": "Long", "stop_running": True}, lambda result: "Stopped" in result["jobs"][0]["msg"]
            ),
            "expires_after": Row(
                {"name": "Idle", "expires_after": 1000.5}, lambda result: bool(result["memory"]["expires_at"])
            ),
            "overdue_only": Row(
                {"state": "thawed", "overdue_only": True}, lambda result: "not overdue" in result["msg"]
            ),
            "path": Row(
                {"state": "thawed", "path": "{{ playbook_dir }}/none.json"},
                lambda result: "none.json" in result["memory"]["path"] and not result["jobs"],
            ),
            "state": Row({"state": "thawed"}, lambda result: set(names("jobs", "state")(result)) == {"thawed"}),
            "wait_timeout": Row({"name": "Standby", "wait_timeout": 0}, kind("timeout", "Standby")),
        },
        elsewhere=("forget_missing", "progress"),
    ),
    "veeam_em_job_session_wait": Case(
        setup=[RUNS, {"veeam_em_job_session_info": {"job_name": "Long"}, "register": "long"}],
        always={"wait_interval": 0.1},
        rows={
            "id": Row({"id": [GOOD]}, lambda result: result["sessions"][0]["machines"][0]["name"] == "good"),
            "fail_on": Row({"id": [FAILED], "fail_on": "never"}, is_(["Failed"], names("sessions", "result"))),
            "on_timeout": Row(
                {"id": [LONG], "wait_timeout": 0.3, "on_timeout": "return"},
                lambda result: not result["failed"] and result["timed_out"],
            ),
            "wait_timeout": Row({"id": [LONG], "wait_timeout": 0.3}, kind("timeout", "0.3 seconds")),
            "wait_interval": Row(
                {"id": [LONG], "wait_timeout": 1.5, "wait_interval": 1.4}, lambda result: result["polls"] <= 3
            ),
            "wait_max_interval": Row(
                {"id": [LONG], "wait_timeout": 4, "wait_interval": 0.05, "wait_max_interval": 0.05},
                lambda result: result["polls"] >= 12,
            ),
        },
        elsewhere=("poll_error_timeout", "progress"),
    ),
    "veeam_em_backup_task_session_info": task_sessions("job_session_id", "backup", "Nightly - bad", ["bad"]),
    "veeam_em_replica_task_session_info": task_sessions(
        "replica_session_id", "replica", "Standby", ["bad", "good", "good"]
    ),
    "veeam_em_computer_info": Case(
        {
            "name": Row({"name": "web02"}, is_(["web02"], names("computers"))),
            "protection_group": Row({"protection_group": "Web"}, is_(["web01", "web02"], names("computers"))),
            "include_last_restore_point": Row(
                {"name": ["web01", "web02"], "include_last_restore_point": True},
                lambda result: (
                    2 <= result["computers"][0]["last_restore_point"]["age_hours"] < 2.2
                    and result["computers"][1]["last_restore_point"] is None
                ),
            ),
        }
    ),
    "veeam_em_backup": Case(
        setup=[
            {
                "veeam_em_backup": {"machine": "l1", "kind": "agent", "wait_timeout": 3},
                "register": "served",
                "ignore_errors": True,
            }
        ],
        always={"wait_interval": 0.1},
        rows={
            "machine": Row({"machine": "w1"}, is_("warning", lambda result: result["machines"][0]["verdict"])),
            "jobs": Row(
                {"machine": "w1", "jobs": {"w1": ["Warns"], "other": 1}},
                is_(["Warns"], lambda result: result["machines"][0]["jobs"]),
            ),
            "fail_on": Row({"machine": "w1", "fail_on": "warning"}, kind("rejected", "Not backed up: w1. Warns")),
            "kind": Row({"machine": "l1", "kind": "vm", "wait_timeout": 3}, kind("timeout", "Long VM")),
            "backup_server": Row(
                {"machine": "w1", "backup_server": "vbr02.example.com"}, kind("not_found", "No job protects w1.")
            ),
            "unprotected": Row(
                {"machine": "nobody", "unprotected": "ignore"},
                lambda result: not result["failed"] and "No job protects it" in result["msg"],
            ),
            "if_running": Row(
                {"machine": "l1", "kind": "agent", "if_running": "fail"}, kind("conflict", "Long", "running")
            ),
            "valid_for": Row(
                {"machine": "w1", "kind": "agent", "valid_for": 600}, lambda result: not result["changed"]
            ),
            "runs": Row(
                {"machine": "l1", "kind": "agent", "wait_timeout": 3, "runs": "{{ served.runs }}"},
                kind("timeout", "Long"),
                lambda requests: not any("action=start" in each["query"] for each in requests),
            ),
            "wait_timeout": Row({"machine": "l1", "kind": "agent", "wait_timeout": 3}, kind("timeout", "3 seconds")),
        },
        elsewhere=("wait_max_interval", "poll_error_timeout", "progress", "wait_interval"),
    ),
    "veeam_em_protection_info": Case(
        {
            "machine": Row(
                {"machine": ["BAD", "web01"]},
                lambda result: (
                    result["machines"][0]["jobs"][0]["name"] == "Nightly"
                    and result["machines"][0]["last"]["reason"] == "Full."
                    and result["unprotected"] == ["web01"]
                ),
            ),
            "backup_server": Row(
                {"machine": "bad", "backup_server": "vbr02.example.com"},
                is_(["bad"], lambda result: result["unprotected"]),
            ),
            "kind": Row({"machine": "bad", "kind": "vm"}, is_(["bad"], lambda result: result["unprotected"])),
            "include_restore_points": Row(
                {"machine": "web01", "include_restore_points": True},
                lambda result: 2 <= result["machines"][0]["restore_point"]["age_hours"] < 2.2,
            ),
        }
    ),
    "veeam_em_query_info": Case(
        always={"type": "AgentBackupJob"},
        rows={
            "type": Row({"type": "BackupServer"}, lambda result: len(result["resources"]) == 2),
            "filter": Row({"filter": [{"field": "Name", "value": "Nightly"}]}, is_(["Nightly"], names("resources"))),
            "sort_by": Row(
                {"sort_by": "Name"}, lambda result: names("resources")(result) == sorted(names("resources")(result))
            ),
            "descending": Row(
                {"sort_by": "Name", "descending": True}, lambda result: result["resources"][0]["name"] == "Warns"
            ),
            "limit": Row({"limit": 2}, lambda result: len(result["resources"]) == 2),
            "page_size": Row(
                {"page_size": 3}, lambda result: len(result["resources"]) == 7, lambda asked: len(asked) == 3 + 2
            ),
            "entities": Row(
                {"entities": False}, lambda result: all("platform" not in each for each in result["resources"])
            ),
        },
    ),
    "veeam_em_report_info": Case(
        {
            "hours": Row(
                {"hours": 48},
                lambda result: result["report"]["totals"]["failed"] == 2 and "Standby" in report_jobs(result),
            ),
            "name": Row({"name": "Nightly"}, is_(["Nightly"], report_jobs)),
            "kind": Row(
                {"kind": "vm"}, lambda result: "Standby" in report_jobs(result) and "Nightly" not in report_jobs(result)
            ),
            "backup_server": Row({"backup_server": "vbr02.example.com"}, is_(["Twin", "Twin VM"], report_jobs)),
            "machine": Row({"machine": "go*"}, lambda result: names("machines")(result["report"]) == ["good"]),
            "rpo_hours": Row({"machine": "good", "rpo_hours": 0.1}, is_(["too_old"], breaches)),
            "rpo_overrides": Row(
                {"machine": "good", "rpo_hours": 0.1, "rpo_overrides": [{"machine": "g*", "hours": 24}]},
                is_([], breaches),
            ),
            "exclude": Row({"machine": "good", "rpo_hours": 0.1, "exclude": ["good"]}, is_([], breaches)),
            "tolerate_warnings": Row(
                {"tolerate_warnings": ["*"], "hours": 48},
                lambda result: all(each["tolerated"] for each in result["report"]["warnings"]),
            ),
        }
    ),
    "veeam_em_session": Case(
        {
            "state": Row(
                {**SHARED, "state": "absent", "logon_session_id": "{{ logon.logon_session_id }}"},
                lambda result: result["changed"],
            ),
            "logon_session_id": Row(
                {"session_id": "x", "state": "absent"},
                lambda result: result["failed"] and "logon_session_id" in result["msg"],
            ),
        },
        setup=[LOGON],
    ),
    "veeam_em_task_info": Case(
        setup=[LOGON, START],
        always=SHARED,
        rows={
            "task_id": Row({"task_id": TASK}, lambda result: len(result["tasks"]) == 1),
            "state": Row({"state": "Running"}, is_([], names("tasks", "id"))),
            "operation": Row({"operation": "StartJob"}, lambda result: len(result["tasks"]) == 2),
        },
    ),
    "veeam_em_task": Case(
        setup=[LOGON, START],
        always=SHARED,
        rows={
            "task_id": Row({"task_id": [TASK]}, lambda result: result["changed"] and len(result["tasks"]) == 1),
            "state": Row(
                {"task_id": [TASK], "state": "present"}, lambda result: result["failed"] and "absent" in result["msg"]
            ),
        },
    ),
    "veeam_em_task_wait": Case(
        setup=[LOGON, START],
        always={**SHARED, "wait_interval": 0.1},
        rows={"task_id": Row({"task_id": TASK}, lambda result: result["tasks"][0]["success"] is True)},
        elsewhere=(
            "until",
            "fail_on_error",
            "wait_timeout",
            "wait_interval",
            "wait_max_interval",
            "poll_error_timeout",
            "progress",
        ),
    ),
}

CONNECTION = {
    "host": Row({"host": "127.0.0.9", "retries": 0}, kind("connection", "127.0.0.9")),
    "port": Row({"port": 1, "retries": 0}, kind("connection", ":1")),
    "username": Row({"username": "nobody"}, kind("authentication", "nobody")),
    "password": Row({"password": "wrong"}, kind("authentication")),
    "session_id": Row({"session_id": "unknown"}, kind("authentication", "veeam_em_session")),
    "validate_certs": Row(
        {"validate_certs": False, "ca_path": "{{ playbook_dir }}"},
        lambda result: "does not verify the identity" in str(result["warnings"]),
    ),
    "ca_path": Row({"ca_path": "{{ playbook_dir }}"}, kind("tls", "ca_path")),
    "client_cert": Row({"client_cert": "{{ playbook_dir }}/none.pem"}, kind("usage", "client_cert")),
    "client_key": Row({"client_key": "{{ playbook_dir }}/play.yml"}, kind("usage", "client_key")),
    "proxy": Row({"proxy": "http://127.0.0.1:1", "retries": 0}, kind("connection", "proxy")),
    "request_timeout": Row({"request_timeout": 0}, kind("usage", "request_timeout")),
    "retries": Row({"retries": 1}, asks=lambda asked: asked[0]["query"] == "v=latest"),
    "api_version": Row({"api_version": "v1_6"}, asks=lambda asked: asked[0]["query"] == "v=v1_6"),
    "api_format": Row(
        {"api_format": "xml"}, asks=lambda asked: {each["accept"] for each in asked} == {"application/xml"}
    ),
}


def check(em: Ansible, sim: Simulator, module: str, case: Case) -> None:
    """Run a case in one play and look at every row; the first that does not show its effect fails the test."""
    tasks = [{"name": f"setup {number}", **task} for number, task in enumerate(case.setup)]
    tasks += [
        {"name": option, module: {**case.always, **row.given}, "ignore_errors": True}
        for option, row in case.rows.items()
    ]
    run = em.play(*tasks)
    assert run.rc == 0, run.output
    assert "Traceback" not in run.output
    asked: list[Requests] = []
    for request in sim.requests():
        if request["path"].endswith("/sessionMngr/"):
            asked.append([])
        if asked:
            asked[-1].append(request)
    for number, (option, row) in enumerate(reversed(case.rows.items()), 1):
        assert row.shows(run[option]), (option, run[option])
        assert row.asks(asked[-number] if number <= len(asked) else []), (option, asked[-number])


@pytest.fixture
def documented(ansible: Ansible) -> dict[str, Any]:
    """The documentation of all modules."""
    run = ansible.command(
        "ansible-doc", "--json", "--type", "module", *(f"backupops.veeam_em.{name}" for name in CASES)
    )
    assert run.rc == 0, run.output
    return {name.rpartition(".")[2]: each["doc"] for name, each in json.loads(run.stdout).items()}


def test_no_option_is_left_out(documented: dict[str, Any]) -> None:
    modules = (Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("veeam_em_*.py")
    assert set(CASES) == {path.stem for path in modules}
    for module, doc in documented.items():
        case = CASES[module]
        assert sorted(doc["options"]) == sorted([*CONNECTION, *case.rows, *case.elsewhere]), module


# These have twins whose options are the same and work through the same code.
TWINS = ("veeam_em_agent_job", "veeam_em_agent_job_info", "veeam_em_backup_task_session_info")


@pytest.mark.parametrize(
    "module", [pytest.param(each, marks=[pytest.mark.full] if each in TWINS else []) for each in CASES]
)
def test_options(emsim: Start, ansible: Ansible, module: str) -> None:
    sim = emsim(SCENARIO, speed=10)
    check(ansible.connected(sim), sim, module, CASES[module])


def test_connection_options(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({"agent_jobs": [{"name": "A"}]})
    rows = {option: row for option, row in CONNECTION.items() if option not in ("api_version", "api_format", "retries")}
    check(ansible.connected(sim), sim, "veeam_em_agent_job_info", Case(rows))


def test_connection_options_that_the_server_sees(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({"agent_jobs": [{"name": "A"}]})
    rows = {option: CONNECTION[option] for option in ("api_version", "api_format", "retries")}
    check(ansible.connected(sim), sim, "veeam_em_agent_job_info", Case(rows))


def test_retries_and_request_timeout(emsim: Start, ansible: Ansible) -> None:
    rule = {"match": {"path": "/api/query"}, "times": 2, "fault": "status", "with": {"status": 503}}
    slow = {"match": {"path": "/api/tasks"}, "times": "forever", "fault": "slow_headers", "with": {"seconds": 1}}
    sim = emsim({"agent_jobs": [{"name": "A"}]}, faults=[rule, slow])
    run = ansible.connected(sim).play(
        {"name": "none", "veeam_em_agent_job_info": {"retries": 0}, "ignore_errors": True},
        {"name": "one", "veeam_em_agent_job_info": {"retries": 1}},
        {"name": "slow", "veeam_em_task_info": {"retries": 0, "request_timeout": 0.3}, "ignore_errors": True},
        {"name": "patient", "veeam_em_task_info": {"retries": 0, "request_timeout": 10}},
    )
    assert kind("server")(run["none"])
    assert names("jobs")(run["one"]) == ["A"]
    assert kind("timeout", "0.3 seconds")(run["slow"])
    assert run["patient"]["tasks"] == []
    assert sim.counters()["open_logon_sessions"] == 0


def test_client_certificate(emsim: Start, ansible: Ansible) -> None:
    sim = emsim({"agent_jobs": [{"name": "A"}]}, tls="client-cert")
    run = ansible.connected(sim).play(
        {"name": "without", "veeam_em_agent_job_info": {"retries": 0}, "ignore_errors": True},
        {"name": "one file", "veeam_em_agent_job_info": {"client_cert": sim.client_cert_path}},
        {
            "name": "two files",
            "veeam_em_agent_job_info": {"client_cert": sim.client_cert_path, "client_key": sim.client_cert_path},
        },
    )
    assert run["without"]["failed"]
    assert names("jobs")(run["one file"]) == names("jobs")(run["two files"]) == ["A"]


def test_options_of_task_wait(emsim: Start, ansible: Ansible) -> None:
    """Tasks that take long need a logon session that outlives the module that started them: emsim is asked directly."""
    slow = {"name": "Slow", "task_running_for": 0, "task_operation_finished_for": 3000}
    refused = {
        "name": "Refused",
        "refuse_start": "No license.",
        "task_running_for": 0,
        "task_operation_finished_for": 0,
    }
    sim = emsim({"agent_jobs": [slow, refused]})
    jobs = {job["name"]: job["id"] for job in sim.jobs()}
    post = {"method": "POST", "status_code": 202, "ca_path": sim.ca_path, "return_content": True}
    head = {"X-RestSvcSessionId": "{{ logon.session_id }}", "Accept": "application/json"}
    start = {
        "ansible.builtin.uri": {
            **post,
            "url": f"{sim.url}/api/agents/jobs/{{{{ item }}}}?action=start",
            "headers": head,
        },
        "loop": [jobs["Slow"], jobs["Refused"]],
        "register": "posts",
    }
    task = {name: f"{{{{ posts.results[{number}].json.TaskId }}}}" for number, name in enumerate(("slow", "refused"))}
    always = {**SHARED, "wait_interval": 0.1}
    rows = {
        "until": {"task_id": task["slow"], "until": "operation_finished"},
        "fail_on_error": {"task_id": task["refused"], "fail_on_error": False},
        "fails on error": {"task_id": task["refused"]},
        "wait_timeout": {"task_id": task["slow"], "wait_timeout": 0.3},
        "wait_interval": {"task_id": task["slow"], "wait_timeout": 1.5, "wait_interval": 1.4},
        "wait_max_interval": {
            "task_id": task["slow"],
            "wait_timeout": 1.5,
            "wait_interval": 0.05,
            "wait_max_interval": 0.05,
        },
    }
    run = ansible.connected(sim).play(
        LOGON,
        start,
        *({"name": name, "veeam_em_task_wait": {**always, **row}, "ignore_errors": True} for name, row in rows.items()),
        {"veeam_em_session": {**SHARED, "state": "absent", "logon_session_id": "{{ logon.logon_session_id }}"}},
    )
    assert run.rc == 0, run.output
    assert run["until"]["tasks"][0]["state"] == "OperationFinished"
    assert run["fail_on_error"]["tasks"][0]["success"] is False
    assert kind("rejected", "No license.")(run["fails on error"])
    assert kind("timeout", "0.3 seconds")(run["wait_timeout"])
    assert run["wait_interval"]["polls"] <= 3
    assert run["wait_max_interval"]["polls"] >= 12
    assert sim.counters()["open_logon_sessions"] == 0


@pytest.mark.parametrize(
    "module", ["veeam_em_agent_job", "veeam_em_job", "veeam_em_job_session_wait", "veeam_em_task_wait"]
)
def test_poll_error_timeout(emsim: Start, ansible: Ansible, module: str) -> None:
    """It gives up long before wait_timeout."""
    path = "/api/tasks/*" if module == "veeam_em_task_wait" else "/api/backupSessions/*"
    busy = {"match": {"method": "GET", "path": path}, "times": "forever", "fault": "status", "with": {"status": 503}}
    sim = emsim(SCENARIO, speed=10, faults=[busy])
    given = {
        "veeam_em_agent_job": {"name": "Long", "state": "started", "wait": True},
        "veeam_em_job": {"name": "Long VM", "state": "started", "wait": True},
        "veeam_em_job_session_wait": {"id": sim.jobs()[2]["runs"][0]["id"]},
        "veeam_em_task_wait": {"task_id": "task-1"},
    }[module]
    short = {"wait_interval": 0.1, "poll_error_timeout": 0.5, "wait_timeout": 60, "retries": 0}
    run = ansible.connected(sim).module(module, **given, **short)
    assert kind("server", "503")(run.result), run.output
    assert sim.counters()["open_logon_sessions"] == 0
