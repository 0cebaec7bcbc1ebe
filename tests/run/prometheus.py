"""promtool, which checks metrics, alert rules and their tests: the one of this computer, or Debian's in .cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from folders import CACHE

PACKAGE = "prometheus"
FOLDER = CACHE / "promtool"
_MEMBER = "./usr/bin/promtool"
# The package has 20 MB. A mirror that cannot be reached must not block everything.
_FETCH_SECONDS = 180


@cache
def promtool() -> Path | None:
    """Return promtool, or say why it is not available. This installs nothing and does not need root."""
    installed = shutil.which("promtool")
    program = Path(installed) if installed else FOLDER / "promtool"
    if not program.exists():
        missing = _fetch(program)
        if missing:
            print(f"promtool is not available, so it does not check metrics and alert rules: {missing}", flush=True)
            return None
    return program


def _fetch(program: Path) -> str:
    """Unpack it from Debian's package; return why that is not possible, or an empty text."""
    lacking = [name for name in ("apt-get", "dpkg-deb") if not shutil.which(name)]
    if lacking:
        return f"it is not installed (Debian: {PACKAGE}), and cannot be downloaded without {' and '.join(lacking)}"
    shutil.rmtree(FOLDER, ignore_errors=True)
    own = [FOLDER / "lists" / "partial", FOLDER / "cache" / "archives" / "partial"]
    for folder in own:
        folder.mkdir(parents=True)
    # A user cannot write the system's package lists, and bare containers have none: these are our own.
    state = ["-o", f"Dir::State::Lists={FOLDER / 'lists'}", "-o", f"Dir::Cache={FOLDER / 'cache'}"]
    problem = _apt("download", PACKAGE)
    if problem:
        problem = _apt(*state, "update") or _apt(*state, "download", PACKAGE)
    if problem:
        return problem
    _unpack(next(FOLDER.glob("*.deb")), program)
    for each in FOLDER.iterdir():
        if each != program:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    return ""


def _apt(*arguments: str) -> str:
    """Run apt-get in the folder; if it fails, return the last line of its output."""
    # As root, apt-get would leave the download to a user who cannot write here.
    command: Sequence[str] = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"apt-get did not end within {_FETCH_SECONDS} seconds"
    words = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
    return f"apt-get said: {words[-1]}" if done.returncode else ""


def _unpack(package: Path, program: Path) -> None:
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        for member in archive:
            source = archive.extractfile(member) if member.name == _MEMBER else None
            if source:
                part = program.with_suffix(".part")
                with source, part.open("wb") as target:
                    shutil.copyfileobj(source, target)
                part.chmod(0o755)
                part.rename(program)
    if process.returncode or not program.exists():
        raise SystemExit(f"{package.name} could not be unpacked, or does not contain {_MEMBER}.")
