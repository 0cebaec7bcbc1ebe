# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out which tasks a user means: by execution ids, or by reference names in a workflow.

Modules use these checks instead of Ansible's, which treat null as a value and then blame another option.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from .._errors import USAGE, ApiError

# Fixed names under /api/tasks/ (conductor 1), and path segments with a special meaning: none can be an id.
_RESERVED = frozenset(("poll", "queue", "search", "search-v2", "update-v2", "externalstoragelocation", "", ".", ".."))
# Conductor's web server rejects these in any path, however they are encoded.
_NEVER_IN_PATHS = re.compile(r"[/\\\x00-\x1f\x7f]")
# Orkes' ids are UUIDs with a prefix; a much longer text is the content of a variable, not an id.
_LONGEST = 255
# What Ansible makes of values that are not texts: a null in a list, and an empty list where one name is expected.
_NOTHING = {"": "empty", "None": "null", "[]": "an empty list"}


class Named(NamedTuple):
    """Either ids, or names in a workflow; each once, in the order given."""

    task_ids: list[str]
    workflow_id: str
    references: list[str]


def named(params: Mapping[str, Any]) -> Named:
    """The tasks that the parameters task_id, workflow_id and task_reference_name name; null means not given.

    :raises ApiError: kind usage, unless exactly one of the two ways is used, with all of its values.
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

    :raises ApiError: kind usage, if it cannot be an id.
    """
    text = given.strip()
    collection = text.startswith(("[", "{"))
    if text.lower() in _RESERVED or _NEVER_IN_PATHS.search(text) or len(text) > _LONGEST or collection:
        shown = f"{text[:40]}..." if len(text) > _LONGEST else given
        raise ApiError(USAGE, f"{option} {shown!r} is not an ID.", hint="Use the execution ID that Conductor shows.")
    return quote(text, safe="")


def _each(given: Any, option: str) -> list[str]:
    """The values of an option that is a text or a list of texts.

    :raises ApiError: kind usage, if there is none or an empty one: an empty list would pass every gate.
    """
    values = [given] if isinstance(given, str) else list(given)
    if not values:
        raise ApiError(USAGE, f"{option} is an empty list, so it does not select a task.", hint="Give at least one.")
    texts = ["" if value is None else str(value).strip() for value in values]
    place = next((number for number, text in enumerate(texts, 1) if text in _NOTHING), 0)
    if place:
        where = f"Entry {place} of {option}" if len(texts) > 1 else option
        raise ApiError(
            USAGE,
            f"{where} is {_NOTHING[texts[place - 1]]}.",
            hint="Check where the value comes from. It may be an empty variable or the result of a skipped task.",
        )
    return list(dict.fromkeys(texts))
