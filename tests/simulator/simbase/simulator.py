"""Start and stop a simulator inside this process."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from simbase import certificates
from simbase.app import BaseApp
from simbase.server import Server


class BaseSimulator:
    """An application with its server. A context manager; also start() and stop()."""

    def __init__(
        self, app: BaseApp, *, tls: str, state_dir: str | os.PathLike[str] | None, host: str, port: int
    ) -> None:
        self.app = app
        self._kind = tls
        self._tls = certificates.server_context(tls)
        self._own_dir = None
        if state_dir is None:
            self._own_dir = tempfile.TemporaryDirectory(prefix="simulator-")
            state_dir = self._own_dir.name
        self.state_dir = Path(state_dir)
        self.host = host
        self.port = port
        self._server: Server | None = None

    @property
    def ca_path(self) -> str:
        """File with the CA certificate that clients must trust."""
        return str(self.state_dir / "ca.pem")

    @property
    def client_cert_path(self) -> str:
        """File with a client certificate of the same CA, and its key."""
        return str(self.state_dir / "client.pem")

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"https://[{self.host}]:{self.port}" if ":" in self.host else f"https://{self.host}:{self.port}"

    def start(self) -> BaseSimulator:
        """Write the certificates and serve; returns when requests can be made."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        certificates.write_files(self.state_dir, self._kind)
        self._server = server = Server(self.app, self._tls, self.host, self.port)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="simulator").start()
        return self

    def stop(self) -> None:
        """Stop serving and close all connections; harmless when not started."""
        if self._server is not None:
            self._server.end()
            self._server = None
        if self._own_dir is not None:
            self._own_dir.cleanup()

    def __enter__(self) -> Any:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def ready_info(self) -> dict[str, Any]:
        """The content of the ready file."""
        return {"host": self.host, "port": self.port, "pid": os.getpid(), "url": self.url, "ca_path": self.ca_path}

    def write_ready_file(self, name: str) -> Path:
        """Write the ready file atomically (by rename), so that a reader never sees a part of it."""
        path = self.state_dir / name
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(self.ready_info()), encoding="utf-8")
        draft.replace(path)
        return path

    def counters(self) -> dict[str, Any]:
        """All counters."""
        return self.app.counters()

    def requests(self) -> list[dict[str, Any]]:
        """All requests, oldest first; control requests are not among them."""
        return self.app.requests()

    def add_faults(self, rules: list[dict[str, Any]]) -> None:
        """Add fault rules; raises BadFault."""
        with self.app.lock:
            self.app.faults.add(rules)

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        with self.app.lock:
            self.app.faults.clear()
