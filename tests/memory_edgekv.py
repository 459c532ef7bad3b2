"""EdgeKV in memory, which can die at any request."""

from __future__ import annotations

import threading

import httpx
from akamai_cloud import NAMESPACE
from weather import Killed

PATH = f"/edgekv/v1/networks/staging/namespaces/{NAMESPACE}"


class MemoryEdgeKV:
    """EdgeKV over a dict of texts; dead for good from request `die_at` on, before it or after."""

    def __init__(self, die_at: int | None = None, die: str = "before") -> None:
        self.texts: dict[str, str] = {}
        self.count, self.die_at, self.die = 0, die_at, die
        self.retention = 0
        self._lock = threading.Lock()

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            late = None if self.die_at is None else self.count - self.die_at
            self.count += 1
            if late is not None and (late > 0 or (late == 0 and self.die == "before")):
                raise Killed
            answer = self._answer(request)
            if late == 0:
                raise Killed
            return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(PATH)
        if not path:
            return httpx.Response(200, json={"retentionInSeconds": self.retention})
        _, _, group, *rest = path.split("/")
        key = f"{group}/{rest[-1]}" if rest else group
        if not rest:
            found = [one.partition("/")[2] for one in self.texts if one.startswith(f"{group}/")]
            return httpx.Response(200 if found else 404, json=found or {"detail": "empty"})
        if request.method == "PUT":
            self.texts[key] = request.content.decode()
        elif request.method == "DELETE":
            self.texts.pop(key, None)
        elif key not in self.texts:
            return httpx.Response(404, json={"detail": "not found"})
        return httpx.Response(200, text=self.texts.get(key, ""))
