"""How the playbooks read names of jobs that come from surveys and extra variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:
    # ansible-core 2.18 and older trust every text.
    def trust_as_template(value: str) -> str:
        """Return the text as it is."""
        return value


PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"


@pytest.mark.parametrize("playbook", ["backup_now", "gate_workflow"])
@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("A", ["A"]),
        ("A\nB\r\n", ["A", "B"]),
        ("A, B,", ["A", "B"]),
        ("[Prod] A, B", ["[Prod] A", "B"]),
        ("[2024] A", ["[2024] A"]),
        ('["Linux, all", 2024]', ["Linux, all", "2024"]),
        ('["a \\"b\\""]\n', ['a "b"']),
        ("[2024]", ["2024"]),
        ('["A"', ['["A"']),
        (["A", "B, C"], ["A", "B, C"]),
        ("", []),
    ],
)
def test_names_of_jobs(playbook: str, given: Any, names: list[str]) -> None:
    (play,) = yaml.safe_load((PLAYBOOKS / f"{playbook}.yml").read_text(encoding="utf-8"))
    text = trust_as_template(play["vars"][f"{playbook}_names"])
    found = Templar(DataLoader(), variables={f"{playbook}_jobs": given}).template(text)
    assert [str(each) for each in found] == names
