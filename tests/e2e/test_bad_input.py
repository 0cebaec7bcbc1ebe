"""Bad input gets one clear message that says what to do; nothing is started and no logon session stays open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible, Run
from emsim import Simulator

Start = Callable[..., Simulator]

FLEET: dict[str, Any] = {
    "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
    "agent_jobs": [
        {"name": "Linux servers"},
        {"name": "Nightly"},
        {"name": "Nightly", "backup_server": "vbr02"},
        {"name": "Ad hoc", "schedule": {"configured": False, "enabled": False}},
        {"name": "Long", "running": True, "machines": [{"name": "m", "duration": 9000}]},
    ],
}
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Bad:
    """Options, the kind of the error, words of the message, and whether Ansible itself refuses the options."""

    given: dict[str, Any]
    kind: str
    words: tuple[str, ...]
    module: str = "veeam_em_agent_job"
    by_ansible: bool = False


def start(**options: Any) -> dict[str, Any]:
    return {"state": "started", **options}


TABLE = {
    "unknown job": Bad(start(name="Linux server"), "not_found", ("Linux server", "Did you mean", "Linux servers")),
    "one unknown of two": Bad(start(name=["Nightly 2", "Linux servers"]), "not_found", ("Nightly 2", "Nightly")),
    "ambiguous job": Bad(start(name="Nightly"), "ambiguous", ("vbr01", "vbr02", "backup_server")),
    "other server": Bad(start(name="Linux servers", backup_server="vbr02"), "not_found", ("vbr02", "vbr01")),
    "unknown server": Bad(start(name="Linux servers", backup_server="vbr9"), "not_found", ("vbr9", "vbr01")),
    "unknown id": Bad(start(id=NOBODY), "not_found", (NOBODY,)),
    "no id": Bad(start(id="../jobs?x"), "usage", ("../jobs?x",)),
    "no name": Bad(start(name=[]), "usage", ("No job was given",)),
    "empty name": Bad(start(name=""), "usage", ("No job was given",)),
    "neither": Bad(start(), "usage", ("name, id",), by_ansible=True),
    "both": Bad(start(name="A", id=NOBODY), "usage", ("mutually exclusive",), by_ansible=True),
    "no state": Bad({"name": "Linux servers"}, "usage", ("state",), by_ansible=True),
    "wrong state": Bad(
        {"name": "Linux servers", "state": "running"},
        "usage",
        ("started, stopped, retried, schedule",),
        by_ansible=True,
    ),
    "no schedule": Bad({"name": "Ad hoc", "state": "schedule", "schedule_enabled": True}, "conflict", ("no schedule",)),
    "no wish": Bad({"name": "Ad hoc", "state": "schedule"}, "usage", ("schedule_enabled",)),
    "running": Bad(start(name=["Linux servers", "Long"], if_running="fail"), "conflict", ("Long", "attach")),
    "interval": Bad(start(name="Linux servers", wait_interval=0), "usage", ("wait_interval",)),
    "timeout": Bad(start(name="Linux servers", wait_timeout=-1), "usage", ("wait_timeout",)),
    "no host": Bad(start(name="Linux servers", host=""), "usage", ("host is missing", "VEEAM_EM_HOST")),
    "url as host": Bad(start(name="Linux servers", host="https://127.0.0.1"), "usage", ("https://127.0.0.1", "Remove")),
    "port in host": Bad(start(name="Linux servers", host="127.0.0.1:9398"), "usage", ("port",)),
    "port": Bad(start(name="Linux servers", port=70000), "usage", ("70000",)),
    "wrong password": Bad(
        start(name="Linux servers", password="no"), "authentication", ("administrator", "DOMAIN\\user")
    ),
    "no password": Bad(start(name="Linux servers", password=""), "authentication", ("administrator",)),
    "nobody listens": Bad(start(name="Linux servers", port=1, retries=0), "connection", (":1", "port")),
    "no CA": Bad(start(name="Linux servers", ca_path="{{ playbook_dir }}"), "tls", ("ca_path",)),
    "no CA file": Bad(start(name="Linux servers", ca_path="/no/ca.pem"), "usage", ("/no/ca.pem", "ca_path")),
    "no certificate": Bad(start(name="Linux servers", ca_path="{{ playbook_dir }}/play.yml"), "tls", ("ca_path",)),
    "viewer": Bad(start(name="Linux servers", username="viewer"), "authorization", ("Portal Administrator",)),
    "viewer lists jobs": Bad(
        {"username": "viewer"}, "authorization", ("Portal Administrator",), "veeam_em_agent_job_info"
    ),
    "no machine to back up": Bad({"machine": []}, "usage", ("machine",), "veeam_em_backup"),
    "a job that is null": Bad({"machine": "a", "jobs": {"a": None}}, "usage", ("value is null",), "veeam_em_backup"),
    "no job to freeze": Bad({"state": "frozen"}, "usage", ("all_jobs",), "veeam_em_maintenance"),
    "unknown job to freeze": Bad(
        {"state": "frozen", "name": "Linux server"}, "not_found", ("Linux servers",), "veeam_em_maintenance"
    ),
    "everybody's folder": Bad(
        {"state": "frozen", "name": "Linux servers", "path": "/var/tmp/veeam-freeze.json"},
        "usage",
        ("/var/tmp", "your own directory"),
        "veeam_em_maintenance",
    ),
    "no memory": Bad(
        {"state": "thawed", "path": "{{ playbook_dir }}/play.yml"},
        "usage",
        ("was not written by", "Nothing was changed"),
        "veeam_em_maintenance",
    ),
    "unknown session": Bad({"id": NOBODY}, "not_found", ("30 days",), "veeam_em_job_session_info"),
    "unknown session to wait for": Bad({"id": NOBODY}, "not_found", ("30 days",), "veeam_em_job_session_wait"),
    "unknown task session": Bad({"id": NOBODY}, "not_found", ("ID",), "veeam_em_backup_task_session_info"),
    "unknown run": Bad({"job_session_id": NOBODY}, "not_found", ("ID",), "veeam_em_backup_task_session_info"),
    "unknown replica run": Bad(
        {"replica_session_id": NOBODY}, "not_found", ("ID",), "veeam_em_replica_task_session_info"
    ),
    "unknown task": Bad({"task_id": "task-9"}, "not_found", ("task-9", "session_id"), "veeam_em_task_info"),
    "unknown computer": Bad({"name": "no01"}, "not_found", ("no01",), "veeam_em_computer_info"),
    "unknown group": Bad({"protection_group": "None"}, "not_found", ("None",), "veeam_em_computer_info"),
    "unknown job of a report": Bad({"name": "Linux"}, "not_found", ("'Linux'", "Did you mean"), "veeam_em_report_info"),
    "no hours": Bad({"hours": 0}, "usage", ("hours",), "veeam_em_report_info"),
    "no machine": Bad({"machine": []}, "usage", ("machine",), "veeam_em_report_info"),
    "unknown type": Bad({"type": "Jobs"}, "rejected", ("Invalid query type Jobs",), "veeam_em_query_info"),
    "broken filter": Bad({"type": "Job", "filter": "Name=="}, "rejected", ("Invalid filter",), "veeam_em_query_info"),
    "broken condition": Bad({"type": "Job", "filter": [{"field": "Name"}]}, "usage", ("value",), "veeam_em_query_info"),
    "no operator": Bad(
        {"type": "Job", "filter": [{"field": "Name", "op": "~", "value": 1}]}, "usage", ("==",), "veeam_em_query_info"
    ),
    "no time": Bad(
        {"created_after": "yesterday"}, "usage", ("yesterday", "2026-01-31T22:00:00Z"), "veeam_em_job_session_info"
    ),
    "negative limit": Bad({"limit": -1}, "usage", ("limit",), "veeam_em_job_session_info"),
    "absent without ids": Bad({"state": "absent"}, "usage", ("session_id",), "veeam_em_session", by_ansible=True),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Any]]:
    """The whole table in one play, and the simulator's counters after it."""
    with Simulator(FLEET) as sim:
        em = Ansible(tmp_path_factory.mktemp("bad")).connected(sim)
        run = em.play(*({"name": name, bad.module: bad.given, "ignore_errors": True} for name, bad in TABLE.items()))
        return run, sim.counters()


