"""The steps of make test, test-fast, test-full and test-matrix."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from artifact import build
from conductor import QUICK, RELEASES
from environment import environment
from folders import CACHE, ROOT
from prometheus import promtool
from pythons import CORES, Core, controller, python_for, pythons, selection
from steps import Runner, Step
from style import pages, spelled
from tools import install, link, stub_get_pip, tree, venv

# The unit tests of make test-fast. The others (live servers in all their dialects, made-up input, damaged answers) take
# much longer: make test runs them.
_QUICK = ("plugins", "simulator", *sorted(path.name for path in (ROOT / "tests" / "unit").glob("test_*.py")))
_QUICK_LIVE = ("test_honest_results.py", "test_logon.py", "test_valid_for.py")
# The tests whose outcome depends most on requests, urllib3 and xmltodict; "make test-matrix" runs all with the lowest.
_OF_LIBRARIES = (
    "plugins/module_utils/em/test_codec.py",
    "plugins/module_utils/em/test_session.py",
    "faults/test_hostile.py",
    "live/test_logon.py",
)
# The unit tests of make coverage: those of faults and made-up input run the same lines again, many thousand times.
_MEASURED = (
    "plugins",
    "live",
    "conductorsim",
    *sorted(path.name for path in (ROOT / "tests" / "unit").glob("test_*.py")),
)


def fast(runner: Runner) -> None:
    """Lint and the quick unit tests."""
    lint(runner)
    dev = venv("dev", controller(), "dev")
    unit = ROOT / "tests" / "unit"
    tests = [unit / name for name in _QUICK] + [unit / "live" / name for name in _QUICK_LIVE]
    runner.run_live(_pytest("quick unit tests", dev, [*tests, "-n", str(os.cpu_count() or 1), "--dist", "worksteal"]))


def lint(runner: Runner) -> None:
    """What takes seconds."""
    link()
    for step in [*_lint(venv("dev", controller(), "dev")), _reuse()]:
        runner.run(step)


def coverage(runner: Runner) -> None:
    """Run unit tests and show which share of the collection's lines and branches they run, the least covered first.

    What only processes of Ansible run (action plugins, the inventory, documentation) counts as not covered.
    """
    link()
    dev = venv("dev", controller(), "dev")
    data = CACHE / "coverage"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    more = {"COVERAGE_FILE": str(data / "data")}
    tests = [ROOT / "tests" / "unit" / name for name in _MEASURED]
    run = _pytest("unit tests, measured", dev, [*tests, "--quiet"])
    measured = ["python", "-m", "coverage", "run", *run.command[1:]]
    runner.run_live(replace(run, command=measured, env={**(run.env or {}), **more}))
    report = ["python", "-m", "coverage"]
    runner.run(Step("coverage html", [*report, "html", "--quiet", "-d", data / "html"], environment(dev, **more)))
    runner.run_live(Step("coverage", [*report, "report", "--skip-covered", "--sort=cover"], environment(dev, **more)))


def everything(runner: Runner, selection: tuple[str, ...] = ()) -> None:
    """Everything that a contributor needs. pytest comes last, with the selection as its arguments."""
    link()
    _announce()
    dev, importer = venv("dev", controller(), "dev"), venv("importer", controller(), "importer")
    artifact = build(dev)
    installed = install(dev, artifact)
    stub_get_pip()
    newest = _installed_core(dev)
    here = tree()
    second = _second_core(newest)

    checks = [
        *_lint(dev),
        _reuse(),
        *_content(dev, here),
        _importer(importer, artifact),
        _lowest(newest, controller(), _OF_LIBRARIES),
    ]
    checks.append(_real(dev, installed, f"tests with a real Conductor {QUICK}", [QUICK]))
    if second:
        # Sanity on every core is for test-matrix.
        checks += _one_core(*second, installed)[1:]
    else:
        checks.append(Step("oldest core", skipped=f"ansible-core {newest} is the only one that runs here"))
    # Two lanes that take about the same time. What ansible-test runs shares a folder, so it stays in one.
    tree_lane = [_sanity(dev, newest, here), _units(dev, here), *_integration(dev, here)]
    tree_lane += _molecule(dev, here, installed)
    tree_lane.append(_docs(dev, here) if (here / "docs").is_dir() else Step("docs", skipped="there is no folder docs"))
    runner.run_lanes(checks, tree_lane)
    # Many tests spend most of their time waiting.
    side_by_side = ["-n", str(2 * (os.cpu_count() or 1)), "--dist", "worksteal"]
    runner.run_live(_pytest("all tests", dev, [*_tests(), *side_by_side, *selection], installed))


def full(runner: Runner) -> None:
    """The same as test, plus the tests marked "full"."""
    everything(runner, ("-m", ""))


def matrix(runner: Runner) -> None:
    """Sanity and the tests marked core_matrix on every supported ansible-core that this computer's Pythons can run.

    CORE=2.18 runs only that one. The lowest requests and xmltodict are tested with the newest core that ran.
    """
    cores = selection(os.environ.get("CORE"))
    link()
    _announce()
    dev = venv("dev", controller(), "dev")
    installed = install(dev, build(dev))
    stub_get_pip()
    rows = []
    lowest = Step("unit tests with the lowest libraries", skipped="no Python here runs any of the cores")
    for core, python in cores:
        if not python:
            rows.append((core, "-", "not run: needs " + " or ".join(f"Python 3.{minor}" for minor in core.minors)))
            continue
        verdicts = ["passed" if runner.run(step) else "FAILED" for step in _one_core(core, python, installed)]
        rows.append((core, python.name, f"sanity {verdicts[0]}, tests {verdicts[1]}"))
    ran = [(core, python) for core, python in cores if python]
    lowest = _lowest(ran[-1][0].release, ran[-1][1]) if ran else lowest
    verdict = "passed" if runner.run(lowest) else "FAILED"
    print("\nansible-core  Python      outcome")
    for core, name, outcome in rows:
        print(f"{core.release:12}  {name:10}  {outcome}")
    print(f"unit tests with the lowest requests and xmltodict: {'not run' if lowest.skipped else verdict}")


def _lowest(release: str, python: Path, names: Sequence[str] = ()) -> Step:
    """The unit tests, or some of them, with the lowest releases of the libraries that the modules need."""
    folder, units = venv("bounds", python, "bounds", f"ansible-core=={release}"), ROOT / "tests" / "unit"
    every = [each for each in units.iterdir() if each.is_dir() and each.name != "contract"]
    return _pytest("unit tests with the lowest libraries", folder, [units / name for name in names] or sorted(every))


def fuzz(runner: Runner) -> None:
    """Random worlds from seeds; SEED=7 repeats one, COUNT=5000 makes more."""
    link()
    dev = venv("dev", controller(), "dev")
    step = _pytest("fuzz", dev, [ROOT / "tests" / "unit" / "faults" / "test_fuzz.py", "-n", str(os.cpu_count() or 1)])
    seed = os.environ.get("SEED", "")
    count = os.environ.get("COUNT", "" if seed else "2000")
    runner.run_live(replace(step, env={**(step.env or {}), "SEED": seed, "COUNT": count}))


def benchmark(runner: Runner) -> None:
    """Time the installed collection next to its peers; COUNT=5 takes the medians of five runs each."""
    folder = venv("benchmark", controller(), "benchmark")
    collections = install(folder, build(folder), "benchmark-collections")
    env = environment(
        folder,
        ANSIBLE_COLLECTIONS_PATH=collections,
        CLIENTS=venv("clients", controller(), "clients"),
        COUNT=os.environ.get("COUNT", "3"),
        OUTPUT=CACHE / "benchmark",
        PYTHONPATH=os.pathsep.join(map(str, (collections, ROOT / "tests" / "simulator"))),
    )
    runner.run_live(Step("benchmark", ["python", ROOT / "tests" / "benchmark"], env))


def real(runner: Runner) -> None:
    """The suite that the double passes, against real servers."""
    link()
    dev = venv("dev", controller(), "dev")
    installed = install(dev, build(dev))
    versions = [release.version for release in RELEASES]
    # Includes the mesh of AWX, which takes too long for make test.
    mesh = ROOT / "tests" / "e2e" / "test_runner.py"
    runner.run_live(_real(dev, installed, "tests with real servers", ["--demand", *versions], [mesh, "-v", "-m", ""]))


def site(runner: Runner) -> None:
    """Build the documentation site."""
    dev = venv("dev", controller(), "dev")
    runner.run_live(_docs(dev, tree()))


def _announce() -> None:
    """Report what the Pythons of this computer cover, and what they leave out."""
    print("Pythons:", ", ".join(f"3.{minor} ({path})" for minor, path in pythons().items()))
    missing = [f"3.{minor}" for minor in range(9, 14) if minor not in pythons()]
    if missing:
        print("Not found, so not tested:", ", ".join(f"Python {name}" for name in missing))
    left_out = [core.series for core in CORES if not python_for(core)]
    if left_out:
        print("No Python here runs these, so not tested:", ", ".join(f"ansible-core {name}" for name in left_out))
    print(end="", flush=True)


def _installed_core(bin_folder: Path) -> str:
    """Return the release of ansible-core in a virtual environment."""
    found = next((bin_folder.parent / "lib").glob("python3.*/site-packages/ansible_core-*.dist-info"))
    return found.name.removeprefix("ansible_core-").removesuffix(".dist-info")


def _second_core(newest: str) -> tuple[Core, Path] | None:
    """Return the oldest core that runs here, with its Python; the newest if the development tools use the oldest."""
    runnable = [(core, python) for core in CORES if (python := python_for(core))]
    return next((pair for pair in (runnable[0], runnable[-1]) if pair[0].release != newest), None)


def _tests() -> list[Path]:
    """Return the folders of pytest's tests that exist."""
    return [folder for folder in (ROOT / "tests" / "unit", ROOT / "tests" / "e2e") if folder.is_dir()]


