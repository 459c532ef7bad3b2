"""A worker that does what a test asks of its key-value binding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from control_plane.emulator.miniflare import Miniflare, Options

SCRIPT = """
export default {
  async fetch(request, env) {
    const { method, args } = await request.json();
    try {
      let result = await env.KV[method](...args);
      if (result instanceof Map) result = Object.fromEntries(result);
      return Response.json({ result });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
"""

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def toy(workerd) -> Iterator[Miniflare]:
    """A worker with the binding KV."""
    options = Options(script=SCRIPT, kv_namespaces=("KV",), workerd=workerd)
    with Miniflare(options) as worker:
        yield worker


@pytest.fixture
def kv(toy) -> Ask:
    """Call a method of the worker's binding, over an empty namespace: kv("get", "a")."""
    namespace = toy.get_kv_namespace("KV")
    for key in namespace.list().keys:
        namespace.delete(key.name)

    def ask(method: str, *args: Any) -> Any:
        body = json.dumps({"method": method, "args": args})
        answer = toy.dispatch_fetch("http://toy/", method="POST", content=body).json()
        return answer.get("result", answer.get("error"))

    return ask
