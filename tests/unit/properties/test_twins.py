"""XML and JSON of one and the same thing decode to the same, whatever generation of the product wrote the JSON.

The things are random trees of the kinds that Enterprise Manager sends (em_rest 1, JSON shape). They are written down by
the simulator, which knows nothing of the client.
"""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode, members
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.pages import pages
from emsim import render_json, render_xml
from emsim.profiles import PROFILES
from emsim.tree import Collection, Link, Nested, Node, QueryResult, Spoken, Texts
from hypothesis import given
from hypothesis import strategies as st

# What XML can carry: no control characters, no surrogates, no non-characters; a carriage return does not survive it.
TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff", include_characters="\n\t"),
    max_size=20,
)
WORDS = st.sampled_from(["Success", "Failed", "Stopped", "AgentBackup", "a b", "07", "true", "1e5", "-1"])
NAMES = st.one_of(TEXT, WORDS)
GUIDS = st.uuids().map(str)
TIMES = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
LINKS = st.builds(
    Link,
    rel=st.sampled_from(["Up", "Down", "Alternate", "Related", "Delete"]),
    href=GUIDS.map(lambda guid: f"https://em:9398/api/backupSessions/{guid}?format=Entity&x=1"),
    type=st.sampled_from([None, "JobReference", "BackupServerReference", "BackupJobSessionReference"]),
    name=st.one_of(st.none(), NAMES),
)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def resource(draw: st.DrawFn, element: str, more: list[tuple[str, Any]]) -> Node:
    return Node(
        element,
        fields=draw(st.permutations(more)),
        name=draw(NAMES),
        uid=f"urn:veeam:{element}:{draw(GUIDS)}",
        href=f"https://em:9398/api/x/{draw(GUIDS)}",
        type=element,
        links=draw(st.lists(LINKS, max_size=3)),
    )


@st.composite
def sessions(draw: st.DrawFn) -> Node:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "JobUid": GUIDS.map(lambda guid: f"urn:veeam:Job:{guid}"),
        "JobName": NAMES,
        "JobType": st.sampled_from(["Backup", "AgentBackup", "AgentManagement"]),
        "CreationTimeUTC": TIMES,
        "EndTimeUTC": optional(TIMES),
        "State": st.sampled_from(["Starting", "Working", "Stopped", "Hibernating"]),
        "Result": optional(st.sampled_from(["Success", "Warning", "Failed", "None"])),
        "Progress": optional(st.integers(0, 100)),
        "IsRetry": st.booleans(),
        "FailureMessage": optional(NAMES),
    }
    return resource(draw, "BackupJobSession", [(name, draw(values)) for name, values in fields.items()])


@st.composite
def task_sessions(draw: st.DrawFn) -> Node:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "JobSessionUid": GUIDS.map(lambda guid: f"urn:veeam:BackupJobSession:{guid}"),
        "CreationTimeUTC": TIMES,
        "State": st.sampled_from(["Pending", "InProgress", "Completed"]),
        "Result": optional(st.sampled_from(["Success", "Warning", "Failed"])),
        "Reason": NAMES,
        "TotalSize": st.integers(0, 1 << 50),
    }
    node = resource(draw, "BackupTaskSession", [(name, draw(values)) for name, values in fields.items()])
    node.attributes = {"VmDisplayName": draw(NAMES)}
    return node


@st.composite
def jobs(draw: st.DrawFn) -> Node:
    clock = draw(st.times()).replace(microsecond=0).isoformat()
    daily = [
        ("Kind", "SelectedDays"),
        ("Days", Texts(draw(st.lists(st.sampled_from(["Sunday", "Monday"]), min_size=1, max_size=3)))),
        ("Time", Spoken(f"{clock}.0000000+01:00", f"2020-02-04T{clock}+01:00")),
    ]
    schedule = Node("OptionsDaily", fields=daily, attributes={"Enabled": draw(st.booleans())})
    objects = [
        Node("ObjectInAgentBackupJob", fields=[("ObjectInJobId", draw(GUIDS)), ("Name", name), ("DisplayName", name)])
        for name in draw(st.lists(NAMES, max_size=3))
    ]
    info = Node("JobInfo", fields=[("Includes", Nested("ObjectInAgentBackupJobs", objects))])
    fields: list[tuple[str, Any]] = [
        ("JobType", "AgentBackup"),
        ("Platform", "AgentForLinux"),
        ("Description", draw(NAMES)),
        ("ScheduleConfigured", draw(st.booleans())),
        ("ScheduleEnabled", draw(st.booleans())),
        ("NextRun", draw(optional(TIMES))),
        ("JobScheduleOptions", Node("JobScheduleOptions", fields=[("OptionsDaily", schedule)])),
        ("JobInfo", info),
    ]
    return resource(draw, "AgentBackupJob", fields)


KINDS = {
    "BackupJobSession": (sessions(), model.job_session),
    "BackupTaskSession": (task_sessions(), model.task_session),
    "AgentBackupJob": (jobs(), model.job),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_resource(kind: str, profile: str, data: st.DataObject) -> None:
    node = data.draw(KINDS[kind][0])
    from_json = decode(render_json.render(node, PROFILES[profile]))
    assert from_json == decode(render_xml.render(node))
    record = KINDS[kind][1](from_json)
    assert record["name"] == node.name
    assert record["uid"] == node.uid


@pytest.mark.parametrize("empty", ["brackets", "null", "no_wrapper"])
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_collection(kind: str, empty: str, data: st.DataObject) -> None:
    nodes = data.draw(st.lists(KINDS[kind][0], max_size=3))
    things = Collection(f"{kind}s", f"{kind}s", nodes)
    from_json = members(decode(render_json.render(things, PROFILES["v12"], empty)))
    assert from_json == members(decode(render_xml.render(things)))
    assert [each["uid"] for each in from_json] == [node.uid for node in nodes]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_query_result(kind: str, profile: str, data: st.DataObject) -> None:
    nodes = data.draw(st.lists(KINDS[kind][0], max_size=3))
    numbers = [("PageNum", 1), ("PageSize", 100), ("PagesCount", 1)]
    paging = Node("PagingInfo", attributes=dict(numbers), links=[Link("First", "https://em:9398/api/query?page=1")])
    outer = kind if kind == "AgentBackupJob" else f"{kind}s"
    result = QueryResult("Entities", outer, f"{kind}s", nodes, paging)
    rows = [
        [row for page in pages(lambda _query, body=body: decode(body), {}, 100) for row in page]  # type: ignore[misc]
        for body in (render_json.render(result, PROFILES[profile]), render_xml.render(result))
    ]
    assert rows[0] == rows[1]
    assert [row["uid"] for row in rows[0]] == [node.uid for node in nodes]
