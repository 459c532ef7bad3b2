"""SQL that turns text into times, amounts and lines; made once in every staging database."""

from __future__ import annotations

#: Currencies whose minor unit is not a hundredth (ISO 4217).
WHOLE = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")

_ISO = r"^\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)?)?$"
_OFFSET = r":\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}(:?\d{2})?)$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"

#: What `line` finds wrong with a line, by its code.
LINE_PROBLEMS = {
    1: ("item_id", "no item"),
    2: ("item_id", "longer than 200 bytes"),
    3: ("quantity", "not a whole number"),
    4: ("quantity", "below 1"),
    5: ("quantity", "implausibly large"),
    6: ("price", "not a number"),
    7: ("price", "negative"),
    8: ("price", "implausibly large"),
    9: ("currency", "not a currency code"),
    10: ("position", "not a whole number"),
}


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


MACROS = f"""
CREATE MACRO clean(t) AS nullif(trim(t), '');
CREATE MACRO number(t) AS
    CASE WHEN regexp_matches(t, '{_NUMBER}') THEN try_cast(t AS DECIMAL(24, 8)) END;
-- Epoch seconds up to the year 5138, beyond that milliseconds.
CREATE MACRO epoch_time(n) AS make_timestamp(
    CASE WHEN abs(n) < 1e11 THEN try_cast(n * 1000000 AS BIGINT)
         WHEN abs(n) < 1e14 THEN try_cast(n * 1000 AS BIGINT) END);
CREATE MACRO instant_utc(t) AS
    CASE WHEN t IS NULL THEN NULL
         WHEN regexp_matches(t, '{_OFFSET}')
         THEN try_cast(replace(t, ',', '.') AS TIMESTAMPTZ)::TIMESTAMP
         ELSE try_cast(replace(t, ',', '.') AS TIMESTAMP) END;
CREATE MACRO instant_in(t, zone) AS
    CASE WHEN t IS NULL THEN NULL
         WHEN regexp_matches(t, '{_OFFSET}')
         THEN try_cast(replace(t, ',', '.') AS TIMESTAMPTZ)::TIMESTAMP
         ELSE timezone('UTC', timezone(zone, try_cast(replace(t, ',', '.') AS TIMESTAMP))) END;
CREATE MACRO time_utc(t) AS
    CASE WHEN regexp_matches(t, '{_ISO}') THEN instant_utc(t) ELSE epoch_time(number(t)) END;
CREATE MACRO time_in(t, zone) AS
    CASE WHEN regexp_matches(t, '{_ISO}') THEN instant_in(t, zone) ELSE epoch_time(number(t)) END;
CREATE MACRO minor(n, currency, fallback) AS CAST(round(
    CASE WHEN coalesce(currency, fallback) IN ({_listed(WHOLE)}) THEN n * 1
         WHEN coalesce(currency, fallback) IN ({_listed(THOUSANDTHS)}) THEN n * 1000
         ELSE n * 100 END) AS BIGINT);
CREATE MACRO line_problem(item, q, qn, p, pn, currency, pos, posn) AS
    CASE WHEN item IS NULL THEN 1
         WHEN strlen(item) > 200 THEN 2
         WHEN q IS NOT NULL AND (qn IS NULL OR qn <> trunc(qn)) THEN 3
         WHEN qn < 1 THEN 4
         WHEN qn > 1000000000 THEN 5
         WHEN p IS NOT NULL AND pn IS NULL THEN 6
         WHEN pn < 0 THEN 7
         WHEN pn > 1000000000000 THEN 8
         WHEN NOT regexp_full_match(currency, '[A-Z]{{3}}') THEN 9
         WHEN pos IS NOT NULL AND
              (posn IS NULL OR posn <> trunc(posn) OR abs(posn) > 1000000000) THEN 10
         ELSE 0 END;
CREATE MACRO line_value(problem, item, q, p, currency, pos) AS
    CASE WHEN problem BETWEEN 3 AND 5 THEN q
         WHEN problem BETWEEN 6 AND 8 THEN p
         WHEN problem = 9 THEN currency
         WHEN problem = 10 THEN pos END;
CREATE MACRO make_line(problem, item, qn, pn, currency, fallback, posn) AS {{
    'item_id': item,
    'quantity': CASE WHEN problem = 0 THEN coalesce(qn::BIGINT, 1) END,
    'price_minor': CASE WHEN problem = 0 THEN minor(pn, currency, fallback) END,
    'currency': currency,
    'position': CASE WHEN problem = 0 THEN posn::INTEGER END}};
"""
