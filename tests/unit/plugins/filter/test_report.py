"""The forms of a report: what they say, and that no name breaks them."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.backupops.veeam_em.plugins.filter.report import FORMS, FilterModule
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.charts import calendar, days_of, runs_chart
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.words import age, count, duration, shown, size

report = FilterModule().filters()["report"]

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\"onmouseover='x'",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\uff1d1+1",
    "\t=1",
    "a\r\nb,c",
    "a\x1b[31mred\x00",
    "\u202efdp.exe",
    'back\\slash "quoted"',
    "C:\\new\\table",
    "{{ 6 * 7 }}{% raw",
    "\ud800lone",
    "日本語サーバー" * 20,
    "x" * 300,
    "",
    "# EOF",
]


def backup(result: str = "Success", hours: float = 2.0, reason: Any = None) -> dict[str, Any]:
    times = {"start_time": "2026-01-31T03:00:00Z", "end_time": "2026-01-31T04:00:00.5Z", "age_hours": hours}
    return {
        "result": result,
        "reason": reason,
        "tolerated": False,
        "size": 1 << 30,
        "duration_seconds": 3600,
        "is_retry": False,
        "job_name": "Linux",
        "job_id": "j1",
        "job_session_id": "s1",
        **times,
    }


def machine(name: str, **more: Any) -> dict[str, Any]:
    jobs = [{"id": "j1", "name": "Linux", "kind": "agent", "deleted": False}]
    given = {"protected": True, "excluded": None, "rpo_hours": 26.0, "days": {"2026-01-31": "Success"}}
    shown = {"name": name, "backup_server": "vbr01", "jobs": jobs, "last": backup(), "last_good": backup()}
    return {**shown, **given, **more}


def run(number: int = 1, result: Any = "Success", seconds: Any = 600, **more: Any) -> dict[str, Any]:
    times = {"start": "2026-01-31T03:00:00Z", "end": "2026-01-31T03:10:00Z", "duration_seconds": seconds}
    return {"id": f"r{number}", "result": result, "running": False, "is_retry": False, **times, **more}


def job(name: str, *runs: Any, **more: Any) -> dict[str, Any]:
    shown = {"id": "j1", "name": name, "kind": "agent", "job_type": "AgentBackup", "backup_server": "vbr01"}
    told = {"deleted": False, "schedule_enabled": True, "next_run": "2026-01-31T22:00:00Z", "never_run": not runs}
    told["schedule_configured"] = True
    return {**shown, **told, "last_run": runs[-1] if runs else None, "runs": list(runs), **more}


def problem(name: str, reason: str = "The disk is full.", **more: Any) -> dict[str, Any]:
    shown = {"job": "Linux", "job_id": "j1", "backup_server": "vbr01", "machine": name, "when": "2026-01-31T04:00:00Z"}
    told = {"result": "Failed", "reason": reason, "job_session_id": "s1", "is_retry": False, "recovered": False}
    return {**shown, **told, "recovered_by": None, "recovered_at": None, **more}


def given(**more: Any) -> dict[str, Any]:
    names = ("jobs", "runs", "machines", "success", "warning", "failed", "running", "without_verdict", "never_run")
    lists: dict[str, Any] = {
        name: [] for name in ("failures", "warnings", "running", "rpo_breaches", "unprotected", "excluded", "asked")
    }
    period = {"from": "2026-01-01T06:00:00Z", "to": "2026-01-31T06:00:00Z", "hours": 720.0}
    whole = {"em": "em.example.com", "generated_at": "2026-01-31T06:00:00Z", "period": period, **lists}
    return {**whole, "totals": dict.fromkeys(names, 0), "jobs": [], "machines": [], **more}


def breach(name: str) -> dict[str, Any]:
    shown = {"machine": name, "backup_server": "vbr01", "last_good": None, "age_hours": None, "limit": 26.0}
    return {**shown, "why": "never", "msg": f"{name}: never."}


def hostile(name: str) -> dict[str, Any]:
    """A report in which everything has a hostile name."""
    gone = {"machine": name + "2", "backup_server": name, "protection_groups": [name], "agent_status": name}
    busy = {"job": name, "job_id": "j1", "backup_server": name, "job_session_id": "s", "state": name, "start": name}
    busy.update(elapsed_seconds=1, progress=None, machines_done=0, machines_seen=1)
    warning = {**problem(name, name, result="Warning"), "tolerated": False}
    return given(
        em=name,
        jobs=[job(name, run(), backup_server=name, kind=name)],
        machines=[machine(name, backup_server=name, excluded=name, last=backup(reason=name))],
        failures=[
            problem(name, name),
            problem(name, name + "!", recovered=True, recovered_by="run", recovered_at=name),
        ],
        warnings=[warning, {**warning, "tolerated": True}],
        running=[busy],
        rpo_breaches=[{**breach(name), "msg": name}],
        unprotected=[{**gone, "why": "no_job"}],
        excluded=[{"machine": name, "backup_server": name, "reason": name}],
    )


class Page(HTMLParser):
    """What a browser would make of it: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


