"""Tables in the documentation say what the code does: options, modules, variables of roles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.doc_fragments.conductor import ModuleDocFragment
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION, EM_CONNECTION
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROLES = sorted((ROOT / "roles").iterdir())


def rows(text: str) -> list[list[str]]:
    """The cells of all lines that are rows of Markdown tables, without backquotes."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [[cell.strip().strip("`") for cell in re.split(r"\s*\|\s*", line)] for line in lines]


@pytest.mark.parametrize(("prefix", "table"), [("VEEAM_EM_", EM_CONNECTION), ("CONDUCTOR_", CONDUCTOR_CONNECTION)])
def test_connection_tables_of_the_readme(prefix: str, table: dict[str, Any]) -> None:
    told = {row[0]: row[1:3] for row in rows(README) if len(row) > 2 and row[2].startswith(prefix)}
    real = {}
    for name, (spec, environment) in table.items():
        default = spec.get("default", "required" if spec.get("required") else "")
        real[name] = [f"{default:g}" if isinstance(default, float) else str(default).lower(), environment]
    assert told == real


def test_module_table_of_the_readme() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert modules - {"__init__"} <= {row[0] for row in rows(README)}


def test_playbooks_and_roles_are_in_the_readme() -> None:
    for path in [*(ROOT / "playbooks").glob("*.yml"), *ROLES]:
        assert path.stem in README


def test_conductor_fragment_agrees_with_the_table() -> None:
    told = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert list(told) == list(CONDUCTOR_CONNECTION)
    for name, (spec, environment) in CONDUCTOR_CONNECTION.items():
        assert f"E({environment})" in " ".join(told[name]["description"])
        for key in ("type", "default", "required", "choices"):
            assert told[name].get(key) == spec.get(key), name


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_of_roles(role: Path) -> None:
    specs = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    options: dict[str, Any] = {name: option for spec in specs.values() for name, option in spec["options"].items()}
    # A default that is a template is told in words.
    defaults = {name: value for name, value in read(role / "defaults" / "main.yml").items() if "{{" not in str(value)}
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
    told = {row[0]: row[1] for row in rows((role / "README.md").read_text(encoding="utf-8")) if row[0] in options}
    assert set(told) == set(options)
    for name, default in defaults.items():
        assert told[name] == (default if isinstance(default, str) else str(default).lower()), name


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
