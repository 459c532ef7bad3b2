"""The limits of Cloudflare's key-value store, checked where values come in.

Each check raises PlatformError with the HTTP status that the platform answers.
"""

from __future__ import annotations

import json

from control_plane.errors import PlatformError

KEY_BYTES = 512
METADATA_BYTES = 1024
VALUE_BYTES = 25 * 1024 * 1024
BULK_GET_KEYS = 100
BULK_WRITE_PAIRS = 10_000
BULK_WRITE_BYTES = 100 * 1024 * 1024
LIST_KEYS = 1000
CACHE_TTL_SECONDS = 30
EXPIRATION_SECONDS = 60


def check_key(key: str) -> None:
    """Refuse keys that are empty, `.` or `..`, or longer than 512 bytes."""
    if not key:
        raise PlatformError("Key name cannot be empty.", 400)
    if key in (".", ".."):
        raise PlatformError(f"{key} is not allowed as a key name.", 400)
    length = len(key.encode("utf-8"))
    if length > KEY_BYTES:
        raise PlatformError(
            f"UTF-8 encoded length of {length} exceeds key length limit of {KEY_BYTES}.", 414
        )


def check_value(length: int) -> None:
    """Refuse values over 25 MiB."""
    if length > VALUE_BYTES:
        raise PlatformError(f"Value length of {length} exceeds limit of {VALUE_BYTES}.", 413)


def check_metadata(text: str | None) -> None:
    """Refuse metadata that is over 1,024 bytes or not JSON."""
    if text is None:
        return
    length = len(text.encode("utf-8"))
    if length > METADATA_BYTES:
        raise PlatformError(f"Metadata length of {length} exceeds limit of {METADATA_BYTES}.", 413)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise PlatformError(f"Metadata is not JSON: {error}", 400) from error


def check_cache_ttl(text: str | None) -> None:
    """Refuse cache times under 30 s."""
    if text is not None and _integer(text, "cache_ttl") < CACHE_TTL_SECONDS:
        raise PlatformError(
            f"Invalid cache_ttl of {text}. Cache TTL must be at least {CACHE_TTL_SECONDS}.", 400
        )


def check_bulk_get(keys: list[str]) -> None:
    """Refuse bulk reads of no key or of more than 100."""
    if not 1 <= len(keys) <= BULK_GET_KEYS:
        raise PlatformError(
            f"You can request 1 to {BULK_GET_KEYS} keys at once, not {len(keys)}.", 400
        )
    for key in keys:
        check_key(key)


def list_limit(text: str | None, smallest: int = 1) -> int:
    """Return how many keys to list; refuse numbers over 1,000 or under `smallest`."""
    limit = LIST_KEYS if text is None else _integer(text, "key_count_limit")
    if not smallest <= limit <= LIST_KEYS:
        raise PlatformError(
            f"Invalid key_count_limit of {limit}. Please specify an integer from {smallest} to "
            f"{LIST_KEYS}.",
            400,
        )
    return limit


def expiration_at(now: float, expiration: str | None, ttl: str | None) -> int | None:
    """Return when a value expires, in epoch seconds; refuse less than 60 s from now."""
    if ttl is not None:
        seconds = _integer(ttl, "expiration_ttl")
        if seconds < EXPIRATION_SECONDS:
            raise PlatformError(
                f"Invalid expiration_ttl of {seconds}. Expiration TTL must be at least "
                f"{EXPIRATION_SECONDS}.",
                400,
            )
        return int(now) + seconds
    if expiration is None:
        return None
    moment = _integer(expiration, "expiration")
    if moment < now + EXPIRATION_SECONDS:
        raise PlatformError(
            f"Invalid expiration of {moment}. Expiration times must be at least "
            f"{EXPIRATION_SECONDS} seconds in the future.",
            400,
        )
    return moment


def _integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise PlatformError(f"Invalid {name} of {text}. It must be an integer.", 400) from error
