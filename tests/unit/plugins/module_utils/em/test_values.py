"""Single values: times, and what is none."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.backupops.veeam_em.plugins.module_utils._em.values import age_hours, moment


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2026-01-31T22:00:04Z", 0),
        ("2026-01-31T22:00:04", 0),
        ("2026-01-31 22:00:04", 0),
        ("2026-01-31T22:00:04.5Z", 500000),
        ("2026-01-31T22:00:04.21Z", 210000),
        ("2026-01-31T22:00:04.12345Z", 123450),
        ("2026-01-31T22:00:04.123456Z", 123456),
        ("2026-01-31T22:00:04.1234567Z", 123456),
        ("2026-02-01T00:00:04+02:00", 0),
        ("2026-01-31T16:30:04-05:30", 0),
    ],
)
def test_moment(text: str, microseconds: int) -> None:
    assert moment(text) == datetime(2026, 1, 31, 22, 0, 4, microseconds, timezone.utc)


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "2026-13-01T00:00:00Z", "2026-01-31", "2026-01-31T25:00:00Z", 5]
)
def test_what_is_no_moment(text: Any) -> None:
    assert moment(text) is None


def test_age_hours() -> None:
    now = datetime(2026, 2, 1, 0, 30, tzinfo=timezone.utc)
    assert age_hours("2026-01-31T22:00:00Z", now) == 2.5
    assert age_hours((now + timedelta(hours=1)).isoformat(), now) == -1.0
    assert age_hours(None, now) is None
