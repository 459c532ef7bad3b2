"""The examples do what their READMEs say, on small files of the same oddities."""

import runpy
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from control_plane.collect.ingest import ingest

EXAMPLES = Path(__file__).parents[2] / "examples"

RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,12/1/10 8:26,2.55,17850,United Kingdom
536365,85123A,WHITE HANGING HEART,6,12/1/10 8:26,2.55,17850,United Kingdom
550000,22423,REGENCY CAKESTAND,1,7/1/11 10:00,10.95,,EIRE
C536379,D,Discount,-1,12/1/10 9:41,27.5,14527,United Kingdom
C536391,22556,PLASTERS IN TIN,-12,12/1/10 10:24,1.65,17548,Norway
536589,21777,,-10,12/1/10 16:50,0,,United Kingdom
536370,POST,POSTAGE,3,12/1/10 8:45,18,12583,France
537000,gift_0001_40,Dotcomgiftshop Gift Voucher \xa340.00,1,12/3/10 15:30,34.04,,United Kingdom
"""


def test_online_retail_is_read_with_all_its_oddities(project, write, query):
    file = write("retail.csv", RETAIL.encode("cp1252"))
    report = ingest(project, file, mapping=EXAMPLES / "online-retail" / "mapping.toml")
    assert (report.rows, report.stored, report.ignored, report.rejected) == (8, 4, 4, 0)
    assert report.unknown_columns == ()
    found = query(
        """SELECT event, "timestamp", session_id, "user" IS NULL, lines[1].item_id,
                  lines[1].quantity, lines[1].price_minor, context['country']
           FROM events ORDER BY sequence"""
    )
    heart = (
        "Order Completed",
        datetime(2010, 12, 1, 8, 26),
        "536365",
        False,
        "85123A",
        6,
        255,
        "GB",
    )
    assert found == [
        heart,
        heart,
        ("Order Completed", datetime(2011, 7, 1, 9), "550000", True, "22423", 1, 1095, "IE"),
        ("Order Refunded", datetime(2010, 12, 1, 10, 24), "C536391", False, "22556", 12, 165, "NO"),
    ]


@pytest.fixture
def journey(tmp_path):
    """Two files as the grocery package has them."""
    folder = tmp_path / "package"
    folder.mkdir()
    duckdb.execute(f"""
        COPY (SELECT * FROM (VALUES
            (900, 330, 31198570044, 1095275, 2, 1.0, TIMESTAMP '2017-01-01 11:53:26'),
            (900, 330, 31198570044, 6534178, 9000, 20.0, TIMESTAMP '2017-01-01 11:53:26'),
            (900, 330, 31198570044, 1095275, 0, 0.0, TIMESTAMP '2017-01-01 11:53:26'))
            t(household_id, store_id, basket_id, product_id, quantity, sales_value,
              transaction_timestamp)) TO '{folder}/transactions.parquet'""")
    duckdb.execute(f"""
        COPY (SELECT * FROM (VALUES
            (1095275, 'PASTRY', 'Private', 'BREAD', 'BREAD:ITALIAN', '1 LB'),
            (6534178, 'FUEL', 'Private', 'FUEL', 'GASOLINE', NULL))
            t(product_id, department, brand, product_category, product_type, package_size))
        TO '{folder}/products.parquet'""")
    return folder


def test_groceries_become_files_that_need_no_mapping(project, journey, tmp_path, query):
    prepare = runpy.run_path(str(EXAMPLES / "groceries" / "prepare.py"))["prepare"]
    assert prepare(journey, tmp_path / "out") == (1, 1)
    report = ingest(project, tmp_path / "out")
    assert (report.stored, report.items_updated, report.unknown_columns) == (1, 1, ())
    assert query("SELECT event, lines[1].price_minor FROM events") == [("Order Completed", 50)]
    assert query("SELECT title, category, tags, price_minor FROM items") == [
        ("BREAD:ITALIAN, 1 LB", "PASTRY / BREAD", ["private"], 50)
    ]
