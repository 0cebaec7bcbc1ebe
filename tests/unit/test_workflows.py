"""The workflows on GitHub run what tests/run can run."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
ALL = {9: Path("python3.9"), 10: Path("python3.10"), 11: Path("python3.11"), 12: Path("python3.12")}
ALL[13] = Path("python3.13")


@pytest.fixture
def pythons(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script tests/run/pythons.py, on a computer with Python 3.9 to 3.13."""
    spec = importlib.util.spec_from_file_location("pythons_of_the_run", ROOT / "tests" / "run" / "pythons.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return on(module, monkeypatch, ALL)


def on(module: ModuleType, monkeypatch: pytest.MonkeyPatch, found: dict[int, Path]) -> ModuleType:
    monkeypatch.setattr(module, "pythons", lambda: found)
    return module


def test_the_matrix_has_every_core_with_a_python_that_runs_it(pythons: ModuleType) -> None:
    rows = yaml.safe_load(WORKFLOWS["ci.yml"])["jobs"]["matrix"]["strategy"]["matrix"]["include"]
    assert [row["core"] for row in rows] == [core.series for core in pythons.CORES]
    for row, core in zip(rows, pythons.CORES, strict=True):
        assert int(row["python"].removeprefix("3.")) in core.minors, row


@pytest.mark.parametrize("name", WORKFLOWS)
def test_targets_of_make_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = set(re.findall(r"\bmake ([a-z-]+)", WORKFLOWS[name]))
    assert used
    assert used <= targets


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_is_uploaded_from_hidden_folders_is_not_left_out(name: str) -> None:
    """upload-artifact skips hidden files and folders unless told otherwise, and only warns that it found nothing."""
    jobs = yaml.safe_load(WORKFLOWS[name])["jobs"].values()
    uploads = [step["with"] for job in jobs for step in job["steps"] if "upload-artifact@" in step.get("uses", "")]
    hidden = [each for each in uploads if each["path"].startswith(".")]
    assert all(each["include-hidden-files"] and each["if-no-files-found"] == "error" for each in hidden)
    assert bool(hidden) is (name == "ci.yml")


def test_in_a_fresh_clone_the_steps_have_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """antsibull-docs writes its log there, and does not create the folder."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "run"))
    environment = importlib.import_module("environment")
    monkeypatch.setattr(environment, "CACHE", tmp_path / ".cache")
    assert Path(environment.environment(tmp_path)["HOME"]).is_dir()


@pytest.mark.parametrize("wanted", [None, ""])
def test_without_a_wish_every_core_runs_on_its_oldest_python(pythons: ModuleType, wanted: str | None) -> None:
    chosen = {core.series: str(path) for core, path in pythons.selection(wanted)}
    assert chosen == {
        "2.16": "python3.10",
        "2.17": "python3.10",
        "2.18": "python3.11",
        "2.19": "python3.11",
        "2.20": "python3.12",
        "2.21": "python3.12",
    }


@pytest.mark.parametrize(
    ("wanted", "minor", "python"),
    [
        ("2.18", 11, "python3.11"),
        ("2.18", 13, "python3.13"),
        ("2.17", 12, "python3.12"),
        # It does not run on the Python that runs the script.
        ("2.16", 13, "python3.10"),
        ("2.21", 11, "python3.12"),
    ],
)
def test_one_core(pythons: ModuleType, wanted: str, minor: int, python: str) -> None:
    [(core, path)] = pythons.selection(wanted, minor)
    assert (core.series, str(path)) == (wanted, python)


def test_a_core_that_cannot_run_is_a_failure(pythons: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    only = on(pythons, monkeypatch, {10: Path("python3.10")})
    with pytest.raises(SystemExit, match=r"ansible-core 2\.21 needs Python 3\.12 or 3\.13 or 3\.14\. None of them"):
        only.selection("2.21")
    with pytest.raises(SystemExit, match=r"CORE=2\.15 is not supported\. Supported are 2\.16, 2\.17, 2\.18"):
        only.selection("2.15")
    assert only.selection("2.16") == [(only.CORES[0], Path("python3.10"))]
