"""Command line: python -m conductorsim --state-dir DIR [--personality oss|orkes] [--scenario FILE.yml] ..."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml
from simbase.cli import add_server_options, run_until_told
from simbase.faults import BadFault

from conductorsim import ConductorSimulator
from conductorsim.scenario import BadScenario
from conductorsim.state import PERSONALITIES


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser("conductorsim", description="Simulates Conductor's task API over HTTPS.")
    parser.add_argument("--scenario", metavar="FILE.yml", help="the workflows to simulate (scenario.py lists the keys)")
    parser.add_argument("--personality", choices=PERSONALITIES, default="oss", help="which server (%(default)s)")
    add_server_options(parser)
    args = parser.parse_args()
    try:
        faults = yaml.safe_load(Path(args.faults).read_text(encoding="utf-8")) if args.faults else []
        tls = "client-cert" if args.client_ca else "good"
        simulator = ConductorSimulator(
            args.scenario, args.personality, faults, args.state_dir, tls, args.host, args.port
        )
    except (BadScenario, BadFault, ValueError, OSError, yaml.YAMLError) as problem:
        parser.error(str(problem))
    run_until_told(simulator, "conductorsim", args.max_seconds)


if __name__ == "__main__":
    main()
