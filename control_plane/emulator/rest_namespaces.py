"""The REST API's namespaces: listed in pages, made, found."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from control_plane.emulator.limits import (
    INVALID_REQUEST,
    MISSING_TITLE,
    NAMESPACE_EXISTS,
    NAMESPACE_NOT_FOUND,
    Refusal,
)
from control_plane.emulator.store import Namespace, Store

PER_PAGE, LARGEST_PAGE = 20, 1000
MALFORMED_PAGE, MALFORMED_PER_PAGE = 10007, 10008
TITLE_LENGTH = 512


class NewNamespace(msgspec.Struct, frozen=True):
    """The body that makes a namespace."""

    title: str = ""


def list_namespaces(store: Store, query: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return a page of namespaces, and where it stands among the pages."""
    page = _number(query.get("page", "1"), 2**31, MALFORMED_PAGE, "page")
    per_page = _number(
        query.get("per_page", str(PER_PAGE)), LARGEST_PAGE, MALFORMED_PER_PAGE, "per_page"
    )
    every = store.namespaces()
    if query.get("order") in ("id", "title"):
        every.sort(key=lambda namespace: getattr(namespace, query["order"]))
    if query.get("direction") == "desc":
        every.reverse()
    shown = every[(page - 1) * per_page : page * per_page]
    info = {
        "page": page,
        "per_page": per_page,
        "count": len(shown),
        "total_count": len(every),
        "total_pages": -(-len(every) // per_page),
    }
    return [show(namespace) for namespace in shown], info


def create_namespace(store: Store, body: bytes) -> dict[str, Any]:
    """Make a namespace with a new id; refuse a title that is missing or taken."""
    try:
        title = msgspec.json.decode(body, type=NewNamespace).title
    except msgspec.DecodeError as error:
        raise Refusal(f"malformed body: {error}", code=INVALID_REQUEST) from error
    if not 1 <= len(title) <= TITLE_LENGTH:
        raise Refusal(f"a title has 1 to {TITLE_LENGTH} characters", code=MISSING_TITLE)
    namespace = Namespace(secrets.token_hex(16), title)
    if not store.add_namespace(namespace):
        raise Refusal(
            "create namespace: 'A namespace with this account ID and title already exists.'",
            code=NAMESPACE_EXISTS,
        )
    return show(namespace)


def namespace_of(store: Store, id: str) -> Namespace:
    """Return a namespace by its id; refuse an unknown one."""
    for namespace in store.namespaces():
        if namespace.id == id:
            return namespace
    raise Refusal("namespace not found", 404, NAMESPACE_NOT_FOUND)


def show(namespace: Namespace) -> dict[str, Any]:
    """Return a namespace as the API shows it."""
    return {"id": namespace.id, "title": namespace.title, "supports_url_encoding": True}


def _number(text: str, largest: int, code: int, name: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= largest:
        return int(text)
    raise Refusal(f"malformed {name} argument", code=code)
