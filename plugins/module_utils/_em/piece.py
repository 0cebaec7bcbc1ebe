# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One job of a maintenance window: its entry in the memory, its state, and its result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .._errors import REJECTED, ApiError
from .row import Row
from .window import FROZEN, GONE, LOOK, NOTHING, OWED, THAWED, UNTOUCHED, Entry, Step


@dataclass
class Piece:
    """One job of the window, and what happens to it.

    :ivar key: id of the job.
    :ivar row: the job as the server shows it; None if the server does not know it, or was not asked.
    :ivar before: its previous state in the memory; None if it was not there.
    :ivar step: what to do next with it; None if nothing can be done.
    :ivar stopped: whether its run was stopped.
    """

    key: str
    entry: Entry
    row: Row | None
    before: str | None
    step: Step | None = None
    stopped: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.enabled_before = self.row.job["schedule_enabled"] if self.row else None

    @property
    def changed(self) -> bool:
        """Whether its schedule was toggled or its run was stopped."""
        return self.stopped or bool(self.row and self.row.changed)

    @property
    def error(self) -> ApiError | None:
        """Why it is not in the requested state."""
        return self.row.error if self.row else None

    def to_do(self, act: str) -> bool:
        """Whether this is the next step."""
        return bool(self.step and self.step.act == act and not self.error)

    def nothing_to_do(self) -> str:
        """Why nothing has to be done, as a sentence."""
        if not self.row or self.row.job["schedule_configured"] is False:
            return "It has no schedule."
        if self.before not in OWED and self.entry.state != UNTOUCHED:
            return "It is not frozen."
        shown = "enabled" if self.row.job["schedule_enabled"] else "disabled"
        return f"Nothing to do: the schedule is already {shown}."

    def predict(self, wish: bool) -> None:
        """Note what would be done, and show the job as it would be."""
        if not self.row or not self.step:
            return
        if self.to_do(LOOK):
            self.notes.append("Would first wait to see whether an interrupted earlier change takes effect.")
        if self.to_do(NOTHING):
            self.entry.state = self.step.state
            self.notes.append(self.nothing_to_do())
            return
        self.entry.state = THAWED if wish else FROZEN
        if self.row.job["schedule_enabled"] != wish:
            self.row.toggle.done = True
            self.row.job = {**self.row.job, "schedule_enabled": wish}
            self.notes.append(f"Would {'enable' if wish else 'disable'} the schedule.")

    def left_alone(self) -> bool:
        """Whether a failed toggle certainly had no effect: it was not sent, or the server refused it."""
        row = self.row
        if not row or not row.error or row.toggle.done or row.error.outcome_unknown:
            return False
        return row.toggle.task is None or row.error.kind == REJECTED

    def as_dict(self) -> dict[str, Any]:
        """The entry in the result."""
        known = {"id": self.key, "name": self.entry.name, "backup_server": self.entry.backup_server}
        texts = self.notes + (self.row.notes if self.row else [])
        return {
            "job": self.row.job if self.row else known,
            "was_enabled": self.entry.was_enabled,
            "state": self.entry.state,
            "changed": self.changed or self.entry.state == GONE != self.before,
            "msg": " ".join(texts + ([self.error.sentence()] if self.error else [])),
        }


def picture(pieces: Iterable[Piece], after: bool) -> dict[str, Any]:
    """The part of the jobs' state that freezing and thawing change, for diff mode."""
    result = {}
    for piece in pieces:
        enabled = piece.row.job["schedule_enabled"] if piece.row else None
        result[f"{piece.entry.name} ({piece.key})"] = {
            "schedule_enabled": enabled if after else piece.enabled_before,
            "state": piece.entry.state if after else piece.before,
        }
        if piece.stopped:
            result[f"{piece.entry.name} ({piece.key})"]["running"] = not after
    return result
