"""Callback plugin: one line of JSON for each task result, in the file that E2E_RECORD names."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Writes what a registered variable would hold, and how the task ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write the result of a task that went well."""
        self._write(result, False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Write the result of a task that failed."""
        self._write(result, True)

    def _write(self, result: Any, failed: bool) -> None:
        shown = {key: value for key, value in result._result.items() if not key.startswith(("_ansible", "invocation"))}
        row = {"changed": False, **shown, "failed": failed, "task": result._task.get_name()}
        with open(os.environ["E2E_RECORD"], "a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")
