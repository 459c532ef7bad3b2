"""`frontshelf bench compile` counts what the compiler really wrote."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from control_plane.cli import main


@pytest.mark.slow
def test_it_counts_every_byte_and_beats_plain_msgpack() -> None:
    asked = ["bench", "compile", "--items", "2000", "--visitors", "3000", "--json"]
    result = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["items"], report["visitors"]) == (2000, 3000)
    by_kind = report["bytes_by_kind"]
    counted = 2000 * (report["neighbours"]["bytes_each"] + report["cards"]["bytes_each"])
    assert counted == pytest.approx(by_kind["items"] + by_kind.get("cards", 0))
    assert 3000 * report["visitor_rows"]["bytes_each"] == pytest.approx(by_kind["visitors"])
    assert report["largest_value"] <= 72 * 1024
    for part in ("neighbours", "cards", "visitor_rows"):
        assert report[part]["bytes_each"] < 0.8 * report[part]["msgpack_each"]
    assert report["neighbours"]["id_bits"] < report["neighbours"]["set_bits"]
    assert report["seconds"] > 0
    assert report["peak_mb"] > 50
    assert report["deploy"] is None


@pytest.mark.slow
def test_what_changes_little_writes_little() -> None:
    asked = ["bench", "compile", "--items", "2000", "--visitors", "3000", "--deploy", "--json"]
    result = CliRunner().invoke(main, asked, catch_exceptions=False)
    done = json.loads(result.stdout)["deploy"]
    assert done["values"] > 5
    assert (done["again"], done["rules"]) == (0, 0)
    assert done["stock_items"] == 20
    assert done["stock_share"] < 0.03
