"""Turns batches of text columns into typed events, and says of each other row why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from control_plane.collect.batch import (
    DECISION,
    DECISION_TYPE,
    LINE,
    PRODUCTS,
    PRODUCTS_TYPE,
    SENT_AT,
)
from control_plane.collect.bots import is_crawler
from control_plane.collect.columns import Plan, by_value, canonical
from control_plane.collect.event_sql import IGNORED, Verdicts, judge_sql
from control_plane.collect.mapping import Mapping
from control_plane.collect.names import EVENT_FIELDS, PERSON_FIELDS, their_name
from control_plane.collect.people import KINDS, Pseudonyms
from control_plane.collect.report import Reject
from control_plane.collect.words import purposes, truth

#: Nothing is expected to have happened earlier than the first shops on the web.
EARLIEST = datetime(1990, 1, 1)
LEEWAY = timedelta(days=1)

STAGE = """
CREATE TABLE stage (
    file INTEGER, "row" BIGINT, given BOOLEAN, message_id VARCHAR, event VARCHAR,
    device_id UBIGINT, "user" UBIGINT, session_id VARCHAR, "timestamp" TIMESTAMP,
    received_at TIMESTAMP, consent VARCHAR[], is_bot BOOLEAN, context MAP(VARCHAR, VARCHAR),
    lines STRUCT(item_id VARCHAR, quantity BIGINT, price_minor BIGINT, currency VARCHAR,
                 "position" INTEGER)[],
    order_id VARCHAR, query VARCHAR,
    decision STRUCT(id VARCHAR, release VARCHAR, slot VARCHAR, content VARCHAR, rule VARCHAR,
                    experiment VARCHAR, variation INTEGER, propensity DOUBLE, reason VARCHAR),
    sequence BIGINT);
CREATE TABLE people (kind VARCHAR, key VARCHAR, identifier VARCHAR);
"""

#: Row numbers of different files never meet.
ROWS_PER_FILE = 1 << 40


class EventOptions(msgspec.Struct, frozen=True):
    """What typing events depends on besides the file: the clock, currency, the mapping."""

    now: datetime
    currency: str
    mapping: Mapping


class EventTaker:
    """Takes the batches of one file into the staging database."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        people: Pseudonyms,
        options: EventOptions,
        name: str,
        number: int,
    ) -> None:
        self.duck, self.people, self.options, self.name = duck, people, options, name
        self.number, self.rows = number, 0
        self.consent_seen = False

    def take(self, table: pa.Table, plan: Plan, consent_column: bool) -> tuple[int, list[Reject]]:
        """Stage a batch's good rows; return how many are ignored, and the rejects."""
        if not table.num_rows:
            return 0, []
        verdicts = Verdicts(self.options.mapping, plan)
        batch = self._prepared(table, plan, consent_column)
        self.duck.register("batch", batch)
        self.duck.execute(judge_sql(verdicts, self._bounds(), self.options.currency))
        self.duck.unregister("batch")
        self.duck.execute(_KEEP, [self.number, self.number * ROWS_PER_FILE, self.options.now])
        ignored = self._count("SELECT count(*) FROM judged WHERE verdict = ?", IGNORED)
        fresh = self.people.take_fresh()
        self.duck.register("fresh", fresh)
        self.duck.execute("INSERT INTO people SELECT * FROM fresh")
        self.duck.unregister("fresh")
        return ignored, self._rejects(verdicts)

    def _prepared(self, table: pa.Table, plan: Plan, consent_column: bool) -> pa.Table:
        """Return all columns that the SQL reads; those the file lacks are null."""
        ours = canonical(table, plan, self.options.mapping)
        size = table.num_rows
        nothing = pa.nulls(size, pa.string())
        out: dict[str, Any] = {field: ours.get(field, nothing) for field in EVENT_FIELDS}
        for field, kind in KINDS.items():
            out[f"{field}_key"], out[f"{field}_mark"] = self.people.replace(out[field], kind)
        for field in PERSON_FIELDS:
            del out[field]
        out["consent"] = self._consent(out["consent"], consent_column)
        out["crawler"] = by_value(out["user_agent"], is_crawler, pa.bool_())
        out["bot"] = by_value(out["is_bot"], truth, pa.bool_())
        out[LINE] = table[LINE]
        out["sequence"] = pa.array(range(self.rows, self.rows + size), pa.int64())
        self.rows += size
        for place, rule in enumerate(self.options.mapping.when):
            name = their_name(rule.column)
            out[f"_w{place}"] = table[name] if name in table.column_names else nothing
        for internal, kind in ((PRODUCTS, PRODUCTS_TYPE), (DECISION, DECISION_TYPE)):
            there = internal in table.column_names
            out[internal] = table[internal] if there else pa.nulls(size, kind)
        out[SENT_AT] = table[SENT_AT] if SENT_AT in table.column_names else nothing
        return pa.table(out)

    def _consent(self, column: Any, has_column: bool) -> Any:
        """Return the purposes granted; a consent column's empty field grants none."""
        granted = by_value(column, purposes)
        if has_column:
            self.consent_seen = True
            return pc.fill_null(granted, "none")
        self.consent_seen = self.consent_seen or granted.null_count < len(granted)
        return granted

    def _bounds(self) -> tuple[datetime, datetime]:
        return EARLIEST, self.options.now + LEEWAY

    def _count(self, query: str, *values: Any) -> int:
        return int(self.duck.execute(query, list(values)).fetchall()[0][0])

    def _rejects(self, verdicts: Verdicts) -> list[Reject]:
        rows = self.duck.execute(
            f'SELECT "{LINE}", verdict, shown FROM judged WHERE verdict > 0 ORDER BY sequence'
        ).fetchall()
        return [
            Reject(file=self.name, line=line, field=field, reason=reason, value=value)
            for line, verdict, value in rows
            for field, reason in [verdicts.meaning(verdict)]
        ]


_KEEP = """
INSERT INTO stage
SELECT $1, $2 + sequence, given, message_id, event, device_id, "user", session_id, happened,
       coalesce(received, $3), consent, is_bot, context, lines, order_id, query, decision, sequence
FROM judged WHERE verdict = 0
"""
