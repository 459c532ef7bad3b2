"""Who did what: the event log without bots and scripts, each event with its person and consent.

A person is the user, else the one user ever seen on the device, else the device. A device
on which several users were seen stays a person of its own, for what was done on it
without a log-in.
"""

from __future__ import annotations

import duckdb

from control_plane.schema import PERSONALIZATION

_OWNERS = """
CREATE OR REPLACE TEMP TABLE device_owners AS
SELECT device_id, any_value("user") AS owner
FROM events
WHERE is_bot IS NOT TRUE AND device_id IS NOT NULL AND "user" IS NOT NULL
GROUP BY device_id HAVING count(DISTINCT "user") = 1
"""

# The banner stands on the device, so its newest event says whether it still consents. Events
# without a device (a till, a back office) speak for themselves alone: their silence is not
# a withdrawal.
_WITHDRAWN = f"""
CREATE OR REPLACE TEMP TABLE withdrawn_devices AS
SELECT device_id
FROM events
WHERE is_bot IS NOT TRUE AND device_id IS NOT NULL
GROUP BY device_id
HAVING NOT arg_max(
    coalesce(list_contains(consent, '{PERSONALIZATION}'), false),
    (timestamp, sequence, message_id)
)
"""

#: More sessions than this of one person in one day are a script's, or an account that many share.
DAILY_SESSIONS = 20

# What is left out is the whole day, so that a script leaves no trace. Only a source's own session
# ids can be that many: a person's events without them have half an hour of silence between two.
_SCRIPTED = """
CREATE OR REPLACE TEMP TABLE scripted_days AS
SELECT coalesce(e."user", o.owner, e.device_id) AS person, timestamp::DATE AS day,
       count(*) AS events
FROM events e LEFT JOIN device_owners o ON o.device_id = e.device_id
WHERE is_bot IS NOT TRUE AND coalesce(e."user", e.device_id) IS NOT NULL
GROUP BY ALL HAVING count(DISTINCT session_id) > $daily_sessions
"""

_VISITS = f"""
CREATE OR REPLACE TEMP TABLE visits AS
SELECT
    row_number() OVER (ORDER BY timestamp, sequence, message_id) - 1 AS place,
    event,
    coalesce(e."user", o.owner, e.device_id) AS person,
    CASE WHEN session_id IS NOT NULL THEN greatest(hash(session_id), 1) END AS session,
    coalesce(list_contains(consent, '{PERSONALIZATION}'), false)
        AND w.device_id IS NULL AS personal,
    epoch_ms(timestamp) // 1000 AS seconds,
    map_extract(context, 'country')[1] AS country,
    map_extract(context, 'device')[1] AS device,
    map_extract(context, 'utm_source')[1] AS utm_source,
    hash(coalesce(order_id, message_id)) AS purchase,
    lines
FROM events e
LEFT JOIN device_owners o ON o.device_id = e.device_id
LEFT JOIN withdrawn_devices w ON w.device_id = e.device_id
LEFT JOIN scripted_days s
    ON s.person = coalesce(e."user", o.owner, e.device_id) AND s.day = timestamp::DATE
WHERE is_bot IS NOT TRUE AND s.person IS NULL
"""


def resolve_people(
    connection: duckdb.DuckDBPyConnection, daily_sessions: int = DAILY_SESSIONS
) -> int:
    """Make the temporary table `visits` from the view `events`; return its number of rows.

    `place` counts events in time order, `person` (UBIGINT) is null where nobody is known,
    `personal` says whether the event may feed what is learned about its person. The days of
    people with more than `daily_sessions` sessions are left out (see `scripted_days`).
    """
    connection.execute(_OWNERS)
    connection.execute(_WITHDRAWN)
    connection.execute(_SCRIPTED, {"daily_sessions": daily_sessions})
    connection.execute(_VISITS)
    (count,) = connection.execute("SELECT count(*) FROM visits").fetchone() or (0,)
    return int(count)


def scripted_days(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Return how many days of how many events `resolve_people` left out as a script's."""
    query = "SELECT count(*), coalesce(sum(events), 0) FROM scripted_days"
    days, events = connection.execute(query).fetchone() or (0, 0)
    return int(days), int(events)
