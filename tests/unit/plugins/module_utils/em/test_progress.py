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
