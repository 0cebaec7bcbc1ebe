"""The playbook gate_workflow between a real server of Conductor and a simulated Enterprise Manager."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.tests.e2e.runner import Ansible
from ansible_collections.backupops.veeam_em.tests.real.servers import Server
from emsim import Simulator

GATE = {"reference": "backup_gate", "type": "HUMAN", "retries": 3}
CHANGE = {"reference": "change", "type": "HUMAN"}


def fleet(result: str) -> dict[str, Any]:
    """Two machines, of which the second has this result."""
    second = {"name": "web02", "duration": 0.2, "result": result, "reason": "The disk of web02 is full."}
    machines = [{"name": "web01", "duration": 0.2}, second]
    return {"agent_jobs": [{"name": "Linux", "machines": machines, "start_delay": 0.2}]}


def gate_workflow(ansible: Ansible, server: Server, em: Simulator, workflow: str, jobs: str = "Linux") -> Any:
    """Run the playbook."""
    variables = json.dumps({"gate_workflow_id": workflow, "gate_workflow_jobs": jobs})
    conductor = {"CONDUCTOR_SERVER_URL": server.url, "CONDUCTOR_CA_PATH": server.ca_path}
    connected = ansible.connected(em).with_env(**conductor)
    return connected.command("ansible-playbook", "backupops.veeam_em.gate_workflow", "-e", variables)


@pytest.mark.slow
def test_a_good_backup_lets_the_workflow_go_on(
    real_server: Server, emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    em, workflow = emsim(fleet("Success")), real_server.start(GATE, CHANGE)
    wrong = gate_workflow(ansible, real_server, em, workflow, "Linus")
    assert wrong.rc != 0
    assert real_server.workflow(workflow)["status"] == "RUNNING"
    run = gate_workflow(ansible, real_server, em, workflow)
    assert run.rc == 0, run.output
    real_server.reached(workflow, "change")
    (gate,) = real_server.tasks(workflow, "backup_gate")
    assert gate["status"] == "COMPLETED"
    assert [(each["name"], each["result"]) for each in gate["outputData"]["machines"]] == [
        ("web01", "Success"),
        ("web02", "Success"),
    ]
    assert em.counters()["starts"] == {"Linux": 1}


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
