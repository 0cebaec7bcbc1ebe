"""ansible-builder finds what an execution environment needs of the collection."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import COLLECTIONS, ROOT, Ansible


def test_introspect(ansible: Ansible) -> None:
    run = ansible.command("ansible-builder", "introspect", COLLECTIONS)
    assert run.rc == 0, run.output
    found = yaml.safe_load(run.stdout)
    wanted = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").split()
    assert {line.split("#")[0].strip() for line in found["python"]} == set(wanted)
    assert not found.get("system")


def test_create(ansible: Ansible, tmp_path: Path) -> None:
    definition = {
        "version": 3,
        "images": {"base_image": {"name": "quay.io/ansible/awx-ee:latest"}},
        "dependencies": {"galaxy": {"collections": ["backupops.veeam_em"]}},
    }
    (tmp_path / "execution-environment.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    names = ["--context", str(tmp_path / "context"), "--output-filename", "Containerfile"]
    run = ansible.command("ansible-builder", "create", *names)
    assert run.rc == 0, run.output
    assert (tmp_path / "context" / "Containerfile").exists()
    galaxy = yaml.safe_load((tmp_path / "context" / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert galaxy["collections"] == ["backupops.veeam_em"]
