"""What happened: counters and the log of requests."""

from __future__ import annotations

import copy
from collections import Counter, deque
from typing import Any

LOG_LENGTH = 50_000


class Journal:
    """Counters by name, and the latest requests. The owner holds the lock."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.totals: Counter[str] = Counter()
        self.grouped: dict[str, Counter[str]] = {}
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)

    def count(self, name: str, key: str | None = None) -> None:
        """Add one to a counter, or to one key of a group of counters."""
        if key is None:
            self.totals[name] += 1
        else:
            self.grouped.setdefault(name, Counter())[key] += 1

    def requests(self) -> list[dict[str, Any]]:
        """A copy of the log, oldest first."""
        return copy.deepcopy(list(self.log))
