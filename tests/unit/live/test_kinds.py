"""Finding jobs where VM jobs and agent jobs are both meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.lookup import KINDS_OF_JOBS, list_jobs
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.tests.unit.live.em import Em

Start = Callable[..., Em]

FLEET: dict[str, Any] = {
    "backup_servers": [{"name": "vbr01"}, {"name": "vbr02"}],
    "agent_jobs": [
        {"name": "Linux servers", "includes": ["Linux"], "history": [{"ended_ago": 50, "result": "Warning"}]},
        {"name": "Both", "backup_server": "vbr02"},
        {"name": "Twice"},
    ],
    "vm_jobs": [
        {"name": "Web VMs", "machines": ["web01", "web02"], "history": [{"ended_ago": 90}]},
        {"name": "Standby", "type": "Replica", "history": [{"ended_ago": 90, "result": "Failed"}]},
        {"name": "Both"},
        {"name": "Twice"},
    ],
}
NOTHING = dict.fromkeys(("name", "id", "platform", "backup_server")) | dict.fromkeys(
    ("include_objects", "include_last_session"), False
)


def found(it: Em, kind: str = "any", **wanted: Any) -> list[dict[str, Any]]:
    return it.call(list_jobs, KINDS_OF_JOBS[kind], {**NOTHING, "kind": kind, **wanted})


def refused(it: Em, kind: str = "any", **wanted: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        found(it, kind, **wanted)
    return caught.value


def test_all_jobs_of_both_kinds(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    jobs = found(it, include_objects=True, include_last_session=True)
    assert [(job["kind"], job["name"]) for job in jobs] == [
        ("agent", "Both"),
        ("agent", "Linux servers"),
        ("agent", "Twice"),
        ("vm", "Both"),
        ("vm", "Standby"),
        ("vm", "Twice"),
        ("vm", "Web VMs"),
    ]
    assert [(each["name"], each["type"]) for each in jobs[1]["objects"]] == [("Linux", None)]
    assert [(each["name"], each["type"]) for each in jobs[-1]["objects"]] == [("web01", "Vm"), ("web02", "Vm")]
    last = {job["name"]: job["last_session"] and job["last_session"]["result"] for job in jobs}
    assert last == {
        "Both": None,
        "Twice": None,
        "Linux servers": "Warning",
        "Standby": "Failed",
        "Web VMs": "Success",
    }


@pytest.mark.parametrize(("kind", "count"), [("any", 7), ("vm", 4), ("agent", 3)])
def test_kind_chooses(em: Start, kind: str, count: int) -> None:
    jobs = found(em(FLEET), kind)
    assert len(jobs) == count
    assert kind == "any" or {job["kind"] for job in jobs} == {kind}


def test_names_of_both_kinds_in_the_order_given(em: Start, dialect: dict[str, str]) -> None:
    jobs = found(em(FLEET, **dialect), name=["Web VMs", "Linux servers", "Standby"])
    assert [(job["kind"], job["name"]) for job in jobs] == [
        ("vm", "Web VMs"),
        ("agent", "Linux servers"),
        ("vm", "Standby"),
    ]


@pytest.mark.parametrize("many", [False, True])
def test_ids_of_both_kinds(em: Start, many: bool) -> None:
    it = em({**FLEET, "vm_jobs": [*FLEET["vm_jobs"], *({"name": f"J{n}"} for n in range(25 if many else 0))]})
    ids = [job["id"] for job in it.sim.jobs()]
    assert [job["id"] for job in found(it, id=ids)] == ids
    for job in it.sim.jobs():
        assert [each["name"] for each in found(it, id=[job["id"]])] == [job["name"]]
    gone = "00000000-0000-4000-8000-00000000dead"
    error = refused(it, id=[*ids[:2], gone])
    assert (error.kind, gone in error.message) == ("not_found", True)
    assert "veeam_em_job_info" in str(error.hint)


def test_the_same_name_in_both_kinds_is_ambiguous(em: Start, dialect: dict[str, str]) -> None:
    it = em(FLEET, **dialect)
    error = refused(it, name=["Twice"])
    assert error.kind == "ambiguous"
    assert error.message == "2 jobs are called 'Twice', a VM job on vbr01, an agent job on vbr01."
    ids = [job["id"] for job in it.sim.jobs() if job["name"] == "Twice"]
    assert str(error.hint).startswith("Set kind to select one of them, or use the ID: ")
    assert all(each in str(error.hint) for each in ids)
    assert "Set kind or backup_server" in str(refused(it, name=["Both"]).hint)
    assert [job["kind"] for job in found(it, "vm", name=["Twice", "Both"])] == ["vm", "vm"]
    assert [job["kind"] for job in found(it, name=["Both"], backup_server="vbr02")] == ["agent"]


def test_a_name_of_the_other_kind_is_answered_with_the_module_that_fits(em: Start) -> None:
    it = em(FLEET)
    error = refused(it, "agent", name=["Web VMs"])
    assert error.message == "There is no agent job called 'Web VMs'."
    assert error.hint == "'Web VMs' is a VM job. Set kind to any or vm."
    assert "'Linux servers' is an agent job" in str(refused(it, "vm", name=["Linux servers"]).hint)
    assert (
        str(refused(it, name=["web vms", "Linux server"]).hint)
        == "Did you mean: 'Web VMs'? Did you mean: 'Linux servers'?"
    )
