"""Worlds made up from a seed: odd servers, faults of all kinds, and others who work on the same jobs at the same time.

`make fuzz` makes many; SEED=7 repeats one, COUNT=5000 makes more. What must hold in each is in `judge`.
"""

from __future__ import annotations

import json
import os
import random
import time as real_time
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import client as client_module
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.session import EmSession
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import PASSWORD, Laboratory
from emsim import Simulator

FIRST = int(os.environ.get("SEED") or 1)
COUNT = int(os.environ.get("COUNT") or (1 if os.environ.get("SEED") else 40))
PROFILES = ("v95u4", "v10", "v12", "v13")
GOOD = ("Success", "Warning")
OPTIONAL = ["ScheduleEnabled", "ScheduleConfigured", "JobUid", "IsRetry", "Success"]
VM_TYPES = ("Backup", "Replica", "BackupCopy")
PLACEHOLDERS = ("", "", "1753-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "before", "ahead", "9999-12-31T00:00:00Z")
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reset_before", {}),
    ("reset_after", {}),
    ("truncated_body", {}),
    ("malformed_body", {}),
    ("empty_body", {}),
    ("encoding", {}),
    ("bom", {}),
    ("html", {}),
    ("html", {"status": 502}),
    ("status", {"status": 500}),
    ("status", {"status": 404}),
    ("status", {"status": 401}),
    ("status", {"status": 503, "retry_after": 3}),
    ("expire_session", {}),
    ("restart", {"seconds": 5}),
    ("clock_skew", {"seconds": 400}),
    ("another_resource", {}),
    ("unknown_state", {"state": "Beendet", "also_at_end": True}),
)
# What may hit a logon or a log-off, so that a logon session is left that nobody can end.
LOSSY = {name for name, _options in FAULTS} - {"bom", "clock_skew", "unknown_state"}
# A second resource of the kind must exist for this one.
SINGLE = {"another_resource": {"path": "/api/*jobs/*"}}


@dataclass
class World:
    """A simulated world, and what others have done in it."""

    seed: int
    random: random.Random
    scenario: dict[str, Any]
    faults: list[dict[str, Any]]
    profile: str
    api_format: str
    module: str
    options: dict[str, Any]
    events: list[tuple[float, str]]
    rows_per_page: int
    confused: float
    others: set[str] = field(default_factory=set)


def machines(rng: random.Random) -> list[dict[str, Any]]:
    names = rng.choice([["m1"], ["web01", "web01"], ["web01", "WEB01", "web02"], ["a", "b", "c", "d"]])
    return [
        {
            "name": name,
            "full_name": rng.choice(["", f"{name}.example.com"]),
            "result": rng.choice(["Success", "Success", "Warning", "Failed"]),
            "reason": rng.choice(["", "No space.", "odd \b\x1b[31m text"]),
            "duration": rng.choice([3, 30, 200]),
            "task_session": rng.random() > 0.1,
        }
        for name in names
    ]


