"""An edge's explanation as people read it in a terminal."""

from __future__ import annotations

import json
from typing import Any

_MARKS = {"matched": "✓", "passed_over": "✗", "not_reached": "·"}
#: Operators as people say them; the ribbon of a preview says the same.
_WORDS = {
    "$in": "one of",
    "$nin": "none of",
    "$ne": "not",
    "$eq": "",
    "$gt": "above",
    "$gte": "at least",
    "$lt": "below",
    "$lte": "at most",
    "$all": "all of",
    "$size": "this many:",
    "$exists": "known:",
    "$regex": "like",
    "$not": "not",
}
_WHY = {
    "unavailable": "sold out",
    "session": "in this session (cart, order or seen), or this page's item",
    "page_group": "a variant of this page's item",
    "category": "enough of its category",
    "group": "enough of its variants",
    "seen": "seen before",
    "bought": "bought before",
    "page_item": "this page's item",
    "hidden": "returned, or hidden by the visitor",
    "no_card": "not in the catalogue, or not read in time",
}


def explained_lines(answer: dict[str, Any]) -> list[str]:
    """Return the lines of an answer of `decide` that explains itself."""
    lines = _call_lines(answer["explain"])
    for slot, decision in answer["decisions"].items():
        lines += ["", *_slot_lines(slot, decision, decision["explain"])]
    return lines


def _call_lines(call: dict[str, Any]) -> list[str]:
    head, timing = call["head"], call["timing"]
    state = "" if head["fresh"] else ", overdue: visitor rows are left out"
    return [
        f"release {call['release']} (format {call['format']}), head {head['counter']}{state}",
        f"at {call['at']}; consent: "
        f"{'personalization' if call['consent']['personalization'] else 'none'}",
        f"visitor row: {call['visitor_row'].replace('_', ' ')}; "
        f"segments: {', '.join(call['segments']) or 'none'}",
        f"waited {timing['waited_ms']} ms for {timing['values_waited_for']} values",
    ]


def _slot_lines(slot: str, decision: dict[str, Any], told: dict[str, Any]) -> list[str]:
    shown = decision["content"] or "the page's own content"
    lines = [f"{slot}: {shown} ({decision['reason']})"]
    holdout = told["holdout"]
    if holdout:
        state = "in" if holdout["held"] else "not in"
        place = "no device" if holdout["place"] is None else f"place {holdout['place']}"
        lines.append(f"  {state} holdout {holdout['key']}: {place}, share {holdout['share']}")
    width = max((len(rule["id"]) for rule in told["rules"]), default=0)
    for rule in told["rules"]:
        lines += _rule_lines(rule, width)
    if told["because"] == "default":
        lines.append("  no rule matched: the default")
    return lines + (_shelf_lines(told["shelf"]) if told["shelf"] else [])


def _rule_lines(rule: dict[str, Any], width: int) -> list[str]:
    start = f"  {_MARKS[rule['outcome']]} {rule['id']:<{width}}"
    if rule["outcome"] == "not_reached":
        return [f"{start}  not reached"]
    if not rule["tests"]:
        return [f"{start}  matches everyone"]
    tests = [line for test in rule["tests"] for line in _test_lines(test, 0)]
    indent = " " * len(start)
    return [f"{start if i == 0 else indent}  {line}" for i, line in enumerate(tests)]


def _test_lines(test: dict[str, Any], depth: int) -> list[str]:
    start = f"{'  ' * depth}{'✓' if test['met'] else '✗'} {test['test']}"
    if not test["test"].startswith("$"):
        return [f"{start}: wants {_wanted(test['expected'])}, is {_text(test['actual'])}"]
    below = [
        line for part in test["actual"] for one in part for line in _test_lines(one, depth + 1)
    ]
    return [start, *below]


def _shelf_lines(shelf: dict[str, Any]) -> list[str]:
    lines = []
    for number, stage in enumerate(shelf["stages"], start=1):
        blend = " + ".join(f"{weight:g} {source}" for source, weight in stage["sources"].items())
        left = [source for source in stage["sources"] if source not in stage["allowed"]]
        note = f" (without consent: no {', '.join(left)})" if left else ""
        lines.append(
            f"  stage {number}: {blend}{note}{'' if stage['reached'] else ', not reached'}"
        )
    width = max((len(str(one["item"])) for one in shelf["items"] + shelf["excluded"]), default=0)
    lines += [f"    {_item_line(one, width)}" for one in shelf["items"]]
    if shelf["excluded"]:
        lines.append("  kept off:")
        lines += [
            f"    {_item_line(one, width)}  {_WHY.get(one['why'], one['why'])}"
            for one in shelf["excluded"]
        ]
    return lines


def _item_line(one: dict[str, Any], width: int) -> str:
    score = "" if one["score"] is None else f"{one['score']:.4f}"
    sources = ", ".join(f"{name} {share:.4f}" for name, share in one["sources"].items())
    if one["factor"] != 1:
        sources += f" × {one['factor']:g} ({'boost' if one['factor'] > 1 else 'bury'})"
    stage = f"stage {one['stage']}" if one["stage"] else "pinned"
    return f"{one['item'] or '?':<{width}}  {stage:<8}  {score:>8}  {sources}"


def _wanted(expected: Any) -> str:
    if not isinstance(expected, dict):
        return _text(expected)
    parts = (f"{_WORDS.get(name, name)} {_wanted(below)}" for name, below in expected.items())
    return " and ".join(part.strip() for part in parts)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
