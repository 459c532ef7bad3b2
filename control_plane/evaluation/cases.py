"""What shelves are tested with: what a visitor had done by a moment, and what they did next."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Sets
from control_plane.profiles.interest import Interest
from control_plane.profiles.sessions import session_rows

#: Events of a session that are sent to the edge; it looks at no more.
MOST_EVENTS = 200

SESSION, ARRIVAL = "in a session", "on arrival"


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """Moments to test at, one row a moment; items are numbers in `Interest.item_ids`.

    `history` are the session's items so far, oldest first and with repeats, `kinds` (nnz,) int8
    VIEW, CART or ORDER of each, `met` the same as products (see `product_numbers`). `wanted` is
    the product that should be shown: in a session the very next one, on arrival each that came;
    `later` are all that came. `person` (n,) uint64 is a visitor key, 0 for
    nobody; `unit` (n,) int64 numbers whom a case belongs to, since one's cases resemble each
    other; `country` (n,) int32 is an index into `Interest.countries`.
    """

    situation: str
    history: Sets
    kinds: NDArray[np.int8]
    met: Sets
    wanted: Sets
    later: Sets
    person: NDArray[np.uint64]
    unit: NDArray[np.int64]
    country: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: NDArray[np.intp]) -> Cases:
        """Return the cases of these rows."""
        parts, places = take_sets(self.history, rows)
        return Cases(
            situation=self.situation,
            history=parts,
            kinds=self.kinds[places],
            met=Sets(parts.indptr, self.met.items[places]),
            wanted=take_sets(self.wanted, rows)[0],
            later=take_sets(self.later, rows)[0],
            person=self.person[rows],
            unit=self.unit[rows],
            country=self.country[rows],
        )


def plain_cases(situation: str, history: Sets, wanted: Sets, unit: NDArray[np.int64]) -> Cases:
    """Return cases of views by nobody known, from nowhere, where each item is its own product."""
    count = len(wanted.indptr) - 1
    return Cases(
        situation=situation,
        history=history,
        kinds=np.zeros(len(history.items), dtype=np.int8),
        met=history,
        wanted=wanted,
        later=wanted,
        person=np.zeros(count, dtype=np.uint64),
        unit=unit,
        country=np.zeros(count, dtype=np.int32),
    )


def product_numbers(log: duckdb.DuckDBPyConnection, item_ids: list[str]) -> NDArray[np.int32]:
    """Return the number of each item's product: of variants in one group, the first one's.

    Whoever opens the blue boots found what they came for when the brown ones were shown.
    """
    groups = dict(
        log.execute("SELECT item_id, group_id FROM items WHERE group_id IS NOT NULL").fetchall()
    )
    first: dict[str, int] = {}
    numbers = []
    for number, item in enumerate(item_ids):
        group = groups.get(item)
        numbers.append(first.setdefault(group, number) if group else number)
    return np.array(numbers, dtype=np.int32)


def session_cases(
    interest: Interest, product: NDArray[np.int32], since: int, most: int, seed: int
) -> Cases:
    """Return each next step of sessions that began at `since` (epoch seconds) or later.

    Beyond `most` cases, whole sessions are drawn by `seed` until there are so many.
    """
    rows = _rows_of_new_sessions(interest, since)
    session = interest.session[rows]
    starts, ends = _draw(*_runs(session), most, seed)
    counts = ends - starts - 1
    first = np.repeat(starts, counts)
    now = first + 1 + np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    from_ = np.maximum(first, now - MOST_EVENTS)
    steps = product[interest.item[rows]]
    met, places = slices(steps, from_, now)
    wanted, _ = slices(steps, now, now + 1)
    later, _ = slices(steps, now, np.repeat(ends, counts))
    person = interest.person[rows][now - 1]
    return Cases(
        situation=SESSION,
        history=Sets(met.indptr, interest.item[rows][places]),
        kinds=interest.kind[rows][places],
        met=met,
        wanted=wanted,
        later=distinct(later),
        person=_keys(interest, person),
        unit=np.where(person >= 0, person, len(interest.people) + interest.session[rows][now - 1]),
        country=interest.country[rows][now - 1],
    )


def arrival_cases(
    interest: Interest, product: NDArray[np.int32], since: int, known: NDArray[np.uint64]
) -> Cases:
    """Return what each of the visitors `known` (keys, ascending) took an interest in since then.

    One case a visitor who came: nothing clicked yet, everything they did then is wanted.
    """
    rows = np.flatnonzero(interest.personal & (interest.seconds >= since))
    rows = rows[np.isin(interest.people[interest.person[rows]], known)]
    rows = rows[np.argsort(interest.person[rows], kind="stable")]
    person = interest.person[rows]
    starts, ends = _runs(person)
    came, _ = slices(product[interest.item[rows]], starts, ends)
    came, nothing = distinct(came), Sets(np.zeros(len(starts) + 1, np.int64), np.zeros(0, np.int32))
    return Cases(
        situation=ARRIVAL,
        history=nothing,
        kinds=np.zeros(0, np.int8),
        met=nothing,
        wanted=came,
        later=came,
        person=_keys(interest, person[starts]),
        unit=person[starts].astype(np.int64),
        country=interest.country[rows][starts],
    )


class Past(msgspec.Struct, frozen=True):
    """The products each person met before the test, with repeats: a row each of `keys`."""

    keys: NDArray[np.uint64]
    products: Sets

    def of(self, cases: Cases) -> Sets:
        """Return the row of each case's person, empty for nobody."""
        keys = np.append(self.keys, np.uint64(0))
        row = np.searchsorted(self.keys, cases.person)
        row = np.where(keys[row] == cases.person, row, len(self.keys))
        indptr = self.products.indptr
        padded = Sets(np.append(indptr, indptr[-1]), self.products.items)
        return take_sets(padded, row)[0]