def make(seed: int) -> World:
    rng = random.Random(seed)
    settings = {
        "no_date": rng.choice(PLACEHOLDERS),
        "flags": rng.choice(["", "", "text", "capital", "number", "digit"]),
        "numbers_as_text": rng.random() < 0.2,
        "letter_case": rng.choice(["", "", "", "lower", "upper"]),
        "omit": rng.sample(OPTIONAL, rng.choice([0, 0, 1, 2])),
        "unstable_order": rng.random() < 0.1,
        "task_sessions_of": rng.choice(["child", "parent"]),
        "job_uid_type": rng.choice(["Job", "AgentBackupJob"]),
        "failure_messages": rng.random() < 0.3,
        "start_on_running": rng.choice(["task_failed", "http_400", "http_500"]),
    }
    history = [
        {
            "ended_ago": rng.choice([2, 30, 1000, 90000]),
            "duration": rng.choice([2, 20, 900]),
            "appears_after": rng.choice([0, 0, 3, 20]),
            "dated_ahead": rng.choice([0, 0, 0, 300, 86400]),
        }
        for _number in range(rng.choice([0, 1, 3]))
    ]
    job = {
        "name": "A",
        "old_name": rng.choice(["", "Linux servers"]),
        "machines": machines(rng),
        "history": history,
        "start_delay": rng.choice([0, 1.5, 10, 60]),
        "hidden_for": rng.choice([0, 0, 15]),
        "children_delay": rng.choice([0, 5]),
        "related_link": rng.choice([True, False, "other"]),
        "running": rng.random() < 0.15,
        "started_again": machines(rng) if rng.random() < 0.2 else [],
        "schedule": {"enabled": rng.random() < 0.5},
    }
    family, job_type = rng.choice([("agent_jobs", "Backup")] * 3 + [("vm_jobs", each) for each in VM_TYPES])
    if family == "vm_jobs":
        job.update(type=job_type, stays_idle=job_type == "BackupCopy" and rng.random() < 0.5)
    other = {"name": "B", "machines": ["b1"], "history": [{"ended_ago": 50, "dated_ahead": rng.choice([0, 259200])}]}
    servers = [{"name": "vbr01", "clock_skew": rng.choice([0, 0, 0, -300, -5, 300])}]
    if servers[0]["clock_skew"] < 0:
        # By a clock that is behind, a short run seems to be one from before the start: the next one is believed.
        job["started_again"] = []
    faults = []
    for _number in range(rng.choice([0, 1, 1, 2, 4])):
        name, options = rng.choice(FAULTS)
        match = SINGLE.get(name) or rng.choice([{}, {"method": "GET"}, {"method": "POST"}, {"path": "/api/query"}])
        rule = {"match": match, "fault": name, "with": options, "occurrence": rng.randint(1, 25)}
        faults.append(rule)
    wish: dict[str, Any] = {"state": rng.choice(["started", "started", "started", "retried", "stopped"])}
    if rng.random() < 0.3:
        wish["schedule_enabled"] = rng.random() < 0.5
    happenings = ("rename", "start", "toggle", "restart", "delete logons", "delete")
    events = sorted((rng.uniform(0, 90), rng.choice(happenings)) for _number in range(rng.choice([0, 0, 1, 2])))
    options = {**wish, "wait": rng.random() < 0.85, "if_running": rng.choice(["attach", "fail"]), "wait_timeout": 1500}
    return World(
        seed,
        rng,
        {
            "users": [{"name": "administrator", "password": PASSWORD}],
            "settings": settings,
            "backup_servers": servers,
            family: [job, other],
        },
        faults,
        rng.choice(PROFILES),
        rng.choice(["json", "xml"]),
        "veeam_em_agent_job" if family == "agent_jobs" else "veeam_em_job",
        options,
        events,
        rows_per_page=rng.choice([2, 5, 500, 500]),
        confused=rng.choice([0, 0, 0, 0.05, 0.3]),
    )


def happen(sim: Simulator, world: World, what: str) -> None:
    """Let others do something."""
    app = sim.app
    with app.lock:
        job = app.state.jobs[0]
        now = app._clock()
        if what == "delete" and len(app.state.jobs) > 1:
            # Its runs stay in the list of the test; Enterprise Manager shows neither them nor the job any more.
            app.state.jobs.pop(0)
        if job.name == "B":
            return
        if what == "rename":
            app.set_job(job.id, {"name": job.name + " new"})
        elif what == "start" and not job.current(now):
            world.others.add(job.run(now).id)
        elif what == "toggle":
            job.set_schedule(now, not job.schedule_enabled)
        elif what == "restart":
            app.state.down_until = now + 5
        for session in app.logons.all(now) if what in ("restart", "delete logons") else ():
            app.logons.close(session)


def confuse(rng: random.Random, value: Any) -> Any:
    """An answer with one member of another type than it has."""
    if isinstance(value, list) and value:
        place = rng.randrange(len(value))
        return [confuse(rng, each) if number == place else each for number, each in enumerate(value)]
    if isinstance(value, dict) and value:
        key = rng.choice(sorted(value))
        if isinstance(value[key], (dict, list)) and rng.random() < 0.8:
            return {**value, key: confuse(rng, value[key])}
        return {**value, key: rng.choice([None, [], {}, 7, "x", True, [{}], {"a": 1}, 1.5, "", ["x"]])}
    return value


