"""Takes in the item catalogue: batches of text columns become items, the newest row wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from control_plane.collect.batch import LINE
from control_plane.collect.columns import Plan, by_value, canonical
from control_plane.collect.duck import literal
from control_plane.collect.mapping import Mapping
from control_plane.collect.names import ITEM_FIELDS
from control_plane.collect.report import Reject
from control_plane.collect.words import truth

STAGE = """
CREATE TABLE item_stage (
    file INTEGER, line BIGINT, item_id VARCHAR, title VARCHAR, url VARCHAR, image VARCHAR,
    price_minor BIGINT, currency VARCHAR, category VARCHAR, tags VARCHAR[], available BOOLEAN,
    group_id VARCHAR, market VARCHAR, brand VARCHAR);
"""
COLUMNS = (
    "item_id, title, url, image, price_minor, currency, category, tags, available, group_id, "
    "market, brand"
)
#: Columns that came later, and what an older file's items have instead.
_LATER = {"brand": "NULL::VARCHAR", "told_at": "0::BIGINT", "added_at": "0::BIGINT"}

TWICE = Reject(file="", line=0, field="item_id", reason="the item stands twice in this file")

#: Field, reason, SQL condition, SQL of the value shown; the first that holds counts.
_PROBLEMS = (
    ("item_id", "missing", "item_id IS NULL", "NULL"),
    ("item_id", "longer than 200 bytes", "strlen(item_id) > 200", "item_id"),
    ("market", "longer than 40 bytes", "strlen(market) > 40", "market"),
    ("price", "not a number", "price IS NOT NULL AND amount IS NULL", "price"),
    ("price", "negative", "amount < 0", "price"),
    ("price", "implausibly large", "amount > 1000000000000", "price"),
    ("currency", "not a currency code", "NOT regexp_full_match(money, '[A-Z]{3}')", "currency"),
    ("available", "neither yes nor no", "available IS NOT NULL AND there IS NULL", "available"),
    ("url", "not a web address", "NOT regexp_full_match(url, '{web}')", "url"),
    ("image", "not a web address", "NOT regexp_full_match(image, '{web}|data:image/.*')", "image"),
)
# With a scheme only http and https, since it becomes a link on the shop's pages.
_WEB = r"(?i:https?)://.*|[^:]*|[^:/?#]*[/?#].*"


class CatalogueTaker:
    """Takes the batches of one catalogue file into the staging database."""

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        mapping: Mapping,
        currency: str,
        name: str,
        number: int,
    ) -> None:
        self.duck, self.mapping, self.currency = duck, mapping, currency
        self.name, self.number = name, number

    def take(self, table: pa.Table, plan: Plan) -> list[Reject]:
        """Stage a batch's good rows; return the rejects."""
        if not table.num_rows:
            return []
        self.duck.register("batch", self._prepared(table, plan))
        self.duck.execute(_judge_sql(self.mapping, self.currency))
        self.duck.unregister("batch")
        self.duck.execute(
            f"INSERT INTO item_stage SELECT $1, line, {COLUMNS} FROM judged WHERE verdict = 0",
            [self.number],
        )
        rows = self.duck.execute(
            "SELECT line, verdict, shown FROM judged WHERE verdict > 0 ORDER BY line"
        ).fetchall()
        return [
            Reject(file=self.name, line=line, field=field, reason=reason, value=value)
            for line, verdict, value in rows
            for field, reason, _, _ in [_PROBLEMS[verdict - 1]]
        ]

    def finish(self) -> list[Reject]:
        """Take out the items that stand twice in the file for one market, all but the first row."""
        twice = self.duck.execute(
            """DELETE FROM item_stage USING (
                   SELECT item_id AS id, market AS there, min(line) AS first_line
                   FROM item_stage WHERE file = $1 GROUP BY ALL HAVING count(*) > 1) AS seen
               WHERE file = $1 AND item_id = seen.id AND line > seen.first_line
                     AND market IS NOT DISTINCT FROM seen.there
               RETURNING line, item_id""",
            [self.number],
        ).fetchall()
        return [
            Reject(file=self.name, line=line, field=TWICE.field, reason=TWICE.reason, value=item)
            for line, item in sorted(twice)
        ]

    def _prepared(self, table: pa.Table, plan: Plan) -> pa.Table:
        ours = canonical(table, plan, self.mapping)
        nothing = pa.nulls(table.num_rows, pa.string())
        out: dict[str, Any] = {field: ours.get(field, nothing) for field in ITEM_FIELDS}
        out["there"] = by_value(out["available"], truth, pa.bool_())
        out["line"] = table[LINE]
        return pa.table(out)


