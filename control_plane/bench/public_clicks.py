"""Reads public click logs, as their publishers give them, and cuts them as the field does.

Sessions of one click and items of fewer than five are left out, then the newest sessions are the
test: every prefix of each has its next click to be found (Wu et al., SR-GNN, AAAI 2019).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.collect.duck import literal
from control_plane.errors import InputError

DAY = 86_400

#: Clicks further apart than this begin a new session, where a log knows visitors alone.
GAP_SECONDS = 1_800

FEWEST_CLICKS = 5


class ClickSet(msgspec.Struct, frozen=True, kw_only=True):
    """A public log cut in two.

    `train` is a Parquet file's worth of (session_id, item_id, timestamp), in order; `prefixes` and
    `targets` are the test, `session` (n,) numbers whose they are.
    """

    name: str
    says: str
    train: duckdb.DuckDBPyRelation
    prefixes: list[list[str]]
    targets: list[str]
    session: NDArray[np.int64]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """How a public log is read and cut.

    `clicks` is SQL over `{file}` that gives (session, item, seconds, place): place orders clicks
    of one session. The test are sessions that end within `test_seconds` of the newest; of the
    others, those with the newest 1/`fraction` of next clicks are learned from. `longest` sessions
    are left out beyond.
    """

    name: str
    file: str
    says: str
    clicks: str
    test_seconds: int
    fraction: int = 1
    longest: int | None = None


_GAPS = f"""
    SELECT visitorid || '-' || sum(fresh) OVER (PARTITION BY visitorid ORDER BY seconds, place)
           AS session, item, seconds, place
    FROM (SELECT *, coalesce(seconds - lag(seconds) OVER (
                    PARTITION BY visitorid ORDER BY seconds, place) > {GAP_SECONDS}, true)::INTEGER
                 AS fresh
          FROM (SELECT visitorid::VARCHAR AS visitorid, itemid::VARCHAR AS item,
                       "timestamp"::BIGINT // 1000 AS seconds, row_number() OVER () AS place
                FROM read_csv({{file}}, header = true, all_varchar = true)
                WHERE event = 'view'))