PLAIN = Page(report(hostile("web01"), "html"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_every_form(name: str) -> None:
    shown = hostile(name)
    page = Page(report(shown, "html"))
    assert (page.tags, page.attributes) == (PLAIN.tags, PLAIN.attributes)
    for form in ("csv", "csv_runs"):
        rows = list(csv.reader(io.StringIO(report(shown, form), newline="")))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) == (3 if form == "csv" else 2)
        assert not [cell for row in rows for cell in row if re.match(r"[=+\-@\t\r\n\uff1d]", cell)]
    assert json.loads(report(shown, "json")) == shown
    for form in FORMS:
        text = report(shown, form)
        text.encode("utf-8")
        assert text.replace("\n", "").replace("\r", "").isprintable(), form
    metrics = report(shown, "openmetrics")
    assert metrics.endswith("\n# EOF\n")
    assert metrics.count("\n# EOF") == 1
    for line in metrics.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_]+\{([a-z_]+="([^"\\]|\\.)*",?)+\} [0-9.e+]+', line), line


def test_metrics_are_openmetrics_and_prometheus_text() -> None:
    parsers = pytest.importorskip("prometheus_client.openmetrics.parser", reason="prometheus-client is not installed")
    from prometheus_client.parser import text_string_to_metric_families

    for name in ("web01", *HOSTILE):
        text = report(hostile(name), "openmetrics")
        families = list(parsers.text_string_to_metric_families(text))
        assert {family.type for family in families} == {"gauge"}
        assert {family.name: family.unit for family in families if family.name.endswith(("seconds", "bytes"))} == {
            family.name: family.name.rpartition("_")[2]
            for family in families
            if family.name.endswith(("seconds", "bytes"))
        }
        samples = [sample for family in families for sample in family.samples]
        assert len({(sample.name, tuple(sample.labels.items())) for sample in samples}) == len(samples)
        assert len([s for f in text_string_to_metric_families(text) for s in f.samples]) == len(samples)
        assert {sample.labels["em"] for sample in samples} == {shown(name)}


def test_numbers_in_metrics() -> None:
    shown = given(
        jobs=[job("Linux", run(result="Failed"))],
        machines=[
            machine("web01"),
            machine("never", last=None, last_good=None),
            machine("fails", last=backup("Failed"), last_good=None),
        ],
        rpo_breaches=[breach("never")],
        unprotected=[{"machine": "spare", "backup_server": None, "protection_groups": [], "why": "no_job"}],
    )
    lines = report(shown, "openmetrics").splitlines()

    def value(metric: str, **labels: str) -> str:
        found = [
            line
            for line in lines
            if line.startswith(metric + "{") and all(f'{name}="{text}"' in line for name, text in labels.items())
        ]
        assert len(found) == 1, found
        return found[0].rpartition(" ")[2]

    assert value("veeam_em_report_timestamp_seconds") == "1769839200"
    assert value("veeam_em_machine_last_good_timestamp_seconds", machine="web01") == "1769832000.5"
    assert value("veeam_em_machine_last_good_timestamp_seconds", machine="never") == "0"
    assert value("veeam_em_machine_last_good_timestamp_seconds", machine="spare") == "0"
    assert value("veeam_em_machine_last_size_bytes", machine="web01") == "1073741824"
    assert value("veeam_em_machine_rpo_breach", machine="never") == "1"
    assert value("veeam_em_machine_rpo_breach", machine="web01") == "0"
    assert value("veeam_em_machine_last_result", machine="fails", result="failed") == "1"
    assert value("veeam_em_machine_last_result", machine="fails", result="success") == "0"
    assert value("veeam_em_machine_protected", machine="spare") == "0"
    assert value("veeam_em_job_last_run_result", job_name="Linux", result="failed") == "1"
    assert value("veeam_em_job_last_run_duration_seconds", job_name="Linux") == "600"


