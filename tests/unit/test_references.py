"""References of the guides lead somewhere: the build of the site (tests/run/docs.sh) is silent about unknown labels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst"))
OWN = "ansible_collections.backupops.veeam_em.docsite."
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in GUIDES}
PLUGINS = {
    "inventory": {path.stem for path in (ROOT / "plugins" / "inventory").glob("*.py")},
    "module": {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")},
    "role": {path.name for path in (ROOT / "roles").iterdir()},
}


@pytest.mark.parametrize("guide", TEXTS)
def test_references(guide: str) -> None:
    labels = {label for text in TEXTS.values() for label in re.findall(r"^\.\. _(\S+):$", text, re.MULTILINE)}
    referred = re.findall(r":ref:`(?:[^`<]*<)?([^`<>]+)>?`", TEXTS[guide])
    assert {label for label in referred if label.startswith(OWN)} <= labels
    for name, kind in re.findall(r":ansplugin:`(?:[^`<]*<)?backupops\.veeam_em\.(\w+)#(\w+)", TEXTS[guide]):
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
