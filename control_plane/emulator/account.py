"""Who the caller is, as Cloudflare's API v4 tells: the one account of a laptop, and its user."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from control_plane.emulator.call import Call, no_endpoint, page_of, success

#: The one account of a laptop.
ACCOUNT = "10ca1000000000000000000000000000"
_SHOWN = {"id": ACCOUNT, "name": "This machine", "type": "standard"}
_USER = {"id": "10ca1000000000000000000000000001", "email": "local@frontshelf.invalid"}


def answer_account(call: Call) -> Response:
    """Answer a call of `accounts`, `memberships` or `user`; refuse others."""
    match call.method, call.path:
        case "GET", ("user",):
            return success(_USER)
        case "GET", ("accounts",):
            return _page([_SHOWN], call)
        case "GET", ("accounts", account) if account == ACCOUNT:
            return success(_SHOWN)
        case "GET", ("memberships",):
            roles = ["Super Administrator - All Privileges"]
            membership = {"id": _USER["id"], "account": _SHOWN, "roles": roles}
            return _page([{**membership, "status": "accepted"}], call)
    raise no_endpoint()


def _page(items: list[dict[str, Any]], call: Call) -> Response:
    return success(*page_of(items, call.query, 20, 50))
