"""What happens to requests on their way: the client dies, the platform is busy, the line is cut."""

from __future__ import annotations

import httpx


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the upload catches it."""


class Weather(httpx.BaseTransport):
    """Carries requests until number `at`, counted from 1, where `kind` happens.

    `before` and `after` kill the client before the request is carried, or after; `busy` and `cut`
    answer with a 503, or with nothing though it was carried, once.
    """

    def __init__(self, kind: str = "calm", at: int = 0) -> None:
        self.kind, self.at, self.count = kind, at, 0
        self._inner = httpx.HTTPTransport(verify=False)  # http alone; certificates take long

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        here = self.count == self.at
        if here and self.kind == "before":
            raise Killed
        if here and self.kind == "busy":
            return httpx.Response(503, request=request)
        response = self._inner.handle_request(request)
        response.read()
        if here and self.kind == "after":
            raise Killed
        if here and self.kind == "cut":
            raise httpx.ReadError("cut", request=request)
        return response

    def close(self) -> None:
        self._inner.close()
