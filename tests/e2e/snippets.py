"""Finds what readers of the documentation will type: playbooks, tasks and commands."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import yaml

# Word in a document -> kind of snippet.
_KINDS = {"yaml": "yaml", "yaml+jinja": "yaml", "console": "console", "python": "python"}
_RST = re.compile(r"^\.\. code-block:: (\S+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
_MARKDOWN = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A command within a sentence or a table.
_INLINE = re.compile(r"`(ansible(?:-playbook)? [^`]+)`")
_FILE = re.compile(r"(?:as|in)\s`{1,2}([\w.]+)`{1,2}[^`]*(?:``[^`]+``)?[^`]*:\s*$")


@dataclass(frozen=True)
class Snippet:
    """A piece of a document. `file`: the name under which the reader is told to save it."""

    document: str
    line: int
    kind: str  # yaml, console, inline or python
    text: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def snippets_in(document: Path, name: str) -> list[Snippet]:
    """The snippets of a document (.md, .rst), or of the EXAMPLES of a module (.py), in order."""
    text = document.read_text(encoding="utf-8")
    if document.suffix == ".py":
        examples = re.search(r'^EXAMPLES = r"""\n(.*?)"""', text, re.MULTILINE | re.DOTALL)
        return [Snippet(name, _line(text, examples.start()), "yaml", examples[1])] if examples else []
    found = []
    for match in (_RST if document.suffix == ".rst" else _MARKDOWN).finditer(text):
        kind = _KINDS.get(match[1])
        if kind:
            told = _FILE.search(text[: match.start()].rstrip()[-200:])
            code = textwrap.dedent(match[2]).strip() + "\n"
            found.append(Snippet(name, _line(text, match.start()), kind, code, told[1] if told else ""))
    found += [Snippet(name, _line(text, match.start()), "inline", match[1] + "\n") for match in _INLINE.finditer(text)]
    return sorted(found, key=lambda snippet: snippet.line)


def as_playbook(text: str) -> str | None:
    """The text of a playbook for YAML that is one, or that is a list of tasks; None for other YAML."""
    content = yaml.safe_load(text)
    if not (isinstance(content, list) and all(isinstance(item, dict) for item in content)):
        return None
    if any({"hosts", "ansible.builtin.import_playbook"} & set(item) for item in content):
        return text
    if all("name" in item for item in content):
        return "- hosts: localhost\n  gather_facts: false\n  tasks:\n" + textwrap.indent(text, "    ")
    return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
