"""References of the guides lead somewhere: the build of the site (tests/run/docs.sh) is silent about unknown labels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.module_utils._options import CONDUCTOR_CONNECTION, EM_CONNECTION

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst"))
FRONT_PAGE = ROOT / "docs" / "site" / "index.rst"
REFERENCES = ("em_rest", "conductor")
OWN = "ansible_collections.backupops.veeam_em.docsite."
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in GUIDES}
PLUGINS = {
    "filter": {path.stem for path in (ROOT / "plugins" / "filter").glob("*.py")},
    "inventory": {path.stem for path in (ROOT / "plugins" / "inventory").glob("*.py")},
    "module": {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")},
    "role": {path.name for path in (ROOT / "roles").iterdir()},
}


@pytest.mark.parametrize("guide", [*TEXTS, "the front page"])
def test_references(guide: str) -> None:
    text = TEXTS.get(guide) or FRONT_PAGE.read_text(encoding="utf-8")
    labels = {label for text in TEXTS.values() for label in re.findall(r"^\.\. _(\S+):$", text, re.MULTILINE)}
    referred = re.findall(r":ref:`(?:[^`<]*<)?([^`<>]+)>?`", text)
    assert {label for label in referred if label.startswith(OWN)} <= labels
    for name, kind in re.findall(r":ansplugin:`(?:[^`<]*<)?backupops\.veeam_em\.(\w+)#(\w+)", text):
        assert name in PLUGINS[kind]


@pytest.mark.parametrize("guide", TEXTS)
def test_every_guide_has_its_label_and_is_listed(guide: str) -> None:
    assert TEXTS[guide].startswith(f".. _{OWN}{guide}:\n")
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    assert [page for section in sections for page in section["toctree"]].count(guide) == 1


@pytest.mark.parametrize("document", ["README.md", *(f"docs/docsite/rst/{path.name}" for path in GUIDES)])
def test_names_of_content_exist(document: str) -> None:
    eda = ROOT / "extensions" / "eda"
    others = [*(ROOT / "playbooks").glob("*.yml"), *eda.glob("plugins/event_source/*.py"), *eda.glob("rulebooks/*.yml")]
    known = set.union(*PLUGINS.values(), {path.stem for path in others})
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!ansible_collections\.)\bbackupops\.veeam_em\.(\w+)", text))
    assert named <= known | set(groups)


@pytest.mark.parametrize("module", sorted(PLUGINS["module"]))
def test_details_of_an_error_are_returned_on_failure(module: str) -> None:
    """Without a word about it, the documentation site says "on success"."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    returned = yaml.safe_load(re.findall(r'^RETURN = r"""\n(.*?)"""', text, re.MULTILINE | re.DOTALL)[0])
    assert {detail.get("returned") for detail in returned["error"]["contains"].values()} == {"failure"}


def test_the_list_of_contents_is_complete() -> None:
    text = TEXTS["guide_content"]
    kinds = {kind: set(re.findall(rf":ansplugin:`\w+ <backupops\.veeam_em\.(\w+)#{kind}>`", text)) for kind in PLUGINS}
    assert {**kinds, "filter": None} == {**PLUGINS, "filter": None}
    assert set(re.findall(r"``backupops\.veeam_em\.(\w+)``", text)) >= {
        path.stem for path in (ROOT / "playbooks").glob("*.yml")
    }


def test_the_connection_options_are_all_explained() -> None:
    named = set(re.findall(r"``(\w+)``", TEXTS["guide_connection"]))
    assert set(EM_CONNECTION) | set(CONDUCTOR_CONNECTION) <= named


@pytest.mark.parametrize("role", sorted(PLUGINS["role"]))
def test_the_examples_of_a_role_are_those_of_its_readme(role: str) -> None:
    """Those are run by tests/e2e/test_documentation.py."""
    run = re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "roles" / role / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    for name, entry in specs["argument_specs"].items():
        examples = re.split(r"\n(?=- name: )", entry["examples"].rstrip())
        assert examples, name
        assert {example.strip() for example in examples} <= {text.strip() for text in run}
