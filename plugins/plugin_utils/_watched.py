# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as usual, and shows its progress while it waits."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ..module_utils._errors import USAGE, ApiError
from ..module_utils._progress import CHANNEL, shortened
from ..module_utils._text import clean

# How often to look for new lines, in seconds.
LOOK_EVERY = 0.2
# With these strategies, a job would be started once for each host.
ONCE_IN_VAIN = ApiError(
    USAGE,
    "run_once has no effect with the strategies free and host_pinned: the jobs would be started once for each host, so "
    "nothing was started.",
    hint="Use strategy: linear in this play, or put the backup in a separate play.",
)

display = Display()


def failure(error: ApiError) -> dict[str, Any]:
    """The result of a task that fails before its module runs."""
    return {"failed": True, "msg": error.sentence(), "error": error.as_dict()}


class WatchedAction(NormalAction):
    """The action of the modules that wait."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module. Its environment names its channel; everything else is the same as without this plugin."""
        several = len((task_vars or {}).get("ansible_play_hosts_all") or ()) > 1
        if several and self._is_once_in_vain():
            return failure(ONCE_IN_VAIN)
        if not self._is_watched():
            return super().run(tmp, task_vars)
        host = str((task_vars or {}).get("inventory_hostname") or "")
        with _channel(f"[{clean(host)}] " if several and host else "") as (path, show):
            self._task.environment = [*(self._task.environment or ()), {CHANNEL: path}]
            result: dict[str, Any] = super().run(tmp, task_vars)
            show()
            if result.get("summary") and not self._task.check_mode:
                for line in _summary(result):
                    display.display(f"  {clean(line)}")
        return result

    def _is_once_in_vain(self) -> bool:
        """Whether a strategy that ignores run_once would start jobs once for each host."""
        strategy = str(self._task.get_play().strategy)
        return bool(self._starts() and self._task.run_once and strategy.endswith(("free", "host_pinned")))

    def _starts(self) -> bool:
        """Whether the module may start jobs."""
        return self._task.args.get("state") in ("started", "retried")

    def _is_watched(self) -> bool:
        """Whether output is shown to somebody, and the module can write to this computer."""
        shown = boolean(self._task.args.get("progress", True), strict=False)
        if not shown or self._task.no_log or self._task.async_val:
            return False
        if self._connection.transport != "local":
            display.v("The module does not run on the controller: its progress is not shown.")
            return False
        return True


def _summary(result: Mapping[str, Any]) -> list[str]:
    """The lines of the summary to show."""
    machines = result.get("machines") or ()
    parts = {"machines": "machines", "sessions": "sessions[].machines", "tasks": "tasks"}
    jobs = "jobs[].machines" if any("machines" in each for each in result.get("jobs") or ()) else "jobs"
    where = next((text for name, text in parts.items() if name in result), jobs)
    return shortened(str(result["summary"]), where, [str(each["verdict"]) for each in machines])


@contextmanager
def _channel(prefix: str) -> Iterator[tuple[str, Any]]:
    """A private file that is followed until the end; yields its path, and a function that shows the rest of it."""
    handle, path = tempfile.mkstemp(prefix="veeam_em_", dir=constants.DEFAULT_LOCAL_TMP)
    over = threading.Event()
    try:
        with os.fdopen(handle, "rb") as channel:
            follower = threading.Thread(target=_follow, args=(channel, over, prefix), daemon=True)
            follower.start()

            def finish() -> None:
                over.set()
                follower.join()

            try:
                yield path, finish
            finally:
                finish()
    finally:
        # A module that opened the file has removed it.
        with suppress(FileNotFoundError):
            os.unlink(path)


def _follow(channel: Any, over: threading.Event, prefix: str) -> None:
    rest = b""
    last = False
    while not last:
        # Lines that were written just before the end are read after it.
        last = over.wait(LOOK_EVERY)
        *whole, rest = (rest + channel.read()).split(b"\n")
        for block in whole:
            try:
                lines = [(clean(str(text)), bool(bad)) for text, bad in json.loads(block)]
            except (ValueError, TypeError):
                continue
            for text, bad in lines:
                display.display(f"{prefix}{text}", color=constants.COLOR_ERROR if bad else None)
