"""What lies beside the event source says the same as its code: documentation, schema, credential type, rulebook."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.module_utils._event_source import SOURCE, read_options
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import EM_CONNECTION

ROOT = Path(__file__).resolve().parents[2]
EDA = ROOT / "extensions" / "eda"
SOURCES = EDA / "plugins" / "event_source"
TABLE: dict[str, dict[str, Any]] = {**{name: spec for name, (spec, _variable) in EM_CONNECTION.items()}, **SOURCE}
JSON_TYPES = {"str": "string", "path": "string", "int": "integer", "float": "number", "bool": "boolean"}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def source() -> dict[str, Any]:
    return runpy.run_path(str(SOURCES / "veeam_em_sessions.py"))


def test_documentation(source: dict[str, Any]) -> None:
    options = yaml.safe_load(source["DOCUMENTATION"])["options"]
    assert list(options) == list(TABLE)
    for name, spec in TABLE.items():
        option = options[name]
        assert {key: option.get(key) for key in ("type", "elements", "required", "default", "choices")} == {
            key: spec.get(key) for key in ("type", "elements", "required", "default", "choices")
        }, name
        variable = EM_CONNECTION[name][1] if name in EM_CONNECTION else ""
        assert variable in " ".join(option["description"]) if variable else True
        assert all(each.endswith(".") for each in option["description"])


def test_examples_are_understood(source: dict[str, Any]) -> None:
    examples = yaml.safe_load(source["EXAMPLES"])
    assert examples
    for example in examples:
        read_options({"host": "em.example.com", **example["backupops.veeam_em.veeam_em_sessions"]})


def test_schema() -> None:
    schema = json.loads((SOURCES / "schemas" / "veeam_em_sessions.json").read_text(encoding="utf-8"))
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(TABLE)
    for name, spec in TABLE.items():
        shown = schema["properties"][name]
        assert shown["type"] == ("array" if spec["type"] == "list" else JSON_TYPES[spec["type"]]), name
        assert (shown.get("default"), shown.get("enum")) == (spec.get("default"), spec.get("choices")), name
        assert (shown.get("format") == "password") is bool(spec.get("no_log")), name


def test_the_credential_type_is_that_of_awx() -> None:
    mine = SOURCES / "credential_types" / "veeam_em"
    theirs = ROOT / "extensions" / "awx" / "credential_types" / "veeam_em"
    without_help = [
        {
            **load(path),
            "fields": [{key: value for key, value in field.items() if key != "help_text"} for field in fields],
        }
        for path in (mine / "input.yml", theirs / "inputs.yml")
        for fields in [load(path)["fields"]]
    ]
    assert without_help[0] == without_help[1]
    assert load(mine / "injectors.yml") == load(theirs / "injectors.yml")


def test_rulebooks_use_arguments_that_exist() -> None:
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_events.rst").read_text(encoding="utf-8")
    shown = re.search(r"code-block:: yaml\n\n((?:   - name:.*\n)(?:   .*\n)+)", guide)
    assert shown
    shipped = [ruleset for path in sorted((EDA / "rulebooks").iterdir()) for ruleset in load(path)]
    assert [each["name"] for each in shipped] == ["Failed backups", "Retry failed backups"]
    for ruleset in [*shipped, *yaml.safe_load(shown[1])]:
        for entry in ruleset["sources"]:
            assert set(entry["backupops.veeam_em.veeam_em_sessions"]) <= set(TABLE)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hots": "x"}, "hots"),
        ({"interval": "soon"}, "interval"),
        ({"interval": 0}, "interval"),
        ({"interval": float("nan")}, "interval"),
        ({"interval": True}, "interval"),
        ({"port": "https"}, "port"),
        ({"include_machines": "maybe"}, "include_machines"),
        ({"job_name": {"a": 1}}, "job_name"),
        ({"job_name": [["a"]]}, "job_name"),
        ({"machine": []}, "machine"),
        ({"machine": ""}, "machine"),
        ({"job_name": [" ", ""]}, "job_name"),
        ({"job_name": ["A", None]}, "job_name"),
        ({"result": ["Success", "Bad"]}, "Bad"),
        ({"initial": "yesterday"}, "yesterday"),
        ({"state_file": ["a"]}, "state_file"),
        ({"host": None}, "host"),
        ({"api_format": "csv"}, "api_format"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VEEAM_EM_HOST", raising=False)
    with pytest.raises(Exception, match=words):
        read_options({"host": "em.example.com", **given})


def test_arguments_as_rulebooks_give_them() -> None:
    # Values that came through a template may be texts.
    found = read_options(
        {"host": "em", "port": "9398", "interval": "0.5", "include_machines": "no", "job_name": "A", "state_file": None}
    )
    assert (found["port"], found["interval"], found["include_machines"]) == (9398, 0.5, False)
    assert (found["job_name"], found["result"], found["state_file"], found["initial"]) == (["A"], None, None, "now")
    # A variable that is not set, as default(none).
    nothing = read_options({"host": "em", **dict.fromkeys(TABLE.keys() - {"host"})})
    assert nothing == read_options({"host": "em"})
