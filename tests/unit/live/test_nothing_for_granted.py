"""What a server leaves open is not read as an answer (em_rest 17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, VM_JOBS, list_jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.session import EmSession
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import read_job_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.tasks import wait_for_tasks
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

FAILS = {"name": "m1", "result": "Failed", "reason": "No space.", "duration": 30}
WORKS = {"name": "m1", "duration": 30}
COPY = {"name": "C", "type": "BackupCopy", "history": [{"ended_ago": 900}], "stays_idle": True}
EVERYTHING = dict.fromkeys(("name", "id", "platform", "backup_server"))


@pytest.fixture(params=[("v12", "json"), ("v13", "json"), ("v12", "xml")], ids="-".join)
def dialect(request: pytest.FixtureRequest) -> dict[str, str]:
    """XML and both letter cases of JSON, as keyword arguments of `em`."""
    return dict(zip(("api_profile", "api_format"), request.param, strict=True))


def fleet(settings: Any = None, **changes: Any) -> dict[str, Any]:
    """One agent job A, and B that is only there."""
    job = {"name": "A", "machines": [WORKS], "history": [{"ended_ago": 90000}], **changes}
    return {"agent_jobs": [job, {"name": "B", "machines": ["b"]}], "settings": settings or {}}


def only(result: dict[str, Any]) -> dict[str, Any]:
    (row,) = result["jobs"]
    return dict(row)


def runs(it: Em, name: str = "A") -> list[dict[str, Any]]:
    return next(list(job["runs"]) for job in it.sim.jobs() if job["name"] == name)


class TestPlaceholders:
    @pytest.mark.parametrize(
        "nothing",
        [
            "1753-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1601-01-01T00:00:00Z",
            "1900-01-01T00:00:00",
            "9999-12-31T23:59:59.9999999Z",
            "before",
            "ahead",
        ],
    )
    @pytest.mark.parametrize("odd_state", ["", "Arbeitend"])
    def test_a_session_that_runs_is_running(self, em: Start, nothing: str, odd_state: str) -> None:
        settings = {"no_date": nothing, "unknown_state": odd_state}
        it = em(fleet(settings, running=True, machines=[{"name": "m1", "duration": 900}]))
        row = only(it.jobs("A", wait=False))
        assert (row["action"], row["session"]["running"], row["session"]["end_time"]) == ("attach", True, None)
        assert it.failure("A", if_running="fail").kind == "conflict"
        assert it.counters["starts"] == {}
        assert only(it.jobs("A", state="stopped", wait=False))["action"] == "stop"
        assert it.counters["stops"] == {"A": 1}

    def test_in_every_dialect(self, em: Start, dialect: dict[str, str]) -> None:
        settings = {"no_date": "1753-01-01T00:00:00Z"}
        it = em(fleet(settings, running=True, machines=[WORKS], schedule={"enabled": False}), **dialect)
        row = only(it.jobs("A"))
        assert (row["action"], row["session"]["result"], row["job"]["next_run"]) == ("attach", "Success", None)
        assert row["session"]["end_time"].startswith("2026-")
        assert it.counters["starts"] == {}


class TestFlags:
    @pytest.mark.parametrize("wish", [True, False])
    @pytest.mark.parametrize("state", ["schedule", "started", "stopped", "retried"])
    def test_a_schedule_that_is_not_known_is_not_touched(self, em: Start, state: str, wish: bool) -> None:
        it = em(fleet({"omit": ["ScheduleEnabled"]}))
        error = it.failure("A", state=state, schedule_enabled=wish)
        assert error.kind == "protocol"
        assert "A" in error.message
        assert it.counters["writes"] == 0
        assert error.learnt["jobs"][0]["job"]["schedule_enabled"] is None
        assert only(it.jobs("A"))["session"]["result"] == "Success"

    def test_one_of_two_is_enough_to_write_nothing(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(fleet({"omit": ["ScheduleEnabled", "ScheduleConfigured"]}), **dialect)
        assert it.failure("B", "A", state="schedule", schedule_enabled=False).kind == "protocol"
        assert it.counters["writes"] == 0

    @pytest.mark.parametrize("flags", ["text", "capital", "number", "digit"])
    @pytest.mark.parametrize("api_format", ["json", "xml"])
    @pytest.mark.parametrize("enabled", [True, False])
    def test_every_spelling_is_read(self, em: Start, flags: str, api_format: str, enabled: bool) -> None:
        it = em(fleet({"flags": flags}, schedule={"enabled": enabled}), api_format=api_format)
        same = it.jobs("A", state="schedule", schedule_enabled=enabled)
        assert (same["changed"], it.counters["writes"]) == (False, 0)
        other = it.jobs("A", state="schedule", schedule_enabled=not enabled)
        assert (other["changed"], only(other)["job"]["schedule_enabled"]) == (True, not enabled)
        assert it.counters["toggles"] == {"A": 1}

    @pytest.mark.parametrize("flags", ["", "text", "capital", "number", "digit"])
    @pytest.mark.parametrize("api_format", ["json", "xml"])
    def test_a_refused_start_is_a_refusal(self, em: Start, flags: str, api_format: str) -> None:
        it = em(fleet({"flags": flags}, refuse_start="Licence expired."), api_format=api_format)
        error = it.failure("A")
        assert (error.kind, error.em_message) == ("rejected", "Licence expired.")
        assert error.learnt["changed"] is False
        assert it.time.now < 1_790_000_100

    @pytest.mark.parametrize("api_format", ["json", "xml"])
    def test_success_that_is_not_known_is_not_success(self, em: Start, api_format: str) -> None:
        it = em(fleet({"omit": ["Success"]}, refuse_start="Licence expired."), api_format=api_format)
        error = it.failure("A")
        assert error.kind == "protocol"
        assert error.learnt["changed"] is False
        assert "may or may not" in error.message

    def test_a_start_that_shows_counts_though_its_task_does_not_tell(self, em: Start) -> None:
        it = em(fleet({"omit": ["Success"]}, machines=[FAILS]))
        error = it.failure("A")
        assert (error.kind, error.learnt["changed"]) == ("rejected", True)
        assert error.learnt["jobs"][0]["session"]["result"] == "Failed"
        assert it.counters["starts"] == {"A": 1}

    def test_a_task_wait_does_not_pass_what_is_not_known(self, em: Start) -> None:
        it = em(fleet({"omit": ["Success"]}))
        with it.client() as client:
            done = client.act(f"agents/jobs/{it.sim.jobs()[0]['id']}", "start")
            with pytest.raises(Exception, match="without saying whether it succeeded"):
                wait_for_tasks(client, it.waiter(), [done["task_id"]], "finished", True)

    def test_numbers_as_text(self, em: Start, dialect: dict[str, str]) -> None:
        many = {"numbers_as_text": True, "page_size": 2}
        it = em(fleet(many, history=[{"ended_ago": 90000, "repeat": 3}]), **dialect)
        session = only(it.jobs("A"))["session"]
        assert (session["result"], session["progress"]) == ("Success", 100)

    def test_info_shows_null(self, em: Start, dialect: dict[str, str]) -> None:
        left = ["ScheduleEnabled", "ScheduleConfigured", "Platform", "JobType", "BackupServerReference", "IsRetry"]
        it = em(fleet({"omit": left}), **dialect)
        wanted = {**EVERYTHING, "include_objects": False, "include_last_session": True}
        job = it.call(list_jobs, (AGENT_JOBS,), wanted)[0]
        for key in ("schedule_enabled", "schedule_configured", "platform", "job_type", "backup_server"):
            assert job[key] is None, key
        assert job["last_session"]["is_retry"] is None


class TestNames:
    @pytest.mark.parametrize("task_sessions_of", ["child", "parent"])
    def test_two_machines_of_one_name(self, em: Start, task_sessions_of: str, dialect: dict[str, str]) -> None:
        machines = [
            {"name": "web01", "result": "Failed", "reason": "No space.", "duration": 20},
            {"name": "web01", "duration": 20},
            {"name": "WEB01", "duration": 20, "result": "Warning", "reason": "Slow."},
        ]
        it = em(fleet({"task_sessions_of": task_sessions_of}, machines=machines), **dialect)
        error = it.failure("A")
        shown = error.learnt["jobs"][0]["machines"]
        assert sorted((each["name"], each["result"]) for each in shown) == [
            ("WEB01", "Warning"),
            ("web01", "Failed"),
            ("web01", "Success"),
        ]
        assert len({each["id"] for each in shown}) == 3
        assert error.kind == "rejected"

    @pytest.mark.parametrize("of", ["child", "parent"])
    def test_a_namesake_without_a_task_session(self, em: Start, of: str, dialect: dict[str, str]) -> None:
        """A machine that is off never gets one; its child session knows of the failure."""
        failed = {**FAILS, "name": "web01", "task_session": False}
        works = {**WORKS, "name": "web01"}
        it = em(fleet({"task_sessions_of": of, "failure_messages": True}, machines=[failed, works]), **dialect)
        shown = it.failure("A").learnt["jobs"][0]["machines"]
        assert sorted((each["name"], each["result"], each["reason"]) for each in shown) == [
            ("web01", "Failed", "No space."),
            ("web01", "Success", None),
        ]

    @pytest.mark.parametrize("task_sessions_of", ["child", "parent"])
    def test_the_more_specific_name(self, em: Start, task_sessions_of: str, dialect: dict[str, str]) -> None:
        machines = [
            {"name": "web01", "full_name": "web01.example.com", "result": "Failed", "reason": "Full.", "duration": 5},
            {"name": "web02.example.com", "full_name": "web02", "duration": 5},
        ]
        settings = {"task_sessions_of": task_sessions_of, "failure_messages": True}
        it = em(fleet(settings, machines=machines), **dialect)
        shown = it.failure("A").learnt["jobs"][0]["machines"]
        assert [(each["name"], each["result"], each["reason"]) for each in shown] == [
            ("web01.example.com", "Failed", "Full."),
            ("web02.example.com", "Success", None),
        ]

    def test_a_renamed_job_is_retried_and_shows_its_last_session(self, em: Start, dialect: dict[str, str]) -> None:
        past = {"ended_ago": 3600, "machines": [FAILS]}
        it = em(fleet(history=[past], old_name="Linux servers", machines=[WORKS]), **dialect)
        wanted = {**EVERYTHING, "include_objects": False, "include_last_session": True}
        last = next(job for job in it.call(list_jobs, (AGENT_JOBS,), wanted) if job["name"] == "A")["last_session"]
        assert (last["job_name"], last["result"]) == ("Linux servers", "Failed")
        row = only(it.jobs("A", state="retried"))
        assert (row["action"], row["session"]["result"], len(row["machines"])) == ("retry", "Success", 1)

    def test_a_job_that_is_renamed_while_it_runs(self, em: Start) -> None:
        it = em(fleet(running=True, machines=[{"name": "m1", "duration": 500}, {"name": "m2", "duration": 500}]))
        it.sim.set_job("A", name="Linux prod")
        row = only(it.jobs("Linux prod"))
        assert (row["action"], [each["name"] for each in row["machines"]]) == ("attach", ["m1", "m2"])

    def test_a_new_job_of_an_old_name(self, em: Start) -> None:
        """B was called A: what A has done is not B's, and the reverse."""
        it = em(
            {
                "agent_jobs": [
                    {
                        "name": "B",
                        "old_name": "A",
                        "machines": [WORKS],
                        "running": True,
                        "history": [{"ended_ago": 99}],
                    },
                    {"name": "A", "machines": [FAILS]},
                ]
            }
        )
        error = it.failure("A")
        assert error.learnt["jobs"][0]["action"] == "start"
        assert error.learnt["jobs"][0]["session"]["result"] == "Failed"
        assert it.counters["starts"] == {"A": 1}

    def test_without_ids_a_name_counts_if_it_is_unique(self, em: Start) -> None:
        it = em(fleet({"omit": ["JobUid", "JobReference"]}, running=True, machines=[WORKS]))
        row = only(it.jobs("A"))
        assert (row["action"], row["session"]["result"]) == ("attach", "Success")
        assert it.counters["starts"] == {}

    @pytest.mark.parametrize("state", ["started", "stopped", "retried"])
    @pytest.mark.parametrize("busy", ["vbr01", "vbr02"])
    def test_a_name_that_two_jobs_have_tells_nothing(self, em: Start, state: str, busy: str) -> None:
        """The server shows of a session that runs neither its job nor its backup server."""
        servers = ["vbr01", "vbr02"]
        jobs = [{"name": "A", "machines": [WORKS], "backup_server": each, "running": each == busy} for each in servers]
        settings = {"omit": ["JobUid", "JobReference", "BackupServerReference"]}
        scenario = {"backup_servers": [{"name": each} for each in servers], "agent_jobs": jobs, "settings": settings}
        it = em(scenario)
        error = it.failure(ids=[it.sim.jobs()[1]["id"]], state=state)
        assert (error.kind, it.counters["writes"]) == ("ambiguous", 0)
        assert "Several jobs have the name 'A'" in error.message

    @pytest.mark.parametrize("state", ["started", "stopped"])
    def test_workers_of_a_copy_job_of_the_same_name(self, em: Start, state: str) -> None:
        """They have jobs of their own, so only their names lead to the copy job."""
        copy = {"name": "C", "type": "ImmediateBackupCopy", "workers": True, "machines": [WORKS]}
        jobs = [{**copy, "backup_server": each, "running": each == "vbr01"} for each in ("vbr01", "vbr02")]
        servers = [{"name": "vbr01"}, {"name": "vbr02"}]
        it = em({"backup_servers": servers, "vm_jobs": jobs, "settings": {"omit": ["BackupServerReference"]}})
        error = it.failure(ids=[it.sim.jobs()[1]["id"]], family=VM_JOBS, state=state)
        assert (error.kind, it.counters["writes"]) == ("ambiguous", 0)

    @pytest.mark.parametrize("state", ["started", "retried"])
    def test_the_past_of_a_namesake_is_not_the_jobs_own(self, em: Start, state: str) -> None:
        failed = {"ended_ago": 900, "machines": [FAILS]}
        jobs = [
            {"name": "A", "machines": [FAILS], "backup_server": "vbr01", "history": [failed]},
            {"name": "A", "machines": [WORKS], "backup_server": "vbr02"},
        ]
        settings = {"omit": ["JobUid", "JobReference", "BackupServerReference"]}
        servers = [{"name": "vbr01"}, {"name": "vbr02"}]
        it = em({"backup_servers": servers, "agent_jobs": jobs, "settings": settings})
        error = it.failure(ids=[it.sim.jobs()[1]["id"]], state=state)
        assert (error.kind, it.counters["writes"]) == ("ambiguous", 0)

    def test_a_unique_name_counts_without_id_and_server(self, em: Start) -> None:
        settings = {"omit": ["JobUid", "JobReference", "BackupServerReference"]}
        it = em(fleet(settings, running=True, machines=[WORKS]))
        row = only(it.jobs("A"))
        assert (row["action"], row["session"]["result"]) == ("attach", "Success")

    def test_sessions_by_job_id_do_not_need_the_name(self, em: Start) -> None:
        it = em(fleet(old_name="Linux servers"))
        job_id = it.sim.jobs()[0]["id"]
        wanted = dict.fromkeys(
            ("id", "job_name", "job_type", "state", "result", "created_after", "created_before", "limit")
        )
        found = it.call(read_job_sessions, {**wanted, "job_id": [job_id]})
        assert [each["job_name"] for each in found] == ["Linux servers"]


