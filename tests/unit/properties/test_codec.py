"""Whatever bytes a server sends: the codec and the model answer with a value or with the collection's own error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode, members
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.errors import judge
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.links import parent_session_id, path_of
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.pages import pages
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.query import Condition
from ansible_collections.backupops.veeam_em.plugins.module_utils._errors import KINDS, ApiError
from ansible_collections.backupops.veeam_em.plugins.module_utils._http import Response
from hypothesis import example, given, settings
from hypothesis import strategies as st


def words(text: str) -> list[str]:
    return text.split()


# The names that the model looks at, so that damage gets past the codec, and some that nobody knows.
BROKEN = "https://[broken"
KEYS = st.sampled_from(
    words(
        "UID Name Href Type Links Rel TaskId SessionId State Result Success Message Operation JobType Platform "
        "Description ScheduleConfigured ScheduleEnabled NextRun JobScheduleOptions Standart Enabled Time JobInfo "
        "Includes ObjectInJob ObjectInJobs ObjectInJobId DisplayName JobUid JobName CreationTimeUTC EndTimeUTC "
        "Progress IsRetry FailureMessage VmDisplayName JobSessionUid Reason TotalSize HostStatus PagingInfo PageNum "
        "PagesCount Refs Ref Entities Resources StatusCode FirstChanceExceptionMessage items copy xmlns xsi:nil a:b 1 "
        "Value"
    )
)
WORDS = st.sampled_from(
    [
        *words("Up Down Related Next Delete Stopped Working Success Failed None true AgentBackup BackupJobSession"),
        "urn:veeam:Job:6a7b5d0e-1111-2222-3333-444455556666",
        "https://em:9398/api/backupSessions/6a7b5d0e-1111-2222-3333-444455556666?format=Entity",
        BROKEN,
        "http://[::1]:port/api/x",
        "2026-02-30T25:61:61.123Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "\u0662\u0660\u0662\u0666-01-01T00:00:00Z",
        "10:00:00.0000000+01:00",
        "9" * 5000,
    ]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), WORDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, st.text(max_size=8)), inner, max_size=6)
    ),
    max_leaves=30,
)


def as_xml(value: Any, name: str = "Root") -> str:
    """A value as an element; what XML cannot carry makes it malformed, which is welcome here."""
    if isinstance(value, dict):
        simple = {key: each for key, each in value.items() if isinstance(each, str)}
        attributes = "".join(f" {key}={quoteattr(each)}" for key, each in simple.items())
        children = "".join(as_xml(each, key) for key, each in value.items() if key not in simple)
        return f"<{name}{attributes}>{children}</{name}>"
    if isinstance(value, list):
        return f"<{name}>{''.join(as_xml(each, name[:-1] or 'x') for each in value)}</{name}>"
    return f"<{name}>{'' if value is None else escape(str(value))}</{name}>"


def damaged(body: bytes, cut: int, place: int, junk: bytes) -> bytes:
    """A body with something cut off its end and something put into it."""
    body = body[: max(0, len(body) - cut)]
    place = place % (len(body) + 1)
    return body[:place] + junk + body[place:]


BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: as_xml(value).encode("utf-8", "surrogatepass")),
    st.builds(
        damaged,
        st.one_of(
            JSON.map(lambda value: json.dumps(value).encode()),
            JSON.map(lambda value: as_xml(value).encode("utf-8", "replace")),
        ),
        st.integers(0, 20),
        st.integers(0, 200),
        st.binary(max_size=5),
    ),
)
HARD = (
    b"",
    b"\xef\xbb\xbf",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"<a>" * 100_000,
    b"<a>" * 5_000 + b"</a>" * 5_000,
    b"<!DOCTYPE html><html>",
    b"<?xml version='1.0' encoding='nonsense'?><a/>",
    b"<?xml version='1.0' encoding='utf-16'?><a/>",
    "<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16"),
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
    b"<a xmlns:b='c'><b:d/></a>",
    b"<a><!-- --><?pi x?></a>",
    b"<Items><items/><Items/></Items>",
    b"NaN",
    b"[NaN, Infinity]",
    b'{"a": 1e999}',
    b'{"TotalSize": ' + b"9" * 5000 + b"}",
    b'"\\ud800"',
    b'{"Name": "\\ud800"}',
    b"null",
    b"0",
    *(
        json.dumps({"TaskId": "task-1", "UID": "x:y", "Links": [{"Rel": rel, "Type": kind, "Href": BROKEN}]}).encode()
        for rel in ("Up", "Related")
        for kind in ("JobReference", "BackupServerReference", "BackupJobSessionReference", "AgentProtectionGroup")
    ),
)


def fits(work: Callable[[], Any]) -> Any:
    """The value, which Ansible must be able to write as JSON, or None for an error of the collection's own."""
    try:
        value = work()
    except ApiError as error:
        return _check(error)
    json.dumps(value, default=str).encode("utf-8")
    return value


def _check(error: ApiError) -> None:
    assert error.kind in KINDS
    assert error.message


def records(body: bytes) -> None:
    resources = fits(lambda: members(decode(body))) or []
    for resource in resources:
        for make in (
            model.task,
            model.job,
            model.job_objects,
            model.job_session,
            model.task_session,
            model.computer,
            parent_session_id,
            Condition.of("BackupServerName", "==", "x").holds,
            Condition.of("CreationTime", ">=", "2026-01-01T00:00:00Z").holds,
        ):
            fits(lambda make=make, resource=resource: make(resource))  # type: ignore[misc]


@settings(max_examples=400)
@given(BODIES)
def test_any_body_gives_records_or_an_error_of_our_own(body: bytes) -> None:
    records(body)


@pytest.mark.parametrize("body", HARD, ids=lambda body: repr(body[:40]))
def test_bodies_that_were_hard_for_others(body: bytes) -> None:
    records(body)


@given(BODIES)
def test_any_body_is_a_page_of_a_query_or_an_error_of_our_own(body: bytes) -> None:
    answers = iter([body] * 5)

    def read(_query: dict[str, Any]) -> Any:
        try:
            return decode(next(answers))
        except StopIteration:
            raise ApiError("protocol", "More pages than there are.", hint="Stop.") from None

    fits(lambda: [row for page in pages(read, {}, 100) for row in page])


@given(
    st.integers(100, 999),
    BODIES,
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text(max_size=30)),
)
@example(503, b"", {"Retry-After": "\u00b2"})
@example(503, b"", {"Retry-After": "9" * 400})
@example(503, b"", {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +1400"})
def test_any_answer_is_judged(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = judge(Response(status, headers, body, "GET", "/api/x"))
    assert (error is None) == (200 <= status < 300)
    if error:
        assert error.kind in KINDS
        assert error.hint
        assert error.retry_after is None or error.retry_after >= 0


@given(st.one_of(st.text(), WORDS))
def test_any_link_leads_into_the_api_or_is_refused(href: str) -> None:
    path = fits(lambda: path_of(href))
    assert path is None or not path.startswith(("/", "http:", "https:"))
