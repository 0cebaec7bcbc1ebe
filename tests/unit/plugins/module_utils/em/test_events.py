"""Events as rulebooks get them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.events import (
    event,
    event_id,
    hosts,
    inert,
    wanted_machines,
    wanted_session,
)

SESSION: Any = {"id": "s", "job_name": "A", "job_type": "Backup", "result": "Failed", "state": "Stopped"}
ALL: Any = dict.fromkeys(("job_name", "job_type", "result", "machine"))


def machines(**results: Any) -> Any:
    return [{"id": name, "name": name, "result": result} for name, result in results.items()]


def test_shape() -> None:
    mine = machines(web01="Success", db01="Failed")
    found = event("em.example.com:9398", SESSION, mine)
    assert found == {
        "veeam_em": {"session": SESSION, "machines": mine},
        "meta": {"uuid": event_id("em.example.com:9398", SESSION), "hosts": ["db01"]},
    }
    found = event("em.example.com:9398", SESSION, mine, include_machines=False)
    assert (found["veeam_em"]["machines"], found["meta"]["hosts"]) == ([], ["db01"])


def test_the_uuid_is_of_server_session_and_state() -> None:
    known = event_id("em.example.com:9398", SESSION)
    assert uuid.UUID(known).version == 5
    assert event_id("EM.example.com:9398", {**SESSION, "state": "stopped", "result": "Success"}) == known
    others = [("em2:9398", SESSION), ("em.example.com:9398", {**SESSION, "id": "t"})]
    others.append(("em.example.com:9398", {**SESSION, "state": "Hibernating"}))
    assert len({known, *(event_id(*each) for each in others)}) == 4


@pytest.mark.parametrize(
    ("result", "shown", "expected"),
    [
        ("Failed", {"a": "Success", "b": "Warning", "c": "Failed", "d": None}, ["c", "d"]),
        ("Warning", {"a": "Success", "b": "Warning"}, ["b"]),
        ("Success", {"a": "Success", "b": "Success"}, ["a", "b"]),
        # The run failed for a reason of its own.
        ("Failed", {"a": "Success"}, ["a"]),
        ("Failed", {}, []),
        # Names that are more than names, and groups that every inventory has.
        ("Failed", {"*": "Failed", "!web": "Failed", "@/etc/passwd": "Failed"}, ["_", "_web", "__etc_passwd"]),
        ("Failed", {"a,b:c": "Failed", "web[1:3]": "Failed", "~web.*": "Failed"}, ["a_b_c", "web_1_3_", "_web._"]),
        ("Failed", {"All": "Failed", "ungrouped": "Failed", "-i": "Failed"}, ["All_", "ungrouped_", "_i"]),
        ("Failed", {"web-01.example.com": "Failed", "büro": "Failed"}, ["web-01.example.com", "büro"]),
        ("Failed", {"web\U00020bb7": "Failed"}, ["web_"]),
    ],
)
def test_hosts(result: str, shown: dict[str, Any], expected: list[str]) -> None:
    assert hosts({**SESSION, "result": result}, machines(**shown)) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{{ lookup('pipe', 'id') }}", "{ { lookup('pipe', 'id') }}"),
        ("{% set x = 1 %}{# note #}", "{ % set x = 1 %}{ # note #}"),
        ("{{{{", "{ { { {"),
        ("{{%", "{ { %"),
        ("{a} b }} {", "{a} b }} {"),
        ("#jinja2:variable_start_string:'[['\n[[ 1 ]]", "# jinja2:variable_start_string:'[['\n[[ 1 ]]"),
        ("see #jinja2: in the manual", "see #jinja2: in the manual"),
        # The rule engine makes two characters of each, and then the playbook does not run.
        ("full \U0001f600 \U00020bb7 \ud83d", "full \ufffd \ufffd \ufffd"),
        ("\x1b[31mred\x9b1m\r\x00\u202e", "\ufffd[31mred\ufffd1m\ufffd\ufffd\ufffd"),
        ("b\u00fcro\t\u4e2d\r\n\ufb01", "b\u00fcro\t\u4e2d\r\n\ufb01"),
        (["{{", {"x": "{{", "n": 1, "none": None}], ["{ {", {"x": "{ {", "n": 1, "none": None}]),
    ],
)
def test_texts_are_not_templates(given: Any, expected: Any) -> None:
    assert inert(given) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"job_name": ["B", "a"]}, True),
        ({"job_name": ["B"]}, False),
        ({"job_type": ["backup"], "result": ["FAILED", "Warning"]}, True),
        ({"job_type": ["Backup"], "result": ["Success"]}, False),
        ({"machine": ["db01"]}, True),
        ({"machine": ["DB01.example.com", "x"]}, True),
        ({"machine": ["db0", "db01x"]}, False),
    ],
)
def test_filters(options: dict[str, Any], expected: bool) -> None:
    wanted = {**ALL, **options}
    mine = machines(db01="Success", web01="Failed")
    assert (wanted_session(SESSION, wanted) and wanted_machines(mine, wanted)) is expected