class TestOtherAnswers:
    @pytest.mark.parametrize("by", ["name", "id"])
    def test_a_job_that_was_not_asked_for(self, em: Start, by: str) -> None:
        it = em(fleet())
        wrong = {"match": {"method": "GET", "path": "/api/agents/jobs/*"}, "times": "forever"}
        it.sim.add_faults([{**wrong, "fault": "another_resource"}])
        if by == "id":
            error = it.failure(ids=[it.sim.jobs()[0]["id"]])
            assert (error.kind, it.counters["writes"]) == ("protocol", 0)
        else:
            # Nothing is read by id before the start; the toggle's verification is.
            error = it.failure("A", schedule_enabled=False)
            assert error.kind == "protocol"
            assert it.counters["toggles"] == {}
        assert it.counters["starts"].get("B") is None

    def test_an_answer_about_something_else_is_read_again_in_a_wait(self, em: Start) -> None:
        it = em(fleet(machines=[{"name": "m1", "duration": 120}]))
        other = {"match": {"method": "GET", "path": "/api/backupSessions/*"}, "occurrence": 2}
        it.sim.add_faults([{**other, "fault": "another_resource"}])
        session = only(it.jobs("A"))["session"]
        assert (session["result"], session["job_name"]) == ("Success", "A")
        assert [each["fault"] for each in it.sim.requests() if each["fault"]] == ["another_resource"]

    def test_a_session_that_was_not_asked_for(self, em: Start) -> None:
        it = em(fleet())
        wrong = {"match": {"method": "GET", "path": "/api/backupSessions/*"}, "times": "forever"}
        it.sim.add_faults([{**wrong, "fault": "another_resource"}])
        with pytest.raises(Exception, match="The server answered the request for") as caught:
            it.call(wait_for_sessions, it.waiter(timeout=300), [runs(it)[0]["id"]], "failed", "fail")
        assert getattr(caught.value, "kind", "") == "protocol"

    def test_a_link_to_the_session_of_another_job(self, em: Start, dialect: dict[str, str]) -> None:
        other = {"name": "B", "machines": ["b"], "history": [{"ended_ago": 50}], "running": True}
        scenario = fleet(machines=[FAILS], related_link="other")
        it = em({"agent_jobs": [scenario["agent_jobs"][0], other]}, **dialect)
        session = it.failure("A").learnt["jobs"][0]["session"]
        assert (session["job_name"], session["result"]) == ("A", "Failed")

    @pytest.mark.parametrize("seconds", [3, 6, 20])
    def test_the_service_restarts_in_a_wait(self, em: Start, seconds: float) -> None:
        it = em(fleet(machines=[{"name": "m1", "duration": 120}]))
        restart = {"match": {"query": "type=BackupJobSession"}, "occurrence": 5, "fault": "restart"}
        single = {"match": {"path": "/api/backupSessions/*"}, "occurrence": 2, "fault": "restart"}
        it.sim.add_faults([{**each, "with": {"seconds": seconds}} for each in (restart, single)])
        row = only(it.jobs("A"))
        assert row["session"]["result"] == "Success"
        assert it.counters["starts"] == {"A": 1}
        assert [each["fault"] for each in it.sim.requests() if each["fault"]] == ["restart", "restart"]

    @pytest.mark.parametrize("match", [{"path": "*/agentManagementSessions"}, {"query": "type=BackupTaskSession"}])
    def test_404s_while_the_machines_are_read(self, em: Start, match: dict[str, str]) -> None:
        it = em(fleet())
        missing = {"match": match, "occurrence": [1, 2, 3]}
        it.sim.add_faults([{**missing, "fault": "status", "with": {"status": 404}}])
        row = only(it.jobs("A"))
        assert [each["result"] for each in row["machines"]] == ["Success"]
        assert sum(each["status"] == 404 for each in it.sim.requests()) == 3

    def test_one_404_on_the_session(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(fleet(machines=[{"name": "m1", "duration": 120}]), **dialect)
        gone = {"match": {"path": "/api/backupSessions/*"}, "occurrence": [2, 4], "fault": "status"}
        it.sim.add_faults([{**gone, "with": {"status": 404}}])
        assert only(it.jobs("A"))["session"]["result"] == "Success"
        it.sim.add_faults([{**gone, "occurrence": "from 2", "with": {"status": 404}}])
        error = it.failure("A")
        assert "no longer exists" in error.message
        assert error.retryable is True


class TestWhoseRun:
    @pytest.mark.parametrize("ago", [30, 1200, 3000, 7200])
    @pytest.mark.parametrize("start_delay", [3, 12, 40])
    def test_an_old_run_that_is_collected_late(self, em: Start, ago: float, start_delay: float) -> None:
        hidden = {"ended_ago": ago, "duration": 20, "appears_after": 2}
        it = em(fleet(history=[hidden], machines=[FAILS], start_delay=start_delay))
        session = it.failure("A").learnt["jobs"][0]["session"]
        assert (session["id"], session["result"]) == (runs(it)[-1]["id"], "Failed")

    @pytest.mark.parametrize("related", [True, False])
    @pytest.mark.parametrize("hidden_for", [20, 60, 200])
    def test_somebody_starts_it_again_before_ours_shows(self, em: Start, related: bool, hidden_for: float) -> None:
        first = {"name": "m1", "result": "Failed", "reason": "No space.", "duration": 3}
        again = {"name": "m1", "duration": 400}
        it = em(fleet(machines=[first], started_again=[again], hidden_for=hidden_for, related_link=related))
        session = it.failure("A").learnt["jobs"][0]["session"]
        assert (session["result"], session["id"]) == ("Failed", runs(it)[1]["id"])

    @pytest.mark.parametrize("ahead", [300, 86400 * 3, -86400])
    @pytest.mark.parametrize("where", ["another server", "another job", "this job"])
    def test_one_session_with_odd_times_disturbs_nobody(self, em: Start, ahead: float, where: str) -> None:
        odd = {"name": "B", "machines": ["b"], "history": [{"ended_ago": 600, "dated_ahead": ahead}]}
        job = {"name": "A", "machines": [FAILS], "history": [{"ended_ago": 90000}]}
        if where == "another server":
            odd["backup_server"] = "vbr02"
        elif where == "this job":
            job["history"] = [{"ended_ago": 600, "dated_ahead": ahead}]
        it = em({"backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}], "agent_jobs": [job, odd]})
        began = it.time.now
        session = it.failure("A").learnt["jobs"][0]["session"]
        assert (session["id"], session["result"]) == (runs(it)[-1]["id"], "Failed")
        assert it.time.now - began < 120

    @pytest.mark.parametrize("skew", [-3600, -300, -3, 3, 300, 3600])
    def test_the_clock_of_the_backup_server(self, em: Start, skew: float, dialect: dict[str, str]) -> None:
        server = [{"name": "vbr01", "clock_skew": skew}]
        it = em({"backup_servers": server, **fleet(machines=[{**FAILS, "duration": 60}])}, **dialect)
        error = it.failure("A")
        assert error.kind == "rejected"
        assert error.learnt["jobs"][0]["session"]["result"] == "Failed"

    @pytest.mark.parametrize("skew", [300, 3600])
    @pytest.mark.parametrize("ago", [5, 200])
    def test_a_clock_that_is_ahead_makes_no_old_run_new(self, em: Start, skew: float, ago: float) -> None:
        server = [{"name": "vbr01", "clock_skew": skew}]
        hidden = {"ended_ago": ago, "duration": 20, "appears_after": 4}
        it = em({"backup_servers": server, **fleet(history=[hidden], machines=[FAILS], start_delay=30)})
        error = it.failure("A")
        session = error.learnt["jobs"][0]["session"]
        if error.kind == "ambiguous":
            assert session is None
        else:
            assert (session["id"], session["result"]) == (runs(it)[-1]["id"], "Failed")

    def test_pages_in_unstable_order(self, em: Start) -> None:
        """Some of the sessions from before may be missed: they are not called new."""
        history = [{"ended_ago": 60 + 90 * n, "duration": 30} for n in range(30)]
        it = em(fleet({"unstable_order": True}, history=history, machines=[FAILS]))
        it.sim.set_job("A", start_delay=4)
        error = it.failure("A")
        session = error.learnt["jobs"][0]["session"]
        assert error.kind in ("rejected", "protocol", "ambiguous")
        assert session is None or session["id"] == runs(it)[-1]["id"]

    def test_a_run_that_nobody_sees_gives_no_verdict(self, em: Start) -> None:
        it = em(fleet(history=[{"ended_ago": 300, "duration": 20, "appears_after": 3}], start_delay="never"))
        error = it.failure("A", timeout=3600)
        assert error.kind == "ambiguous"
        assert "cannot tell" in error.message
        row = error.learnt["jobs"][0]
        assert (row["session"], row["machines"], row["changed"]) == (None, [], True)


class TestStates:
    @pytest.mark.parametrize("result", ["Success", "Failed"])
    def test_an_unknown_state_with_end_and_result(self, em: Start, result: str, dialect: dict[str, str]) -> None:
        odd = {"match": {}, "times": "forever", "fault": "unknown_state"}
        it = em(fleet(machines=[{**FAILS, "result": result}]), **dialect)
        it.sim.add_faults([{**odd, "with": {"state": "Beendet", "also_at_end": True}}])
        found = it.jobs("A") if result == "Success" else it.failure("A").learnt
        session = found["jobs"][0]["session"]
        assert (session["state"], session["result"], session["running"]) == ("Beendet", result, False)
        assert any("Beendet" in each for each in it.warnings)
        assert only(it.jobs("A", wait=False))["action"] == "start"

    @pytest.mark.parametrize("case", ["lower", "upper"])
    def test_letter_case(self, em: Start, case: str, dialect: dict[str, str]) -> None:
        it = em(
            fleet({"letter_case": case}, running=True, stop_takes=60, machines=[{"name": "m1", "duration": 900}]),
            **dialect,
        )
        assert only(it.jobs("A", state="stopped", wait=False))["action"] == "stop"
        again = only(it.jobs("A", state="stopped", wait=False))
        assert (again["action"], it.counters["stops"]) == ("none", {"A": 1})
        it.time.sleep(100)
        row = only(it.jobs("A", wait=False))
        assert row["action"] == "start"

    @pytest.mark.parametrize("case", ["", "lower", "upper"])
    @pytest.mark.parametrize("if_running", ["attach", "fail"])
    def test_a_copy_job_in_idle_is_synced(self, em: Start, case: str, if_running: str) -> None:
        job = {**COPY, "machines": [WORKS]}
        it = em({"vm_jobs": [job], "settings": {"letter_case": case}})
        row = only(it.jobs("C", family=VM_JOBS, wait=False, if_running=if_running))
        assert (row["action"], row["changed"]) == ("start", True)
        assert [each["query"] for each in it.asked("", "POST") if "action" in each["query"]] == ["action=sync"]
        it.time.sleep(10)
        busy = only(it.jobs("C", family=VM_JOBS, wait=False))
        assert busy["action"] == "attach"
        assert it.counters["starts"] == {"C": 1}

    def test_a_copy_job_in_idle_that_the_server_refuses(self, em: Start) -> None:
        job = {**COPY, "machines": [WORKS]}
        it = em({"vm_jobs": [{**job, "refuse_start": "Not now."}]})
        error = it.failure("C", family=VM_JOBS)
        assert (error.kind, error.em_message, error.learnt["changed"]) == ("rejected", "Not now.", False)

    def test_the_run_of_a_synced_copy_job_is_the_new_one(self, em: Start) -> None:
        job = {**COPY, "machines": [FAILS]}
        it = em({"vm_jobs": [job]})
        it.time.sleep(1)
        it.sim.set_job("C", stays_idle=False)
        error = it.failure("C", family=VM_JOBS)
        assert error.learnt["jobs"][0]["session"]["id"] == runs(it, "C")[-1]["id"]
        assert error.kind == "rejected"


class TestWhatIsKnown:
    @pytest.mark.parametrize("result_after", [5, 40])
    def test_a_result_that_comes_after_the_end_is_waited_for(self, em: Start, result_after: float) -> None:
        it = em(fleet(result_after=result_after))
        row = only(it.jobs("A"))
        assert (row["session"]["result"], [each["result"] for each in row["machines"]]) == ("Success", ["Success"])

    def test_a_result_that_never_comes_is_none(self, em: Start) -> None:
        it = em(fleet(result_after=9000))
        error = it.failure("A")
        assert (error.kind, "without a verdict" in error.message) == ("rejected", True)

    @pytest.mark.parametrize("change", [{"refuse_start": "No licence."}, {}])
    def test_a_start_whose_task_does_not_end_has_changed_what_is_seen(self, em: Start, change: Any) -> None:
        it = em(fleet(task_running_for=900, start_delay=1, **change))
        error = it.failure("A", timeout=100)
        assert (error.kind, error.learnt["changed"]) == ("timeout", not change)

    def test_a_listing_that_never_ends(self, em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        """Pages that bring ever new rows: wait_timeout holds before the start, too."""
        it = em(fleet())
        read = EmSession.read

        def endless(session: Any, path: str, query: Any = None) -> Any:
            if path != "query" or query["type"] != "BackupJobSession":
                return read(session, path, query)
            it.time.now += 0.1
            return {"refs": [{"uid": f"u{it.time.now}"}], "paging_info": {"links": [{"rel": "Next"}]}}

        monkeypatch.setattr(EmSession, "read", endless)
        error = it.failure("A", timeout=60)
        assert (error.kind, it.counters["writes"]) == ("timeout", 0)
        assert it.time.now < 1_790_000_200

    def test_what_cannot_be_sent_in_time_is_not_sent(self, em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [f"J{n}" for n in range(15)]
        it = em({"agent_jobs": [{"name": name, "machines": ["m"]} for name in names]})
        act = EmClient.act

        def slow(*arguments: Any) -> Any:
            it.time.now += 2
            return act(*arguments)

        monkeypatch.setattr(EmClient, "act", slow)
        error = it.failure(*names, timeout=5)
        assert sum(it.counters["starts"].values()) == 3
        assert error.kind == "timeout"
        assert "J14" in error.message
        left = [row["job"]["name"] for row in error.learnt["jobs"] if "Not attempted" in row["msg"]]
        assert left == names[3:]
        assert [row["action"] for row in error.learnt["jobs"]] == ["start"] * 3 + ["none"] * 12

    @pytest.mark.parametrize(("status", "action"), [(None, "none"), (403, "start")])
    def test_a_start_that_did_not_arrive_is_not_an_action(
        self, em: Start, monkeypatch: pytest.MonkeyPatch, status: int | None, action: str
    ) -> None:
        it = em(fleet())

        def fail(*_arguments: Any) -> Any:
            raise ApiError("authorization" if status else "connection", "No.", hint="Ask.", http_status=status)

        monkeypatch.setattr(EmClient, "act", fail)
        assert [row["action"] for row in it.failure("A").learnt["jobs"]] == [action]

    def test_an_answer_with_the_task_of_an_earlier_action(self, em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        it = em({"agent_jobs": [{"name": name, "machines": [WORKS]} for name in "AB"]})
        write = EmSession.write
        answers: list[Any] = []

        def one_behind(*arguments: Any, **options: Any) -> Any:
            answers.append(write(*arguments, **options))
            return answers[0]

        monkeypatch.setattr(EmSession, "write", one_behind)
        result = it.jobs("A", "B")
        assert [row["task"]["id"] for row in result["jobs"]] == ["task-1", "task-2"]
        assert [row["session"]["job_name"] for row in result["jobs"]] == ["A", "B"]
        assert it.counters["starts"] == {"A": 1, "B": 1}

    def test_a_job_without_an_id_is_left_alone(self, em: Start) -> None:
        it = em(fleet())
        client_rows = EmClient.query_any

        def nameless(*arguments: Any, **options: Any) -> Any:
            return [{key: row[key] for key in row if key != "uid"} for row in client_rows(*arguments, **options)]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EmClient, "query_any", nameless)
            error = it.failure("A")
        assert (error.kind, it.counters["writes"]) == ("protocol", 0)


class TestCharacters:
    def test_another_jobs_odd_message_hinders_nothing(self, em: Start, dialect: dict[str, str]) -> None:
        odd = {"name": "x", "result": "Failed", "reason": "a\bb\x1bc", "duration": 5}
        other = {"name": "B", "machines": ["x"], "history": [{"ended_ago": 60, "machines": [odd]}]}
        job = {"name": "A", "machines": [WORKS]}
        it = em({"agent_jobs": [job, other], "settings": {"failure_messages": True}}, **dialect)
        assert only(it.jobs("A"))["session"]["result"] == "Success"

    def test_a_byte_in_another_encoding(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(fleet(machines=[{"name": "m\u00fcller", "duration": 20}]), **dialect)
        bad = {"match": {"path": "/api/query"}, "times": "forever", "fault": "encoding"}
        it.sim.add_faults([bad])
        row = only(it.jobs("A"))
        assert [each["name"] for each in row["machines"]] == ["m\u00fcller"]
        assert any(each["fault"] == "encoding" for each in it.sim.requests())
