"""The limits of Cloudflare's key-value store, checked where values come in.

Each check raises Refusal with the HTTP status and the error code that the platform answers.
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
LATEST_EXPIRATION = 2**53

#: The REST API's error codes.
KEY_NOT_FOUND, MALFORMED_VALUE, NAMESPACE_NOT_FOUND = 10009, 10012, 10013
NAMESPACE_EXISTS, MISSING_TITLE, TOO_LARGE = 10014, 10019, 10024
NO_ENDPOINT, INVALID_LIMIT, INVALID_REQUEST, KEY_TOO_LONG = 10025, 10028, 10029, 10030
INVALID_EXPIRATION, INVALID_TTL, INVALID_CURSOR = 10033, 10034, 10041
ILLEGAL_KEY, INVALID_METADATA = 10042, 10047


class Refusal(PlatformError):
    """A request that the platform would refuse: its words, HTTP status and error code."""

    def __init__(self, message: str, status: int = 400, code: int = INVALID_REQUEST) -> None:
        super().__init__(message, status)
        self.code = code


def check_key(key: str) -> None:
    """Refuse keys that are empty, `.` or `..`, or longer than 512 bytes."""
    if not key:
        raise Refusal("Key name cannot be empty.", code=ILLEGAL_KEY)
    if key in (".", ".."):
        raise Refusal(f"{key} is not allowed as a key name.", code=ILLEGAL_KEY)
    length = len(key.encode("utf-8"))
    if length > KEY_BYTES:
        raise Refusal(
            f"UTF-8 encoded length of {length} exceeds key length limit of {KEY_BYTES}.",
            414,
            KEY_TOO_LONG,
        )


def check_value(length: int) -> None:
    """Refuse values over 25 MiB."""
    if length > VALUE_BYTES:
        raise too_large(length, VALUE_BYTES)


def too_large(length: int, limit: int) -> Refusal:
    """Return the refusal of something too long; both in bytes."""
    return Refusal(f"Value length of {length} exceeds limit of {limit}.", 413, TOO_LARGE)


def check_metadata(text: str | None) -> None:
    """Refuse metadata that is over 1,024 bytes or not JSON."""
    if text is None:
        return
    length = len(text.encode("utf-8"))
    if length > METADATA_BYTES:
        words = f"Metadata length of {length} exceeds limit of {METADATA_BYTES}."
        raise Refusal(words, 413, INVALID_METADATA)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise Refusal(f"Metadata is not JSON: {error}", code=INVALID_METADATA) from error


def check_cache_ttl(text: str | None) -> None:
    """Refuse cache times under 30 s."""
    if text is not None and _integer(text, "cache_ttl", INVALID_REQUEST) < CACHE_TTL_SECONDS:
        raise Refusal(
            f"Invalid cache_ttl of {text}. Cache TTL must be at least {CACHE_TTL_SECONDS}."
        )


def check_bulk_get(keys: list[str]) -> None:
    """Refuse bulk reads of no key or of more than 100."""
    if not 1 <= len(keys) <= BULK_GET_KEYS:
        raise Refusal(f"You can request 1 to {BULK_GET_KEYS} keys at once, not {len(keys)}.")
    for key in keys:
        check_key(key)


def check_bulk_write(count: int) -> None:
    """Refuse bulk writes and deletions of more than 10,000 keys."""
    if count > BULK_WRITE_PAIRS:
        raise Refusal(f"{count} keys exceed the limit of {BULK_WRITE_PAIRS} a call.")


def list_limit(text: str | None, smallest: int = 1) -> int:
    """Return how many keys to list; refuse numbers over 1,000 or under `smallest`."""
    if text is None:
        return LIST_KEYS
    limit = _integer(text, "key_count_limit", INVALID_LIMIT)
    if not smallest <= limit <= LIST_KEYS:
        raise Refusal(
            f"Invalid key_count_limit of {limit}. Please specify an integer from {smallest} to "
            f"{LIST_KEYS}.",
            code=INVALID_LIMIT,
        )
    return limit


def expiration_at(now: float, expiration: str | None, ttl: str | None) -> int | None:
    """Return when a value expires, in epoch seconds; refuse less than 60 s from now."""
    if ttl is not None:
        seconds = _integer(ttl, "expiration_ttl", INVALID_TTL)
        if not EXPIRATION_SECONDS <= seconds <= LATEST_EXPIRATION:
            raise Refusal(
                f"Invalid expiration_ttl of {seconds}. Expiration TTL must be at least "
                f"{EXPIRATION_SECONDS}.",
                code=INVALID_TTL,
            )
        return int(now) + seconds
    if expiration is None:
        return None
    moment = _integer(expiration, "expiration", INVALID_EXPIRATION)
    if not now + EXPIRATION_SECONDS <= moment <= LATEST_EXPIRATION:
        raise Refusal(
            f"Invalid expiration of {moment}. Expiration times must be at least "
            f"{EXPIRATION_SECONDS} seconds in the future.",
            code=INVALID_EXPIRATION,
        )
    return moment


def _integer(text: str, name: str, code: int) -> int:
    try:
        return int(text)
    except ValueError as error:
        words = f"Invalid {name} of {text[:40]}. It must be an integer."
        raise Refusal(words, code=code) from error
