"""Tables in the documentation say what the code does: connection options and variables of roles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.doc_fragments.conductor import ModuleDocFragment
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION, EM_CONNECTION
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT

ROLES = sorted((ROOT / "roles").iterdir())


def rows(text: str) -> list[list[str]]:
    """The cells of all lines that are rows of Markdown tables, without backquotes."""
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [[cell.strip().strip("`") for cell in re.split(r"\s*\|\s*", line)] for line in lines]


def cells(text: str) -> list[list[str]]:
    """The cells of all rows of reStructuredText list-tables."""
    rows = re.findall(r"^   \* - (.*\n(?:     .*\n)*)", text, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"^     -", row, flags=re.MULTILINE)] for row in rows]


def default(spec: dict[str, Any]) -> str:
    """How the guide writes the default of an option."""
    value = spec.get("default", "required" if spec.get("required") else "")
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


@pytest.mark.parametrize(("part", "table"), [(0, EM_CONNECTION), (1, CONDUCTOR_CONNECTION)])
def test_connection_tables_of_the_guide(part: int, table: dict[str, Any]) -> None:
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_connection.rst").read_text(encoding="utf-8")
    above = {name: default(spec) for name, (spec, _environment) in EM_CONNECTION.items()}
    told = {}
    for row in cells(guide.split("\nConductor\n---")[part]):
        for name in re.findall(r"``(\w+)``", row[0]):
            told[name] = above[name] if row[1] == "as above" else row[1]
    assert told == {name: default(spec) for name, (spec, _environment) in table.items()}


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
