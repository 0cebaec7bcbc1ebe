"""No secret in anything that a user, a log or a callback gets to see: everything runs at -vvvv, with --diff.

One thing is out of reach: with ANSIBLE_KEEP_REMOTE_FILES=1 Ansible leaves the options of each module, secrets and all,
in files on the host that runs it.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests import samples
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible, Run
from conductorsim import ConductorSimulator
from emsim import Simulator
from emsim.logons import LogonSession, LogonSessions

USER = "administrator"
PASSWORD = "canary-Passw0rd"
BAD_SESSION = "canary-session-id"
AUTH_KEY, AUTH_SECRET, AUTH_TOKEN = "canary-access-key", "canary-access-secret", "canary-access-token"
CANARIES = (PASSWORD, BAD_SESSION, AUTH_SECRET, AUTH_TOKEN)

SCENARIO: dict[str, Any] = {
    "users": [{"name": USER, "password": PASSWORD}],
    "agent_jobs": [
        {"name": "A", "machines": [{"name": "m1", "duration": 2}], "history": [{"ended_ago": 900}], "start_delay": 0.2},
        {"name": "B", "machines": ["m2"], "running": True},
    ],
    "vm_jobs": [{"name": "R", "type": "Replica", "machines": ["v1"], "history": [{"ended_ago": 900}]}],
}
ALL_MODULES = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}


@pytest.fixture
def sim(emsim: Callable[..., Simulator]) -> Simulator:
    return emsim(SCENARIO, speed=5)


def loud(ansible: Ansible, *tasks: dict[str, Any]) -> Run:
    """Run tasks with everything on that could tell a secret, and add what landed in files to the output."""
    saved = ansible.folder / "saved"
    it = ansible.with_env(
        ANSIBLE_LOG_PATH=str(saved / "ansible.log"),
        ANSIBLE_CALLBACKS_ENABLED="record,ansible.builtin.junit,ansible.builtin.tree",
        ANSIBLE_CALLBACK_TREE_DIR=str(saved / "tree"),
        JUNIT_OUTPUT_DIR=str(saved / "junit"),
        JUNIT_TASK_CLASS="yes",
        CANARY_PASSWORD=PASSWORD,
        CANARY_SESSION=BAD_SESSION,
    )
    saved.mkdir(exist_ok=True)
    named = [{"name": f"{number} {_module(task)}", "ignore_errors": True, **task} for number, task in enumerate(tasks)]
    run = it.play(*named, arguments=["-vvvv", "--diff"])
    assert run.rc == 0, run.output
    assert len(run.results) == len(tasks)
    assert "Traceback" not in run.output
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert {"ansible.log"} < {path.name for path in files}
    for path in [*files, ansible.folder / "record"]:
        # JUnit's files are XML.
        run.stdout += html.unescape(path.read_text(encoding="utf-8"))
    return run


def _module(task: dict[str, Any]) -> str:
    return next(name for name in task if name.startswith(("veeam_em_", "conductor_")))


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """All tokens that simulators give out during the test."""
    given = set()
    log_on = LogonSessions.open

    def note(*arguments: Any) -> LogonSession:
        session = log_on(*arguments)
        given.add(session.token)
        return session

    monkeypatch.setattr(LogonSessions, "open", note)
    return given


def assert_absent(secrets: Any, text: str) -> None:
    for secret in secrets:
        found = text.find(secret)
        assert found < 0, f"...{text[max(0, found - 200) : found + 60]}..."


def basic() -> str:
    return base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def em_tasks() -> list[dict[str, Any]]:
    """Every veeam_em_* module but veeam_em_session, well and badly."""
    known = "00000000-0000-0000-0000-000000000001"
    own: list[dict[str, Any]] = [
        {"veeam_em_agent_job": {"name": "A", "state": "started", "wait": True, "wait_interval": 0.1}},
        {"veeam_em_agent_job": {"name": "A", "state": "schedule", "schedule_enabled": False}},
        {"veeam_em_agent_job": {"name": "A", "state": "started"}, "check_mode": True},
        {"veeam_em_agent_job": {"name": "No such job", "state": "started"}},
        {"veeam_em_job": {"name": "R", "state": "started", "if_running": "fail"}},
        {"veeam_em_maintenance": {"name": "A", "state": "frozen"}},
        {"veeam_em_maintenance": {"name": "No such job", "state": "frozen"}},
        {"veeam_em_maintenance": {"state": "thawed"}},
        {"veeam_em_backup": {"machine": ["a", "nobody"], "wait_interval": 0.1}},
        {"veeam_em_job_info": {"kind": "vm", "include_objects": True}},
        {"veeam_em_protection_info": {"machine": ["a"]}},
        {"veeam_em_job_session_info": {"limit": 3}},
        {"veeam_em_job_session_wait": {"id": [known]}},
        {"veeam_em_backup_task_session_info": {"limit": 3}},
        {"veeam_em_replica_task_session_info": {"limit": 3}},
        {"veeam_em_report_info": {"hours": 1}},
        {"veeam_em_task_info": {}},
        {"veeam_em_task_wait": {"task_id": "task-1"}},
        {"veeam_em_task": {"task_id": "task-1", "state": "absent"}},
    ]
    return [*own, *samples.rest(own)]


def test_modules_of_enterprise_manager(sim: Simulator, ansible: Ansible, tokens: set[str]) -> None:
    run = loud(ansible.connected(sim, USER, PASSWORD), *em_tasks())
    assert {result["failed"] for result in run.results} == {True, False}
    assert_absent([*CANARIES, basic(), *tokens], run.output)


def test_failures_of_all_kinds(sim: Simulator, ansible: Ansible, tokens: set[str], tmp_path: Path) -> None:
    """The password is an option of each task here, and the client key a file of its own."""
    pem = Path(sim.client_cert_path).read_text(encoding="utf-8")
    blocks = re.findall(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n", pem, re.DOTALL)
    key = next(block for block in blocks if "PRIVATE KEY" in block)
    (tmp_path / "key.pem").write_text(key, encoding="utf-8")
    (tmp_path / "cert.pem").write_text("".join(block for block in blocks if block != key), encoding="utf-8")
    options = {
        "type": "BackupServer",
        "password": "{{ lookup('env', 'CANARY_PASSWORD') }}",
        "client_cert": str(tmp_path / "cert.pem"),
        "client_key": str(tmp_path / "key.pem"),
        "retries": 0,
        "request_timeout": 1,
    }
    faults = ["reset_before", "timeout", "truncated_body", "malformed_body", "empty_body", "html", "redirect"]
    faults += ["entity_bomb", "refuse"]
    rules = [{"match": {"path": "/api/query"}, "occurrence": n, "fault": each} for n, each in enumerate(faults, 1)]
    codes = [400, 401, 403, 404, 429, 500, 503]
    rules += [
        {"match": {"path": "/api/query"}, "occurrence": n, "fault": "status", "with": {"status": code}}
        for n, code in enumerate(codes, len(faults) + 1)
    ]
    sim.add_faults(rules)
    queries = [{"veeam_em_query_info": options} for _each in (*faults, *codes)]
    others = [
        {"veeam_em_query_info": {**options, **bad}}
        for bad in (
            {"host": "no-such-host.invalid"},
            {"ca_path": __file__},
            {"password": "{{ lookup('env', 'CANARY_PASSWORD') ~ 'x' }}"},
            {"password": "{{ lookup('env', 'CANARY_PASSWORD') ~ '\\n' }}"},
            {"session_id": "{{ lookup('env', 'CANARY_SESSION') }}"},
            {"session_id": "{{ lookup('env', 'CANARY_SESSION') ~ '\\n' }}"},
            {"session_id": "{{ ' ' ~ lookup('env', 'CANARY_SESSION') }}"},
            {"filter": "{{ lookup('env', 'CANARY_PASSWORD') | length }}"},
            {"no_such_option": True},
        )
    ]
    run = loud(ansible.connected(sim, USER), *queries, *others)
    kinds = {result.get("error", {}).get("kind") for result in run.results}
    assert {"timeout", "connection", "protocol", "server", "authorization", "authentication", "tls", "usage"} <= kinds
    key_lines = [line for line in key.splitlines() if len(line) > 30]
    assert_absent([*CANARIES, basic(), *tokens, *key_lines], run.output)


def test_the_token_is_in_session_id_and_nowhere_else(sim: Simulator, ansible: Ansible, tokens: set[str]) -> None:
    given = {"session_id": "{{ logon.session_id }}"}
    run = loud(
        ansible.connected(sim, USER, PASSWORD),
        {"veeam_em_session": {}, "register": "logon"},
        {"veeam_em_session": {}, "check_mode": True},
        {"veeam_em_agent_job": {"name": "A", "state": "started", **given}},
        {"veeam_em_task_info": given},
        {"veeam_em_task_wait": {"task_id": "task-1", "wait_interval": 0.1, **given}},
        {"veeam_em_task": {"task_id": "task-1", **given}},
        {"veeam_em_task_wait": {"task_id": "task-1", **given}},
        {
            "veeam_em_session": {
                "state": "absent",
                "logon_session_id": "{{ logon.logon_session_id }}",
                **given,
            }
        },
        {"veeam_em_query_info": {"type": "BackupServer", **given}},
    )
    logon = run.results[0]
    token = logon.pop("session_id")
    assert {token} < tokens
    assert token not in str(run.results)
    lines = [line for line in run.output.splitlines() if token in line]
    assert lines
    for line in lines:
        assert re.sub(rf'\\*"session_id\\*": \\*"{re.escape(token)}\\*"', "", line).count(token) == 0
    assert_absent([*CANARIES, basic(), *(tokens - {token})], run.output)


def test_modules_of_conductor(ansible: Ansible) -> None:
    scenario = {
        "keys": [{"id": AUTH_KEY, "secret": AUTH_SECRET}],
        "workflows": [{"name": "change", "tasks": [{"reference": "gate", "type": "HUMAN"}]}],
    }
    with ConductorSimulator(scenario, "orkes") as sim:
        gate = {"workflow_id": sim.workflows()[0]["id"], "task_reference_name": "gate"}
        sim.add_faults([{"match": {"method": "GET"}, "occurrence": 5, "fault": "status", "with": {"status": 403}}])
        run = loud(
            ansible.with_env(
                CONDUCTOR_SERVER_URL=f"{sim.url}/api",
                CONDUCTOR_CA_PATH=sim.ca_path,
                CONDUCTOR_AUTH_KEY=AUTH_KEY,
                CONDUCTOR_AUTH_SECRET=AUTH_SECRET,
                CANARY_TOKEN=AUTH_TOKEN,
            ),
            {"conductor_task_info": gate},
            {"conductor_task_wait": {**gate, "wait_timeout": 0.5, "wait_interval": 0.1}},
            {"conductor_task": {**gate, "status": "COMPLETED", "output": {"a": 1}}, "check_mode": True},
            {"conductor_task": {**gate, "status": "COMPLETED", "output": {"a": 1}}},
            {"conductor_task": {**gate, "status": "FAILED"}},
            {"conductor_task_info": {**gate, "auth_token": "{{ lookup('env', 'CANARY_TOKEN') }}"}},
            {"conductor_task_info": {**gate, "auth_token": "{{ lookup('env', 'CANARY_TOKEN') ~ ' x' }}"}},
            {"conductor_task_info": {**gate, "auth_secret": "{{ lookup('env', 'CANARY_PASSWORD') }}"}},
            {"conductor_task_info": {**gate, "server_url": "https://127.0.0.1:1/api", "retries": 0}},
        )
    assert {result["failed"] for result in run.results} == {True, False}
    issued = list(sim.app.state.tokens._issued)
    assert issued
    assert_absent([*CANARIES, *issued], run.output)


def test_every_module_is_looked_at() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    used = set(re.findall(r'"(\w+)": (?:\{|given)', source))
    assert used | set(samples.READING) >= ALL_MODULES
