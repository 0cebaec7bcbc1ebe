"""The Pythons of this computer, and the ansible-core releases that they can run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Core:
    """A supported ansible-core: its newest release, and the Python minor versions that it supports as a controller."""

    series: str
    release: str
    minors: range


CORES = (
    Core("2.16", "2.16.19", range(10, 13)),
    Core("2.17", "2.17.14", range(10, 13)),
    Core("2.18", "2.18.19", range(11, 14)),
    Core("2.19", "2.19.14", range(11, 14)),
    Core("2.20", "2.20.10", range(12, 15)),
    Core("2.21", "2.21.5", range(12, 15)),
)
# 3.9 is for managed nodes only. 3.14 comes last: not every tool has packages for it.
_PREFERRED = (13, 12, 11, 10, 14)


def _probe(executable: str | Path) -> tuple[int, str] | None:
    """Ask an interpreter for its minor version and real path; None unless it is a whole CPython 3.9 or newer."""
    question = (
        "import ensurepip, json, os, ssl, sys, venv; "
        "print(json.dumps([*sys.version_info[:2], sys.implementation.name,"
        " os.path.realpath(getattr(sys, '_base_executable', sys.executable))]))"
    )
    answer = subprocess.run([str(executable), "-I", "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode:
        return None
    major, minor, implementation, path = json.loads(answer.stdout)
    return (minor, path) if (major, implementation) == (3, "cpython") and minor >= 9 else None


@cache
def pythons() -> dict[int, Path]:
    """Return the Pythons found, by minor version: {12: Path(".../python3.12")}.

    Real pyenv folders come before PATH, whose pyenv shims say "command not found" for versions that are not selected.
    """
    names = [f"python3.{minor}" for minor in range(9, 15)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates: list[str | Path] = [path for name in names for path in sorted(pyenv.glob(f"3.*/bin/{name}"))]
    candidates += [found for found in map(shutil.which, names) if found]
    found: dict[int, Path] = {}
    for candidate in [*candidates, sys.executable]:
        answer = _probe(candidate)
        if answer:
            found.setdefault(answer[0], Path(answer[1]))
    return dict(sorted(found.items()))


def controller() -> Path:
    """Return the Python that runs the newest ansible-core which this computer can run."""
    for minor in _PREFERRED:
        if minor in pythons():
            return pythons()[minor]
    raise SystemExit("No Python 3.10 to 3.14 with ssl, venv and ensurepip was found (Debian: install python3-venv).")


def python_for(core: Core) -> Path | None:
    """Return the oldest of this computer's Pythons that the core supports, or None."""
    return next((path for minor, path in pythons().items() if minor in core.minors), None)


def selection(wanted: str | None, minor: int = sys.version_info.minor) -> list[tuple[Core, Path | None]]:
    """Return the cores of make test-matrix, each with its Python or None: all of them, or only the wanted series.

    One series runs on Python 3.MINOR if the core supports it: by default the one that runs this script, so a workflow
    chooses it.
    """
    if not wanted:
        return [(core, python_for(core)) for core in CORES]
    core = next((core for core in CORES if core.series == wanted), None)
    if not core:
        raise SystemExit(f"CORE={wanted} is not supported. Supported are {', '.join(core.series for core in CORES)}.")
    mine = pythons().get(minor) if minor in core.minors else None
    python = mine or python_for(core)
    if not python:
        needed = " or ".join(f"3.{minor}" for minor in core.minors)
        raise SystemExit(f"ansible-core {wanted} needs Python {needed}. None of them was found.")
    return [(core, python)]
