"""veeam_em_maintenance against emsim: what it toggles, what it remembers, and what is left after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError, learnt_by
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Transport
from ansible_collections.backupops.veeam_em.plugins.module_utils._memory import MemoryFile
from ansible_collections.backupops.veeam_em.plugins.module_utils._progress import Channel, Progress
from ansible_collections.backupops.veeam_em.plugins.module_utils._text import Secrets
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em, Time
from emsim import Simulator

Start = Callable[..., Em]

AGENT = [
    {"name": "Running", "machines": [{"name": "a", "duration": 6000}], "running": True},
    {"name": "Enabled", "machines": ["b"]},
    {"name": "Disabled", "machines": ["c"], "schedule": {"enabled": False}},
    {"name": "On demand", "machines": ["d"], "schedule": {"configured": False, "enabled": False}},
    {"name": "Not chosen", "machines": ["e"]},
]
VM = [{"name": "VMs", "machines": ["v"]}]
FLEET: dict[str, Any] = {"agent_jobs": AGENT, "vm_jobs": VM}
CHOSEN = ["Running", "Enabled", "Disabled", "On demand", "VMs"]
FROZEN = {
    "Running": "frozen",
    "Enabled": "frozen",
    "Disabled": "untouched",
    "On demand": "without schedule",
    "VMs": "frozen",
}


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory.json"


def schedules(it: Em) -> dict[str, bool]:
    return {job["name"]: job["schedule_enabled"] for job in it.sim.jobs()}


def states(memory: Path) -> dict[str, str]:
    return {job["name"]: job["state"] for job in json.loads(memory.read_text(encoding="utf-8"))["jobs"].values()}


def told(result: dict[str, Any]) -> dict[str, str]:
    return {each["job"]["name"]: each["state"] for each in result["jobs"]}


def problem(it: Em, *arguments: Any, **keywords: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        it.maintenance(*arguments, **keywords)
    return caught.value


class TestFreezeAndThaw:
    def test_as_it_was(self, em: Start, memory: Path, dialect: dict[str, str]) -> None:
        it = em(FLEET, **dialect)
        before = schedules(it)
        frozen = it.maintenance("frozen", memory, *CHOSEN)
        assert schedules(it) == {**dict.fromkeys(before, False), "Not chosen": True}
        assert (frozen["changed"], told(frozen), states(memory)) == (True, FROZEN, FROZEN)
        assert [each["changed"] for each in frozen["jobs"]] == [True, True, False, False, True]
        assert [each["was_enabled"] for each in frozen["jobs"]] == [True, True, False, None, True]
        assert {each["job"]["kind"] for each in frozen["jobs"]} == {"agent", "vm"}
        assert frozen["memory"]["path"] == str(memory)
        assert frozen["memory"]["em"] == f"{it.sim.host}:{it.sim.port}"
        assert frozen["memory"]["frozen_at"].startswith("2026-09-21T")
        assert frozen["memory"]["expires_at"] is None
        assert frozen["diff"]["before"].keys() == frozen["diff"]["after"].keys()
        assert [each["schedule_enabled"] for each in frozen["diff"]["before"].values()] == [
            True,
            True,
            False,
            False,
            True,
        ]
        assert not any(each["schedule_enabled"] for each in frozen["diff"]["after"].values())
        assert it.counters["logons"] == 1

        again = it.maintenance("frozen", memory, *CHOSEN)
        assert (again["changed"], told(again)) == (False, FROZEN)
        assert again["diff"]["before"] == again["diff"]["after"]

        thawed = it.maintenance("thawed", memory)
        assert (thawed["changed"], schedules(it)) == (True, before)
        assert told(thawed)["Enabled"] == "thawed"
        assert [each["changed"] for each in thawed["jobs"]] == [True, True, False, False, True]
        requests = len(it.sim.requests())
        once_more = it.maintenance("thawed", memory)
        assert (once_more["changed"], len(once_more["jobs"])) == (False, 5)
        assert len(it.sim.requests()) == requests
        assert it.counters["toggles"] == {"Running": 2, "Enabled": 2, "VMs": 2}

    def test_check_mode_writes_nothing(self, em: Start, tmp_path: Path) -> None:
        it, memory = em(FLEET), tmp_path / "new" / "memory.json"
        would = it.maintenance("frozen", memory, *CHOSEN, check=True, stop_running=True)
        assert (would["changed"], told(would)) == (True, FROZEN)
        assert would["jobs"][0]["msg"] == "Would disable the schedule. Would stop."
        assert not memory.parent.exists()
        it.maintenance("frozen", memory, *CHOSEN)
        content, writes = memory.read_bytes(), it.counters["writes"]
        (memory.parent / "memory.json.lock").unlink()
        would = it.maintenance("thawed", memory, check=True)
        assert (would["changed"], told(would)["VMs"]) == (True, "thawed")
        assert [each["schedule_enabled"] for each in would["diff"]["after"].values()] == [
            True,
            True,
            False,
            False,
            True,
        ]
        assert memory.read_bytes() == content
        assert os.listdir(memory.parent) == ["memory.json"]
        assert it.counters["writes"] == writes

    def test_stop_running(self, em: Start, memory: Path) -> None:
        it = em({"agent_jobs": AGENT, "vm_jobs": [{**VM[0], "running": True}, {"name": "Idle", "machines": ["i"]}]})
        result = it.maintenance("frozen", memory, "Running", "VMs", "Idle", stop_running=True)
        assert it.counters["stops"] == {"Running": 1, "VMs": 1}
        assert [each["changed"] for each in result["jobs"]] == [True, True, True]
        assert "Stopped" in result["jobs"][0]["msg"]
        assert not any(job["running"] for job in it.sim.jobs())
        again = it.maintenance("frozen", memory, "Running", "VMs", "Idle", stop_running=True)
        assert again["changed"] is False
        assert it.counters["stops"] == {"Running": 1, "VMs": 1}

    def test_a_stop_that_takes_too_long(self, em: Start, memory: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[0], "stop_takes": 600}]})
        error = problem(it, "frozen", memory, "Running", stop_running=True, timeout=120)
        assert (error.kind, error.learnt["timed_out"]) == ("timeout", True)
        assert error.learnt["jobs"][0]["state"] == "frozen"
        assert states(memory) == {"Running": "frozen"}
        assert it.maintenance("thawed", memory)["changed"] is True

    def test_every_job_of_a_kind(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, all_jobs=True, kind="vm")
        assert states(memory) == {"VMs": "frozen"}
        it.maintenance("frozen", memory, all_jobs=True)
        assert not any(schedules(it).values())
        some = it.maintenance("thawed", memory, "Enabled", "Nobody")
        assert (told(some), schedules(it)["Enabled"], schedules(it)["VMs"]) == ({"Enabled": "thawed"}, True, False)
        assert "Still frozen: Not chosen, Running, VMs." in some["msg"]
        assert "Nobody" in it.warnings[0]

    def test_freezing_again_adds(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        before = schedules(it)
        it.maintenance("frozen", memory, "Enabled")
        it.sim.set_job("Enabled", schedule={"enabled": True})
        it.maintenance("frozen", memory, "Enabled", "Running")
        assert states(memory) == {"Enabled": "frozen", "Running": "frozen"}
        it.maintenance("thawed", memory)
        assert schedules(it) == before

    def test_a_new_window_begins_anew(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled", expires_after=60)
        it.maintenance("thawed", memory)
        it.time.sleep(1000)
        result = it.maintenance("frozen", memory, "Running")
        assert (result["memory"]["expires_at"], states(memory)) == (None, {"Running": "frozen"})

    def test_nothing_was_frozen(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        result = it.maintenance("thawed", memory)
        assert (result["changed"], result["jobs"]) == (False, [])
        assert f"Nothing was frozen with {memory}. If you expected frozen jobs, check the path." in result["msg"]
        assert os.listdir(memory.parent) == []
        assert it.sim.requests() == []

    def test_schedules_that_somebody_enabled_meanwhile(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled", "Running")
        it.sim.set_job("Enabled", schedule={"enabled": True})
        result = it.maintenance("thawed", memory)
        assert [each["changed"] for each in result["jobs"]] == [False, True]
        assert it.counters["toggles"] == {"Enabled": 1, "Running": 2}


class TestExpiry:
    def test_overdue(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        frozen = it.maintenance("frozen", memory, "Enabled", expires_after=3600)
        assert frozen["memory"]["expires_at"] > frozen["memory"]["frozen_at"]
        requests = len(it.sim.requests())
        early = it.maintenance("thawed", memory, overdue_only=True)
        assert (early["changed"], len(it.sim.requests())) == (False, requests)
        assert frozen["memory"]["expires_at"] in early["msg"]
        it.time.sleep(3601)
        assert it.maintenance("thawed", memory, overdue_only=True, check=True)["changed"] is True
        assert it.maintenance("thawed", memory, overdue_only=True)["changed"] is True
        assert schedules(it)["Enabled"] is True
        assert it.maintenance("thawed", memory, overdue_only=True)["changed"] is False

    def test_without_an_end_it_is_never_overdue(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled")
        it.time.sleep(10_000_000)
        assert "does not expire" in it.maintenance("thawed", memory, overdue_only=True)["msg"]
        assert schedules(it)["Enabled"] is False

    def test_freezing_again_moves_the_end_only_if_asked(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        first = it.maintenance("frozen", memory, "Enabled", expires_after=100)
        it.time.sleep(50)
        kept = it.maintenance("frozen", memory, "Enabled", "Running")
        assert kept["memory"]["expires_at"] == first["memory"]["expires_at"]
        moved = it.maintenance("frozen", memory, "Enabled", "Running", expires_after=100)
        assert moved["memory"]["expires_at"] > first["memory"]["expires_at"]
        assert moved["changed"] is False


class TestTrouble:
    @pytest.mark.parametrize("omit", ["ScheduleEnabled", "ScheduleConfigured"])
    def test_unknown_schedules(self, em: Start, memory: Path, omit: str) -> None:
        it = em({**FLEET, "settings": {"omit": [omit]}})
        error = problem(it, "frozen", memory, "Enabled", "Running")
        assert error.kind == "protocol"
        assert "Nothing was frozen" in error.message
        assert "Enabled, Running" in error.message
        assert (it.counters["writes"], memory.exists()) == (0, False)

    def test_no_choice(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        assert problem(it, "frozen", memory).kind == "usage"
        assert problem(it, "frozen", memory, "Enabled", all_jobs=True).kind == "usage"
        for seconds in (0, float("nan"), float("inf"), 1e12):
            error = problem(it, "frozen", memory, "Enabled", expires_after=seconds)
            assert (error.kind, error.message[:40]) == ("usage", "expires_after must be more than 0 seconds"[:40])
        assert it.sim.requests() == []

    def test_one_job_does_not_keep_the_others(self, em: Start, memory: Path) -> None:
        jobs = [{**AGENT[1], "refuse_toggle": "It is locked."}, {"name": "Other", "machines": ["o"]}]
        it = em({"agent_jobs": jobs})
        error = problem(it, "frozen", memory, "Enabled", "Other")
        assert (error.kind, states(memory)) == ("rejected", {"Enabled": "untouched", "Other": "frozen"})
        assert "It is locked" in error.message
        assert f"The file {memory} was kept" in str(error.hint)
        assert [each["state"] for each in error.learnt["jobs"]] == ["untouched", "frozen"]
        it.maintenance("thawed", memory)
        assert schedules(it) == {"Enabled": True, "Other": True}

    def test_a_job_that_lost_its_schedule(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled", "Running")
        it.sim.set_job("Running", schedule={"configured": False, "enabled": False})
        error = problem(it, "thawed", memory)
        assert (error.kind, schedules(it)["Enabled"]) == ("conflict", True)
        assert "The job Running has no schedule" in error.message
        assert states(memory) == {"Enabled": "thawed", "Running": "frozen"}

    def test_a_deleted_job(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled")
        stored = json.loads(memory.read_text(encoding="utf-8"))
        stored["jobs"]["00000000-1111-4222-8333-444444444444"] = {
            "name": "Deleted",
            "backup_server": "vbr01.example.com",
            "kind": "vm",
            "was_enabled": True,
            "state": "frozen",
        }
        memory.write_text(json.dumps(stored), encoding="utf-8")
        error = problem(it, "thawed", memory)
        assert error.kind == "not_found"
        assert "does not have these jobs: Deleted. Check that they were frozen on this server." in error.message
        assert states(memory) == {"Enabled": "thawed", "Deleted": "frozen"}
        assert schedules(it)["Enabled"] is True
        assert told(it.maintenance("thawed", memory, forget_missing=True))["Deleted"] == "gone"
        assert it.maintenance("thawed", memory)["changed"] is False

    def test_another_enterprise_manager(self, em: Start, memory: Path) -> None:
        it, other = em(FLEET), em(FLEET)
        it.maintenance("frozen", memory, "Enabled")
        content = memory.read_bytes()
        for state in ("thawed", "frozen"):
            error = problem(other, state, memory, "Enabled")
            assert error.kind == "conflict"
            assert f"belongs to the Enterprise Manager {it.sim.host}:{it.sim.port}" in error.message
        assert (memory.read_bytes(), other.sim.requests()) == (content, [])
        it.maintenance("thawed", memory)
        assert other.maintenance("frozen", memory, "Enabled")["changed"] is True
        other.maintenance("thawed", memory)

    def test_a_file_of_release_0_2_0(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        jobs = {job["name"]: job["id"] for job in it.sim.jobs()}
        old = {"Enabled": "frozen", "Disabled": "untouched", "On demand": "without schedule", "Running": "freezing"}
        it.sim.set_job("Enabled", schedule={"enabled": False})
        it.sim.set_job("Running", schedule={"enabled": False})
        content = {
            "jobs": {
                jobs[name]: {"name": name, "backup_server": "vbr01", "state": state} for name, state in old.items()
            }
        }
        memory.write_text(json.dumps(content), encoding="utf-8")
        os.utime(memory, (it.time.now - 3600, it.time.now - 3600))
        result = it.maintenance("thawed", memory)
        assert told(result) == {**old, "Enabled": "thawed", "Running": "thawed"}
        assert schedules(it)["Enabled"] is schedules(it)["Running"] is True
        assert json.loads(memory.read_text(encoding="utf-8"))["version"] == 2

    def test_a_file_of_release_0_2_0_from_elsewhere(self, em: Start, memory: Path) -> None:
        it = em(FLEET)
        lost = {"name": "Elsewhere", "backup_server": "vbr01", "state": "frozen"}
        memory.write_text(json.dumps({"jobs": {"00000000-1111-4222-8333-444444444444": lost}}), encoding="utf-8")
        content = memory.read_bytes()
        assert "does not have any of its jobs" in problem(it, "frozen", memory, "Enabled").message
        assert "does not have these jobs: Elsewhere" in problem(it, "thawed", memory).message
        assert memory.read_bytes() == content

    def test_a_toggle_that_does_not_show_is_known_later(self, em: Start, memory: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[1], "toggle_delay": 100}]})
        assert problem(it, "frozen", memory, "Enabled").kind == "conflict"
        assert states(memory) == {"Enabled": "freezing"}
        assert told(it.maintenance("frozen", memory, "Enabled")) == {"Enabled": "frozen"}
        assert it.counters["toggles"] == {"Enabled": 1}

    def test_time_for_looking_runs_out(self, em: Start, memory: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[1], "toggle_delay": 100}]})
        problem(it, "frozen", memory, "Enabled")
        error = problem(it, "thawed", memory, timeout=5)
        assert (error.kind, it.counters["toggles"]) == ("timeout", {"Enabled": 1})
        assert states(memory) == {"Enabled": "freezing"}

    def test_without_a_wait_the_toggle_that_took_effect_is_told(self, em: Start, memory: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[1], "task_running_for": 0.4}]})
        frozen = learnt_by(problem(it, "frozen", memory, "Enabled", timeout=0))
        assert (frozen["changed"], frozen["jobs"][0]["changed"]) == (True, True)
        assert it.counters["toggles"] == {"Enabled": 1}

    def test_a_full_disk_keeps_the_toggle_from_being_sent(
        self, em: Start, memory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        it = em(FLEET)

        def full(*_arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        error = problem(it, "frozen", memory, "Enabled")
        assert "No space left on device" in error.message
        assert it.counters["writes"] == 0

    def test_a_lost_answer(self, em: Start, memory: Path) -> None:
        fault = {"match": {"method": "POST", "path": "/api/agents/jobs/*"}, "fault": "reset_after"}
        it = em(FLEET, faults=[fault])
        assert told(it.maintenance("frozen", memory, "Enabled", "Running")) == {
            "Enabled": "frozen",
            "Running": "frozen",
        }
        assert it.counters["toggles"] == {"Enabled": 1, "Running": 1}


def test_a_hundred_jobs_cost_little_more_than_the_server_takes(em: Start, memory: Path) -> None:
    server = {"task_running_for": 20, "task_operation_finished_for": 5, "toggle_delay": 15}
    jobs = [{"name": f"Job {number:03}", "machines": ["m"], **server} for number in range(100)]
    it = em({"agent_jobs": jobs[:50], "vm_jobs": jobs[50:]})
    began = it.time.now
    it.maintenance("frozen", memory, all_jobs=True)
    assert it.time.now - began <= 40 + 10
    assert not any(schedules(it).values())
    assert it.counters["logons"] == 1
    reads = [each for each in it.sim.requests() if each["method"] == "GET"]
    assert len(reads) <= 10 + 4 * len(it.time.slept)


# Kills


class Killed(BaseException):
    """The process is gone: nothing that the client does from now on reaches anybody."""


class Death:
    """Kills the client at a moment, counted in requests and writes of the memory, before and after each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moments = 0
        self.at = 0
        for owner, name in ((Transport, "_send"), (MemoryFile, "write")):
            monkeypatch.setattr(owner, name, self._mortal(getattr(owner, name)))

    def _mortal(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def mortal(*arguments: Any, **keywords: Any) -> Any:
            self._pass()
            result = method(*arguments, **keywords)
            self._pass()
            return result

        return mortal

    def _pass(self) -> None:
        self.moments += 1
        if self.at and self.moments >= self.at:
            raise Killed

    def strike(self, it: Em, at: int, *arguments: Any) -> bool:
        """Run and kill; False when it had ended before."""
        self.moments, self.at = 0, at
        try:
            it.maintenance(*arguments)
        except Killed:
            return True
        finally:
            self.moments = self.at = 0
        return False


MORTAL: dict[str, Any] = {
    "agent_jobs": [
        {"name": "A", "machines": ["a"], "toggle_delay": 45},
        {"name": "B", "machines": ["b"], "schedule": {"enabled": False}, "toggle_delay": 45},
    ],
    "vm_jobs": [{"name": "C", "machines": ["c"], "toggle_delay": 45}],
}


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Em, Death]]:
    """A simulator of its own: the dead leave their logon sessions open."""
    time = Time()
    with Simulator(MORTAL, clock=time) as sim:
        yield Em(sim, time), Death(monkeypatch)


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(range(3, 200, 29), id="some"),
        pytest.param(range(1, 200), id="all", marks=[pytest.mark.full, pytest.mark.slow]),
    ],
)
@pytest.mark.parametrize("then", [("frozen", "thawed"), ("thawed",)], ids="-".join)
@pytest.mark.parametrize("first", ["frozen", "thawed"])
def test_killed_at_any_moment(
    mortal: tuple[Em, Death], tmp_path: Path, first: str, then: tuple[str, ...], moments: Sequence[int]
) -> None:
    it, death = mortal
    names = ["A", "B", "C"]
    struck = 0
    for moment in moments:
        it.sim.reset()
        memory = tmp_path / f"{moment}.json"
        before = schedules(it)
        if first == "thawed":
            it.maintenance("frozen", memory, *names)
        killed = death.strike(it, moment, first, memory, *names)
        for state in then:
            it.maintenance(state, memory, *names)
            if state == "frozen":
                assert schedules(it) == dict.fromkeys(names, False), moment
                assert all(number % 2 for number in it.counters["toggles"].values()), moment
        it.time.sleep(100)
        assert schedules(it) == before, moment
        # An interrupted thaw that is frozen again needs a toggle more each way, and not one more than that.
        most = 4 if (first, then[0]) == ("thawed", "frozen") else 2
        assert all(number in (0, 2, most) for number in it.counters.get("toggles", {}).values()), moment
        left = set(states(memory).values()) if memory.exists() else set()
        assert left <= {"thawed", "untouched"}, moment
        if not killed:
            break
        struck += 1
    # Two jobs are toggled: a request and a write of the memory for each, before and after, are the least.
    assert struck * (moments[1] - moments[0]) >= 20


