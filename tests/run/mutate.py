"""make mutate: change the code in a thousand small ways, and count how many of them the unit tests notice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple

from environment import environment
from folders import CACHE, ROOT
from pythons import controller
from steps import Runner, Step
from tools import COLLECTION, tracked, venv

# The files that decide whether a backup runs twice, and what is reported about it, each with its tests. Every mutant is
# run against the tests that reach it, in any order and mixed, within one process. Tests that share a simulator would
# fail in any case, so that every mutant would seem to be noticed.
_EM, _LIVE, _MADE_UP = "plugins/module_utils/em", "live", "properties"
TESTS = {
    "_wait.py": (f"{_EM}/test_wait.py", f"{_MADE_UP}/test_waiting.py"),
    "_em/discovery.py": (f"{_EM}/test_discovery.py", f"{_LIVE}/test_whose_run.py", f"{_LIVE}/test_started.py"),
    "_em/machines.py": (f"{_EM}/test_machines.py", f"{_LIVE}/test_machines.py"),
    "_em/names.py": (f"{_EM}/test_names.py", f"{_EM}/test_machines.py"),
    "_em/plan.py": (f"{_EM}/test_plan.py",),
    "_em/session.py": (f"{_EM}/test_session.py", f"{_LIVE}/test_logon.py"),
    "_em/verdicts.py": (f"{_EM}/test_verdicts.py", f"{_EM}/test_machines.py"),
}
LEAST = 90.0
SURVIVORS = ROOT / "tests" / "mutation" / "survivors.txt"
_WORK = CACHE / "mutate"
# mutmut's own exit codes beside pytest's.
_OUTCOMES = {0: "survived", 1: "killed", 3: "killed", 5: "no test", 33: "no test", 36: "killed"}
_TIMED_OUT = {24, 36, 152, -24, 255}
_PYTEST_INI = """\
[pytest]
addopts = --import-mode=importlib --strict-markers -m "not full" -p no:cacheprovider
pythonpath = . {collection}/tests/simulator
markers =
  core_matrix:
  full:
  slow:
"""


class Mutant(NamedTuple):
    """A changed line of code, and the outcome of the tests."""

    file: str
    function: str
    outcome: str
    before: str
    after: str

    @property
    def line(self) -> str:
        """The form of the mutant in the file of survivors, which does not depend on line numbers."""
        return f"{self.file} {self.function}: {self.before} => {self.after}"


def mutate(runner: Runner) -> None:
    """Run mutmut on copies of the checkout and compare the survivors with those that are explained.

    FILE=plan mutates that file only.
    """
    wanted = os.environ.get("FILE", "")
    files = [name for name in TESTS if wanted in ("", Path(name).stem, name)]
    if not files:
        raise SystemExit(f"FILE={wanted} is not mutated. These are: {', '.join(Path(name).stem for name in TESTS)}.")
    bin_folder = venv("mutate", controller(), "mutate")
    env = environment(bin_folder)
    jobs = os.environ.get("JOBS", str(os.cpu_count() or 1))
    mutants: list[Mutant] = []
    for name in files:
        log = CACHE / "logs" / f"mutmut-{Path(name).stem}.log"
        print(f"=== mutmut {name} (output: {log.relative_to(ROOT)})", flush=True)
        _lay_out(name)
        with log.open("wb") as output:
            runner.execute(Step("mutmut", ["mutmut", "run", "--max-children", jobs], env, _WORK), output.fileno())
        found = list(_mutants(name, env))
        if not found:
            runner.failed.append(f"mutmut made no mutants of {name}")
        mutants += found
    _judge(runner, files, mutants)


def _lay_out(name: str) -> None:
    """Copy the checkout to where its modules have their full names, and write mutmut's configuration for one file."""
    shutil.rmtree(_WORK, ignore_errors=True)
    for relative in tracked():
        if relative.parts[0] in ("plugins", "tests") and (ROOT / relative).is_file():
            target = _WORK / COLLECTION / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / relative, target)
    (_WORK / "pytest.ini").write_text(_PYTEST_INI.format(collection=COLLECTION), encoding="utf-8")
    config = ConfigParser()
    sources, tests = COLLECTION / "plugins" / "module_utils", COLLECTION / "tests" / "unit"
    config["mutmut"] = {
        "source_paths": f"{sources}",
        "only_mutate": str(sources / name),
        "also_copy": "ansible_collections\npytest.ini",
        "pytest_add_cli_args_test_selection": "\n".join(str(tests / path) for path in TESTS[name]),
    }
    with (_WORK / "setup.cfg").open("w", encoding="utf-8") as file:
        config.write(file)


def _mutants(name: str, env: dict[str, str]) -> Iterator[Mutant]:
    """Read the results of mutmut; only mutants that were not killed get their lines."""
    meta = _WORK / "mutants" / COLLECTION / "plugins" / "module_utils" / f"{name}.meta"
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.exists() else {}
    for key, code in codes.items():
        function = re.sub(r"^x_|__mutmut_\d+$", "", key.rpartition(".")[2]).replace("xǁ", "").replace("ǁ", ".")
        if code in _TIMED_OUT:
            yield Mutant(name, function, "timed out", "", "")
        elif _OUTCOMES.get(code) == "killed":
            yield Mutant(name, function, "killed", "", "")
        else:
            yield Mutant(name, function, _OUTCOMES.get(code, f"not run ({code})"), *_lines(key, env))


def _lines(key: str, env: dict[str, str]) -> tuple[str, str]:
    """Return the line that a mutant changes, before and after."""
    shown = subprocess.run(
        [str(Path(env["PATH"].split(os.pathsep)[0]) / "mutmut"), "show", key],
        cwd=_WORK,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [re.findall(rf"(?m)^\{sign}(?!\{sign}\{sign})\s*(.*)$", shown) for sign in "-+"]
    before, after = (" ".join(lines) for lines in found)
    return before, after


def _judge(runner: Runner, files: list[str], mutants: list[Mutant]) -> None:
    """Print the score of each file and the survivors that nobody explained; fail below LEAST percent."""
    explained = _explained()
    open_lines = [each for each in mutants if each.outcome not in ("killed", "timed out")]
    for name in files:
        counts = Counter(each.outcome for each in mutants if each.file == name)
        print(f"    {name:18} {_share(counts):5.1f} % of {sum(counts.values())} killed {dict(counts)}")
    total = _share(Counter(each.outcome for each in mutants))
    news = [each for each in open_lines if each.line not in explained]
    for each in news:
        print(f"    {each.outcome}, not explained: {each.line}")
    mutated = tuple(f"{name} " for name in files)
    gone = explained - {each.line for each in open_lines}
    for line in sorted(each for each in gone if each.startswith(mutated)):
        print(f"    explained, but killed or gone: {line}")
    known = len(open_lines) - len(news)
    print(f"=== mutants killed: {total:.1f} % of {len(mutants)}; {len(open_lines)} survived, {known} of them explained")
    if total < LEAST:
        runner.failed.append(f"mutants: {total:.1f} % killed, {LEAST:g} % wanted")


def _share(counts: Counter[str]) -> float:
    return 100 * (counts["killed"] + counts["timed out"]) / (sum(counts.values()) or 1)


def _explained() -> set[str]:
    """Return the survivors in the file: the lines that are neither empty nor comments."""
    lines = SURVIVORS.read_text(encoding="utf-8").splitlines() if SURVIVORS.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}
