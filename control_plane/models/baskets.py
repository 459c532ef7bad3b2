"""What is bought together: rows of items that the same people ordered, or put into the cart.

Two items pair once for each person, however often that person bought both: within one session for
all it is worth, from one session to another within a month for less, the further apart the less.
Sessions of people who did not consent stand alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from control_plane.models.artifacts import Rows
from control_plane.models.purchases import Purchases, people_per_item
from control_plane.models.ranking import blocks, stack, top_per_row

#: A purchase pairs with so many of the same person before and after it, and with fewer of other
#: sessions: a basket of 200 would else count 20,000 pairs. A pair in a basket of n counts n^-0.5.
#: Measured on a gift shop's next invoices, 6 shown for one item: 18.8 % of them stand in its
#: invoice; 16.7 % where pairs of all baskets count alike, 16.7 % with a reach of 10.
REACH, APART_REACH, SIZE_POWER = 30, 10, -0.5

APART_DAYS, APART_WEIGHT, APART_HALF_LIFE_DAYS = 30.0, 0.3, 7.0

#: The 50 bestsellers take a fifth of all places, of a gift shop's shelves and of a grocer's; with a
#: target power of 0.2 they take a third there and four tenths here.
SOURCE_POWER, TARGET_POWER, SMOOTHING = 0.8, 0.4, 5.0

#: Purchases whose pairs are counted at once, up to 2 · REACH keys of 8 bytes each.
_BLOCK_PURCHASES = 30_000

#: The lower bits of a key: what a pair counts.
_WEIGHT_BITS, _MOST = 8, 255


def also_bought(taken: Purchases, item_count: int, limit: int) -> Rows:
    """Return the `limit` items that go into baskets with each item most, for their own number.

    Score = w / ((n_i + 5)^0.8 (n_j + 5)^0.4); w and n sum over people, of whom each counts with
    the greatest weight that they gave the pair, or the item.
    """
    closeness = _closeness(taken)
    people = people_per_item(taken, item_count)
    by_item = np.argsort(taken.item, kind="stable")
    first = np.searchsorted(taken.item[by_item], np.arange(item_count + 1))
    tables = []
    for start, stop in blocks(np.diff(first), _BLOCK_PURCHASES):
        chosen = by_item[first[start] : first[stop]]
        pairs = _pairs(taken, closeness, chosen, (start, stop), item_count)
        row = np.repeat(np.arange(start, stop), np.diff(pairs.indptr))
        pairs.data /= (people[row] + SMOOTHING) ** SOURCE_POWER
        pairs.data /= (people[pairs.indices] + SMOOTHING) ** TARGET_POWER
        tables.append(top_per_row(pairs, limit))
    return stack(tables)


def _closeness(taken: Purchases) -> list[NDArray[np.uint8]]:
    """Return what each purchase and the one d places after it count together, for d = 1, 2, …

    Square roots, in 255ths, so that small weights differ; 0 says that the two do not pair.
    """
    size = np.bincount(taken.session)[taken.session] if len(taken.session) else taken.session
    share = size.astype(np.float64) ** (SIZE_POWER / 2)
    weights = []
    for distance in range(1, REACH + 1):
        one, other = slice(None, -distance), slice(distance, None)
        days = (taken.seconds[other] - taken.seconds[one]) / 86_400
        near = (taken.person[one] == taken.person[other]) & (days <= APART_DAYS)
        near &= taken.personal[one] & taken.personal[other]
        apart = near * APART_WEIGHT * np.exp2(-days * near / APART_HALF_LIFE_DAYS)
        together = taken.session[one] == taken.session[other]
        weight = np.where(together, 1.0, apart if distance <= APART_REACH else 0.0)
        weight *= share[one] * share[other] * np.minimum(taken.weight[one], taken.weight[other])
        weight *= taken.item[one] != taken.item[other]
        weights.append(np.ceil(_MOST * np.sqrt(weight)).astype(np.uint8))
    return weights


def _pairs(
    taken: Purchases,
    closeness: list[NDArray[np.uint8]],
    chosen: NDArray[np.intp],
    items: tuple[int, int],
    item_count: int,
) -> Any:
    """Sum what `chosen` purchases, all those of a range of items, pair with, as CSR rows."""
    sources, source = np.unique(taken.item[chosen], return_inverse=True)
    people, person = np.unique(taken.person[chosen], return_inverse=True)
    keys = [np.zeros(0, dtype=np.int64)]
    for distance, weights in enumerate(closeness, 1):
        for step in (distance, -distance):
            # The earlier of the two has their weight.
            earlier = chosen + min(step, 0)
            there = np.flatnonzero((earlier >= 0) & (earlier < len(weights)))
            weight = weights[earlier[there]]
            near, weight = there[weight > 0], weight[weight > 0]
            pair = source[near] * item_count + taken.item[chosen[near] + step]
            keys.append((pair * len(people) + person[near]) << _WEIGHT_BITS | weight)
    pair, sums = _sum_by_pair(np.concatenate(keys), max(len(people), 1))
    row, column = np.divmod(pair, item_count)
    indptr = np.searchsorted(sources[row], np.arange(items[0], items[1] + 1))
    return sparse.csr_matrix((sums, column, indptr), shape=(items[1] - items[0], item_count))


def _sum_by_pair(
    keys: NDArray[np.int64], people: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of keys (pair, person, weight), ascending, and their weights' sums.

    Each person counts with the greatest of their weights.
    """
    keys = np.sort(keys)
    greatest = keys[np.append(np.diff(keys >> _WEIGHT_BITS) != 0, True)[: len(keys)]]
    pair = (greatest >> _WEIGHT_BITS) // people
    weight = ((greatest & _MOST) / _MOST) ** 2
    starts = np.flatnonzero(np.append(True, np.diff(pair) != 0)[: len(pair)])
    return pair[starts], np.add.reduceat(weight, starts) if len(starts) else weight
