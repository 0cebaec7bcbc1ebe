"""Everything behind the Makefile: python tests/run COMMAND. Needs Python 3.10, git, and a package index."""

import os
import shutil
import signal
import sys
import tempfile

if sys.version_info < (3, 10):
    sys.exit("Python 3.10 or newer is needed: make PYTHON=/path/to/python3.12 ...")

import artifact
import demo
import locks
import mutate
import recording
import suite
from environment import environment
from folders import CACHE
from pythons import controller
from steps import Runner, Step
from tools import venv


def _build(_runner: Runner) -> None:
    print(artifact.build(venv("dev", controller(), "dev")))


def _release(_runner: Runner) -> None:
    """Build everything that a release consists of; KEY names the gpg key that signs it."""
    built = artifact.build(venv("dev", controller(), "dev"))
    print(built, artifact.sbom(built), sep="\n")
    key = os.environ.get("KEY")
    print(artifact.sign(built, key) if key else "Not signed: no key was named (make release KEY=...).")
    print(artifact.checksums(built))


def _format(runner: Runner) -> None:
    env = environment(venv("dev", controller(), "dev"))
    runner.run(Step("ruff format", ["ruff", "format"], env))
    runner.run(Step("ruff check --fix", ["ruff", "check", "--fix"], env))


def _clean(_runner: Runner) -> None:
    shutil.rmtree(CACHE, ignore_errors=True)


COMMANDS = {
    "benchmark": suite.benchmark,
    "build": _build,
    "clean": _clean,
    "coverage": suite.coverage,
    "demo": demo.demo,
    "docs": suite.site,
    "format": _format,
    "fuzz": suite.fuzz,
    "lint": suite.lint,
    "lock": locks.lock,
    "mutate": mutate.mutate,
    "release": _release,
    "recording": recording.recording,
    "test": suite.everything,
    "test-fast": suite.fast,
    "test-full": suite.full,
    "test-matrix": suite.matrix,
    "test-real": suite.real,
}


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Run one command; return 0 if all its steps succeeded."""
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        return _usage()
    signal.signal(signal.SIGTERM, _interrupt)
    runner = Runner()
    # A separate folder for this run: some tools start scripts in the temporary folder, where another user's grp.py
    # would be imported instead of Python's.
    with tempfile.TemporaryDirectory(prefix="em-", ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder
        try:
            COMMANDS[sys.argv[1]](runner)
        except KeyboardInterrupt:
            print("Interrupted.")
            return 130
    return runner.close()


def _usage() -> int:
    print("usage: python tests/run", "|".join(COMMANDS))
    return 2


if __name__ == "__main__":
    sys.exit(main())
