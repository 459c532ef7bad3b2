"""Writes the SQL that judges a batch of events, row by row."""

from __future__ import annotations

from datetime import datetime

from control_plane.collect.batch import DECISION, LINE, PRODUCTS, SENT_AT
from control_plane.collect.columns import Plan
from control_plane.collect.duck import literal
from control_plane.collect.macros import LINE_PROBLEMS
from control_plane.collect.mapping import FieldFormat, Mapping, When, texts
from control_plane.collect.names import CONTEXT_FIELDS, PERSON_FIELDS
from control_plane.schema import ADDED, CLICKED, REMOVED, VIEWED

#: Verdicts: 0 good, -1 ignored, from 1 a problem, from LINES a line's, from RULES a rule's.
IGNORED = -1
LINES, RULES = 100, 1000

#: Events that say nothing without an item.
ABOUT_ITEMS = (VIEWED, CLICKED, ADDED, REMOVED)

#: Field, reason, SQL condition, SQL of the value shown; the first that holds counts.
_PROBLEMS = (
    ("timestamp", "missing", '"timestamp" IS NULL', "NULL"),
    ("timestamp", "not a time", "happened IS NULL", '"timestamp"'),
    ("timestamp", "before 1990", "happened < {earliest}", '"timestamp"'),
    ("timestamp", "in the future", "happened > {latest}", '"timestamp"'),
    ("received_at", "not a time", "received_at IS NOT NULL AND received IS NULL", "received_at"),
    (
        "user_id",
        "no user, device or session",
        'device_id IS NULL AND "user" IS NULL AND session_id IS NULL',
        "NULL",
    ),
    ("event", "longer than 100 bytes", "strlen(event) > 100", "event"),
    ("message_id", "longer than 200 bytes", "strlen(given_id) > 200", "NULL"),
    ("session_id", "longer than 200 bytes", "strlen(session_id) > 200", "NULL"),
    ("order_id", "longer than 200 bytes", "strlen(order_id) > 200", "NULL"),
    ("is_bot", "neither yes nor no", "is_bot_text IS NOT NULL AND bot IS NULL", "is_bot_text"),
    (
        "item_id",
        "the event is about an item and names none",
        "len(lines) = 0 AND event IN ({about_items})",
        "NULL",
    ),
)


class Verdicts:
    """What verdict numbers mean under a mapping."""

    def __init__(self, mapping: Mapping, plan: Plan) -> None:
        self.mapping = mapping
        self.people = {name for field in PERSON_FIELDS for name in plan.columns.get(field, ())}

    def meaning(self, verdict: int) -> tuple[str | None, str]:
        """Return the field and the reason of a verdict above 0."""
        if verdict >= RULES:
            rule = self.mapping.when[verdict - RULES]
            return rule.column, rule.reject if isinstance(rule.reject, str) else "rejected by rule"
        if verdict >= LINES:
            return LINE_PROBLEMS[verdict - LINES]
        field, reason, _, _ = _PROBLEMS[verdict - 1]
        return field, reason

    def shown(self, place: int) -> str:
        """Return the SQL of what a rule's reject shows: never an identifier of a person."""
        return "NULL" if self.mapping.when[place].column in self.people else f'"_w{place}"'


def judge_sql(verdicts: Verdicts, bounds: tuple[datetime, datetime], currency: str) -> str:
    """Return the statement that makes table `judged` of table `batch`."""
    mapping = verdicts.mapping
    return f"""
CREATE OR REPLACE TEMP TABLE judged AS
WITH ruled AS (SELECT *, {_rule_case(mapping)} AS rule FROM batch),
texts AS (
    SELECT * REPLACE (
        {_event_case(mapping)} AS event,
        {_signed(mapping, "quantity")} AS quantity,
        {_signed(mapping, "price")} AS price,
        nullif(regexp_extract(path, '^[^?#]*'), '') AS path,
        nullif(regexp_extract(referrer, '^[^?#]*'), '') AS referrer)
    FROM ruled),
timed AS (
    SELECT * EXCLUDE (is_bot),
        {_time(mapping.formats.get("timestamp"), "timestamp")} AS stated,
        {_time(mapping.formats.get("received_at"), "received_at")} AS received,
        time_utc("{SENT_AT}") AS sent,
        is_bot AS is_bot_text
    FROM texts),
lined AS (
    SELECT *,
        CASE WHEN sent IS NOT NULL AND received IS NOT NULL AND stated IS NOT NULL
             THEN received - (sent - stated) ELSE stated END AS happened,
        CASE WHEN "{PRODUCTS}" IS NOT NULL
             THEN list_transform("{PRODUCTS}", lambda p: {_line("p.", currency)})
             WHEN item_id IS NOT NULL THEN [{_line("", currency)}]
             ELSE [] END AS judged_lines
    FROM timed),
named AS (
    SELECT * EXCLUDE (message_id), message_id AS given_id, message_id IS NOT NULL AS given,
        anonymous_id_key AS device_id, user_id_key AS "user",
        list_transform(judged_lines, lambda l: l.line) AS lines,
        list_filter(judged_lines, lambda l: l.problem > 0)[1] AS bad_line,
        {_context()} AS context
    FROM lined),
decided AS (SELECT *, {_verdict_case(verdicts, bounds)} AS verdict FROM named)
SELECT "{LINE}", sequence, verdict, left({_shown_case(verdicts)}, 80) AS shown,
    given, coalesce(given_id, {_hash()}) AS message_id, event, device_id, "user", session_id,
    happened, received, order_id, query, lines, context,
    CASE WHEN consent = 'none' THEN []::VARCHAR[]
         ELSE string_split(consent, '|') END AS consent,
    coalesce(bot, false) OR coalesce(crawler, false) AS is_bot,
    CASE WHEN "{DECISION}".id IS NOT NULL THEN {_decision()} END AS decision
FROM decided
"""


