"""Connection options where no Ansible completes them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._plugin import connection

ENVIRON = {"VEEAM_EM_HOST": "em", "VEEAM_EM_PORT": "9399", "VEEAM_EM_VALIDATE_CERTS": "no", "HOME": "/home/x"}


def test_given_then_environment_then_default() -> None:
    options = connection({"port": 1234, "retries": None}, ENVIRON)
    assert list(options) == list(EM_CONNECTION)
    assert (options["host"], options["port"], options["retries"]) == ("em", 1234, 3)
    assert (options["validate_certs"], options["request_timeout"], options["username"]) == (False, 30.0, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"port": "9400"}, ("port", 9400)),
        ({"request_timeout": 5}, ("request_timeout", 5.0)),
        ({"validate_certs": True}, ("validate_certs", True)),
        ({"validate_certs": "True"}, ("validate_certs", True)),
        ({"password": 1234}, ("password", "1234")),
        ({"password": "{{ x }}"}, ("password", "{{ x }}")),
        ({"api_format": "xml"}, ("api_format", "xml")),
    ],
)
def test_types(given: dict[str, Any], expected: tuple[str, Any]) -> None:
    assert connection(given, ENVIRON)[expected[0]] == expected[1]


@pytest.mark.parametrize(
    "given",
    [
        {"port": "secret"},
        {"retries": 1.5},
        {"validate_certs": "secret"},
        {"password": {"secret": 1}},
        {"api_format": "secret"},
        {"request_timeout": ["secret"]},
    ],
    ids=str,
)
def test_wrong_types_are_told_without_the_value(given: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as failure:
        connection(given, ENVIRON)
    assert failure.value.kind == "usage"
    assert next(iter(given)) in failure.value.message
    assert "secret" not in failure.value.sentence()


def test_host_is_required() -> None:
    with pytest.raises(ApiError, match="host is missing") as failure:
        connection({}, {})
    assert "VEEAM_EM_HOST" in str(failure.value.hint)
