"""The report, from records: ages, limits, exclusions, what recovered, which names mean one machine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.names import Patterns
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.outcomes import JobEntry, Names, Owners, outcomes
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.report import Records, Report, Wishes
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError

NOW = datetime(2026, 1, 31, 6, 0, tzinfo=timezone.utc)
OPTIONS = {
    "hours": 24.0,
    "name": None,
    "machine": None,
    "rpo_hours": None,
    "rpo_overrides": None,
    "exclude": None,
    "tolerate_warnings": None,
}


def at(hours_ago: float) -> str:
    return (NOW - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry(name: str = "Linux", job_type: str = "AgentBackup", listed: Any = True, server: str = "vbr01") -> JobEntry:
    job: Any = {"id": f"id-{name}", "name": name, "job_type": job_type, "backup_server": server}
    job.update(schedule_configured=True, schedule_enabled=True, next_run=None)
    return JobEntry(job, "agent" if job_type == "AgentBackup" else "vm", listed)


def run(
    owner: JobEntry, ago: float, machines: dict[str, Any], result: Any = "Success", hours: float = 1, **more: Any
) -> Any:
    """A run that ended so many hours ago; machines: name -> result, or (result, reason)."""
    number = f"run-{owner.name}-{ago}"
    session: Any = {
        "id": number,
        "job_id": owner.id,
        "job_name": owner.name,
        "job_type": owner.job["job_type"],
        "backup_server": owner.job["backup_server"],
        "creation_time": at(ago + hours),
        "end_time": at(ago),
        "result": result,
        "running": False,
        "state": "Stopped",
        "progress": 100,
        "is_retry": False,
        "failure_message": None,
        **more,
    }
    parts: list[Any] = []
    for place, (name, given) in enumerate(machines.items()):
        verdict, reason = given if isinstance(given, tuple) else (given, "")
        parts.append(
            {
                "id": f"{number}-{place}",
                "machine": name.rstrip("'"),
                "job_session_id": number,
                "result": verdict,
                "reason": reason,
                "state": "Completed",
                "total_size": 1000,
                "creation_time": session["creation_time"],
                "end_time": session["end_time"],
            }
        )
    owner.runs.append(session)
    return owner, session, outcomes(owner, session, [], parts)


def computer(name: str, group: Any = None, server: str = "vbr01") -> Any:
    shown = {"protection_group": group, "protection_group_id": None, "agent_status": "Installed"}
    return {"id": f"c-{name}", "name": name, "backup_server": server, **shown}


def made(*runs: Any, computers: Any = (), entries: Any = (), whole: bool = True, **options: Any) -> dict[str, Any]:
    owners = list({id(each): each for each in [*entries, *(one[0] for one in runs)]}.values())
    records = Records(NOW, "em", owners, runs, computers, whole)
    return Report(records, Wishes.from_params({**OPTIONS, **options})).as_dict()


def machines(report: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in report["machines"]}


def test_newest_backup_and_newest_good_one() -> None:
    job = entry()
    report = made(
        run(job, 2, {"web01": ("Failed", "Disk full."), "web02": "Warning"}, "Failed"),
        run(job, 26, {"web01": "Success", "web02": "Success"}),
    )
    web01, web02 = machines(report)["web01"], machines(report)["web02"]
    assert (web01["last"]["result"], web01["last"]["reason"], web01["last"]["age_hours"]) == ("Failed", "Disk full.", 2)
    assert (web01["last_good"]["result"], web01["last_good"]["age_hours"]) == ("Success", 26)
    assert (web01["last_good"]["size"], web01["last_good"]["duration_seconds"]) == (1000, 3600)
    assert (web02["last_good"]["result"], web02["last_good"]["age_hours"]) == ("Warning", 2)
    assert report["totals"]["runs"] == 1
    assert report["totals"]["failed"] == 1
    assert report["totals"]["machines_failed"] == 1
    assert [each["machine"] for each in report["failures"]] == ["web01"]
    assert report["period"] == {"from": "2026-01-30T06:00:00Z", "to": "2026-01-31T06:00:00Z", "hours": 24.0}


@pytest.mark.parametrize(
    ("later", "recovered"),
    [
        ({"result": "Success", "is_retry": True}, (True, "retry")),
        ({"result": "Success", "is_retry": False}, (True, "run")),
        ({"result": "Success", "is_retry": None}, (True, None)),
        ({"result": "Failed", "is_retry": True}, (False, None)),
    ],
)
def test_whether_a_later_run_succeeded(later: dict[str, Any], recovered: tuple[bool, Any]) -> None:
    job = entry()
    report = made(
        run(job, 5, {"web01": "Failed", "web02": "Success"}, "Failed"), run(job, 2, {"web01": later["result"]}, **later)
    )
    first = next(each for each in report["failures"] if each["when"] == at(5))
    assert (first["recovered"], first["recovered_by"]) == recovered


def test_the_success_of_another_machine_or_job_or_of_before_is_no_recovery() -> None:
    job, other = entry(), entry("Others")
    report = made(
        run(job, 9, {"web01": "Success"}),
        run(job, 5, {"web01": "Failed"}, "Failed"),
        run(job, 3, {"web02": "Success"}),
        run(other, 1, {"web01": "Success"}),
    )
    assert [each["recovered"] for each in report["failures"]] == [False]


def test_no_failed_machine_is_lost_among_namesakes() -> None:
    # Two machines of one job have the same name: neither hides the other.
    report = made(run(entry(), 2, {"node": "Failed", "node'": "Success", "NODE''": "Failed"}, "Failed"))
    assert len(report["failures"]) == 2
    assert machines(report)["node"]["last"]["result"] == "Failed"
    assert machines(report)["node"]["last_good"] is None


def test_a_run_that_failed_by_itself_is_told_too() -> None:
    report = made(
        run(entry(), 2, {}, "Failed", failure_message="The repository is full."),
        run(entry("B"), 2, {"web01": "Success"}, "Failed"),
        run(entry("C"), 2, {"web02": None}, None),
    )
    shown = {(each["job"], each["machine"], each["reason"]) for each in report["failures"]}
    without = "It ended without a verdict."
    assert shown == {("Linux", None, "The repository is full."), ("B", None, None), ("C", "web02", without)}
    assert report["totals"]["without_verdict"] == 1


def test_what_recovered_comes_last() -> None:
    job = entry()
    report = made(
        run(job, 5, {"web01": "Failed", "web02": "Failed"}, "Failed"), run(job, 2, {"web01": "Success"}, is_retry=True)
    )
    assert [each["machine"] for each in report["failures"]] == ["web02", "web01"]


@pytest.mark.parametrize(
    ("options", "age", "why"),
    [
        ({"rpo_hours": 24.0}, 23.9, None),
        ({"rpo_hours": 24.0}, 24.5, "too_old"),
        ({"rpo_hours": 24.0, "rpo_overrides": [{"machine": "WEB*", "hours": 30}]}, 29, None),
        ({"rpo_hours": 24.0, "rpo_overrides": [{"machine": "web*", "hours": 4}]}, 5, "too_old"),
        ({"rpo_overrides": [{"machine": "sql*", "hours": 4}]}, 500, None),
        ({"rpo_hours": 24.0, "exclude": [{"machine": "web01", "reason": "Rebuilt."}]}, 500, None),
        ({"rpo_hours": 24.0, "exclude": ["web*"]}, 500, None),
    ],
)
def test_limits(options: dict[str, Any], age: float, why: Any) -> None:
    report = made(run(entry(), age, {"web01": "Success"}), **options)
    assert [each["why"] for each in report["rpo_breaches"]] == ([why] if why else [])
    if why:
        breach = report["rpo_breaches"][0]
        assert (breach["machine"], breach["age_hours"], breach["last_good"]) == ("web01", age, at(age))


def test_sentences_of_breaches() -> None:
    gone = entry("Gone", listed=False)
    group: Any = {"id": "g", "name": "Web", "display_name": "Web"}
    job = entry()
    job.objects = [group]
    report = made(
        run(job, 30, {"old": "Success"}),
        run(gone, 2, {"left": "Success"}),
        run(job, 2, {"bad": "Failed"}, "Failed"),
        computers=[computer("never", "Web"), computer("nobody", "Other")],
        rpo_hours=24.0,
        machine=["*", "stranger"],
    )
    assert {each["machine"]: (each["why"], each["msg"]) for each in report["rpo_breaches"]} == {
        "old": ("too_old", "old: its newest good backup is 30 hours old; 24 hours are allowed."),
        "left": ("unprotected", "left: no job protects it anymore; its newest good backup is 2 hours old."),
        "bad": ("never", "bad: a job protects it, but no good backup of it is known."),
        "never": ("never", "never: a job protects it, but no good backup of it is known."),
        "nobody": ("unprotected", "nobody: no job protects it, and no good backup of it is known."),
        "stranger": ("unprotected", "stranger: no job protects it, and no backup of it is known."),
    }
    shown = {each["machine"]: each["why"] for each in report["unprotected"]}
    assert shown == {"left": "job_deleted", "nobody": "no_job", "stranger": "not_known"}


def test_sentences_tell_machines_of_one_name_apart() -> None:
    here, there = entry(), entry("There", server="vbr02")
    report = made(
        run(here, 50, {"web01": "Success", "web02": "Success"}),
        run(there, 2, {"WEB01": "Success"}),
        rpo_hours=26.0,
        machine=["web01", "web02"],
    )
    assert [each["msg"].partition(":")[0] for each in report["asked"]] == ["web01 on vbr01", "web02"]
    report = made(run(here, 9, {"web01": "Success"}), run(there, 2, {"web01": "Success"}), machine=["web01"])
    assert report["asked"][0]["msg"] == (
        "web01 on vbr01: its newest good backup is 9 hours old. web01 on vbr02: its newest good backup is 2 hours old."
    )


def test_one_hour_is_allowed() -> None:
    (breach,) = made(run(entry(), 2, {"web01": "Success"}), rpo_hours=1.0)["rpo_breaches"]
    assert breach["msg"] == "web01: its newest good backup is 2 hours old; 1 hour is allowed."


def test_a_machine_whose_name_is_a_number_is_excluded() -> None:
    report = made(run(entry(), 50, {"1001": "Success"}), rpo_hours=26.0, exclude=[1001])
    assert (report["rpo_breaches"], [each["machine"] for each in report["excluded"]]) == ([], ["1001"])


def test_a_period_longer_than_the_calendar() -> None:
    report = made(run(entry(), 2, {"web01": "Success"}), hours=1e12)
    assert (report["period"]["from"], report["totals"]["runs"]) == ("2016-01-31T18:00:00Z", 1)


def test_answers_for_machines_asked_by_name() -> None:
    new, old = entry("New", server="vbr02"), entry("Old", listed=False)
    report = made(
        run(new, 2, {"web01.example.com": "Success"}),
        # The machine moved to another backup server; its old job is gone.
        run(old, 200, {"web01.example.com": "Success"}),
        rpo_hours=24.0,
        machine=["WEB01", "scratch", "lost"],
        exclude=[{"machine": "scratch", "reason": "Made anew each night."}],
    )
    assert [(each["machine"], each["breach"], each["msg"]) for each in report["asked"]] == [
        ("WEB01", False, "web01.example.com on vbr02: its newest good backup is 2 hours old."),
        ("scratch", False, "scratch is intentionally not backed up: Made anew each night."),
        ("lost", True, "lost: no job protects it, and no backup of it is known."),
    ]
    assert report["asked"][0]["known_as"] == ["web01.example.com"]


def test_vms_that_a_job_names_and_that_never_ran() -> None:
    job = entry("VMs", "Backup")
    job.objects = [
        {"id": "1", "name": "vm1", "display_name": "vm1", "type": "Vm"},
        {"id": "2", "name": "Production", "display_name": "Production", "type": "Folder"},
    ]
    report = made(entries=[job], rpo_hours=24.0)
    assert [(each["name"], each["protected"]) for each in report["machines"]] == [("vm1", True)]
    assert [each["why"] for each in report["rpo_breaches"]] == ["never"]


def test_copies_and_replicas_are_not_backups() -> None:
    report = made(
        run(entry("Copy", "BackupCopy"), 1, {"vm1": "Success"}),
        run(entry("Replica", "Replica"), 1, {"vm2": "Success"}),
        run(entry("VMs", "Backup"), 40, {"vm1": "Success"}),
        rpo_hours=24.0,
    )
    assert {each["machine"]: each["age_hours"] for each in report["rpo_breaches"]} == {"vm1": 40, "vm2": None}
    assert {each["machine"]: each["why"] for each in report["unprotected"]} == {"vm2": "no_job"}


def test_a_date_that_lies_ahead_does_not_make_a_backup_young() -> None:
    job = entry()
    report = made(run(job, -72, {"web01": "Success"}), run(job, 30, {"web01": "Success"}), rpo_hours=24.0)
    assert [each["age_hours"] for each in report["rpo_breaches"]] == [30]
    alone = made(run(entry(), -72, {"web01": "Success"}), rpo_hours=24.0)
    assert [each["why"] for each in alone["rpo_breaches"]] == ["unknown_date"]
    # A clock that is a little ahead is no reason to distrust it.
    near = made(run(entry(), -0.1, {"web01": "Success"}), rpo_hours=24.0)
    assert near["rpo_breaches"] == []
    assert machines(near)["web01"]["last"]["age_hours"] == 0


def test_short_and_long_names() -> None:
    job = entry()
    report = made(
        run(job, 2, {"web01": "Failed"}, "Failed"),
        run(job, 20, {"web01.example.com": "Success"}),
        computers=[computer("WEB01.example.com")],
    )
    assert list(machines(report)) == ["WEB01.example.com"]
    only = machines(report)["WEB01.example.com"]
    assert (only["last"]["result"], only["last_good"]["result"]) == ("Failed", "Success")
    names = Names([("s", "a"), ("s", "a.x"), ("s", "a.y"), ("t", "a"), ("t", "a.z"), ("s", "192.0.2.1"), ("s", "192")])
    asked = [("s", "a"), ("t", "a"), ("s", "192"), ("u", "a")]
    assert [names.canonical(key) for key in asked] == [("s", "a"), ("t", "a.z"), ("s", "192"), ("u", "a")]


def test_machines_of_the_same_name_on_two_backup_servers() -> None:
    report = made(
        run(entry("A", server="vbr01"), 2, {"dc01": "Failed"}, "Failed"),
        run(entry("B", server="vbr02"), 2, {"dc01": "Success"}),
        rpo_hours=24.0,
    )
    assert [(each["backup_server"], each["last"]["result"]) for each in report["machines"]] == [
        ("vbr01", "Failed"),
        ("vbr02", "Success"),
    ]
    assert len(report["rpo_breaches"]) == 1


def test_tolerated_warnings() -> None:
    job = entry()
    report = made(
        run(job, 2, {"web01": ("Warning", "Some FILES were in use."), "web02": "Success"}, "Warning"),
        run(job, 4, {"web01": ("Warning", "Transaction logs were not truncated.")}, "Warning"),
        tolerate_warnings=["*files were in use*"],
    )
    assert [(each["when"], each["tolerated"]) for each in report["warnings"]] == [(at(4), False), (at(2), True)]
    assert (report["totals"]["warning"], report["totals"]["warning_tolerated"]) == (2, 1)
    assert machines(report)["web01"]["last"]["tolerated"] is True


def test_running_and_never_run() -> None:
    job, idle = entry(), entry("Copy", "BackupCopy")
    report = made(
        run(
            job, 0, {"web01": "Success", "web02": None}, None, running=True, state="Working", end_time=None, progress=40
        ),
        run(idle, 0, {}, None, running=True, state="Idle", end_time=None),
        entries=[entry("New")],
    )
    assert [(each["job"], each["elapsed_seconds"], each["progress"]) for each in report["running"]] == [
        ("Linux", 3600, 40)
    ]
    assert (report["running"][0]["machines_done"], report["running"][0]["machines_seen"]) == (1, 2)
    assert [each["name"] for each in report["jobs"] if each["never_run"]] == ["New"]
    assert (report["totals"]["running"], report["totals"]["never_run"]) == (1, 1)
    # The machine that is done has its backup, the other one has not failed.
    assert machines(report)["web01"]["last_good"]["result"] == "Success"
    assert machines(report)["web02"]["last"] is None
    assert report["failures"] == []


def test_days_show_how_the_day_ended() -> None:
    job, other = entry(), entry("Other")
    report = made(
        run(job, 2, {"web01": "Success"}, is_retry=True),
        run(job, 4, {"web01": "Failed"}, "Failed"),
        run(job, 26, {"web01": "Success"}),
        run(other, 27, {"web01": "Warning"}, "Warning"),
        hours=48.0,
    )
    assert machines(report)["web01"]["days"] == {"2026-01-30": "Warning", "2026-01-31": "Success"}


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("web01.example.com", "web01", True),
        ("web01", "web01.example.com", True),
        ("web01", "web0", False),
        ("WEB01", "web*", True),
        ("sql[1]", "sql[1]", False),
        ("web01", "", False),
    ],
)
def test_what_patterns_mean(name: str, pattern: str, expected: bool) -> None:
    assert Patterns([(pattern, True)]).find(name) is (True if expected else None)


def test_the_first_pattern_that_means_a_machine_counts() -> None:
    said = Patterns([("sql*", 1), ("sql01", 2), ("web01.example.com", 3), ("web*", 4), ("sql01", 5), ("WEB01", 6)])
    assert [said.find(name) for name in ("sql01", "SQL02", "web01", "web02", "web01.example.com", "db")] == [
        1,
        1,
        3,
        4,
        3,
        None,
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hours": 0.0}, "hours must be a number above 0"),
        ({"hours": float("nan")}, "hours must be a number above 0"),
        ({"rpo_hours": float("nan")}, "rpo_hours and the hours"),
        ({"rpo_overrides": [{"machine": "*", "hours": float("inf")}]}, "rpo_hours and the hours"),
        ({"machine": [" "]}, "machine is empty"),
        ({"name": []}, "name is empty"),
        ({"rpo_hours": -1.0}, "rpo_hours"),
        ({"exclude": [{"reason": "x"}]}, "exclude contains"),
        ({"exclude": [True]}, "exclude contains"),
        ({"exclude": [{"machine": " "}]}, "exclude contains"),
        ({"exclude": [{"machine": "x", "why": "y"}]}, "exclude contains"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said) as error:
        made(**options)
    assert error.value.kind == "usage"


def test_whose_run_it_is() -> None:
    jobs = [entry("A"), entry("B", "Backup"), entry("B", "Backup", server="vbr02")]
    jobs[1].job["id"], jobs[2].job["id"] = "one", "two"
    owners = Owners(jobs)

    def session(**more: Any) -> Any:
        shown = {"job_id": None, "job_name": "B", "job_type": "Backup", "backup_server": "vbr02"}
        return {"id": "s", **shown, **more}

    assert owners.find(session(job_id="id-A", job_name="renamed")) is jobs[0]
    assert owners.find(session()) is jobs[2]
    # Two jobs may be meant: then it is neither, and the run is still told.
    assert owners.find(session(backup_server=None)) is None
    unknown = owners.unknown(session(job_id="gone"))
    assert (unknown.name, unknown.kind, unknown.listed) == ("B", "vm", False)
    assert owners.unknown(session(job_id="gone")) is unknown
    assert owners.unknown(session(job_id="nas", job_type="NasBackup")).listed is None
