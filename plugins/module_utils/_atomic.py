# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a file as a whole: whoever is killed leaves the old content or the new one."""

from __future__ import annotations

import os
from contextlib import suppress


def write_whole(path: str, content: bytes) -> None:
    """Replace a file in one step. It can be read by its owner only, and outlives a loss of power.

    The caller holds a lock: two at once would use the same draft. A link in place of the file is replaced, and not
    followed.

    :raises OSError: when that is not possible; the file is as before then.
    """
    draft = f"{path}.new"
    # Left by a process that was killed; the lock says that it is not in use.
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
    """Make the new name outlive a loss of power, where the file system can."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)
