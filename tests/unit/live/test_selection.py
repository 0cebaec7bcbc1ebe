"""What selects: lists that are given but empty, options of the other state, the wrong kind, and many ids."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.unit.faults.laboratory import Laboratory, laboratory
from ansible_collections.backupops.veeam_em.tests.unit.test_modules import MODULES

PACKAGE = "ansible_collections.backupops.veeam_em.plugins.modules"
# What the modules need besides the option itself.
NEEDED: dict[str, dict[str, Any]] = {
    "veeam_em_agent_job": {"state": "started"},
    "veeam_em_job": {"state": "started"},
    "veeam_em_maintenance": {"state": "thawed"},
    "veeam_em_query_info": {"type": "Job"},
}
# These lists select nothing: they only add to what the module knows.
NOT_SELECTING = {"exclude", "rpo_overrides", "tolerate_warnings"}


def lists() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        options = yaml.safe_load(importlib.import_module(f"{PACKAGE}.{module}").DOCUMENTATION).get("options", {})
        for name, option in options.items():
            if module.startswith("veeam_em_") and option.get("type") == "list" and name not in NOT_SELECTING:
                yield module, name


# The options of these two modules are in a doc fragment.
JOBS = [(module, option) for module in ("veeam_em_agent_job", "veeam_em_job") for option in ("name", "id")]
LISTS = [*lists(), *JOBS, ("veeam_em_query_info", "filter")]
AGENT_RUNS = [
    {"name": f"Agent {n:02}", "machines": [f"a{n:02}", f"b{n:02}"], "history": [{"ended_ago": 5000 + 60 * n}]}
    for n in range(25)
]
VM_RUNS = [
    {"name": f"VM {n:02}", "machines": [f"v{n:02}"], "history": [{"ended_ago": 9000 + 60 * n}]} for n in range(25)
]
REPLICAS = [
    {"name": f"Replica {n:02}", "type": "Replica", "machines": [f"r{n:02}"], "history": [{"ended_ago": 20000 + 60 * n}]}
    for n in range(25)
]
MANY: dict[str, Any] = {
    "users": [{"name": "administrator", "password": "canary-of-the-password"}],
    "agent_jobs": AGENT_RUNS,
    "vm_jobs": [*VM_RUNS, *REPLICAS],
}
NOBODY = "aaaaaaaa-0000-4000-8000-000000000000"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Laboratory]:
    with laboratory(monkeypatch) as made:
        yield made
        assert made.counters["open_logon_sessions"] == 0


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Laboratory]]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(laboratory(monkeypatch, scenario={**MANY, "settings": settings}))


def ids_of(lab: Laboratory, **wanted: Any) -> list[str]:
    return [each["id"] for each in lab.run("veeam_em_job_session_info", **wanted)["sessions"]]


def cost(lab: Laboratory, *arguments: Any, **options: Any) -> tuple[dict[str, Any], int]:
    before = len(lab.sim.requests())
    return lab.run(*arguments, **options), len(lab.sim.requests()) - before


class TestEmpty:
    def test_every_list_is_tried(self) -> None:
        assert len({module for module, _option in LISTS}) == 17
        assert ("veeam_em_maintenance", "name") in LISTS
        assert ("veeam_em_task_info", "state") in LISTS

    def test_an_empty_list_never_selects_everything(self, lab: Laboratory) -> None:
        for module, option in LISTS:
            for empty in ([], [""], [" "]) if option != "filter" else ([],):
                result = lab.run(module, **NEEDED.get(module, {}), **{option: empty})
                where = f"{module} {option} {empty}"
                assert (result["failed"], result["error"]["kind"]) == (True, "usage"), where
                assert option in result["msg"], where
        assert lab.sim.requests() == []

    def test_says_to_leave_it_out(self, lab: Laboratory) -> None:
        result = lab.run("veeam_em_job_session_info", job_name=[])
        assert result["msg"] == "job_name is empty. Leave out job_name to select all, or add at least one entry."

    def test_null_is_not_given(self, lab: Laboratory) -> None:
        assert len(lab.run("veeam_em_job_session_info", job_name=None)["sessions"]) > 2

    @pytest.mark.parametrize("name", [[], "", "[]", "\n"])
    def test_thaws_nothing(self, lab: Laboratory, tmp_path: Any, name: Any) -> None:
        path = str(tmp_path / "memory.json")
        lab.run("veeam_em_maintenance", state="frozen", name="Linux servers", path=path)
        result = lab.run("veeam_em_maintenance", state="thawed", name=name, path=path)
        assert result["msg"] == (
            "name is empty. Add at least one entry, or leave out name to thaw everything that was frozen with the same "
            "path."
        )
        assert not next(job["schedule_enabled"] for job in lab.sim.jobs() if job["name"] == "Linux servers")
        assert lab.run("veeam_em_maintenance", state="thawed", path=path)["changed"] is True

    def test_freezes_nothing(self, lab: Laboratory) -> None:
        for more in ({}, {"all_jobs": True}):
            result = lab.run("veeam_em_maintenance", state="frozen", name=[], **more)
            assert result["msg"] == (
                "name is empty. Add at least one entry. To freeze all jobs, leave out name and set all_jobs to true."
            )

    def test_a_wait_returns_what_it_always_returns(self, lab: Laboratory) -> None:
        sessions = lab.run("veeam_em_job_session_wait", id=[])
        assert sessions["msg"] == "id is empty. Set id to at least one ID."
        tasks = lab.run("veeam_em_task_wait", task_id=[])
        assert tasks["msg"] == "task_id is empty. Set task_id to at least one ID."
        for result, key in ((sessions, "sessions"), (tasks, "tasks")):
            assert (result[key], result["elapsed"], result["polls"]) == ([], 0, 0)
            assert isinstance(result["summary"], str)
        assert sessions["timed_out"] is False


class TestOptionsOfTheOtherState:
    @pytest.mark.parametrize(
        ("state", "option", "value"),
        [
            ("thawed", "stop_running", True),
            ("thawed", "expires_after", 5),
            ("thawed", "all_jobs", True),
            ("frozen", "overdue_only", True),
            ("frozen", "forget_missing", True),
        ],
    )
    def test_refused(self, lab: Laboratory, state: str, option: str, value: Any) -> None:
        chosen = {"name": "Linux servers"} if state == "frozen" else {}
        result = lab.run("veeam_em_maintenance", state=state, **{option: value}, **chosen)
        assert result["msg"] == f"{option} cannot be used with state {state}. Leave it out."
        assert result["error"]["kind"] == "usage"
        assert lab.sim.requests() == []

    def test_false_is_as_if_left_out(self, lab: Laboratory, tmp_path: Any) -> None:
        path = str(tmp_path / "memory.json")
        options = dict.fromkeys(("stop_running", "overdue_only", "forget_missing", "all_jobs"), False)
        frozen = lab.run("veeam_em_maintenance", state="frozen", name="Linux servers", path=path, **options)
        thawed = lab.run("veeam_em_maintenance", state="thawed", path=path, **options)
        assert (frozen["changed"], thawed["changed"]) == (True, True)


class TestTheWrongKind:
    @pytest.mark.parametrize(
        ("module", "options", "hint"),
        [
            ("veeam_em_agent_job", {"name": "VM backup", "state": "started"}, "is a VM job. Use veeam_em_job."),
            ("veeam_em_agent_job_info", {"name": "VM backup"}, "is a VM job. Use veeam_em_job_info."),
            (
                "veeam_em_job",
                {"name": "Linux servers", "kind": "vm", "state": "started"},
                "is an agent job. Set kind to any or agent.",
            ),
            ("veeam_em_job", {"name": "VM backup", "kind": "agent", "state": "started"}, "Set kind to any or vm."),
            ("veeam_em_job_info", {"name": "VM backup", "kind": "agent"}, "is a VM job. Set kind to any or vm."),
            (
                "veeam_em_maintenance",
                {"name": "Linux servers", "kind": "vm", "state": "frozen"},
                "Set kind to any or agent.",
            ),
            ("veeam_em_report_info", {"name": "Linux servers", "kind": "vm"}, "Set kind to any or agent."),
            (
                "veeam_em_backup",
                {"machine": "web01", "jobs": {"web01": "Linux servers"}, "kind": "vm"},
                "Set kind to any or agent.",
            ),
        ],
    )
    def test_is_answered_with_what_fits(
        self, lab: Laboratory, tmp_path: Any, module: str, options: dict[str, Any], hint: str
    ) -> None:
        if module == "veeam_em_maintenance":
            options = {**options, "path": str(tmp_path / "memory.json")}
        error = lab.run(module, **options)["error"]
        assert error["kind"] == "not_found"
        name = "VM backup" if "VM backup" in str(options) else "Linux servers"
        assert error["hint"].startswith(f"{name!r} is a")
        assert error["hint"].endswith(hint)

    def test_near_matches_are_quoted(self, lab: Laboratory) -> None:
        for module in ("veeam_em_job_info", "veeam_em_agent_job_info", "veeam_em_report_info"):
            assert "Did you mean: 'Linux servers'" in lab.run(module, name="Linux server")["error"]["hint"]


class TestManyIds:
    """The requests of a module that reads many sessions by id do not grow with their number, and the order stays."""

    def test_sessions(self, large: Callable[..., Laboratory]) -> None:
        lab = large()
        ids = [*ids_of(lab, job_type="Replica"), *ids_of(lab, job_type=["AgentBackup", "Backup"])]
        ids = [*reversed(ids), ids[0].upper()]
        assert len(ids) == 76
        result, requests = cost(lab, "veeam_em_job_session_info", id=ids)
        assert [each["id"] for each in result["sessions"]] == [each.lower() for each in ids]
        assert requests <= 15
        few = lab.run("veeam_em_job_session_info", id=ids[:3])
        assert few["sessions"] == result["sessions"][:3]

    def test_one_that_does_not_exist(self, large: Callable[..., Laboratory]) -> None:
        lab = large()
        ids = ids_of(lab, job_type="AgentBackup")
        alone = lab.run("veeam_em_job_session_info", id=NOBODY)
        result, requests = cost(lab, "veeam_em_job_session_info", id=[*ids, NOBODY])
        assert (result["msg"], result["error"]) == (alone["msg"], alone["error"])
        assert requests <= 10
        waited = lab.run("veeam_em_job_session_wait", id=[*ids, NOBODY])
        assert waited["error"]["kind"] == "not_found"
        assert [each["id"] for each in waited["sessions"]] == ids

    def test_a_wait(self, large: Callable[..., Laboratory]) -> None:
        lab = large()
        ids = [*ids_of(lab, job_type="Replica"), *ids_of(lab, job_type="Backup")]
        result, requests = cost(lab, "veeam_em_job_session_wait", id=ids, progress=False)
        assert [each["id"] for each in result["sessions"]] == ids
        assert all(each["machines"] for each in result["sessions"])
        assert requests <= 25

    @pytest.mark.parametrize("task_sessions_of", ["child", "parent"])
    def test_task_sessions(self, large: Callable[..., Laboratory], task_sessions_of: str) -> None:
        lab = large(task_sessions_of=task_sessions_of)
        ids = ids_of(lab, job_type=["AgentBackup", "Backup"])
        result, requests = cost(lab, "veeam_em_backup_task_session_info", job_session_id=ids)
        assert requests <= 30
        # Up to 20 sessions are read one by one.
        single = [
            each
            for start in range(0, len(ids), 20)
            for each in lab.run("veeam_em_backup_task_session_info", job_session_id=ids[start : start + 20])[
                "task_sessions"
            ]
        ]
        assert len(single) == 75
        by_id = {each["id"]: each for each in single}
        assert {each["id"]: each for each in result["task_sessions"]} == by_id
        times = [each["creation_time"] for each in result["task_sessions"]]
        assert times == sorted(times, reverse=True)

    def test_task_sessions_of_replicas(self, large: Callable[..., Laboratory]) -> None:
        lab = large()
        ids = ids_of(lab, job_type="Replica")
        result, requests = cost(lab, "veeam_em_replica_task_session_info", replica_session_id=ids)
        assert [each["machine"] for each in result["task_sessions"]] == [f"r{n:02}" for n in range(25)]
        assert requests <= 10

    def test_task_sessions_of_a_session_that_does_not_exist(self, large: Callable[..., Laboratory]) -> None:
        lab = large()
        ids = ids_of(lab, job_type="Backup")
        result = lab.run("veeam_em_backup_task_session_info", job_session_id=[*ids, NOBODY])
        assert result["error"]["kind"] == "not_found"
