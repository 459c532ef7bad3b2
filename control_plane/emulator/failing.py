"""Plays a fault out on one request of the key-value wire."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from control_plane.emulator.clock import Clock
from control_plane.emulator.faults import Fault
from control_plane.emulator.limits import Refusal
from control_plane.emulator.store import Pair
from control_plane.emulator.view import ViewedStore

#: The server takes this header off and breaks the connection: at once ("reset") or at the end.
BREAK = "frontshelf-break"


class Met(msgspec.Struct, frozen=True):
    """A fault and the key that met it."""

    key: str
    fault: Fault


async def suffer(fault: Fault, request: Request, clock: Clock) -> None:
    """Do what a fault does before the store is asked: refuse, wait, or wait for ever."""
    if fault.kind == "error":
        raise Refusal("Injected fault", fault.status)
    if fault.kind == "late":
        await _unless_gone(request, clock.sleep(fault.seconds))
    if fault.kind == "hang":
        await _unless_gone(request, asyncio.Event().wait())


def faulty_pair(met: Met, store: ViewedStore, namespace: str, pair: Pair | None) -> Pair | None:
    """Return what a fault shows in the place of a pair."""
    match met.fault.kind:
        case "missing":
            return None
        case "stale":
            return store.view.before(namespace, met.key) or pair
        case "swapped":
            other = store.get(namespace, met.fault.other)
            return other and msgspec.structs.replace(other, key=met.key)
        case "truncated" | "corrupted" as kind:
            return pair and store.view.faults.damaged(pair, kind)
    return pair


def answer_with(response: Response, met: Met | None) -> Response:
    """Return the answer, or one that breaks off."""
    kind = met.fault.kind if met else ""
    if kind == "reset":
        response.raw_headers.append((BREAK.encode(), b"reset"))
    if kind in ("cut", "stall"):
        return _Half(response, kind)
    return response


class _Half(Response):
    """Half of an answer that promised all of it; then the connection breaks, or nothing comes."""

    def __init__(self, whole: Response, kind: str) -> None:
        super().__init__(whole.body)
        self.raw_headers, self._kind = whole.raw_headers, kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [*self.raw_headers]
        if self._kind == "cut":
            headers.append((BREAK.encode(), b"cut"))
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        if self._kind == "stall":
            await _gone(receive)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _unless_gone(request: Request, waiting: Coroutine[Any, Any, object]) -> None:
    gone, waited = asyncio.ensure_future(_gone(request.receive)), asyncio.ensure_future(waiting)
    done, pending = await asyncio.wait({gone, waited}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if gone in done:
        raise ClientDisconnect


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
