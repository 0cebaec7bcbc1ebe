# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a file atomically: a process that is killed leaves the old content or the new one."""

from __future__ import annotations

import os
from contextlib import suppress


def write_whole(path: str, content: bytes) -> None:
    """Replace a file in one step. Only its owner can read it, and it survives a power failure.

    The caller must hold a lock, because two writers would use the same draft. If the path is a link, the link is
    replaced, not followed.

    :raises OSError: if writing fails; the file is then unchanged.
    """
    draft = f"{path}.new"
    # A killed process left this draft. We have the lock, so nobody is using it.
    with suppress(FileNotFoundError):
        os.unlink(draft)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)
    _sync_folder(os.path.dirname(path) or ".")


def _sync_folder(path: str) -> None:
    """Make the new name survive a power failure, if the file system supports that."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)
