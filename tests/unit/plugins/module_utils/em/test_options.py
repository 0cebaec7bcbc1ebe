"""The one table of options: documentation, environment variables and action groups agree with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.doc_fragments.em import ModuleDocFragment as EmFragment
from ansible_collections.backupops.veeam_em.plugins.doc_fragments.wait import ModuleDocFragment as WaitFragment
from ansible_collections.backupops.veeam_em.plugins.module_utils import _options
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION, WAIT

# Python's idea of where it is would be right only for a collection without symlinks.
ROOT = Path(_options.__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
# What is to be kept from logs; a path may be shown.
SECRET = {"password", "proxy", "session_id"}


def documented(fragment: str) -> dict[str, Any]:
    return yaml.safe_load(fragment)["options"]


EM = documented(EmFragment.DOCUMENTATION)


def test_the_fragment_has_the_options_of_the_table() -> None:
    assert list(EM) == list(EM_CONNECTION)


@pytest.mark.parametrize("name", EM_CONNECTION)
def test_the_fragment_agrees_with_the_table(name: str) -> None:
    spec, environment = EM_CONNECTION[name]
    told = EM[name]
    for key in ("type", "default", "required"):
        assert told.get(key) == spec.get(key)
    assert sorted(told.get("choices", [])) == sorted(spec.get("choices", []))
    assert environment == f"VEEAM_EM_{name.upper()}"
    assert re.findall(r"E\((VEEAM_EM_\w+)\)", " ".join(told["description"])) == [environment]
    assert spec.get("no_log", False) is (name in SECRET)


def test_plugins_find_the_same_options_in_the_environment() -> None:
    told = {name: [each["name"] for each in option["env"]] for name, option in documented(EmFragment.PLUGIN).items()}
    assert told == {name: [environment] for name, (_spec, environment) in EM_CONNECTION.items()}


def test_the_waiting_options_agree_with_the_table() -> None:
    told = {**documented(WaitFragment.OPTIONAL), **documented(WaitFragment.DOCUMENTATION)}
    assert {name: (each["type"], each["default"]) for name, each in told.items()} == {
        name: (spec["type"], spec["default"]) for name, (spec, _environment) in WAIT.items()
    }


def test_every_module_is_in_its_action_group_and_nothing_else_is() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert groups["veeam_em"] == [name for name in MODULES if name.startswith("veeam_em_")]
    assert groups["conductor"] == [name for name in MODULES if name.startswith("conductor_")]
    assert len(MODULES) == len(groups["veeam_em"]) + len(groups["conductor"])
