"""Run steps, report how each ended and how long it took, and remember which failed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from folders import CACHE, ROOT

LOGS = CACHE / "logs"
# Lines of a successful step that are worth reading: counts, and everything that was left out.
_NOTABLE = re.compile(r"\b\d+ (passed|failed)\b|\bSKIPPED\b|WARNING: Skipping|^Unit test |Required program|successful=")
# Lines of a failed step that hide the reason: what pip says while it installs.
_CHATTER = re.compile(
    r"\s*(Collecting|Downloading|Installing|Looking in|Processing|Success|Using cached|WARNING: Loc|\u2501)"
)
# How many lines of a failed step are shown again at the end, where people look for them.
_REASON_LINES = 40


@dataclass(frozen=True)
class Step:
    """One command: its name in the report, its arguments, its environment and its working folder.

    A step without a command is reported as skipped, with the reason.
    """

    name: str
    command: Sequence[str | Path] = ()
    env: Mapping[str, str] | None = None
    cwd: Path = ROOT
    skipped: str = ""


class Runner:
    """Runs steps; output of all but the live ones goes to .cache/logs and is shown when a step fails."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._reasons: dict[str, list[str]] = {}
        self._print = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        LOGS.mkdir(parents=True, exist_ok=True)

    def run(self, step: Step) -> bool:
        """Run one step and report it; return False if it failed."""
        if step.skipped:
            self._report("skipped", step.name, 0.0, [step.skipped])
            return True
        log = LOGS / (re.sub(r"[^\w.]+", "-", step.name) + ".log")
        start = time.monotonic()
        with log.open("wb") as output:
            status = self.execute(step, output.fileno())
        seconds = time.monotonic() - start
        text = log.read_text(encoding="utf-8", errors="replace").splitlines()
        if status:
            self.failed.append(step.name)
            told = [line for line in text if not _CHATTER.match(line)]
            told.append(f"exit status {status}: {_words(step.command)}")
            self._reasons[step.name] = told[-_REASON_LINES:]
            self._report("FAILED", step.name, seconds, told)
        else:
            notable = dict.fromkeys(line.strip() for line in text if _NOTABLE.search(line))
            self._report("ok", step.name, seconds, list(notable))
        return not status

    def run_lanes(self, *lanes: Sequence[Step]) -> None:
        """Run several lists of steps side by side, each list in its order."""
        with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
            try:
                for done in [pool.submit(self._run_lane, lane) for lane in lanes]:
                    done.result()
            except KeyboardInterrupt:
                self.stop()
                raise

    def _run_lane(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.run(step)

    def run_live(self, step: Step) -> bool:
        """Run one step with its output going straight to the terminal."""
        print(f"=== {step.name}", flush=True)
        status = self.execute(step)
        if status:
            self.failed.append(step.name)
        return not status

    def stop(self) -> None:
        """Interrupt everything that is still running; after ten seconds, kill the rest with their children."""
        self._stopped = True
        running = [process for process in self._running if process.poll() is None]
        for process in running:
            os.killpg(process.pid, signal.SIGINT)
        deadline = time.monotonic() + 10
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Show again how failed steps ended, and name them; return the exit status of the whole run."""
        for name, lines in self._reasons.items():
            print(f"=== the end of {name}", *lines, sep="\n      ")
        if self.failed:
            print(f"=== FAILED: {', '.join(self.failed)}", flush=True)
        return int(bool(self.failed))

    def execute(self, step: Step, output: int | None = None) -> int:
        """Run one step's command and return its exit status; output goes to that file descriptor or to the terminal."""
        if self._stopped:
            return 130
        process = subprocess.Popen(
            [str(word) for word in step.command],
            cwd=step.cwd,
            env=step.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.add(process)
        try:
            return process.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            self._running.discard(process)

    def _report(self, verdict: str, name: str, seconds: float, lines: Sequence[str]) -> None:
        with self._print:
            print(f"=== {verdict:7} {seconds:6.1f} s  {name}")
            for line in lines:
                print(f"      {line}")
            print(end="", flush=True)


def _words(command: Sequence[str | Path]) -> str:
    return " ".join(map(str, command))
