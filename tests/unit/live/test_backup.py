"""veeam_em_backup: each job once, a verdict for every machine, the runs of an earlier call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.backup import Order, back_up
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]
FLEET = {
    "agent_jobs": [
        {"name": "Web", "machines": ["web01", {"name": "web02", "result": "Failed", "reason": "Full."}, "web03"]},
        {"name": "Refused", "machines": ["refused"], "refuse_start": "The license has expired."},
        {"name": "Slow", "machines": [{"name": "slow", "duration": 9000}, {"name": "done", "duration": 60}]},
    ],
    "vm_jobs": [{"name": "2024", "machines": ["vm01", "vm02"]}],
}

WHERE = "The verdict of each machine, with its jobs and runs, is in machines."


def backup(it: Em, *machines: str, check: bool = False, timeout: float = 14400, **order: Any) -> dict[str, Any]:
    """What the module returns, also when it fails; `error` is then its kind."""
    try:
        return dict(it.call(back_up, Order(machines, **order), it.waiter(timeout=timeout), check, read_only=check))
    except ApiError as error:
        return {**error.learnt, "error": error.kind, "msg": error.sentence(), "hint": error.hint}


def told(result: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["verdict"] for each in result["machines"]}


def of(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in result["machines"] if each["name"] == name)


def test_each_job_once_and_each_machine_by_itself(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    result = backup(it, "WEB01", "web02", "web03", "vm01", "nobody")
    assert told(result) == {
        "WEB01": "success",
        "web02": "failed",
        "web03": "success",
        "vm01": "success",
        "nobody": "unprotected",
    }
    assert "Not backed up: web02. Web: Failed: Full." in result["msg"]
    assert "No job protects nobody." in result["msg"]
    assert (result["changed"], result["error"]) == (True, "rejected")
    assert it.counters["starts"] == {"Web": 1, "2024": 1}
    assert it.counters["logons"] == it.counters["logoffs"] == 1


def test_a_good_backup_ends_well(em: Start) -> None:
    it = em(FLEET)
    result = backup(it, "web01", "vm01")
    assert ("error" in result, result["changed"]) == (False, True)
    assert result["msg"] == result["summary"] == "Backed up: web01. Web: Success.\nBacked up: vm01. 2024: Success."
    assert of(result, "vm01")["jobs"] == ["2024"]


def test_runs_of_an_earlier_call_serve(em: Start) -> None:
    it = em(FLEET)
    first = backup(it, "slow", timeout=120)
    assert told(first) == {"slow": "failed"}
    assert "the run had not ended after 120 seconds and continues on the server" in first["msg"]
    assert first["timed_out"] is True
    run = first["runs"][first["jobs"][0]["job"]["id"]]
    resume = f"Wait for them with veeam_em_job_session_wait, id: [{run}], or raise wait_timeout."
    assert resume in first["hint"]
    late = backup(it, "slow", runs=first["runs"], timeout=60)
    assert (late["error"], late["timed_out"], late["changed"]) == ("timeout", True, False), late
    assert late["hint"] == f"Nothing was stopped. {resume} {WHERE}"
    again = backup(it, "slow", "done", "vm01", runs=first["runs"], timeout=20000)
    assert told(again) == dict.fromkeys(("slow", "done", "vm01"), "success"), again
    assert it.counters["starts"] == {"Slow": 1, "2024": 1}
    last = backup(it, "slow", "vm01", runs=again["runs"])
    assert (last["changed"], told(last)) == (False, {"slow": "success", "vm01": "success"})
    assert it.counters["starts"] == {"Slow": 1, "2024": 1}


def test_a_machine_that_is_done_need_not_wait_for_the_run(em: Start) -> None:
    assert told(backup(em(FLEET), "slow", "done", timeout=600)) == {"slow": "failed", "done": "success"}


def test_a_run_that_is_gone_is_no_success(em: Start) -> None:
    it = em(FLEET)
    runs = {job["id"]: "00000000-1111-4222-8333-444444444444" for job in it.sim.jobs()}
    result = backup(it, "web01", runs=runs)
    assert told(result) == {"web01": "failed"}
    assert it.counters["writes"] == 0


def test_a_run_of_another_job_is_no_success(em: Start) -> None:
    it = em(FLEET)
    first = backup(it, "web01", "vm01")
    web, vms = first["runs"]
    result = backup(it, "web01", "vm01", runs={web: first["runs"][vms], vms: first["runs"][web]})
    assert told(result) == {"web01": "failed", "vm01": "failed"}
    assert "(runs) belongs to another job" in result["msg"]
    assert sum(it.counters["starts"].values()) == 2


def test_a_refused_start(em: Start) -> None:
    result = backup(em(FLEET), "refused", "web01")
    assert told(result) == {"refused": "failed", "web01": "success"}
    assert "The license has expired." in result["msg"]
    assert result["hint"] == f"Check the job in Backup & Replication. {WHERE}"


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ({"unprotected": "stop"}, "not_found", "Nothing was started. No job protects nobody."),
        ({"jobs": {"nobody": ["Wbe"]}}, "not_found", "Did you mean: 'Web'?"),
        ({"jobs": {"nobody": ["2024"]}, "kind": "agent"}, "not_found", "VM job"),
        ({"backup_server": "vbr99"}, "not_found", "There is no backup server vbr99"),
    ],
)
def test_nothing_is_started(em: Start, order: dict[str, Any], kind: str, words: str) -> None:
    it = em(FLEET)
    result = backup(it, "web01", "nobody", **order)
    assert (result["error"], words in result["msg"]) == (kind, True), result
    assert it.counters["writes"] == 0


def test_stop_gives_every_machine_a_verdict(em: Start) -> None:
    result = backup(em(FLEET), "web01", "nobody", unprotected="stop")
    assert told(result) == {"web01": "failed", "nobody": "unprotected"}
    assert of(result, "web01")["msg"] == ("Not backed up: web01. Nothing was started, because no job protects nobody.")


def test_named_jobs_and_machines_that_are_ignored(em: Start) -> None:
    it = em(FLEET)
    result = backup(it, "vm02", "web01", "nobody", jobs={"web01": ["2024"]}, unprotected="ignore")
    # vm02 is a machine of the job 2024, web01 is not.
    assert told(result) == {"vm02": "success", "web01": "failed", "nobody": "unprotected"}
    assert of(result, "nobody")["ok"] is True
    assert it.counters["starts"] == {"2024": 1}


def test_valid_for_and_check_mode(em: Start) -> None:
    it = em(FLEET)
    assert told(backup(it, "web01", "vm01", check=True)) == {"web01": "predicted", "vm01": "predicted"}
    assert it.counters["writes"] == 0
    backup(it, "vm01")
    reused = backup(it, "vm01", valid_for=3600)
    assert (reused["changed"], told(reused)) == (False, {"vm01": "success"})
    assert told(backup(it, "vm01", valid_for=3600, check=True)) == {"vm01": "success"}
    assert it.counters["starts"] == {"2024": 1}


def test_many_machines_cost_few_requests(em: Start) -> None:
    names = [f"m{number}" for number in range(300)]
    it = em({"agent_jobs": [{"name": "All", "machines": names, "history": [{"ended_ago": 100, "duration": 5}]}]})
    result = backup(it, *names, valid_for=3600)
    assert set(told(result).values()) == {"success"}
    assert len(it.sim.requests()) <= 40