def _lint(dev: Path) -> list[Step]:
    env = environment(dev)
    language = environment(venv("language", controller(), "language"))
    return [
        Step("spelling", ["codespell", *spelled()], language),
        Step("style of sentences", ["python", ROOT / "tests" / "run" / "style.py"], language),
        Step(
            "proselint",
            ["proselint", "check", "--config", ROOT / "tests" / "run" / "proselint.json", *pages()],
            language,
        ),
        Step("ruff check", ["ruff", "check"], env),
        Step("ruff format", ["ruff", "format", "--check"], env),
        Step("mypy", ["mypy"], env),
    ]


def _reuse() -> Step:
    supply = venv("supply", controller(), "supply")
    return Step("reuse lint", ["reuse", "--root", ROOT, "lint", "--quiet"], environment(supply))


def _content(dev: Path, here: Path) -> list[Step]:
    env = environment(dev, ANSIBLE_COLLECTIONS_PATH=here.parents[2], ANSIBLE_HOME=CACHE / "home" / ".ansible")
    return [
        Step("ansible-lint", ["ansible-lint", "--offline", "--strict"], env, here),
        Step("antsibull-changelog lint", ["antsibull-changelog", "lint"], env, here),
        Step("antsibull-docs lint", ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "."], env, here),
    ]


