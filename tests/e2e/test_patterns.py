"""The patterns of Automation Platform: complete by their specification, and they run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import COLLECTIONS, ROOT, Ansible
from emsim import Simulator

PATTERNS = sorted(path.name for path in (ROOT / "extensions" / "patterns").iterdir())
FLEET: dict[str, Any] = {
    "agent_jobs": [{"name": "Web servers", "machines": ["web01", "web02"], "history": [{"ended_ago": 7200}]}],
    "computers": [{"name": "web01"}, {"name": "web02"}],
}


def playbook(name: str) -> str:
    """The pattern's playbook, as installed."""
    return f"{COLLECTIONS}/ansible_collections/backupops/veeam_em/extensions/patterns/{name}/playbooks/{name}.yml"


def extra(given: dict[str, str]) -> list[str]:
    """Extra variables, as a survey hands them over."""
    return ["-e", json.dumps(given)]


@pytest.mark.parametrize("name", PATTERNS)
def test_what_the_specification_asks_for(name: str) -> None:
    folder = ROOT / "extensions" / "patterns" / name
    meta = json.loads((folder / "meta" / "pattern.json").read_text(encoding="utf-8"))
    assert {"schema_version", "title", "description", "short_description", "aap_resources"} <= set(meta)
    assert meta["name"] == name
    assert len(meta["title"]) <= 64
    assert not meta["short_description"].endswith(".")
    assert (folder / "README.md").is_file()
    resources = meta["aap_resources"]
    templates = resources["controller_job_templates"]
    assert sum(template["primary"] for template in templates) == 1
    playbooks = {path.name for path in (folder / "playbooks").iterdir()}
    assert playbooks == {template["playbook"] for template in templates}
    for template in templates:
        assert template["execution_environment"] == resources["controller_execution_environment"]["name"]
        assert set(template["labels"]) <= set(resources["controller_labels"])
        for question in template["survey"]["spec"]:
            assert re.fullmatch(r"[a-z0-9_]+", question["variable"])
            assert question["variable"] in variables(name), "the playbook does not know this variable"
            assert question.get("default", "") in question.get("choices", [question.get("default", "")])


def variables(name: str) -> set[str]:
    """The variables that the playbook of the collection takes."""
    if name == "patch_window":
        plays = yaml.safe_load((ROOT / "playbooks" / "patch_window.yml").read_text(encoding="utf-8"))
        return set(plays[0]["vars"])
    specs = ROOT / "roles" / name / "meta" / "argument_specs.yml"
    return set(yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])


def answers(name: str) -> dict[str, str]:
    """The defaults of the survey, as text."""
    meta = json.loads((ROOT / "extensions" / "patterns" / name / "meta" / "pattern.json").read_text(encoding="utf-8"))
    spec = meta["aap_resources"]["controller_job_templates"][0]["survey"]["spec"]
    return {question["variable"]: question["default"] for question in spec if "default" in question}


def test_the_report(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    sim = emsim(FLEET)
    run = ansible.connected(sim).command(
        "ansible-playbook", playbook("backup_report"), *extra(answers("backup_report"))
    )
    assert run.rc == 0, run.output
    assert "1 job, 2 machines, 1 run (1 success)" in run.stdout
    assert sim.counters().get("writes", 0) == 0


def test_the_patch_window(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    """With a change of the user's own: the default one would install updates on this computer."""
    sim = emsim(FLEET)
    (ansible.folder / "change.yml").write_text(
        yaml.safe_dump([{"name": "Change", "ansible.builtin.debug": {"msg": "changing {{ inventory_hostname }}"}}]),
        encoding="utf-8",
    )
    (ansible.folder / "hosts").write_text(
        "web01 ansible_connection=local\nweb02 ansible_connection=local\n", encoding="utf-8"
    )
    more = dict(
        answers("patch_window"),
        patch_window_hosts="web01",
        patch_window_tasks=str(ansible.folder / "change.yml"),
        patch_window_file=str(ansible.folder / "frozen.json"),
        patch_window_gather_facts="false",
    )
    run = ansible.connected(sim).command("ansible-playbook", "-i", "hosts", playbook("patch_window"), *extra(more))
    assert run.rc == 0, run.output
    assert "changing web01" in run.stdout
    assert "changing web02" not in run.stdout
    assert sim.counters()["starts"] == {"Web servers": 1}
