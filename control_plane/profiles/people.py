"""Who did what: the event log without bots, each event with its person and its consent.

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
WHERE is_bot IS NOT TRUE
"""


def resolve_people(connection: duckdb.DuckDBPyConnection) -> int:
    """Make the temporary table `visits` from the view `events`; return its number of rows.

    `place` counts events in time order, `person` (UBIGINT) is null where nobody is known,
    `personal` says whether the event may feed what is learned about its person.
    """
    for statement in (_OWNERS, _WITHDRAWN, _VISITS):
        connection.execute(statement)
    (count,) = connection.execute("SELECT count(*) FROM visits").fetchone() or (0,)
    return int(count)
