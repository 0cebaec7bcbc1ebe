"""What differs between the generations (em_rest 1, 14 and 15)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

NOTHING = "query?type=BackupJobSession&format=Entities&filter=Name==Nobody"


@pytest.fixture
def body(simulate: Callable[..., Any], connect: Callable[..., Any]) -> Callable[..., bytes]:
    """Get the raw body of a path from a server of a profile."""

    def read(profile: str, path: str, settings: dict[str, Any] | None = None) -> bytes:
        client = connect(simulate(api_profile=profile, settings=settings)).log_on()
        return client.send("GET", f"/api/{path}").content

    return read


def test_byte_order_mark_of_old_servers(body: Callable[..., bytes]) -> None:
    assert body("v95u4", "agents/jobs").startswith(b"\xef\xbb\xbf{")
    assert body("v10", "agents/jobs").startswith(b"{")


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("v95u4", {"Entities": {"BackupJobSessions": {"BackupJobSessions": []}}}),
        ("v12", {"Refs": None, "Resources": None, "Links": None}),
        ("v13", {"refs": None, "resources": None, "links": None}),
    ],
)
def test_nulls_and_empty_lists(body: Callable[..., bytes], profile: str, expected: dict[str, Any]) -> None:
    result = json.loads(body(profile, NOTHING).decode("utf-8-sig"))
    del result["pagingInfo" if profile == "v13" else "PagingInfo"]
    if profile == "v95u4":
        assert result == expected
        return
    entities = result.pop("entities" if profile == "v13" else "Entities")
    assert result == expected
    key = "backupJobSessions" if profile == "v13" else "BackupJobSessions"
    assert entities[key] == (None if profile == "v13" else {key: None})


@pytest.mark.parametrize(
    ("choice", "expected"), [("brackets", {"Refs": []}), ("null", {"Refs": None}), ("no_wrapper", {})]
)
def test_empty_collections_as_chosen(body: Callable[..., bytes], choice: str, expected: dict[str, Any]) -> None:
    settings = {"empty_lists": choice, "history_days": 0.0001}
    assert json.loads(body("v12", "backupSessions", settings)) == expected


def test_camel_case_of_v13(body: Callable[..., bytes]) -> None:
    session = json.loads(body("v13", "backupSessions?format=Entity"))["backupJobSessions"][0]
    assert {"uid", "jobUid", "creationTimeUTC", "endTimeUTC", "isRetry", "links", "href", "type"} <= set(session)
    assert "." in session["name"] or session["creationTimeUTC"].count(".") == 0
    nas = json.loads(body("v13", "query?type=NasJob&format=Entities"))
    assert len(nas["entities"]["nasJobs"]["nasJobs"]) == 1


def test_absent_members(body: Callable[..., bytes]) -> None:
    links = json.loads(body("v95u4", "agents/jobs").decode("utf-8-sig"))["Refs"][0]["Links"]
    assert any("Name" not in link for link in links)
    links = json.loads(body("v12", "agents/jobs"))["Refs"][0]["Links"]
    assert all(set(link) == {"Rel", "Href", "Name", "Type"} for link in links)


def test_xml_is_the_same_everywhere(simulate: Callable[..., Any], connect: Callable[..., Any]) -> None:
    texts = {
        connect(simulate(api_profile=profile), accept="application/xml").log_on().send("GET", "/api/agents/jobs").text
        for profile in ("v95u4", "v10", "v12", "v13")
    }
    assert len(texts) == 1