"""

LOGS = (
    Log(
        name="retailrocket",
        file="events.csv",
        says="RetailRocket's views, half an hour apart a new session, the last 7 days tested",
        clicks=_GAPS,
        test_seconds=7 * DAY,
    ),
    Log(
        name="diginetica",
        file="train-item-views.csv",
        says="Diginetica (CIKM Cup 2016), the last 7 days tested",
        clicks="""
            SELECT session_id::VARCHAR AS session, item_id::VARCHAR AS item,
                   epoch(strptime(eventdate, '%Y-%m-%d'))::BIGINT + timeframe::BIGINT // 1000
                       AS seconds,
                   timeframe::BIGINT AS place
            FROM read_csv({file}, header = true, delim = ';', all_varchar = true)
        """,
        test_seconds=7 * DAY,
    ),
    Log(
        name="yoochoose-64",
        file="yoochoose-clicks.dat",
        says="YooChoose (RecSys Challenge 2015), the newest 1/64, the last day tested",
        clicks="""
            SELECT session::VARCHAR AS session, item::VARCHAR AS item,
                   epoch(told::TIMESTAMP)::BIGINT AS seconds, epoch_ms(told::TIMESTAMP) AS place
            FROM read_csv({file}, header = false, all_varchar = true,
                          names = ['session', 'told', 'item', 'category'])
        """,
        test_seconds=DAY,
        fraction=64,
    ),
    Log(
        name="tmall",
        file="dataset15.csv",
        says="Tmall (IJCAI 2015) until 120,000, sessions of 40 clicks at most, the last 100 tested",
        # Its times are counted from nought; as seconds of 2020 they are times that events may have.
        clicks="""
            SELECT SessionId AS session, ItemId AS item, 1577836800 + "Time"::BIGINT AS seconds,
                   row_number() OVER () AS place
            FROM read_csv({file}, header = true, delim = '\\t', all_varchar = true)
            WHERE "Time"::BIGINT <= 120000
        """,
        test_seconds=100,
        longest=40,
    ),
)

Reader = Callable[[duckdb.DuckDBPyConnection], ClickSet]


def find_click_sets(data: Path) -> dict[str, Reader]:
    """Return readers of the logs found in `data` or in folders of their names, by name."""
    found: dict[str, Reader] = {}
    for log in LOGS:
        for folder in (data / log.name, data):
            if (folder / log.file).is_file() and log.name not in found:
                found[log.name] = partial(read_log, log=log, file=folder / log.file)
    for folder in (data / "retailrocket", data):
        if (folder / "train.parquet").is_file() and (folder / "test.jsonl").is_file():
            found["retailrocket"] = partial(read_cut, folder=folder)
            break
    return found


def read_cut(duck: duckdb.DuckDBPyConnection, folder: Path) -> ClickSet:
    """Return RetailRocket as COTREC cut it: train.parquet, and test.jsonl of prefix and target."""
    train = duck.sql(f"""
        SELECT session_id::VARCHAR AS session_id, item_id::VARCHAR AS item_id, timestamp
        FROM read_parquet({literal(str(folder / "train.parquet"))})
    """)
    lines = (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()
    tests = [json.loads(line) for line in lines]
    prefixes = [[str(item) for item in test["prefix"]] for test in tests]
    targets = [str(test["target"]) for test in tests]
    return ClickSet(
        name="retailrocket",
        says="RetailRocket as COTREC cut it",
        train=train,
        prefixes=prefixes,
        targets=targets,
        session=_chains(prefixes, targets),
    )


def read_log(duck: duckdb.DuckDBPyConnection, log: Log, file: Path) -> ClickSet:
    """Return a log cut in two; raise InputError when the file is not what its name says."""
    try:
        _number_clicks(duck, log, file)
    except duckdb.Error as error:
        raise InputError(
            f"cannot be read as {log.name}'s clicks ({' '.join(str(error).split())[:200]})",
            file=file,
            remedy="Give the file as its publisher does.",
        ) from error
    tests = duck.execute(_TEST).fetchall()
    if not tests:
        raise InputError("no session is left to test with", file=file)
    prefixes, targets, sessions = [], [], []
    for number, (items,) in enumerate(tests):
        for step in range(1, len(items)):
            prefixes.append(items[:step])
            targets.append(items[step])
            sessions.append(number)
    return ClickSet(
        name=log.name,
        says=log.says,
        train=duck.sql(_TRAIN),
        prefixes=prefixes,
        targets=targets,
        session=np.array(sessions),
    )


def _number_clicks(duck: duckdb.DuckDBPyConnection, log: Log, file: Path) -> None:
    """Make table `clicks`, without what is left out, and say of each whether it is a test's."""
    longest = log.longest or 2**31
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE clicks AS
        WITH told AS ({log.clicks.format(file=literal(str(file)))}),
        several AS (SELECT * FROM told QUALIFY count(*) OVER (PARTITION BY session) > 1),
        often AS (SELECT * FROM several
                  QUALIFY count(*) OVER (PARTITION BY item) >= {FEWEST_CLICKS}),
        kept AS (SELECT *, max(seconds) OVER (PARTITION BY session) AS ends FROM often
                 QUALIFY count(*) OVER (PARTITION BY session) BETWEEN 2 AND {longest})
        SELECT *, ends > (SELECT max(ends) FROM kept) - {log.test_seconds} AS test FROM kept
    """)
    duck.execute(f"""
        CREATE OR REPLACE TEMP TABLE learned AS
        WITH sessions AS (SELECT session, any_value(ends) AS ends, count(*) - 1 AS nexts
                          FROM clicks WHERE NOT test GROUP BY session)
        SELECT session FROM sessions
        QUALIFY sum(nexts) OVER (ORDER BY ends DESC, session) - nexts
                < (SELECT sum(nexts) FROM sessions) / {log.fraction}
    """)


_TRAIN = """
    SELECT session AS session_id, item AS item_id, seconds AS timestamp
    FROM clicks JOIN learned USING (session) ORDER BY ends, session, place
"""

# What is not known from before the cut can't be found by anybody; a test keeps what is.
_TEST = """
    SELECT list(item ORDER BY place) FROM clicks
    WHERE test AND item IN (SELECT item FROM clicks WHERE NOT test)
    GROUP BY session, ends HAVING count(*) > 1 ORDER BY ends, session
"""


def _chains(prefixes: list[list[str]], targets: list[str]) -> NDArray[np.int64]:
    """Number the sessions of prefixes that follow each other, each one click shorter."""
    number, numbers = 0, []
    for before, (prefix, target) in enumerate(zip(prefixes, targets, strict=True), start=-1):
        if before >= 0 and [*prefix, target] != prefixes[before]:
            number += 1
        numbers.append(number)
    return np.array(numbers)
