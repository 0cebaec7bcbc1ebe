"""A job as AWX runs it: ansible-runner transmit | worker | process, with the credential in the environment only."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ansible_collections.backupops.veeam_em.tests.e2e.runner import BIN, COLLECTIONS, ROOT, Ansible
from emsim import Simulator

COLLECTION = "ansible_collections/backupops/veeam_em"
# What the job needs of the collection; a checkout holds much more.
PARTS = ("galaxy.yml", "MANIFEST.json", "meta", "playbooks", "plugins", "roles")
SECRET = "p\u00e4ss wort-4711"
FLEET = {
    "users": [{"name": "operator", "password": SECRET}],
    "agent_jobs": [
        {
            "name": "Linux servers",
            "machines": ["web01", {"name": "web02", "result": "Failed", "reason": "The disk is full."}],
        }
    ],
}


def private_data(folder: Path) -> Path:
    """What AWX prepares for a job: the project with its collections, inventory and extra variables."""
    data = folder / "data"
    shutil.copytree(ROOT / "extensions" / "awx" / "project", data / "project")
    installed = Path(COLLECTIONS) / COLLECTION
    for part in PARTS:
        source, target = installed / part, data / "project" / "collections" / COLLECTION / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (data / "env").mkdir()
    (data / "env" / "extravars").write_text(json.dumps({"backup_now_jobs": ["Linux servers"]}), encoding="utf-8")
    (data / "inventory").mkdir()
    (data / "inventory" / "hosts").write_text(
        'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"\n',
        encoding="utf-8",
    )
    return data


def stage(ansible: Ansible, given: bytes, *arguments: str | Path) -> bytes:
    """Run one stage of ansible-runner and return its output."""
    environment = ansible.environment()
    # As on an execution node: the collection comes with the project, the output is ansible-runner's own.
    for name in [name for name in environment if name.startswith(("ANSIBLE_C", "ANSIBLE_LOAD", "E2E_"))]:
        del environment[name]
    done = subprocess.run(
        [BIN / "ansible-runner", *arguments],
        input=given,
        cwd=ansible.folder,
        env=environment,
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout


def test_backup_now_on_an_execution_node(emsim: Callable[..., Simulator], ansible: Ansible, tmp_path: Path) -> None:
    sim = emsim(FLEET, speed=10)
    data, out = private_data(tmp_path), tmp_path / "out"
    out.mkdir()
    sent = stage(ansible, b"", "transmit", data, "-p", "backup_now.yml")
    node = ansible.connected(sim, "operator", SECRET)
    streamed = stage(node, sent, "worker", "--private-data-dir", tmp_path / "node")
    shown = stage(ansible, streamed, "process", out)

    artifacts = out / "artifacts"
    assert (artifacts / "rc").read_text(encoding="utf-8") == "2", shown.decode()
    assert (artifacts / "status").read_text(encoding="utf-8") == "failed"
    assert "The disk is full." in (artifacts / "stdout").read_text(encoding="utf-8")
    assert sim.counters()["starts"] == {"Linux servers": 1}
    assert sim.counters()["open_logon_sessions"] == 0

    assert SECRET not in sent.decode(errors="replace")
    told = [path for path in artifacts.rglob("*") if path.is_file() and tells(path)]
    # ansible-runner writes down the environment that it gave to the play: who can read that file can read the secret.
    assert [path.name for path in told] == ["command"]
    record = json.loads(told[0].read_text(encoding="utf-8"))
    assert record.pop("env")["VEEAM_EM_PASSWORD"] == SECRET
    assert SECRET not in json.dumps(record, ensure_ascii=False)


def tells(path: Path) -> bool:
    """Whether a file holds the password, as it is or escaped."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return SECRET in text or json.dumps(SECRET)[1:-1] in text
