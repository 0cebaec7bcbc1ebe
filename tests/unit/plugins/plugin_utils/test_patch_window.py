"""What the playbook patch_window decides, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._patch_window import (
    BEGUN,
    CHANGED,
    OUTCOME,
    VERDICT,
    full_path,
    ids_of,
    prepare,
    summary,
)

HOSTS = ["a", "b", "c"]


def prepared(tmp_path: Path, hostvars: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    change = tmp_path / "change.yml"
    change.touch()
    known = {**{host: {} for host in HOSTS}, **(hostvars or {})}
    values = {"pattern": "web", "chosen": HOSTS, "tasks": str(change), "file": "", "jobs": [], "serial": 0}
    return prepare(**{**values, "hostvars": known, **given})


@pytest.mark.parametrize(
    ("serial", "order", "size"),
    [
        (0, ["1", "a", "b", "c"], 4),
        (None, ["1", "a", "b", "c"], 4),
        ("2", ["1", "a", "b", "2", "c"], 3),
        (1, ["1", "a", "2", "b", "3", "c"], 2),
        (9, ["1", "a", "b", "c"], 10),
    ],
)
def test_each_batch_begins_with_a_member_that_stays(tmp_path: Path, serial: Any, order: list[str], size: int) -> None:
    got = prepared(tmp_path, serial=serial)
    assert [each.replace("patch_window_batch_", "") for each in got["order"]] == order
    assert got["size"] == size
    assert sum(got["batches"].values()) == len(HOSTS)
    assert list(got["batches"]) == [each for each in got["order"] if each.startswith("patch_window_batch_")]


def test_jobs_and_machines(tmp_path: Path) -> None:
    hostvars = {
        "a": {"backup_before_change_machine": "vm-a"},
        "b": {"backup_before_change_jobs": '{"b": ["B", 2024], "c": "C"}'},
    }
    got = prepared(tmp_path, hostvars)
    assert (got["names"], got["machines"], got["jobs"]) == (["B", "2024"], ["vm-a", "c"], {"b": ["B", "2024"]})
    for_all = prepared(tmp_path, hostvars, jobs="B, C", fail_on="warning")
    assert (for_all["names"], for_all["machines"]) == (["B", "C"], [])
    assert for_all["jobs"] == {host: ["B", "C"] for host in HOSTS}
    assert for_all["fail_on"] == "warning"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": "a"}, "not with --limit"),
        ({"run_tags": ["x"]}, "works as a whole: run it without --tags"),
        ({"skip_tags": ["x"]}, "works as a whole"),
        ({"pattern": ""}, "Set both variables: -e patch_window_hosts"),
        ({"tasks": ""}, "Set both variables"),
        ({"chosen": []}, r"patch_window_hosts \(web\) does not match any host"),
        ({"tasks": "/nowhere/change.yml"}, "/nowhere/change.yml .*is not a file"),
        ({"serial": "some"}, "patch_window_serial is 'some'"),
        ({"serial": -1}, "patch_window_serial is -1"),
        ({"jobs": [None]}, "patch_window_jobs is .None."),
        ({"fail_on": "never"}, "patch_window_fail_on is 'never'. Set it to failed or warning"),
        ({"valid_for": "1 h"}, "patch_window_valid_for is '1 h'"),
        ({"expires_after": -1}, "patch_window_expires_after is -1"),
        ({"expires_after": "nan"}, "patch_window_expires_after is 'nan'"),
        ({"hostvars": {"a": {}, "b": {"backup_before_change_machine": 83}, "c": {}}}, "host b is 83"),
    ],
)
def test_what_is_refused_before_anything_is_frozen(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prepared(tmp_path, **given)


def test_ids_of_the_jobs_to_freeze() -> None:
    named = {"jobs": [{"id": "1"}, {"id": "2"}]}
    protection = {"machines": [{"jobs": [{"id": "2"}, {"id": "3"}]}, {"jobs": []}]}
    assert ids_of(named, protection) == ["1", "2", "3"]
    assert ids_of({"skipped": True}, {"skipped": True}) == []


def test_the_summary() -> None:
    hostvars: dict[str, Any] = {
        "a": {OUTCOME: CHANGED, VERDICT: {"verdict": "success", "msg": "Backed up: a."}},
        "b": {OUTCOME: BEGUN, VERDICT: {"verdict": "warning", "msg": "Backed up: b."}},
        "c": {VERDICT: {"verdict": "failed", "msg": "Not backed up: c."}},
        "d": {},
        "e": {OUTCOME: CHANGED, VERDICT: {"verdict": "unprotected", "msg": "Not backed up: e."}},
        "f": {OUTCOME: BEGUN, VERDICT: {"verdict": "unprotected", "msg": "Not backed up: f."}},
    }
    lines = summary("abcd", hostvars)
    assert lines[:3] == ["a: changed", "b: backed up, but its change did not complete", "c: Not backed up: c."]
    assert lines[3].startswith("d: Not backed up and not changed")
    assert summary("ef", hostvars) == [
        "e: changed (not backed up, because no job protects it)",
        "f: its change did not complete (not backed up, because no job protects it)",
    ]
    assert summary("ab", hostvars, check=True) == ["a: would be changed", "b: its change would not complete"]


def test_paths_start_where_ansible_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert full_path("a.yml") == str(tmp_path / "a.yml")
    assert full_path("~/a.yml") == full_path("$HOME/a.yml") == "/home/me/a.yml"
