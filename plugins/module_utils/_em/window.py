# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window: the record of frozen schedules, and the next step for each schedule. Pure.

The memory is a JSON object: `version`, `em` (host:port), `frozen_at`, `expires_at`, and `jobs`, by id. Release 0.2.0
wrote only `jobs`, with name, backup_server and state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .values import parse_time

VERSION = 2

# States of a remembered job. After a kill during a change, it is unknown whether the toggle was sent.
UNTOUCHED, WITHOUT_SCHEDULE = "untouched", "without schedule"
FREEZING, FROZEN, THAWING, THAWED, GONE = "freezing", "frozen", "thawing", "thawed", "gone"
STATES = (UNTOUCHED, WITHOUT_SCHEDULE, FREEZING, FROZEN, THAWING, THAWED, GONE)
# States in which thawing has to enable the schedule.
OWED = (FREEZING, FROZEN, THAWING)
# The state of the schedule after the change.
_ARRIVES = {FREEZING: False, THAWING: True}
# After an interrupted change: how long its toggle may still take effect, in seconds. Without an interruption, a module
# waits for the task and then one more minute.
LATE_SECONDS = 120.0

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KINDS = ("agent", "vm")

NOTHING, TOGGLE, LOOK = "nothing", "toggle", "look"


class NotAWindow(ValueError):
    """The file was not written by this collection; contains the reason."""


@dataclass
class Entry:
    """The entry of a job in the memory.

    :ivar was_enabled: whether its schedule was enabled before freezing; None for a job without a schedule.
    :ivar since: the time of its last change of state, in seconds since the epoch; None if unknown.
    """

    name: str
    backup_server: str | None
    kind: str
    was_enabled: bool | None
    state: str
    since: float | None = None

    @property
    def owed(self) -> bool:
        """Whether thawing has to enable the schedule."""
        return self.state in OWED

    def doubt(self, now: float) -> float:
        """How many more seconds an interrupted change may take to show; 0 if the state is certain."""
        if self.state not in _ARRIVES:
            return 0.0
        age = 0.0 if self.since is None else now - self.since
        # If the clock was set back, the time must not become longer.
        return min(LATE_SECONDS, max(0.0, LATE_SECONDS - age))


@dataclass
class Window:
    """The memory with its entries for all jobs."""

    em: str | None = None
    frozen_at: float | None = None
    expires_at: float | None = None
    jobs: dict[str, Entry] = field(default_factory=dict)

    @property
    def owed(self) -> dict[str, Entry]:
        """The jobs whose schedules have to be enabled."""
        return {key: entry for key, entry in self.jobs.items() if entry.owed}

    def overdue(self, now: float) -> bool:
        """Whether the window is overdue."""
        return self.expires_at is not None and self.expires_at <= now

    def as_content(self) -> dict[str, Any]:
        """The stored form of the window."""
        return {
            "version": VERSION,
            "em": self.em,
            "frozen_at": time_of(self.frozen_at),
            "expires_at": time_of(self.expires_at),
            "jobs": {
                key: {
                    "name": entry.name,
                    "backup_server": entry.backup_server,
                    "kind": entry.kind,
                    "was_enabled": entry.was_enabled,
                    "state": entry.state,
                    "since": time_of(entry.since),
                }
                for key, entry in self.jobs.items()
            },
        }


def window_of(content: Any, written: float) -> Window:
    """The window from its stored form.

    :param written: when the file was written, in seconds since the epoch: release 0.2.0 did not store it.
    :raises NotAWindow: if the content was not stored by this collection, or is invalid.
    """
    jobs = content.get("jobs") if isinstance(content, dict) else None
    if not isinstance(jobs, dict):
        raise NotAWindow("it does not contain any jobs")
    version = content.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise NotAWindow(f"its version is {version!r}")
    if version > VERSION:
        raise NotAWindow(f"its version is {version}, which requires a newer release of this collection")
    em = content.get("em")
    if em is not None and not isinstance(em, str):
        raise NotAWindow("it does not name an Enterprise Manager")
    return Window(
        em=em,
        frozen_at=_time_in(content, "frozen_at"),
        expires_at=_time_in(content, "expires_at"),
        jobs={_key(key): _entry(value, written if version == 1 else None) for key, value in jobs.items()},
    )


def _key(key: str) -> str:
    if not _GUID.fullmatch(key):
        raise NotAWindow(f"{key!r} is not the ID of a job")
    return key


def _entry(value: Any, written: float | None) -> Entry:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise NotAWindow("one of its jobs has no name")
    name, server = value["name"], value.get("backup_server")
    kind = value.get("kind", KINDS[0])
    state = value.get("state")
    # Release 0.2.0 only stored the state.
    was_enabled = value.get("was_enabled", {UNTOUCHED: False, WITHOUT_SCHEDULE: None}.get(str(state), True))
    if (
        state not in STATES
        or kind not in KINDS
        or not (server is None or isinstance(server, str))
        or not (was_enabled is None or isinstance(was_enabled, bool))
        or (state in OWED and not was_enabled)
    ):
        raise NotAWindow(f"its entry for the job {name!r} is invalid")
    since = _time_in(value, "since")
    return Entry(name, server or None, kind, was_enabled, state, written if since is None else since)


def _time_in(content: Mapping[str, Any], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    found = parse_time(value) if isinstance(value, str) else None
    if found is None:
        raise NotAWindow(f"its {key} is not a time")
    return found.timestamp()


def time_of(seconds: float | None) -> str | None:
    """A time as it is stored and returned."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Step:
    """The next step for a schedule.

    :ivar act: NOTHING, TOGGLE, or LOOK: wait to see whether it becomes `expected`, then decide.
    :ivar state: the new state to record; with TOGGLE, before the toggle is sent.
    """

    act: str
    state: str
    expected: bool | None = None


def freeze_step(state: str | None, configured: bool, enabled: bool, in_doubt: bool) -> Step:
    """The next step to freeze a schedule.

    :param state: the recorded state; None if there is none.
    :param configured: whether the job has a schedule according to the server; `enabled` says whether it is enabled.
    :param in_doubt: whether an interrupted change may still take effect.
    """
    owed = state in OWED
    if not configured:
        return Step(NOTHING, str(state) if owed else WITHOUT_SCHEDULE)
    expected = _ARRIVES.get(state or "")
    if in_doubt and expected is not None and enabled != expected:
        return Step(LOOK, str(state), expected)
    if enabled:
        return Step(TOGGLE, FREEZING)
    # A schedule that was disabled before stays disabled after thawing.
    return Step(NOTHING, FROZEN if owed else UNTOUCHED)


def thaw_step(state: str, enabled: bool, in_doubt: bool) -> Step:
    """The next step to thaw a schedule; the parameters are those of freeze_step."""
    if state not in OWED:
        return Step(NOTHING, state)
    expected = _ARRIVES.get(state)
    if in_doubt and expected is not None and enabled != expected:
        return Step(LOOK, state, expected)
    return Step(NOTHING, THAWED) if enabled else Step(TOGGLE, THAWING)


def listed(given: list[str]) -> list[str]:
    """The names in an option of the type list, given as a list, as JSON text, or line by line.

    AWX surveys and extra variables give texts, and Ansible has already split a text at its commas.
    """
    text = ",".join(given).strip()
    if text.startswith("[") and text.endswith("]"):
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        if isinstance(parsed, list) and all(
            isinstance(each, (str, int)) and not isinstance(each, bool) for each in parsed
        ):
            return [str(each) for each in parsed]
    lines = [line.strip() for each in given for line in each.splitlines()]
    return [line for line in lines if line]
