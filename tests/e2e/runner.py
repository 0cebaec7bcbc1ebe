"""Real ansible processes, with the installed collection and nothing of the caller's own settings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Set by tests/run; by hand, the checkout itself and the environment of pytest serve.
COLLECTIONS = os.environ.get("VEEAM_EM_TEST_COLLECTIONS") or str(ROOT / ".cache" / "link")
BIN = Path(os.environ.get("VEEAM_EM_TEST_VENV") or Path(sys.executable).parent)
CALLBACKS = Path(__file__).parent / "callback"

_FOREIGN = re.compile(
    r"^(ANSIBLE_|CONDUCTOR_|PYTEST_|PYTHON|VEEAM_EM_)|^(CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE)$|_proxy$", re.IGNORECASE
)


@dataclass
class Run:
    """What a process left: exit status, output, and the result of each task in order."""

    rc: int
    stdout: str
    stderr: str
    results: list[dict[str, Any]]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the last task that ran."""
        return self.results[-1]

    @property
    def output(self) -> str:
        """All that the user sees."""
        return self.stdout + self.stderr

    def __getitem__(self, task: str) -> dict[str, Any]:
        """The result of the task with this name."""
        return next(result for result in self.results if result["task"] == task)


@dataclass(frozen=True)
class Ansible:
    """Runs ansible in a folder of its own. `env` holds the connection, as a user would export it."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def connected(self, sim: Any, username: str = "administrator", password: str = "emsim", **more: str) -> Ansible:
        """The same, with a simulator as the Enterprise Manager; `more` are further environment variables."""
        connection = {
            "VEEAM_EM_HOST": sim.host,
            "VEEAM_EM_PORT": str(sim.port),
            "VEEAM_EM_USERNAME": username,
            "VEEAM_EM_PASSWORD": password,
            "VEEAM_EM_CA_PATH": sim.ca_path,
        }
        return self.with_env(**connection, **more)

    def with_env(self, **more: str) -> Ansible:
        """The same, with further environment variables."""
        return replace(self, env={**self.env, **more})

    def module(self, module: str, /, *arguments: str, **options: Any) -> Run:
        """Run one module ad hoc.

        :param arguments: of the command, such as --check.
        """
        given = ["-a", json.dumps(options)] if options else []
        return self.command("ansible", "localhost", "-m", f"backupops.veeam_em.{module}", *given, *arguments)

    def play(self, *tasks: Mapping[str, Any], arguments: Sequence[str] = (), **keywords: Any) -> Run:
        """Run tasks in one play on localhost, where the modules of the collection need no prefix.

        :param keywords: of the play.
        """
        play = {"hosts": "localhost", "gather_facts": False, "collections": ["backupops.veeam_em"], **keywords}
        path = self.folder / "play.yml"
        path.write_text(yaml.safe_dump([{**play, "tasks": list(tasks)}], sort_keys=False), encoding="utf-8")
        return self.command("ansible-playbook", str(path), *arguments)

    def command(self, program: str, *arguments: str, timeout: float = 300) -> Run:
        """Run any program of ansible's."""
        record = self.folder / "record"
        record.write_text("", encoding="utf-8")
        done = subprocess.run(
            [BIN / program, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        results = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
        return Run(done.returncode, done.stdout, done.stderr, results)

    def environment(self) -> dict[str, str]:
        """The environment of a process."""
        return {
            **{name: value for name, value in os.environ.items() if not _FOREIGN.search(name)},
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "E2E_RECORD": str(self.folder / "record"),
            **self.env,
        }
