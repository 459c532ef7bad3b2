"""What one location of the CDN sees of the store: late, kept for a while, and not without faults.

As the platform documents it, a location keeps what it has read, a miss too, for as long as the
read's `cacheTtl` says (60 s by default, 30 s at least); a later read with a shorter one asks
again. What is written elsewhere arrives after the propagation time, one key before another; what
the location writes itself it sees at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path

import msgspec

from control_plane.emulator.clock import Clock, MachineClock
from control_plane.emulator.faults import Fault, Faults
from control_plane.emulator.limits import Refusal
from control_plane.emulator.store import Pair, Store

DEFAULT_TTL_SECONDS = 60
WRITE_PAUSE_SECONDS = 1.0
FEW_KEYS = 100
TOO_MANY_WRITES = 10040

Place = tuple[str, str]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How a location sees the store. By default every write shows at once.

    `propagation_seconds` is how long a write takes to arrive, or the bounds it is drawn from;
    `cache` is whether the location keeps what it reads; `one_write_a_second` refuses more to
    one key, with a 429.
    """

    propagation_seconds: float | tuple[float, float] = 0.0
    cache: bool = False
    one_write_a_second: bool = False
    faults: tuple[Fault, ...] = ()
    clock: Clock = MachineClock()
    seed: int = 7


#: As the platform may behave on a bad day.
STRICT = View(propagation_seconds=(0.0, 60.0), cache=True, one_write_a_second=True)


class _Past(msgspec.Struct, frozen=True):
    """What a location goes on seeing until a later write arrives."""

    pair: Pair | None
    until: float


class _Kept(msgspec.Struct, frozen=True):
    pair: Pair | None
    read_at: float
    ttl: float


class LocationView:
    """One location's view of a store; `faults` may be changed while the worker runs."""

    def __init__(self, view: View) -> None:
        self.faults = Faults(view.faults, view.seed)
        self.clock = view.clock
        self._view = view
        bounds = view.propagation_seconds
        self._fastest, self._slowest = bounds if isinstance(bounds, tuple) else (bounds, bounds)
        self._lock = threading.Lock()
        self._past: dict[Place, list[_Past]] = {}
        self._before: dict[Place, Pair] = {}
        self._kept: dict[Place, _Kept] = {}
        self._written_at: dict[Place, float] = {}
        self._writes = count()

    def read(
        self, store: Store, namespace: str, keys: Sequence[str], ttl: float
    ) -> dict[str, Pair]:
        """Return those of `keys` that this location sees."""
        now = self.clock()
        with self._lock:
            kept = {key: self._still_kept((namespace, key), ttl, now) for key in keys}
        asked = [key for key in keys if kept[key] is None]
        found = store.get_many(namespace, asked) if asked else {}
        seen = {}
        with self._lock:
            for key in keys:
                entry = kept[key]
                pair = entry.pair if entry else self._arrived(namespace, key, found, ttl, now)
                if pair is not None:
                    seen[key] = pair
        return seen

    def before(self, namespace: str, key: str) -> Pair | None:
        """Return the value that a key's last write replaced, or None."""
        with self._lock:
            return self._before.get((namespace, key))

    def refuse_hasty(self, namespace: str, keys: Iterable[str]) -> None:
        """Refuse a second write to a key within a second."""
        if not self._view.one_write_a_second:
            return
        now, places = self.clock(), [(namespace, key) for key in keys]
        with self._lock:
            for place in places:
                if now - self._written_at.get(place, -1.0) < WRITE_PAUSE_SECONDS:
                    raise Refusal("Too Many Requests", 429, TOO_MANY_WRITES)
            self._written_at.update(dict.fromkeys(places, now))

    def cares(self, count: int) -> bool:
        """Say whether it matters what a write of so many keys replaces."""
        # Without delay only `stale` shows it, which is for a head or so, not for a clean-up.
        return self._slowest > 0 or count <= FEW_KEYS

    def remember(self, namespace: str, keys: Sequence[str], old: Mapping[str, Pair]) -> None:
        """Take note that `keys` are being written, and what stood there before."""
        now = self.clock()
        with self._lock:
            for key in keys:
                place, pair = (namespace, key), old.get(key)
                if pair is not None:
                    self._before[place] = pair
                delay = self._delay(key)
                if delay > 0:
                    self._past.setdefault(place, []).append(_Past(pair, now + delay))

    def see_at_once(self, namespace: str, key: str) -> None:
        """Show this location what it has written itself."""
        with self._lock:
            self._past.pop((namespace, key), None)
            self._kept.pop((namespace, key), None)

    def _delay(self, key: str) -> float:
        low, high = self._fastest, self._slowest
        return low + (high - low) * self.faults.draw("propagation", key, next(self._writes))

    def _still_kept(self, place: Place, ttl: float, now: float) -> _Kept | None:
        kept = self._kept.get(place)
        return kept if kept and now - kept.read_at < min(kept.ttl, ttl) else None

    def _arrived(
        self, namespace: str, key: str, found: Mapping[str, Pair], ttl: float, now: float
    ) -> Pair | None:
        place, pair = (namespace, key), found.get(key)
        past = self._past.get(place, [])
        on_their_way: list[_Past] = []
        for write in reversed(past):
            if write.until <= now:
                break
            pair = write.pair
            on_their_way.insert(0, write)
        if on_their_way:
            self._past[place] = on_their_way
        else:
            self._past.pop(place, None)
        if pair and pair.expiration is not None and pair.expiration <= now:
            pair = None
        if self._view.cache:
            self._kept[place] = _Kept(pair, now, ttl)
        return pair


class ViewedStore(Store):
    """A store whose writes a location gets to see in its own time."""

    def __init__(self, file: Path, view: LocationView) -> None:
        self.view = view
        super().__init__(file, view.clock)

    def put(self, namespace: str, pairs: Iterable[Pair]) -> None:
        """Write all pairs or none."""
        written = list(pairs)
        self._note(namespace, [pair.key for pair in written])
        super().put(namespace, written)

    def delete(self, namespace: str, keys: Iterable[str]) -> None:
        """Delete all of `keys` that exist, at once."""
        gone = list(keys)
        self._note(namespace, gone)
        super().delete(namespace, gone)

    def _note(self, namespace: str, keys: list[str]) -> None:
        self.view.refuse_hasty(namespace, keys)
        if not self.view.cares(len(keys)):
            return
        # In turns, for a statement of SQLite takes only so many arguments.
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            self.view.remember(namespace, some, self.get_many(namespace, some))
