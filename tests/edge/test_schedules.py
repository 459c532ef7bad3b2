"""Hours, weekdays, starts and ends in the shop's time zone, across the change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from edge_js import Call, EdgeJs

from control_plane.rules.load import load_rules, to_table

HAPPY_HOUR = """
timezone: {zone}
content: {{a: {{html: a}}, b: {{html: b}}}}
slots:
  s:
    default: a
    rules: [{{id: r, show: b, starts: {starts}, ends: {ends}}}]
"""


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_hour_and_weekday_are_the_shops_own_all_year(edge_js: EdgeJs, zone: str) -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=97 * n) for n in range(5400)]
    calls = []
    for moment in moments:
        visit = {"now": int(moment.timestamp() * 1000), "given": None}
        scene = {"visit": visit, "release": {"rules": {"timezone": zone}}}
        calls += [Call("facts", "hourOf", [scene]), Call("facts", "weekdayOf", [scene])]
    told = edge_js.batch(calls)
    for moment, *found in zip(moments, told[::2], told[1::2], strict=True):
        local = moment.astimezone(ZoneInfo(zone))
        assert found == [local.hour, local.isoweekday()], local


@pytest.mark.parametrize(
    ("starts", "ends", "first", "last"),
    [
        # Clocks go back on 25 October: 02:30 comes twice, first at +02:00.
        ("2026-10-25T02:30", "2026-10-26", "2026-10-25T00:30", "2026-10-25T22:59"),
        ("2026-10-24", "2026-10-25T02:30", "2026-10-23T22:00", "2026-10-25T01:29"),
        # Clocks go forward on 29 March: the day has 23 hours.
        ("2026-03-29", "2026-03-30", "2026-03-28T23:00", "2026-03-29T21:59"),
    ],
)
def test_a_rule_holds_from_its_start_until_just_before_its_end(
    edge_js: EdgeJs, tmp_path: Path, starts: str, ends: str, first: str, last: str
) -> None:
    text = HAPPY_HOUR.format(zone="Europe/Paris", starts=starts, ends=ends)
    (tmp_path / "rules.yaml").write_text(text)
    rules = to_table(load_rules(tmp_path))

    def shown(moment: str, minutes: int) -> Any:
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC) + timedelta(minutes=minutes)
        visit = {"now": int(at.timestamp() * 1000), "consent": {"personalization": False}}
        return edge_js.call("choose", "choose", rules, "s", {**visit, "device": None}, None)[
            "content"
        ]

    assert [shown(first, -1), shown(first, 0)] == ["a", "b"]
    assert [shown(last, 0), shown(last, 1)] == ["b", "a"]
