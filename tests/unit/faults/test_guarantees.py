"""The page "What it guarantees" names tests that exist, and every promise has one."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "docsite" / "rst" / "guarantees.rst").read_text(encoding="utf-8")
NAMED = re.findall(r"``(tests/[\w/]+\.py)::(\w+)``", PAGE)


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 30
    for path, name in NAMED:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (path, name)


def test_every_promise_has_a_row_with_its_tests() -> None:
    promises, rows = PAGE.split("Which test shows it\n")
    named = re.findall(r"^\* \*\*(.+?)\.\*\* ", promises, re.MULTILINE)
    tested = re.findall(r"^   \* - (.+)\n     - \| ``tests/", rows, re.MULTILINE)
    assert len(named) > 25
    assert tested == named


def test_no_test_of_this_kind_is_forgotten() -> None:
    """The tests that were written for this page are all on it, but for those of tests' own tools."""
    folders = (ROOT / "tests" / "unit" / "faults", ROOT / "tests" / "unit" / "properties")
    mine = [*(path for folder in folders for path in folder.glob("test_*.py") if path.name != "test_guarantees.py")]
    mine += [ROOT / "tests" / "e2e" / f"test_{name}.py" for name in ("secrets", "tls", "interruption", "load")]
    named = {path for path, _name in NAMED}
    assert {path.relative_to(ROOT).as_posix() for path in mine} <= named
