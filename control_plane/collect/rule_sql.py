"""Writes a mapping's rules as SQL expressions; the file's column of rule n is `_w<n>`."""

from __future__ import annotations

from control_plane.collect.duck import literal
from control_plane.collect.mapping import FieldFormat, Mapping, When, texts
from control_plane.schema import VIEWED


def rule_case(mapping: Mapping) -> str:
    """Return the SQL of the number of the first rule that holds, -1 when none does."""
    cases = [
        f"WHEN {' AND '.join(_conditions(rule, place))} THEN {place}"
        for place, rule in enumerate(mapping.when)
    ]
    return f"CASE {' '.join(cases)} ELSE -1 END" if cases else "-1"


def _conditions(rule: When, place: int) -> list[str]:
    column, out = f'"_w{place}"', []
    if rule.prefix is not None:
        tests = [f"starts_with({column}, {literal(prefix)})" for prefix in texts(rule.prefix)]
        out.append(f"({' OR '.join(tests)})")
    if rule.regex is not None:
        out.append(f"regexp_matches({column}, {literal(rule.regex)})")
    if rule.less_than is not None:
        out.append(f"try_cast({column} AS DOUBLE) < {rule.less_than!r}")
    if rule.equals is not None:
        out.append(f"{column} IN ({', '.join(map(literal, texts(rule.equals)))})")
    if rule.empty is not None:
        out.append(f"{column} IS {'' if rule.empty else 'NOT '}NULL")
    return out


def event_case(mapping: Mapping) -> str:
    """Return the SQL of the event's name, given column `rule`."""
    cases = [
        f"WHEN {place} THEN {literal(rule.event)}"
        for place, rule in enumerate(mapping.when)
        if rule.event
    ]
    plain = f"coalesce(event, {literal(VIEWED)})"
    return f"CASE rule {' '.join(cases)} ELSE {plain} END" if cases else plain


def amount_text(mapping: Mapping, field: str) -> str:
    """Return the SQL of a number's text in our spelling, its sign turned where a rule says so."""
    form = mapping.formats.get(field, FieldFormat())
    sql = field
    if form.thousands:
        sql = f"replace({sql}, {literal(form.thousands)}, '')"
    if form.decimal != ".":
        sql = f"replace({sql}, {literal(form.decimal)}, '.')"
    turned = [str(place) for place, rule in enumerate(mapping.when) if field in rule.negate]
    if not turned:
        return sql
    return (
        f"CASE WHEN rule IN ({', '.join(turned)}) "
        f"THEN CASE WHEN starts_with({sql}, '-') THEN {sql}[2:] ELSE '-' || {sql} END "
        f"ELSE {sql} END"
    )
