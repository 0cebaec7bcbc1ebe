"""What is known of each machine: jobs, verdicts and restore points, joined from listings of the whole fleet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.client import EmClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.estate_reader import Wanted, read_estate
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]
DAY = 86400
SERVERS = [{"name": "vbr01.example.com"}, {"name": "vbr02.example.com"}]


def machines(it: Em, **wanted: Any) -> dict[str, Any]:
    """The machines by name; each name once."""
    found = it.call(read_estate, Wanted(**wanted), read_only=True)
    assert it.counters["writes"] == 0
    result = {machine["name"]: machine for machine in found}
    assert len(result) == len(found)
    return result


def jobs(machine: dict[str, Any]) -> list[str]:
    return [each["name"] for each in machine["jobs"]]


def verdicts(machine: dict[str, Any]) -> tuple[str | None, str | None]:
    """The last verdict and the last good one."""
    return tuple(machine[key] and machine[key]["result"] for key in ("last", "last_good"))  # type: ignore[return-value]


FLEET: dict[str, Any] = {
    "backup_servers": SERVERS,
    "protection_groups": [
        {"name": "Linux servers", "computers": ["web01.example.com", "web02.example.com", "new01.example.com"]},
        {"name": "Production", "computers": ["web01.example.com"]},
    ],
    "computers": [{"name": "spare01.example.com", "agent_status": "NotInstalled", "os_version": ""}],
    "agent_jobs": [
        {
            "name": "Linux - nightly",
            "includes": ["Linux servers"],
            "machines": ["web01.example.com", "web02.example.com"],
            "history": [
                {
                    "ended_ago": 3600,
                    "machines": ["web01.example.com", {"name": "web02.example.com", "result": "Failed"}],
                },
                {"ended_ago": 3600 + DAY, "machines": ["web01.example.com", "web02.example.com"]},
            ],
        },
        {"name": "Web", "machines": ["web01.example.com"]},
    ],
}


VMS: dict[str, Any] = {
    "vm_jobs": [
        {"name": "VMs", "machines": ["erp01", "old01"], "history": [
            {"ended_ago": 600, "machines": ["erp01"]}, {"ended_ago": 5 * DAY, "machines": ["erp01", "old01"]},
        ]},
        {"name": "Standby", "type": "Replica", "machines": ["erp01"], "history": [
            {"ended_ago": 60, "machines": [{"name": "erp01", "result": "Failed"}]}
        ]},
        {"name": "Copy", "type": "BackupCopy", "machines": ["erp01", "copied"], "history": [{"ended_ago": 30}]},
    ],
    "agent_jobs": [{"name": "In guest", "machines": ["erp01"], "history": [{"ended_ago": 2 * DAY}]}],
    "nas_jobs": [{"name": "Files", "machines": ["share"], "history": [{"ended_ago": 30}]}],
}  # fmt: skip


def test_jobs_groups_and_verdicts(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    found = machines(it)
    assert list(found) == ["new01.example.com", "spare01.example.com", "web01.example.com", "web02.example.com"]
    web01, web02, new01 = (found[f"{name}.example.com"] for name in ("web01", "web02", "new01"))
    # In two protection groups, and one machine.
    assert web01["protection_groups"] == ["Linux servers", "Production"]
    assert jobs(web01) == ["Linux - nightly", "Web"]
    assert jobs(web02) == jobs(new01) == ["Linux - nightly"]
    assert jobs(found["spare01.example.com"]) == []
    assert verdicts(web01) == ("Success", "Success")
    assert verdicts(web02) == ("Failed", "Success")
    assert verdicts(new01) == (None, None)
    assert web02["last"]["job_name"] == "Linux - nightly"
    assert web02["last"]["creation_time"] > web02["last_good"]["creation_time"]
    # The failed run has left no restore point.
    assert web01["restore_point"]["creation_time"] > web02["restore_point"]["creation_time"]
    assert new01["restore_point"] is None


def test_a_run_that_has_not_ended_has_no_verdict(em: Start) -> None:
    job = {"name": "Web", "machines": [{"name": "web01", "duration": 600}], "history": [{"ended_ago": DAY}]}
    it = em({"settings": {"early_result": "all"}, "agent_jobs": [{**job, "running": True}]})
    it.time.sleep(60)
    newest = it.call(lambda client: client.query("BackupJobSession", sort_by="CreationTime", descending=True))[0]
    assert (newest["state"], newest["result"]) == ("Working", "Success")
    before = machines(it)["web01"]["last"]
    it.time.sleep(1200)
    after = machines(it)["web01"]["last"]
    assert before["creation_time"] < after["creation_time"]


def test_a_machine_that_the_newest_run_left_out_is_not_in_the_job_any_more(em: Start) -> None:
    past = [{"ended_ago": DAY, "machines": ["a01", "a02", "gone"]}]
    newest = [{"ended_ago": 600, "machines": ["a01", "a02"]}]
    retry = [{"ended_ago": 60, "machines": ["a01"], "retry": True}]
    # The job includes a folder that no protection group is called by: only its runs tell what is in it.
    job = {"name": "By folder", "includes": ["ou=servers"], "machines": ["a01", "a02", "gone"]}
    found = machines(em({"agent_jobs": [{**job, "history": past + newest + retry}]}))
    assert {name: jobs(each) for name, each in found.items()} == {
        "a01": ["By folder"],
        "a02": ["By folder"],
        "gone": [],
    }
    assert verdicts(found["gone"]) == ("Success", "Success")


def test_a_job_may_include_a_computer_by_its_short_name(em: Start) -> None:
    job = {"name": "J", "includes": ["WEB01"], "machines": ["web01.example.com"]}
    assert jobs(machines(em({"agent_jobs": [job]}))["web01.example.com"]) == ["J"]
    # Where either of two computers may be meant, neither counts as protected.
    twins = [{"name": "web01.example.com"}, {"name": "web01.example.org"}]
    assert not any(map(jobs, machines(em({"computers": twins, "agent_jobs": [job]})).values()))


@pytest.mark.parametrize(
    "settings",
    [
        {"omit": ["BackupServerReference"]},
        {"omit": ["JobReference"]},
        {"omit": ["JobUid"]},
        {"omit": ["JobUid", "JobReference"]},
        {"job_uid_type": "AgentBackupJob"},
        {"task_sessions_of": "parent"},
        {"letter_case": "lower"},
        {"no_date": "before"},
        {"numbers_as_text": True, "flags": "capital"},
    ],
    ids=str,
)
def test_whatever_servers_leave_open(em: Start, settings: dict[str, Any]) -> None:
    def told(it: Em) -> list[Any]:
        found = machines(it, vms=True)
        return [(name, jobs(each), verdicts(each), each["protection_groups"]) for name, each in found.items()]

    scenario = {**FLEET, "vm_jobs": VMS["vm_jobs"]}
    assert told(em({**scenario, "settings": settings})) == told(em(scenario))


def test_a_run_that_may_be_a_retry_does_not_tell_that_a_machine_has_left(em: Start) -> None:
    history = [{"ended_ago": 600, "machines": ["a01"]}, {"ended_ago": DAY, "machines": ["a01", "a02"]}]
    scenario = {
        "agent_jobs": [{"name": "J", "includes": ["ou=servers"], "machines": ["a01", "a02"], "history": history}]
    }
    assert jobs(machines(em(scenario))["a02"]) == []
    assert jobs(machines(em({**scenario, "settings": {"omit": ["IsRetry"]}}))["a02"]) == ["J"]


def test_computers_of_one_name_get_no_verdict_that_may_be_the_others(em: Start) -> None:
    twins = [{"name": "db01", "id": f"0000000{n}-0000-0000-0000-000000000000"} for n in (1, 2)]
    job = {"name": "DB", "machines": ["db01"], "history": [{"ended_ago": 600}]}
    it = em({"computers": twins, "agent_jobs": [job]})
    found = it.call(read_estate, Wanted())
    assert [machine["name"] for machine in found] == ["db01", "db01"]
    assert [verdicts(machine) for machine in found] == [(None, None)] * 2
    assert [jobs(machine) for machine in found] == [["DB"]] * 2
    assert any("db01" in text and "not clear which" in text for text in it.warnings)


def test_the_same_name_on_two_backup_servers(em: Start) -> None:
    def job(server: str, result: str) -> dict[str, Any]:
        machines = [{"name": "web01", "result": result}]
        past = {"ended_ago": 600, "machines": machines}
        return {"name": "Web", "backup_server": server, "machines": machines, "history": [past]}

    twins = [job("vbr01.example.com", "Success"), job("vbr02.example.com", "Failed")]
    it = em({"backup_servers": SERVERS, "agent_jobs": twins})
    found = it.call(read_estate, Wanted())
    assert [(each["backup_server"], each["last"]["result"]) for each in found] == [
        ("vbr01.example.com", "Success"),
        ("vbr02.example.com", "Failed"),
    ]
    assert len({job["id"] for each in found for job in each["jobs"]}) == 2
    ids = it.call(lambda client: {row["name"]: row["uid"] for row in client.query("BackupServer", entities=False)})
    for given in ("VBR02.example.com", ids["vbr02.example.com"]):
        here = it.call(read_estate, Wanted(backup_servers=[given]))
        assert [each["backup_server"] for each in here] == ["vbr02.example.com"]


def test_vms_are_those_that_runs_have_processed(em: Start, dialect: dict[str, str]) -> None:
    scenario = VMS if dialect["api_profile"] != "v95u4" else {**VMS, "nas_jobs": []}
    it = em(scenario, **dialect)
    assert list(machines(it)) == ["erp01"]
    found = machines(it, vms=True)
    assert list(found) == ["erp01", "old01"]
    # An agent runs in the VM: one machine, with the jobs of both.
    assert found["erp01"]["kind"] == "computer"
    assert jobs(found["erp01"]) == ["In guest", "Standby", "VMs"]
    assert verdicts(found["erp01"]) == ("Failed", "Success")
    assert found["erp01"]["last"]["job_name"] == "Standby"
    assert found["erp01"]["last_good"]["job_name"] == "VMs"
    assert found["old01"]["kind"] == "vm"
    assert jobs(found["old01"]) == []
    assert list(machines(it, vms=True, days=2)) == ["erp01"]


def test_runs_without_sessions_of_machines(em: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    it = em({**FLEET, "settings": {"task_sessions_of": "parent"}})
    expected = {name: (jobs(each), verdicts(each)) for name, each in machines(it).items()}
    rows = EmClient.rows

    def without_children(self: EmClient, *arguments: Any, **options: Any) -> Any:
        return (row for row in rows(self, *arguments, **options) if row.get("job_type") != "AgentManagement")

    monkeypatch.setattr(EmClient, "rows", without_children)
    assert {name: (jobs(each), verdicts(each)) for name, each in machines(it).items()} == expected


def test_a_session_that_is_dated_ahead_hides_nothing(em: Start) -> None:
    bad = {"name": "a01", "result": "Failed"}
    history = [{"ended_ago": 600, "machines": [bad], "dated_ahead": 90 * DAY}, {"ended_ago": DAY}]
    it = em({"agent_jobs": [{"name": "J", "machines": ["a01"], "history": history}]})
    found = it.call(read_estate, Wanted())
    assert verdicts(found[0]) == ("Success", "Success")
    assert any("dated in the future" in text for text in it.warnings)
    vm = em({"vm_jobs": [{"name": "J", "machines": ["a01"], "history": history}]})
    found = vm.call(read_estate, Wanted(vms=True))
    assert (verdicts(found[0]), jobs(found[0])) == (("Success", "Success"), ["J"])


def test_rows_in_any_order(em: Start) -> None:
    def outcome(count: int, **settings: Any) -> tuple[list[Any], list[str]]:
        job = {
            "name": "J",
            "machines": [{"name": "m{n}", "count": count}],
            "history": [{"ended_ago": 600, "repeat": 9}],
        }
        it = em({"agent_jobs": [job], "settings": settings})
        found = it.call(read_estate, Wanted())
        return [(each["name"], each["last"]["creation_time"]) for each in found], it.warnings

    expected, _warnings = outcome(40)
    assert outcome(40, unstable_order=True) == (expected, [])
    # From one page to the next, a server without an order loses rows: nothing can be done but to say so.
    assert any("not in order" in text for text in outcome(80, unstable_order=True)[1])


def test_filters(em: Start) -> None:
    it = em(FLEET)
    assert list(machines(it, protection_groups=["production"])) == ["web01.example.com"]
    for wanted, known in (
        ({"protection_groups": ["Prod"]}, "Production"),
        ({"backup_servers": ["vbr03"]}, "vbr01.example.com"),
    ):
        with pytest.raises(ApiError) as failure:
            it.call(read_estate, Wanted(**wanted))
        assert failure.value.kind == "not_found"
        assert known in str(failure.value.hint)


def test_backup_servers_with_odd_names(em: Start) -> None:
    servers = [{"name": 'a "b"; (c)'}, {"name": "d"}]
    computers = [{"name": f"of-{server['name'][0]}", "backup_server": server["name"]} for server in servers]
    it = em({"backup_servers": servers, "computers": computers})
    assert list(machines(it, backup_servers=[servers[0]["name"]])) == ["of-a"]


def test_an_empty_protection_group_is_no_mistake(em: Start) -> None:
    it = em({"protection_groups": [{"name": "Empty"}]})
    assert machines(it, protection_groups=["Empty"]) == {}


def fleet_of(count: int, days: int) -> dict[str, Any]:
    names = [f"m{number:05}" for number in range(count)]
    past = {"ended_ago": 3600, "repeat": days}
    return {
        "protection_groups": [{"name": "All", "computers": names}, {"name": "Half", "computers": names[::2]}],
        "agent_jobs": [{"name": "J", "includes": ["All"], "machines": names, "history": [past]}],
    }


def test_requests_grow_by_page_only(em: Start) -> None:
    few, many = em(fleet_of(10, 2)), em(fleet_of(600, 2))
    assert len(machines(few)) == 10
    assert len(machines(many)) == 600
    # 900 rows of computers are read twice; 1200 sessions, and as many restore points, once.
    more = 2 * (2 - 1) + (3 - 1) + (3 - 1)
    assert len(many.sim.requests()) <= len(few.sim.requests()) + more
