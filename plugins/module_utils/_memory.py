# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small JSON file that survives a killed process, and that no other user can forge.

Reading and writing never follow a link in the last part of the path.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ._atomic import write_whole
from ._errors import CONFLICT, USAGE, ApiError
from ._wait import SYSTEM_CLOCK, Clock, Deadline

FOLDER = "backupops.veeam_em"
# Thousands of jobs need less; a bigger file is something else.
MAX_BYTES = 16 * 1024 * 1024
# How often to check whether another process has released the file, in seconds.
LOOK_EVERY = 0.2


def default_path(name: str) -> str:
    """A file of this name in the user's folder for state (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, FOLDER, re.sub(r"[^\w.-]+", "_", name))


class MemoryFile:
    """A JSON file that belongs to this user.

    :ivar path: the full path.
    :ivar warnings: warnings for the user.
    """

    def __init__(self, path: str) -> None:
        folder, name = os.path.split(os.path.abspath(path))
        # Links in the path of the folder are fine: only its owner can make them. A link in place of the file is not.
        self.folder = os.path.realpath(folder)
        self.path = os.path.join(self.folder, name)
        self.warnings: list[str] = []

    def read(self) -> tuple[Any, float] | None:
        """The content of the file and when it was written, in seconds since the epoch; None if there is no file.

        :raises ApiError: kind usage, for a file that cannot be trusted or has different content.
        """
        try:
            # A pipe must not block the module.
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(error, "read") from error
        try:
            found = os.fstat(file)
            self._check_owner(found, self.path)
            self._check_folder(exists=True)
            with os.fdopen(file, "rb", closefd=False) as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise self._refused(error, "read") from error
        finally:
            os.close(file)
        if len(content) > MAX_BYTES:
            raise self.foreign("it is too big")
        try:
            return json.loads(content.decode("utf-8")), found.st_mtime
        except (ValueError, RecursionError) as error:
            raise self.foreign("it is empty or incomplete" if not content.strip() else "it is not JSON") from error

    def write(self, content: Any) -> None:
        """Replace the content in one step: a process that is killed leaves the old content or the new one.

        :raises ApiError: kind usage, if the file cannot be written; its content is then unchanged.
        """
        self._make_folder()
        self._check_folder(exists=os.path.lexists(self.path))
        data = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
        try:
            write_whole(self.path, data)
        except OSError as error:
            raise self._refused(error, "written") from error

    @contextmanager
    def locked(self, seconds: float, clock: Clock = SYSTEM_CLOCK) -> Iterator[None]:
        """Lock the file against other processes. A process that is killed releases the lock.

        :param seconds: how long to wait for another process.
        :raises ApiError: kind conflict, if the other process does not release the lock in time.
        """
        self._make_folder()
        self._check_folder(exists=os.path.lexists(self.path))
        # A separate file, because the file itself is replaced while the lock is held.
        lock = f"{self.path}.lock"
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise self._refused(error, "locked", lock) from error
        try:
            self._check_owner(os.fstat(file), lock)
            deadline = Deadline(seconds, clock)
            while not self._take(file):
                if deadline.expired():
                    raise self._in_use(os.pread(file, 20, 0))
                deadline.pause(LOOK_EVERY)
            os.ftruncate(file, 0)
            os.pwrite(file, b"%d\n" % os.getpid(), 0)
            yield
        finally:
            os.close(file)

    @property
    def untouched(self) -> bool:
        """Whether neither the file nor its lock exists."""
        return not any(map(os.path.lexists, (self.path, f"{self.path}.lock")))

    def foreign(self, reason: str) -> ApiError:
        """The error for a file with different content."""
        return ApiError(
            USAGE,
            f"{self.path} was not written by veeam_em_maintenance or the role maintenance_window: {reason}.",
            hint="Nothing was changed. Set another path. If the file contained a window, check the schedules in "
            "Backup & Replication, because the file no longer shows which of them were enabled.",
        )

    def _make_folder(self) -> None:
        try:
            levels = []
            folder = self.folder
            while not os.path.isdir(folder) and folder != os.path.dirname(folder):
                levels.append(folder)
                folder = os.path.dirname(folder)
            for level in reversed(levels):
                with suppress(FileExistsError):
                    os.mkdir(level, 0o700)
        except OSError as error:
            raise self._refused(error, "created", self.folder) from error

    def _check_folder(self, exists: bool) -> None:
        try:
            mode = os.stat(self.folder).st_mode
        except OSError as error:
            raise self._refused(error, "read", self.folder) from error
        if not mode & stat.S_IWOTH:
            return
        if not mode & stat.S_ISVTX:
            raise self._exposed(f"its directory is world-writable, so anybody could replace {self.path}")
        if not exists:
            raise self._exposed(
                f"{self.folder} is a shared directory that the system cleans up, so the record of what to thaw would "
                "be lost"
            )
        text = f"{self.path} is in a world-writable directory that the system cleans up."
        if text not in self.warnings:
            self.warnings.append(text)

    def _check_owner(self, found: os.stat_result, path: str) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._exposed("it is not a regular file", path)
        if found.st_uid != os.geteuid():
            raise self._exposed(f"it belongs to {_user(found.st_uid)}, not to {_user(os.geteuid())}", path)
        if found.st_mode & stat.S_IWOTH:
            raise self._exposed("it is world-writable, so anybody could decide what is thawed", path)

    def _exposed(self, reason: str, path: str | None = None) -> ApiError:
        return ApiError(
            USAGE,
            f"{path or self.path} was not used: {reason}.",
            hint="Nothing was changed. Set path to a file in your own directory (mode 0700), or leave it out to use "
            "the default.",
        )

    def _refused(self, error: OSError, verb: str, path: str | None = None) -> ApiError:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            return self._exposed("it is a symbolic link", path)
        return ApiError(
            USAGE,
            f"{path or self.path} cannot be {verb}: {error.strerror or error}.",
            hint="Set path to a file in a directory that this user can write to.",
        )

    def _take(self, file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._refused(error, "locked") from error
        return True

    def _in_use(self, holder: bytes) -> ApiError:
        process = holder.split(b"\n")[0].decode("ascii", "replace")
        return ApiError(
            CONFLICT,
            f"Another freeze or thaw is using {self.path}{f' (process {process})' if process.isdigit() else ''}.",
            hint="Nothing was changed. Run the playbook again after the other one has ended.",
            retryable=True,
        )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user {number}"
