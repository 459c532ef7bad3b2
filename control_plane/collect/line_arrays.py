"""Turns a batch's items into lines: one of a flat row, many of a call."""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from control_plane.collect.batch import PRODUCT_FIELDS
from control_plane.collect.duck import literal
from control_plane.collect.mapping import Mapping
from control_plane.collect.rule_sql import amount_text

#: Field, reason, SQL condition, SQL of the value shown; the first that holds counts.
LINE_PROBLEMS = (
    ("item_id", "no item", "item_id IS NULL", "NULL"),
    ("item_id", "longer than 200 bytes", "strlen(item_id) > 200", "NULL"),
    ("item_id", "contains a NUL byte", "contains(item_id, chr(0))", "NULL"),
    (
        "quantity",
        "not a whole number",
        "quantity IS NOT NULL AND (amount IS NULL OR amount <> trunc(amount))",
        "quantity",
    ),
    ("quantity", "below 1", "amount < 1", "quantity"),
    ("quantity", "implausibly large", "amount > 1000000000", "quantity"),
    ("price", "not a number", "price IS NOT NULL AND cost IS NULL", "price"),
    ("price", "negative", "cost < 0", "price"),
    ("price", "implausibly large", "cost > 1000000000000", "price"),
    ("currency", "not a currency code", "NOT regexp_full_match(money, '[A-Z]{3}')", "money"),
    (
        "position",
        "not a whole number",
        '"position" IS NOT NULL AND (place IS NULL OR place <> trunc(place)'
        " OR abs(place) > 1000000000)",
        '"position"',
    ),
)


class Lines(msgspec.Struct, frozen=True):
    """Arrow columns, a value a row of the batch.

    `lines` are lists of typed lines, `marks` what they say as text; `bad` numbers the problem of
    the row's first bad line from 1 (null: none), whose value is `shown`.
    """

    lines: Any
    marks: Any
    bad: Any
    shown: Any


def flat_lines(
    duck: duckdb.DuckDBPyConnection,
    columns: dict[str, Any],
    rule: Any,
    mapping: Mapping,
    currency: str,
) -> Lines:
    """Return the lines of flat rows: one where the row has an item, else none."""
    has_item = pc.is_valid(columns["item_id"])
    table = pa.table({**{name: columns[name] for name in PRODUCT_FIELDS}, "rule": rule})
    lengths = pc.cast(has_item, pa.int32()).to_numpy(zero_copy_only=False)
    return _lines(duck, table.filter(has_item), lengths, mapping, currency)


def call_lines(
    duck: duckdb.DuckDBPyConnection, products: Any, rule: Any, mapping: Mapping, currency: str
) -> Lines:
    """Return the lines of calls, whose `products` are lists of texts."""
    flat = pc.list_flatten(products)
    columns = {name: pc.struct_field(flat, name) for name in PRODUCT_FIELDS}
    columns["rule"] = pc.take(rule, pc.list_parent_indices(products))
    lengths = pc.fill_null(pc.list_value_length(products), 0).to_numpy(zero_copy_only=False)
    return _lines(duck, pa.table(columns), lengths, mapping, currency)


def _lines(
    duck: duckdb.DuckDBPyConnection,
    texts: pa.Table,
    lengths: Any,
    mapping: Mapping,
    currency: str,
) -> Lines:
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    numbered = texts.append_column("n", pa.array(np.arange(texts.num_rows)))
    duck.register("line_texts", numbered)
    made = duck.sql(_lines_sql(mapping, currency)).to_arrow_table().combine_chunks()
    duck.unregister("line_texts")
    marks = _lists(offsets, made["mark"])
    bad, shown = _first_problems(made, offsets)
    return Lines(_lists(offsets, made["line"]), pc.binary_join(marks, "\x1d"), bad, shown)


def _lists(offsets: Any, values: pa.ChunkedArray) -> Any:
    whole = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    return pa.ListArray.from_arrays(pa.array(offsets), whole)


def _first_problems(made: pa.Table, offsets: Any) -> tuple[Any, Any]:
    """Return each row's first problem and the value to show, null where there is none."""
    count = len(offsets) - 1
    if made["problem"].null_count == made.num_rows:
        return pa.nulls(count, pa.int32()), pa.nulls(count, pa.string())
    bad: list[int | None] = [None] * count
    shown: list[str | None] = [None] * count
    found = made.append_column("n", pa.array(np.arange(made.num_rows)))
    rows = found.filter(pc.is_valid(found["problem"])).select(["n", "problem", "shown"])
    for line, problem, value in zip(*rows.to_pydict().values(), strict=True):
        row = int(np.searchsorted(offsets, line, side="right")) - 1
        if bad[row] is None:
            bad[row], shown[row] = problem, value
    return pa.array(bad, pa.int32()), pa.array(shown, pa.string())


def _lines_sql(mapping: Mapping, currency: str) -> str:
    """Return the query for lines, marks and problems in the order of `line_texts`.

    Amounts are worked out once a value, one expression after another: nested in one another
    they cost ten times as much.
    """
    numbered = list(enumerate(LINE_PROBLEMS, 1))
    problem = " ".join(f"WHEN {test} THEN {n}" for n, (_, _, test, _) in numbered)
    shown = " ".join(f"WHEN {n} THEN {value}" for n, (_, _, _, value) in numbered)
    return f"""
WITH cleaned AS (
    SELECT n, rule, clean(item_id) AS item_id, clean(quantity) AS quantity,
        clean(price) AS price, upper(clean(currency)) AS money, clean("position") AS "position"
    FROM line_texts),
numbers AS (
    SELECT *, number({amount_text(mapping, "quantity")}) AS amount,
        number({amount_text(mapping, "price")}) AS cost, number("position") AS place
    FROM cleaned),
checked AS (SELECT *, CASE {problem} END AS problem FROM numbers),
typed AS (
    SELECT n, problem, CASE problem {shown} END AS shown, item_id, money,
        CASE WHEN problem IS NULL THEN coalesce(amount::BIGINT, 1) END AS quantity,
        CASE WHEN problem IS NULL THEN minor(cost, money, {literal(currency)}) END AS price_minor,
        CASE WHEN problem IS NULL THEN place::INTEGER END AS "position"
    FROM checked)
SELECT problem::INTEGER AS problem, shown,
    {{'item_id': item_id, 'quantity': quantity, 'price_minor': price_minor,
      'currency': money, 'position': "position"}} AS line,
    concat_ws(chr(30), coalesce(item_id, ''), coalesce(quantity::VARCHAR, ''),
              coalesce(price_minor::VARCHAR, ''), coalesce(money, ''),
              coalesce("position"::VARCHAR, '')) AS mark
FROM typed ORDER BY n
"""
