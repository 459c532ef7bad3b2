"""Calls of Cloudflare's REST API v4: the token, retries, and errors that say what to do."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from control_plane.deploy.retry import Retry, retry_after_seconds, worth_retrying
from control_plane.errors import InputError, PlatformError

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(120.0, connect=10.0)

KEY_NOT_FOUND = 10009
NAMESPACE_NOT_FOUND = 10013


class PassingError(PlatformError):
    """A PlatformError that may go away by itself, after `retry_after` seconds if it says so."""

    retry_after: float | None = None


KV_PERMISSION = "Workers KV Storage: Edit"
KV_MISSING = (
    "Check cloudflare.account_id and cloudflare.namespace_id in frontshelf.toml; "
    "'wrangler kv namespace list' shows those there are."
)


class Api:
    """An account's door to the API. The token is sent as a header and shown nowhere.

    `permission` is what its calls need, `missing` what to do when they lead nowhere.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
        *,
        permission: str = KV_PERMISSION,
        missing: str = KV_MISSING,
    ) -> None:
        self.base_url = _checked_url(base_url)
        self._token = _checked_token(token, permission)
        self._permission, self._missing = permission, missing
        self._retry = retry or Retry()
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT,
            transport=transport,
            # A proxy of the environment is for the outside, never for the local edge.
            trust_env=not _is_loopback(base_url),
        )

    @property
    def attempts(self) -> int:
        """How often a call that fails in passing is made."""
        return self._retry.attempts

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, method: str, path: str, what: str, **request: Any) -> httpx.Response:
        """Make a call until it is answered; `what` completes "cannot …" in an error.

        Returns 2xx, and the 404 of a missing key. Other 4xx raise PlatformError at once; 429, 5xx
        and silence after the last attempt.
        """
        for attempt in range(self.attempts - 1):
            try:
                return self._send_once(method, path, what, request)
            except PassingError as error:
                self.pause(str(error), attempt, error.retry_after)
        return self._send_once(method, path, what, request)

    def pause(self, problem: str, attempt: int, asked: float | None = None) -> None:
        """Say why, and wait before the attempt that follows number `attempt`."""
        seconds = self._retry.wait_seconds(attempt, asked)
        log.warning("%s Trying again in %.1f s.", problem.splitlines()[0], seconds)
        self._retry.sleep(seconds)

    def read(self, response: httpx.Response, what: str) -> dict[str, Any]:
        """Return the JSON of an answer; raise PlatformError when it is no success."""
        try:
            answer = msgspec.json.decode(response.content, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PlatformError(
                f"{self.base_url}: cannot {what}: the answer is not Cloudflare's JSON.\n"
                "  Check cloudflare.base_url.",
                response.status_code,
            ) from error
        if answer.get("success") is not True:
            raise self._refusal(response, what)
        return answer

    def _send_once(
        self, method: str, path: str, what: str, request: dict[str, Any]
    ) -> httpx.Response:
        try:
            response = self._client.request(method, path, **request)
        except httpx.RequestError as error:
            raise self._silence(error, what) from error
        # A wrong account or namespace is a 404 too, and must not look like an empty shelf.
        if response.is_success or KEY_NOT_FOUND in (code for code, _ in _errors(response)):
            return response
        raise self._refusal(response, what)

    def _silence(self, error: httpx.RequestError, what: str) -> PassingError:
        return PassingError(
            self._without_token(
                f"{self.base_url}: cannot {what}: {type(error).__name__} ({error}).\n"
                "  Check the network and cloudflare.base_url, then run the command again."
            )
        )

    def _refusal(self, response: httpx.Response, what: str) -> PlatformError:
        status, errors = response.status_code, _errors(response)
        codes = tuple(code for code, _ in errors)
        said = "; ".join(f"{code} {message}" for code, message in errors) or "no code"
        text = self._without_token(
            f"{self.base_url}: cannot {what}: status {status}, {said}.\n"
            f"  {self._remedy(status, codes)}"
        )
        asked = retry_after_seconds(response.headers)
        if not worth_retrying(status) or (asked or 0) > self._retry.longest_retry_after_seconds:
            return PlatformError(text, status, codes)
        passing = PassingError(text, status, codes)
        passing.retry_after = asked
        return passing

    def _remedy(self, status: int, codes: tuple[int, ...]) -> str:
        if status in (401, 403):
            return (
                f"Check CLOUDFLARE_API_TOKEN: it needs the permission '{self._permission}' "
                "for this account, and must not have expired."
            )
        if status == 404 or NAMESPACE_NOT_FOUND in codes:
            return self._missing
        if worth_retrying(status):
            return (
                "The platform is busy or down: run the command again later; what was written stays."
            )
        return "The request was refused as it is; asking again will not help."

    def _without_token(self, text: str) -> str:
        # A server, or a proxy before it, may echo what it was sent.
        return text.replace(self._token, "[token]")


def _errors(response: httpx.Response) -> list[tuple[int, str]]:
    """Return Cloudflare's codes and messages; a value or a gateway's own page has none."""
    if response.is_success or "json" not in response.headers.get("content-type", ""):
        return []
    try:
        errors = msgspec.json.decode(response.content)["errors"]
        return [(int(error["code"]), _one_line(error["message"])) for error in errors]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return []


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _checked_token(token: str, permission: str) -> str:
    # An unfit header value would be quoted in full by the HTTP library's own error.
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise InputError(
            "not set, or with spaces, line breaks or other signs in it",
            field="CLOUDFLARE_API_TOKEN",
            remedy=f"Put an API token with '{permission}' in the environment.",
        )
    return token


def _checked_url(base_url: str) -> str:
    scheme = urlsplit(base_url).scheme
    if scheme == "https" or (scheme == "http" and _is_loopback(base_url)):
        return base_url.rstrip("/")
    raise InputError(
        f"{base_url!r} would send the token in clear, or nowhere",
        field="cloudflare.base_url",
        remedy="Use https, or http on this machine.",
    )


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in ("127.0.0.1", "::1", "localhost")
