"""The filter language of the query service (em_rest 10)."""

from __future__ import annotations

import pytest
from emsim.query.compare import check
from emsim.query.grammar import All, Any, BadFilter, Comparison, parse

FIELDS = {
    "name": ("text", "Name"),
    "creationtime": ("time", "CreationTime"),
    "result": ("result", "Result"),
    "isretry": ("bool", "IsRetry"),
    "totalsize": ("number", "TotalSize"),
    "uid": ("uid", "UID"),
    "endtime": ("time", "EndTime"),
}
GUID = "0e6b4c7d-0d9c-4ab9-94a7-71e39895485b"
ROW = {
    "Name": "SQL servers; (all)",
    "CreationTime": 1_750_000_000.25,
    "EndTime": None,
    "Result": "Warning",
    "IsRetry": False,
    "TotalSize": 100,
    "UID": GUID,
}


def holds(text: str) -> bool:
    return check(parse(text), FIELDS)(ROW)


def test_and_binds_closer_than_or() -> None:
    a, b, c = (Comparison(name, "==", "1") for name in "abc")
    assert parse("a==1,b==1;c==1") == Any((a, All((b, c))))
    assert parse("(a==1,b==1);c==1") == All((Any((a, b)), c))


@pytest.mark.parametrize(
    "text",
    [
        'name=="sql SERVERS; (all)"',
        'NAME!="SQL"',
        "Result>Success",
        "result==warning",
        "Result>=Warning;Result<Failed",
        'CreationTime>="2025-06-15T15:06:40Z"',
        "creationtime<2025-06-15T15:06:41",
        'CreationTime=="2025-06-15T15:06:40.25Z"',
        'CreationTime>"2025-06-15T17:06:40+02:00"',
        "IsRetry==False",
        "TotalSize>99",
        f'uid=="urn:veeam:BackupJobSession:{GUID}"',
        f"UID=={GUID.upper()}",
        "(Result==Failed,(Result==Warning;TotalSize==100))",
        "EndTime!=2025-01-01",
    ],
)
def test_true(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize("text", ["name==SQL", "Result==Failed", "EndTime>2025-01-01", "Result<=None", "IsRetry==true"])
def test_false(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name==",
        "==x",
        "name=x",
        'name=="a"b"',
        'name=="a',
        "name==two words",
        "(name==a",
        "name==a)",
        "name==a;",
        "name==a;;name==b",
        "progress==1",
        "Result==Perfect",
        "IsRetry==maybe",
        "CreationTime>yesterday",
        "TotalSize>much",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(BadFilter):
        holds(text)
