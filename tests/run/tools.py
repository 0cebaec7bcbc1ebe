"""Virtual environments, the collection tree that ansible-test requires, and the installed artifact."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from environment import environment
from folders import CACHE, ROOT
from pythons import controller

UV_RELEASE = "0.13.9"
REQUIREMENTS = ROOT / "tests" / "requirements"
COLLECTION = Path("ansible_collections", "backupops", "veeam_em")
# ansible-test downloads a script that installs pip from a host that closed networks cannot reach, unless it finds a
# copy under one of these names. Python includes pip: this copy installs that one. It needs a separate process, because
# ensurepip changes the environment of its own process, and pip would then miss its configuration.
_GET_PIP_NAMES = ("get_pip_23_1_2.py", "get_pip_24_2.py", "get_pip_25_2.py")
_GET_PIP = """\
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
"""


def call(command: Sequence[str | Path], env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a command whose output matters only when it fails."""
    done = subprocess.run(
        list(map(str, command)),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}exit status {done.returncode}: {' '.join(map(str, command))}")


@cache
def uv() -> Path:
    """Return uv, the installer; it is installed from the package index on first use."""
    folder = CACHE / f"uv-{UV_RELEASE}"
    program = folder / "bin" / "uv"
    if not program.exists():
        call([controller(), "-m", "venv", "--clear", folder])
        call([folder / "bin" / "python", "-m", "pip", "install", "--quiet", f"uv=={UV_RELEASE}"])
    return program


def overrides(lock: str) -> list[str | Path]:
    """Return uv's arguments for the overrides of a lock, if there are any."""
    path = REQUIREMENTS / f"{lock}-overrides.txt"
    return ["--override", path] if path.exists() else []


def _has_certificates() -> bool:
    """Return whether the system has CA certificates, perhaps a company's own; if not, uv uses its own."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def venv(name: str, python: Path, lock: str, *more: str) -> Path:
    """Return the bin folder of the virtual environment .cache/venv/NAME with a lock file's packages and some more.

    It is created again if the Python, the lock or the additions change.
    """
    folder = CACHE / "venv" / name
    requirements = REQUIREMENTS / f"{lock}.txt"
    state = hashlib.sha256(repr((str(python), requirements.read_text(encoding="utf-8"), more)).encode()).hexdigest()
    stamp = folder / "complete"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != state:
        print(
            f"=== installing {requirements.relative_to(ROOT)} for {python.name} {' '.join(more)}".rstrip(), flush=True
        )
        env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": str(_has_certificates()).lower()}
        call([uv(), "venv", "--quiet", "--clear", "--python", python, folder], env)
        # Ansible modules never write bytecode: uncompiled libraries cost each module call a tenth of a second.
        install: list[str | Path] = [
            uv(),
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            folder / "bin" / "python",
        ]
        call([*install, "--requirement", requirements, *overrides(lock), *more], env)
        stamp.write_text(state, encoding="utf-8")
    return folder / "bin"


def tracked() -> list[Path]:
    """Return the files of the checkout that git knows or would add, relative to it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return [Path(os.fsdecode(name)) for name in listing.split(b"\0") if name]


def tree(name: str = "collections") -> Path:
    """Copy the checkout to .cache/NAME/ansible_collections/backupops/veeam_em and return that folder.

    ansible-test requires such a path, does not accept a symlink, and tests nothing in a folder that git ignores, so the
    copy is a separate git repository. It contains the files that git knows or would add. ansible-test's virtual
    environments below tests/output are kept.
    """
    folder = CACHE / name / COLLECTION
    kept = folder / "tests" / "output"
    aside = CACHE / name / "output"
    if kept.exists():
        shutil.rmtree(aside, ignore_errors=True)
        kept.rename(aside)
    shutil.rmtree(folder, ignore_errors=True)
    for relative in tracked():
        source, target = ROOT / relative, folder / relative
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    if aside.exists():
        aside.rename(kept)
    git = environment(Path(sys.executable).parent)
    call(["git", "init", "--quiet"], git, folder)
    call(["git", "add", "--all"], git, folder)
    return folder


def link() -> None:
    """Make the checkout itself importable as a collection, for pytest and mypy, which accept a symlink."""
    path = CACHE / "link" / COLLECTION
    if not path.is_symlink():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(ROOT, target_is_directory=True)


def stub_get_pip() -> None:
    """Put the substitute for ansible-test's pip installer into the HOME of the steps."""
    folder = CACHE / "home" / ".ansible" / "test" / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _GET_PIP_NAMES:
        (folder / name).write_text(_GET_PIP, encoding="utf-8")


def install(bin_folder: Path, artifact: Path, name: str = "installed") -> Path:
    """Install the artifact in a new folder .cache/NAME and return that folder."""
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    galaxy: list[str | Path] = [
        bin_folder / "ansible-galaxy",
        "collection",
        "install",
        "--collections-path",
        folder,
        artifact,
    ]
    call(galaxy, environment(bin_folder))
    return folder