def merge(duck: duckdb.DuckDBPyConnection, current: Path, partial: Path, told_at: int) -> int:
    """Write the merged catalogue to `partial`; return how many rows are new or changed.

    There is one row for each item and market. Nothing is written when that is none. `told_at`
    (epoch ms) is kept with each new or changed one, so that newer prices of an overlay are told
    from older ones; as `added_at` it stays what it was when the item was new.
    """
    known = f"SELECT {COLUMNS}, 0::BIGINT AS told_at, 0::BIGINT AS added_at FROM item_stage LIMIT 0"
    if current.is_file():
        source = f"read_parquet({literal(str(current))})"
        known = f"SELECT {COLUMNS}, told_at, added_at FROM {whole(duck, source)}"
    duck.execute(f"""
        CREATE TEMP TABLE newest AS SELECT {COLUMNS} FROM item_stage
        QUALIFY row_number() OVER (PARTITION BY item_id, market ORDER BY file DESC) = 1""")
    duck.execute(f"""
        CREATE TEMP TABLE news AS
        SELECT * FROM newest EXCEPT SELECT {COLUMNS} FROM ({known})""")
    (updated,) = duck.execute("SELECT count(*) FROM news").fetchall()[0]
    if updated:
        duck.execute(f"""
            COPY (SELECT news.*, {told_at}::BIGINT AS told_at,
                      coalesce(old.added_at, {told_at})::BIGINT AS added_at
                  FROM news LEFT JOIN (
                      SELECT item_id, min(added_at) AS added_at FROM ({known}) GROUP BY item_id
                  ) AS old USING (item_id) UNION ALL
                  SELECT * FROM ({known}) AS known WHERE NOT EXISTS (
                      FROM news WHERE news.item_id = known.item_id
                      AND news.market IS NOT DISTINCT FROM known.market)
                  ORDER BY item_id, market)
            TO {literal(str(partial))} (FORMAT parquet, COMPRESSION zstd)""")
    return int(updated)


def whole(duck: duckdb.DuckDBPyConnection, source: str) -> str:
    """Return the SQL of a catalogue file with every column that there is now."""
    names = {row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    missing = [f"{value} AS {name}" for name, value in _LATER.items() if name not in names]
    return f"(SELECT {', '.join(['*', *missing])} FROM {source})"


def _judge_sql(mapping: Mapping, currency: str) -> str:
    form = mapping.formats.get("price")
    price = "price"
    if form and form.thousands:
        price = f"replace({price}, {literal(form.thousands)}, '')"
    if form and form.decimal != ".":
        price = f"replace({price}, {literal(form.decimal)}, '.')"
    checks = [
        (number, condition.replace("{web}", _WEB), shown)
        for number, (_, _, condition, shown) in enumerate(_PROBLEMS, 1)
    ]
    verdict = " ".join(f"WHEN {condition} THEN {number}" for number, condition, _ in checks)
    shown = " ".join(f"WHEN {number} THEN {value}" for number, _, value in checks)
    return f"""
CREATE OR REPLACE TEMP TABLE judged AS
WITH typed AS (SELECT *, number({price}) AS amount, upper(currency) AS money FROM batch),
decided AS (SELECT *, CASE {verdict} ELSE 0 END AS verdict FROM typed)
SELECT line, verdict, left(CASE verdict {shown} END, 80) AS shown,
    item_id, title, url, image,
    CASE WHEN verdict = 0 THEN minor(amount, money, {literal(currency)}) END AS price_minor,
    money AS currency, category,
    list_filter(list_transform(string_split_regex(coalesce(tags, ''), '[|,;]'),
                               lambda t: trim(t)), lambda t: t <> '') AS tags,
    coalesce(there, true) AS available, group_id, market, brand
FROM decided
"""