def _importer(importer: Path, artifact: Path) -> Step:
    config = CACHE / "galaxy-importer.cfg"
    config.write_text("[galaxy-importer]\ncheck_required_tags = True\n", encoding="utf-8")
    env = environment(importer, GALAXY_IMPORTER_CONFIG=config)
    patterns = sorted(path.name for path in (ROOT / "extensions" / "patterns").iterdir())
    script = ROOT / "tests" / "run" / "import_artifact.py"
    return Step("galaxy-importer", ["python", script, artifact, *patterns], env, CACHE)


def _molecule(dev: Path, here: Path, installed: Path) -> list[Step]:
    if not (here / "extensions" / "molecule").is_dir():
        return [Step("molecule", skipped="there is no folder extensions/molecule")]
    return [Step("molecule", ["molecule", "test", "--all"], environment(dev, ANSIBLE_COLLECTIONS_PATH=installed), here)]


def _docs(dev: Path, here: Path) -> Step:
    env = environment(dev, ANSIBLE_COLLECTIONS_PATH=here.parents[2])
    return Step("docs", ["bash", ROOT / "tests" / "run" / "docs.sh", CACHE / "docs"], env)


def _sanity(bin_folder: Path, release: str, here: Path) -> Step:
    command = ["ansible-test", "sanity", "--local", "--color", "no"]
    return Step(f"ansible-test sanity, core {release}", command, environment(bin_folder), here)


