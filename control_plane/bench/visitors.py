"""Visitors of the made-up shop: who they are, what they just viewed, and how they ask."""

from __future__ import annotations

import time

import msgspec
import numpy as np

from control_plane.bench.client import get
from control_plane.bench.project import device_id
from control_plane.bench.shop import SEED, Shelf, Size, item_ids, make_shelf, numbering

SLOT = "home.recommended"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
#: How often a visitor's next item is of the same cluster, or else of the same category.
STAYS, NEAR = 0.7, 0.9
MEAN_SESSION = 4
#: Items of a session that its cookie has room for.
MAX_SESSION = 10


class Visitor(msgspec.Struct, frozen=True):
    """A visitor with a row of their own, and the items they viewed in this session."""

    device: str
    items: tuple[str, ...]

    @property
    def headers(self) -> dict[str, str]:
        """What a browser sends after consent."""
        # Times are in base 36; zzzzzz is in 2038, so that the session is never over.
        views = "~".join(f"v{item}" for item in self.items)
        session = f"1.zzzzzz.zzzzzz.{len(self.items)}.0.0.{views}"
        consent = f"1.personalization+analytics.{int(time.time())}"
        cookies = f"fs_c={consent}; fs_id={self.device}; fs_s={session}"
        return {"User-Agent": BROWSER, "Accept": "*/*", "Cookie": cookies}

    def slot(self) -> bytes:
        """Return a request for the shelf, as a browser's script sends it."""
        return get(f"/_fs/slot/{SLOT}", self.headers)

    def decide_body(self) -> bytes:
        """Return what the shop's own server would post."""
        body = {
            "slots": [SLOT],
            "device": self.device,
            "session": {"events": [{"event": "view", "item": item} for item in self.items]},
            "consent": {"personalization": True, "analytics": True},
            "page": {"item": self.items[-1], "category": "boots"},
        }
        return msgspec.json.encode(body)


class Crowd:
    """Draws visitors; items by Zipf's law over the whole shop, sessions within a category."""

    def __init__(self, size: Size, seed: int = SEED) -> None:
        self._size = size
        self._shelf: Shelf = make_shelf(size.items)
        self._ids = item_ids(size.items)
        self._number = numbering(size.items)
        self._draw = np.random.default_rng(seed)
        weights = 1 / np.arange(1, size.items + 1)
        self._upto = np.cumsum(weights / weights.sum())
        # Which item is how popular has nothing to do with where it stands.
        self._ranked = np.random.default_rng(SEED).permutation(size.items)

    def regular(self, number: int = 7, cluster: int = 3) -> Visitor:
        """Return a visitor who viewed three items of one cluster and two of the next."""
        first, second = (int(place) for place in self._shelf.firsts[cluster : cluster + 2])
        places = [first, first + 17, second + 5, first + 31, second + 40]
        return Visitor(device_id(number), self._skus(places))

    def regulars(self, count: int) -> list[Visitor]:
        """Return visitors as `regular` has them, of as many clusters as there are."""
        clusters = len(self._shelf.firsts) - 2
        return [self.regular(number, number % clusters) for number in range(count)]

    def visitors(self, count: int, first: int | None = None) -> list[Visitor]:
        """Return visitors, numbered from `first` or drawn at random."""
        draw = self._draw
        numbers = (
            range(first, first + count)
            if first is not None
            else draw.integers(0, self._size.visitors, count)
        )
        lengths = np.minimum(draw.geometric(1 / MEAN_SESSION, count), MAX_SESSION)
        return [
            Visitor(device_id(int(number)), self._session(int(length)))
            for number, length in zip(numbers, lengths, strict=True)
        ]

    def _session(self, length: int) -> tuple[str, ...]:
        places = [self._popular()]
        for _ in range(length - 1):
            places.append(self._next(places[-1]))
        return self._skus(places)

    def _popular(self) -> int:
        return int(self._ranked[np.searchsorted(self._upto, self._draw.random())])

    def _next(self, place: int) -> int:
        chance = self._draw.random()
        if chance >= NEAR:
            return self._popular()
        firsts = self._shelf.firsts
        cluster = int(self._shelf.cluster[place])
        if chance >= STAYS:
            start = cluster // 10 * 10
            cluster = int(self._draw.integers(start, min(start + 10, len(firsts) - 1)))
        return int(self._draw.integers(firsts[cluster], firsts[cluster + 1]))

    def _skus(self, places: list[int]) -> tuple[str, ...]:
        return tuple(self._ids[self._number[place]] for place in places)
