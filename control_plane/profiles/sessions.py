"""Sessions: the source's own, else a person's events without a long gap between them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray


class Sessions(msgspec.Struct, frozen=True):
    """The items of each session, oldest first: session s is `items[indptr[s]:indptr[s + 1]]`.

    Shapes: indptr (sessions + 1,) int64; items (n,) int32 item numbers; kinds (n,) int8 the
    strongest thing done with each (view, cart, order); ends (sessions,) int64 epoch seconds of
    each session's newest event; owners (sessions,) int64, the same for sessions of one person,
    a number of its own for a session of nobody known. No session is empty.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    kinds: NDArray[np.int8]
    ends: NDArray[np.int64]
    owners: NDArray[np.int64]

    def take(self, chosen: NDArray[np.intp]) -> Sessions:
        """Return the sessions at the places `chosen`, in that order."""
        lengths = np.diff(self.indptr)[chosen]
        indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
        steps = np.repeat(self.indptr[chosen] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Sessions(
            indptr, self.items[steps], self.kinds[steps], self.ends[chosen], self.owners[chosen]
        )


def number_sessions(
    people: NDArray[np.uint64],
    given: NDArray[np.uint64],
    seconds: NDArray[np.int64],
    gap_seconds: int,
) -> NDArray[np.int64]:
    """Return each event's session number; sessions are numbered by their first event.

    All inputs are in time order; 0 in `people` or `given` (the source's session) means none.
    The same session id under two people is two sessions, as some sources count per person.
    """
    order = np.lexsort((given, people))
    person, session = people[order], given[order]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (
        (person[1:] != person[:-1])
        | (session[1:] != session[:-1])
        | ((session[1:] == 0) & (np.diff(seconds[order]) > gap_seconds))
        | ((session[1:] == 0) & (person[1:] == 0))
    )
    groups = np.cumsum(starts) - 1
    rank = np.empty(int(starts.sum()), dtype=np.int64)
    rank[np.argsort(order[starts], kind="stable")] = np.arange(len(rank))
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = rank[groups]
    return numbers


def session_table(
    session: NDArray[np.int64],
    person: NDArray[np.int32],
    items: NDArray[np.int32],
    events: NDArray[np.int8],
    kinds: NDArray[np.int8],
    seconds: NDArray[np.int64],
) -> Sessions:
    """Gather interest events, given in time order, into sessions; -1 in `person` is nobody.

    A step is as strong as the strongest of its events.
    """
    order, starts = _steps(session, items, events)
    rows = order[starts]
    first = np.flatnonzero(np.r_[True, np.diff(session[rows]) != 0][: len(rows)])
    indptr = np.append(first, len(rows)).astype(np.int64)
    newest = rows[indptr[1:] - 1]
    strongest = np.maximum.reduceat(kinds[order], starts) if len(rows) else kinds[:0]
    nobody = person.max(initial=-1) + 1 + session[newest]
    owners = np.where(person[newest] >= 0, person[newest], nobody)
    return Sessions(indptr, items[rows], strongest, seconds[newest], owners.astype(np.int64))


def session_rows(
    session: NDArray[np.int64], items: NDArray[np.int32], events: NDArray[Any]
) -> NDArray[np.intp]:
    """Return the rows that are steps of sessions: session by session, each in time order.

    Next-door events of different names about one item are one step (a click in a list, then
    the view it leads to, then the cart); the same event repeated is a repeated interest.
    """
    order, starts = _steps(session, items, events)
    return order[starts]


def _steps(
    session: NDArray[np.int64], items: NDArray[np.int32], events: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return events session by session, and where in that order each step starts."""
    order = np.argsort(session, kind="stable")
    session, items, events = session[order], items[order], events[order]
    steps = np.ones(len(order), dtype=bool)
    steps[1:] = (
        (session[1:] != session[:-1]) | (items[1:] != items[:-1]) | (events[1:] == events[:-1])
    )
    return order, np.flatnonzero(steps)
