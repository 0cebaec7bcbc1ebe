"""The connection of one request, for faults that send unusual responses."""

from __future__ import annotations

import os
import socket
import struct
from http.client import responses
from typing import TYPE_CHECKING

from simbase.messages import Response

if TYPE_CHECKING:
    from simbase.server import Handler


class Wire:
    """Sends responses whole, in parts, or not at all."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def head(self, response: Response, length: int | None = None) -> bytes:
        """Status line and headers. `length` replaces the length of the body."""
        size = len(response.body) if length is None else length
        headers = {**response.headers, "Content-Length": str(size)}
        if response.status == 204:
            del headers["Content-Length"]
        lines = [f"HTTP/1.1 {response.status} {responses.get(response.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, response: Response) -> None:
        """Send a complete response, in one segment if it fits."""
        self.write(self.head(response) + (b"" if self._handler.command == "HEAD" else response.body))

    def write(self, data: bytes) -> None:
        """Send bytes now."""
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def pause(self, seconds: float) -> None:
        """Wait; stop early if the server stops."""
        self._handler.server.stopping.wait(seconds)

    def close(self) -> None:
        """Accept no further request on this connection."""
        self._handler.close_connection = True

    def refuse_connections(self, count: int) -> None:
        """Reset the next `count` connections when they arrive."""
        self._handler.server.refuse_next += count

    def reset(self) -> None:
        """Send a TCP reset instead of an answer."""
        self.close()
        reset_socket(self._handler.connection)


def reset_socket(sock: socket.socket) -> None:
    """Close a socket with a TCP reset; for a TLS socket, reset the connection below it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())
