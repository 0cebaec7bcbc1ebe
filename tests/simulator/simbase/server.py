"""The HTTPS server: one thread per connection, TLS in that thread, any application behind it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from simbase.messages import Request
from simbase.wire import Wire, reset_socket

LARGEST_BODY = 10 << 20
IDLE_CONNECTION_SECONDS = 120
HANDSHAKE_SECONDS = 10


class Application(Protocol):
    """What the server requires from an application."""

    def refuses_connection(self) -> bool:
        """Whether to reset a new connection immediately."""

    def serve(self, request: Request, wire: Wire) -> None:
        """Answer one request."""


class Handler(BaseHTTPRequestHandler):
    """Reads one request after another and hands it to the application."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_CONNECTION_SECONDS

    def do_GET(self) -> None:
        """Serve a request of any method."""
        url = urlsplit(self.path)
        length = self.headers.get("Content-Length")
        if length is not None and (not length.isdigit() or int(length) > LARGEST_BODY):
            self.send_error(413)
            return
        body = self.rfile.read(int(length or 0))
        request = Request(self.command, unquote(url.path), url.query, dict(self.headers.items()), body)
        self.server.app.serve(request, Wire(self))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Log nothing: the log of requests is available at the control address."""


class Server(ThreadingHTTPServer):
    """Listens as soon as it is created; `port` 0 takes a free port."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, app: Application, tls: ssl.SSLContext, host: str, port: int) -> None:
        self.app = app
        self.tls = tls
        self.stopping = threading.Event()
        self.refuse_next = 0
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Bind without looking up our own name, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Run one connection, in its own thread: a stalled handshake does not block others."""
        if self._refuses():
            reset_socket(request)
            return
        request.settimeout(HANDSHAKE_SECONDS)
        try:
            connection = self.tls.wrap_socket(request, server_side=True)
        except OSError:  # the client went away or does not trust us
            request.close()
            return
        with self._guard:
            self._connections.add(connection)
        try:
            Handler(connection, client_address, self)
        except OSError:  # the client went away
            pass
        finally:
            with self._guard:
                self._connections.discard(connection)
            connection.close()

    def _refuses(self) -> bool:
        if self.app.refuses_connection():
            return True
        with self._guard:
            if self.refuse_next > 0:
                self.refuse_next -= 1
                return True
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is normal here; anything else is a defect and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Stop listening, wake waiting threads and close all connections."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
