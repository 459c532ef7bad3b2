"""What visitors returned, or asked not to see: on no shelf of theirs again."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from control_plane.models.artifacts import Sets
from control_plane.models.visitors.histories import Histories
from control_plane.profiles.interest import Interest
from control_plane.schema import HIDDEN, ORDERED, REFUNDED

#: The newest items of a visitor that are kept out.
HIDDEN_ITEMS = 64

# A refund that names no products is of all its order's. Whoever orders an item after that wants it.
_REFUSED = f"""
WITH told AS (
    SELECT person, event, purchase, seconds, lines FROM visits
    WHERE personal AND person IS NOT NULL AND event IN ('{REFUNDED}', '{HIDDEN}', '{ORDERED}')
), refused AS (
    SELECT person, seconds, unnest(lines).item_id AS item_id FROM told WHERE event <> '{ORDERED}'
    UNION ALL
    SELECT refund.person, refund.seconds, unnest(bought.lines).item_id
    FROM told refund JOIN told bought USING (person, purchase)
    WHERE refund.event = '{REFUNDED}' AND bought.event = '{ORDERED}' AND len(refund.lines) = 0
), ordered AS (
    SELECT person, unnest(lines).item_id AS item_id, seconds FROM told WHERE event = '{ORDERED}'
), newest AS (
    SELECT person, item_id, max(seconds) AS ordered FROM ordered GROUP BY ALL
)
SELECT person, item, max(seconds) AS seconds
FROM refused JOIN item_numbers USING (item_id) LEFT JOIN newest USING (person, item_id)
GROUP BY person, item, ordered HAVING max(seconds) >= coalesce(ordered, max(seconds))
ORDER BY person, item
"""


def refused_sets(
    connection: duckdb.DuckDBPyConnection,
    interest: Interest,
    histories: Histories,
    leader: NDArray[np.int32],
) -> Sets:
    """Return the newest items each visitor returned or hid, in each variant's place its leader.

    Reads `visits` and the `item_numbers` that `load_interest` made.
    """
    rows = connection.execute(_REFUSED).fetchnumpy()
    person = np.ma.getdata(rows["person"]).astype(np.uint64)
    keys = interest.people[histories.people]
    visitor = np.minimum(np.searchsorted(keys, person), max(len(keys) - 1, 0))
    known = keys[visitor] == person if len(keys) else np.zeros(len(person), dtype=np.bool_)
    item = leader[np.ma.getdata(rows["item"]).astype(np.int64)].astype(np.int64)
    return _newest(visitor[known], item[known], np.ma.getdata(rows["seconds"])[known], len(keys))


def within(sets: Sets, visitor: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each item stands in its visitor's set."""
    span = int(max(item.max(initial=0), sets.items.max(initial=0))) + 1
    owner = np.repeat(np.arange(len(sets.indptr) - 1), np.diff(sets.indptr))
    return np.isin(visitor * span + item, owner * span + sets.items)


def _newest(
    visitor: NDArray[np.int64], item: NDArray[np.int64], seconds: NDArray[np.int64], visitors: int
) -> Sets:
    order = np.lexsort((item, -seconds, visitor))
    visitor, item = visitor[order], item[order]
    # Of one product's variants the newest counts.
    _, first = np.unique(np.stack([visitor, item]), axis=1, return_index=True)
    first.sort()
    visitor, item = visitor[first], item[first]
    starts = np.searchsorted(visitor, np.arange(visitors))
    kept = np.arange(len(visitor)) - starts[visitor] < HIDDEN_ITEMS if visitors else first < 0
    visitor, item = visitor[kept], item[kept]
    counts = np.bincount(visitor, minlength=visitors)
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    return Sets(indptr, item[np.lexsort((item, visitor))].astype(np.int32))