def judge(world: World, result: dict[str, Any], sim: Simulator, truth: Any, before: set[str], start: float) -> None:
    """What must hold in every world."""
    counters = sim.counters()
    for kind in ("starts", "stops", "retries"):
        assert sum(counters[kind].values()) <= 1, kind
    assert sum(counters["toggles"].values()) <= 1
    assert counters.get("toggles", {}) == {} or "schedule_enabled" in world.options
    if {"ScheduleEnabled", "ScheduleConfigured"} & set(world.scenario["settings"]["omit"]):
        assert counters["toggles"] == {}
    if not any(each["fault"] in LOSSY for each in world.faults) and not world.events:
        assert counters["open_logon_sessions"] == 0
    if result["failed"]:
        assert result["error"]["kind"]
        assert "defect" not in str(result["error"]["hint"]), result["msg"]
        assert result["msg"].isprintable()
    shown = json.dumps(result, ensure_ascii=False)
    assert PASSWORD not in shown
    job = next(jobs[0] for jobs in (world.scenario.get("agent_jobs"), world.scenario.get("vm_jobs")) if jobs)
    runs = {run.id: run for run in truth.runs}
    ours = set(runs) - before - world.others
    for row in result.get("jobs") or []:
        session = row["session"]
        if not session or session["id"] not in runs:
            assert not session or world.confused, "a session of nobody"
            continue
        run = runs[session["id"]]
        if row["action"] in ("start", "retry"):
            if session["id"] in before:
                # Where no answer says so, a start that was refused since the job runs looks like one that worked.
                task = row["task"] or {"operation": "", "success": None}
                assert task["operation"] == "UpdateJob" or task["success"] is None, "an old run " + describe(world)
                assert run.end > start, "a run of the past " + describe(world)
                continue
            started_again = job["started_again"]
            assert not ours or session["id"] in ours or started_again, "somebody else's run"
            first = min((runs[each].start for each in ours), default=run.start)
            assert run.start <= first or session["result"] is None or session["id"] in world.others, (
                "a later run " + describe(world)
            )
        if session["result"]:
            assert session["result"].lower() == run.result.lower()
        if not result["failed"] and world.options["wait"] and row["action"] in ("start", "attach", "retry"):
            assert run.result in GOOD
            assert all(machine.result in GOOD for machine in run.machines)
            assert len(row["machines"]) <= len(run.machines)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_a_world(lab: Laboratory, seed: int) -> None:
    world = make(seed)
    begin = real_time.monotonic()
    sim = Simulator(world.scenario, api_profile=world.profile, clock=lab.time, faults=world.faults)
    with sim, lab.monkeypatch.context() as patch:
        truth = sim.app.state.jobs[0]
        before = {run.id for run in truth.runs}
        decoded = EmSession._decoded

        def confused(session: Any, response: Any) -> Any:
            answer = decoded(session, response)
            return confuse(world.random, answer) if world.random.random() < world.confused else answer

        patch.setattr(EmSession, "_decoded", confused)
        patch.setattr(client_module, "PAGE_SIZE", world.rows_per_page)
        start = lab.time.now
        sleep = lab.time.sleep

        def passing(seconds: float) -> None:
            sleep(seconds)
            while world.events and lab.time.now - start > world.events[0][0]:
                happen(sim, world, world.events.pop(0)[1])

        patch.setattr(lab.time, "sleep", passing)
        connection = {"host": sim.host, "port": sim.port, "ca_path": sim.ca_path, "api_format": world.api_format}
        result = lab.run(world.module, **connection, **world.options, name="A")
        assert real_time.monotonic() - begin < 30
        judge(world, result, sim, truth, before, start)


def describe(world: World) -> str:
    s = {k: v for k, v in world.scenario["settings"].items() if v}
    jobs = world.scenario.get("agent_jobs") or world.scenario["vm_jobs"]
    j = {k: v for k, v in jobs[0].items() if v and k != "machines"}
    return f"{world.options} {s} {world.scenario['backup_servers']} {j} {world.faults} events {world.events}"
