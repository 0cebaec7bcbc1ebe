"""Writing a file as a whole, and what a killed or a hindered writer leaves."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils import _atomic
from ansible_collections.backupops.veeam_em.plugins.module_utils._atomic import write_whole


def test_the_file_is_the_owners_own(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    write_whole(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious", encoding="utf-8")
    path, draft = tmp_path / "state.json", tmp_path / "state.json.new"
    path.symlink_to(other)
    draft.symlink_to(other)
    write_whole(str(path), b"new")
    assert (path.read_bytes(), path.is_symlink(), other.read_text(encoding="utf-8")) == (b"new", False, "precious")


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    write_whole(str(path), b"old")

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(str(path), b"new")
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    # The draft that was left is in nobody's way.
    assert os.path.exists(f"{path}.new")
    write_whole(str(path), b"newer")
    assert path.read_bytes() == b"newer"
