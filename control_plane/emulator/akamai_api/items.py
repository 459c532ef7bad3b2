"""Where items of EdgeKV stand: as text by themselves, or as the values of the local edge."""

from __future__ import annotations

import base64
import binascii

import msgspec

from control_plane.deploy.akamai.edgekv import group_of
from control_plane.emulator.akamai_api.problems import edgekv_problem
from control_plane.emulator.options import namespace_id
from control_plane.emulator.store import Pair, Store

BINDING = "SHELF"


class Shelf(msgspec.Struct, frozen=True):
    """The place of EdgeKV whose items are the local edge's own values, raw there, base64 here."""

    network: str
    namespace: str
    group: str


class Items:
    """Reads and writes items by network, namespace, group and key."""

    def __init__(self, store: Store, shelf: Shelf | None = None) -> None:
        self._store, self._shelf = store, shelf

    def get(self, network: str, namespace: str, group: str, key: str) -> bytes | None:
        """Return an item's text, None when there is none."""
        if self._shelved(network, namespace, group, key):
            pair = self._store.get(namespace_id(BINDING), key)
            return None if pair is None else base64.b64encode(pair.value)
        pair = self._store.get(place_of(network, namespace), f"{group}/{key}")
        return None if pair is None else pair.value

    def put(self, network: str, namespace: str, group: str, key: str, text: bytes) -> None:
        """Write an item; on the shelf only base64 has a place."""
        if not self._shelved(network, namespace, group, key):
            self._store.put(place_of(network, namespace), [Pair(f"{group}/{key}", text)])
            return
        try:
            value = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            said = "This machine's shelf keeps base64 alone."
            raise edgekv_problem(400, said) from error
        self._store.put(namespace_id(BINDING), [Pair(key, value)])

    def delete(self, network: str, namespace: str, group: str, key: str) -> None:
        """Delete an item; a missing one is no error."""
        if self._shelved(network, namespace, group, key):
            self._store.delete(namespace_id(BINDING), [key])
        else:
            self._store.delete(place_of(network, namespace), [f"{group}/{key}"])

    def keys(self, network: str, namespace: str) -> list[tuple[str, str]]:
        """Return every group and key of a namespace."""
        names = self._names(place_of(network, namespace), "")
        found = [(group, key) for group, _, key in (name.partition("/") for name in names)]
        shelf = self._shelf
        if shelf and (shelf.network, shelf.namespace) == (network, namespace):
            own = self._names(namespace_id(BINDING), "")
            found += [(group_of(shelf.group, key), key) for key in own]
        return found

    def _shelved(self, network: str, namespace: str, group: str, key: str) -> bool:
        shelf = self._shelf
        return shelf is not None and (network, namespace, group) == (
            shelf.network,
            shelf.namespace,
            group_of(shelf.group, key),
        )

    def _names(self, place: str, prefix: str) -> list[str]:
        names, cursor = list[str](), ""
        while True:
            page = self._store.list_keys(place, prefix, 1000, cursor)
            names += [key.name for key in page.keys]
            if page.cursor is None:
                return names
            cursor = page.cursor


def place_of(network: str, namespace: str) -> str:
    """Return where the store keeps what stands in a namespace of a network."""
    return f"edgekv-{network}-{namespace}"
