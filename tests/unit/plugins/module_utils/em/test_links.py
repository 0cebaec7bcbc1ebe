"""Identifiers and links."""

from __future__ import annotations

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.links import (
    backup_server,
    bare_id,
    checked_id,
    id_in,
    links,
    parent_session_id,
    path_of,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import PROTOCOL, USAGE, ApiError

GUID = "0a1B2c3d-0000-4000-8000-00000000000f"


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("https://em.internal.invalid:9398/api/jobs/1?format=Entity", "jobs/1?format=Entity"),
        ("http://other:9399/api/query?type=Job&page=2", "query?type=Job&page=2"),
        ("/api/tasks", "tasks"),
    ],
)
def test_path_of_drops_the_host(href: str, path: str) -> None:
    assert path_of(href) == path


@pytest.mark.parametrize(
    "href", ["https://evil.example/other/x", "https://em/api/../admin", "jobs/1", "", "file:///etc/passwd"]
)
def test_path_of_stays_inside_the_api(href: str) -> None:
    with pytest.raises(ApiError) as caught:
        path_of(href)
    assert caught.value.kind == PROTOCOL


@pytest.mark.parametrize("given", [GUID, f"urn:veeam:Job:{GUID}", f"  {GUID} ", "task-7"])
def test_checked_id(given: str) -> None:
    assert checked_id(given) in (GUID, "task-7")


@pytest.mark.parametrize("given", ["", " ", "../jobs", "a/b", "a?b", "a b", "a%2fb", "\u0661\u0662"])
def test_checked_id_refuses_what_is_no_id(given: str) -> None:
    with pytest.raises(ApiError) as caught:
        checked_id(given)
    assert caught.value.kind == USAGE


def test_ids_are_compared_without_their_type_words() -> None:
    assert bare_id(f"urn:veeam:Job:{GUID}") == bare_id(f"urn:veeam:AgentBackupJob:{GUID.upper()}") == GUID.lower()
    assert bare_id(None) is None
    assert bare_id("") is None


def test_id_in() -> None:
    assert id_in(f"https://em/api/backupSessions/{GUID}?format=Entity") == GUID.lower()
    assert id_in(f"https://em/api/jobs?x={GUID}") is None
    assert id_in("https://em/api/jobs") is None
    assert id_in(None) is None


def test_links_are_chosen_by_relation_and_type() -> None:
    up = {"rel": "Up", "type": "BackupServerReference", "name": "vbr01"}
    other = {"rel": "Up", "type": "JobReference"}
    for order in ([up, other], [other, up]):
        assert links({"links": order}, "up", "BackupServerReference") == [up]
        assert backup_server({"links": order}) == up
    assert links({"links": up}, "Up") == [up]
    assert links({}, "Up") == []
    assert links({"links": ["odd", None]}, "Up") == []
    assert backup_server({}) == {}


def test_the_parent_of_a_session_is_another_session() -> None:
    own = {"rel": "Up", "type": "BackupJobSessionReference", "href": f"/api/backupSessions/{GUID}"}
    parent = dict(own, href="/api/backupSessions/11111111-0000-4000-8000-000000000000")
    child = {"uid": f"urn:veeam:BackupJobSession:{GUID}", "links": [own, parent]}
    assert parent_session_id(child) == "11111111-0000-4000-8000-000000000000"
    assert parent_session_id({"uid": child["uid"], "links": [own]}) is None
