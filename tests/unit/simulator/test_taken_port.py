"""A simulator that cannot listen says so in one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SIMULATOR = Path(__file__).resolve().parents[2] / "simulator"


@pytest.mark.parametrize("name", ["emsim", "conductorsim"])
def test_a_taken_port_ends_with_one_clear_line(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", name, "--state-dir", str(tmp_path), "--port", str(port), "--max-seconds", "30"],
            env={**os.environ, "PYTHONPATH": str(SIMULATOR)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    assert ended.stderr.startswith(f"{name} cannot serve at https://127.0.0.1:{port}: ")
    assert "Address already in use" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / f"{name}.json").exists()
