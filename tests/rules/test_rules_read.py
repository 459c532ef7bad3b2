"""A good rules file is read whole, and laid out as plain data for the manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgpack
import pytest

from control_plane.errors import InputError
from control_plane.rules.load import load_rules, to_table, validate_segments

CONTRACT = """\
timezone: Europe/Paris
content:
  hero-new:  {html: "<a href='/new'>New this week</a>"}
  hero-vip:  {file: content/hero-vip.html}
  strip:
    items: {from: [{session: 1, visitor: .4}, segment, popular], limit: 12}
    template: product-strip
  alike:
    items: {from: [item, popular], limit: 6, exclude: {seen: true}}
    template: product-strip
slots:
  home.hero:
    default: hero-new
    control: hero-new
    rules:
      - id: vip
        when: {segments: {$in: [loyal]}, country: {$in: [NO, DE]}}
        starts: 2026-11-27T00:00
        ends: 2026-11-30T23:59
        show: hero-vip
      - id: hero-test
        experiment: {key: hero-2026-11, variations: [hero-new, hero-vip], weights: [0.5, 0.5],
                     coverage: 0.8, namespace: [hero, 0, 0.5], phase: 2}
  home.recommended: {default: strip}
  product.alike: {default: alike}
holdout: {key: everyone-2026q4, share: 0.05}
"""


def project(folder: Path, rules: str) -> Path:
    (folder / "content").mkdir(exist_ok=True)
    (folder / "content" / "hero-vip.html").write_text("<b>Für Sie</b>", encoding="utf-8")
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    return folder


def table(folder: Path, rules: str) -> dict[str, Any]:
    return to_table(load_rules(project(folder, rules)))


def milliseconds(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


def first_rule(folder: Path, lines: str, timezone: str = "Europe/Paris") -> dict[str, Any]:
    text = (
        f"timezone: {timezone}\ncontent: {{a: {{html: A}}, b: {{html: B}}}}\n"
        f"slots:\n  s:\n    rules:\n      - {{id: r, {lines}}}\n"
    )
    return table(folder, text)["slots"]["s"]["rules"][0]


def shelf(folder: Path, items: str) -> dict[str, Any]:
    text = f"content: {{a: {{items: {{{items}}}}}}}\nslots: {{s: {{default: a}}}}\n"
    return table(folder, text)["content"]["a"]


def test_the_contracts_example_is_read(tmp_path: Path) -> None:
    read = table(tmp_path, CONTRACT)
    assert read["timezone"] == "Europe/Paris"
    assert read["holdout"] == {"key": "everyone-2026q4", "share": 0.05}
    assert read["content"]["hero-vip"] == {"kind": "html", "html": "<b>Für Sie</b>"}
    assert read["content"]["strip"] == {
        "kind": "items",
        "diversity": {"group": 1},
        "from": [[["session", 1.0], ["visitor", 0.4]], [["segment", 1.0]], [["popular", 1.0]]],
        "limit": 12,
        "exclude": {"seen": False, "in_cart": True, "bought": True, "unavailable": True},
        "reminder": True,
        "template": "product-strip",
    }
    assert read["content"]["alike"]["reminder"] is False
    hero = read["slots"]["home.hero"]
    assert (hero["default"], hero["control"]) == ("hero-new", "hero-new")
    assert hero["rules"][0] == {
        "id": "vip",
        "when": {"segments": {"$in": ["loyal"]}, "country": {"$in": ["NO", "DE"]}},
        "starts": milliseconds(2026, 11, 26, 23, 0),
        "ends": milliseconds(2026, 11, 30, 22, 59),
        "show": "hero-vip",
    }
    assert hero["rules"][1] == {
        "id": "hero-test",
        "experiment": {
            "key": "hero-2026-11",
            "variations": ["hero-new", "hero-vip"],
            "weights": [0.5, 0.5],
            "coverage": 0.8,
            "ranges": [[0.0, 0.4], [0.5, 0.9]],
            "seed": "hero-2026-11:2",
            "hash_version": 2,
            "phase": 2,
            "namespace": ["hero", 0.0, 0.5],
        },
    }
    assert read["slots"]["product.alike"] == {"default": "alike", "control": None, "rules": []}


def test_the_table_is_the_same_bytes_each_time_in_any_order_of_names(tmp_path: Path) -> None:
    one = table(tmp_path, "content: {a: {html: A}, b: {html: B}}\nslots: {x: {}, y: {}}\n")
    two = table(tmp_path, "slots: {y: {}, x: {}}\ncontent: {b: {html: B}, a: {html: A}}\n")
    assert msgpack.packb(one) == msgpack.packb(two)


def test_norway_and_on_are_words(tmp_path: Path) -> None:
    assert first_rule(tmp_path, "when: {country: NO}, show: a")["when"] == {"country": "NO"}
    assert first_rule(tmp_path, "when: {query.flag: on}, show: a")["when"] == {"query.flag": "on"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-07-01T00:00", (2026, 6, 30, 22, 0)),
        ("2026-12-01T00:00", (2026, 11, 30, 23, 0)),
        ("2026-12-01", (2026, 11, 30, 23, 0)),
        ("2026-12-01 08:30:15", (2026, 12, 1, 7, 30, 15)),
        ("2026-12-01T08:30Z", (2026, 12, 1, 8, 30)),
        ("2026-12-01T08:30+05:30", (2026, 12, 1, 3, 0)),
        ("'2026-12-01T08:30'", (2026, 12, 1, 7, 30)),
    ],
)
def test_times_are_the_shops_local_ones(
    tmp_path: Path, written: str, expected: tuple[int, ...]
) -> None:
    rule = first_rule(tmp_path, f"starts: {written}, show: a")
    assert rule["starts"] == milliseconds(*expected)


def test_an_hour_that_comes_twice_begins_first_and_ends_last(tmp_path: Path) -> None:
    rule = first_rule(tmp_path, "starts: 2026-10-25T02:30, ends: 2026-10-25T02:30, show: a")
    assert rule["starts"] == milliseconds(2026, 10, 25, 0, 30)
    assert rule["ends"] == milliseconds(2026, 10, 25, 1, 30)


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    read = shelf(tmp_path, "from: popular")
    assert read["from"] == [[["popular", 1.0]]]
    assert (read["limit"], read["reminder"], read["template"]) == (12, True, "product-strip")
    rule = first_rule(tmp_path, "experiment: {key: k, variations: [a, b]}")
    assert rule["experiment"]["weights"] == [0.5, 0.5]
    assert rule["experiment"]["ranges"] == [[0.0, 0.5], [0.5, 1.0]]
    assert rule["experiment"]["phase"] == 1
    assert "namespace" not in rule["experiment"]
    bare = table(tmp_path, "slots: {s: }\n")
    assert bare["timezone"] == "UTC"
    assert bare["holdout"] is None
    assert bare["slots"]["s"] == {"default": None, "control": None, "rules": []}


@pytest.mark.parametrize(
    ("written", "seen", "expected"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("on", True, True),
        ("off", False, False),
        ("true", True, True),
        ("false", False, False),
    ],
)
def test_reminders_are_on_unless_seen_items_are_left_out(
    tmp_path: Path, written: str, seen: bool, expected: bool
) -> None:
    items = f"from: session, reminder: {written}, exclude: {{seen: {str(seen).lower()}}}"
    assert shelf(tmp_path, items)["reminder"] is expected


def test_a_pinned_sku_of_digits_keeps_its_zeros(tmp_path: Path) -> None:
    read = shelf(tmp_path, "from: popular, pin: [00123, tea-1, 1e5], diversity: {category: 2}")
    assert read["pin"] == ["00123", "tea-1", "1e5"]
    assert read["diversity"] == {"group": 1, "category": 2}


def test_a_template_of_the_project_is_known(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "grid.html").write_text("{{#items}}{{/items}}", encoding="utf-8")
    text = "content: {a: {items: {from: popular}, template: grid}}\nslots: {s: {default: a}}\n"
    assert table(tmp_path, text)["content"]["a"]["template"] == "grid"


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    text = """\
content:
  small: {items: &base {from: [popular], limit: 4}}
  large: {items: {<<: *base, limit: 20}}
slots: {s: {default: large}}
"""
    read = table(tmp_path, text)["content"]
    assert (read["small"]["limit"], read["large"]["limit"]) == (4, 20)
    assert read["small"]["from"] == read["large"]["from"]


def test_known_segments_pass_and_unknown_ones_are_told(tmp_path: Path) -> None:
    text = """\
content: {a: {html: A}}
slots:
  s:
    rules:
      - id: one
        when: {segments: {$in: [loyal, gone]}}
        show: a
      - id: two
        when: {$or: [{segments: {$not: {$in: [lojal]}}}, {country: FR}]}
        show: a
"""
    rules = load_rules(project(tmp_path, text))
    validate_segments(rules, ["loyal", "gone", "lojal"])
    with pytest.raises(InputError) as caught:
        validate_segments(rules, ["loyal", "gifts"])
    message = str(caught.value)
    assert "rules.yaml:6" in message
    assert "unknown segment 'gone'" in message
    assert "rules.yaml:9" in message
    assert "Did you mean 'loyal'?" in message