class TestProgress:
    """The lines that people see while schedules are changed and runs are stopped."""

    @staticmethod
    def watch(it: Em, tmp_path: Path) -> Callable[[], list[str]]:
        channel = tmp_path / "channel"
        channel.touch()
        end = channel.open("rb")
        it.progress = Progress(Channel(str(channel)), Secrets(), it.time)

        def lines() -> list[str]:
            return [text for line in end for text, _bad in json.loads(line)]

        return lines

    def test_slow_toggles(self, em: Start, memory: Path, tmp_path: Path) -> None:
        jobs = [{**job, "task_running_for": 8 + 2 * number} for number, job in enumerate(AGENT[1:])]
        it = em({"agent_jobs": jobs, "vm_jobs": VM})
        lines = self.watch(it, tmp_path)
        it.maintenance("frozen", memory, "Enabled", "Disabled", "VMs")
        told = [line.rpartition(", ")[0] for line in lines()]
        assert told == ["Enabled: freezing", "VMs: freezing", "VMs: frozen", "Enabled: frozen"]
        it.maintenance("thawed", memory)
        told = [line.rpartition(", ")[0] for line in lines()]
        assert told == ["Enabled: thawing", "VMs: thawing", "VMs: thawed", "Enabled: thawed"]

    def test_many_jobs_share_one_line(self, em: Start, memory: Path, tmp_path: Path) -> None:
        names = [f"Job {number}" for number in range(30)]
        jobs = [{"name": name, "machines": ["m"], "task_running_for": 5 + n} for n, name in enumerate(names)]
        it = em({"agent_jobs": jobs})
        lines = self.watch(it, tmp_path)
        it.maintenance("frozen", memory, *names)
        told = lines()
        assert told[0].startswith("0 of 30 jobs frozen, ")
        assert told[-1].startswith("30 of 30 jobs frozen, ")
        assert 5 < len(told) < 40

    def test_a_refused_toggle(self, em: Start, memory: Path, tmp_path: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[1], "refuse_toggle": "It is locked."}]})
        lines = self.watch(it, tmp_path)
        problem(it, "frozen", memory, "Enabled")
        first, second = lines()
        assert first.startswith("Enabled: freezing, ")
        assert second.startswith("Enabled: failed: Enterprise Manager rejected the action on Enabled: It is locked.")

    def test_stop_running(self, em: Start, memory: Path, tmp_path: Path) -> None:
        it = em({"agent_jobs": [{**AGENT[0], "stop_takes": 60}, AGENT[1]]})
        lines = self.watch(it, tmp_path)
        it.maintenance("frozen", memory, "Running", "Enabled", stop_running=True)
        told = [line.rpartition(", ")[0] for line in lines()]
        assert sorted(told[:4]) == ["Enabled: freezing", "Enabled: frozen", "Running: freezing", "Running: frozen"]
        assert told[4:] == ["Running: stopping", "Running: stopped"]

    def test_an_interrupted_change(self, em: Start, memory: Path, tmp_path: Path) -> None:
        it = em(FLEET)
        it.maintenance("frozen", memory, "Enabled")
        content = json.loads(memory.read_text(encoding="utf-8"))
        for job in content["jobs"].values():
            job["state"] = "thawing"
        memory.write_text(json.dumps(content), encoding="utf-8")
        lines = self.watch(it, tmp_path)
        it.maintenance("thawed", memory)
        told = [line.rpartition(", ")[0] for line in lines()]
        assert told == [
            "Enabled: waiting for an earlier change that was interrupted",
            "Enabled: thawing",
            "Enabled: thawed",
        ]

    def test_check_mode_is_silent(self, em: Start, memory: Path, tmp_path: Path) -> None:
        it = em(FLEET)
        lines = self.watch(it, tmp_path)
        it.maintenance("frozen", memory, *CHOSEN, check=True, stop_running=True)
        assert lines() == []
