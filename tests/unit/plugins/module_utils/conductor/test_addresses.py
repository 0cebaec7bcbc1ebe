"""Addresses and ids: what is accepted, and what a path is made of."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.client import ConductorClient, base_url
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.names import segment
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:8080", "http://localhost:8080/api/"),
        ("http://localhost:8080/api", "http://localhost:8080/api/"),
        (" https://c.example.com/api/ ", "https://c.example.com/api/"),
        ("https://c.example.com/", "https://c.example.com/api/"),
        ("https://c.example.com/conductor/api", "https://c.example.com/conductor/api/"),
        ("https://c.example.com/conductor", "https://c.example.com/conductor/api/"),
        ("https://[::1]:8443/api", "https://[::1]:8443/api/"),
    ],
)
def test_the_address_may_end_with_api_or_not(given: str, expected: str) -> None:
    assert base_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        None,
        "localhost:8080",
        "c.example.com",
        "ftp://c.example.com",
        "https://",
        "https://user:secret@c.example.com",
        "https://c.example.com/api?x=1",
        "https://c.example.com/#/workflows",
        "https://c.example.com:99999",
        "https://[::1",
    ],
)
def test_what_is_no_address(given: Any) -> None:
    with pytest.raises(ApiError) as caught:
        base_url(given)
    assert caught.value.kind == "usage"
    assert "secret" not in caught.value.sentence()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0c658ed7-becd-11ef-a89d-86a819bd92bf", "0c658ed7-becd-11ef-a89d-86a819bd92bf"),
        (" fd7s7da08a35-729f-11f0 ", "fd7s7da08a35-729f-11f0"),
        ("a;b?c#d%e", "a%3Bb%3Fc%23d%25e"),
        ("poll;x", "poll%3Bx"),
        ("gate\u00fc", "gate%C3%BC"),
    ],
)
def test_ids_are_encoded(given: str, expected: str) -> None:
    assert segment(given, "task_id") == expected


@pytest.mark.parametrize(
    "given",
    ["", "  ", ".", "..", "poll", "Poll", "queue", "search", "search-v2", "update-v2", "externalstoragelocation"],
)
def test_what_is_no_id(given: str) -> None:
    with pytest.raises(ApiError) as caught:
        segment(given, "task_id")
    assert caught.value.kind == "usage"


def client(**options: Any) -> ConductorClient:
    params = {name: spec.get("default") for name, (spec, _environment) in CONDUCTOR_CONNECTION.items()}
    return ConductorClient.from_params(dict(params, server_url="https://c.example.com", **options))


@pytest.mark.parametrize(
    "options",
    [{"auth_key": "k"}, {"auth_secret": "s"}, {"auth_token": "line\nbreak"}, {"auth_token": "t\u00f6ken"}],
)
def test_credentials_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        client(**options)
    assert caught.value.kind == "usage"


def test_credentials_in_the_clear_are_warned_about() -> None:
    params = {name: spec.get("default") for name, (spec, _environment) in CONDUCTOR_CONNECTION.items()}
    plain = ConductorClient.from_params(dict(params, server_url="http://localhost:8080"))
    assert plain.warnings == []
    with_key = ConductorClient.from_params(dict(params, server_url="http://localhost:8080", auth_token="t"))
    assert "unencrypted" in with_key.warnings[0]
    assert client(auth_token="t").warnings == []
