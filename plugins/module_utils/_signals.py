# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interruptions from outside: signals, and the end of the process that waits for the result.

They raise Interrupted, but not during a logon, whose answer says how to log off, and not during the log-off.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._errors import Interrupted

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# How often to check whether somebody still reads the result, in seconds: a closed terminal may end only Ansible.
LOOK_EVERY = 2.0

# The maximum number of processes between a module and Ansible's worker (shells, sudo).
_LEVELS = 6

_held = 0
_waiting: list[str] = []
_worker: tuple[int, int] | None = None


def listen() -> None:
    """From now on, signals raise Interrupted."""
    global _worker
    _worker = _find_worker()
    for number in ENDING:
        signal.signal(number, _arrived)
    signal.signal(signal.SIGALRM, _look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY, LOOK_EVERY)


def ignore() -> None:
    """From now on, signals do nothing: they must not interrupt the log-off."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in ENDING:
        # Not SIG_IGN: Python raises an error if it finds that for a signal that has just arrived.
        signal.signal(number, _nothing)


@contextmanager
def passed_on() -> Iterator[None]:
    """Signals that arrive inside raise Interrupted there, and have their usual effect at the end.

    For code inside other programs. Outside the main thread, no signals arrive, and this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: Any) -> None:
        # A second signal must not cut the log-off short.
        for each in before:
            signal.signal(each, _nothing)
        arrived.append(number)
        _raise(signal.Signals(number).name)

    # Ignored signals stay ignored, as after nohup. Handlers that were not set from Python could not be restored.
    before = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            os.kill(os.getpid(), arrived[0])


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
            # The signal ends the block, even if something else failed in it.
            raise Interrupted(_waiting.pop(0))


def waiting() -> bool:
    """Whether a signal has arrived but was not raised yet. If so, do not begin anything that takes time."""
    return bool(_waiting)


def _arrived(number: int, _frame: Any) -> None:
    _end(signal.Signals(number).name)


def _look(_number: int, _frame: Any) -> None:
    if _nobody_reads() or _ansible_has_gone():
        _end(signal.SIGHUP.name)


def _end(name: str) -> None:
    # A second signal must not cut the log-off short.
    ignore()
    _raise(name)


def _raise(name: str) -> None:
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


def _find_worker() -> tuple[int, int] | None:
    """Ansible's worker above this process and its parent, Ansible itself, by their ids.

    The worker is a copy of its parent. Recent releases run it in a separate terminal session. So if the terminal is
    closed, the worker and the module below it outlive Ansible. Only known on systems with /proc.
    """
    process = os.getppid()
    for _level in range(_LEVELS):
        parent = _parent_of(process)
        words = _command_of(process)
        if not parent or len(words) < 2:
            break
        if os.path.basename(words[1]).startswith(b"ansible") and words == _command_of(parent):
            return process, parent
        process = parent
    return None


def _ansible_has_gone() -> bool:
    return bool(_worker and _parent_of(_worker[0]) != _worker[1])


def _parent_of(process: int) -> int | None:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _command_of(process: int) -> list[bytes]:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as command:
            return command.read().split(b"\0")
    except OSError:
        return []


def _nothing(_number: int, _frame: Any) -> None:
    """Ignore a signal."""