def past_of(interest: Interest, product: NDArray[np.int32], before: int) -> Past:
    """Return what each person took an interest in before a moment (epoch seconds)."""
    rows = np.flatnonzero((interest.person >= 0) & (interest.seconds < before))
    rows = rows[np.argsort(interest.person[rows], kind="stable")]
    counts = np.bincount(interest.person[rows], minlength=len(interest.people))
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    return Past(interest.people, Sets(indptr, product[interest.item[rows]]))


def unseen(cases: Cases, known: Sets) -> Cases:
    """Return the cases where something new is wanted, and of that only what is new.

    `known` is what each case's visitor met before this session.
    """
    met = join_sets(cases.met, known)
    wanted, later = without(cases.wanted, met), without(cases.later, met)
    parts = msgspec.structs.replace(cases, wanted=wanted, later=later)
    return parts.take(np.flatnonzero(np.diff(wanted.indptr)))


def slices(
    items: NDArray[np.int32], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[Sets, NDArray[np.int64]]:
    """Return rows that are runs of `items`, and the place each of their items came from."""
    lengths = stops - starts
    indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
    places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
    return Sets(indptr, items[places]), places


def take_sets(sets: Sets, rows: NDArray[np.intp]) -> tuple[Sets, NDArray[np.int64]]:
    """Return some rows, and the place each of their items came from."""
    return slices(sets.items, sets.indptr[:-1][rows], sets.indptr[1:][rows])


def owners(sets: Sets) -> NDArray[np.int64]:
    """Return the row that each item belongs to."""
    return np.repeat(np.arange(len(sets.indptr) - 1), np.diff(sets.indptr))


def join_sets(one: Sets, other: Sets) -> Sets:
    """Return rows that hold both rows' items."""
    owner = np.concatenate([owners(one), owners(other)])
    order = np.argsort(owner, kind="stable")
    return Sets(one.indptr + other.indptr, np.concatenate([one.items, other.items])[order])


def distinct(sets: Sets) -> Sets:
    """Return each row's distinct items, ascending."""
    cells = np.unique(_cells(sets))
    return _from_cells(cells, len(sets.indptr) - 1)


def without(sets: Sets, others: Sets) -> Sets:
    """Return rows without the items of the rows of `others`."""
    left = ~np.isin(_cells(sets), _cells(others))
    counts = np.bincount(owners(sets)[left], minlength=len(sets.indptr) - 1)
    return Sets(np.append(0, np.cumsum(counts)).astype(np.int64), sets.items[left])


def _cells(sets: Sets) -> NDArray[np.int64]:
    return owners(sets) << 32 | sets.items


def _from_cells(cells: NDArray[np.int64], count: int) -> Sets:
    indptr = np.append(0, np.cumsum(np.bincount(cells >> 32, minlength=count)))
    return Sets(indptr.astype(np.int64), (cells & 0xFFFFFFFF).astype(np.int32))


def _rows_of_new_sessions(interest: Interest, since: int) -> NDArray[np.intp]:
    """Return the steps of sessions of two steps or more that began at `since` or later."""
    rows = session_rows(interest.session, interest.item, interest.event)
    began = np.full(int(interest.session.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(began, interest.session, interest.seconds)
    steps = np.bincount(interest.session[rows], minlength=len(began))
    wanted = (began >= since) & (steps > 1)
    return rows[wanted[interest.session[rows]]]


def _runs(values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where runs of one value start and end."""
    edges = np.flatnonzero(np.r_[True, values[1:] != values[:-1], True][: len(values) + 1])
    return edges[:-1], edges[1:]


def _draw(
    starts: NDArray[np.intp], ends: NDArray[np.intp], most: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    counts = ends - starts - 1
    if counts.sum() <= most:
        return starts, ends
    order = np.random.default_rng(seed).permutation(len(starts))
    enough = int(np.searchsorted(np.cumsum(counts[order]), most)) + 1
    drawn = np.sort(order[:enough])
    return starts[drawn], ends[drawn]


def _keys(interest: Interest, person: NDArray[np.int32]) -> NDArray[np.uint64]:
    keys = np.append(interest.people, np.uint64(0))
    return keys[person]
