"""The file that remembers what has to be thawed: whose it is, what is refused, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils import _memory
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._memory import MemoryFile, default_path

ROOT = Path(_memory.__file__).parents[2]
CONTENT = {"jobs": {}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.json"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refusal(path: Path) -> str:
    """Why the file is neither read nor written."""
    with pytest.raises(ApiError) as caught:
        MemoryFile(str(path)).read()
    assert caught.value.kind == "usage"
    assert caught.value.hint
    return caught.value.message


def test_the_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    name = "em.example.com:9398.json"
    home = tmp_path / ".local" / "state" / "backupops.veeam_em" / "em.example.com_9398.json"
    assert default_path(name) == str(home)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_path(name) == str(home)
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert default_path("[fe80::1%eth0]:1/../x") == "/srv/state/backupops.veeam_em/_fe80_1_eth0_1_.._x"


def test_it_is_this_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "memory.json"
    old = os.umask(0)
    try:
        memory = MemoryFile(str(path))
        with memory.locked(0):
            memory.write(CONTENT)
            memory.write({"jobs": {"B\u00fcro": 1}})
    finally:
        os.umask(old)
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]
    assert mode(path.with_name("memory.json.lock")) == 0o600
    assert sorted(os.listdir(path.parent)) == ["memory.json", "memory.json.lock"]
    read = memory.read()
    assert read
    assert read[0] == {"jobs": {"B\u00fcro": 1}}
    assert abs(read[1] - time.time()) < 60


def test_no_file_is_no_error(path: Path) -> None:
    memory = MemoryFile(str(path))
    assert memory.read() is None
    assert memory.untouched
    assert MemoryFile(str(path.parent / "none" / "memory.json")).read() is None


def test_a_relative_path_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert MemoryFile("memory.json").path == str(tmp_path / "memory.json")


def test_a_link_is_not_followed(path: Path) -> None:
    other = path.with_name("other.json")
    for target in (other, path.with_name("nowhere")):
        other.write_text("{}", encoding="utf-8")
        path.symlink_to(target)
        assert "it is a symbolic link" in refusal(path)
        path.unlink()
    # Nor is one that somebody puts there meanwhile, nor one in place of the new content or the lock.
    memory = MemoryFile(str(path))
    path.symlink_to(other)
    path.with_name("memory.json.new").symlink_to(other)
    memory.write(CONTENT)
    assert other.read_text(encoding="utf-8") == "{}"
    assert not path.is_symlink()
    path.with_name("memory.json.lock").symlink_to(other)
    with pytest.raises(ApiError, match="symbolic link"), memory.locked(0):
        pass
    assert other.read_text(encoding="utf-8") == "{}"


def test_what_others_may_write_to_is_refused(path: Path) -> None:
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    path.chmod(0o666)
    assert "it is world-writable" in refusal(path)
    # Volumes of containers may open files to their group.
    path.chmod(0o660)
    assert MemoryFile(str(path)).read()
    path.parent.chmod(0o777)
    assert "its directory is world-writable" in refusal(path)
    path.parent.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_file_is_refused(path: Path) -> None:
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    os.chown(path, 54321, 54321)
    assert "it belongs to the user 54321, not to root" in refusal(path)


def test_everybodys_folder(path: Path) -> None:
    path.parent.chmod(0o1777)
    memory = MemoryFile(str(path))
    for work in (lambda: memory.write(CONTENT), lambda: memory.locked(0).__enter__()):
        with pytest.raises(ApiError, match="the system cleans up"):
            work()
    assert os.listdir(path.parent) == []
    # What an earlier release has put there is not lost.
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    assert memory.read()
    memory.write(CONTENT)
    assert len(memory.warnings) == 1
    path.parent.chmod(0o700)


def test_what_is_not_a_file(path: Path) -> None:
    path.mkdir()
    assert "it is not a regular file" in refusal(path)
    path.rmdir()
    os.mkfifo(path)
    assert "it is not a regular file" in refusal(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty or incomplete"),
        (b" \n", "empty or incomplete"),
        (b'{"jobs": {"0000', "it is not JSON"),
        (b"a shopping list", "it is not JSON"),
        (b"\xff\xfe{}", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b" " * (_memory.MAX_BYTES + 1), "it is too big"),
    ],
)
def test_what_is_not_a_memory(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    assert reason in refusal(path)
    assert "was not written by" in refusal(path)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ApiError, match="cannot be"):
        MemoryFile(str(tmp_path / "file" / "memory.json")).write(CONTENT)


def test_two_at_once(path: Path) -> None:
    first, second = MemoryFile(str(path)), MemoryFile(str(path))
    with first.locked(0):
        with pytest.raises(ApiError) as caught, second.locked(0.3):
            raise AssertionError("both hold it")
        assert caught.value.kind == "conflict"
        assert f"(process {os.getpid()})" in caught.value.message
        assert caught.value.retryable
    with second.locked(0):
        pass


WRITER = """
import sys
from ansible_collections.backupops.veeam_em.plugins.module_utils._memory import MemoryFile
memory = MemoryFile(sys.argv[1])
with memory.locked(0):
    memory.write({"jobs": {str(each): 0 for each in range(300)}})
    print("on", flush=True)
    number = 0
    while True:
        number += 1
        memory.write({"jobs": {str(each): number for each in range(300)}})
"""


def test_killed_while_writing(path: Path) -> None:
    for wait in (0.05, 0.11, 0.23):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT.parents[2])},
            stdout=subprocess.PIPE,
        )
        assert writer.stdout
        assert writer.stdout.readline() == b"on\n"
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        memory = MemoryFile(str(path))
        # The dead one has let go of it.
        with memory.locked(0):
            read = memory.read()
            assert read
            assert len(set(read[0]["jobs"].values())) == 1
            memory.write(CONTENT)
    assert sorted(os.listdir(path.parent)) == ["memory.json", "memory.json.lock"]
