"""Asks a running worker for shelves: real workerd, over a release of its own."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.publish import publish
from control_plane.emulator.dev import LocalEdge, local_api
from control_plane.errors import PlatformError
from control_plane.settings import Project

ANSWER_SECONDS = 60.0


class Answers(msgspec.Struct, frozen=True):
    """What the edge showed each case, why, and how long each answer took."""

    items: list[list[str]]
    reasons: list[str]
    seconds: list[float]


class Edge:
    """A running edge, asked over one kept connection."""

    def __init__(self, url: str, prefix: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=ANSWER_SECONDS
        )
        self._path = f"{prefix}/decide"

    def ask(self, shelf: str, bodies: Sequence[dict[str, Any]], limit: int) -> Answers:
        """Return what the slot of a shelf's name shows each case; PlatformError when it fails."""
        answers = Answers([], [], [])
        # The server ends a connection that stood idle; the next request opens another.
        self._connection.close()
        for body in bodies:
            text = json.dumps({**body, "slots": [{"name": shelf, "limit": limit}]})
            started = time.perf_counter()
            decided = self._decide(text)["decisions"][shelf]
            answers.seconds.append(time.perf_counter() - started)
            answers.items.append(decided["items"])
            answers.reasons.append(decided["reason"])
        return answers

    def _decide(self, text: str) -> dict[str, Any]:
        try:
            self._connection.request("POST", self._path, text, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(f"the edge that is tested did not answer ({error}).") from error
        if response.status != 200:
            raise PlatformError(f"the edge that is tested refused {text[:200]}: {content[:200]!r}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def running_edge(project: Project) -> Iterator[Edge]:
    """Deploy a project's compiled release to its local edge, and yield that edge while it runs."""
    with (
        local_api(project) as api,
        CloudflareKV(
            api.base_url, api.token, api.account_id, api.namespace_id, name="local"
        ) as target,
    ):
        publish(target, project.build / "current", project)
    with LocalEdge(project) as local:
        edge = Edge(local.url, project.settings.edge.prefix)
        try:
            yield edge
        finally:
            edge.close()
