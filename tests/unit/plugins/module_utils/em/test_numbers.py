"""How many machines the objects of a job stand for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.numbers import members


def computer(name: str, group: str | None = None, server: str = "vbr01", identifier: str | None = None) -> Any:
    return {"id": identifier or name, "name": name, "protection_group": group, "backup_server": server}


KNOWN = [
    computer("web01", "Web"),
    computer("web02", "Web"),
    computer("sql01", "SQL"),
    computer("sql01", "Production"),
    computer("alone"),
]


@pytest.mark.parametrize(
    ("objects", "number"),
    [
        (["alone"], 1),
        (["WEB01"], 1),
        (["Web"], 2),
        (["web"], 2),
        (["SQL", "Production"], 1),
        (["Web", "web01"], 2),
        (["Web", "alone", "SQL"], 4),
        (["unknown"], None),
        (["Web", "unknown"], None),
    ],
)
def test_computers_and_groups(objects: list[Any], number: int | None) -> None:
    assert members([{"name": name} for name in objects], KNOWN) == number


def test_a_name_of_both_a_group_and_a_computer_tells_nothing() -> None:
    assert members([{"name": "web"}], [computer("web"), computer("a", "Web")]) is None


def test_a_name_on_two_backup_servers_tells_nothing() -> None:
    both = [computer("web01", "Web", "vbr01", "1"), computer("web01", "Web", "vbr02", "2")]
    assert members([{"name": "Web"}], both) is None
