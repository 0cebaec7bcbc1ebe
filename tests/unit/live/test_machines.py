"""The machines of runs: each session and task session is found, however many runs there are and whatever names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.machines import listed_children, read_machines
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.model import JobSession
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import records
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]


def ended(*machines: Any, **run: Any) -> dict[str, Any]:
    return {"history": [{"ended_ago": 3600, "machines": list(machines), **run}]}


BAD = {"name": "bad", "result": "Failed", "reason": "The disk is full."}
FLEET: dict[str, Any] = {
    "agent_jobs": [{"name": f"A{number}", "machines": [f"a{number}"], **ended(f"a{number}", BAD)} for number in "1234"],
    "vm_jobs": [
        {"name": "V", "machines": ["v1", "v2"], **ended("v2", "v1")},
        {"name": "R", "type": "Replica", "machines": ["r1"], **ended({"name": "r1", "result": "Warning"})},
    ],
}
ALL_AGENTS = {f"A{number}": [(f"a{number}", "Success", None), ("bad", "Failed", BAD["reason"])] for number in "1234"}
OTHERS = {"V": [("v1", "Success", None), ("v2", "Success", None)], "R": [("r1", "Warning", None)]}


def runs(client: EmClient, names: Sequence[str] = ()) -> list[JobSession]:
    """The runs of the jobs of these names, or of all."""
    rows = [row for kind in ("BackupJobSession", "ReplicaJobSession") for row in client.query(kind)]
    found = [each for each in records(client, rows) if each["job_type"] != "AgentManagement"]
    return [each for each in found if not names or each["job_name"] in names]


Verdicts = dict[str, list[tuple[str, str | None, str | None]]]


def machines(it: Em, *names: str) -> tuple[Verdicts, int]:
    """Job -> name, result and reason of the machines of its run; and how many requests that took."""

    def work(client: EmClient) -> tuple[Verdicts, int]:
        chosen = runs(client, names)
        before = len(it.sim.requests())
        found = read_machines(client, chosen)
        for run in chosen:
            # A machine of an agent job has a session of its own beside the task session.
            own = [each["id"] != each["task_session_id"] for each in found[run["id"]] if each["task_session_id"]]
            assert set(own) <= {run["job_name"] in ALL_AGENTS}
        verdicts = {
            run["job_name"]: [(each["name"], each["result"], each["reason"]) for each in found[run["id"]]]
            for run in chosen
        }
        return verdicts, len(it.sim.requests()) - before

    result: tuple[Verdicts, int] = it.call(work)
    return result


def test_runs_of_all_kinds_together(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    # The agents' own sessions, and the task sessions of each kind, once for all runs.
    assert machines(it) == ({**ALL_AGENTS, **OTHERS}, 3)
    (own,) = [each["query"] for each in it.asked("/query") if "AgentManagement" in each["query"]]
    assert re.search("filter=JobType==.*;CreationTime>=", unquote(own))


def test_three_runs_are_few(em: Start) -> None:
    wanted = {name: ALL_AGENTS[name] for name in ("A1", "A2", "A3")}
    assert machines(em(FLEET), *wanted) == (wanted, 7)


def test_the_own_lists_of_many_runs_are_read_only_after_their_end(em: Start) -> None:
    late = {"name": "m", "appears_after": 600, "duration": 60}
    jobs = [{"name": f"A{number}", "machines": [late], "running": True} for number in range(4)]
    # The sessions of all agents, and no task session.
    assert machines(em({"agent_jobs": jobs})) == ({f"A{number}": [] for number in range(4)}, 2)


def test_few_runs_from_their_own_lists(em: Start, dialect: dict[str, str]) -> None:
    wanted = {"A1": ALL_AGENTS["A1"], "A3": ALL_AGENTS["A3"], "V": OTHERS["V"]}
    # For each agent run its list and the sessions in it, then the task sessions of all.
    assert machines(em(FLEET, **dialect), "A1", "A3", "V") == (wanted, 5)


@pytest.mark.parametrize("names", [("A1", "V"), ()], ids=["few", "many"])
@pytest.mark.parametrize("settings", [{"omit": ["JobSessionUid"]}, {"task_sessions_of": "parent"}], ids=str)
def test_task_sessions_that_do_not_name_the_machines_session(
    em: Start, names: tuple[str, ...], settings: dict[str, Any]
) -> None:
    wanted = {name: found for name, found in {**ALL_AGENTS, **OTHERS}.items() if not names or name in names}
    assert machines(em({**FLEET, "settings": settings}), *names)[0] == wanted


def test_the_lists_of_a_run_in_progress_are_not_read(em: Start) -> None:
    late = {"name": "m", "appears_after": 600, "duration": 60}
    it = em({"vm_jobs": [{"name": "V", "machines": [late], "running": True}]})
    assert machines(it, "V") == ({"V": []}, 1)


def test_the_lists_of_an_ended_run_are_read_once(em: Start) -> None:
    it = em({"vm_jobs": [{"name": "V", "machines": ["m"], **ended({"name": "m", "task_session": False})}]})
    assert machines(it, "V") == ({"V": []}, 2)


def test_children_that_no_query_finds(em: Start) -> None:
    it = em(FLEET)

    def work(client: EmClient) -> list[str]:
        (run,) = runs(client, ["A1"])
        # As if the service had not added them to the index of its queries yet.
        client.query_any = lambda *_arguments, **_more: []  # type: ignore[method-assign]
        return sorted(child["job_name"] for child in listed_children(client, run))

    assert it.call(work) == ["A1 - a1", "A1 - bad"]
    assert len(it.asked("agentManagementSessions")) == 1
