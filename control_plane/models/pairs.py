"""The neighbour table as expressions: what neighbours.py counts in memory, for logs beyond it.

The numbers are recipe.py's. Scores are rounded to 32 bits before they are ranked, as there, so
that the order in which an engine adds changes nothing that is seen.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from control_plane.collect.engine.duck import Engine
from control_plane.models.artifacts import Rows
from control_plane.models.neighbours import Neighbours
from control_plane.models.recipe import Recipe
from control_plane.profiles.steps import session_lists

#: Who counts once for a pair: a person, or one session of nobody known.
_OWNER = ("person", "nobody")

_WAY = ("source", "target", "weight")


def fit_log(
    engine: Engine,
    item_ids: list[str],
    leader: NDArray[np.int32],
    gap_seconds: int,
    limit: int,
    recipe: Recipe,
) -> Neighbours:
    """Return the neighbour table of the engine's `acts` (see people.resolve_people).

    `leader` (items,) numbers each item of `item_ids` as the one that it counts as.
    """
    engine.lend("lent_items", pa.table({"item_id": item_ids, "item": leader}))
    numbers = engine.table("lent_items")
    engine.keep("sessions", session_lists(engine.table("acts"), numbers, gap_seconds))
    sessions = engine.table("sessions")
    engine.keep("met", people_who_met(sessions))
    engine.keep("pairs", count_pairs(sessions, recipe))
    met, pairs = engine.table("met"), engine.table("pairs")
    engine.show("pair_counts", pair_counts(pairs))
    engine.show("neighbours", top(scores(pairs, met, recipe), limit))
    return _fetch(engine, len(item_ids))


def people_who_met(sessions: ir.Table) -> ir.Table:
    """Return how many `people` met each item."""
    met = _with_owner(sessions).select(*_OWNER, step=sessions.steps.unnest())
    met = met.select(*_OWNER, item=met.step["item"]).distinct()
    return met.group_by("item").agg(people=met.count())


def count_pairs(sessions: ir.Table, recipe: Recipe) -> ir.Table:
    """Return what meetings of `target` near `source` weigh over all `people`, each once."""
    meetings = _meetings(_weighed(sessions, recipe), recipe)
    mine = meetings.group_by(*_OWNER, "source", "target").agg(weight=meetings.weight.max())
    return mine.group_by("source", "target").agg(people=mine.count(), weight=mine.weight.sum())


def pair_counts(pairs: ir.Table) -> ir.Table:
    """Return the number of pairs of two items, and of those that one person alone met."""
    two = pairs.source != pairs.target
    return pairs.aggregate(
        pairs=two.cast("int64").sum(),
        lone_pairs=(two & (pairs.people == 1)).cast("int64").sum(),
    )


def scores(pairs: ir.Table, met: ir.Table, recipe: Recipe) -> ir.Table:
    """Return the score of each pair that enough people met."""
    mine = pairs.inner_join(met.select(source="item", crowd="people"), "source")
    mine = mine.inner_join(met.select(target="item", others="people"), "target")
    two = mine.source != mine.target
    large, crowd = mine.crowd >= recipe.large_crowd, mine.crowd >= recipe.crowd
    wanted = 1 + crowd.cast("int64") + large.cast("int64")
    mine = mine.filter(~two | (mine.people >= wanted))
    share = ibis.cases((two & (mine.people == 1), recipe.lone_weight), else_=1.0)
    score = share * mine.weight
    score *= 1 / (mine.crowd + recipe.source_smoothing) ** recipe.source_power
    score *= 1 / mine.others.cast("float64") ** recipe.target_power
    return mine.select("source", "target", score=score.cast("float32"))


def top(scored: ir.Table, limit: int) -> ir.Table:
    """Return the `limit` best positive scores of each source, ties settled by the target."""
    scored = scored.filter(scored.score > 0)
    best_first = ibis.window(group_by="source", order_by=(ibis.desc(scored.score), scored.target))
    ranked = scored.mutate(rank=ibis.row_number().over(best_first))
    return ranked.filter(ranked["rank"] < limit)


def _with_owner(sessions: ir.Table) -> ir.Table:
    return sessions.mutate(nobody=ibis.cases((sessions.person == 0, sessions.given), else_=""))


def _weighed(sessions: ir.Table, recipe: Recipe) -> ir.Table:
    """Return sessions with what each of them weighs."""
    bounds = sessions.aggregate(newest=sessions.ended.max(), oldest=sessions.ended.min())
    mine = _with_owner(sessions).cross_join(bounds)
    span = ibis.greatest(mine.newest - mine.oldest, 1)
    age = (mine.newest - mine.ended) / (recipe.age_share * span)
    length = mine.steps.length().cast("float64")
    weight = length**-recipe.length_power * (-age).exp()
    return mine.select(*_OWNER, "steps", weight=weight)


def _meetings(sessions: ir.Table, recipe: Recipe) -> ir.Table:
    """Return each step with each at most a window after it, one row for each of the two ways.

    Lists are unnested, not joined, so that nothing is sorted or kept for it.
    """
    count = sessions.steps.length()
    one = sessions.mutate(place=ibis.range(count).unnest())
    one = one.select(
        *_OWNER,
        "weight",
        step=one.steps[one.place],
        later=one.steps[one.place + 1 : one.place + 1 + recipe.window],
    )
    two = one.mutate(near=ibis.range(one.later.length()).unnest())
    two = two.mutate(other=two.later[two.near], distance=two.near.cast("float64"))
    after = two.weight * (-two.distance / recipe.forward_decay).exp()
    before = two.weight * (-two.distance / recipe.backward_decay).exp()
    ways = ibis.array(
        [
            _way(two.step, two.other, after, recipe),
            _way(two.other, two.step, recipe.backward_weight * before, recipe),
        ]
    )
    met = two.select(*_OWNER, way=ways.unnest())
    return met.select(*_OWNER, *(met.way[name].name(name) for name in _WAY))


def _way(
    source: ir.StructValue, target: ir.StructValue, weight: ir.FloatingValue, recipe: Recipe
) -> ir.StructValue:
    kinds = ((target["kind"] == 1, recipe.cart_weight), (target["kind"] == 2, recipe.order_weight))
    values = source["item"], target["item"], weight * ibis.cases(*kinds, else_=1.0)
    return ibis.struct([*zip(_WAY, values, strict=True)])


def _fetch(engine: Engine, item_count: int) -> Neighbours:
    ask = engine.connection.execute
    rows = ask("SELECT source, target, score FROM neighbours ORDER BY source, rank").fetchnumpy()
    met = ask("SELECT item, people FROM met").fetchnumpy()
    ((pairs, lone_pairs),) = ask("SELECT pairs, lone_pairs FROM pair_counts").fetchall()
    people = np.zeros(item_count, dtype=np.int64)
    people[np.ma.getdata(met["item"])] = np.ma.getdata(met["people"])
    lengths = np.bincount(np.ma.getdata(rows["source"]), minlength=item_count)
    return Neighbours(
        rows=Rows(
            np.append(0, np.cumsum(lengths)).astype(np.int64),
            np.ma.getdata(rows["target"]).astype(np.int32),
            np.ma.getdata(rows["score"]).astype(np.float32),
        ),
        people=people,
        pairs=int(pairs or 0),
        lone_pairs=int(lone_pairs or 0),
    )
