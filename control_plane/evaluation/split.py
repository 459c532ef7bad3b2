"""Where time is cut: what is older is learned from, what is newer is tested with."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import numpy as np

from control_plane.collect.markets import NOTHING_ELSEWHERE
from control_plane.errors import InputError
from control_plane.models.artifacts import Model
from control_plane.profiles.interest import Interest

#: The share of sessions, the newest, that is tested with unless a time is named.
TEST_SHARE = 0.08

#: What older and newer events are called on the connection of an evaluation.
_ALL = "all_events"


def split_time(interest: Interest, share: float = TEST_SHARE) -> int:
    """Return the epoch second at which the newest `share` of sessions begins."""
    began = np.full(int(interest.session.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(began, interest.session, interest.seconds)
    began = np.sort(began[began < np.iinfo(np.int64).max])
    refuse_nothing(interest)
    return int(began[min(len(began) - 1, int(len(began) * (1 - share)))])


def refuse_nothing(interest: Interest) -> None:
    """Raise InputError when no event shows an interest in an item."""
    if not len(interest.seconds):
        raise InputError(
            "no event of the log shows an interest in an item",
            remedy="Run 'frontshelf ingest' with views, carts or orders first.",
        )


def refuse_empty(interest: Interest, since: int) -> None:
    """Raise InputError when no event is older than `since`, or none as new."""
    refuse_nothing(interest)
    oldest, newest = int(interest.seconds.min()), int(interest.seconds.max())
    if oldest >= since or newest < since:
        lacks = "older, to learn from" if oldest >= since else "as new, to test with"
        raise InputError(
            f"the log is cut at {iso(since)}, and no event is {lacks}: "
            f"events stand from {iso(oldest)} to {iso(newest)}",
            remedy="Name a time between the two with --since, or ingest a longer log.",
        )


def refuse_seen(model: Model, since: int) -> None:
    """Raise InputError when a model has learned from what it would be tested with."""
    if datetime.fromisoformat(model.model_time).timestamp() >= since:
        raise InputError(
            f"the model has learned from events until {model.model_time}, "
            f"the test begins at {iso(since)}",
            field="--since",
            remedy="A model is not tested with what it learned from: name a later time, or leave "
            "--model out, and one is trained on what is older.",
        )


def show_older(log: duckdb.DuckDBPyConnection, since: int) -> None:
    """Let `events` be those before `since` alone, and all items be there to be shown.

    What was sold out at the time of the test is not known; what is today says nothing of it.
    """
    log.execute(f"ALTER VIEW events RENAME TO {_ALL}")
    cut = datetime.fromtimestamp(since, UTC).replace(tzinfo=None)
    log.execute(f"CREATE VIEW events AS SELECT * FROM {_ALL} WHERE timestamp < TIMESTAMP '{cut}'")
    log.execute("ALTER VIEW items RENAME TO all_items")
    log.execute("CREATE VIEW items AS SELECT * REPLACE (true AS available) FROM all_items")
    log.execute(NOTHING_ELSEWHERE)


def iso(seconds: int) -> str:
    """Return epoch seconds as people read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
