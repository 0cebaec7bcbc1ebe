"""Bodies of any shape into one form."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode, members, snake
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import PROTOCOL, ApiError


def failure(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        decode(body)
    return caught.value


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("CreationTimeUTC", "creation_time_utc"),
        ("creationTimeUTC", "creation_time_utc"),
        ("UID", "uid"),
        ("uid", "uid"),
        ("NASJobs", "nas_jobs"),
        ("nasJobs", "nas_jobs"),
        ("VmDisplayName", "vm_display_name"),
        ("TimeOffsetUtc", "time_offset_utc"),
        ("RetrySpecified1", "retry_specified"),
        ("Items", "items_"),
        ("Keys", "keys_"),
        ("Values", "values_"),
        ("Update", "update_"),
    ],
)
def test_snake(key: str, expected: str) -> None:
    assert snake(key) == expected


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n ", b"\n\t "])
@pytest.mark.parametrize("body", [b'{"TaskId": "task-1"}', b"<Task><TaskId>task-1</TaskId></Task>"])
def test_a_byte_order_mark_and_blanks_before_the_body(mark: bytes, body: bytes) -> None:
    assert decode(mark + body) == {"task_id": "task-1"}


def test_numbers_booleans_and_text() -> None:
    body = b"""<BackupJobSession Name="007" UID="1"><Progress>42</Progress><IsRetry>false</IsRetry>
    <JobName>true</JobName><TotalSize>-5</TotalSize><Odd>007</Odd><Description>12</Description></BackupJobSession>"""
    assert decode(body) == {
        "name": "007",
        "uid": "1",
        "progress": 42,
        "is_retry": False,
        "job_name": "true",
        "total_size": -5,
        "odd": "007",
        "description": "12",
    }


@pytest.mark.parametrize("nothing", ["null", "[]", "{}", '""', '{"Machines": null}', '{"Machines": []}'])
def test_null_absent_and_empty_are_absent(nothing: str) -> None:
    assert decode(('{"Uid": "u", "Machines": %s}' % nothing).encode()) == {"uid": "u"}


def test_a_wrapper_of_one_list_is_that_list() -> None:
    assert decode(b'{"Includes": {"ObjectInJobs": [{"Name": "a"}]}, "Uid": "u"}')["includes"] == [{"name": "a"}]
    assert decode(b"<J UID='u'><Includes><ObjectInJob><Name>a</Name></ObjectInJob></Includes></J>")["includes"] == [
        {"name": "a"}
    ]


def test_links_alone_stay_links() -> None:
    assert decode(b'{"Links": [{"Rel": "Up"}]}') == {"links": [{"rel": "Up"}]}
    assert decode(b"<A><Links><Link Rel='Up'/></Links></A>") == {"links": [{"rel": "Up"}]}


@pytest.mark.parametrize(
    "text", ["22:00:00.0000000+01:00", "2020-02-04T22:00:00+13:00", "2019-10-23T22:00:00", "22:00:00Z"]
)
def test_a_time_of_day(text: str) -> None:
    assert decode(json.dumps({"Time": text, "Kind": "x"}).encode())["time"] == "22:00"


@pytest.mark.parametrize(
    "listed",
    [
        {"Refs": [{"UID": "a"}, {"UID": "b"}]},
        {"refs": {"refs": [{"uid": "a"}, {"uid": "b"}]}},
        {"AgentBackupJob": {"AgentBackupJobs": [{"UID": "a"}, {"UID": "b"}]}, "Jobs": None},
        {"Tasks": [{"TaskId": "a"}, {"TaskId": "b"}]},
        [{"Href": "a"}, {"Href": "b"}],
        {"LogonSessions": [{"SessionId": "a"}, {"SessionId": "b"}], "Links": [{"Rel": "Up", "Href": "x"}]},
    ],
)
def test_members_of_any_wrapper(listed: object) -> None:
    found = members(decode(json.dumps(listed).encode()))
    assert ["".join(map(str, row.values())) for row in found] == ["a", "b"]


@pytest.mark.parametrize(
    "empty", ["{}", "[]", '{"Refs": null}', '{"Refs": []}', '{"Refs": {"Refs": null}}', '{"Links": null}']
)
def test_members_of_nothing(empty: str) -> None:
    assert members(decode(empty.encode())) == []


def test_members_of_one() -> None:
    assert members(decode(b"<EntityReferences><Ref UID='a'/></EntityReferences>")) == [{"uid": "a"}]
    assert members(decode(b"<BackupJobSessions><BackupJobSession UID='a'/></BackupJobSessions>")) == [{"uid": "a"}]
    assert members(decode(b"<BackupJobSessions/>")) == []


def test_a_lone_surrogate_can_be_written_out() -> None:
    decode(b'{"Name": "a\\ud800b", "UID": "u"}')["name"].encode("utf-8")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"\xef\xbb\xbf",
        b"<!DOCTYPE html><html><body>Gateway</body></html>",
        b"<HTML><body/></HTML>",
        b"Service unavailable",
        b'{"TaskId": "task-1"',
        b"[" * 150 + b"]" * 150,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"<a>" * 120000 + b"</a>" * 120000,
        b"<a>" * 120000,
        b"<Task><TaskId>task-1</Task>",
        b"<Task",
        b"<Task>&undefined;</Task>",
        b'"just a text"',
    ],
)
def test_damage_is_a_protocol_error(body: bytes) -> None:
    error = failure(body)
    assert (error.kind, error.retryable) == (PROTOCOL, True)
    assert error.hint


def test_entities_are_not_expanded() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE Task [<!ENTITY e0 "lol">{levels}]><Task><Message>&e9;</Message></Task>'
    external = '<!DOCTYPE Task [<!ENTITY x SYSTEM "file:///etc/passwd">]><Task><Message>&x;</Message></Task>'
    begun = time.monotonic()
    for body in (bomb, external):
        assert failure(body.encode()).kind == PROTOCOL
    assert time.monotonic() - begun < 2


def test_the_five_entities_of_xml_are_text() -> None:
    assert (
        decode(b"<T UID='u'><Message>&lt;a&gt; &amp; &quot;b&quot; &#39;c&#x2F;</Message></T>")["message"]
        == '<a> & "b" \'c/'
    )


@pytest.mark.parametrize("body", [b"[" * 100000, b'{"a":' * 100000, b"<a>" * 100000])
def test_deep_nesting(body: bytes) -> None:
    assert failure(body).kind == PROTOCOL


def test_deep_nesting_that_is_well_formed() -> None:
    depth = 5000
    for body in (b"[" * depth + b"]" * depth, b"<a>" * depth + b"</a>" * depth):
        assert failure(body).kind == PROTOCOL


@pytest.mark.parametrize(
    ("body", "name", "noted"),
    [
        (b'{"Name": "a\xfcb", "UID": "u"}', "a\xfcb", "Windows-1252"),
        (b'{"Name": "a\x08b", "UID": "u"}', "a\x08b", None),
        ('{"Name": "a\xfcb", "UID": "u"}'.encode("utf-16"), "a\xfcb", None),
        (b"<Job Name='a&#x8;b' UID='u'/>", "ab", "does not allow"),
        (b"<Job Name='a&#8;b' UID='u'/>", "ab", "does not allow"),
        (b"<Job Name='a&#xD800;b&#xFFFFFF;' UID='u'/>", "ab", "does not allow"),
        (b"<Job Name='a\x0bb' UID='u'/>", "ab", "does not allow"),
        (b"<Job Name='a\xfcb' UID='u'/>", "a\xfcb", "Windows-1252"),
        (b"<?xml version='1.0' encoding='utf-16'?><Job Name='a\xc3\xbcb' UID='u'/>", "a\xfcb", None),
        ("<?xml version='1.0' encoding='utf-8'?><Job Name='a\xfcb' UID='u'/>".encode("utf-16"), "a\xfcb", None),
        ("<Job Name='a\xfcb' UID='u'/>".encode("utf-16-be"), "a\xfcb", None),
        (b"<?xml version='1.0' encoding='latin-1'?><Job Name='a\xfcb' UID='u'/>", "a\xfcb", None),
    ],
)
def test_one_wrong_character_hides_nothing(body: bytes, name: str, noted: Any) -> None:
    notes: list[str] = []
    assert decode(body, notes.append) == {"name": name, "uid": "u"}
    assert len(notes) == (1 if noted else 0)
    assert not noted or noted in notes[0]


def test_numbers_that_no_result_can_carry() -> None:
    decoded = decode(b'{"A": NaN, "B": Infinity, "C": 1e400, "D": -1e999, "E": 1.5, "F": 0, "G": false}')
    assert decoded == {"e": 1.5, "f": 0, "g": False}
    many = decode(b'{"TotalSize": ' + b"9" * 400 + b', "UID": "u"}')
    json.dumps(many)


def test_depth_costs_nothing() -> None:
    begin = time.process_time()
    for body in (b"<a>" * 120000 + b"</a>" * 120000, b"[" * 300000, b'{"a":' * 120000):
        failure(body)
    assert time.process_time() - begin < 6


def test_brackets_in_texts_are_no_depth() -> None:
    rows = [{"Name": "[{" * 300, "UID": f"u{n}"} for n in range(3)]
    assert len(decode(json.dumps(rows).encode())) == 3


def test_odd_keys() -> None:
    decoded = decode(b'{"a\\ud800": 1, "items": 2, "\xe9t\xe9": 3, "A": 4, "a": 5}')
    json.dumps(decoded).encode("utf-8")
    json.dumps(decoded, ensure_ascii=False).encode("utf-8")
    assert (decoded["items_"], decoded["a"]) == (2, 5)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_large_page_takes_a_small_multiple_of_its_size(form: str) -> None:
    row = {"UID": "urn:veeam:Job:%d", "Name": "job %d", "Description": "What it is for. " * 20}
    if form == "json":
        body = b'{"Jobs": [%s]}' % b",".join(json.dumps(row).replace("%d", str(n)).encode() for n in range(8000))
    else:
        rows = (
            f"<Job UID='u{n}' Name='job {n}'><Description>{row['Description']}</Description></Job>" for n in range(8000)
        )
        body = f"<Jobs>{''.join(rows)}</Jobs>".encode()
    tracemalloc.start()
    try:
        found = decode(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 8000
    assert peak < 6 * len(body), peak / len(body)


@pytest.mark.parametrize(
    ("begin", "unit"),
    [
        (b'["', b'\\"'),
        (b"[[", b'"'),
        (b"[", b"["),
        (b"<a>\x08", b" "),
        (b"<a>\x08", b"<?xml "),
        (b"<?xml ", b" "),
        (b"<a>&#x8;", b"&#"),
    ],
)
def test_no_body_costs_more_than_its_size(begin: bytes, unit: bytes) -> None:
    """Twice the size costs twice as much, not four times: half a megabyte is nothing."""
    started = time.process_time()
    failure(begin + unit * (500_000 // len(unit)))
    assert time.process_time() - started < 3