def test_a_text_says_the_worst_first_in_80_columns() -> None:
    shown = given(
        failures=[
            problem("web02", "Error: " + "a long story " * 20),
            problem("web02", "Error: " + "a long story " * 20, when="2026-01-30T04:00:00Z"),
            problem("web03", recovered=True, recovered_by="retry", recovered_at="2026-01-31T05:00:00Z"),
        ],
        rpo_breaches=[breach("web09")],
        warnings=[{**problem("web04", result="Warning"), "tolerated": True}],
        machines=[machine("old", last_good=backup(hours=100.0)), machine("new", last_good=backup(hours=0.5))],
    )
    text = report(shown, "text")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert text.index("web02") < text.index("web09") < text.index("web03")
    assert "  web02 (Linux), 2026-01-31 04:00, 2 times since 2026-01-30 04:00" in lines
    assert "1 failure without a later success and 1 machine without a recent good backup." in lines
    assert "1 tolerated warning not listed." in lines
    assert text.index("4 days  old") < text.index("30 min  new")
    assert "web04" not in text


def columns(text: str) -> int:
    """How wide a terminal shows it, by the tables of Unicode for the letters of these tests."""
    narrow = {"\u0301": 0, "q": 1, " ": 1, "\n": 0}
    return sum(narrow.get(each, 2 if ord(each) > 0x2E80 else 1) for each in text)


@pytest.mark.parametrize("letter", ["\U0001f600", "\u30b5", "q\u0301", "\u2764\ufe0f", "\uff21", "\uac00"])
def test_long_words_of_any_letters_fill_80_columns_and_no_more(letter: str) -> None:
    lines = report(given(excluded=[{"machine": letter * 150, "reason": "y"}]), "text").splitlines()
    wide = [1 if letter.startswith("\u2764") and each == "\ufe0f" else columns(each) for each in letter]
    per_letter = sum(wide)
    rows = [line.count(letter[0]) * per_letter for line in lines if letter[0] in line]
    assert max(rows) <= 78
    assert max(rows) >= 70
    assert sum(line.count(letter[0]) for line in lines) == 150


def test_a_long_reason_is_folded_on_the_page_and_cut_in_text() -> None:
    reason = "The quick brown fox. " * 1000
    shown = given(failures=[problem("web01", reason)], warnings=[{**problem("web02", "x" * 20000), "tolerated": False}])
    page = Page(report(shown, "html"))
    assert "details" in page.tags
    assert reason.strip()[:20000] in "".join(page.text)
    text = report(shown, "text")
    assert len(text) < 2000
    assert re.search(r"(The|quick|brown|fox\.) \u2026\n", text)
    assert max(map(len, text.splitlines())) <= 80


def test_many_entries_are_counted_in_text_and_listed_on_the_page() -> None:
    shown = given(failures=[problem(f"web{number:03}") for number in range(120)])
    text = report(shown, "text")
    assert text.count("The disk is full.") == 50
    assert "  and 70 more" in text.splitlines()
    assert report(shown, "html").count("The disk is full.") == 120


def test_text_tells_the_backup_server_when_there_are_several() -> None:
    busy: dict[str, Any] = {
        "job": "Linux",
        "job_id": "j1",
        "backup_server": "vbr02",
        "state": "Working",
        "elapsed_seconds": 600,
    }
    busy.update(machines_done=0, machines_seen=1)
    shown = given(
        jobs=[job("Linux"), job("Linux", backup_server="vbr02")],
        machines=[machine("web01"), machine("web01", backup_server="vbr02", last_good=backup(hours=50.0))],
        failures=[problem("web01", backup_server="vbr02")],
        unprotected=[unprotected("spare")],
        running=[{**busy, "progress": None}, {**busy, "progress": 47, "backup_server": None}],
    )
    lines = report(shown, "text").splitlines()
    for line in (
        "  web01 (Linux on vbr02), 2026-01-31 04:00",
        "  spare on vbr01: no job backs it up",
        "  Linux on vbr02: for 10 min",
        "  Linux: 47 % after 10 min",
        "      50 h  web01 on vbr02",
    ):
        assert line in lines
    assert " on vbr01" not in report({**shown, "jobs": [], "machines": []}, "text")
    rows = re.findall(r'<th scope="row">web01<small>(.*?)</small>', report(shown, "html"))
    assert rows == ["Linux on vbr01", "Linux on vbr02"]