def _units(dev: Path, here: Path) -> Step:
    name = "ansible-test units"
    if not (here / "tests" / "unit" / "plugins").is_dir():
        return Step(name, skipped="there is no folder tests/unit/plugins")
    # pytest itself runs them on the newest Python; modules may meet the oldest.
    oldest = f"3.{min(pythons())}"
    command = ["ansible-test", "units", "--venv", "--color", "no", "--python", oldest, "tests/unit/plugins/"]
    return Step(f"{name}, Python {oldest}", command, environment(dev), here)


def _integration(dev: Path, here: Path) -> list[Step]:
    name = "ansible-test integration"
    if not (here / "tests" / "integration" / "targets").is_dir():
        return [Step(name, skipped="there is no folder tests/integration/targets")]
    if not shutil.which("ssh-keygen"):
        return [Step(name, skipped="it needs ssh-keygen, which is not installed (Debian: openssh-client)")]
    # pytest itself runs playbooks on the newest Python; modules may meet the oldest.
    oldest = f"3.{min(pythons())}"
    command = ["ansible-test", "integration", "--venv", "--color", "no", "--python", oldest]
    return [Step(f"{name}, Python {oldest}", command, environment(dev), here)]


def _one_core(core: Core, python: Path, installed: Path) -> list[Step]:
    """Sanity and the core_matrix tests on one core, which has its own environment and tree."""
    bin_folder = venv(f"core-{core.series}", python, "core", f"ansible-core=={core.release}")
    name = f"core_matrix tests, core {core.release}"
    tests = _pytest(name, bin_folder, [*_tests(), "-m", "core_matrix and not full"], installed)
    return [_sanity(bin_folder, core.release, tree(f"collections-{core.series}")), tests]


def _pytest(name: str, bin_folder: Path, arguments: Sequence[str | Path], installed: Path | None = None) -> Step:
    """Return a pytest step; its tests start Ansible from the same environment, with the installed artifact if given."""
    env = environment(bin_folder, VEEAM_EM_TEST_PROMTOOL=promtool() or "")
    if installed:
        env.update(
            VEEAM_EM_TEST_CLIENTS=str(venv("clients", controller(), "clients")),
            VEEAM_EM_TEST_COLLECTIONS=str(installed),
            VEEAM_EM_TEST_RULEBOOK=str(venv("rulebook", controller(), "rulebook")),
            VEEAM_EM_TEST_VENV=str(bin_folder),
        )
    return Step(name, ["python", "-m", "pytest", *arguments], env)


def _real(
    bin_folder: Path, installed: Path, name: str, servers: Sequence[str], more: Sequence[str | Path] = ()
) -> Step:
    """The suite in tests/real, behind the script that finds the servers."""
    step = _pytest(name, bin_folder, [ROOT / "tests" / "real", *more], installed)
    return replace(step, command=["python", ROOT / "tests" / "run" / "conductor.py", *servers, "--", *step.command])
