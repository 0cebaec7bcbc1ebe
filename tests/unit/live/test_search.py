"""What the info modules find."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.computers import read_computers
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import AGENT_JOBS, list_jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.query import Condition
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.resources import read_resources
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import BACKUP, REPLICA, read_job_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.task_sessions import read_task_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.waits import wait_for_sessions
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

SESSION = dict.fromkeys(
    ("id", "job_name", "job_id", "job_type", "state", "result", "created_after", "created_before", "limit")
)
TASK_SESSION = dict.fromkeys(
    ("id", "job_session_id", "replica_session_id", "job_name", "machine", "state", "result", "created_after", "limit")
)
QUERY = {"filter": None, "sort_by": None, "descending": False, "limit": None, "page_size": 100, "entities": True}
JOB = {"name": None, "id": None, "backup_server": None, "platform": None} | dict.fromkeys(
    ("include_objects", "include_last_session"), False
)


def sessions(it: Em, **wanted: Any) -> list[dict[str, Any]]:
    return it.call(read_job_sessions, {**SESSION, **wanted})


def task_sessions(it: Em, kind: Any = BACKUP, **wanted: Any) -> list[dict[str, Any]]:
    return it.call(read_task_sessions, kind, {**TASK_SESSION, **wanted})


def resources(it: Em, **wanted: Any) -> list[dict[str, Any]]:
    return it.call(read_resources, {**QUERY, **wanted})


def ago(it: Em, seconds: float) -> str:
    return datetime.fromtimestamp(it.time.now - seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class TestJobs:
    FLEET: dict[str, Any] = {  # noqa: RUF012
        "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
        "agent_jobs": [
            {
                "name": "B",
                "platform": "AgentForLinux",
                "includes": ["Linux group", "host1"],
                "history": [{"ended_ago": 50}, {"ended_ago": 500, "result": "Failed"}],
            },
            {"name": "A", "platform": "AgentForWindows", "backup_server": "vbr02", "description": 'd & "q"'},
        ],
    }

    def test_all_of_them(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        first, second = it.call(list_jobs, (AGENT_JOBS,), JOB)
        assert (first["name"], first["backup_server"], first["platform"]) == ("A", "vbr02", "AgentForWindows")
        assert first["description"] == 'd & "q"'
        assert second["schedule"]["options_daily"]["time"] == "22:00"
        assert second["next_run"]
        assert "objects" not in second
        assert "last_session" not in second

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            ({"name": ["B"]}, ["B"]),
            ({"platform": ["agentforwindows"]}, ["A"]),
            ({"backup_server": "vbr02"}, ["A"]),
            ({"backup_server": "VBR01"}, ["B"]),
        ],
    )
    def test_some_of_them(self, em: Start, wanted: dict[str, Any], names: list[str]) -> None:
        assert [job["name"] for job in em(self.FLEET).call(list_jobs, (AGENT_JOBS,), {**JOB, **wanted})] == names

    def test_objects_and_last_session(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        wanted = {**JOB, "include_objects": True, "include_last_session": True}
        never, ran = it.call(list_jobs, (AGENT_JOBS,), wanted)
        assert [each["name"] for each in ran["objects"]] == ["Linux group", "host1"]
        assert ran["last_session"]["result"] == "Success"
        assert ran["last_session"]["id"] == it.sim.jobs()[0]["runs"][-1]["id"]
        assert (never["last_session"], never["objects"]) == (None, [])

    def test_none_at_all(self, em: Start, dialect: dict[str, str]) -> None:
        assert em(None, **dialect).call(list_jobs, (AGENT_JOBS,), {**JOB, "include_last_session": True}) == []


class TestJobSessions:
    FLEET: dict[str, Any] = {  # noqa: RUF012
        "agent_jobs": [
            {
                "name": "Agents",
                "machines": ["m1"],
                "history": [{"ended_ago": 1000.25}, {"ended_ago": 5000, "result": "Failed"}],
            }
        ],
        "vm_jobs": [
            {"name": "VMs", "machines": [{"name": "v1", "duration": 9000}], "running": True},
            {"name": "Copies", "type": "BackupCopy", "history": [{"ended_ago": 3000, "result": "Warning"}]},
            {"name": "Standby", "type": "Replica", "history": [{"ended_ago": 4000, "repeat": 3, "every": 5000}]},
        ],
    }

    def test_newest_first_of_all_kinds(self, em: Start, dialect: dict[str, str]) -> None:
        found = sessions(em(self.FLEET, **dialect))
        assert {each["job_type"] for each in found} == {
            "AgentBackup",
            "AgentManagement",
            "Backup",
            "BackupCopy",
            "Replica",
        }
        times = [each["creation_time"] for each in found]
        assert len(times) == 9
        assert found[0]["job_name"] == "VMs"
        assert (found[0]["running"], found[0]["result"], found[0]["end_time"]) == (True, None, None)

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({"job_name": ["Agents"]}, 2),
            ({"job_name": ["Agents", "Standby"]}, 5),
            ({"job_type": ["Replica"]}, 3),
            ({"job_type": ["Replica", "BackupCopy"]}, 4),
            ({"job_type": ["agentbackup"]}, 2),
            ({"result": ["Failed"]}, 1),
            ({"result": ["failed", "Warning"]}, 2),
            ({"state": ["Working"]}, 1),
            ({"limit": 4}, 4),
            ({"job_type": ["Replica"], "limit": 2}, 2),
            # It shows Success while it is running, but that does not count as a result.
            ({"job_name": ["VMs"], "result": ["Success"]}, 0),
            ({"job_name": ['no "such" job']}, 0),
        ],
    )
    def test_filters(self, em: Start, wanted: dict[str, Any], count: int, dialect: dict[str, str]) -> None:
        assert len(sessions(em({**self.FLEET, "settings": {"early_result": "all"}}, **dialect), **wanted)) == count

    def test_times(self, em: Start) -> None:
        it = em(self.FLEET)
        every = [each["creation_time"] for each in sessions(it)]
        for seconds in (0, 1000, 3500, 8000):
            text = ago(it, seconds)
            late = sessions(it, created_after=text)
            early = sessions(it, created_before=text)
            assert len(late) + len(early) == len(every)
        shifted = (datetime.fromtimestamp(it.time.now - 3500, timezone.utc) + timedelta(hours=2)).strftime(
            "%Y-%m-%dT%H:%M:%S+02:00"
        )
        assert sessions(it, created_after=shifted) == sessions(it, created_after=ago(it, 3500))
        # A session's own time includes the session, whatever fraction of a second it has.
        assert any("." in time for time in every)
        for number, time in enumerate(every):
            assert [each["creation_time"] for each in sessions(it, created_before=time)] == every[number:]
            assert [each["creation_time"] for each in sessions(it, created_after=time)] == every[: number + 1]
        with pytest.raises(ApiError, match="yesterday") as caught:
            sessions(it, created_after="yesterday")
        assert caught.value.kind == "usage"

    def test_by_id_and_by_job_id(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        chosen = [sessions(it, job_type=["Replica"])[1], sessions(it, job_name=["Agents"])[0]]
        assert sessions(it, id=[each["id"] for each in chosen]) == chosen
        assert sessions(it, id=[chosen[0]["uid"]]) == chosen[:1]
        found = sessions(it, job_id=[it.sim.jobs()[0]["id"]])
        assert {each["job_name"] for each in found} == {"Agents"}
        with pytest.raises(ApiError) as caught:
            sessions(it, id=["00000000-0000-4000-8000-000000000000"])
        assert caught.value.kind == "not_found"
        assert "30 days" in str(caught.value.hint)

    def test_waiting_for_one_that_has_ended_and_one_that_has_not(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        ids = [sessions(it, job_name=["VMs"])[0]["id"], sessions(it, job_type=["Replica"])[0]["id"]]
        short = it.call(wait_for_sessions, it.waiter(timeout=50), ids, "failed", "return")
        assert (short["timed_out"], [each["running"] for each in short["sessions"]]) == (True, [True, False])
        assert short["sessions"][0]["machines"][0]["result"] is None
        with pytest.raises(ApiError) as caught:
            it.call(wait_for_sessions, it.waiter(timeout=50), ids, "failed", "fail")
        assert caught.value.learnt["timed_out"] is True
        assert [each["id"] for each in caught.value.learnt["sessions"]] == ids
        long = it.call(wait_for_sessions, it.waiter(), ids, "failed", "fail")
        assert [each["result"] for each in long["sessions"]] == ["Success", "Success"]
        assert [each["machines"][0]["name"] for each in long["sessions"]] == ["v1", "Standby"]
        failed = sessions(it, result=["Failed"])[0]["id"]
        with pytest.raises(ApiError) as caught:
            it.call(wait_for_sessions, it.waiter(), [failed], "failed", "fail")
        assert caught.value.kind == "rejected"
        assert it.call(wait_for_sessions, it.waiter(), [failed], "never", "fail")["sessions"][0]["result"] == "Failed"


class TestTaskSessions:
    @staticmethod
    def fleet(kind: Any, count: int = 3, **settings: Any) -> dict[str, Any]:
        machines = [
            {"name": "vm{n}", "count": count},
            {"name": "bad", "result": "Failed", "reason": "No space.", "total_size": 1000},
        ]
        past = [{"ended_ago": 100, "machines": machines}, {"ended_ago": 9000, "machines": machines}]
        jobs = [{"name": "J", "history": past}, {"name": "K", "history": past[:1]}]
        if kind is REPLICA:
            return {"vm_jobs": [{**job, "type": "Replica"} for job in jobs], "settings": settings}
        return {"agent_jobs": jobs, "settings": settings}

    @pytest.fixture(params=[BACKUP, REPLICA], ids=["backup", "replica"])
    def kind(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({}, 12),
            ({"job_name": ["K"]}, 4),
            ({"machine": ["vm1", "BAD"]}, 6),
            ({"result": ["Failed"]}, 3),
            ({"state": ["Completed"]}, 12),
            ({"state": ["Pending"]}, 0),
            ({"limit": 5}, 5),
            ({"machine": ["vm1"], "limit": 2}, 2),
            ({"machine": ['"quoted"']}, 0),
        ],
    )
    def test_filters(self, em: Start, kind: Any, wanted: dict[str, Any], count: int) -> None:
        it = em(self.fleet(kind))
        if kind is BACKUP and wanted.get("job_name"):
            # The machines of an agent run have jobs of their own.
            wanted = {**wanted, "job_name": [f"K - {name}" for name in ("vm1", "vm2", "vm3", "bad")]}
        assert len(task_sessions(it, kind, **wanted)) == count

    def test_created_after(self, em: Start, kind: Any) -> None:
        it = em(self.fleet(kind))
        assert len(task_sessions(it, kind, created_after=ago(it, 5000))) == 8

    def test_a_negative_limit(self, em: Start, kind: Any) -> None:
        it = em(self.fleet(kind))
        for find in (lambda: task_sessions(it, kind, limit=-1), lambda: sessions(it, limit=-1)):
            with pytest.raises(ApiError) as caught:
                find()
            assert caught.value.kind == "usage"
        assert it.counters.get("requests", 0) == 0

    def test_one_in_full(self, em: Start, kind: Any, dialect: dict[str, str]) -> None:
        it = em(self.fleet(kind), **dialect)
        found = task_sessions(it, kind, machine=["bad"])[0]
        assert (found["result"], found["reason"], found["total_size"]) == ("Failed", "No space.", 1000)
        assert task_sessions(it, kind, id=[found["id"]]) == [found]
        assert task_sessions(it, kind, id=[found["uid"]]) == [found]
        with pytest.raises(ApiError) as caught:
            task_sessions(it, kind, id=["00000000-0000-4000-8000-000000000000"])
        assert caught.value.kind == "not_found"

    @pytest.mark.parametrize("listed", ["entities", "references"])
    @pytest.mark.parametrize("misspelt", [True, False])
    def test_by_parent(self, em: Start, kind: Any, listed: str, misspelt: bool, dialect: dict[str, str]) -> None:
        settings = {"misspelt_replica_links": misspelt, "replica_task_sessions": listed}
        it = em(self.fleet(kind, count=40, **settings), **dialect)
        parents = [each["id"] for each in sessions(it, job_name=["J"])]
        before = len(it.sim.requests())
        found = task_sessions(it, kind, **{kind.parent_option: parents[:1]})
        assert sorted(each["machine"] for each in found) == sorted(["bad"] + [f"vm{n}" for n in range(1, 41)])
        assert all(each["state"] == "Completed" for each in found)
        # One list and a few queries, not one request per machine.
        assert len(it.sim.requests()) - before <= 10
        assert len(task_sessions(it, kind, **{kind.parent_option: parents}, result=["Failed"])) == 2
        newest = task_sessions(it, kind, **{kind.parent_option: parents[::-1]}, limit=3)
        assert [each["creation_time"] for each in newest] == sorted(each["creation_time"] for each in found)[:-4:-1]
        if kind is REPLICA:
            asked = {each["path"].rpartition("/")[2] for each in it.sim.requests()}
            assert ("repicaTaskSessions" in asked) is misspelt
            assert ("replicaTaskSessions" in asked) is not misspelt

    def test_many_ids_cost_few_requests(self, em: Start, kind: Any) -> None:
        it = em(self.fleet(kind, count=60))
        ids = [each["id"] for each in task_sessions(it, kind)]
        before = len(it.sim.requests())
        assert [each["id"] for each in task_sessions(it, kind, id=ids)] == ids
        assert len(it.sim.requests()) - before <= 25

    def test_the_job_of_each(self, em: Start, kind: Any, dialect: dict[str, str]) -> None:
        """The machines of an agent run have sessions and jobs of their own; the run's job counts."""
        it = em(self.fleet(kind), **dialect)
        ids = {each["name"]: each["id"] for each in it.sim.jobs()}
        found = task_sessions(it, kind)
        assert {(each["job_name"], each["job_id"]) for each in found} == {("J", ids["J"]), ("K", ids["K"])}
        run = sessions(it, job_name=["K"])[0]
        assert {each["job_name"] for each in task_sessions(it, kind, **{kind.parent_option: [run["id"]]})} == {"K"}

    def test_a_job_session_that_is_not_shown(self, em: Start, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        it = em(self.fleet(kind))
        query_any = EmClient.query_any

        def without_sessions(client: EmClient, query_type: str, *arguments: Any, **options: Any) -> Any:
            rows = query_any(client, query_type, *arguments, **options)
            return [] if query_type == kind.query_type else rows

        monkeypatch.setattr(EmClient, "query_any", without_sessions)
        assert {(each["job_name"], each["job_id"]) for each in task_sessions(it, kind)} == {(None, None)}

    def test_an_early_result_is_no_result(self, em: Start) -> None:
        it = em({"agent_jobs": [{"name": "A", "machines": [{"name": "m", "duration": 900}], "running": True}]})
        it.time.sleep(300)
        (found,) = task_sessions(it)
        assert (found["state"], found["result"], found["end_time"]) == ("InProgress", None, None)
        assert resources(it, type="BackupTaskSession")[0]["result"] == "Success"
        assert task_sessions(it, result=["Success"]) == []


class TestQuery:
    MANY: dict[str, Any] = {  # noqa: RUF012
        "vm_jobs": [{"name": "Big", "history": [{"ended_ago": 50, "machines": [{"name": "vm{n}", "count": 5000}]}]}]
    }

    @pytest.mark.parametrize(("profile", "spoken"), [("v12", "json"), ("v12", "xml"), ("v13", "json")])
    def test_five_thousand_rows_over_fifty_pages(self, em: Start, profile: str, spoken: str) -> None:
        it = em(self.MANY, profile, spoken)
        found = resources(it, type="BackupTaskSession", sort_by="VmDisplayName")
        names = [each["vm_display_name"] for each in found]
        assert names == sorted(f"vm{n}" for n in range(1, 5001))
        assert len({each["id"] for each in found}) == 5000
        assert len(it.asked("/query")) == 50

    def test_descending_in_larger_pages(self, em: Start) -> None:
        it = em(self.MANY)
        found = resources(it, type="BackupTaskSession", sort_by="VmDisplayName", descending=True, page_size=2000)
        names = [each["vm_display_name"] for each in found]
        assert names == sorted((f"vm{n}" for n in range(1, 5001)), reverse=True)
        assert len(it.asked("/query")) == 3

    @pytest.mark.parametrize("limit", [0, 1, 99, 100, 101, 250])
    def test_limit(self, em: Start, limit: int) -> None:
        it = em({"vm_jobs": [{"name": f"J{n:03}"} for n in range(300)]})
        found = resources(it, type="Job", sort_by="Name", limit=limit)
        assert [each["name"] for each in found] == [f"J{n:03}" for n in range(limit)]
        assert len(it.asked("/query")) <= 3

    def test_references(self, em: Start, dialect: dict[str, str]) -> None:
        it = em({"vm_jobs": [{"name": "Big"}]}, **dialect)
        (found,) = resources(it, type="Job", entities=False)
        assert found["name"] == "Big"
        assert found["id"] == it.sim.jobs()[0]["id"]
        assert "job_type" not in found

    NAMES = (
        "plain",
        "two words",
        'a "quoted" name',
        "semi;colon",
        "com,ma",
        "par(en)s",
        "amp & ers",
        "a+b",
        "100%",
        "B\u00fcro \u6771\u4eac",
        "back\\slash",
        "equals==x",
        "<tag>",
        "#hash?",
    )

    @pytest.mark.parametrize("name", NAMES)
    def test_any_value_finds_its_row(self, em: Start, name: str, dialect: dict[str, str]) -> None:
        it = em({"vm_jobs": [{"name": each} for each in self.NAMES]}, **dialect)
        found = resources(it, type="Job", filter=[{"field": "Name", "value": name}])
        assert [each["name"] for each in found] == [name]
        others = resources(it, type="Job", filter=[{"field": "Name", "op": "!=", "value": name}])
        assert {each["name"] for each in others} == set(self.NAMES) - {name}
        some = resources(it, type="Job", filter=[{"field": "Name", "value": ["plain", name]}])
        assert {each["name"] for each in some} == {"plain", name}

    def test_what_the_grammar_cannot_carry_is_told(self, em: Start) -> None:
        it = em({"vm_jobs": [{"name": 'a "b"'}]})
        resources(it, type="Job", filter=[{"field": "Name", "value": 'a "b"'}])
        assert len(it.debug_lines) == 1
        assert "filters this itself" in it.debug_lines[0]
        assert "filter" not in it.asked("/query")[0]["query"]

    def test_what_the_client_filters_is_still_limited(self, em: Start) -> None:
        it = em({"vm_jobs": [{"name": f"J{n:03}", "description": '"x"' if n % 2 else ""} for n in range(300)]})
        wanted = [{"field": "Description", "value": '"x"'}]
        found = resources(it, type="Job", filter=wanted, sort_by="Name", limit=7)
        assert [each["name"] for each in found] == [f"J{n:03}" for n in range(1, 14, 2)]

    def test_a_list_of_conditions_means_all_of_them(self, em: Start, dialect: dict[str, str]) -> None:
        history = [
            {"ended_ago": 100 * n, "result": result, "duration": 10}
            for n, result in enumerate(("Success", "Warning", "Failed"), 1)
        ]
        it = em({"vm_jobs": [{"name": "A", "history": history}, {"name": "B", "history": history}]}, **dialect)
        wanted = [{"field": "Result", "op": ">", "value": "Success"}, {"field": "JobName", "value": ["x", "A"]}]
        assert sorted(each["result"] for each in resources(it, type="BackupJobSession", filter=wanted)) == [
            "Failed",
            "Warning",
        ]

    def test_a_list_with_unequal_means_none_of_them(self, em: Start, dialect: dict[str, str]) -> None:
        names = ["A", "B", "C", 'D"quoted"']
        it = em({"vm_jobs": [{"name": name} for name in names]}, **dialect)
        for excluded in (["A", "C"], ["A", 'D"quoted"']):
            wanted = [{"field": "Name", "op": "!=", "value": excluded}]
            found = resources(it, type="Job", filter=wanted, sort_by="Name")
            assert [each["name"] for each in found] == [name for name in names if name not in excluded]

    def test_text_of_the_server(self, em: Start) -> None:
        it = em({"vm_jobs": [{"name": "A b"}, {"name": "C"}]})
        assert [each["name"] for each in resources(it, type="Job", filter='Name=="A b"')] == ["A b"]
        with pytest.raises(ApiError) as caught:
            resources(it, type="Job", filter="Name=")
        assert caught.value.kind == "rejected"
        assert "Invalid filter" in str(caught.value.em_message)

    @pytest.mark.parametrize(
        "wanted",
        [
            {"filter": [{"field": "Name"}]},
            {"filter": [{"field": "Name", "value": []}]},
            {"filter": [{"field": "Name", "value": "x", "operator": "=="}]},
            {"filter": [{"field": "Name", "op": "~", "value": "x"}]},
            {"filter": [{"field": 'Name=="a";x', "value": "x"}]},
            {"filter": ["Name==x"]},
            {"filter": 5},
            {"page_size": 0},
            {"limit": -1},
            {"filter": [{"field": "Nonsense", "value": '"'}]},
        ],
    )
    def test_nonsense_is_refused(self, em: Start, wanted: dict[str, Any]) -> None:
        it = em({"vm_jobs": [{"name": "A"}]})
        with pytest.raises(ApiError) as caught:
            resources(it, type="Job", **wanted)
        assert caught.value.kind == "usage"

    def test_rows_that_move_to_the_next_page_come_once(self, em: Start) -> None:
        it = em(
            {"vm_jobs": [{"name": "A", "history": [{"ended_ago": 100, "repeat": 25, "every": 100, "duration": 9}]}]}
        )
        with it.client() as client:
            rows = client.rows("BackupJobSession", sort_by="CreationTime", descending=True, page_size=5)
            first = [next(rows) for _number in range(3)]
            client.act("jobs/" + it.sim.jobs()[0]["id"], "start")
            it.time.sleep(5)
            seen = [each["uid"] for each in [*first, *rows]]
        assert len(seen) == len(set(seen)) == 25

    @pytest.mark.parametrize(
        "kind",
        ["Job", "BackupJobSession", "AgentBackupJob", "BackupServer", "Repository", "DiscoveredComputer", "Task"],
    )
    def test_nothing_found_is_an_empty_list(self, em: Start, kind: str, dialect: dict[str, str]) -> None:
        where = [] if kind == "Task" else [Condition.of("Name", "==", "nothing")]
        assert em(None, **dialect).call(lambda client: client.query(kind, where=where)) == []


class TestComputers:
    FLEET: dict[str, Any] = {  # noqa: RUF012
        "protection_groups": [
            {"name": "Web", "computers": ["web01", "web02"]},
            {"name": "SQL", "computers": ["sql01"]},
        ],
        "computers": [{"name": "sql01", "ip_address": "192.0.2.7", "host_status": "Offline"}],
        "agent_restore_points": [
            {"computer": "web01", "created_ago": 7200},
            {"computer": "web01", "created_ago": 90000},
            {"computer": "sql01", "created_ago": 5400, "point_type": "Full"},
        ],
    }

    def test_all_of_them(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        found = it.call(read_computers, [], [], False)
        assert [each["name"] for each in found] == ["sql01", "web01", "web02"]
        assert found[0]["protection_group"] == "SQL"
        assert (found[0]["ip_address"], found[0]["host_status"]) == ("192.0.2.7", "Offline")

    def test_one_in_two_groups_is_listed_for_each(self, em: Start, dialect: dict[str, str]) -> None:
        groups = [*self.FLEET["protection_groups"], {"name": "Production", "computers": ["sql01"]}]
        it = em({**self.FLEET, "protection_groups": groups}, **dialect)
        found = it.call(read_computers, ["sql01"], [], False)
        assert sorted(each["protection_group"] for each in found) == ["Production", "SQL"]
        assert found[0]["backup_server"] == "vbr01.example.com"
        assert "last_restore_point" not in found[0]

    def test_by_name_and_group(self, em: Start) -> None:
        it = em(self.FLEET)
        assert [each["name"] for each in it.call(read_computers, ["web02"], [], False)] == ["web02"]
        assert [each["name"] for each in it.call(read_computers, [], ["Web"], False)] == ["web01", "web02"]
        for names, groups in ((["web01", "web9"], []), ([], ["Webb"])):
            with pytest.raises(ApiError) as caught:
                it.call(read_computers, names, groups, False)
            assert caught.value.kind == "not_found"
            assert (names or groups)[-1] in caught.value.message

    def test_the_newest_restore_point(self, em: Start, dialect: dict[str, str]) -> None:
        it = em(self.FLEET, **dialect)
        sql, web1, web2 = it.call(read_computers, [], [], True)
        assert sql["last_restore_point"]["age_hours"] == pytest.approx(1.5, abs=0.02)
        assert sql["last_restore_point"]["point_type"] == "Full"
        assert web1["last_restore_point"]["age_hours"] == pytest.approx(2, abs=0.02)
        assert web2["last_restore_point"] is None

    def test_restore_points_of_namesakes_on_two_servers(self, em: Start) -> None:
        servers = [{"name": "vbr01.example.com"}, {"name": "vbr02.example.com"}]
        groups = [
            {"name": f"G{n}", "backup_server": each["name"], "computers": ["web"]} for n, each in enumerate(servers)
        ]
        point = {"computer": "web", "created_ago": 7200, "backup_server": "vbr02.example.com"}
        it = em({"backup_servers": servers, "protection_groups": groups, "agent_restore_points": [point]})
        found = {each["backup_server"]: each for each in it.call(read_computers, ["web"], [], True)}
        assert found["vbr01.example.com"]["last_restore_point"] is None
        assert found["vbr02.example.com"]["last_restore_point"]["age_hours"] == pytest.approx(2, abs=0.02)