def test_only_a_job_with_a_schedule_can_have_it_disabled() -> None:
    off = {"schedule_enabled": False}
    jobs = [job("Frozen", **off), job("By hand", id="j2", schedule_configured=False, **off)]
    lines = report(given(jobs=jobs), "openmetrics").splitlines()
    names = [line for line in lines if line.startswith("veeam_em_job_schedule_enabled{")]
    assert len(names) == 1
    assert 'job_name="Frozen"' in names[0]
    page = report(given(jobs=jobs), "html")
    assert re.findall(r"agent on vbr01, ([^<]*)</small>", page) == ["schedule disabled", "no schedule"]


def test_one_warning_is_not_several_warnings() -> None:
    tolerated = {**problem("web01", result="Warning"), "tolerated": False}
    words = "".join(Page(report(given(warnings=[tolerated]), "html")).text)
    assert "1 warning\n" in words
    days = {f"2026-01-{day:02}": "Failed" for day in range(20, 26)}
    chart = calendar(days_of(given()), days)
    assert chart is not None
    assert chart.words.endswith(" and 1 more day")


def unprotected(name: str, **more: Any) -> dict[str, Any]:
    return {"machine": name, "backup_server": "vbr01", "protection_groups": [], "why": "no_job", **more}


def test_a_machine_that_no_job_protects_is_listed_once() -> None:
    shown = given(
        machines=[machine("left", protected=False, last_good=backup(hours=50.0))],
        rpo_breaches=[breach("spare"), breach("left"), breach("never")],
        unprotected=[unprotected("spare", protection_groups=["Lab"]), unprotected("left", why="job_deleted")],
    )
    text = report(shown, "text")
    assert "1 machine without a recent good backup and 2 machines that no job protects." in text
    assert "NO RECENT GOOD BACKUP (1)\n  never: never." in text
    assert "  spare: no job backs it up; protection groups: Lab\n" in text
    assert "  left: its job was deleted; newest good backup 50 h ago\n" in text
    page = "".join(Page(report(shown, "html")).text)
    assert page.count("spare") == 1
    assert "Newest good backup: 50 h ago, 2026-01-31 04:00" in page


def test_what_is_excluded_is_in_every_form_with_its_reason() -> None:
    excluded = [{"machine": "spare", "backup_server": "vbr01", "reason": "Cold spare."}]
    shown = given(
        excluded=[*excluded, {**excluded[0], "machine": "web01"}], machines=[machine("web01", excluded="Lab.")]
    )
    rows = {row["machine"]: row for row in csv.DictReader(report(shown, "csv").splitlines())}
    assert {name: (row["excluded"], row["protected"]) for name, row in rows.items()} == {
        "web01": ("Lab.", "yes"),
        "spare": ("Cold spare.", "no"),
    }
    metrics = report(shown, "openmetrics")
    assert 'veeam_em_machine_excluded{em="em.example.com",machine="spare",backup_server="vbr01"} 1' in metrics
    assert 'veeam_em_machine_protected{em="em.example.com",machine="spare",backup_server="vbr01"} 0' in metrics
    for form in ("html", "text"):
        assert "Cold spare." in report(shown, form)


def test_times_in_csv_are_whole_seconds_of_utc() -> None:
    late = run(start="2026-01-31T05:00:00.123456+02:00", end="2026-01-31T03:10:00.99Z")
    shown = given(machines=[machine("web01")], jobs=[job("Linux", late)])
    row = next(csv.DictReader(report(shown, "csv").splitlines()))
    assert (row["last_end_time"], row["last_good_end_time"]) == ("2026-01-31T04:00:00Z",) * 2
    row = next(csv.DictReader(report(shown, "csv_runs").splitlines()))
    assert (row["start"], row["end"]) == ("2026-01-31T03:00:00Z", "2026-01-31T03:10:00Z")


