"""The report in a real browser: for eyes, fingers, screen readers and printers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.filter.report import report
from ansible_collections.backupops.veeam_em.tests.e2e.runner import ROOT, Ansible
from ansible_collections.backupops.veeam_em.tests.unit.plugins.filter.test_report import HOSTILE, hostile
from emsim import Simulator

FLEET = ROOT / "tests" / "simulator" / "scenarios" / "report.yml"
BROWSERS = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        pytest.skip("there is no Chromium (Debian: chromium)")
    with playwright.sync_playwright() as running:
        # Containers have no user namespaces for its sandbox; the page is our own.
        started = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Any, path: Path, width: int, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page, and what should not happen: console messages, errors, dialogs, requests."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: noise.append(dialog.message))
    page.on(
        "request", lambda request: noise.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    page.goto(path.as_uri())
    return page, noise


def spoken(page: Any) -> list[tuple[str, str]]:
    """Roles and names, as Chromium gives them to screen readers."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], " ".join(node.get("name", {}).get("value", "").split()))
        for node in nodes
        if not node["ignored"]
    ]


def lines_of(page: Any, name: str) -> int:
    """How many lines a name of a table's row takes."""
    cell = page.locator("tbody th", has_text=name).first
    script = """cell => {
        const range = document.createRange();
        range.selectNodeContents(cell.firstChild);
        return range.getClientRects().length;
    }"""
    return int(cell.evaluate(script))


@pytest.mark.slow
def test_the_report_of_a_fleet(browser: Any, ansible: Ansible, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with Simulator(FLEET) as sim:
        variables = ["-e", f"backup_report_directory={tmp_path}", "-e", "backup_report_hours=720"]
        run = ansible.connected(sim).command("ansible-playbook", "backupops.veeam_em.report", *variables)
    assert run.rc == 0, run.output
    path = tmp_path / "backup_report.html"
    for width, scheme in ((360, "light"), (1440, "light"), (1440, "dark")):
        page, noise = opened(browser, path, width, scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert noise == []
        page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
        # Tables stay tables for screen readers, also where they are shown as blocks.
        told = spoken(page)
        assert ("rowheader", "SQL servers agent on vbr01.example.com") in told
        assert ("columnheader", "Newest good one") in told
        assert [role for role, _name in told].count("table") == 2
        # Failures come first, above jobs and machines.
        order = page.locator("h2").all_text_contents()
        assert order.index("Failures") == 0
        assert order.index("Failures") < order.index("Jobs") < order.index("Machines")
        page.context.close()
    page, _noise = opened(browser, path, 1440)
    # By keyboard: the first stop skips to the report, Enter unfolds what is folded.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    folded = page.locator("details").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.get_attribute("open") is not None
    # By screen reader: charts have words, tables have heads.
    charts = page.get_by_role("img").all()
    assert charts
    assert all("run" in name or "day" in name for name in (chart.get_attribute("aria-label") for chart in charts))
    # On paper: A4, and nothing cut off at the side.
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})  # 182 mm
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.locator("nav").is_visible() is False
    # Names are whole: as long as they are, they have one line.
    assert [lines_of(page, name) for name in ("admin-pc02.example.com", "branch01.example.com")] == [1, 1]
    # What is folded on the screen is open on paper.
    assert page.get_by_text("A retry succeeded").is_visible()
    page.context.close()


def test_hostile_names_do_nothing(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    whole = hostile("web01")
    for name in HOSTILE:
        more = hostile(name)
        whole.update((key, whole[key] + more[key]) for key in whole if isinstance(whole[key], list))
    path.write_text(report({**whole, "em": HOSTILE[0]}, "html"), encoding="utf-8")
    page, noise = opened(browser, path, 360)
    assert noise == []
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#machines").count() == 1
    page.context.close()
