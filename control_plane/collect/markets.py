"""One catalogue for several markets: what an item is by itself, and what it is elsewhere.

An item has a row for all markets, or rows each of one market, or both. A market's own row goes
before the one for all, and says only what differs; an item that has rows of markets alone is not
sold in the others.
"""

from __future__ import annotations

from control_plane.collect.duck import literal

#: Of a catalogue that knows one market.
NOTHING_ELSEWHERE = """CREATE OR REPLACE VIEW items_elsewhere AS
SELECT NULL::VARCHAR AS market, *, true AS available
FROM (SELECT unnest([]::STRUCT(item_id VARCHAR, title VARCHAR, url VARCHAR, image VARCHAR,
    category VARCHAR, currency VARCHAR, price_minor BIGINT, group_id VARCHAR)[], recursive := true))
"""

_TEXTS = ("title", "url", "image")


def base_items(told: str, market: str) -> str:
    """Return the SQL of one row an item, as `market`, the shop's own, has it ("" for none).

    That is the row of this market, else the one for all, else the first market's, which is not
    available where the shop says what its own market is.
    """
    own = literal(market)
    here = f"(market IS NULL OR {own} IN ('', market))"
    return f"""(
    SELECT * REPLACE (available AND {here} AS available) FROM {told}
    QUALIFY row_number() OVER (
        PARTITION BY item_id
        ORDER BY market IS DISTINCT FROM {own}, market IS NOT NULL, market) = 1)"""


def items_elsewhere(told: str, market: str) -> str:
    """Return the SQL of cards that differ from `base_items`, by market and item."""
    texts = ", ".join(f"coalesce(own.{t}, every.{t}, base.{t}) AS {t}" for t in _TEXTS)
    first = (
        "CASE WHEN own.price_minor IS NOT NULL THEN own.{0} "
        "WHEN every.price_minor IS NOT NULL THEN every.{0} ELSE base.{0} END AS {0}"
    )
    shown = (*_TEXTS, "price_minor", "currency", "available")
    differs = " OR ".join(f"card.{name} IS DISTINCT FROM base.{name}" for name in shown)
    return f"""(
WITH told AS (SELECT * FROM {told}),
base AS (SELECT * FROM {base_items("told", market)}),
markets AS (
    SELECT DISTINCT market FROM told WHERE market IS NOT NULL AND market <> {literal(market)}),
card AS (
    SELECT markets.market, base.item_id, {texts}, {first.format("price_minor")},
           {first.format("currency")}, coalesce(own.available, every.available, false) AS available
    FROM base CROSS JOIN markets
    LEFT JOIN told own ON own.item_id = base.item_id AND own.market = markets.market
    LEFT JOIN told every ON every.item_id = base.item_id AND every.market IS NULL)
SELECT card.*, base.category, base.group_id FROM card JOIN base USING (item_id) WHERE {differs})"""
