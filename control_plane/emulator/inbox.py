"""Takes the events that browsers send, and appends them to the project's inbox (an ASGI app)."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

BATCH_BYTES = 4_000_000
CALL_BYTES = 32_768
TYPES = ("track", "page", "screen", "identify", "group", "alias")
RETRY_SECONDS = 5


class BadEvent(ValueError):
    """What came is not a batch of calls; `code` and `status` say so to machines."""

    def __init__(self, message: str, code: str = "bad_event", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Inbox:
    """Append calls to `folder`/YYYY-MM-DD.jsonl, one a line; answer 200 once they are on disk.

    Takes Segment's paths: /v1/batch, and /v1/track, /v1/page … with a single call each.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            calls = read_calls(request.url.path, await _body(request))
            await asyncio.to_thread(self._append, calls)
            response: Response = JSONResponse({"success": True})
        except ClientDisconnect:
            return
        except BadEvent as error:
            response = _failure(error.status, error.code, str(error))
        except OSError as error:
            response = _failure(503, "disk_refused", f"cannot keep events: {error.strerror}")
            response.headers["Retry-After"] = str(RETRY_SECONDS)
        await response(scope, receive, send)

    def _append(self, calls: list[dict[str, Any]]) -> None:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        received = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines = b"".join(
            msgspec.json.encode({**call, "receivedAt": received}) + b"\n" for call in calls
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{moment:%Y-%m-%d}.jsonl"
        with self._lock, file.open("a+b", buffering=0) as stream:
            _append_whole(stream.fileno(), lines)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_calls(path: str, body: bytes) -> list[dict[str, Any]]:
    """Return the calls of a request, each with its type, a message id and the batch's context."""
    endpoint = path.rstrip("/").rpartition("/")[2]
    if endpoint not in ("batch", "import", *TYPES):
        raise BadEvent(f"no such endpoint: {path}", "not_found", 404)
    try:
        envelope = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvent(f"not JSON: {error}", "bad_json") from error
    if not isinstance(envelope, dict):
        raise BadEvent("the body must be an object")
    if endpoint in TYPES:
        return [_checked({**envelope, "type": endpoint}, "the call")]
    batch = envelope.get("batch")
    if not isinstance(batch, list):
        raise BadEvent("'batch' must be a list of calls")
    shared = {key: envelope[key] for key in ("context", "sentAt") if key in envelope}
    for place, call in enumerate(batch):
        if not isinstance(call, dict):
            raise BadEvent(f"batch[{place}] must be an object")
    return [_checked({**shared, **call}, f"batch[{place}]") for place, call in enumerate(batch)]


def _checked(call: dict[str, Any], place: str) -> dict[str, Any]:
    if call.get("type") not in TYPES:
        raise BadEvent(f"{place}.type must be one of {', '.join(TYPES)}")
    if call["type"] == "track" and not (isinstance(call.get("event"), str) and call["event"]):
        raise BadEvent(f"{place}.event must be the name of an event")
    for field in ("properties", "context", "traits"):
        if not isinstance(call.get(field), dict | None):
            raise BadEvent(f"{place}.{field} must be an object")
    for field in ("messageId", "anonymousId", "userId"):
        if not isinstance(call.get(field), str | int | None):
            raise BadEvent(f"{place}.{field} must be a string")
    length = len(msgspec.json.encode(call))
    if length > CALL_BYTES:
        raise BadEvent(f"{place} has {length} bytes; at most {CALL_BYTES} are taken", "too_large")
    # Ingest tells calls apart by this id: one that came without is the same each time it is read.
    return call if call.get("messageId") else {**call, "messageId": str(uuid.uuid4())}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        # What is too long is read to its end all the same, so that the sender hears the answer.
        body += chunk if len(body) <= BATCH_BYTES else b""
    if request.headers.get("content-encoding", "identity") == "gzip":
        return _gunzip(bytes(body))
    return _bounded(bytes(body))


def _gunzip(body: bytes) -> bytes:
    try:
        return _bounded(zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, BATCH_BYTES + 1))
    except zlib.error as error:
        raise BadEvent(f"not gzip: {error}", "bad_encoding") from error


def _bounded(body: bytes) -> bytes:
    if len(body) > BATCH_BYTES:
        raise BadEvent(f"at most {BATCH_BYTES} bytes are taken", "too_large", 413)
    return body


def _append_whole(descriptor: int, lines: bytes) -> None:
    """Write all lines to disk or, when it refuses, none."""
    start = os.fstat(descriptor).st_size
    # After a power cut the last line may be a half one; it must not spoil the next.
    whole = start == 0 or os.pread(descriptor, 1, start - 1) == b"\n"
    try:
        rest = memoryview(lines if whole else b"\n" + lines)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, start)
        raise


def _failure(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
