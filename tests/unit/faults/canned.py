"""Servers that answer as they like: canned answers over TLS with any certificate, and sockets that drip."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

Answer = Callable[[bytes], bytes]


def answer(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer; underscores in names of headers are dashes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Canned:
    """Serves each connection in a thread of its own.

    :ivar requests: the bytes of all requests.
    """

    def __init__(self, serve: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Canned:
        return self

    def __exit__(self, *_exception: Any) -> None:
        self._ended = True
        # Closing alone does not end an accept() in another thread.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._ended:
                connected, _address = self._listening.accept()
                threading.Thread(target=self._one, args=[connected], daemon=True).start()

    def _one(self, connected: socket.socket) -> None:
        with connected, contextlib.suppress(OSError, ValueError):
            connected.settimeout(20)
            if self._tls:
                connected = self._tls.wrap_socket(connected, server_side=True)
            self._serve(connected)
            connected.close()


def request_of(connected: socket.socket) -> bytes:
    """One request, headers and what came with them."""
    arrived = b""
    while b"\r\n\r\n" not in arrived:
        some = connected.recv(65536)
        if not some:
            break
        arrived += some
    return arrived


def replying(reply: Answer) -> Callable[[socket.socket], None]:
    """Answer one request."""

    def serve(connected: socket.socket) -> None:
        connected.sendall(reply(request_of(connected)))

    return serve


def dripping(text: bytes, first: bytes = b"", pause: float = 0.3) -> Callable[[socket.socket], None]:
    """Send a text byte by byte, for ever."""

    def serve(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(first)
        while True:
            for each in text:
                connected.sendall(bytes([each]))
                time.sleep(pause)

    return serve
