# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a module from outside: signals, and the loss of whoever waits for its result.

They become Interrupted, but neither while a logon is under way, whose answer tells how to log off, nor during the
log-off.
"""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._errors import Interrupted

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# How often to look whether somebody still reads the result, in seconds: a closed terminal may take Ansible away alone.
LOOK_EVERY = 2.0

_held = 0
_waiting: list[str] = []


def listen() -> None:
    """From now on, signals raise Interrupted."""
    for number in ENDING:
        signal.signal(number, _arrived)
    signal.signal(signal.SIGALRM, _look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY, LOOK_EVERY)


def ignore() -> None:
    """From now on, signals do nothing: nothing may cut the log-off short."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in ENDING:
        # Not SIG_IGN: Python complains when it finds that for a signal that has just arrived.
        signal.signal(number, _nothing)


@contextmanager
def held() -> Iterator[None]:
    """Signals that arrive inside raise Interrupted at the end."""
    global _held
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    if waiting() and not _held:
        raise Interrupted(_waiting.pop(0))


def waiting() -> bool:
    """Whether a signal has arrived that has not been raised yet: what takes time should not begin."""
    return bool(_waiting)


def _arrived(number: int, _frame: Any) -> None:
    _end(signal.Signals(number).name)


def _look(_number: int, _frame: Any) -> None:
    if _nobody_reads():
        _end(signal.SIGHUP.name)


def _end(name: str) -> None:
    # A second signal must not cut the log-off short.
    ignore()
    if not _held:
        raise Interrupted(name)
    _waiting.append(name)


def _nobody_reads() -> bool:
    """Whether the other end of standard output is closed."""
    try:
        poll = select.poll()
        poll.register(sys.__stdout__.fileno() if sys.__stdout__ else 1, 0)
        return any(event & (select.POLLERR | select.POLLNVAL) for _file, event in poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


def _nothing(_number: int, _frame: Any) -> None:
    """Take no notice of a signal."""
