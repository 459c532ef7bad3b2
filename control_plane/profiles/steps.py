"""Sessions' steps as an expression: what sessions.py does with arrays, for logs beyond memory."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from control_plane.profiles.interest import KINDS
from control_plane.schema import INTEREST

#: Together they are a session. `person` is 0 for nobody known; `given` is the source's session, or
#: the event where neither is known; `part` counts a person's silences.
SESSION = ("person", "given", "part")

_TIME = ("timestamp", "sequence", "message_id")


def session_lists(acts: ir.Table, item_numbers: ir.Table, gap_seconds: int) -> ir.Table:
    """Return every session from `people.acts`, its items as they are numbered.

    `item_numbers` has `item_id` and `item`. Columns: those of SESSION, `steps` of structs `step`
    (from 1), `item` and `kind`, oldest first, and `ended`, the epoch seconds of the newest.
    """
    events = _interest_events(acts, item_numbers, gap_seconds)
    in_turn = ibis.window(group_by=SESSION, order_by=(*_TIME, "position"))
    before = {name: events[name].lag().over(in_turn) for name in ("item", "event")}
    starts = (events.item != before["item"]) | (events.event == before["event"])
    events = events.mutate(starts=starts.fill_null(True).cast("int64"))
    so_far = ibis.cumulative_window(group_by=SESSION, order_by=(*_TIME, "position"))
    events = events.mutate(step=events.starts.sum().over(so_far))
    steps = events.group_by(*SESSION, "step", "item").agg(
        kind=events.kind.max(), seconds=events.seconds.min()
    )
    told = ibis.struct([(name, steps[name]) for name in ("step", "item", "kind")])
    lists = steps.group_by(*SESSION).agg(steps=told.collect(), ended=steps.seconds.max())
    return lists.mutate(steps=lists.steps.sort())


def _interest_events(acts: ir.Table, item_numbers: ir.Table, gap_seconds: int) -> ir.Table:
    """Return one row for each item of an interest event, with its session."""
    told = _with_sessions(acts, gap_seconds).filter(ibis._.event.isin(list(INTEREST)))
    # Numbers are unnested, not lines: a join with each row's own lines would not fit into memory.
    told = told.mutate(position=ibis.range(told.lines.length()).unnest())
    lines = told.mutate(item_id=told.lines[told.position]["item_id"]).drop("lines")
    kinds = [(lines.event == name, KINDS.index(kind)) for name, kind in INTEREST.items()]
    lines = lines.mutate(kind=ibis.cases(*kinds, else_=0))
    return lines.inner_join(item_numbers, "item_id")


def _with_sessions(acts: ir.Table, gap_seconds: int) -> ir.Table:
    given = ibis.cases(
        (acts.session_id.notnull(), ibis.literal("s") + acts.session_id),
        (acts.person.fill_null(0) == 0, ibis.literal("m") + acts.message_id),
        else_="",
    )
    told = acts.select(
        *_TIME, "event", "lines", "seconds", person=acts.person.fill_null(0), given=given
    )
    mine = ("person", "given")
    before = told.seconds.lag().over(ibis.window(group_by=mine, order_by=_TIME))
    silent = (told.given == "") & (told.seconds - before > gap_seconds)
    told = told.mutate(silent=silent.fill_null(False).cast("int64"))
    part = told.silent.sum().over(ibis.cumulative_window(group_by=mine, order_by=_TIME))
    return told.mutate(part=part)
