"""The numbers that make sessions into neighbour rows, and rows into a shelf.

Every one is a weight, a power or a sum over pairs within a window, so that the same table can be
written in SQL. docs/models.md says what each does and what it was measured to bring.
"""

from __future__ import annotations

import msgspec


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are counted. The defaults come from several shops (see docs/models.md).

    A pair of items at distance d of a session weighs `length^-length_power` of the session, times
    `e^(-age / (age_share · span))`, times `e^(-(d-1) / forward_decay)` for the later item in the
    earlier one's row, or `backward_weight · e^(-(d-1) / backward_decay)` the other way round,
    times the weight of what was done with the item recommended (view, cart, order). A person
    counts once for a pair, with the strongest. A row's score is the sum over people, divided by
    `(n_i + source_smoothing)^source_power · n_j^target_power`, n = people who met the item.
    A pair that one person alone met counts `lone_weight` of that. In the row of an item that
    `crowd` people have met a pair takes two people, of one that `large_crowd` have met, three.
    """

    window: int = 10
    forward_decay: float = 3.0
    backward_decay: float = 4.0
    backward_weight: float = 0.5
    length_power: float = 0.25
    age_share: float = 0.6
    source_smoothing: float = 5.0
    source_power: float = 0.8
    target_power: float = 0.2
    cart_weight: float = 1.5
    order_weight: float = 2.0
    lone_weight: float = 0.4
    crowd: int = 30
    large_crowd: int = 100


DEFAULT = Recipe()


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How the worker sums rows: those of the last `items` events, p = 0 the newest.

    score(j) = sum of `e^(-p / decay) · row(item_p)[j]`; where repeats are wanted, each of those
    items gets `reminder · reminder_scale · e^(-p / reminder_decay)` more.
    """

    items: int = 10
    decay: float = 1.2
    reminder: float = 1.2
    reminder_decay: float = 8.0
