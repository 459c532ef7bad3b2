"""EdgeKV as a target: text items, one a call, found again in groups small enough to be listed."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

import msgspec

from control_plane.deploy.akamai.api import AT_ONCE, AkamaiApi
from control_plane.deploy.target import Pair, Terms, checked_key
from control_plane.errors import InputError, PlatformError
from control_plane.tables import digest

Thing = TypeVar("Thing")

#: Groups that keys are spread over; edge_bundle/akamai/edgekv.js spreads them alike.
GROUPS = 32
#: Characters of a value; EdgeKV's own limit.
MAX_CHARACTERS = 262_144
#: Items asked for of one group. How many EdgeKV lists at most depends on the account.
LISTED = 10_000
#: What a listing is cut to where it is: hundreds.
ROUND = 100
#: A write shows within ten seconds in most cases; so long is a listing good for, too.
SETTLED_SECONDS = 10.0
PATIENCE_SECONDS, LOOK_AGAIN_SECONDS = 60.0, 2.0

GRANT = "EdgeKV: READ-WRITE"
MISSING = (
    "Check akamai.namespace and akamai.network in frontshelf.toml, and make the namespace there "
    "if there is none yet (docs/akamai.md)."
)


class Namespace(msgspec.Struct, frozen=True):
    """What EdgeKV says of a namespace."""

    namespace: str = ""
    retentionInSeconds: int = 0


class AkamaiKV:
    """The groups of one place in an EdgeKV namespace as a target.

    EdgeKV shows a write only after a while. So `get` waits when it does not see what this object
    wrote, up to a minute; it knows nothing of other writers.
    """

    def __init__(
        self,
        api: AkamaiApi,
        network: str,
        namespace: str,
        group: str,
        *,
        name: str = "akamai",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._namespace = checked_name("namespace", namespace, 32)
        self._group = checked_name("group", group, 120)
        self._path = f"edgekv/v1/networks/{network}/namespaces/{self._namespace}"
        self._network, self._api, self._clock = network, api, clock
        self._lock = threading.Lock()
        self._found = False
        self._written: dict[str, tuple[bytes | None, float]] = {}
        self._listing: tuple[float, frozenset[str]] | None = None

    def __repr__(self) -> str:
        return f"AkamaiKV({self._api.base_url!r}, {self._network} namespace {self._namespace!r})"

    def __enter__(self) -> AkamaiKV:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    @property
    def terms(self) -> Terms:
        """What its calls take: a value each, and one for every group that is listed."""
        return Terms(
            pairs=1,
            bytes=MAX_CHARACTERS,
            lists=GROUPS + 1,
            usd_per_write=None,
            usd_per_read=None,
            at_once=AT_ONCE,
            calls_per_second=self._api.calls_per_second,
        )

    def get(self, key: str) -> bytes | None:
        """Return a value, or None when there is none."""
        path = self._item(key)
        self._find()
        while True:
            value = self._read(key, path)
            if not self._awaited(key, value):
                return value
            self._api.retry.sleep(LOOK_AGAIN_SECONDS)

    def put(self, key: str, value: bytes) -> None:
        """Write one value."""
        self.put_many([(key, value)])

    def put_many(self, pairs: Iterable[Pair]) -> None:
        """Write values, some at once; the first that fails ends it."""
        self._each(self._write, pairs)

    def delete_many(self, keys: Iterable[str]) -> None:
        """Delete keys, some at once."""
        self._each(self._delete, keys)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that start with `prefix`, ascending; all groups are listed first."""
        yield from sorted(key for key in self._listed() if key.startswith(prefix))

    def _read(self, key: str, path: str) -> bytes | None:
        response = self._api.send("GET", path, f"read {key}", absent_ok=True)
        if not response.is_success:
            return None
        try:
            return base64.b64decode(response.content, validate=True)
        except binascii.Error as error:
            raise PlatformError(
                f"{self!r}: the value of {key} is not base64: Frontshelf did not write it.\n"
                "  Check akamai.namespace and akamai.group."
            ) from error

    def _awaited(self, key: str, value: bytes | None) -> bool:
        """Whether something else was written under a key, too short a time ago to be given up."""
        wrote, at = self._written.get(key, (None, -PATIENCE_SECONDS))
        if self._clock() - at >= PATIENCE_SECONDS:
            return False
        return wrote != (None if value is None else digest(value))

    def _write(self, pair: Pair) -> None:
        key, value = pair
        path, text = self._item(key), base64.b64encode(value)
        if len(text) > MAX_CHARACTERS:
            raise InputError(
                f"the value of {key} is {len(text)} characters in base64, over EdgeKV's limit of "
                f"{MAX_CHARACTERS}",
                remedy="Compile with this version of Frontshelf, whose values are smaller.",
            )
        headers = {"Content-Type": "text/plain"}
        self._api.send("PUT", path, f"write {key}", content=text, headers=headers)
        self._changed(key, digest(value))

    def _delete(self, key: str) -> None:
        self._api.send("DELETE", self._item(key), f"delete {key}", absent_ok=True)
        self._changed(key, None)

    def _changed(self, key: str, wrote: bytes | None) -> None:
        with self._lock:
            self._written[key] = (wrote, self._clock())
            self._listing = None

    def _listed(self) -> frozenset[str]:
        if self._listing and self._clock() - self._listing[0] < SETTLED_SECONDS:
            return self._listing[1]
        self._find()
        names = set[str]()
        self._each(partial(self._list, names), range(GROUPS))
        self._listing = (self._clock(), frozenset(names))
        return self._listing[1]

    def _list(self, names: set[str], number: int) -> None:
        found = self._items(number)
        # There are no pages: of a group that is too large some items come, each time others.
        if found and len(found) % ROUND == 0 and found != self._items(number):
            raise PlatformError(
                f"{self!r}: a group holds more items than EdgeKV lists ({len(found)}).\n"
                "  Run 'frontshelf gc', lower deploy.keep_releases, or take another akamai.group "
                "and deploy anew; ask Akamai to list more."
            )
        with self._lock:
            names |= found

    def _items(self, number: int) -> set[str]:
        what = f"list the items of group {self._group}-{number}"
        path = f"{self._path}/groups/{self._group}-{number}"
        response = self._api.send("GET", path, what, absent_ok=True, params={"maxItems": LISTED})
        # An empty group is none.
        return set(self._api.read(response, what, list[str])) if response.is_success else set()

    def _find(self) -> None:
        """Look at the namespace once: a missing one must not look like an empty shelf."""
        with self._lock:
            if self._found:
                return
            what = f"find the namespace {self._namespace} on {self._network}"
            said = self._api.read(self._api.send("GET", self._path, what), what, Namespace)
            if said.retentionInSeconds:
                raise InputError(
                    f"EdgeKV drops what stands in {self._namespace} for "
                    f"{said.retentionInSeconds // 86_400} days, and a value that stays the same is "
                    "never written again",
                    field="akamai.namespace",
                    remedy="Make a namespace whose retention is 0, which keeps all.",
                )
            self._found = True

    def _each(self, work: Callable[[Thing], None], things: Iterable[Thing]) -> None:
        """Do work on all things, AT_ONCE at once; raise the first failure when all has stopped."""
        self._find()
        with ThreadPoolExecutor(AT_ONCE, "frontshelf-edgekv") as pool:
            running: set[Future[Any]] = set()
            try:
                for thing in things:
                    running.add(pool.submit(work, thing))
                    if len(running) >= AT_ONCE:
                        running = _finished(running, FIRST_COMPLETED)
                _finished(running)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _item(self, key: str) -> str:
        return f"{self._path}/groups/{group_of(self._group, checked_key(key))}/items/{key}"


def group_of(group: str, key: str) -> str:
    """Return the group that a key stands in."""
    return f"{group}-{sum(key.encode()) % GROUPS}"


def checked_name(field: str, name: str, most: int) -> str:
    """Return a name that stands in EdgeKV's paths; refuse what it would refuse."""
    if not re.fullmatch(rf"[A-Za-z0-9_][A-Za-z0-9_-]{{0,{most - 1}}}", name):
        raise InputError(
            f"{name!r} is no name for EdgeKV" if name else "not set",
            field=f"akamai.{field}",
            remedy=f"1 to {most} letters, digits, '_' or '-', in frontshelf.toml (docs/akamai.md).",
        )
    return name


def _finished(running: set[Future[Any]], until: str = "ALL_COMPLETED") -> set[Future[Any]]:
    done, rest = wait(running, return_when=until)
    for one in done:
        one.result()
    return rest
