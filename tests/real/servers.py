"""Servers that one suite runs against: the double and real ones. Workflows are given as the double's scenarios are."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.client import ConductorClient
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.names import named
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.update import Update, update_task
from ansible_collections.backupops.veeam_em.plugins.module_utils._conductor.watch import (
    list_tasks,
    wait_for_tasks,
    watched,
)
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION
from ansible_collections.backupops.veeam_em.plugins.module_utils._wait import Waiter, WaitOptions
from conductorsim import ConductorSimulator
from simbase import certificates

# Outputs above this size go to external storage, on all servers.
EXTERNAL_ABOVE_KB = 10
# Outputs above this size fail the task.
REFUSED_ABOVE_KB = 200
_NEVER = 10**9
_numbers = itertools.count(1)

Task = Mapping[str, Any]
Stage = Task | Sequence[Task]


class Server:
    """A server: what operators and workers do by its REST API, and what the modules do.

    :ivar real: whether it is more than a double.
    :ivar traits: what differs between releases, see tests/run/conductor.py.
    """

    real = True

    def __init__(self, name: str, url: str, ca_path: str, traits: Mapping[str, Any]) -> None:
        self.name = name
        self.url = url
        self.ca_path = ca_path
        self.traits = traits
        self.warnings: list[str] = []
        self._session = requests.Session()
        self._session.trust_env = False

    def start(self, *stages: Stage, timeout: int = 0) -> str:
        """Start a workflow of these tasks, which may take so many seconds; returns its id."""
        raise NotImplementedError

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request of somebody else's."""
        return self._session.request(method, f"{self.url}/api/{path}", verify=self.ca_path, timeout=60, **options)

    def done(self, method: str, path: str, **options: Any) -> requests.Response:
        """The same, which must go well."""
        answer = self.call(method, path, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def workflow(self, workflow_id: str) -> dict[str, Any]:
        """A workflow as the server shows it."""
        found: dict[str, Any] = self.done("GET", f"workflow/{workflow_id}").json()
        return found

    def ended(self, workflow_id: str) -> dict[str, Any]:
        """The same, once it has ended."""
        return until(lambda: (now := self.workflow(workflow_id))["status"] not in ("RUNNING", "PAUSED") and now)

    def tasks(self, workflow_id: str, reference: str) -> list[dict[str, Any]]:
        """The tasks of that very name, in the server's order."""
        return [task for task in self.workflow(workflow_id)["tasks"] if task["referenceTaskName"] == reference]

    def reached(self, workflow_id: str, reference: str, attempt: int = 0) -> str:
        """The id of an open task, once there is one of that name and at least that retry count."""

        def find() -> Any:
            found = [task for task in self.tasks(workflow_id, reference) if task["retryCount"] >= attempt]
            return next((task["taskId"] for task in found if task["status"] in ("SCHEDULED", "IN_PROGRESS")), None)

        return str(until(find))

    def take(self, workflow_id: str, reference: str, attempt: int = 0) -> str:
        """What a worker does: poll the task, once it is there."""
        task_id = self.reached(workflow_id, reference, attempt)
        name = next(task["taskDefName"] for task in self.tasks(workflow_id, reference) if task["taskId"] == task_id)

        def poll() -> Any:
            answer = self.done("GET", f"tasks/poll/{name}", params={"workerid": "worker-7"})
            return answer.status_code == 200 and answer.json()

        assert until(poll)["taskId"] == task_id
        return task_id

    def report(self, workflow_id: str, task_id: str, status: str, **more: Any) -> None:
        """What a worker reports, without this collection."""
        named = {"workflowInstanceId": workflow_id, "taskId": task_id}
        self.done("POST", "tasks", json={**named, "status": status, **more})

    # As the modules

    def client(self, **options: Any) -> ConductorClient:
        """A client as a module makes it."""
        params = {name: spec.get("default") for name, (spec, _environment) in CONDUCTOR_CONNECTION.items()}
        return ConductorClient.from_params({**params, "server_url": self.url, "ca_path": self.ca_path, **options})

    def info(self, *task_ids: str, **given: Any) -> list[dict[str, Any]]:
        """What conductor_task_info returns."""
        return self._do(lambda client: list_tasks(client, watched(_params(list(task_ids) or None, **given))))

    def wait(
        self, *task_ids: str, workflow_id: str | None = None, reference: Any = None, timeout: float = 30, **options: Any
    ) -> list[dict[str, Any]]:
        """The tasks that conductor_task_wait returns."""
        params = _params(list(task_ids) or None, workflow_id, reference)
        waiter = Waiter(WaitOptions(timeout=timeout, interval=0.1, max_interval=0.5))
        return self._do(lambda client: wait_for_tasks(client, waiter, watched(params), **options)["tasks"])

    def update(
        self,
        status: str,
        output: dict[str, Any] | None = None,
        reason: str | None = None,
        *,
        task_id: str | None = None,
        workflow_id: str | None = None,
        reference: str | None = None,
    ) -> dict[str, Any]:
        """What conductor_task returns."""
        wish, what = Update.from_params(status, output, reason), named(_params(task_id, workflow_id, reference))
        return self._do(lambda client: update_task(client, wish, what, check_mode=False))

    def _do(self, work: Callable[[ConductorClient], Any]) -> Any:
        with self.client() as client:
            try:
                return work(client)
            finally:
                self.warnings = client.warnings


def _params(task_id: Any = None, workflow_id: Any = None, reference: Any = None) -> dict[str, Any]:
    return {"task_id": task_id, "workflow_id": workflow_id, "task_reference_name": reference}


def until(look: Callable[[], Any], seconds: float = 180) -> Any:
    """What look() finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.1)
    return found


class Double(Server):
    """conductorsim."""

    real = False

    def __init__(self) -> None:
        self.simulator = ConductorSimulator(
            {"settings": {"external_above": EXTERNAL_ABOVE_KB * 1024, "refuse_above": REFUSED_ABOVE_KB * 1024}}
        )
        self.simulator.start()
        traits = {"unknown_task": 404, "retry_keeps_reason": True, "times_out_again": True, "human_times_out": True}
        super().__init__("double", self.simulator.url, self.simulator.ca_path, traits)

    def start(self, *stages: Stage, timeout: int = 0) -> str:
        """Start a workflow; a worker's task waits to be polled."""
        workflow = {"name": f"change{next(_numbers)}", "tasks": _left_to_workers(stages), "timeout": timeout}
        return self.simulator.start_workflow(workflow)

    def stop(self) -> None:
        """End it."""
        self.simulator.stop()


def _left_to_workers(stages: Sequence[Stage]) -> list[Any]:
    def left(task: Task) -> dict[str, Any]:
        own: dict[str, Any] = {name: value for name, value in task.items() if name not in ("again", "duration")}
        if "duration" in task:
            own["attempts"] = [{"after": task["duration"]}]
        if "tasks" in own:
            own["tasks"] = _left_to_workers(own["tasks"])
        elif own.get("type", "SIMPLE") == "SIMPLE":
            own["attempts"] = [{"status": "NEVER", "starts_after": _NEVER}]
        return own

    return [left(stage) if isinstance(stage, Mapping) else [left(task) for task in stage] for stage in stages]


class RealServer(Server):
    """Open-source Conductor in a process of its own, with embedded storage, on loopback and over TLS."""

    def __init__(self, release: Mapping[str, Any], folder: Path) -> None:
        """Start it.

        :param release: as tests/run/conductor.py describes it: version, jar, java, arguments, traits.
        :param folder: for its files.
        """
        port = _free_port()
        authority = certificates.authority()
        certificate = authority.issue_cert(*certificates.NAMES)
        for name, pem in (
            ("ca.pem", authority.cert_pem),
            ("server.pem", certificate.cert_chain_pems[0]),
            ("server.key", certificate.private_key_pem),
        ):
            pem.write_to_path(str(folder / name))
        super().__init__(release["version"], f"https://127.0.0.1:{port}", str(folder / "ca.pem"), release["traits"])
        self.log = folder / "server.log"
        command = [
            release["java"],
            # It lives for a minute or two: compile quickly rather than well.
            *("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", release["jar"]),
            f"--server.port={port}",
            "--server.address=127.0.0.1",
            "--server.ssl.certificate=file:server.pem",
            "--server.ssl.certificate-private-key=file:server.key",
            f"--conductor.app.taskOutputPayloadSizeThreshold={EXTERNAL_ABOVE_KB}KB",
            f"--conductor.app.maxTaskOutputPayloadSizeThreshold={REFUSED_ABOVE_KB}KB",
            *release["arguments"],
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its external storage is a folder below the temporary one.
                env={**_plain_environment(), "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={folder}"},
            )
        try:
            # Ten seconds to a minute; a computer that is busy otherwise takes its time.
            until(self._is_up, 480)
        except BaseException:
            self.stop()
            raise

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
        try:
            return self._session.get(f"{self.url}/health", verify=self.ca_path, timeout=5).ok
        except requests.RequestException:
            return False

    def start(self, *stages: Stage, timeout: int = 0) -> str:
        """Register the tasks and the workflow, and start it."""
        name = self._register(stages, timeout)
        return self.done("POST", f"workflow/{name}", json={}).text.strip().strip('"')

    def _register(self, stages: Sequence[Stage], timeout: int = 0) -> str:
        name = f"change{next(_numbers)}"
        definition = {
            "name": name,
            "version": 1,
            "schemaVersion": 2,
            "ownerEmail": "operator@example.com",
            "timeoutSeconds": timeout,
            "timeoutPolicy": "TIME_OUT_WF" if timeout else "ALERT_ONLY",
            "tasks": [each for number, stage in enumerate(stages, 1) for each in self._stage(stage, number, name)],
        }
        answer = self.done("PUT", "metadata/workflow", json=[definition]).json()
        assert not answer.get("bulkErrorResults"), answer
        return name

    def _stage(self, stage: Stage, number: int, workflow: str) -> list[dict[str, Any]]:
        if isinstance(stage, Mapping):
            return [self._task(stage, workflow)]
        branches = [[self._task(task, workflow)] for task in stage]
        fork = {"name": "fork", "taskReferenceName": f"fork_{number}", "type": "FORK_JOIN", "forkTasks": branches}
        join = {"name": "join", "taskReferenceName": f"join_{number}", "type": "JOIN"}
        return [fork, {**join, "joinOn": [task["reference"] for task in stage]}]

    def _task(self, task: Task, workflow: str) -> dict[str, Any]:
        kind, reference = task.get("type", "SIMPLE"), task["reference"]
        name = f"{workflow}_{reference}" if kind == "SIMPLE" or "retries" in task else reference
        result: dict[str, Any] = {"name": name, "taskReferenceName": reference, "type": kind, "inputParameters": {}}
        result["optional"] = task.get("optional", False)
        if "duration" in task:
            result["inputParameters"]["duration"] = f"{task['duration']} seconds"
        if "retries" in task:
            definition = {
                "name": name,
                "retryCount": task["retries"],
                "retryLogic": "FIXED",
                "retryDelaySeconds": 0,
                "timeoutSeconds": 0,
                "responseTimeoutSeconds": task.get("response_timeout", 3600),
                "ownerEmail": "operator@example.com",
            }
            self.done("POST", "metadata/taskdefs", json=[definition])
        if kind == "DO_WHILE":
            rounds = task.get("iterations", 1)
            again = f"$.{reference}['iteration'] < {rounds}" if rounds > 1 else "false"
            if "again" in task:
                # Loops in loops do not see their own names, which have a suffix, nor do they count reliably.
                again = f"$.{task['again']}['again'] == true"
            result["loopCondition"] = f"if ({again}) {{ true; }} else {{ false; }}"
            body = enumerate(task["tasks"], 1)
            result["loopOver"] = [each for number, stage in body for each in self._stage(stage, number, workflow)]
        if kind == "SUB_WORKFLOW":
            result["subWorkflowParam"] = {"name": self._register(task["tasks"]), "version": 1}
        return result

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _plain_environment() -> dict[str, str]:
    """Nothing that a server would read: neither Spring's settings, nor keys, nor Java options of the caller's."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}


def releases() -> list[dict[str, Any]]:
    """The real servers that there are; `make test-real` sets the variable."""
    found: list[dict[str, Any]] = json.loads(os.environ.get("VEEAM_EM_TEST_CONDUCTOR") or "[]")
    return found
