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


def _headings(text: str) -> set[str]:
    """What a citation may name: the numbers of sections, and numbered points as SECTION.POINT."""
    known, section = set(), ""
    for line in text.splitlines():
        heading = re.match(r"#{2,3} (\d+(?:\.\d+)?)\b", line)
        point = re.match(r"(\d+)\. ", line)
        if heading:
            section = heading.group(1).rstrip(".")
            known.add(section)
        elif point:
            known.add(f"{section}.{point.group(1)}")
    return known


FACTS = {name: (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8") for name in REFERENCES}
CITING = [
    path
    for folder in ("plugins", "extensions", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "test_references.py" and ".tmp" not in path.parts
]
TEXTS_CITING = [(path, path.read_text(encoding="utf-8")) for path in CITING]


def _cited(text: str) -> list[tuple[str, str]]:
    """The sections and points that a text cites, such as ("em_rest", "15.16")."""
    found = []
    text = re.sub(r"\n\s*#? ?", " ", text)
    for name, first, rest in re.findall(
        r"\b(em_rest|conductor) (\d+(?:\.\d+)?)((?:,? (?:and |trap |points? )?\d+(?:\.\d+)?)*)", text
    ):
        found.append((name, first))
        for word, number in re.findall(r"(trap |points? )?(\d+(?:\.\d+)?)\b", rest):
            found.append((name, f"{first}.{number}" if word else number))
    return found


def test_facts_that_the_code_cites_are_in_the_reference() -> None:
    known = {name: _headings(text) for name, text in FACTS.items()}
    cited = {(*each, path.name) for path, text in TEXTS_CITING for each in _cited(text)}
    assert len(cited) > 100
    assert not [each for each in sorted(cited) if each[1] not in known[each[0]]]


def test_the_code_cites_no_document_that_readers_do_not_have() -> None:
    pattern = r"\bDESIGN\b.*|\bsample \w+\.\w+"
    assert not [(path.name, re.findall(pattern, text)) for path, text in TEXTS_CITING if re.search(pattern, text)]


def test_a_citation_that_leads_nowhere_is_found() -> None:
    assert _cited("by sync (em_rest 9 and 15.16)") == [("em_rest", "9"), ("em_rest", "15.16")]
    assert _cited("late (em_rest 15, trap 18)") == [("em_rest", "15"), ("em_rest", "15.18")]
    assert "99" not in _headings(FACTS["em_rest"])
