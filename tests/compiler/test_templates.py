from __future__ import annotations

from pathlib import Path

import pytest

from control_plane.compiler.templates import compile_template, load_template
from control_plane.errors import InputError

FILE = Path("card.html")


def test_a_template_is_split_into_literals_and_fields() -> None:
    text = "<ul>{{#items}}<li>{{title}}{{#price}} at {{price}}{{/price}}</li>{{/items}}</ul>"
    assert compile_template(text, FILE) == {
        "before": "<ul>",
        "card": [
            "<li>",
            ["text", "title"],
            "",
            ["if", "price"],
            " at ",
            ["text", "price"],
            "",
            ["end", "price"],
            "</li>",
        ],
        "after": "</ul>",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no card", "no card in the template"),
        ("{{#items}}{{titel}}{{/items}}", "unknown field {{titel}}"),
        ("{{#items}}{{#price}}{{/items}}", "{{#price}} is never closed"),
        ("{{#items}}{{/price}}{{/items}}", "{{/price}} closes nothing"),
    ],
)
def test_a_wrong_template_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_template(text, FILE)
    assert message in str(caught.value)
    assert "card.html" in str(caught.value)


def test_a_projects_own_template_goes_before_the_built_in_one(tmp_path: Path) -> None:
    built_in = load_template("product-strip", tmp_path)
    (tmp_path / "product-strip.html").write_text("<ol>{{#items}}{{sku}}{{/items}}</ol>")
    assert load_template("product-strip", tmp_path)["before"] == "<ol>"
    assert built_in["before"].startswith("<ul")


def test_an_unknown_template_names_the_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Write that file"):
        load_template("grid", tmp_path)
