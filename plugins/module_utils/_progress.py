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
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ._text import Secrets, clean
from ._wait import SYSTEM_CLOCK, Clock

# The environment variable that names the channel.
CHANNEL = "BACKUPOPS_VEEAM_EM_CHANNEL"
# After this many seconds without a change, one line says that the wait continues.
SILENCE_SECONDS = 300.0
# A higher percentage alone is worth a line only after this many seconds.
ADVANCE_SECONDS = 10.0
# The number of lines for a wait without failures, shared by all jobs or tasks, besides a first and a last line each.
LINES = 60
# The maximum per job or task, and the maximum number of failed machines that are named.
MOST_LINES = 20
# Above this number, one line summarizes all of them.
MANY = 20
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

    def step(self, steps: int) -> tuple[object, ...]:
        """The values that deserve a line as soon as they change."""
        machines = self.done * steps // self.total if self.total > steps else self.done
        return (self.state,) if self.ended else (self.state if self.percent is None else "", machines)


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


class Progress:
    """Turns progress into a few lines: one for each important change."""

    def __init__(self, channel: Channel, secrets: Secrets, clock: Clock = SYSTEM_CLOCK) -> None:
        self._channel = channel
        self._secrets = secrets
        self._clock = clock
        self._begun = self._told_at = clock.monotonic()
        self._told: dict[str, tuple[object, int, float]] = {}
        self._named: dict[str, set[str]] = {}
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

    def show(self, standings: Mapping[str, Standing]) -> None:
        """Write lines for what has changed.

        :param standings: by an id that stays the same.
        """
        if not self.watched:
            return
        many = len(standings) > MANY
        lines = [] if many else self._one_by_one(standings)
        for key, each in standings.items():
            lines += self._failures(key, each, many)
        if many:
            lines += self._all_together(standings)
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
        steps = max(1, min(MOST_LINES, LINES // max(1, len(standings))))
        lines, now = [], self._clock.monotonic()
        for key, each in standings.items():
            step, advance = each.step(steps), (each.percent or 0) * steps // 100
            told, told_advance, told_at = self._told.get(key, (None, 0, 0.0))
            further = not each.ended and advance > told_advance and now - told_at >= ADVANCE_SECONDS
            if step != told or further:
                self._told[key] = (step, advance, now)
                lines.append((f"{each.text()}, {self._elapsed()}", each.bad))
        return lines

    def _failures(self, key: str, each: Standing, many: bool) -> list[tuple[str, bool]]:
        named = self._named.setdefault(key, set())
        lines = []
        for machine, text in each.failures.items():
            if machine not in named and len(named) < MOST_LINES:
                lines.append((f"{each.name}: {text}", True))
            named.add(machine)
        if many and each.bad and key not in self._told:
            self._told[key] = (None, 0, 0.0)
            lines.append((each.text(), True))
        return lines

    def _all_together(self, standings: Mapping[str, Standing]) -> list[tuple[str, bool]]:
        ended = [each for each in standings.values() if each.ended]
        begun = [each for each in standings.values() if not each.ended and each.percent is not None]
        step = (len(ended) * LINES // len(standings), len(begun) * MOST_LINES // len(standings))
        if self._told.get("", (None,))[0] == step:
            return []
        self._told[""] = (step, 0, 0.0)
        bad = sum(each.bad for each in ended)
        texts = [f"{len(ended)} of {len(standings)} ended{f' ({bad} badly)' if bad else ''}", f"{len(begun)} running"]
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


# For waits that nobody watches.
UNSEEN = Progress(Channel(None), Secrets())
