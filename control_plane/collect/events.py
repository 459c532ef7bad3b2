"""Turns batches of text columns into typed events, and says of each other row why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from control_plane.collect.batch import DECISION, DECISION_TYPE, LINE, PRODUCTS, SENT_AT, SEQUENCE
from control_plane.collect.bots import is_crawler
from control_plane.collect.columns import Plan, by_value, canonical, one_chunk
from control_plane.collect.context import context_map, without_query
from control_plane.collect.event_sql import IGNORED, Verdicts, judge_sql
from control_plane.collect.line_arrays import Lines, call_lines, flat_lines
from control_plane.collect.mapping import Mapping
from control_plane.collect.names import CONTEXT_FIELDS, EVENT_FIELDS, their_name
from control_plane.collect.people import Pseudonyms
from control_plane.collect.report import Reject
from control_plane.collect.rule_sql import rule_case
from control_plane.collect.words import purposes, truth
from control_plane.keyring import DEVICE, USER

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

_AS_THEY_ARE = (
    "timestamp", "received_at", "event", "session_id", "order_id", "query", "message_id",
)  # fmt: skip

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
        batch, context = self._prepared(table, plan, verdicts, consent_column)
        self.duck.register("batch", batch)
        self.duck.execute(judge_sql(verdicts, self._bounds(), context))
        self.duck.unregister("batch")
        self.duck.execute(_KEEP, [self.number, self.number * ROWS_PER_FILE, self.options.now])
        ignored = self._count("SELECT count(*) FROM judged WHERE verdict = ?", IGNORED)
        fresh = self.people.take_fresh()
        self.duck.register("fresh", fresh)
        self.duck.execute("INSERT INTO people SELECT * FROM fresh")
        self.duck.unregister("fresh")
        return ignored, self._rejects(verdicts)

    def _prepared(
        self, table: pa.Table, plan: Plan, verdicts: Verdicts, consent_column: bool
    ) -> tuple[pa.Table, list[str]]:
        """Return all columns that the SQL reads, and the names of those of context."""
        ours = canonical(table, plan, self.options.mapping)
        nothing = pa.nulls(table.num_rows, pa.string())
        texts = {field: ours.get(field, nothing) for field in EVENT_FIELDS}
        out: dict[str, Any] = {field: one_chunk(texts[field]) for field in _AS_THEY_ARE}
        out["device_id"], out["device_mark"] = self.people.replace(texts["anonymous_id"], DEVICE)
        out["user"], out["user_mark"] = self.people.replace(texts["user_id"], USER)
        out["consent"] = self._consent(texts["consent"], consent_column)
        out["crawler"] = by_value(texts["user_agent"], is_crawler, pa.bool_())
        out["bot"], out["bot_text"] = by_value(texts["is_bot"], truth, pa.bool_()), texts["is_bot"]
        out[LINE], out["sequence"] = table[LINE], self._sequence(table)
        there = table.column_names
        out[SENT_AT] = table[SENT_AT] if SENT_AT in there else nothing
        nowhere = pa.nulls(table.num_rows, DECISION_TYPE)
        out[DECISION] = table[DECISION] if DECISION in there else nowhere
        out["rule"], out["rule_shown"] = self._rules(table, verdicts)
        lines = self._lines(table, texts, out["rule"])
        out["lines"], out["line_marks"] = lines.lines, lines.marks
        out["bad"], out["line_shown"] = lines.bad, lines.shown
        context = _context(texts)
        out["context"] = context_map(context, table.num_rows)
        return pa.table({**out, **context}), list(context)

    def _rules(self, table: pa.Table, verdicts: Verdicts) -> tuple[Any, Any]:
        """Return each row's mapping rule, -1 for none, and the value that a reject would show."""
        mapping, size = self.options.mapping, table.num_rows
        nothing = pa.nulls(size, pa.string())
        if not mapping.when:
            return pa.array(np.full(size, -1, np.int32)), nothing
        columns = {"n": pa.array(np.arange(size))}
        for place, rule in enumerate(mapping.when):
            name = their_name(rule.column)
            columns[f"_w{place}"] = table[name] if name in table.column_names else nothing
        self.duck.register("rule_texts", pa.table(columns))
        found = self.duck.sql(f"""
            SELECT rule, {verdicts.shown()} AS shown
            FROM (SELECT *, ({rule_case(mapping)})::INTEGER AS rule FROM rule_texts)
            ORDER BY n""").to_arrow_table()
        self.duck.unregister("rule_texts")
        return one_chunk(found["rule"]), one_chunk(found["shown"])

    def _lines(self, table: pa.Table, texts: dict[str, Any], rule: Any) -> Lines:
        mapping, currency = self.options.mapping, self.options.currency
        if PRODUCTS in table.column_names:
            products = one_chunk(table[PRODUCTS])
            return call_lines(self.duck, products, rule, mapping, currency)
        return flat_lines(self.duck, texts, rule, mapping, currency)

    def _sequence(self, table: pa.Table) -> Any:
        if SEQUENCE in table.column_names:
            return table[SEQUENCE]
        self.rows += table.num_rows
        return pa.array(range(self.rows - table.num_rows, self.rows), pa.int64())

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


def _context(texts: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of context that are not all null."""
    found = {name: one_chunk(texts[name]) for name in CONTEXT_FIELDS}
    there = {name: x for name, x in found.items() if x.null_count < len(x)}
    for name in ("path", "referrer"):
        if name in there:
            there[name] = without_query(there[name])
    return there


_KEEP = """
INSERT INTO stage
SELECT $1, $2 + sequence, given, message_id, event, device_id, "user", session_id, happened,
       coalesce(received, $3), consent, is_bot, context, lines, order_id, query, decision, sequence
FROM judged WHERE verdict = 0
"""
