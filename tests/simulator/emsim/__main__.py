"""Command line: python -m emsim --state-dir DIR [--scenario FILE.yml] ..."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml
from simbase.cli import add_server_options, run_until_told
from simbase.faults import BadFault

from emsim import Simulator
from emsim.profiles import PROFILES
from emsim.scenario import BadScenario


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser("emsim", description="Simulates Veeam Backup Enterprise Manager over HTTPS.")
    parser.add_argument("--scenario", metavar="FILE.yml", help="the fleet to simulate (README.md lists the keys)")
    parser.add_argument("--api-profile", choices=list(PROFILES), default="v12", help="generation (%(default)s)")
    parser.add_argument("--speed", type=float, default=1.0, help="divide the durations of runs by this (%(default)s)")
    add_server_options(parser)
    args = parser.parse_args()
    try:
        faults = yaml.safe_load(Path(args.faults).read_text(encoding="utf-8")) if args.faults else []
        simulator = Simulator(
            args.scenario,
            args.api_profile,
            args.speed,
            faults,
            args.state_dir,
            "client-cert" if args.client_ca else "good",
            args.host,
            args.port,
        )
    except (BadScenario, BadFault, ValueError, OSError, yaml.YAMLError) as problem:
        parser.error(str(problem))
    run_until_told(simulator, "emsim", args.max_seconds)


if __name__ == "__main__":
    main()
