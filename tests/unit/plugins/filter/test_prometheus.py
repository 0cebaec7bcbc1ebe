"""The alert rules and the dashboard: they use metrics that exist, and Prometheus understands them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.backupops.veeam_em.plugins.filter.report import report
from ansible_collections.backupops.veeam_em.plugins.plugin_utils._report.metrics import HELP
from ansible_collections.backupops.veeam_em.tests.unit.plugins.filter.promtool import promtool
from ansible_collections.backupops.veeam_em.tests.unit.plugins.filter.test_report import HOSTILE, hostile

EXTENSIONS = Path(__file__).resolve().parents[4] / "extensions"
RULES = EXTENSIONS / "prometheus" / "veeam_em.rules.yml"
DASHBOARD = EXTENSIONS / "grafana" / "veeam_em.json"
LABELS = {"em", "machine", "backup_server", "instance", "job_name", "job_id", "result", "kind"}


def alerts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    return [rule["expr"] for rule in alerts()] + [each["expr"] for panel in panels() for each in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_metrics_and_labels_exist(expression: str) -> None:
    names = set(re.findall(r"veeam_em_\w+", expression))
    assert names
    assert names <= set(HELP)
    for labels in re.findall(r"(?:on|by) \(([^)]*)\)", expression):
        assert set(labels.split(", ")) <= LABELS


def test_units_are_in_the_names() -> None:
    for name, (unit, told) in HELP.items():
        assert name.endswith(f"_{unit}") if unit else not name.endswith(("_seconds", "_bytes", "_total"))
        assert told.endswith(".")


def test_every_alert_says_what_to_do() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["for"]


def test_every_alert_is_tested_firing_and_silent() -> None:
    tests = yaml.safe_load((EXTENSIONS / "prometheus" / "veeam_em.rules.test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken
        assert max(x for x, _y in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_dashboard_names_no_data_source_and_no_server_of_its_own() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource", "em"]
    for panel in panels():
        sources = [panel["datasource"], *(each["datasource"] for each in panel["targets"])]
        assert {each["uid"] for each in sources} == {"${datasource}"}
        assert panel["description"], panel["title"]
        for target in panel["targets"]:
            # Several servers may be chosen.
            assert re.search(r'em=~"\$em"', target["expr"]), target["expr"]


def test_promtool_has_nothing_to_say_about_metrics() -> None:
    for name in ("web01", *HOSTILE):
        assert promtool("check", "metrics", given=report(hostile(name), "openmetrics")) == ""


def test_promtool_checks_and_tests_the_rules() -> None:
    assert f"SUCCESS: {len(alerts())} rules found" in promtool("check", "rules", RULES.name, folder=RULES.parent)
    promtool("test", "rules", "veeam_em.rules.test.yml", folder=RULES.parent)


def test_promtool_understands_the_dashboard(tmp_path: Path) -> None:
    chosen = [each["expr"].replace("$em", "em.example.com") for panel in panels() for each in panel["targets"]]
    rules = [{"record": f"panel:number{number}", "expr": expression} for number, expression in enumerate(chosen)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", "rules.yml", folder=tmp_path)
