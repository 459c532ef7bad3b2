"""A thin client of Workers KV. The local edge speaks the same API: only `base_url` differs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from control_plane.deploy.cloudflare.api import Api
from control_plane.deploy.retry import Retry
from control_plane.deploy.target import Pair, checked_key
from control_plane.errors import InputError, PlatformError

#: Pairs of one bulk call; the API's own limit.
MAX_PAIRS = 10_000

#: Raw bytes of one bulk call. The API takes 100 MB, but answers 524 to calls far smaller.
MAX_BYTES = 20_000_000

#: Keys of one page of a listing; the API's own limit.
PAGE = 1_000


class CloudflareKV:
    """One Workers KV namespace as a target."""

    def __init__(
        self,
        base_url: str,
        token: str,
        account_id: str,
        namespace_id: str,
        *,
        name: str = "cloudflare",
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        account = checked_id("account_id", account_id)
        self.name = name
        self._namespace = checked_id("namespace_id", namespace_id)
        self._path = f"accounts/{account}/storage/kv/namespaces/{self._namespace}"
        self._api = Api(base_url, token, retry, transport)

    def __repr__(self) -> str:
        return f"CloudflareKV({self._api.base_url!r}, namespace {self._namespace!r})"

    def __enter__(self) -> CloudflareKV:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def get(self, key: str) -> bytes | None:
        """Return a value, or None when there is none."""
        response = self._api.send("GET", self._value_path(key), f"read {key}")
        return response.content if response.is_success else None

    def put(self, key: str, value: bytes) -> None:
        """Write one value."""
        headers = {"Content-Type": "application/octet-stream"}
        path, what = self._value_path(key), f"write {key}"
        self._api.read(self._api.send("PUT", path, what, content=value, headers=headers), what)

    def put_many(self, pairs: Iterable[Pair]) -> None:
        """Write values by bulk calls, each at most MAX_PAIRS pairs and MAX_BYTES raw bytes."""
        for batch in batches(pairs):
            self._put_batch(batch)

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete keys by bulk calls."""
        for batch in batches((checked_key(key), b"") for key in keys):
            self._json(
                "POST", "bulk/delete", f"delete {len(batch)} keys", [key for key, _ in batch]
            )

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with `prefix`, ascending, a page a call."""
        query: dict[str, str | int] = {"limit": PAGE, "prefix": prefix}
        what = f"list the keys {prefix}*"
        while True:
            response = self._api.send("GET", f"{self._path}/keys", what, params=query)
            page = self._api.read(response, what)
            yield from (entry["name"] for entry in page["result"])
            cursor = (page.get("result_info") or {}).get("cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    def _put_batch(self, batch: list[Pair]) -> None:
        for attempt in range(self._api.attempts):
            if attempt:
                self._api.pause(f"{self!r}: {len(batch)} values were not taken.", attempt - 1)
            what = f"write {len(batch)} values"
            answer = self._json("PUT", "bulk", what, _bulk_body(batch))
            # The API may answer 200 and still name keys that it did not write.
            failed = set((answer.get("result") or {}).get("unsuccessful_keys") or ())
            batch = [pair for pair in batch if pair[0] in failed]
            if not batch:
                return
        raise PlatformError(
            f"{self!r}: {len(batch)} values were refused each time, {batch[0][0]} among them.\n"
            "  Run the command again later; what was written stays."
        )

    def _json(self, method: str, path: str, what: str, body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        content = msgspec.json.encode(body)
        response = self._api.send(
            method, f"{self._path}/{path}", what, content=content, headers=headers
        )
        return self._api.read(response, what)

    def _value_path(self, key: str) -> str:
        return f"{self._path}/values/{quote(checked_key(key), safe='')}"


def batches(
    pairs: Iterable[Pair], max_pairs: int = MAX_PAIRS, max_bytes: int = MAX_BYTES
) -> Iterator[list[Pair]]:
    """Cut pairs into lists within both bounds; a value larger than `max_bytes` goes alone."""
    batch: list[Pair] = []
    size = 0
    for key, value in pairs:
        if batch and (len(batch) == max_pairs or size + len(value) > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append((key, value))
        size += len(value)
    if batch:
        yield batch


def _bulk_body(batch: list[Pair]) -> list[dict[str, Any]]:
    return [
        {"key": checked_key(key), "value": base64.b64encode(value).decode(), "base64": True}
        for key, value in batch
    ]


def checked_id(field: str, value: str) -> str:
    """Return what stands for something in the API's paths; refuse what could stand for more."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise InputError(
            f"{value!r} is not an identifier",
            field=f"cloudflare.{field}",
            remedy="Set it in frontshelf.toml; 'wrangler whoami' and "
            "'wrangler kv namespace list' show the values.",
        )
    return value
