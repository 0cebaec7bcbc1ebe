# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only exception family of the collection, and its only form in a result."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Mapping
from typing import Any

AUTHENTICATION = "authentication"
AUTHORIZATION = "authorization"
NOT_FOUND = "not_found"
AMBIGUOUS = "ambiguous"
CONFLICT = "conflict"
REJECTED = "rejected"
TIMEOUT = "timeout"
CONNECTION = "connection"
TLS = "tls"
PROTOCOL = "protocol"
SERVER = "server"
USAGE = "usage"

KINDS = frozenset(
    (
        AUTHENTICATION,
        AUTHORIZATION,
        NOT_FOUND,
        AMBIGUOUS,
        CONFLICT,
        REJECTED,
        TIMEOUT,
        CONNECTION,
        TLS,
        PROTOCOL,
        SERVER,
        USAGE,
    )
)

BUG_HINT = "This is a bug in backupops.veeam_em. Please report it with this message."


class ApiError(Exception):
    """Anything that stops a module.

    :param kind: one of KINDS.
    :param message: what happened, and to which object.
    :param hint: what the user can do next.
    :param http_status: status code of the answer, None when there was none.
    :param em_message: the server's own message, None if it sent none.
    :param method: HTTP method of the request.
    :param path: path of the request, without host and query: neither headers nor credentials.
    :param retryable: True if the same call may succeed a little later.
    :param outcome_unknown: True when a write may have taken effect although it failed.
    :param learnt: everything that was found out before the failure; merged into the module's result.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        hint: str,
        http_status: int | None = None,
        em_message: str | None = None,
        method: str | None = None,
        path: str | None = None,
        retryable: bool = False,
        outcome_unknown: bool = False,
        retry_after: float | None = None,
        learnt: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.http_status = http_status
        self.em_message = em_message
        self.method = method
        self.path = path
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.retry_after = retry_after
        self.learnt: dict[str, Any] = learnt or {}

    def as_dict(self) -> dict[str, Any]:
        """The `error` member of a failed result."""
        return {
            "kind": self.kind,
            "http_status": self.http_status,
            "em_message": self.em_message,
            "method": self.method,
            "path": self.path,
            "retryable": self.retryable,
            "hint": self.hint,
        }

    def restated(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        kind: str | None = None,
        learnt: dict[str, Any] | None = None,
        retryable: bool | None = None,
        em_message: str | None = None,
    ) -> ApiError:
        """The same failure with a new message or hint; what is not given stays unchanged."""
        result = ApiError(self.kind, message or self.message, hint=hint or self.hint)
        vars(result).update(vars(self), message=result.message, hint=result.hint)
        result.kind = kind or self.kind
        result.em_message = em_message or self.em_message
        result.learnt = learnt or self.learnt
        result.retryable = self.retryable if retryable is None else retryable
        return result

    def sentence(self) -> str:
        """Message and hint as one text: the `msg` of a failed result."""
        return f"{self.message} {self.hint}"


class Interrupted(Exception):
    """SIGINT or SIGTERM arrived; carries the signal's name."""


def library_missing(problems: Mapping[str, str | None]) -> ApiError | None:
    """The error for Python libraries that are not installed, with the command that installs them for this Python.

    :param problems: library -> the traceback of its import, None if that succeeded.
    :returns: None if all are installed.
    """
    libraries = [library for library, problem in problems.items() if problem]
    if not libraries:
        return None
    python = sys.executable
    what, them = ("library {} is", "it") if len(libraries) == 1 else ("libraries {} are", "them")
    return ApiError(
        USAGE,
        f"The Python {what.format(' and '.join(libraries))} not installed for {python}.",
        hint=f"Install {them} for exactly this interpreter: {shlex.quote(python)} -m pip install {' '.join(libraries)}",
    )


def option_missing(name: str, variable: str | None) -> ApiError:
    """The error for a required option that is not set; names the environment variable that can replace it."""
    return ApiError(
        USAGE,
        f"{name} is missing.",
        hint=f"Set {name}, or set the environment variable {variable}." if variable else f"Set {name}.",
    )


def keep(stop: Exception, learnt: dict[str, Any]) -> None:
    """Attach what was found out before a failure of any kind; values that the failure already carries win."""
    stop.learnt = dict(learnt, **learnt_by(stop))  # type: ignore[attr-defined]


def learnt_by(stop: Exception) -> dict[str, Any]:
    """What a failure carries; merged into the module's result."""
    return getattr(stop, "learnt", {})


def as_error(problem: Exception) -> ApiError:
    """Any failure as an ApiError: whatever the server answers, the user gets a readable message."""
    if isinstance(problem, ApiError):
        return problem
    if isinstance(problem, Interrupted):
        # The closest kind: as with a timeout, the module ended before it knew the outcome.
        learnt = learnt_by(problem)
        sessions = [*learnt.get("sessions", ()), *(row.get("session") for row in learnt.get("jobs", ()))]
        running = [each["id"] for each in sessions if each and each["running"]]
        what = "runs"
        resume = "Run the playbook again. It joins the runs that are still in progress."
        if "tasks" in learnt:
            what, resume = "tasks", "Run the playbook again to continue waiting."
        elif running:
            resume = (
                f"Wait for them with veeam_em_job_session_wait, id: [{', '.join(running)}], or run the playbook again."
            )
        return ApiError(
            TIMEOUT,
            f"Interrupted by {problem}. The {what} continue on the server. Nothing was stopped.",
            hint=resume,
            retryable=True,
        )
    place = traceback.extract_tb(problem.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}, {place.name}, line {place.lineno}"
    return ApiError(
        PROTOCOL,
        f"A response from the server caused an unexpected error ({type(problem).__name__} in {where}).",
        hint=BUG_HINT,
    )
