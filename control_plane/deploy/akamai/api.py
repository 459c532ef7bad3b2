"""Calls of Akamai's administration APIs: signed, paced, tried again; errors say what to do."""

from __future__ import annotations

import logging
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from control_plane.deploy.akamai.edgegrid import Credentials, EdgeGridAuth
from control_plane.deploy.akamai.pace import Pace
from control_plane.deploy.retry import TOO_MANY, Retry, retry_after_seconds, worth_retrying
from control_plane.errors import InputError, PlatformError

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
#: Connections; more calls than these are never under way at once.
AT_ONCE = 8
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Problem(msgspec.Struct, frozen=True):
    """What a refusal's body says."""

    title: str = ""
    detail: str = ""
    errorCode: str = ""

    def __str__(self) -> str:
        return " ".join(f"{self.errorCode} {self.detail or self.title or 'no reason'}".split())


class AkamaiApi:
    """An API client's door to the account. Its secrets are shown nowhere.

    `grant` is what its calls need, `missing` what to do when they lead nowhere. `base_url` leads
    elsewhere than the credentials' host.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        grant: str,
        missing: str,
        base_url: str = "",
        pace: Pace | None = None,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = checked_url(base_url or f"https://{credentials.host}")
        self._credentials = _checked(credentials)
        self._grant, self._missing = grant, missing
        self._retry, self._pace = retry or Retry(), pace
        self._client = httpx.Client(
            base_url=self.base_url,
            auth=EdgeGridAuth(credentials),
            timeout=TIMEOUT,
            transport=transport,
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
            # A proxy of the environment is for the outside, never for this machine.
            trust_env=urlsplit(self.base_url).hostname not in LOOPBACK,
        )

    @property
    def retry(self) -> Retry:
        """How patient calls are."""
        return self._retry

    @property
    def calls_per_second(self) -> float | None:
        """How many calls are made in a second at most, None when nothing holds them back."""
        return self._pace.per_second if self._pace else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(
        self, method: str, path: str, what: str, *, absent_ok: bool = False, **request: Any
    ) -> httpx.Response:
        """Make a call until it is answered; `what` completes "cannot …" in an error.

        Returns 2xx, and a 404 when `absent_ok`. Other 4xx raise PlatformError at once; 429, 5xx and
        silence after the last attempt.
        """
        for attempt in range(self._retry.attempts):
            last = attempt == self._retry.attempts - 1
            try:
                response = self._send_once(method, path, what, request)
            except PlatformError as silence:
                if last:
                    raise
                self._wait(str(silence), attempt, None)
                continue
            if response.is_success or (absent_ok and response.status_code == 404):
                return response
            asked = retry_after_seconds(response.headers)
            patient = (asked or 0) <= self._retry.longest_retry_after_seconds
            if last or not worth_retrying(response.status_code) or not patient:
                raise self._refusal(response, what)
            if response.status_code == TOO_MANY and self._pace:
                self._pace.slow_down()
            self._wait(str(self._refusal(response, what)), attempt, asked)
        raise AssertionError("the last attempt returns or raises")

    def read(self, response: httpx.Response, what: str, type: Any) -> Any:
        """Return the JSON of an answer as a type; raise PlatformError when it is not of it."""
        try:
            return msgspec.json.decode(response.content, type=type)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PlatformError(
                f"{self.base_url}: cannot {what}: the answer is not Akamai's JSON ({error}).\n"
                "  Check akamai.base_url and the host of the credentials.",
                response.status_code,
            ) from error

    def _send_once(
        self, method: str, path: str, what: str, request: dict[str, Any]
    ) -> httpx.Response:
        if self._pace:
            self._pace.wait()
        try:
            return self._client.request(method, path, **request)
        except httpx.RequestError as error:
            raise PlatformError(
                self._hidden(
                    f"{self.base_url}: cannot {what}: {type(error).__name__} ({error}).\n"
                    "  Check the network and the host of the credentials, then run the command "
                    "again."
                )
            ) from error

    def _wait(self, problem: str, attempt: int, asked: float | None) -> None:
        seconds = self._retry.wait_seconds(attempt, asked)
        log.warning("%s Trying again in %.1f s.", problem.splitlines()[0], seconds)
        self._retry.sleep(seconds)

    def _refusal(self, response: httpx.Response, what: str) -> PlatformError:
        status, said = response.status_code, problem_of(response)
        return PlatformError(
            self._hidden(
                f"{self.base_url}: cannot {what}: status {status}, {said}.\n"
                f"  {self._remedy(status, said)}"
            ),
            status,
        )

    def _remedy(self, status: int, said: Problem) -> str:
        if "timestamp" in said.detail.lower():
            return "This machine's clock is off by more than 30 seconds: set it, then try again."
        if status in (401, 403):
            return (
                f"Check the credentials: the API client needs the grant '{self._grant}', and must "
                "be active (docs/akamai.md)."
            )
        if status == 404 or "namespace does not exist" in said.detail:
            return self._missing
        if worth_retrying(status):
            return (
                "The platform is busy or down: run the command again later; what was written stays."
            )
        return "The request was refused as it is; asking again will not help."

    def _hidden(self, text: str) -> str:
        # A server, or a proxy before it, may echo what it was sent.
        known = self._credentials
        for secret in (known.client_secret, known.access_token, known.client_token):
            text = text.replace(secret, "[secret]")
        return text


def problem_of(response: httpx.Response) -> Problem:
    """Return what a refusal says; a gateway's own page says nothing."""
    if "json" not in response.headers.get("content-type", ""):
        return Problem()
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem()


def checked_url(base_url: str) -> str:
    """Return the address of an API; refuse one that secrets would cross in clear."""
    parts = urlsplit(base_url)
    if (parts.scheme == "https" and parts.hostname) or (
        parts.scheme == "http" and parts.hostname in LOOPBACK
    ):
        return base_url.rstrip("/")
    raise InputError(
        f"{base_url!r} is no address for signed requests",
        field="akamai.base_url",
        remedy="Use https, or http on this machine; the host of the credentials is a bare name.",
    )


def _checked(credentials: Credentials) -> Credentials:
    # An unfit header value would be quoted in full by the HTTP library's own error.
    for field in ("client_token", "client_secret", "access_token"):
        if not re.fullmatch(r"[\x21-\x7e]+", getattr(credentials, field)):
            raise InputError(
                "not set, or with spaces, line breaks or other signs in it",
                field=field,
                remedy="Copy the API client's credentials anew (docs/akamai.md).",
            )
    return credentials
