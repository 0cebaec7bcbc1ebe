"""The lines of a wait: few, and each worth it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._progress import (
    Channel,
    Progress,
    Standing,
    shortened,
    span,
    table,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._text import Secrets


class Watched:
    """A progress whose lines can be read, on a clock that only passing moves."""

    def __init__(self, path: Path, secrets: Secrets | None = None) -> None:
        self.now = 0.0
        path.touch()
        self._end = path.open("rb")
        self.progress = Progress(Channel(str(path)), secrets or Secrets(), self)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def blocks(self) -> list[list[list[Any]]]:
        return [json.loads(line) for line in self._end]

    def lines(self) -> list[str]:
        return [text for block in self.blocks() for text, _bad in block]


@pytest.fixture
def it(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "channel")


def running(percent: int, **more: Any) -> Standing:
    return Standing("Linux servers", "working", percent=percent, **more)


def test_a_line_says_how_far_it_is(it: Watched) -> None:
    it.now = 250
    it.progress.show({"1": running(47, done=2, total=3, failures={"s": "sql01 Failed (VSS)"})})
    assert it.lines() == [
        "Linux servers: 47 %, 2 of 3 machines done (1 failed), 4 min 10 s",
        "Linux servers: sql01 Failed (VSS)",
    ]


def test_what_does_not_change_is_told_once_and_silence_is_broken_every_five_minutes(it: Watched) -> None:
    for _poll in range(40):
        it.progress.show({"1": running(47)})
        it.now += 30
    lines = it.lines()
    assert lines[0] == "Linux servers: 47 %, 0 s"
    assert lines[1:] == [f"Still waiting for Linux servers: 47 %, {minutes} min 0 s" for minutes in (5, 10, 15)]


def test_a_machine_that_fails_is_told_at_once_in_the_block_of_its_poll(it: Watched) -> None:
    it.progress.show({"1": running(40, done=0, total=2)})
    it.now += 1
    it.progress.show({"1": running(41, done=1, total=2, failures={"s": "sql01 Failed (VSS)"})})
    assert it.blocks()[1] == [
        ["Linux servers: 41 %, 1 of 2 machines done (1 failed), 1 s", False],
        ["Linux servers: sql01 Failed (VSS)", True],
    ]


def test_mere_advance_waits_for_ten_seconds(it: Watched) -> None:
    for second in range(21):
        it.now = second
        it.progress.show({"1": running(second * 4)})
    assert it.lines() == ["Linux servers: 0 %, 0 s", "Linux servers: 40 %, 10 s", "Linux servers: 80 %, 20 s"]


def test_ten_jobs_in_four_hours_stay_below_two_hundred_lines(it: Watched) -> None:
    """Each with ten machines of which one fails, polled every half minute, and told apart by their speed."""
    for poll in range(480):
        it.now = poll * 30
        standings = {}
        for number in range(10):
            percent = min(100, poll * 100 // (400 + 8 * number))
            ended = percent == 100
            failures = {"m": "m1 Failed (no space)"} if percent > 30 else {}
            standings[str(number)] = Standing(
                f"Job {number}",
                "ended Failed" if ended else "working",
                ended=ended,
                bad=ended,
                percent=percent,
                done=percent // 10,
                total=10,
                failures=failures,
            )
        it.progress.show(standings)
    blocks = it.blocks()
    assert sum(map(len, blocks)) < 200
    assert len(blocks) <= 480
    texts = [text for block in blocks for text, _bad in block]
    assert sum("Failed (no space)" in text for text in texts) == 10
    assert sum("ended Failed" in text for text in texts) == 10


HEAD = ("job", "machine", "verdict", "duration", "reason")


@pytest.mark.parametrize("machines", [1, 3, 6, 7, 30, 100])
@pytest.mark.parametrize("failing", [0, 2, 1], ids=["all succeed", "half fail", "all fail"])
@pytest.mark.parametrize("pace", ["steady", "apart", "in a burst"])
def test_ten_jobs_never_exceed_two_hundred_lines(it: Watched, machines: int, failing: int, pace: str) -> None:
    """In four hours, progress and summary together; percentage and machines may advance at different times."""
    failed = {f"m{each}" for each in range(machines) if failing and each % failing == 0}
    polls = 1440
    for poll in range(polls + 1):
        it.now = poll * 10.0
        # In a burst, everything happens in ten minutes, and nothing for hours.
        share = min(1.0, poll / 60) * 0.99 if pace == "in a burst" and poll < polls else poll / polls
        done = int(share * machines)
        percent = int(share * 100)
        if pace == "apart":
            done, percent = int(max(0.0, share * 2 - 1) * machines), int(min(1.0, share * 2) * 100)
        ended = poll == polls
        it.progress.show(
            {
                str(number): Standing(
                    f"Job {number}",
                    "started; its run is not visible yet"
                    if poll < number
                    else f"ended {'Failed' if failed else 'Success'}",
                    ended=ended,
                    bad=ended and bool(failed),
                    percent=None if poll < number else percent,
                    done=done,
                    total=machines,
                    failures={f"m{each}": f"m{each} Failed (x)" for each in range(done) if f"m{each}" in failed},
                )
                for number in range(10)
            }
        )
    lines = it.lines()
    rows = [
        (f"Job {number}", f"m{each}", "Failed" if f"m{each}" in failed else "Success", "1 s", None)
        for number in range(10)
        for each in range(machines)
    ]
    summary = table(HEAD, rows)
    assert len(lines) + len(shortened(summary, "jobs[].machines")) <= 199  # one is left for the notice
    assert sum(": ended" in line for line in lines) == 10
    named = [line for line in lines if "Failed (x)" in line]
    assert len(named) == len(set(named)) == min(30, len(failed) * 10)
    left = [line for line in lines if "failures are only counted" in line]
    assert len(left) == (len(failed) * 10 > 30)


def test_the_failures_of_all_jobs_share_one_number(it: Watched) -> None:
    def poll(number: int) -> None:
        failures = {str(each): f"m{each} Failed" for each in range(number)}
        it.progress.show({name: Standing(name, "working", percent=1, failures=failures) for name in "AB"})

    poll(15)
    assert sum("Failed" in line for line in it.lines()) == 30
    poll(17)
    assert it.lines() == ["4 more failures. From here on, failures are only counted. The result names all of them."]
    poll(19)
    assert it.lines() == []


def test_each_machine_of_a_small_job_is_told_at_once(it: Watched) -> None:
    for done in range(4):
        it.now = float(done)
        it.progress.show({str(n): Standing(f"Job {n}", "working", percent=0, done=done, total=3) for n in range(8)})
    assert len(it.lines()) == 8 * 4


def test_machines_that_become_known_later_are_told_too(it: Watched) -> None:
    it.progress.show({"1": running(50)})
    it.now = 1
    it.progress.show({"1": running(50, done=1, total=3)})
    it.now = 2
    it.progress.show({"1": running(51, done=2, total=30)})
    assert [line.split(", ", 1)[1] for line in it.lines()] == [
        "0 s",
        "1 of 3 machines done, 1 s",
        "2 of 30 machines done, 2 s",
    ]


def test_a_state_that_changes_all_the_time_is_told_a_few_times(it: Watched) -> None:
    for poll in range(400):
        it.now = poll * 10.0
        it.progress.show({str(n): Standing(f"Job {n}", ("Waiting", "Running")[poll % 2]) for n in range(10)})
    assert len(it.lines()) < 100


def test_what_many_jobs_become_together(it: Watched) -> None:
    for done in (0, 7, 25):
        states = {
            str(n): Standing(f"Job {n}", "failed: no" if n == 3 else "frozen", ended=True, bad=n == 3)
            if n < done
            else Standing(f"Job {n}", "freezing")
            for n in range(25)
        }
        it.progress.show(states, "frozen")
    assert it.lines() == [
        "0 of 25 jobs frozen, 0 s",
        "Job 3: failed: no",
        "6 of 25 jobs frozen, 1 failed, 0 s",
        "24 of 25 jobs frozen, 1 failed, 0 s",
    ]


class TestSummary:
    """The summary on the screen; in the result it stays whole."""

    @staticmethod
    def table(*verdicts: str | None) -> str:
        return table(HEAD, [("Job verdict", f"m{n}", each, "1 s", "no  reason") for n, each in enumerate(verdicts)])

    def test_a_small_one_is_shown_as_it_is(self) -> None:
        text = self.table(*["Success"] * 38, "Failed")
        assert len(text.splitlines()) == 40
        assert shortened(text, "jobs[].machines") == text.splitlines()

    def test_a_long_one_shows_what_did_not_succeed(self) -> None:
        text = self.table(*["Success"] * 20, "Warning", None, "Failed", *["Success"] * 20)
        head, *rows = text.splitlines()
        assert shortened(text, "jobs[].machines") == [
            head,
            rows[22],
            rows[21],
            rows[20],
            "40 more lines are not shown. In all: 1 Failed, 1 without a verdict, 1 Warning, 40 Success. "
            "The result has every line (summary, jobs[].machines).",
        ]

    def test_without_failures_only_the_numbers_are_shown(self) -> None:
        assert shortened(self.table(*["Success"] * 300), "jobs[].machines") == [
            "300 lines are not shown. In all: 300 Success. The result has every line (summary, jobs[].machines)."
        ]

    def test_failures_come_first_and_are_bounded(self) -> None:
        shown = shortened(self.table(*["Warning", "Failed"] * 60), "jobs[].machines")
        assert len(shown) == 40
        assert all("  Failed  " in line for line in shown[1:-1])
        assert shown[-1].startswith("82 more lines are not shown. In all: 60 Failed, 60 Warning.")

    def test_tasks_of_a_workflow(self) -> None:
        rows = [[f"t{n}", "COMPLETED" if n else "FAILED", None] for n in range(50)]
        shown = shortened(table(("task", "status", "reason"), rows), "tasks")
        assert shown[1].split() == ["t0", "FAILED", "-"]
        assert shown[2].startswith("49 more lines are not shown. In all: 1 FAILED, 49 COMPLETED.")

    def test_machines_with_verdicts_of_their_own(self) -> None:
        lines = ["Backed up: a. Nightly: Success.", "Not backed up: b. Nightly: Failed."] * 25
        shown = shortened("\n".join(lines), "machines", ["success", "failed"] * 25)
        assert shown[:25] == lines[1::2][:25]
        assert shown[25].startswith("25 more lines are not shown. In all: 25 failed, 25 success.")

    def test_states_of_jobs(self) -> None:
        lines = ["Disabled 49 of 50 schedules.", "Memory: /x", *(f"Job: {n}: frozen" for n in range(49)), "Z: freezing"]
        assert shortened("\n".join(lines), "jobs") == [
            *lines[:2],
            "Z: freezing",
            "49 more lines are not shown. In all: 1 freezing, 49 frozen. The result has every line (summary, jobs).",
        ]


def test_hundred_jobs_share_one_line(it: Watched) -> None:
    for done in range(101):
        it.now = done * 60
        it.progress.show(
            {
                str(n): Standing(
                    f"Job {n}", "ended Failed" if n == 3 else "ended Success", ended=True, bad=n == 3, percent=100
                )
                if n < done
                else Standing(f"Job {n}", "working", percent=50)
                for n in range(100)
            }
        )
    lines = it.lines()
    assert len(lines) < 100
    assert "Job 3: ended Failed" in lines
    assert lines[-1].startswith("100 of 100 ended (1 badly), 0 running")


def test_nothing_secret_and_no_control_character_gets_out(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add("hunter22")
    it = Watched(tmp_path / "channel", secrets)
    it.progress.show({"1": Standing("A\x1b[31m\nB", "said hunter22", percent=None)})
    (line,) = it.lines()
    assert line.isprintable()
    assert "hunter22" not in line


def test_the_channel_has_no_name_any_more_once_it_is_open(tmp_path: Path) -> None:
    Watched(tmp_path / "channel")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["none", "missing", "folder", "link", "closed"])
def test_a_channel_that_breaks_disturbs_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "channel"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "target").touch()
        path.symlink_to(tmp_path / "target")
    elif kind == "closed":
        path.touch()
    channel = Channel(None if kind == "none" else str(path))
    if kind == "closed":
        channel.close()
    progress = Progress(channel, Secrets())
    progress.show({"1": running(1)})
    progress.notice("how to come back")
    assert not progress.watched
    assert not progress.may_read()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (250, "4 min 10 s"), (7500, "2 h 5 min")]
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_table_for_people() -> None:
    text = table(("job", "verdict"), [["Linux servers", "Failed"], ["A\x1bB", None]])
    assert text.splitlines() == ["job            verdict", "Linux servers  Failed", "A\\x1bB         -"]
