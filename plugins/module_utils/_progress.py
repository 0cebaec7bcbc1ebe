# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress that people see during a wait, and the table at its end.

A module cannot print. It writes lines to a private file, its channel. The action plugin of the same name follows that
file and shows the lines. Without a channel, the module writes no lines and reads nothing for them.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ._text import Secrets, clean
from ._wait import SYSTEM_CLOCK, Clock

# The environment variable that names the channel.
CHANNEL = "BACKUPOPS_VEEAM_EM_CHANNEL"
# After this many seconds without a change, one line says that the wait continues.
SILENCE_SECONDS = 300.0
# A higher percentage alone is worth a line only after this many seconds.
ADVANCE_SECONDS = 10.0
# A wait of four hours for ten jobs shows at most 200 lines: 50 for steps on the way, three for each job (two at its
# start, one at its end), 30 for failures, one for those left out, 48 for silence, 40 for the summary, and one notice.
# The number of steps, shared by all jobs or tasks.
LINES = 50
# The maximum per job or task. A job with machines has twice as many: the machines and the percentage share them.
MOST_LINES = 20
# The number of failed machines (and of failed jobs, if there are many) that are named, shared by all jobs.
FAILURES = 30
# The number of lines of a summary that are shown.
SUMMARY_LINES = 40
# The number of lines about how many of them are running, if there are many.
FEW_STEPS = 10
# Above this number of jobs or tasks, one line summarizes all of them.
MANY = 20
# The lines per job or task at its start: that it was started, and that its run is visible.
FIRST_LINES = 2
# The share of time for reading data that only the lines need, and the shortest interval between such reads, in seconds.
SHARE_OF_TIME = 0.1
READ_EVERY = 1.5


@dataclass(frozen=True)
class Standing:
    """The progress of one job, session or task.

    :ivar name: the name of the job, session or task.
    :ivar state: in a word or two, such as running or ended Success.
    :ivar ended: whether the wait for it is over.
    :ivar bad: whether it ended badly.
    :ivar percent: its progress, if known.
    :ivar done: how many of its machines are done.
    :ivar total: how many of its machines are known.
    :ivar failures: the text for each failed machine, by its id.
    """

    name: str
    state: str
    ended: bool = False
    bad: bool = False
    percent: int | None = None
    done: int = 0
    total: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The progress in words."""
        parts = [self.state] if self.ended or self.percent is None else [f"{self.percent} %"]
        if self.total and not self.ended:
            failed = f" ({len(self.failures)} failed)" if self.failures else ""
            noun = "machine" if self.total == 1 else "machines"
            parts.append(f"{self.done} of {self.total} {noun} done{failed}")
        return f"{self.name}: {', '.join(parts)}"

    @property
    def phase(self) -> str:
        """The value that deserves a line whenever it changes."""
        return self.state if self.ended or self.percent is None else ""

    def position(self, steps: int) -> int:
        """How many steps are behind it: by its percentage, by its machines, or by the mean of both."""
        if not self.total:
            return (self.percent or 0) * steps // 100
        if self.percent is None:
            return self.done * steps // self.total
        return (self.done * 100 + self.percent * self.total) * steps // (200 * self.total)


class Channel:
    """The private file that the action plugin follows. Whatever happens to it, the wait continues."""

    def __init__(self, path: str | None) -> None:
        self._file: int | None = None
        if not path:
            return
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                self.close()
                return
            # Both ends are open now. Without a name, the file cannot be left behind if a process is killed.
            os.unlink(path)
        except OSError:
            self._file = None

    @property
    def open(self) -> bool:
        """Whether anybody watches."""
        return self._file is not None

    def write(self, lines: Sequence[tuple[str, bool]]) -> None:
        """Hand over lines that belong together: texts, each with a flag for failures."""
        if self._file is None or not lines:
            return
        try:
            os.write(self._file, json.dumps(lines).encode("ascii") + b"\n")
        except OSError:
            self.close()

    def close(self) -> None:
        """Stop writing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass(frozen=True)
