"""What the command lines of the simulators share."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from simbase.simulator import BaseSimulator


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Options of every simulator's command line."""
    parser.add_argument("--state-dir", required=True, help="folder for ca.pem, client.pem and the ready file")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument("--faults", metavar="FILE.yml", help="fault rules to begin with")
    parser.add_argument("--client-ca", choices=["required"], help="ask clients for a certificate (see client.pem)")
    parser.add_argument("--max-seconds", type=float, help="end by itself after this time")


def run_until_told(simulator: BaseSimulator, name: str, max_seconds: float | None) -> None:
    """Serve until SIGTERM, SIGINT or the end of `max_seconds`."""
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *ignored: done.set())
    try:
        simulator.start()
    except (OSError, OverflowError) as problem:
        sys.exit(f"{name} cannot serve at {simulator.url}: {problem}")
    try:
        ready = simulator.write_ready_file(f"{name}.json")
        print(f"{name} ready at {simulator.url} (CA certificate: {simulator.ca_path})", flush=True)
        done.wait(max_seconds)
        ready.unlink(missing_ok=True)
    finally:
        simulator.stop()
