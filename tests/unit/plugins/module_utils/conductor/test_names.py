"""Which tasks are named: nothing is ever taken for "nothing to wait for"."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.names import named
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError


def params(task_id: Any = None, workflow_id: Any = None, reference: Any = None) -> dict[str, Any]:
    return {"task_id": task_id, "workflow_id": workflow_id, "task_reference_name": reference}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (params(["b", " a ", "b"]), (["b", "a"], "", [])),
        (params("b"), (["b"], "", [])),
        (params(None, " w ", ["gate", "gate"]), ([], "w", ["gate"])),
        (params(None, "w", "gate"), ([], "w", ["gate"])),
        (params(None, "x" * 255, ["a/b", "c,d"]), ([], "x" * 255, ["a/b", "c,d"])),
    ],
)
def test_what_is_named(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert tuple(named(given)) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (params(), "one of the following is required: task_id, workflow_id"),
        (params([]), "task_id is an empty list"),
        (params([""]), "task_id is empty"),
        (params("  "), "task_id is empty"),
        (params(["", "a"]), "Entry 1 of task_id is empty"),
        (params(["a", "b", " "]), "Entry 3 of task_id is empty"),
        (params(["a", None]), "Entry 2 of task_id is empty"),
        # So Ansible passes on a null in a list of texts.
        (params(["a", "None"]), "Entry 2 of task_id is null"),
        (params(["poll"]), "task_id 'poll' is not an ID"),
        (params(["a"], "w"), "cannot be combined"),
        (params(["a"], None, ["gate"]), "cannot be combined"),
        (params(None, "w"), "task_reference_name is missing"),
        (params(None, None, ["gate"]), "workflow_id is missing"),
        (params(None, "", ["gate"]), "workflow_id is empty"),
        (params(None, "  ", ["gate"]), "workflow_id is empty"),
        (params(None, "None", ["gate"]), "workflow_id is null"),
        (params(None, "..", ["gate"]), "workflow_id '..' is not an ID"),
        (params(["a/b"]), "task_id 'a/b' is not an ID"),
        (params(["a\\b"]), "task_id 'a\\\\b' is not an ID"),
        (params(None, "a\x00b", ["gate"]), "workflow_id 'a\\x00b' is not an ID"),
        (params(["x" * 256]), f"task_id '{'x' * 40}...' is not an ID"),
        (params(None, "w", []), "task_reference_name is an empty list"),
        (params(None, "w", ""), "task_reference_name is empty"),
        (params(None, "w", ["gate", ""]), "Entry 2 of task_reference_name is empty"),
    ],
)
def test_what_names_nothing(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError) as caught:
        named(given)
    assert caught.value.kind == "usage"
    assert words in caught.value.message