@pytest.mark.parametrize("name", TABLE)
def test_bad_input(refused: tuple[Run, dict[str, Any]], name: str) -> None:
    bad, result = TABLE[name], refused[0][name]
    assert result["failed"], result
    error = result["error"]
    assert error["kind"] == bad.kind, result
    if bad.by_ansible:
        hint = f"Check the options of the task: ansible-doc backupops.veeam_em.{bad.module}."
        assert (error["hint"], error["http_status"], error["retryable"]) == (hint, None, False)
    else:
        assert error["hint"] in result["msg"]
    for word in bad.words:
        assert word in result["msg"], result["msg"]
    assert "\n" not in result["msg"]
    assert "Error(" not in result["msg"]
    assert len(result["msg"]) < 500, result["msg"]


def test_nothing_was_done(refused: tuple[Run, dict[str, Any]]) -> None:
    run, counters = refused
    assert "Traceback" not in run.output
    assert counters.get("writes", 0) == 0
    assert counters["open_logon_sessions"] == 0
    assert counters["logons"] == counters["logoffs"]


@pytest.mark.parametrize("missing", ["VEEAM_EM_HOST", "VEEAM_EM_USERNAME", "VEEAM_EM_PASSWORD"])
def test_without_a_connection(ansible: Ansible, missing: str) -> None:
    whole = {"VEEAM_EM_HOST": "127.0.0.1", "VEEAM_EM_USERNAME": "a", "VEEAM_EM_PASSWORD": "b"}
    run = ansible.with_env(**{name: value for name, value in whole.items() if name != missing}).module(
        "veeam_em_task_info"
    )
    assert run.result["failed"]
    assert ("host" if missing == "VEEAM_EM_HOST" else missing) in run.result["msg"]
    assert "Traceback" not in run.output
