"""Who did what: the event log without bots and scripts, each event with its person and consent.

A person is the user, else the one user ever seen on the device, else the device. A device
on which several users were seen stays a person of its own, for what was done on it
without a log-in.
"""

from __future__ import annotations

import duckdb
import ibis
import ibis.expr.types as ir

from control_plane.collect.engine.duck import DuckEngine, Engine
from control_plane.schema import PERSONALIZATION

#: More sessions than this of one person in one day are a script's, or an account that many share.
DAILY_SESSIONS = 20

# The order of time, and what identifies a session or a purchase, are the log's own, so that every
# engine finds the same; here they become numbers.
_VISITS = """
CREATE OR REPLACE TEMP TABLE visits AS
SELECT
    row_number() OVER (ORDER BY timestamp, sequence, message_id) - 1 AS place,
    event, person::UBIGINT AS person,
    CASE WHEN session_id IS NOT NULL THEN greatest(hash(session_id), 1) END AS session,
    personal, seconds, country, device, utm_source,
    hash(purchase) AS purchase,
    lines
FROM acts
"""


def resolve_people(
    connection: duckdb.DuckDBPyConnection,
    daily_sessions: int = DAILY_SESSIONS,
    engine: Engine | None = None,
) -> int:
    """Make the temporary table `visits` from the view `events`; return its number of rows.

    `place` counts events in time order, `person` (UBIGINT) is null where nobody is known,
    `personal` says whether the event may feed what is learned about its person. The days of
    people with more than `daily_sessions` sessions are left out (see `scripted_days`). The engine,
    the connection itself unless one is given, has `acts`: the same rows as it reads them.
    """
    engine = engine or DuckEngine(connection)
    told = _told(engine.table("events"))
    engine.keep("scripted_days", _scripted(told, daily_sessions))
    engine.show("acts", acts(told, engine.table("scripted_days")))
    connection.execute(_VISITS)
    (count,) = connection.execute("SELECT count(*) FROM visits").fetchone() or (0,)
    return int(count)


def keep_newest(
    connection: duckdb.DuckDBPyConnection, engine: Engine, most: int
) -> tuple[int, int] | None:
    """Leave in `visits` the newest events, about `most`; None when these are all.

    Returns how many stay, and since when (epoch seconds): all events of that second stay. `acts`
    keeps the others, and `engine.visits` is what stays, as the engine reads it.
    """
    cut = "SELECT seconds FROM visits WHERE place = (SELECT count(*) FROM visits) - ?"
    oldest_in = connection.execute(cut, [most]).fetchone()
    if oldest_in is None or not connection.execute(cut, [most + 1]).fetchone():
        return None
    (since,) = oldest_in
    newest = "SELECT * REPLACE (place - min(place) OVER () AS place) FROM visits WHERE seconds >= ?"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE visits AS {newest}", [since])
    if engine.visits != "visits":
        acts = engine.table("acts")
        engine.show("recent", acts.filter(acts.seconds >= since))
        engine.visits = "recent"
    (count,) = connection.execute("SELECT count(*) FROM visits").fetchone() or (0,)
    return int(count), int(since)


def scripted_days(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return how many days of how many events `resolve_people` left out as a script's."""
    query = "SELECT count(*), coalesce(sum(events), 0) FROM scripted_days"
    days, events = connection.execute(query).fetchone() or (0, 0)
    return int(days), int(events)


def acts(told: ir.Table, scripted: ir.Table) -> ir.Table:
    """Return people's events with what is known of who did them, scripts' days left out."""
    withdrawn = _withdrawn(told)
    mine = told.left_join(scripted, ["person", "day"]).filter(ibis._.events.isnull())
    mine = mine.drop("person_right", "day_right", "events")
    mine = mine.left_join(withdrawn, "device_id")
    context = mine.context
    return mine.select(
        "event",
        "person",
        "session_id",
        "message_id",
        "timestamp",
        "sequence",
        "lines",
        personal=mine.consents & mine.device_id_right.isnull(),
        seconds=mine.timestamp.truncate("s").epoch_seconds().cast("int64"),
        purchase=ibis.coalesce(mine.order_id, mine.message_id),
        country=context.get("country"),
        device=context.get("device"),
        utm_source=context.get("utm_source"),
    )


def _told(events: ir.Table) -> ir.Table:
    """Return what is no bot's, with its person, its day and whether it consents."""
    told = events.filter(~events.is_bot.fill_null(False))
    told = told.mutate(
        consents=told.consent.contains(PERSONALIZATION).fill_null(False),
        day=told.timestamp.date(),
    )
    known = told.filter(told.device_id.notnull() & told.user.notnull())
    owners = known.group_by("device_id").agg(owner=known.user.min(), last=known.user.max())
    owners = owners.filter(owners.owner == owners.last).drop("last")
    told = told.left_join(owners, "device_id").drop("device_id_right")
    return told.mutate(person=ibis.coalesce(told.user, told.owner, told.device_id)).drop("owner")


def _withdrawn(told: ir.Table) -> ir.Table:
    """Return the devices that consent no more.

    The banner stands on the device, so its newest event says whether it still consents. Events
    without a device (a till, a back office) speak for themselves alone: their silence is not
    a withdrawal.
    """
    mine = told.filter(told.device_id.notnull())
    order = ibis.struct([(name, mine[name]) for name in ("timestamp", "sequence", "message_id")])
    newest = mine.group_by("device_id").agg(consents=mine.consents.argmax(order))
    return newest.filter(~newest.consents).select("device_id")


def _scripted(told: ir.Table, daily_sessions: int) -> ir.Table:
    """Return the days of people with more sessions than anybody has.

    What is left out is the whole day, so that a script leaves no trace. Only a source's own
    session ids can be that many: a person's events without them have half an hour of silence
    between two.
    """
    known = told.filter(told.person.notnull())
    days = known.group_by("person", "day").agg(
        events=known.count(), sessions=known.session_id.nunique()
    )
    return days.filter(days.sessions > daily_sessions).drop("sessions")
