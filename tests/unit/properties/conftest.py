"""Settings of hypothesis: the same examples in each run, so that a run tells about the code and not about luck."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("repeatable")
