"""Refusals in the words and shapes of Akamai's APIs: problem+json, RFC 7807."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from control_plane.errors import PlatformError

TITLES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Problem(PlatformError):
    """A refusal, and all that its body says."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(body.get("detail", body.get("title", ""))), status)
        self.body, self.headers = {**body, "status": status}, dict(headers or {})

    def response(self) -> Response:
        """Return what is answered."""
        return JSONResponse(
            self.body, self.body["status"], self.headers, media_type="application/problem+json"
        )


def edgekv_problem(status: int, detail: str, code: str = "EKV_9000") -> Problem:
    """Return a refusal as EdgeKV words it."""
    title = TITLES[status]
    return Problem(
        status,
        {
            "type": f"/edgekv/error-types/edgekv-{title.lower().replace(' ', '-')}",
            "title": title,
            "detail": detail,
            "instance": f"/edgekv/error-instances/{uuid.uuid4()}",
            "errorCode": code,
            "additionalDetail": {"requestId": secrets.token_hex(8)},
        },
    )


def edgeworkers_problem(
    status: int, detail: str, code: str, headers: Mapping[str, str] | None = None
) -> Problem:
    """Return a refusal as EdgeWorkers words it."""
    title = {
        400: "Bad Request.",
        404: "The given resource could not be found.",
        429: "Too many requests.",
    }[status]
    kind = {400: "bad-request", 404: "not-found", 429: "too-many-requests"}[status]
    return Problem(
        status,
        {
            "type": f"/edgeworkers/error-types/edgeworkers-{kind}",
            "title": title,
            "detail": detail,
            "instance": f"/edgeworkers/error-instances/{uuid.uuid4()}",
            "errorCode": code,
        },
        headers,
    )


def gate_problem(status: int, detail: str, method: str, url: str) -> Problem:
    """Return a refusal of the gate before all APIs: 401 for who asks, 403 for what for."""
    known = {401: ("pep-authn/deny", "Not authorized"), 403: ("pep-authz/deny", "Forbidden")}
    kind, title = known.get(status, ("resource-impl/forward-origin-error", "Server Error"))
    return Problem(
        status,
        {
            "type": f"https://problems.luna.akamaiapis.net/-/{kind}",
            "title": title,
            "detail": detail,
            "instance": url,
            "method": method,
            "requestId": secrets.token_hex(4),
        },
    )
