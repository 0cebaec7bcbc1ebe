"""Run tests against real servers of Conductor: python conductor.py [--demand] VERSION ... -- COMMAND ...

Maven downloads the servers to .cache/conductor, from the repositories in its own settings. The command finds them in
the variable VEEAM_EM_TEST_CONDUCTOR. A server that is not available is reported and skipped; with --demand, it is an
error.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folders import CACHE

FOLDER = CACHE / "conductor"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
# A few minutes are enough for some hundred megabytes. A repository that cannot be reached must not block everything.
_FETCH_SECONDS = 600


@dataclass(frozen=True)
class Release:
    """A server that the suite runs against.

    :ivar java: the oldest Java that runs it.
    :ivar traits: what the tests have to know about it.
    """

    version: str
    sha256: str
    java: int
    arguments: tuple[str, ...]
    traits: dict[str, Any] = field(default_factory=dict)

    @property
    def artifact(self) -> str:
        """Its coordinates, as Maven writes them."""
        return f"org.conductoross:conductor-server:{self.version}:jar:boot"

    @property
    def jar(self) -> Path:
        """Its path after the download."""
        return FOLDER / f"conductor-server-{self.version}-boot.jar"


RELEASES = (
    Release(
        "3.21.14",
        "f0cfdf1cfd2eae1a925109a9d64ec328019af1dd57a0a209c41da0f320a7f31b",
        17,
        (
            # By default, it requires Redis and Elasticsearch.
            "--conductor.db.type=sqlite",
            "--conductor.queue.type=sqlite",
            "--conductor.indexing.enabled=true",
            "--conductor.indexing.type=sqlite",
            "--conductor.elasticsearch.version=0",
            "--spring.datasource.url=jdbc:sqlite:conductor.db?busy_timeout=15000&journal_mode=WAL&transaction_mode=IMMEDIATE",
            "--conductor.app.workflow-execution-lock-enabled=true",
            "--conductor.workflow-execution-lock.type=local_only",
            "--conductor.app.ownerEmailMandatory=false",
            "--loadSample=false",
        ),
        {"unknown_task": 204, "retry_keeps_reason": False, "times_out_again": False, "human_times_out": True},
    ),
    Release(
        "3.32.1",
        "f3699a34bb72c35c10469a063392e5de4900bc4568c8a4357a711186d6269d3f",
        21,
        ("--conductor.integrations.ai.enabled=false",),
        {"unknown_task": 404, "retry_keeps_reason": True, "times_out_again": True, "human_times_out": False},
    ),
)
# The server for make test: it starts in ten seconds.
QUICK = "3.21.14"


def java_for(oldest: int) -> Path | None:
    """Return the oldest of this computer's Javas that is new enough, or None."""
    homes = [Path(home) for home in filter(None, [os.environ.get("JAVA_HOME")])]
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    found = shutil.which("java")
    homes += [Path(found).resolve().parent.parent] if found else []
    versions = {home: _version(home) for home in homes}
    fitting = [(version, home / "bin" / "java") for home, version in versions.items() if version >= oldest]
    return min(fitting)[1] if fitting else None


def _version(home: Path) -> int:
    """Return the major version of a Java installation, 0 if it is none."""
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return 0
    number = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(number.group(1)) if number and (home / "bin" / "java").exists() else 0


def fetch(release: Release) -> str:
    """Download a server to .cache; return why that is not possible, or an empty text."""
    if not java_for(release.java):
        return f"it needs Java {release.java} or newer, which was not found (JAVA_HOME, /usr/lib/jvm, PATH)"
    if not release.jar.exists():
        maven = shutil.which("mvn")
        if not maven:
            return "the download needs Maven (mvn), which is not installed"
        goal = [
            maven,
            "-B",
            "-q",
            "-Dstyle.color=never",
            _PLUGIN,
            f"-Dartifact={release.artifact}",
            f"-DoutputDirectory={FOLDER}",
        ]
        try:
            done = subprocess.run(
                goal,
                cwd=CACHE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_FETCH_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"Maven did not download {release.artifact} within {_FETCH_SECONDS} seconds"
        if done.returncode:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
            return f"Maven could not download {release.artifact}: {(errors or ['no reason given'])[0]}"
    with release.jar.open("rb") as jar:
        digest = hashlib.sha256()
        while block := jar.read(1 << 20):
            digest.update(block)
        found = digest.hexdigest()
    if found != release.sha256:
        release.jar.unlink()
        raise SystemExit(f"{release.artifact} has the sha256 {found}, not {release.sha256}: it was removed.")
    return ""


def main() -> int:
    """Download the servers, then run the command."""
    dashes = sys.argv.index("--")
    arguments, command = sys.argv[1:dashes], sys.argv[dashes + 1 :]
    demand = "--demand" in arguments
    ready = []
    for release in RELEASES:
        if release.version not in arguments:
            continue
        problem = fetch(release)
        if problem:
            print(f"SKIPPED Conductor {release.version}: {problem}.", flush=True)
            if demand:
                return 1
            continue
        ready.append(
            {
                "version": release.version,
                "jar": str(release.jar),
                "java": str(java_for(release.java)),
                "arguments": release.arguments,
                "traits": release.traits,
            }
        )
    env = {**os.environ, "VEEAM_EM_TEST_CONDUCTOR": json.dumps(ready)}
    return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
