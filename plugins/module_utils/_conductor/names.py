# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks a user means: execution ids, or reference names in a workflow.

Modules leave these checks to this file, since Ansible's own take a null for a value, and blame another option then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from .._errors import USAGE, ApiError

# Fixed names below /api/tasks/ (conductor 1), and what a path would swallow: none can be an id.
_RESERVED = frozenset(("poll", "queue", "search", "search-v2", "update-v2", "externalstoragelocation", "", ".", ".."))
# No path of Conductor's takes these, however they are written: its web server refuses the request.
_NEVER_IN_PATHS = re.compile(r"[/\\\x00-\x1f\x7f]")
# Orkes' ids are UUIDs with something in front; far more is the content of a variable, not an id.
_LONGEST = 255
# Ansible makes this text of a null that stands in a list.
_NULL = "None"


class Named(NamedTuple):
    """Either ids, or names in a workflow; each once, in the order given."""

    task_ids: list[str]
    workflow_id: str
    references: list[str]


def named(params: Mapping[str, Any]) -> Named:
    """What the parameters task_id, workflow_id and task_reference_name name; null stands for not given.

    :raises ApiError: kind usage, for anything else than one of the two ways, each part of it with a value.
    """
    task_id, workflow_id, reference = (params[name] for name in ("task_id", "workflow_id", "task_reference_name"))
    if task_id is not None and (workflow_id is not None or reference is not None):
        raise ApiError(
            USAGE,
            "task_id cannot be combined with workflow_id or task_reference_name.",
            hint="Set either task_id, or both workflow_id and task_reference_name.",
        )
    if task_id is not None:
        ids = _each(task_id, "task_id")
        for each in ids:
            segment(each, "task_id")
        return Named(ids, "", [])
    if workflow_id is None and reference is None:
        raise ApiError(
            USAGE,
            "No task was given: one of the following is required: task_id, workflow_id.",
            hint="Set task_id, or workflow_id and task_reference_name.",
        )
    if workflow_id is None or reference is None:
        missing, given = "workflow_id", "task_reference_name"
        if reference is None:
            missing, given = given, missing
        raise ApiError(
            USAGE, f"{missing} is missing, but {given} requires it.", hint="Set both. Together they identify a task."
        )
    (workflow,) = _each(workflow_id, "workflow_id")
    segment(workflow, "workflow_id")
    return Named([], workflow, _each(reference, "task_reference_name"))


def segment(given: str, option: str) -> str:
    """A user's id as one segment of a path. Ids need not be UUIDs (conductor 1).

    :raises ApiError: kind usage, when it cannot be an id.
    """
    text = given.strip()
    if text.lower() in _RESERVED or _NEVER_IN_PATHS.search(text) or len(text) > _LONGEST:
        shown = f"{text[:40]}..." if len(text) > _LONGEST else given
        raise ApiError(USAGE, f"{option} {shown!r} is not an ID.", hint="Use the execution ID that Conductor shows.")
    return quote(text, safe="")


def _each(given: Any, option: str) -> list[str]:
    """The values of an option that is a text or a list of texts.

    :raises ApiError: kind usage, when there is none, or an empty one: nothing to wait for would pass every gate.
    """
    values = [given] if isinstance(given, str) else list(given)
    if not values:
        raise ApiError(USAGE, f"{option} is an empty list, so it does not select a task.", hint="Give at least one.")
    texts = ["" if value is None else str(value).strip() for value in values]
    if "" in texts or _NULL in texts:
        place = next(number for number, text in enumerate(texts, 1) if text in ("", _NULL))
        where = f"Entry {place} of {option}" if len(texts) > 1 else option
        raise ApiError(
            USAGE,
            f"{where} is {'empty' if texts[place - 1] == '' else 'null'}.",
            hint="Check where the value comes from. It may be an empty variable or the result of a skipped task.",
        )
    return list(dict.fromkeys(texts))
