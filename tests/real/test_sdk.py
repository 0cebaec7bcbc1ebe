"""conductor-python, the official SDK, as a judge: what it sees of a task is what these modules see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.backupops.veeam_em.tests.real.servers import Server

FOLDER = os.environ.get("VEEAM_EM_TEST_CLIENTS")
PYTHON = str(Path(FOLDER) / "python") if FOLDER else sys.executable


def test_the_official_sdk_agrees(server: Server) -> None:
    found = subprocess.run([PYTHON, "-c", "import conductor.client"], capture_output=True, text=True, check=False)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1]
        pytest.skip(f"conductor-python cannot be imported by {PYTHON} (set VEEAM_EM_TEST_CLIENTS): {reason}")
    workflow = server.start({"reference": "gate", "type": "HUMAN"}, {"reference": "after", "type": "HUMAN"})
    gate = server.reached(workflow, "gate")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "SSL_CERT_FILE": server.ca_path,
        "REQUESTS_CA_BUNDLE": server.ca_path,
    }
    ended = subprocess.run(
        [PYTHON, Path(__file__).with_name("sdk.py"), server.url, "", "", gate, workflow],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    printed = json.loads(ended.stdout.strip().splitlines()[-1])
    assert printed["seen"] == [[gate, "IN_PROGRESS", "gate", workflow], [gate, "COMPLETED", "gate", workflow]]
    (task,) = server.wait(workflow_id=workflow, reference=["gate"])
    assert (task["output"], task["input"]) == (printed["output"], printed["input"])
    assert printed["output"]["result"] == {"backup": "good"}
    # What the SDK has completed is not completed again.
    assert not server.update("COMPLETED", workflow_id=workflow, reference="gate")["changed"]
    server.reached(workflow, "after")
