"""Writes the SQL that judges a batch of events, row by row."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from control_plane.collect.batch import DECISION, LINE, SENT_AT
from control_plane.collect.columns import Plan
from control_plane.collect.duck import literal
from control_plane.collect.line_arrays import LINE_PROBLEMS
from control_plane.collect.mapping import FieldFormat, Mapping, texts
from control_plane.collect.names import PERSON_FIELDS
from control_plane.collect.rule_sql import event_case
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
    ("message_id", "longer than 200 bytes", "strlen(message_id) > 200", "NULL"),
    ("session_id", "longer than 200 bytes", "strlen(session_id) > 200", "NULL"),
    ("order_id", "longer than 200 bytes", "strlen(order_id) > 200", "NULL"),
    ("is_bot", "neither yes nor no", "bot_text IS NOT NULL AND bot IS NULL", "bot_text"),
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
            field, reason, _, _ = LINE_PROBLEMS[verdict - LINES - 1]
            return field, reason
        field, reason, _, _ = _PROBLEMS[verdict - 1]
        return field, reason

    def shown(self) -> str:
        """Return the SQL of what a rule's reject shows: never an identifier of a person."""
        cases = [
            f'WHEN {place} THEN "_w{place}"'
            for place, rule in enumerate(self.mapping.when)
            if rule.reject and rule.column not in self.people
        ]
        return f"CASE rule {' '.join(cases)} END" if cases else "NULL::VARCHAR"


def judge_sql(
    verdicts: Verdicts, bounds: tuple[datetime, datetime], context: Collection[str]
) -> str:
    """Return the statement that makes table `judged` of table `batch`.

    `context` names the batch's columns of context that are not all null.
    """
    mapping = verdicts.mapping
    return f"""
CREATE OR REPLACE TEMP TABLE judged AS
WITH texts AS (
    SELECT * REPLACE ({event_case(mapping)} AS event)
    FROM batch),
timed AS (
    SELECT *,
        {_time(mapping.formats.get("timestamp"), "timestamp")} AS stated,
        {_time(mapping.formats.get("received_at"), "received_at")} AS received,
        time_utc("{SENT_AT}") AS sent
    FROM texts),
corrected AS (
    SELECT *,
        CASE WHEN sent IS NOT NULL AND received IS NOT NULL AND stated IS NOT NULL
             THEN received - (sent - stated) ELSE stated END AS happened
    FROM timed),
decided AS (
    SELECT *, {_verdict_case(verdicts, bounds)} AS verdict,
        coalesce(rule_shown, line_shown) AS rejected_text
    FROM corrected)
SELECT "{LINE}", sequence, verdict, left({_shown_case()}, 80) AS shown,
    message_id IS NOT NULL AS given, coalesce(message_id, {_hash(context)}) AS message_id,
    event, device_id, "user", session_id, happened, received, order_id, query, lines, context,
    CASE WHEN consent = 'none' THEN []::VARCHAR[]
         ELSE string_split(consent, '|') END AS consent,
    coalesce(bot, false) OR coalesce(crawler, false) AS is_bot,
    CASE WHEN "{DECISION}".id IS NOT NULL THEN {_decision()} END AS decision
FROM decided
"""


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
    cases.append(f"WHEN bad IS NOT NULL THEN {LINES} + bad")
    return f"CASE {' '.join(cases)} ELSE 0 END"


def _shown_case() -> str:
    cases = [f"WHEN {number} THEN {shown}" for number, (_, _, _, shown) in enumerate(_PROBLEMS, 1)]
    return f"CASE verdict WHEN 0 THEN NULL {' '.join(cases)} ELSE rejected_text END"


def _hash(context: Collection[str]) -> str:
    """Return the SQL of a row's 128-bit identity: everything it says, people by their marks.

    Parts are named and nulls left out, so that a new field changes no old row's identity.
    """
    parts = {
        "e": "event",
        "t": "epoch_us(happened)::VARCHAR",
        "d": "device_mark",
        "u": "user_mark",
        "s": "session_id",
        "o": "order_id",
        "q": "query",
        "c": "consent",
        "b": "bot_text",
        "x": f'"{DECISION}".id',
        "l": "line_marks",
        **{name: name for name in context},
    }
    named = ", ".join(f"'{name}=' || {sql}" for name, sql in parts.items())
    return f"left(sha256(concat_ws(chr(31), {named})), 32)"


def _decision() -> str:
    plain = ("id", "release", "slot", "content", "rule", "experiment")
    entries = [f"'{name}': \"{DECISION}\".{name}" for name in plain]
    entries.append(f"'variation': try_cast(\"{DECISION}\".variation AS INTEGER)")
    entries.append(f"'propensity': try_cast(\"{DECISION}\".propensity AS DOUBLE)")
    entries.append(f"'reason': \"{DECISION}\".reason")
    return f"{{{', '.join(entries)}}}"
