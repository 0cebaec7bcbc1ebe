"""Payloads of the vendor and of real servers through codec and model.

They are read from the folder `samples` of VEEAM_EM_REFERENCE, by default ../shared/reference beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em import model
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.codec import decode, members
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.errors import message_of
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.links import bare_id, links, path_of
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.pages import pages

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = Path(os.environ.get("VEEAM_EM_REFERENCE") or ROOT.parent / "shared" / "reference") / "samples"
FILES = sorted(path.name for path in SAMPLES.glob("*") if path.suffix in (".xml", ".json"))
# Some recordings were anonymised with letters that no GUID has.
GUID = re.compile(r"[0-9a-z]{8}(-[0-9a-z]{4}){3}-[0-9a-z]{12}")

if not FILES:
    pytest.skip(f"there are no samples in {SAMPLES}: set VEEAM_EM_REFERENCE", allow_module_level=True)


def files(*patterns: str) -> list[str]:
    return [name for name in FILES if any(re.match(pattern, name) for pattern in patterns)]


def rows(name: str) -> list[dict[str, Any]]:
    """The resources in a sample."""
    answer = decode((SAMPLES / name).read_bytes())
    if name.startswith("query_"):
        # One page, perhaps of several.
        return next(pages(lambda _query: answer, {}, 100))
    return members(answer)


def camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            re.sub(r"^[A-Z]+(?![a-z])|^[A-Z]", lambda m: m.group().lower(), key): camel(v) for key, v in value.items()
        }
    return [camel(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", FILES)
def test_every_sample_decodes(name: str) -> None:
    body = (SAMPLES / name).read_bytes()
    decoded = decode(body)
    assert decoded
    assert json.loads(json.dumps(decoded)) == decoded
    if name.endswith(".json"):
        assert decode(json.dumps(camel(json.loads(body))).encode()) == decoded
        assert decode(b"\xef\xbb\xbf" + body) == decoded


@pytest.mark.parametrize(
    ("xml", "other"),
    [("jobs_id.crm.entity.xml", "jobs_id.entity.json"), ("cloud_tenants.entity.xml", "cloud_tenants.entity.json")],
)
def test_twins_are_equal(xml: str, other: str) -> None:
    assert decode((SAMPLES / xml).read_bytes()) == decode((SAMPLES / other).read_bytes())


@pytest.mark.parametrize("name", files(r"tasks"))
def test_tasks(name: str) -> None:
    for record in map(model.task, rows(name)):
        assert re.match(r"task-\d+", record["id"])
        assert record["operation"]
        if name != "tasks.xml":
            assert record["finished"] is (".finished." in name)
            assert record["success"] is (True if record["finished"] else None)
        assert bool(record["job_session_id"]) is ("quickbackup_related" in name)


@pytest.mark.parametrize("name", files(r"(agents_)?jobs_id\.(.*\.)?entity"))
def test_jobs(name: str) -> None:
    (resource,) = rows(name)
    record = model.job(resource)
    assert GUID.fullmatch(record["id"])
    assert record["name"]
    assert record["job_type"]
    assert isinstance(record["schedule_enabled"], bool)
    assert record["schedule"] is None or isinstance(record["schedule"], dict)
    objects = model.job_objects(resource)
    # A backup copy job has jobs, backups or repositories as its sources.
    assert bool(objects) is ("Copy" not in str(record["job_type"]))
    assert all(each["name"] for each in objects)
    assert {each["type"] for each in objects} <= ({None} if name.startswith("agents_") else {"Vm"})
    if name.startswith("agents_"):
        assert record["schedule_configured"] is True
        assert record["backup_server"]


@pytest.mark.parametrize(
    "name",
    files(r"(backup|replica)sessions_id\.entity", r"query_backupjobsession\.(ent|suc)", r"jobs_id_backupsessions"),
)
def test_job_sessions(name: str) -> None:
    found = [model.job_session(row) for row in rows(name)]
    assert found
    for record in found:
        assert GUID.fullmatch(record["id"])
        assert record["job_id"]
        assert record["job_name"]
        assert model.moment(record["creation_time"])
        if not record["running"]:
            assert record["result"] in model.RESULTS
            assert model.moment(record["end_time"])


@pytest.mark.parametrize(
    "name",
    files(
        r"(backup|replica)tasksessions_id\..*entity",
        r"(backup|replica)tasksessions_id\.entity",
        r"query_(backup|replica)tasksession\.ent",
        r"replicasessions_id_replicatasksessions\.ent",
    ),
)
def test_task_sessions(name: str) -> None:
    found = [model.task_session(row) for row in rows(name)]
    assert found
    for record in found:
        assert GUID.fullmatch(record["id"])
        assert GUID.fullmatch(record["job_session_id"])
        assert record["machine"]
        assert record["result"] in (*model.RESULTS, None)
        assert record["total_size"] is None or record["total_size"] >= 0
        assert record["reason"] == record["reason"].strip()


@pytest.mark.parametrize("name", files(r"(agents_discoveredcomputers_id|query_discoveredcomputer)"))
def test_computers(name: str) -> None:
    for record in map(model.computer, rows(name)):
        assert GUID.fullmatch(record["id"])
        assert record["name"]
        assert record["host_status"]


@pytest.mark.parametrize("name", files(r".*\.refs?\."))
def test_references(name: str) -> None:
    found = rows(name)
    assert found
    for row in found:
        assert GUID.fullmatch(str(bare_id(row["uid"])))
        assert row["name"]
        for link in links(row, "Alternate"):
            assert not path_of(link["href"]).startswith(("/", "http"))


@pytest.mark.parametrize("name", files(r"error_"))
def test_errors(name: str) -> None:
    assert message_of((SAMPLES / name).read_bytes())


def test_an_empty_result() -> None:
    for name in files(r"query_.*\.empty"):
        assert rows(name) == []
