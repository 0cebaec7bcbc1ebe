"""AWX: credentials become an environment that the modules understand; surveys fit the playbooks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION, EM_CONNECTION
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible
from conductorsim import ConductorSimulator
from emsim import Simulator
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

AWX = ROOT / "extensions" / "awx"
TABLES = {"veeam_em": EM_CONNECTION, "conductor": CONDUCTOR_CONNECTION}
TEMPLATES = yaml.safe_load((AWX / "job_templates.yml").read_text(encoding="utf-8"))["controller_job_templates"]
QUESTION_TYPES = {"text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float"}
WORKFLOWS = yaml.safe_load((AWX / "workflow_templates.yml").read_text(encoding="utf-8"))["controller_workflows"]
PROTECTION = {"agent_jobs": [{"name": name, "machines": [name.lower()]} for name in ("Linux servers", "SQL servers")]}


def credential_type(name: str, part: str) -> Any:
    return yaml.safe_load((AWX / "credential_types" / name / f"{part}.yml").read_text(encoding="utf-8"))


def inject(name: str, given: dict[str, Any]) -> dict[str, str]:
    """Render the injectors as AWX does: defaults for what was left out, empty text for what has none."""
    values: dict[str, Any] = {}
    for field in credential_type(name, "inputs")["fields"]:
        empty: Any = False if field["type"] == "boolean" else ""
        values[field["id"]] = given.get(field["id"], field.get("default", empty))
    # The values are text that was typed in, not templates of ours: no escaping.
    sandbox = SandboxedEnvironment(undefined=StrictUndefined)
    injectors = credential_type(name, "injectors")
    assert set(injectors) == {"env"}
    return {variable: sandbox.from_string(text).render(**values) for variable, text in injectors["env"].items()}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_credential_types_follow_the_options(name: str) -> None:
    table, inputs, injectors = TABLES[name], credential_type(name, "inputs"), credential_type(name, "injectors")
    fields = {field["id"]: field for field in inputs["fields"]}
    assert list(fields) == list(table)
    assert list(injectors["env"]) == [environment for _spec, environment in table.values()]
    for option, (spec, environment) in table.items():
        field = fields[option]
        assert bool(field.get("secret")) == bool(spec.get("no_log")), option
        assert option in injectors["env"][environment]
        assert field["type"] == ("boolean" if spec["type"] == "bool" else "string"), option
        assert shown(field.get("default")) == shown(spec.get("default")), option
        assert field.get("choices") == spec.get("choices"), option
    assert inputs["required"] == [option for option, (spec, _environment) in table.items() if spec.get("required")]


def shown(default: Any) -> Any:
    """A default as the user sees it: AWX keeps numbers as text."""
    return f"{default:g}" if isinstance(default, (int, float)) and not isinstance(default, bool) else default


def test_veeam_credential(emsim: Callable[..., Simulator], ansible: Ansible) -> None:
    password = "{{ x }} 'p\u00e4ss' \"$HOME\""
    sim = emsim({"users": [{"name": "backup", "password": password, "domain": "EXAMPLE"}], **PROTECTION})
    given = {"host": sim.host, "port": str(sim.port), "username": "EXAMPLE\\backup", "password": password,
             "ca_path": sim.ca_path}  # fmt: skip
    run = ansible.with_env(**inject("veeam_em", given)).module("veeam_em_agent_job_info")
    assert run.rc == 0, run.output
    assert [job["name"] for job in run.result["jobs"]] == ["Linux servers", "SQL servers"]
    # Everything that may be left blank is blank.
    blank = {"request_timeout": "", "retries": "", "api_version": "", "api_format": "", **given}
    again = ansible.with_env(**inject("veeam_em", blank)).module("veeam_em_agent_job_info")
    assert again.result["jobs"] == run.result["jobs"]


def test_conductor_credential(ansible: Ansible) -> None:
    scenario = {"workflows": [{"name": "change", "tasks": [{"reference": "backup_gate", "type": "HUMAN"}]}]}
    with ConductorSimulator(scenario, "orkes") as sim:
        given = {"server_url": sim.url + "/api", "auth_key": "operator", "auth_secret": "conductorsim",
                 "ca_path": sim.ca_path, "retries": "", "request_timeout": ""}  # fmt: skip
        gate = {"workflow_id": sim.workflows()[0]["id"], "task_reference_name": "backup_gate"}
        run = ansible.with_env(**inject("conductor", given)).module("conductor_task_info", **gate)
    assert run.rc == 0, run.output
    assert run.result["tasks"][0]["status"] == "IN_PROGRESS"


SURVEYS = [template for template in TEMPLATES if template["survey_enabled"]]


@pytest.mark.parametrize("template", SURVEYS, ids=lambda template: template["playbook"])
def test_surveys_ask_for_what_the_playbooks_take(template: dict[str, Any]) -> None:
    asked = template["survey_spec"]["spec"]
    assert {question["variable"] for question in asked} <= known_variables(template["playbook"])
    for question in asked:
        assert question["type"] in QUESTION_TYPES
        assert {"question_name", "variable", "required", "default"} <= set(question)
        if question["type"] in ("multiplechoice", "multiselect"):
            assert question["default"] in question["choices"]
    project = yaml.safe_load((AWX / "project" / template["playbook"]).read_text(encoding="utf-8"))
    imported = f"backupops.veeam_em.{Path(template['playbook']).stem}"
    assert project[0]["ansible.builtin.import_playbook"] == imported


def known_variables(playbook: str) -> set[str]:
    """The variables of a playbook, and of the role that it uses."""
    known: set[str] = set()
    for play in yaml.safe_load((ROOT / "playbooks" / playbook).read_text(encoding="utf-8")):
        known |= set(play.get("vars", {}))
        for task in play["tasks"]:
            role = task.get("ansible.builtin.import_role", {})
            if role:
                path = ROOT / "roles" / role["name"].rpartition(".")[2] / "meta" / "argument_specs.yml"
                specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
                known |= set(specs[role.get("tasks_from", "main")]["options"])
    return known


def test_job_templates_run_with_their_surveys(
    emsim: Callable[..., Simulator], ansible: Ansible, tmp_path: Path
) -> None:
    sim = emsim(PROTECTION, speed=20)
    em = ansible.connected(sim)
    for template in TEMPLATES:
        if not template["survey_enabled"]:
            continue  # It fails, as it should: test_a_workflow_thaws_in_every_case.
        answers = {question["variable"]: answer(question) for question in template["survey_spec"]["spec"]}
        if "gate_workflow_id" in answers or "patch_window_hosts" in answers:
            continue  # Their playbooks need a workflow that waits, and hosts: test_conductor.py, test_change_window.py.
        if "maintenance_window_file" in answers:
            answers["maintenance_window_file"] = str(tmp_path / "freeze.json")
        project = str(AWX / "project" / template["playbook"])
        run = em.command("ansible-playbook", project, "-e", json.dumps(answers))
        assert run.rc == 0, run.output
    counters = sim.counters()
    assert (counters["starts"], counters["toggles"]) == ({"Linux servers": 1}, {"Linux servers": 2})


def test_a_workflow_thaws_in_every_case(ansible: Ansible) -> None:
    (workflow,) = WORKFLOWS
    nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
    ours = {template["name"] for template in TEMPLATES} | {"Change"}
    assert {node["unified_job_template"]["name"] for node in nodes.values()} <= ours
    for name, follow in (("freeze", "failure_nodes"), ("change", "always_nodes")):
        assert "thaw" in [each["identifier"] for each in nodes[name]["related"][follow]]
        # A workflow is green when each failure is followed by something that ends well.
        assert "failed" in [each["identifier"] for each in nodes[name]["related"]["failure_nodes"]]
    # Neither waits for all of its parents.
    assert not any(nodes[name]["all_parents_must_converge"] for name in ("thaw", "failed"))
    failed = ansible.command("ansible-playbook", str(AWX / "project" / "change_failed.yml"))
    assert (failed.rc, "The change failed" in failed.result["msg"]) == (2, True)


def test_schedules_thaw_what_is_overdue() -> None:
    templates = {template["name"]: template for template in TEMPLATES}
    files = set()
    objects = yaml.load((AWX / "objects.yml").read_text(encoding="utf-8"), Loader=Unsafe)
    for schedule in objects["controller_schedules"]:
        if "extra_data" not in schedule:
            continue
        # AWX takes only what the survey asks for.
        template = templates[schedule["unified_job_template"]]
        asked = {question["variable"] for question in template["survey_spec"]["spec"]}
        assert set(schedule["extra_data"]) <= asked
        assert (template["playbook"], schedule["extra_data"]["maintenance_window_overdue_only"]) == ("thaw.yml", "true")
        files.add(schedule["extra_data"]["maintenance_window_file"])
    asked_for = ("maintenance_window_file", "patch_window_file")
    questions = [question for template in SURVEYS for question in template["survey_spec"]["spec"]]
    assert files == {question["default"] for question in questions if question["variable"] in asked_for}


def answer(question: dict[str, Any]) -> Any:
    """What AWX passes on: names of jobs with a line for each, the default for everything else."""
    return "Linux servers\n" if question["question_name"] == "Jobs" else question["default"]


def test_the_surveys_make_up_no_names() -> None:
    jobs = [question for template in SURVEYS for question in template["survey_spec"]["spec"]]
    asked = [question for question in jobs if question["variable"].endswith("_jobs")]
    assert len(asked) == 3
    assert {(question["type"], question["default"]) for question in asked} == {("textarea", "")}


class Unsafe(yaml.SafeLoader):
    """Reads !unsafe, which Ansible knows, as text."""


Unsafe.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def test_everything_that_a_template_names_is_there() -> None:
    objects = yaml.load((AWX / "objects.yml").read_text(encoding="utf-8"), Loader=Unsafe)
    names = {kind.removeprefix("controller_"): {each["name"] for each in found} for kind, found in objects.items()}
    for template in TEMPLATES:
        assert template["inventory"] in names["inventories"]
        assert template["project"] in names["projects"]
        assert template["execution_environment"] in names["execution_environments"]
        assert set(template["credentials"]) <= names["credentials"]
        assert set(template.get("notification_templates_error", [])) <= names["notifications"]
        assert (AWX / "project" / template["playbook"]).exists()
    assert {host["inventory"] for host in objects["controller_hosts"]} <= names["inventories"]
    types = names["credential_types"] | {"Machine"}
    assert {credential["credential_type"] for credential in objects["controller_credentials"]} <= types
    for each in objects["controller_credential_types"]:
        assert set(TABLES[each["folder"]])
    runnable = {each["name"] for each in [*TEMPLATES, *WORKFLOWS]}
    assert {schedule["unified_job_template"] for schedule in objects["controller_schedules"]} <= runnable
    # The settings that README tells to write are those that the objects need.
    needed = set(re.findall(r"\{\{ (\w+) \}\}", (AWX / "objects.yml").read_text(encoding="utf-8")))
    readme = (AWX / "README.md").read_text(encoding="utf-8")
    told = yaml.safe_load(re.findall(r"^```yaml\n(veeam_organization.*?)^```$", readme, re.MULTILINE | re.DOTALL)[0])
    assert set(told) == needed - {"ansible_playbook_python"} | {"veeam_organization"}
