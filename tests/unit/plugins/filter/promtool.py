"""promtool, as tests/run found or fetched it, or as it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str, folder: Path | None = None, given: str = "") -> str:
    """Run it and return what it said; it must be content. Without it the test is skipped, with the reason."""
    program = os.environ.get("VEEAM_EM_TEST_PROMTOOL") or shutil.which("promtool")
    if not program:
        pytest.skip("promtool is not there (Debian: prometheus); nothing but its verdict is missing in this test")
    done = subprocess.run(
        [program, *arguments], cwd=folder, input=given, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
