"""The playbook gate_workflow between a real server of Conductor and a simulated Enterprise Manager."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible
from ansible_collections.backupops.veeam_em.tests.real.servers import Server
from emsim import Simulator

GATE = {"reference": "backup_gate", "type": "HUMAN", "retries": 3}
CHANGE = {"reference": "change", "type": "HUMAN"}


def fleet(result: str, job: str = "Linux") -> dict[str, Any]:
    """Two machines, of which the second has this result."""
    second = {"name": "web02", "duration": 0.2, "result": result, "reason": "The disk of web02 is full."}
    machines = [{"name": "web01", "duration": 0.2}, second]
    return {"agent_jobs": [{"name": job, "machines": machines, "start_delay": 0.2}]}


def connected(ansible: Ansible, server: Server, em: Simulator) -> Ansible:
    """Both connections, as a user exports them."""
    conductor = {"CONDUCTOR_SERVER_URL": f"{server.url}/api", "CONDUCTOR_CA_PATH": server.ca_path}
    return ansible.connected(em).with_env(**conductor)


def gate_workflow(ansible: Ansible, server: Server, em: Simulator, workflow: str, jobs: str = "Linux") -> Any:
    """Run the playbook."""
    variables = json.dumps({"gate_workflow_id": workflow, "gate_workflow_jobs": jobs})
    user = connected(ansible, server, em)
    return user.command("ansible-playbook", "backupops.veeam_em.gate_workflow", "-e", variables)


@pytest.mark.slow
def test_the_guide_step_by_step(real_server: Server, emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    """Its very commands: a good backup lets the workflow go on."""
    em = emsim(fleet("Success", "Linux servers"))
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_gate_workflow.rst").read_text(encoding="utf-8")
    section = guide[guide.index("Step by step\n---") : guide.index("Look at the gate\n---")]
    blocks = re.findall(r"code-block:: (\w+)\n\n((?:   .*\n|\n)+)", section)
    (definition,) = [textwrap.dedent(text) for kind, text in blocks if kind == "json"]
    (ansible.folder / "change.json").write_text(definition, encoding="utf-8")
    commands = "".join(textwrap.dedent(text) for kind, text in blocks if kind == "console")
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands + 'echo "WORKFLOW $WORKFLOW"\n'],
        cwd=ansible.folder,
        env=connected(ansible, real_server, em).environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    workflow = done.stdout.rpartition("WORKFLOW ")[2].strip()
    real_server.reached(workflow, "change")
    (gate,) = real_server.tasks(workflow, "backup_gate")
    assert gate["status"] == "COMPLETED"
    assert [(each["name"], each["result"]) for each in gate["outputData"]["machines"]] == [
        ("web01", "Success"),
        ("web02", "Success"),
    ]
    assert em.counters()["starts"] == {"Linux servers": 1}


@pytest.mark.slow
def test_a_wrong_name_leaves_the_workflow_waiting(
    real_server: Server, emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    em, workflow = emsim(fleet("Success")), real_server.start(GATE, CHANGE)
    assert gate_workflow(ansible, real_server, em, workflow, "Linus").rc != 0
    assert real_server.workflow(workflow)["status"] == "RUNNING"
    assert real_server.tasks(workflow, "backup_gate")[0]["status"] == "IN_PROGRESS"


@pytest.mark.full
@pytest.mark.slow
def test_a_bad_backup_ends_the_workflow(real_server: Server, emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    em, workflow = emsim(fleet("Failed")), real_server.start(GATE, CHANGE)
    run = gate_workflow(ansible, real_server, em, workflow)
    assert run.rc != 0
    ended = real_server.ended(workflow)
    assert ended["status"] == "FAILED"
    assert "The disk of web02 is full" in ended["reasonForIncompletion"]
    (gate,) = ended["tasks"]
    assert gate["status"] == "FAILED_WITH_TERMINAL_ERROR"
