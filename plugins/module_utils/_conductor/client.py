# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed calls to Conductor. Nothing here waits, decides or polls: polling would take the task (conductor 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .._errors import NOT_FOUND, PROTOCOL, USAGE, ApiError
from .._http import HttpOptions
from .._progress import UNSEEN, Progress
from .._wait import SYSTEM_CLOCK, Clock
from .model import Record, Workflow, misshapen, task
from .names import segment
from .session import ConductorSession, Credentials, usable_token


class ConductorClient:
    """Conductor as a set of calls; a context manager.

    :ivar debug_lines: details that help to understand a slow or odd answer.
    :ivar progress: code that waits reports progress to it.
    """

    progress: Progress = UNSEEN

    def __init__(self, session: ConductorSession) -> None:
        self.session = session
        self.debug_lines: list[str] = []

    @classmethod
    def from_params(
        cls, params: Mapping[str, Any], read_only: bool = False, clock: Clock = SYSTEM_CLOCK
    ) -> ConductorClient:
        """A client from connection options (the table CONDUCTOR_CONNECTION).

        :raises ApiError: kind usage, when the options are invalid.
        """
        options = HttpOptions.from_params(base_url(params["server_url"]), params)
        key, secret, token = params["auth_key"], params["auth_secret"], (params["auth_token"] or "").strip()
        if bool(key) != bool(secret):
            raise ApiError(
                USAGE,
                "auth_key and auth_secret belong together, but only one of them is set.",
                hint="Set both, or neither.",
            )
        if token and not usable_token(token):
            raise ApiError(
                USAGE,
                "auth_token contains characters that are not allowed in a token.",
                hint="Check it for line breaks, leading or trailing spaces, and non-ASCII characters.",
            )
        client = cls(ConductorSession(options, Credentials(key, secret, token), read_only=read_only, clock=clock))
        if (key or token) and options.base_url.startswith("http:"):
            client.warn(
                "The credentials are sent over an unencrypted connection, because server_url starts with "
                "http. Use https."
            )
        return client

    @property
    def warnings(self) -> list[str]:
        """Warnings for the user."""
        return self.session.warnings

    def warn(self, text: str) -> None:
        """Warn the user, but only once."""
        if text not in self.session.warnings:
            self.session.warnings.append(text)

    def __enter__(self) -> ConductorClient:
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.session.close()

    def task(self, task_id: str) -> Record:
        """One attempt of one task.

        :raises ApiError: kind not_found, in whichever of the four ways the server says so (conductor 1.1).
        """
        path = "tasks/" + segment(task_id, "task_id")
        return task(_object(self.session.read(path), path, "task", "taskId"))

    def workflow(self, workflow_id: str) -> Workflow:
        """A workflow with all its tasks.

        :raises ApiError: kind not_found.
        """
        path = "workflow/" + segment(workflow_id, "workflow_id")
        return Workflow(_object(self.session.read(path, {"includeTasks": "true"}), path, "workflow", "workflowId"))

    def update(self, result: Mapping[str, Any]) -> None:
        """POST a TaskResult. An accepted update may still have no effect (conductor 5.1).

        :raises ApiError: `outcome_unknown` is set when the update may have taken effect.
        """
        answer = self.session.write("tasks", result).strip().strip('"')
        if answer not in ("", result["taskId"]):
            raise ApiError(
                PROTOCOL,
                "The response to POST tasks is not the ID of the task.",
                hint="Check server_url. A service other than the Conductor API may have answered.",
                outcome_unknown=True,
                method="POST",
                path="tasks",
            )


def base_url(server_url: str | None) -> str:
    """A server's address, with or without /api, as the API's base address.

    :raises ApiError: kind usage.
    """
    text = (server_url or "").strip()
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment or "@" in parts.netloc or " " in text:
        raise ApiError(
            USAGE,
            "server_url is not a valid server address.",
            hint="Use a URL such as https://conductor.example.com/api or http://localhost:8080, without a user, a "
            "query or a fragment.",
        )
    path = parts.path.rstrip("/")
    if path.endswith("/api"):
        path = path[: -len("/api")]
    return f"{parts.scheme}://{parts.netloc}{path}/api/"


def _object(answer: Any, path: str, what: str, id_field: str) -> dict[str, Any]:
    """The answer, if it is the requested object."""
    about: dict[str, Any] = {"method": "GET", "path": path}
    if answer is None:
        raise ApiError(
            NOT_FOUND,
            f"Conductor does not know a {what} at {path}: the response is empty.",
            hint="Check the ID, and whether the task or workflow was removed or has expired.",
            **about,
        )
    wrong = misshapen(answer, id_field)
    if wrong is not None:
        raise ApiError(
            PROTOCOL,
            f"The response to GET {path} is not a {what}{wrong}.",
            hint="Check server_url. A service other than the Conductor API may have answered.",
            **about,
        )
    return answer
