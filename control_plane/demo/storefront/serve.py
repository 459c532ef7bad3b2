"""Serves the sample shop on this machine with waitress."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from waitress.server import create_server

from control_plane.demo.storefront.app import create_app


class StorefrontServer:
    """A running storefront; a context manager that serves from a thread until it is left."""

    def __init__(self, shop_folder: Path, *, port: int = 0, threads: int = 8) -> None:
        self._server = create_server(
            create_app(shop_folder), host="127.0.0.1", port=port, threads=threads
        )
        self.port: int = self._server.effective_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.run, name="storefront", daemon=True)

    def __enter__(self) -> StorefrontServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closed by its own thread, which may be about to wait on the sockets. The lock keeps it
        # from closing the trigger before that was pulled.
        trigger = self._server.trigger
        with trigger.lock:
            trigger.thunks.append(self._server.close)
            trigger._physical_pull()
        self._thread.join(timeout=5)