def _rule_case(mapping: Mapping) -> str:
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


def _event_case(mapping: Mapping) -> str:
    cases = [
        f"WHEN {place} THEN {literal(rule.event)}"
        for place, rule in enumerate(mapping.when)
        if rule.event
    ]
    plain = f"coalesce(event, {literal(VIEWED)})"
    return f"CASE rule {' '.join(cases)} ELSE {plain} END" if cases else plain


def _signed(mapping: Mapping, field: str) -> str:
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


def _time(form: FieldFormat | None, field: str) -> str:
    zone = form.timezone if form and form.timezone else "UTC"
    patterns = texts(form.pattern) if form else ()
    if not patterns:
        return f'time_utc("{field}")' if zone == "UTC" else f'time_in("{field}", {literal(zone)})'
    return f"coalesce({', '.join(_parsed(field, pattern, zone) for pattern in patterns)})"


def _parsed(field: str, pattern: str, zone: str) -> str:
    parsed = f'try_strptime("{field}", {literal(pattern)})'
    if "%z" in pattern or "%Z" in pattern:
        return f"({parsed})::TIMESTAMP"
    return parsed if zone == "UTC" else f"timezone('UTC', timezone({literal(zone)}, {parsed}))"


def _line(holder: str, currency: str) -> str:
    """Return the SQL of a line with its problem: {line, problem, shown}."""
    names = ("item_id", "quantity", "price", "currency", "position")
    item, q, p, money, pos = (f"clean({holder}{name})" for name in names)
    money = f"upper({money})"
    numbers = (f"number({q})", f"number({p})", f"number({pos})")
    problem = (
        f"line_problem({item}, {q}, {numbers[0]}, {p}, {numbers[1]}, {money}, {pos}, {numbers[2]})"
    )
    made = (
        f"make_line({problem}, {item}, {numbers[0]}, {numbers[1]}, {money}, "
        f"{literal(currency)}, {numbers[2]})"
    )
    return (
        f"{{'line': {made}, 'problem': {problem}, "
        f"'shown': line_value({problem}, {item}, {q}, {p}, {money}, {pos})}}"
    )


def _context() -> str:
    entries = ", ".join(f"{{'k': '{name}', 'v': {name}}}" for name in CONTEXT_FIELDS)
    return f"map_from_entries(list_filter([{entries}], lambda e: e.v IS NOT NULL))"


def _verdict_case(verdicts: Verdicts, bounds: tuple[datetime, datetime]) -> str:
    earliest, latest = (f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'" for moment in bounds)
    about_items = ", ".join(map(literal, ABOUT_ITEMS))
    cases = []
    for place, rule in enumerate(verdicts.mapping.when):
        if rule.ignore or rule.reject:
            outcome = IGNORED if rule.ignore else RULES + place
            cases.append(f"WHEN rule = {place} THEN {outcome}")
    for number, (_, _, condition, _) in enumerate(_PROBLEMS, 1):
        holds = condition.format(earliest=earliest, latest=latest, about_items=about_items)
        cases.append(f"WHEN {holds} THEN {number}")
    cases.append(f"WHEN bad_line IS NOT NULL THEN {LINES} + bad_line.problem")
    return f"CASE {' '.join(cases)} ELSE 0 END"


def _shown_case(verdicts: Verdicts) -> str:
    cases = [f"WHEN {number} THEN {shown}" for number, (_, _, _, shown) in enumerate(_PROBLEMS, 1)]
    cases += [
        f"WHEN {RULES + place} THEN {verdicts.shown(place)}"
        for place, rule in enumerate(verdicts.mapping.when)
        if rule.reject
    ]
    return f"CASE verdict WHEN 0 THEN NULL {' '.join(cases)} ELSE bad_line.shown END"


def _hash() -> str:
    """Return the SQL of a row's 128-bit identity: everything it says, people by their marks.

    Parts are named and nulls left out, so that a new field changes no old row's identity.
    """
    parts = {
        "e": "event",
        "t": "epoch_us(happened)::VARCHAR",
        "d": "anonymous_id_mark",
        "u": "user_id_mark",
        "s": "session_id",
        "o": "order_id",
        "q": "query",
        "c": "consent",
        "b": "is_bot_text",
        "x": f'"{DECISION}".id',
        **{name: name for name in CONTEXT_FIELDS},
    }
    named = [f"'{name}=' || {sql}" for name, sql in parts.items()]
    line = (
        "concat_ws(chr(30), l.item_id, l.quantity, coalesce(l.price_minor::VARCHAR, ''), "
        "coalesce(l.currency, ''), coalesce(l.position::VARCHAR, ''))"
    )
    named.append(f"array_to_string(list_transform(lines, lambda l: {line}), chr(29))")
    return f"left(sha256(concat_ws(chr(31), {', '.join(named)})), 32)"


def _decision() -> str:
    plain = ("id", "release", "slot", "content", "rule", "experiment")
    entries = [f"'{name}': \"{DECISION}\".{name}" for name in plain]
    entries.append(f"'variation': try_cast(\"{DECISION}\".variation AS INTEGER)")
    entries.append(f"'propensity': try_cast(\"{DECISION}\".propensity AS DOUBLE)")
    entries.append(f"'reason': \"{DECISION}\".reason")
    return f"{{{', '.join(entries)}}}"
