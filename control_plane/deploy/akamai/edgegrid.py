"""Signs requests to Akamai's APIs: EdgeGrid, version 1 of its authentication.

Akamai's own signer needs another HTTP library and keeps the signing key in its debug log; this is
the same arithmetic for httpx, and the tests hold the two against each other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Generator

import httpx
import msgspec

SCHEME = "EG1-HMAC-SHA256"
#: Bytes of a body that are signed; only POST bodies are.
MAX_BODY = 131_072


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What an API client of Akamai's is known by; `host` is its own."""

    host: str
    client_token: str
    client_secret: str
    access_token: str
    max_body: int = MAX_BODY

    def __repr__(self) -> str:
        return f"Credentials({self.host!r})"


class EdgeGridAuth(httpx.Auth):
    """Signs each request anew, so that one that is sent again has a time and a nonce of its own."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.time) -> None:
        self._credentials, self._clock = credentials, clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the header on a request."""
        timestamp = time.strftime("%Y%m%dT%H:%M:%S+0000", time.gmtime(self._clock()))
        unsigned = unsigned_header(self._credentials, timestamp, str(uuid.uuid4()))
        signature = sign(
            self._credentials.client_secret,
            timestamp,
            data_to_sign(
                request.method,
                request.url.scheme,
                request.headers["host"],
                request.url.raw_path.decode("ascii"),
                content_hash(request.method, request.content, self._credentials.max_body),
                unsigned,
            ),
        )
        request.headers["Authorization"] = f"{unsigned}signature={signature}"
        yield request


def unsigned_header(credentials: Credentials, timestamp: str, nonce: str) -> str:
    """Return the header up to its signature, which signs it too."""
    return (
        f"{SCHEME} client_token={credentials.client_token};"
        f"access_token={credentials.access_token};timestamp={timestamp};nonce={nonce};"
    )


def data_to_sign(
    method: str, scheme: str, host: str, target: str, hashed: str, unsigned: str
) -> str:
    """Return the text that is signed; `target` is path and query. No header is signed."""
    return "\t".join([method, scheme, host, target, "", hashed, unsigned])


def content_hash(method: str, body: bytes, max_body: int = MAX_BODY) -> str:
    """Return the hash of a POST's body, of its first `max_body` bytes; else nothing."""
    if method != "POST" or not body:
        return ""
    return base64.b64encode(hashlib.sha256(body[:max_body]).digest()).decode()


def sign(secret: str, timestamp: str, data: str) -> str:
    """Return the signature; the secret signs the time, and that signs the data."""
    return _hmac(_hmac(secret, timestamp), data)


def _hmac(key: str, text: str) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
