"""The event source, driven in this process against emsim, with the clock of the wall."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils import _event_source
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import read_job_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._event_source import SourceFailed, main
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions
from emsim import Simulator
from emsim.ids import guid
from emsim.logons import LogonSession, LogonSessions

PASSWORD = "canary-Passw0rd"
ROOT = Path(__file__).resolve().parents[3]
EVIL = "{{ lookup('pipe', 'id') }}"
Start = Callable[..., Simulator]


def past(ended_ago: float, **more: Any) -> dict[str, Any]:
    return {"ended_ago": ended_ago, "duration": 60, **more}


def job(name: str = "Linux servers", **more: Any) -> dict[str, Any]:
    machines = [{"name": "web01"}, {"name": "db01", "result": "Failed", "reason": "The disk is full."}]
    return {"name": name, "machines": machines, **more}


@pytest.fixture
def sim() -> Iterator[Start]:
    """Start simulators; every logon session must be closed at the end, and nothing written."""
    with ExitStack() as stack:
        started: list[Simulator] = []

        def start(**scenario: Any) -> Simulator:
            scenario.setdefault("users", [{"name": "administrator", "password": PASSWORD}])
            started.append(stack.enter_context(Simulator(scenario, speed=20)))
            return started[-1]

        yield start
        for each in started:
            counters = each.counters()
            assert (counters["open_logon_sessions"], counters["writes"]) == (0, 0)


def arguments(it: Simulator, **more: Any) -> dict[str, Any]:
    connection = {"host": it.host, "port": it.port, "username": "administrator", "password": PASSWORD}
    return {**connection, "ca_path": it.ca_path, "interval": 0.1, **more}


class Run:
    """A source that runs; `async with` ends it."""

    def __init__(self, it: Simulator, queue: Any = None, entry: Any = main, **options: Any) -> None:
        self.queue = asyncio.Queue() if queue is None else queue
        self.arguments = arguments(it, **options)
        self.entry = entry

    async def __aenter__(self) -> Run:
        self.task = asyncio.create_task(self.entry(self.queue, self.arguments))
        return self

    async def __aexit__(self, *_exception: Any) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def events(self, number: int, then: float = 0.4) -> list[dict[str, Any]]:
        """So many events, and that no other follows."""
        found = [await asyncio.wait_for(self.queue.get(), 20) for _number in range(number)]
        with pytest.raises(asyncio.TimeoutError):
            pytest.fail(f"one too many: {await asyncio.wait_for(self.queue.get(), then)}")
        return found


async def until(condition: Callable[[], Any], what: str, limit: float = 20) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.02)


def looked(it: Simulator, times: int = 1) -> bool:
    asked = [each for each in it.requests() if "ReplicaJobSession" in str(each)]
    return len(asked) >= times


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["veeam_em"]["session"]["job_name"] for event in events]


def since(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def test_a_run_that_ends(sim: Start) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])])

    async def scene() -> None:
        async with Run(it) as run:
            await until(lambda: looked(it), "a look")
            it.app.state.start(it.app.state.jobs[0])
            (event,) = await run.events(1)
        params = {name: spec.get("default") for name, (spec, _variable) in EM_CONNECTION.items()}
        params.update({name: value for name, value in arguments(it).items() if name in params})
        wanted = dict.fromkeys(
            ("job_name", "job_id", "job_type", "state", "result", "created_after", "created_before", "limit")
        )
        session = event["veeam_em"]["session"]
        with EmClient.from_params(params) as client:
            assert read_job_sessions(client, {**wanted, "id": [session["id"]]}) == [session]
            waited = wait_for_sessions(client, Waiter(WaitOptions()), [session["id"]], "never", "fail")
        assert waited["sessions"][0]["machines"] == event["veeam_em"]["machines"]
        assert (session["result"], session["running"]) == ("Failed", False)
        assert [each["reason"] for each in event["veeam_em"]["machines"]] == ["The disk is full.", None]
        assert event["meta"]["hosts"] == ["db01"]
        json.dumps(event)

    asyncio.run(scene())


def test_an_idle_look_costs_two_requests(sim: Start) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])], backup_servers=[{"name": f"vbr{n}"} for n in range(30)])

    async def scene() -> None:
        async with Run(it, interval=0.3):
            await until(lambda: looked(it, 2), "a look")
            before = len(it.requests())
            await until(lambda: looked(it, 5), "three more")
            assert len(it.requests()) - before <= 3 * 2 + 1

    asyncio.run(scene())


def test_late_sessions_and_clocks_apart(sim: Start) -> None:
    servers = [{"name": name, "clock_skew": skew} for name, skew in (("a", 600), ("b", -600), ("c", 0))]
    jobs = [
        job(
            f"{server['name']}{number}",
            backup_server=server["name"],
            history=[past(7200 * number, appears_after=10 + 10 * number)],
        )
        for server in servers
        for number in (1, 2, 3)
    ]
    it = sim(backup_servers=servers, agent_jobs=jobs)

    async def scene() -> None:
        async with Run(it) as run:
            found = await run.events(9, then=1.0)
            assert sorted(names(found)) == sorted(each["name"] for each in jobs)

    asyncio.run(scene())


def test_a_clock_that_jumps_back(sim: Start) -> None:
    """The clock of a backup server was two hours ahead, and is put right: what ends later is dated before."""
    ahead = [past(60 * number, dated_ahead=7200) for number in (5, 6)]
    right = [past(60 * number, appears_after=10) for number in (1, 2, 3)]
    it = sim(agent_jobs=[job(history=[*ahead, *right])])

    async def scene() -> None:
        async with Run(it, initial=since(86400)) as run:
            found = await run.events(5, then=1.0)
            assert len({event["veeam_em"]["session"]["id"] for event in found}) == 5
            ends = [event["veeam_em"]["session"]["end_time"] for event in found]
            assert max(ends[2:]) < min(ends[:2])

    asyncio.run(scene())


def test_a_result_that_changes_after_the_end(sim: Start, tmp_path: Path) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])], vm_jobs=[job("Other", history=[past(800)])])
    options = {"initial": since(3600), "result": ["Warning", "Failed"], "state_file": str(tmp_path / "state")}

    def change(result: str) -> None:
        with it.app.lock:
            it.app.state.jobs[0].runs[0].chosen_result = result
            it.app.state.jobs[0]._settled.clear()

    async def scene() -> None:
        async with Run(it, **options) as run:
            await until(lambda: looked(it, 2), "a look")
            await run.events(0)
        change("Warning")
        # Nobody wanted it as it was; the state file knows.
        async with Run(it, **options) as run:
            (event,) = await run.events(1)
            assert event["veeam_em"]["session"]["result"] == "Warning"
            # It has been handed over. That is once.
            change("Failed")
            await run.events(0)
            change("Success")
            await run.events(0)

    asyncio.run(scene())


def test_an_enterprise_manager_with_new_ids(sim: Start, tmp_path: Path) -> None:
    """It was set up again, and has collected the same runs under other ids: they are no news."""
    it = sim(agent_jobs=[job(history=[past(900 * number) for number in (1, 2, 3)])], vm_jobs=[job("Other")])
    options = {"initial": since(86400), "state_file": str(tmp_path / "state")}

    async def scene() -> None:
        async with Run(it, **options) as run:
            before = await run.events(3)
            with it.app.lock:
                for each in it.app.state.jobs[0].runs:
                    each.id = guid("new", each.id)
                    for machine in each.machines:
                        machine.session_id = guid("new", machine.session_id)
            await run.events(0)
        async with Run(it, **options) as run:
            await run.events(0)
            it.app.state.start(it.app.state.jobs[0])
            it.app.state.start(it.app.state.jobs[1])
            assert sorted(names(await run.events(2))) == ["Linux servers", "Other"]
        (tmp_path / "state").unlink()
        # They do have new ids.
        async with Run(it, **options) as run:
            after = await run.events(5)
        ids = [{event["veeam_em"]["session"]["id"] for event in events} for events in (before, after)]
        assert not ids[0] & ids[1]

    asyncio.run(scene())


def test_restarts_repeat_nothing(sim: Start, tmp_path: Path) -> None:
    it = sim(agent_jobs=[job(history=[past(900 * number) for number in (1, 2, 3)])])
    options = {"initial": since(86400), "state_file": str(tmp_path / "new folder" / "state.json")}

    async def scene() -> None:
        async with Run(it, **options) as run:
            first = await run.events(3)
        async with Run(it, **options) as run:
            await run.events(0)
            it.app.state.start(it.app.state.jobs[0])
            await run.events(1)
        state = tmp_path / "new folder" / "state.json"
        assert state.stat().st_mode & 0o777 == 0o600
        assert PASSWORD not in state.read_text(encoding="utf-8")
        # A new state repeats them, with the same ids.
        state.unlink()
        async with Run(it, **options) as run:
            assert (await run.events(4))[:3] == first

    asyncio.run(scene())


def test_last(sim: Start) -> None:
    it = sim(
        agent_jobs=[job("A", history=[past(900), past(9000)]), job("B", history=[past(86400 * 9)]), job("C")],
        vm_jobs=[job("R", type="Replica", history=[past(600)])],
    )

    async def scene() -> None:
        async with Run(it, initial="last") as run:
            assert names(await run.events(3)) == ["B", "A", "R"]

    asyncio.run(scene())


FILTERED = {
    "agent_jobs": [job("A", history=[past(500, machines=[{"name": "web01"}, {"name": "db01", "result": "Failed"}])])],
    "vm_jobs": [
        job("B", history=[past(400, machines=[{"name": "vm1"}])]),
        job("7", history=[past(300, machines=[{"name": "vm7"}])]),
    ],
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["7", "A", "B"]),
        ({"job_name": "A"}, ["A"]),
        ({"job_type": ["Backup"]}, ["7", "B"]),
        ({"job_type": ["AgentManagement"]}, ["A - web01", "A - db01"]),
        ({"result": ["warning", "FAILED"]}, ["A"]),
        ({"job_name": 7}, ["7"]),
        ({"job_name": "C"}, []),
        ({"machine": ["vm1", "db01.example.com"]}, ["A", "B"]),
        ({"machine": "web02"}, []),
    ],
)
def test_filters(sim: Start, options: dict[str, Any], expected: list[str]) -> None:
    it = sim(**FILTERED)

    async def scene() -> None:
        async with Run(it, initial=since(3600), **options) as run:
            await until(lambda: looked(it, 2), "a look")
            assert sorted(names(await run.events(len(expected), then=0.2))) == sorted(expected)

    asyncio.run(scene())


def test_without_machines_they_are_not_read(sim: Start) -> None:
    it = sim(**FILTERED)

    async def scene() -> None:
        async with Run(it, initial=since(3600), include_machines=False) as run:
            for event in await run.events(3):
                assert (event["veeam_em"]["machines"], event["meta"]["hosts"]) == ([], [])
        assert "TaskSession" not in str(it.requests())

    asyncio.run(scene())


def test_machines_that_show_late_belong_to_the_event_and_hold_nobody_up(sim: Start) -> None:
    it = sim(agent_jobs=[job("Slow", children_delay=60)], vm_jobs=[{"name": "Quick", "machines": ["vm1"]}])

    async def scene() -> None:
        async with Run(it) as run:
            await until(lambda: looked(it), "a look")
            for each in it.app.state.jobs:
                it.app.state.start(each)
            quick, slow = await run.events(2)
            assert names([quick, slow]) == ["Quick", "Slow"]
            assert len(slow["veeam_em"]["machines"]) == 2

    asyncio.run(scene())


def test_names_and_reasons_are_not_templates(sim: Start) -> None:
    machine = {"name": "*", "result": "Failed", "reason": EVIL}
    it = sim(agent_jobs=[{"name": EVIL, "machines": [machine], "history": [past(600, machines=[machine])]}])

    async def scene() -> None:
        async with Run(it, initial="last") as run:
            (event,) = await run.events(1)
            assert event["meta"]["hosts"] == ["_"]
            assert event["veeam_em"]["session"]["job_name"] == EVIL.replace("{{", "{ {")
            assert event["veeam_em"]["machines"][0]["reason"] == EVIL.replace("{{", "{ {")

    asyncio.run(scene())


def test_hours_without_the_server(
    sim: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    it = sim(agent_jobs=[job()])
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def hasty(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(min(seconds, 0.1))

    async def scene() -> None:
        async with Run(it, retries=0) as run:
            await until(lambda: looked(it, 2), "a look")
            it.add_faults([{"match": {}, "fault": "restart", "with": {"seconds": 1}}])
            await sleep(0.3)
            it.add_faults([{"match": {}, "fault": "status", "times": 30, "with": {"status": 503}}])
            it.add_faults([{"fault": "refuse", "times": 10}])
            it.app.state.start(it.app.state.jobs[0])
            with monkeypatch.context() as patch:
                patch.setattr(_event_source.asyncio, "sleep", hasty)
                await until(lambda: max(pauses, default=0) >= _event_source.MAX_PAUSE, "long pauses", 40)
                it.clear_faults()
                assert names(await run.events(1)) == ["Linux servers"]

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    (warning,) = [each.getMessage() for each in caplog.records if each.name == _event_source.NAME]
    assert warning.startswith(f"The source cannot read {it.host}:{it.port} at the moment. No event is lost.")
    grown = pauses[: pauses.index(_event_source.MAX_PAUSE)]
    assert len(grown) >= 8


def test_a_server_that_is_away_at_the_start(sim: Start) -> None:
    """What ends before the first look is not lost; what had ended before the start is not sent."""
    it = sim(
        agent_jobs=[job("A", backup_server="b", history=[past(1900)]), job("B")],
        backup_servers=[{"name": "a"}, {"name": "b", "clock_skew": -590}],
    )
    it.add_faults([{"match": {"path": "/api/*"}, "fault": "status", "times": "forever"}])

    async def scene() -> None:
        async with Run(it, retries=0) as run:
            await until(it.requests, "a request")
            for each in it.app.state.jobs:
                it.app.state.start(each)
            await until(lambda: not any(each["running"] for each in it.jobs()), "the ends")
            it.clear_faults()
            assert sorted(names(await run.events(2))) == ["A", "B"]

    asyncio.run(scene())


def test_a_logon_session_that_ends_is_renewed(sim: Start) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])])

    async def scene() -> None:
        async with Run(it):
            await until(lambda: looked(it, 2), "a look")
            it.add_faults([{"match": {"path": "/api/query"}, "fault": "expire_session"}])
            await until(lambda: it.counters()["logons"] == 2, "a second logon")
            before = len(it.requests())
            await until(lambda: len(it.requests()) > before + 4, "more looks")
        assert (it.counters()["logons"], it.counters()["peak_logon_sessions"]) == (2, 1)

    asyncio.run(scene())


def test_long_intervals_keep_no_logon_session(sim: Start) -> None:
    it = sim(agent_jobs=[job(history=[past(100)])])

    async def scene() -> None:
        async with Run(it, interval=3600, initial=since(3600)) as run:
            await run.events(1)
            await until(lambda: it.counters()["logoffs"] == 1, "a log-off")
            assert it.counters()["open_logon_sessions"] == 0

    asyncio.run(scene())


@pytest.mark.parametrize("moment", range(6))
def test_a_cancel_logs_off(sim: Start, moment: int, tmp_path: Path) -> None:
    """At the logon, while it waits for an answer, while the queue is full, in a pause; also when asked twice."""
    it = sim(agent_jobs=[job(history=[past(900), past(800)])])
    if moment < 3:
        path = ["/api/sessionMngr/*", "/api/query", "/api/backupSessions*"][moment]
        it.add_faults([{"match": {"path": path}, "fault": "slow_headers", "with": {"seconds": 1}, "times": "forever"}])
    state = str(tmp_path / "state")

    async def scene() -> None:
        run = Run(it, queue=asyncio.Queue(1 if moment == 3 else 0), initial="2026-01-01T00:00:00Z", state_file=state)
        async with run:
            await until(lambda: it.requests() or moment == 0, "a request")
            await asyncio.sleep(0.5)
            run.task.cancel()
            if moment % 2:
                await asyncio.sleep(0.01)
                run.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(run.task), 20)
        # Nobody holds the state any more.
        async with Run(it, state_file=state):
            pass

    asyncio.run(scene())


def test_the_event_loop_goes_on(sim: Start) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])])
    it.add_faults([{"match": {"path": "/api/query"}, "fault": "slow_body", "with": {"seconds": 2}, "times": "forever"}])

    async def scene() -> None:
        async with Run(it):
            longest, before = 0.0, time.monotonic()
            for _number in range(150):
                await asyncio.sleep(0.01)
                longest, before = max(longest, time.monotonic() - before), time.monotonic()
            # Importing and starting threads takes its time, but no answer is waited for.
            assert longest < 1.0

    asyncio.run(scene())


def test_what_waits_in_a_queue_is_not_handed_over(sim: Start, tmp_path: Path) -> None:
    it = sim(agent_jobs=[job(history=[past(900 * number) for number in (1, 2, 3)])])
    options = {"initial": since(86400), "state_file": str(tmp_path / "state")}

    async def scene() -> None:
        first: asyncio.Queue[Any] = asyncio.Queue(1)
        async with Run(it, queue=first, **options):
            await until(first.full, "an event")
            taken = await first.get()
            await until(first.full, "another event")
            await asyncio.sleep(0.3)
        # The second has never been taken: it comes again.
        async with Run(it, **options) as run:
            again = await run.events(2)
        assert taken not in again
        assert again[0] == await first.get()

    asyncio.run(scene())


def test_feedback_comes_before_the_memory(sim: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = sim(agent_jobs=[job(history=[past(900 * number) for number in (1, 2, 3)])])
    options = {"initial": since(86400), "state_file": str(tmp_path / "state"), "feedback": True}

    async def scene() -> None:
        feedback: asyncio.Queue[Any] = asyncio.Queue(1)
        async with Run(it, eda_feedback_queue=feedback, **options) as run:
            # Parts of an event that a filter has split are confirmed one by one.
            for _number in range(2):
                event = await asyncio.wait_for(run.queue.get(), 20)
                await asyncio.sleep(0.2)
                assert run.queue.empty()
                for _part in range(3):
                    await asyncio.wait_for(feedback.put(event), 5)
            last = await asyncio.wait_for(run.queue.get(), 20)
            await asyncio.sleep(0.2)
        # The third was not confirmed.
        async with Run(it, eda_feedback_queue=feedback, **options) as run:
            assert await asyncio.wait_for(run.queue.get(), 20) == last
        monkeypatch.setattr(_event_source, "FEEDBACK_TIMEOUT", 0.2)
        with pytest.raises(SourceFailed, match="did not confirm"):
            await main(asyncio.Queue(), arguments(it, eda_feedback_queue=feedback, **options))

    asyncio.run(scene())


def failure(it: Simulator, **options: Any) -> str:
    async def scene() -> str:
        with pytest.raises(SourceFailed) as caught:
            await asyncio.wait_for(main(asyncio.Queue(), {**arguments(it), **options}), 20)
        return str(caught.value)

    return asyncio.run(scene())


def test_wrong_credentials_are_tried_once(sim: Start) -> None:
    it = sim()
    assert "refused the credentials of administrator" in failure(it, password="canary-wrong")
    assert len(it.requests()) == 1


def test_other_errors_that_do_not_pass(sim: Start, tmp_path: Path) -> None:
    it = sim(agent_jobs=[job(history=[past(900)])])
    assert "Unknown arguments: hots." in failure(it, hots="x")
    assert "is in the future. Z means UTC" in failure(it, initial=since(-3600))
    assert "certificate" in failure(it, ca_path=None)
    assert "ca_path, does not exist" in failure(it, ca_path="/nowhere")
    assert "session_id is no longer valid" in failure(it, session_id="canary-session-id")
    state = tmp_path / "state"
    for content in (
        "",
        "[]",
        "{}",
        '{"format": 0}',
        '{"format": 1, "server"',
        '{"format": 1, "server": "x", "cursor": {}}',
    ):
        state.write_text(content, encoding="utf-8")
        assert "does not contain a valid state" in failure(it, state_file=str(state))
    state.write_text('{"format": 2}', encoding="utf-8")
    assert "was written by a newer release" in failure(it, state_file=str(state))
    state.unlink()

    async def scene() -> None:
        async with Run(it, state_file=str(state)):
            await until(state.exists, "a state")
            with pytest.raises(SourceFailed, match="is in use"):
                await main(asyncio.Queue(), arguments(it, state_file=str(state)))

    asyncio.run(scene())
    state.write_text(state.read_text(encoding="utf-8").replace(it.host, "other.example.com"), encoding="utf-8")
    assert "belongs to other.example.com" in failure(it, state_file=str(state))
    assert "cannot be used" in failure(it, state_file="/proc/nowhere/state")


def test_a_full_disk_does_not_silence_the_source(
    sim: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = sim(agent_jobs=[job(history=[past(900), past(800)])])

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    async def scene() -> None:
        async with Run(it, initial=since(3600), state_file=str(tmp_path / "state")) as run:
            await run.events(2)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert caplog.text.count("No space left on device") == 1


def test_machines_that_cannot_be_read_do_not_stop_the_others(
    sim: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_event_source, "MAX_PAUSE", 0.1)
    it = sim(agent_jobs=[job("A", history=[past(900)])], vm_jobs=[job("B", history=[past(800)])])
    it.add_faults([{"match": {"path": "*/agentManagementSessions"}, "fault": "status", "times": "forever"}])

    async def scene() -> None:
        async with Run(it, initial=since(3600), retries=0) as run:
            first, second = await run.events(2)
            assert names([first, second]) == ["A", "B"]
            assert first["veeam_em"]["machines"] == []
            assert len(second["veeam_em"]["machines"]) == 2

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert "The machines of the session A@" in caplog.text


def test_no_secret_in_any_log(
    sim: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {PASSWORD}
    log_on = LogonSessions.open

    def note(*given: Any) -> LogonSession:
        logon = log_on(*given)
        secrets.update((logon.token, logon.id))
        return logon

    monkeypatch.setattr(LogonSessions, "open", note)
    # The server says again what was sent to it.
    it = sim(agent_jobs=[job(f"{PASSWORD} servers", history=[past(900)])])
    main_as_rulebooks_run_it = runpy.run_path(
        str(ROOT / "extensions" / "eda" / "plugins" / "event_source" / "veeam_em_sessions.py")
    )["main"]

    async def scene() -> None:
        state = tmp_path / "state"
        async with Run(it, entry=main_as_rulebooks_run_it, initial="last", state_file=str(state), retries=0) as run:
            (event,) = await run.events(1)
            it.add_faults([{"match": {}, "fault": "status", "times": 2, "with": {"message": f"no {PASSWORD}"}}])
            await until(lambda: "at the moment" in caplog.text, "a warning")
            logging.getLogger("test").debug("%s %s", event, state.read_text(encoding="utf-8"))

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scene())
        logging.getLogger("test").debug("%s", failure(it, password=PASSWORD + "x"))
    assert len(secrets) >= 3
    assert "******** servers" in caplog.text
    for secret in secrets:
        assert secret not in caplog.text
