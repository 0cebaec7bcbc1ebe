"""Whose run a session is, and which kind it is of."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.sessions import BACKUP, REPLICA, belongs, kind_of


def job(**changes: Any) -> Any:
    return {"id": "a", "name": "Copy", "job_type": "AgentBackup", "backup_server": "vbr01", **changes}


def session(job_id: Any, job_name: str, job_type: Any = "AgentBackup", backup_server: Any = "vbr01") -> Any:
    return {"job_id": job_id, "job_name": job_name, "job_type": job_type, "backup_server": backup_server}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (session("a", "Copy"), True),
        (session("a", "the name that it had before"), True),
        (session("a", "Copy", backup_server="VBR01"), True),
        (session("a", "Copy", "agentbackup", None), True),
        (session("b", "Copy"), False),
        (session("b", "Copy\\worker"), False),
        # Without an id the name counts, if nothing else speaks against it.
        (session(None, "Copy"), True),
        (session(None, "Copy", backup_server=None), True),
        (session(None, "copy"), False),
        (session(None, "Copy", "Backup"), False),
        (session(None, "Copy", None), False),
        (session(None, "Copy", backup_server="vbr02"), False),
    ],
)
def test_ids_decide_and_names_only_without_them(run: Any, expected: bool) -> None:
    assert belongs(run, job()) is expected


@pytest.mark.parametrize("kind", ["BackupCopy", "ImmediateBackupCopy", "backupcopy"])
def test_the_workers_of_a_copy_job_are_its_runs(kind: str) -> None:
    assert belongs(session("b", "Copy\\VM 1"), job(job_type=kind))
    assert not belongs(session("b", "Copy 2\\VM 1"), job(job_type=kind))
    assert not belongs(session("b", "Copy"), job(job_type=kind))
    assert not belongs(session("b", "Copy\\VM 1", backup_server="vbr02"), job(job_type=kind))


def test_kind_of() -> None:
    assert kind_of("Replica") is kind_of("replica") is REPLICA
    assert {kind_of(name) for name in ("Backup", "AgentBackup", "BackupCopy", "NasBackup", "", None)} == {BACKUP}
