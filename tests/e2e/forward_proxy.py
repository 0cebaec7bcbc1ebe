"""A forward proxy: tunnels by CONNECT, and writes down what it was asked for.

    python forward_proxy.py [user:password]

prints its port, then one line for each request: the method, the target and the status that it answered.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import select
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """One client."""

    server: Proxy

    def do_CONNECT(self) -> None:
        """Open a tunnel, if the client may."""
        if self.server.wanted and self.headers.get("Proxy-Authorization") != self.server.wanted:
            self._answer(407)
            return
        host, _colon, port = self.path.rpartition(":")
        try:
            target = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
        except (OSError, ValueError):
            self._answer(502)
            return
        self._answer(200)
        # Either side may break off.
        with target, contextlib.suppress(OSError):
            _tunnel(self.connection, target)

    def _answer(self, status: int) -> None:
        print("CONNECT", self.path, status, flush=True)
        self.send_response_only(status)
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Say nothing beyond what is printed."""


class Proxy(http.server.ThreadingHTTPServer):
    """Listens on a free port of the loopback address."""

    daemon_threads = True

    def __init__(self, credentials: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wanted = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else ""


def _tunnel(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    while True:
        for ready in select.select([one, other], [], [], 60)[0] or [None]:
            data = ready.recv(65536) if ready else b""
            if not data:
                return
            (other if ready is one else one).sendall(data)


if __name__ == "__main__":
    with Proxy(sys.argv[1] if len(sys.argv) > 1 else "") as proxy:
        print(proxy.server_port, flush=True)
        proxy.serve_forever()
