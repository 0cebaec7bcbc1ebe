# Copyright: (c) 2026, backupops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to cut the connections of requests, even while they are being set up."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any

with suppress(ImportError):
    # _module reports the missing library before anything is sent.
    import requests.adapters


class Wires:
    """The open connections of one transport, below TLS and proxies: cutting them ends whatever waits for them."""

    def __init__(self) -> None:
        self._wires: list[socket.socket] = []

    def add(self, connected: socket.socket) -> socket.socket:
        """Note a connection, as a duplicate, because TLS takes over the original."""
        self._wires.append(connected.dup())
        return self._wires[-1]

    def remove(self, wire: socket.socket) -> None:
        """Forget a connection that is not used any more."""
        if wire in self._wires:
            self._wires.remove(wire)
        wire.close()

    def cut(self) -> None:
        """End all connections, from another thread."""
        for wire in list(self._wires):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget all connections."""
        while self._wires:
            self._wires.pop().close()


def adapter(wires: Wires) -> Any:
    """An adapter of requests that notes the connections it opens."""

    def noting(manager: Any) -> Any:
        pools = {}
        for scheme, pool in manager.pool_classes_by_scheme.items():

            class Connection(pool.ConnectionCls):  # type: ignore[name-defined]
                _wire: socket.socket | None = None

                def _new_conn(self) -> Any:
                    if self._wire:
                        wires.remove(self._wire)
                    # requests escapes the percent sign before the zone of an IPv6 address a second time.
                    self._dns_host: str = self._dns_host.replace("%25", "%")
                    connected = super()._new_conn()
                    self._wire = wires.add(connected)
                    return connected

                def request(self, *args: Any, **kwargs: Any) -> None:
                    try:
                        super().request(*args, **kwargs)
                    except (ssl.SSLEOFError, ConnectionResetError):
                        # A server that wants another client certificate says so before it hangs up (TLS 1.3).
                        if self.sock:
                            self.sock.recv(1)
                        raise

            pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": Connection})
        manager.pool_classes_by_scheme = pools
        return manager

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            noting(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            return manager if known else noting(manager)

    return Adapter()
