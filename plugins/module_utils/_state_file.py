# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that survives its process: replaced in one step, readable only by its owner, used by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from typing import Any

from ._atomic import write_whole
from ._errors import CONFLICT, USAGE, ApiError


class StateFile:
    """A JSON file that this object locks until it is closed.

    :raises ApiError: kind conflict, if another process uses it; kind usage, if it cannot be used.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        self._written = ""
        folder = os.path.dirname(self.path)
        try:
            if not os.path.isdir(folder):
                os.makedirs(folder, mode=0o700)
            self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as problem:
            raise self._unusable(problem) from problem
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            os.close(self._lock)
            raise ApiError(
                CONFLICT,
                f"The state file {path} is in use.",
                hint="Another process or source is using it. Use a separate state file for each source.",
            ) from problem
        except OSError:
            # A file system without locks.
            pass

    def close(self) -> None:
        """Release the file."""
        with suppress(OSError):
            os.close(self._lock)

    def read(self) -> dict[str, Any] | None:
        """The content that was written last; None if there is none.

        :raises ApiError: kind usage, if the file cannot be read or has different content.
        """
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise self._unusable(problem) from problem
        except ValueError as problem:
            raise self.not_ours() from problem
        if not isinstance(found, dict):
            raise self.not_ours()
        return found

    def write(self, content: dict[str, Any]) -> None:
        """Replace the content, if it has changed.

        :raises ApiError: kind usage, if that fails; the file is then unchanged.
        """
        text = json.dumps(content, separators=(",", ":"))
        if text == self._written:
            return
        try:
            write_whole(self.path, text.encode("utf-8"))
        except OSError as problem:
            raise self._unusable(problem) from problem
        self._written = text

    def not_ours(self) -> ApiError:
        """The error for a file with different content."""
        return ApiError(
            USAGE,
            f"The state file {self.path} does not contain a valid state.",
            hint="Set another file, or delete this one. The source then starts again as set in initial.",
        )

    def _unusable(self, problem: OSError) -> ApiError:
        return ApiError(
            USAGE,
            f"The state file {self.path} cannot be used: {problem.strerror or problem}.",
            hint="Set a file in a directory that the user of this process can write to.",
        )
