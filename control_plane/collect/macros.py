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


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def minor_digits(currency: str) -> int:
    """Return how many digits a currency's minor unit stands behind the point."""
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


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
"""
