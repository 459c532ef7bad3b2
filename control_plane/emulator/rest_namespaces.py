"""The REST API's namespaces: listed in pages, made, found."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from control_plane.emulator.call import decoded, page_of
from control_plane.emulator.limits import (
    MISSING_TITLE,
    NAMESPACE_EXISTS,
    NAMESPACE_NOT_FOUND,
    Refusal,
)
from control_plane.emulator.store import Namespace, Store

PER_PAGE, LARGEST_PAGE = 20, 1000
TITLE_LENGTH = 512


class NewNamespace(msgspec.Struct, frozen=True):
    """The body that makes a namespace."""

    title: str = ""


def list_namespaces(store: Store, query: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return a page of namespaces, and where it stands among the pages."""
    every = store.namespaces()
    if query.get("order") in ("id", "title"):
        every.sort(key=lambda namespace: getattr(namespace, query["order"]))
    if query.get("direction") == "desc":
        every.reverse()
    page, info = page_of(every, query, PER_PAGE, LARGEST_PAGE)
    return [show(namespace) for namespace in page], info


def create_namespace(store: Store, body: bytes) -> dict[str, Any]:
    """Make a namespace with a new id; refuse a title that is missing or taken."""
    title = decoded(body, NewNamespace).title
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