def test_metrics_of_jobs_that_run() -> None:
    open_run = {**run(2, None, None), "running": True, "end": None}
    busy = {"job": "Busy", "job_id": "j1", "backup_server": "vbr01", "job_session_id": "r2", "state": "Working"}
    busy.update(start="2026-01-31T05:00:00Z", elapsed_seconds=1, progress=None, machines_done=0, machines_seen=1)
    # A copy job between its intervals has an open run, but is not among those that are running.
    jobs = [job("Busy", run(1), open_run), job("Copy", run(1), open_run, id="j2")]
    lines = report(given(jobs=jobs, running=[busy]), "openmetrics").splitlines()
    found = [line for line in lines if line.startswith("veeam_em_job_running")]
    assert [line.rpartition(" ")[2] for line in found] == ["1", "0", "1769835600"]
    assert 'job_name="Busy"' in found[2]


def test_wide_letters_count_twice() -> None:
    for line in report(given(excluded=[{"machine": "サ" * 200, "reason": "バ" * 90}]), "text").splitlines():
        assert sum(2 if ord(each) > 0x2E80 else 1 for each in line) <= 80


def test_an_empty_server_has_a_report_in_every_form() -> None:
    for form in FORMS:
        assert report(given(), form).strip()
    assert "No job ran in this period." in report(given(), "text")
    assert "No job ran in this period." in report(given(), "html")


def test_csv_follows_the_rfc() -> None:
    text = report(given(machines=[machine('a "b", c', last=backup(reason="x,y"))]), "csv")
    assert text.endswith("\r\n")
    assert '"a ""b"", c"' in text
    assert "\n" not in text.replace("\r\n", "")


def test_charts() -> None:
    chart = runs_chart([run(1), run(2, "Warning", 1200), run(3, "Failed", 60), run(4, None, None, running=True)])
    assert chart is not None
    assert set(chart.paths) == {"s", "w", "f"}
    assert chart.words == "3 runs: 1 Failed, 1 Success, 1 Warning; the longest took 20 min"
    assert runs_chart([]) is None
    days = days_of(given())
    assert (len(days), str(days[0]), str(days[-1])) == (31, "2026-01-01", "2026-01-31")
    shown = calendar(days, {"2026-01-30": "Failed", "2026-01-31": "Success"})
    assert shown is not None
    assert shown.words == "2 of 31 days with backups; failed on 2026-01-30"
    assert calendar(days, {}) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (duration(45), "45 s"),
        (duration(3599), "1 h 0 min"),
        (duration(11100), "3 h 5 min"),
        (duration(None), ""),
        (age(0.5), "30 min"),
        (age(26.4), "26 h"),
        (age(100.0), "4 days"),
        (age(None), "never"),
        (size(0), "0 B"),
        (size(1 << 30), "1.0 GiB"),
        (size(5 << 40), "5.0 TiB"),
        (size(None), ""),
        (count(1, "machine"), "1 machine"),
        (count(2, "machine"), "2 machines"),
    ],
)
def test_words(shown: str, expected: str) -> None:
    assert shown == expected


def test_500_jobs_over_30_days_are_small_and_quick() -> None:
    results = ["Success"] * 9 + ["Failed"]
    runs = [run(number, results[number % 10], 500 + number) for number in range(30)]
    days = {f"2026-01-{day:02}": results[day % 10] for day in range(1, 31)}
    shown = given(
        jobs=[job(f"Job {number}", *runs) for number in range(500)],
        machines=[machine(f"machine{number}.example.com", days=days) for number in range(1000)],
        failures=[
            problem(f"machine{number}", recovered=True, recovered_at="2026-01-31T05:00:00Z") for number in range(999)
        ],
    )
    # Of the processor: other tests run beside this one.
    began = time.process_time()
    text = report(shown, "html")
    assert time.process_time() - began < 10
    assert len(text.encode()) < 2_000_000


@pytest.mark.parametrize(("value", "form"), [({}, "text"), ("x", "html"), (None, "csv"), (given(), "pdf")])
def test_what_is_no_report(value: Any, form: str) -> None:
    with pytest.raises(AnsibleFilterError):
        report(value, form)
