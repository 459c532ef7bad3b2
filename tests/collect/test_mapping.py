"""Mappings: what they do to rows, and how their mistakes are told."""

from datetime import datetime

import pytest

from control_plane.collect.mapping import load_mapping
from control_plane.errors import InputError

CSV = "When;Sku;Who;Qty;Cost;Kind\n"
COLUMNS = """
[columns]
timestamp = "When"
item_id = "Sku"
user_id = "Who"
quantity = "Qty"
price = "Cost"
event = "Kind"
"""


def test_a_toml_mapping_renames_translates_and_sets(take, query):
    mapping = f"""{COLUMNS}
[constants]
currency = "EUR"
[values.event]
view = "Product Viewed"
buy = "Order Completed"
[formats.timestamp]
pattern = "%d/%m/%Y %H:%M"
timezone = "Europe/Paris"
[formats.price]
decimal = ","
thousands = "."
"""
    report = take("shop.csv", f"{CSV}01/05/2026 12:00;a;ann;2;1.234,50;buy\n", mapping)
    assert report.unknown_columns == ()
    assert query('SELECT event, "timestamp", lines[1] FROM events') == [
        (
            "Order Completed",
            datetime(2026, 5, 1, 10),
            {
                "item_id": "a",
                "quantity": 2,
                "price_minor": 123450,
                "currency": "EUR",
                "position": None,
            },
        )
    ]


def test_a_yaml_mapping_is_yaml_1_2(take, query):
    mapping = "values: {country: {NO: XX, on: YY}}\nconstants: {quantity: 2}\n"
    head = "timestamp,item_id,session_id,country"
    take(
        "shop.csv",
        f"{head}\n2026-05-01,a,s,NO\n2026-05-01,b,s,on\n2026-05-01,c,s,FR\n",
        mapping,
        mapping_name="map.yaml",
    )
    found = query("SELECT context['country'], lines[1].quantity FROM events ORDER BY sequence")
    assert found == [("XX", 2), ("YY", 2), ("FR", 2)]


def test_the_first_rule_that_holds_counts(take, query, rejects):
    mapping = f"""{COLUMNS}
[[when]]
column = "Sku"
regex = "^(POST|FEE)$"
ignore = true
[[when]]
column = "Kind"
prefix = ["C", "K"]
event = "Order Refunded"
negate = ["quantity"]
[[when]]
column = "Qty"
less_than = 1
reject = "a correction of stock"
[[when]]
column = "Kind"
empty = true
event = "Product Added"
[[when]]
column = "Who"
equals = "robot"
reject = true
"""
    rows = [
        "2026-05-01;POST;ann;-1;;C1",
        "2026-05-01;a;ann;-3;;C1",
        "2026-05-01;b;ann;-3;;x",
        "2026-05-01;c;ann;1;;",
        "2026-05-01;d;robot;1;;x",
        "2026-05-01;e;ann;1;;Wished",
    ]
    report = take("shop.csv", CSV + "\n".join(rows), mapping, max_rejects=1)
    assert (report.ignored, report.stored) == (1, 3)
    assert rejects(report) == [(4, "Qty", "a correction of stock"), (6, "Who", "rejected by rule")]
    found = query("SELECT event, lines[1].item_id, lines[1].quantity FROM events ORDER BY sequence")
    assert found == [("Order Refunded", "a", 3), ("Product Added", "c", 1), ("Wished", "e", 1)]


def test_a_reject_never_shows_who_a_person_is(take, project):
    mapping = f'{COLUMNS}\n[[when]]\ncolumn = "Who"\nprefix = "ann"\nreject = true\n'
    rows = "2026-05-01;a;ann@example.com;1;;x\n2026-05-01;a;bob;1;;x\n"
    take("shop.csv", CSV + rows, mapping, max_rejects=1)
    (file,) = (project.data / "rejects").iterdir()
    assert "ann" not in file.read_text()


def test_one_column_may_feed_two_fields(take, query):
    mapping = '[columns]\nsession_id = "invoice"\norder_id = "invoice"\n'
    take("shop.csv", "timestamp,item_id,invoice\n2026-05-01,a,7\n", mapping)
    assert query("SELECT session_id, order_id FROM events") == [("7", "7")]


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("[colums]\na = 1", r"map.toml: colums: unknown key\n  Did you mean 'columns'\?"),
        ("[columns]\nitem = 'Sku'", r"columns.item: unknown key\n  Did you mean 'item_id'\?"),
        ("[constants]\ncurency = 'EUR'", r"constants.curency.*\n.*'currency'"),
        ("[formats.timestamp]\npatern = '%Y'", r"formats.timestamp.patern.*\n.*'pattern'"),
        ("[formats.timestamp]\npattern = '%Q'", r"formats.timestamp.pattern: '%Q' is not"),
        ("[formats.timestamp]\ntimezone = 'Paris'", r"formats.timestamp.timezone: 'Paris' is not"),
        ("[[when]]\ncolum = 'x'", r"when\[0\].colum: unknown key\n.*'column'"),
        ("[[when]]\nprefix = 'x'", r"missing required field `column`"),
        ("[[when]]\ncolumn = 'x'\nignore = true", r"when\[0\]: the rule has no condition"),
        ("[[when]]\ncolumn = 'x'\nprefix = 'C'", r"when\[0\]: the rule does nothing"),
        (
            "[[when]]\ncolumn = 'x'\nprefix = 'C'\nignore = true\nevent = 'y'",
            "the rule has two outcomes",
        ),
        (
            "[[when]]\ncolumn = 'x'\nregex = '('\nignore = true",
            r"when\[0\].regex: not a regular expression",
        ),
        ("[columns]\nprice = 'a'\n[constants]\nprice = 1", "both a column and a constant"),
        ("[file]\nencoding = 'utf-99'", "file.encoding: no such encoding"),
        ("[file]\nencoding = 'utf-16'", "file.encoding: cannot read this encoding"),
        ("[file]\ndelimiter = ';;'", "file.delimiter: a delimiter is one character"),
        ("kind = 'things'", "kind: Invalid enum value"),
        ("columns = 7", "columns: Expected"),
        ("= 7", "not valid TOML.*line 1"),
    ],
)
def test_a_mistake_in_a_mapping_names_file_key_and_remedy(take, mapping, problem):
    with pytest.raises(InputError, match=problem):
        take("shop.csv", "x,timestamp\n1,2\n", mapping)


def test_a_yaml_mistake_names_its_line(take):
    with pytest.raises(InputError, match=r"map.yaml:2: not valid YAML"):
        take("shop.csv", "x\n1\n", "columns:\n  a: b: c\n", mapping_name="map.yaml")


def test_a_column_that_is_not_there_is_named_with_the_right_one(take):
    with pytest.raises(InputError, match=r"no column 'Skus'.*\n  Did you mean 'Sku'\?"):
        take("shop.csv", f"{CSV}2026-05-01;a;ann;1;;x\n", COLUMNS.replace('"Sku"', '"Skus"'))


def test_a_mapping_that_is_not_there_is_an_input_error(project, write):
    with pytest.raises(InputError, match="no such mapping"):
        load_mapping(project.root / "none.toml")
