# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the documentation site; tests/run/docs.sh builds it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
SECTIONS = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
# Guides show pictures by their public address, since antsibull-docs copies no pictures. The site brings its own.
PICTURES = "https://raw.githubusercontent.com/backupops/ansible-veeam-em/main/docs/images/"
CONTENTS = re.compile(r"^\.\. contents::.*\n(?:   +:.*\n)*", re.MULTILINE)

project = "backupops.veeam_em"
copyright = "backupops contributors"
version = release = VERSION
language = "en"
extensions = ["sphinx_antsibull_ext"]
default_role = "any"
highlight_language = "YAML+Jinja"
nitpicky = True
# Nothing is looked up in other projects, so that the site builds offline; hence no complaint about their labels.
# tests/unit/test_references.py looks at the collection's own. ANSIBLE_CACHE_PLUGIN and its kin are ansible-core's.
suppress_warnings = ["ref.ref"]
nitpick_ignore_regex = [("envvar", "ANSIBLE_CACHE_.*")]

html_theme = "furo"
html_title = f"backupops.veeam_em {VERSION}"
html_short_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_theme_options = {
    "source_repository": "https://github.com/backupops/ansible-veeam-em/",
    "source_branch": "main",
    "top_of_page_buttons": [],
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
# site.css gives the tables of options the colors of the theme, light and dark.
antsibull_ext_color_scheme = "none"


def setup(app: Any) -> None:
    app.connect("source-read", fill_in)
    app.connect("doctree-read", shorten_title)
    app.connect("env-updated", shorten_labels)


def fill_in(_app: Any, docname: str, source: list[str]) -> None:
    """Use the site's own pictures, and list all guides on the front page.

    The theme shows the contents of each page at its side, so directives for contents are left out.
    """
    source[0] = CONTENTS.sub("", source[0].replace(PICTURES, "/images/"))
    if docname == "index":
        source[0] = source[0].replace(".. guides-go-here\n", "\n".join(map(toctree, SECTIONS)))


def toctree(section: dict[str, Any]) -> str:
    """One section of extra-docs.yml."""
    pages = "".join(f"   docsite/{page}\n" for page in section["toctree"])
    return f".. toctree::\n   :caption: {section['title']}\n   :hidden:\n\n{pages}"


def shorten_title(_app: Any, doctree: nodes.document) -> None:
    """Leave the name of the collection out of a page's title: it is long, and the note below the title has it."""
    for title in list(doctree.findall(nodes.title))[:1]:
        for text in list(title.findall(nodes.Text)):
            if text.startswith("backupops.veeam_em."):
                text.parent.replace(text, nodes.Text(text.removeprefix("backupops.veeam_em.")))


def shorten_labels(_app: Any, env: Any) -> None:
    """Show the bare name of a module, role or plugin in the sidebar, without its purpose."""
    for docname, title in env.titles.items():
        name = re.match(r"(?:backupops\.veeam_em\.)?(\w+) (?:module|role|inventory|filter)\b", title.astext())
        if name and "/" not in docname:
            env.titles[docname] = nodes.title("", name[1])
            # The sidebar takes its labels from the contents of the page: the first one is the title.
            label = next(iter(env.tocs[docname].findall(nodes.reference)))
            label.children = [nodes.Text(name[1])]