class _Told:
    """What was last shown of a job: its progress, when, and how many lines it has had."""

    standing: Standing
    at: float
    lines: int


class Progress:
    """Turns progress into a few lines: one for each important change."""

    def __init__(self, channel: Channel, secrets: Secrets, clock: Clock = SYSTEM_CLOCK) -> None:
        self._channel = channel
        self._secrets = secrets
        self._clock = clock
        self._begun = self._told_at = clock.monotonic()
        self._told: dict[str, _Told] = {}
        self._told_together: tuple[object, ...] = ()
        self._failed: set[tuple[str, str]] = set()
        self._counted = False
        self._read_again = self._begun
        self._noticed = False

    @property
    def watched(self) -> bool:
        """Whether anybody watches. Otherwise, nothing is read for the lines."""
        return self._channel.open

    def may_read(self) -> bool:
        """Whether it is time to read data that only the lines need."""
        return self.watched and self._clock.monotonic() >= self._read_again

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The block reads data that only the lines need."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            now = self._clock.monotonic()
            self._read_again = now + max(READ_EVERY, (now - began) / SHARE_OF_TIME)

    def show(self, standings: Mapping[str, Standing], aim: str = "") -> None:
        """Write lines for what has changed.

        :param standings: by an id that stays the same.
        :param aim: what many jobs become together, such as frozen; empty for runs that end.
        """
        if not self.watched:
            return
        many = len(standings) > MANY
        lines = [] if many else self._one_by_one(standings)
        lines += self._failures(standings, many)
        if many:
            lines += self._all_together(standings, aim)
        now = self._clock.monotonic()
        if not lines and now - self._told_at >= SILENCE_SECONDS:
            lines = [(self._still_waiting(standings), False)]
        self.tell(lines)

    def notice(self, text: str) -> None:
        """Explain, once, how to continue waiting after an interruption."""
        if self.watched and not self._noticed:
            self._noticed = True
            self.tell([(text, False)])

    def tell(self, lines: Sequence[tuple[str, bool]]) -> None:
        """Hand over lines: texts, each with a flag for failures."""
        if lines:
            self._told_at = self._clock.monotonic()
            self._channel.write([(clean(self._secrets.scrub(text)), bad) for text, bad in lines])

    def _elapsed(self) -> str:
        return span(self._clock.monotonic() - self._begun)

    def _one_by_one(self, standings: Mapping[str, Standing]) -> list[tuple[str, bool]]:
        share = max(1, LINES // max(1, len({*self._told, *standings})))
        lines, now = [], self._clock.monotonic()
        for key, each in standings.items():
            steps = min(2 * MOST_LINES if each.total else MOST_LINES, share)
            told = self._told.get(key)
            if told and not self._is_news(told, each, steps):
                continue
            self._told[key] = _Told(each, now, told.lines + 1 if told else 1)
            lines.append((f"{each.text()}, {self._elapsed()}", each.bad))
        return lines

    def _is_news(self, told: _Told, each: Standing, steps: int) -> bool:
        """Whether a job deserves another line."""
        if each.phase == told.standing.phase:
            # More machines may have become known since.
            further = each.position(steps) > replace(told.standing, total=each.total).position(steps)
            soon = each.done == told.standing.done and self._clock.monotonic() - told.at < ADVANCE_SECONDS
            if each.ended or soon or not further:
                return False
        return each.ended or told.lines < steps + FIRST_LINES

    def _failures(self, standings: Mapping[str, Standing], many: bool) -> list[tuple[str, bool]]:
        """Name what has failed; after a number of failures, say that they are only counted."""
        texts = []
        for key, each in standings.items():
            failures = {machine: f"{each.name}: {text}" for machine, text in each.failures.items()}
            if many and each.bad:
                failures[""] = each.text()
            texts += [text for machine, text in failures.items() if (key, machine) not in self._failed]
            self._failed.update((key, machine) for machine in failures)
        left = max(0, FAILURES - (len(self._failed) - len(texts)))
        lines = [(text, True) for text in texts[:left]]
        if len(texts) > left and not self._counted:
            self._counted = True
            more = len(texts) - left
            text = f"{more} more failure{'' if more == 1 else 's'}. From here on, failures are only counted."
            lines.append((f"{text} The result names all of them.", True))
        return lines

    def _all_together(self, standings: Mapping[str, Standing], aim: str) -> list[tuple[str, bool]]:
        ended = [each for each in standings.values() if each.ended]
        begun = [each for each in standings.values() if not each.ended and each.percent is not None]
        step = (aim, len(ended) * LINES // len(standings), len(begun) * FEW_STEPS // len(standings))
        if self._told_together == step:
            return []
        self._told_together = step
        bad = sum(each.bad for each in ended)
        if aim:
            texts = [f"{len(ended) - bad} of {len(standings)} jobs {aim}", *([f"{bad} failed"] if bad else [])]
        else:
            ends = f"{len(ended)} of {len(standings)} ended{f' ({bad} badly)' if bad else ''}"
            texts = [ends, f"{len(begun)} running"]
        return [(f"{', '.join(texts)}, {self._elapsed()}", False)]

    def _still_waiting(self, standings: Mapping[str, Standing]) -> str:
        left = [each for each in standings.values() if not each.ended]
        names = ", ".join(each.text() for each in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        return f"Still waiting for {names}{more}, {self._elapsed()}"


def span(seconds: float) -> str:
    """A time span for people: 45 s, 4 min 10 s, 2 h 5 min."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def table(head: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """A table as text: columns as wide as their content, a dash for an empty cell."""
    shown = [list(head), *([clean(cell or "-") for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in shown)


def shortened(summary: str, where: str, verdicts: Sequence[str] = ()) -> list[str]:
    """The lines of a summary to show: all of them if they are few, otherwise those that are not a success.

    :param summary: a table with a column for verdicts; or a line for each verdict; or two lines, and a line for each
        job that ends with its state.
    :param where: the part of the result that has the details.
    """
    lines = summary.splitlines()
    if len(lines) <= SUMMARY_LINES:
        return lines
    column = re.match(r"(?:job|task) .*?(?=(?:verdict|status)(?:  |$))", lines[0])
    if len(verdicts) == len(lines):
        head, words = 0, list(verdicts)
    elif column:
        head, words = 1, [line[column.end() :].split("  ")[0] for line in lines[1:]]
    else:
        head, words = 2, [line.rpartition(": ")[2] for line in lines[2:]]
    ranked = sorted(zip(map(_rank, words), lines[head:]), key=lambda each: each[0])
    shown = [line for rank, line in ranked if rank < _SUCCESS][: SUMMARY_LINES - head - 1]
    counts = Counter("without a verdict" if word == "-" else word for word in words)
    told = ", ".join(f"{number} {word}" for word, number in sorted(counts.items(), key=lambda each: _rank(each[0])))
    left = len(words) - len(shown)
    # A table without rows needs no head.
    above = [] if column and not shown else lines[:head]
    more = f"{left} more line{' is' if left == 1 else 's are'}" if shown else f"{left} lines are"
    return [*above, *shown, f"{more} not shown. In all: {told}. The result has every line (summary, {where})."]


def _rank(verdict: str) -> int:
    """The order of verdicts: failures first, then what is unclear, then warnings."""
    word = verdict.lower()
    if word.startswith("failed") or word == "unprotected":
        return 0
    if word in ("warning", "completed_with_errors"):
        return 2
    return _SUCCESS if word in _SUCCESSES else 1


_SUCCESS = 3
_SUCCESSES = ("success", "predicted", "completed", "skipped", "frozen", "thawed", "untouched", "without schedule")


# For waits that nobody watches.
UNSEEN = Progress(Channel(None), Secrets())
