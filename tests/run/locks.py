"""make lock: resolve the dependency groups of pyproject.toml again for every supported Python."""

from __future__ import annotations

from pathlib import Path

from folders import ROOT
from steps import Runner
from tools import REQUIREMENTS, call, overrides, uv

GROUPS = (
    "benchmark",
    "clients",
    "core",
    "demo",
    "dev",
    "importer",
    "language",
    "mutate",
    "product",
    "rulebook",
    "supply",
)


def lock(_runner: Runner) -> None:
    """Write tests/requirements/GROUP.txt for each group."""
    for group in GROUPS:
        command: list[str | Path] = [uv(), "pip", "compile", "--quiet", "--upgrade", "--universal"]
        command += [
            "--python-version",
            "3.10",
            "--no-annotate",
            "--custom-compile-command",
            "make lock",
            "--group",
            group,
        ]
        call([*command, *overrides(group), "--output-file", REQUIREMENTS / f"{group}.txt"], cwd=ROOT)
