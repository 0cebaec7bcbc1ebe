"""Times as the server writes them (em_rest 15.21)."""

from __future__ import annotations

import re

import pytest
from emsim.timestamps import iso, label, parse, settle


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_750_000_000.5, "2025-06-15T15:06:40.5Z"),
        (1_750_000_000.123456, "2025-06-15T15:06:40.123456Z"),
    ],
)
def test_zeros_are_dropped_and_the_text_is_read_back(moment: float, text: str) -> None:
    assert iso(moment) == text
    assert parse(text) == pytest.approx(moment, abs=1e-6)


def test_precision_differs_but_never_exceeds_six_digits() -> None:
    texts = {iso(settle(1_750_000_000.987654, f"owner {number}")) for number in range(50)}
    lengths = {len(re.fullmatch(r".*?(\.\d+)?Z", text).group(1) or "") for text in texts}
    assert {0, 3, 4, 6, 7} <= lengths
    assert max(lengths) == 7


def test_names_carry_the_fraction_only_where_told() -> None:
    assert label(1_750_000_000.25, False) == "2025-06-15 15:06:40"
    assert label(1_750_000_000.25, True) == "2025-06-15 15:06:40.25"
