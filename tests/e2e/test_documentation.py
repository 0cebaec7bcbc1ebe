"""Everything that the documentation tells to run is run: EXAMPLES, the READMEs and the guides.

Snippets are taken as they are printed, but for the addresses of servers, which lead to the simulators. What writes is
run once more with --check, and the servers see no write then.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.tests.e2e.runner import COLLECTIONS, ROOT, Ansible, Run
from ansible_collections.backupops.veeam_em.tests.e2e.snippets import Snippet, as_playbook, snippets_in
from conductorsim import ConductorSimulator
from conductorsim.scenario import load as load_workflows
from emsim import Simulator
from emsim.scenario import load as load_fleet

GUIDES = ROOT / "docs" / "docsite" / "rst"
DOCUMENTS = sorted(
    path
    for path in (
        ROOT / "README.md",
        ROOT / "docs" / "site" / "index.rst",
        ROOT / "extensions" / "awx" / "README.md",
        *ROOT.glob("roles/*/README.md"),
        *ROOT.glob("tests/simulator/**/README.md"),
        *GUIDES.glob("*.rst"),
        *ROOT.glob("plugins/modules/*.py"),
    )
    if path != GUIDES / "guide_adhoc.rst"  # test_adhoc.py runs its commands and looks at what they do.
)
SNIPPETS = {name: snippets_in(path, name) for path in DOCUMENTS for name in [path.relative_to(ROOT).as_posix()]}

# Text of a command, or of a YAML snippet -> why it is not run.
NOT_RUN = {
    "ansible-galaxy collection install": "needs the collection on Galaxy; the tests install the built artifact",
    "pip install": "needs a package index; the tests' environment has these packages",
    "community.general.mail": "needs a mail server, and a collection that is on Galaxy only",
    "vault_teams_webhook": "needs Teams, and a webhook",
    "make build": "is how the artifact is built that the tests install",
    "make demo": "takes a minute and makes environments of its own; run it by hand",
    "make test": "is what runs this test",
    "$WORKFLOW": "needs a real server of Conductor; tests/real/test_gate.py runs these lines",
    "curl -sS": "needs a real server of Conductor; tests/real/test_gate.py runs these lines",
    "awx.awx.": "needs AWX, and its collection, which is on Galaxy only",
    "veeam_organization:": "are settings of that playbook; test_awx.py compares them with what it needs",
    "base_image:": "needs the image and a container engine; test_ee.py builds the context from the same lines",
    "ansible-rulebook -r": "runs until it is stopped, and needs Java; test_event_source.py runs it with this rulebook",
    "failed_backup_playbook:": "are the variables of that rulebook",
    "retry_failed_backup_state_file:": "are the variables of that rulebook",
    "ansible_eda.event": "needs the event of a rulebook; test_event_source.py runs the playbook with these lines",
    "sources:": "is a rulebook; test_event_source_files.py checks its arguments",
    "additional_build_files:": "needs a container engine",
    'version: ">=0.3.0"': "is read by AWX when it installs collections from Galaxy",
}

LINUX = ["web01.example.com", "web02.example.com", "web03.example.com", "app01.example.com", "app02.example.com"]
LAST_NIGHT = {"ended_ago": 3600, "machines": [{"name": "x01", "result": "Failed", "reason": "The disk is full."}]}
FLEET = {
    "users": [
        {"name": "backup", "domain": "EXAMPLE", "password": "..."},
        {"name": "administrator", "password": "emsim"},
    ],
    "protection_groups": [{"name": "Linux", "computers": LINUX}],
    "agent_jobs": [
        {"name": "Linux servers", "includes": ["Linux"], "machines": LINUX, "history": [{"ended_ago": 7200}]},
        {"name": "SQL servers", "machines": ["sql01.example.com"]},
        {"name": "Nightly", "machines": ["app02.example.com"]},
        {"name": "Workstations", "machines": ["x01"], "schedule": {"enabled": False}, "history": [LAST_NIGHT]},
    ],
    "vm_jobs": [
        {"name": "Web VMs", "machines": ["web-vm01"]},
        {"name": "Standby site", "type": "Replica", "machines": ["erp01"], "history": [{"ended_ago": 7200}]},
    ],
}
INVENTORY = """\
localhost
[web]
web01
web02
web03
[app]
app01
app02
[all:vars]
ansible_connection=local
ansible_python_interpreter="{{ ansible_playbook_python }}"
"""
TASKS = [{"reference": name, "attempts": [{"after": 0.1}]} for name in ("approval", "snapshot", "backup")]
TASKS += [{"reference": name, "type": "HUMAN"} for name in ("backup_gate", "other_gate")]
WORKFLOWS = {
    "keys": [{"id": "operator", "secret": "conductorsim"}, {"id": "...", "secret": "..."}],
    "workflows": [{"name": "change", "id": "5d7c1f52-becd-11ef-a89d-86a819bd92bf", "tasks": [TASKS]}],
}
SIMULATOR = re.compile(r"-m (emsim|conductorsim) ")


class World:
    """Both simulators, and a home as the documentation assumes it.

    :ivar again: whether what writes is repeated with --check. Of the guides, only make test-full does that.
    """

    again = True

    def __init__(self, ansible: Ansible, sim: Simulator, conductor: ConductorSimulator, text: str) -> None:
        self.sim, self.conductor = sim, conductor
        self.home = ansible.folder
        self.text = text
        # A document may start a simulator of its own.
        own = SIMULATOR.findall(text)
        self.port = free_port() if "emsim" in own else str(sim.port)
        self.conductor_port = free_port() if "conductorsim" in own else str(conductor.port)
        variables = {
            "CONDUCTOR_SERVER_URL": f"{conductor.url}/api",
            "CONDUCTOR_AUTH_KEY": "operator",
            "CONDUCTOR_AUTH_SECRET": "conductorsim",
            "CONDUCTOR_CA_PATH": conductor.ca_path,
            "ANSIBLE_INVENTORY": str(self.home / "hosts"),
        }
        self.ansible = ansible.connected(sim, "EXAMPLE\\backup", "...", **variables).with_env(VEEAM_EM_PORT=self.port)
        (self.home / "hosts").write_text(INVENTORY, encoding="utf-8")
        installed = self.home / ".ansible" / "collections" / "ansible_collections"
        installed.parent.mkdir(parents=True)
        installed.symlink_to(Path(COLLECTIONS) / "ansible_collections")
        self.tasks = ["task-7", "task-8"]
        self.renew()

    def renew(self) -> None:
        """Close the gates and open the logon session, which commands may have used up."""
        self.conductor.reset()
        self.variables = self.known_things()
        self.ansible = self.ansible.with_env(**self.shell_variables())
        (self.home / "variables.json").write_text(json.dumps(self.variables), encoding="utf-8")

    def known_things(self) -> dict[str, Any]:
        """Values of the variables that snippets use without setting them."""
        text = self.text
        gates = {task["reference"]: task["id"] for task in self.conductor.workflows()[0]["tasks"]}
        run = {"id": self.last_run("Standby site" if "replica" in text else "Linux servers"), "result": "Success"}
        known: dict[str, Any] = {
            "vault_em_password": "...",
            "conductor_key": "operator",
            "conductor_secret": "conductorsim",
            "workflow_id": self.conductor.workflows()[0]["id"],
            "task_id": gates["approval" if "conductor_task_wait" in text else "other_gate"],
            "run": run,
            "started": {"jobs": [{"session": run}]},
            "backup": {"msg": "The disk is full.", "jobs": [{"session": run}]},
        }
        # What a snippet registers itself must not be overridden.
        known = {name: value for name, value in known.items() if f"register: {name}\n" not in text}
        if re.search(r"task-\d|\$TOKEN|logon\.", text) and "register: logon\n" not in text:
            known["logon"] = self.logon_with_tasks()
        return known

    def last_run(self, job: str) -> str:
        return next(row["runs"][-1]["id"] for row in self.sim.jobs() if row["name"] == job)

    def logon_with_tasks(self) -> dict[str, str]:
        """Open a logon session, and let it have two tasks."""
        logon = self.ansible.module("veeam_em_session").result
        toggle = {"name": "Workstations", "state": "schedule", "session_id": logon["session_id"]}
        runs = [self.ansible.module("veeam_em_agent_job", schedule_enabled=wish, **toggle) for wish in (True, False)]
        self.tasks = [run.result["jobs"][0]["task"]["id"] for run in runs]
        return {name: logon[name] for name in ("session_id", "logon_session_id")}

    def shell_variables(self) -> dict[str, str]:
        """Values of the shell variables that commands use."""
        if "$REPLICA_TASK_SESSION" not in self.text:
            return {}
        machines = self.ansible.module(
            "veeam_em_replica_task_session_info", replica_session_id=self.last_run("Standby site")
        )
        return {
            "TOKEN": self.variables["logon"]["session_id"],
            "LOGON_SESSION": self.variables["logon"]["logon_session_id"],
            "REPLICA_TASK_SESSION": machines.result["task_sessions"][0]["id"],
            "JOB_SESSION": self.last_run("Linux servers"),
            "AGENT_JOB": next(job["id"] for job in self.sim.jobs() if job["name"] == "Linux servers"),
            "CONDUCTOR_TASK": self.variables["task_id"],
        }

    def real(self, text: str) -> str:
        """A snippet with addresses and ids that exist here."""
        pairs = {
            "https://conductor.example.com": self.conductor.url,
            "http://localhost:8080": self.conductor.url,
            "em.example.com": self.sim.host,
            "9398": self.port,
            "8443": self.conductor_port,
            "/tmp/": f"{self.home}/",
            "cd tests/": f"cd {COLLECTIONS}/ansible_collections/backupops/veeam_em/tests/",
            "0c658ed7-becd-11ef-a89d-86a819bd92bf": str(self.variables.get("task_id")),
            "task-7": self.tasks[0],
            "task-8": self.tasks[1],
            "task-1 ": f"{self.tasks[0]} ",
        }
        for printed, here in pairs.items():
            text = text.replace(printed, here)
        return text

    def writes(self) -> tuple[int, int]:
        """How many writing requests the servers have seen; a logon is none."""
        return self.sim.counters()["writes"], self.conductor.counters()["writes"]

    def play(self, snippet: Snippet, *arguments: str) -> Run:
        playbook = as_playbook(snippet.text)
        assert playbook is not None
        path = self.home / (snippet.file or f"line_{snippet.line}.yml")
        path.write_text(self.real(playbook), encoding="utf-8")
        return self.ansible.command("ansible-playbook", str(path), "-e", "@variables.json", *arguments)

    def shell(self, lines: list[str]) -> Run:
        """Run commands in one shell, as a reader does, until one fails."""
        script = []
        for line in lines:
            script.append(self.real(line))
            if started := SIMULATOR.search(line):
                ready = self.home / started[1] / f"{started[1]}.json"
                script.append(f"for _ in $(seq 100); do [ -e '{ready}' ] && break; sleep 0.2; done")
        # A file, not a pipe: commands that go on in the background would keep a pipe open.
        with (self.home / "output").open("w+", encoding="utf-8") as output:
            done = subprocess.run(
                ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(script)],
                cwd=self.home,
                env=self.ansible.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=300,
                check=False,
            )
            output.seek(0)
            return Run(done.returncode, output.read(), "", [])


@pytest.fixture
def world(emsim: Callable[..., Simulator], ansible: Ansible, request: pytest.FixtureRequest) -> Iterator[World]:
    """The world for the document that the test is about."""
    text = "".join(snippet.text for snippet in SNIPPETS[request.getfixturevalue("document")])
    if "openssl " in text and not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    tls = "self-signed" if "openssl s_client" in text else "good"
    with ConductorSimulator(WORKFLOWS, "orkes") as conductor:
        world = World(ansible, emsim(FLEET, speed=20, tls=tls), conductor, text)
        world.again = "not full" not in request.config.option.markexpr or not request.node.name.endswith(".rst]")
        yield world
        for ready in world.home.glob("*/*sim.json"):
            subprocess.run(["kill", str(json.loads(ready.read_text(encoding="utf-8"))["pid"])], check=True)


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def reason(text: str) -> str | None:
    """Why a text is not run, if it is not."""
    return next((why for part, why in NOT_RUN.items() if part in text), None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [
        # The roles' pages repeat what the guides show.
        pytest.param(name, marks=[pytest.mark.full] if name.startswith("roles/") else [])
        for name, found in SNIPPETS.items()
        if found
    ],
)
def test_document(world: World, document: str) -> None:
    commands: list[str] = []
    for snippet in SNIPPETS[document]:
        if snippet.kind == "python":
            exec(compile(snippet.text, str(snippet), "exec"), {})
        elif snippet.kind != "yaml":
            commands += [line for line in snippet.text.splitlines() if not reason(line)]
        elif not reason(snippet.text):
            check_yaml(world, snippet)
    if commands:
        before = world.writes()
        run = world.shell(commands)
        assert run.rc == 0, f"{document}\n{run.output}"
        if world.again and world.writes() != before:
            world.renew()
            before = world.writes()
            tried = [
                f"{line} --check" if re.match("ansible(-playbook)? ", line) and "--check" not in line else line
                for line in commands
            ]
            run = world.shell([line for line in tried if not line.endswith("&")])
            assert run.rc == 0, f"{document} --check\n{run.output}"
            assert world.writes() == before


def check_yaml(world: World, snippet: Snippet) -> None:
    """Run a playbook or tasks, once more with --check if they write; other YAML is an inventory, or emsim's."""
    if as_playbook(snippet.text) is None:
        content = yaml.safe_load(snippet.text)
        if "plugin" in content:
            check_inventory(world, snippet)
            return
        if snippet.file:
            (world.home / snippet.file).write_text(snippet.text, encoding="utf-8")
        if isinstance(content, list):
            world.sim.add_faults(content)
            world.sim.clear_faults()
        elif "workflows" in content:
            load_workflows(content)
        else:
            load_fleet(content)
        return
    before = world.writes()
    run = world.play(snippet)
    assert run.rc == 0, f"{snippet}\n{run.output}"
    assert world.sim.counters()["open_logon_sessions"] == ("logon" in world.variables), snippet
    if world.again and world.writes() != before:
        before = world.writes()
        check = world.play(snippet, "--check")
        assert check.rc == 0, f"{snippet} --check\n{check.output}"
        assert world.writes() == before, snippet


