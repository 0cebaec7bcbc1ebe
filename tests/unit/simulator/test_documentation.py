"""README and code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from emsim.world_faults import EM_FAULT_KINDS
from simbase.faults import FaultPlan

README = (Path(__file__).resolve().parents[2] / "simulator" / "README.md").read_text(encoding="utf-8")


def test_the_table_of_faults_is_complete() -> None:
    rows = re.findall(r"^\| (\w+) \| (no|yes)( \(default\))? \| (.*?) ?\| .* \|$", README, re.MULTILINE)
    table = {name: (effect, bool(default), options) for name, effect, default, options in rows}
    assert set(table) == set(EM_FAULT_KINDS)
    for name, kind in EM_FAULT_KINDS.items():
        effect, default, options = table[name]
        assert default is (kind.effect is not None), name
        if kind.effect is not None:
            assert effect == ("yes" if kind.effect else "no"), name
        assert {option.partition(":")[0].strip() for option in options.split(", ") if option} == set(kind.options), name


def test_the_example_of_a_fault_can_be_used() -> None:
    example = re.search(r"^```yaml\n(- match:.*?)^```", README, re.MULTILINE | re.DOTALL).group(1)
    FaultPlan(EM_FAULT_KINDS).add(yaml.safe_load(example))