def check_inventory(world: World, snippet: Snippet) -> None:
    """An inventory; one with a name of its own is that of the playbooks that follow."""
    path = world.home / (snippet.file or f"line_{snippet.line}.veeam_em.yml")
    path.write_text(world.real(snippet.text), encoding="utf-8")
    run = world.ansible.command("ansible-inventory", "-i", str(path), "--list")
    assert run.rc == 0, f"{snippet}\n{run.output}"
    assert "WARNING" not in run.output, f"{snippet}\n{run.output}"
    assert json.loads(run.stdout)["_meta"]["hostvars"], snippet
    if snippet.file:
        world.ansible = world.ansible.with_env(ANSIBLE_INVENTORY=f"{world.home / 'hosts'},{path}")


def test_what_is_not_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    used = set()
    told = []
    for snippet in (snippet for found in SNIPPETS.values() for snippet in found):
        parts = snippet.text.splitlines() if snippet.kind != "yaml" else [snippet.text]
        for part in parts:
            for text, why in NOT_RUN.items():
                if text in part:
                    used.add(text)
                    shown = part if snippet.kind != "yaml" else text
                    told.append(f"  {snippet}: {shown.strip()}: {why}")
    assert used == set(NOT_RUN), "entries of NOT_RUN that nothing needs any more"
    with capsys.disabled():
        print("\nSnippets of the documentation that are not run:", *sorted(set(told)), sep="\n")


@pytest.mark.slow
def test_the_snippet_of_troubleshooting_names_machine_and_reason(
    emsim: Callable[..., Simulator], ansible: Ansible
) -> None:
    full = {"name": "web02.example.com", "result": "Failed", "reason": "The disk is full."}
    sim = emsim({"agent_jobs": [{"name": "Linux servers", "machines": ["web01.example.com", full]}]}, speed=20)
    snippet = SNIPPETS["docs/docsite/rst/guide_troubleshooting.rst"][0]
    (ansible.folder / "backup.yml").write_text(as_playbook(snippet.text) or "", encoding="utf-8")
    run = ansible.connected(sim).command("ansible-playbook", "backup.yml")
    assert run.rc == 2, run.output
    named = run["Name each failed machine and the reason"]
    assert [each["msg"] for each in named["results"]] == ["web02.example.com: Failed: The disk is full."]
    assert run.result["msg"].startswith("rejected: ")


def test_every_module_has_examples() -> None:
    assert not [name for name, found in SNIPPETS.items() if name.startswith("plugins/") and not found]
