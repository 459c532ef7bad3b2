"""EdgeKV's administration API: namespaces on either network, their groups, and items one by one."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse, Response

from control_plane.emulator.akamai_api.items import Items, Shelf
from control_plane.emulator.akamai_api.limits import Limits, Rates
from control_plane.emulator.akamai_api.problems import edgekv_problem
from control_plane.emulator.akamai_api.tokens import Tokens
from control_plane.emulator.call import Call
from control_plane.emulator.store import Store

NETWORKS = ("staging", "production")
LOCATIONS = {"staging": ("US",), "production": ("US", "EU", "JP", "GLOBAL")}
DEFAULT = "default"
HALF_A_YEAR = 15_724_800
DAY, TEN_YEARS = 86_400, 315_360_000

NAMES = {
    "Namespace": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}"),
    "Group": re.compile(r"[A-Za-z0-9_-]{1,128}"),
    "Key": re.compile(r"[A-Za-z0-9_-]{1,512}"),
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS edgekv_namespaces (
  network TEXT NOT NULL, name TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY (network, name));
"""


class NewNamespace(msgspec.Struct, frozen=True):
    """The body that makes a namespace, and what is shown of it."""

    namespace: str
    retentionInSeconds: int
    groupId: int = 0
    geoLocation: str = "US"


class EdgeKVApi:
    """The API over the local store, which keeps each item's text as `GROUP/ITEM`."""

    def __init__(self, store: Store, limits: Limits, shelf: Shelf | None = None) -> None:
        self.store, self.limits = store, limits
        self.items = Items(store, shelf)
        self.tokens = Tokens(store)
        self._rates = Rates(store.clock)
        store.define(_SCHEMA)

    def answer(self, call: Call) -> Response:
        """Answer a call below `/edgekv/v1`; raise Problem as the platform would."""
        self._pace()
        match call.method, call.path:
            case "GET", ("initialize",):
                return JSONResponse(self._status())
            case "PUT", ("initialize",):
                return JSONResponse(self._initialize(), 201)
            case "GET", ("tokens",):
                return JSONResponse({"tokens": self.tokens.list()})
            case "POST", ("tokens",):
                return JSONResponse(self.tokens.create(call.body))
            case "GET", ("tokens", name):
                return JSONResponse(self.tokens.show(name))
            case "DELETE", ("tokens", name):
                return JSONResponse(self.tokens.revoke(name))
            case method, ("networks", network, "namespaces", *rest) if network in NETWORKS:
                if not self._names("production"):
                    raise edgekv_problem(404, "EdgeKV is not initialized.")
                return self._namespaces(call, network, method, tuple(rest))
        raise edgekv_problem(404, "The requested resource does not exist.")

    def _namespaces(self, call: Call, network: str, method: str, rest: tuple[str, ...]) -> Response:
        match method, rest:
            case "GET", ():
                named = [{"namespace": name} for name in self._names(network)]
                return JSONResponse({"namespaces": named})
            case "POST", ():
                return JSONResponse(self._create(network, call))
        [name, *inner] = rest or ("",)
        _check("Namespace", name)
        details = self._details(network, name)
        if details is None:
            raise edgekv_problem(400, "The requested namespace does not exist.")
        match method, inner:
            case "GET", []:
                return JSONResponse(details)
            case "GET", ["groups"]:
                return JSONResponse(self._groups(network, name))
            case "GET", ["groups", group]:
                return JSONResponse(self._listed(network, name, group, call))
            case _, ["groups", group, "items", item]:
                return self._item(call, network, name, group, item)
        raise edgekv_problem(404, "The requested resource does not exist.")

    def _item(self, call: Call, network: str, namespace: str, group: str, item: str) -> Response:
        _check("Group", group)
        _check("Key", item)
        place = (network, namespace, group, item)
        where = f"database, namespace {namespace}, group {group}, and key {item}."
        if call.method == "PUT":
            self.items.put(*place, self._text(call))
            return PlainTextResponse(f"Item was upserted in {where}")
        if call.method == "DELETE":
            self.items.delete(*place)
            return PlainTextResponse(f"Item was marked for deletion from {where}")
        if call.method != "GET":
            raise edgekv_problem(404, "The requested resource does not exist.")
        text = self.items.get(*place)
        if text is None:
            raise edgekv_problem(
                404, f"Item '{item}' or group '{group}' was not found in the database."
            )
        return Response(text, media_type="text/plain")

    def _text(self, call: Call) -> bytes:
        kind = call.content_type.partition(";")[0].strip().lower()
        if kind not in ("text/plain", "application/json"):
            raise edgekv_problem(415, "Content-Type must be text/plain or application/json.")
        try:
            text = call.body.decode("utf-8")
            if kind == "application/json":
                json.loads(text)
        except ValueError as error:
            raise edgekv_problem(400, f"The value is malformed: {error}") from error
        if len(text) > self.limits.value_characters:
            most = self.limits.value_characters
            raise edgekv_problem(413, f"Value cannot exceed {most} characters.")
        return call.body

    def _listed(self, network: str, namespace: str, group: str, call: Call) -> list[str]:
        _check("Group", group)
        most = call.query.get("maxItems")
        wanted = int(most) if most and most.isdecimal() else self.limits.listed_by_default
        found = [key for of, key in self.items.keys(network, namespace) if of == group]
        if not found:
            raise edgekv_problem(404, "The requested group is empty or not found.")
        shown = min(wanted, self.limits.listed_items)
        # Of more, whichever: there are no pages, and no order is promised.
        return random.sample(found, min(shown, len(found)))

    def _groups(self, network: str, namespace: str) -> list[str]:
        groups = sorted({group for group, _key in self.items.keys(network, namespace)})
        if not groups:
            raise edgekv_problem(404, "There are no groups.")
        return groups

    def _create(self, network: str, call: Call) -> Any:
        try:
            new = msgspec.json.decode(call.body, type=NewNamespace)
        except msgspec.DecodeError as error:
            raise edgekv_problem(400, f"The body is malformed: {error}", "EKV_2000") from error
        _check("Namespace", new.namespace)
        if new.geoLocation not in LOCATIONS[network]:
            known = ", ".join(LOCATIONS[network])
            said = f"Specified geoLocation not supported. Please specify one of {known}"
            raise edgekv_problem(400, said, "EKV_2000")
        if new.retentionInSeconds and not DAY <= new.retentionInSeconds <= TEN_YEARS:
            said = f"retentionInSeconds must be 0, or from {DAY} to {TEN_YEARS}."
            raise edgekv_problem(400, said, "EKV_2000")
        if len(self._names(network)) >= self.limits.namespaces:
            most = self.limits.namespaces
            said = (
                f"Each account is allowed {most} namespaces. This limit has already been reached."
            )
            raise edgekv_problem(413, said)
        if not self._add(network, new):
            raise edgekv_problem(409, "The namespace already exists on the network", "EKV_3000")
        return msgspec.to_builtins(new)

    def prepare(self, namespace: NewNamespace) -> None:
        """Initialize EdgeKV, and make a namespace on both networks unless it is there."""
        self._initialize()
        for network in NETWORKS:
            self._add(network, namespace)

    def _initialize(self) -> dict[str, str]:
        for network in NETWORKS:
            self._add(network, NewNamespace(DEFAULT, HALF_A_YEAR))
        return self._status()

    def _status(self) -> dict[str, Any]:
        states = [
            "INITIALIZED" if self._names(network) else "UNINITIALIZED" for network in NETWORKS
        ]
        [staging, production] = states
        return {
            "accountStatus": production,
            "cpcode": "123456" if self._names("production") else None,
            "productionStatus": production,
            "stagingStatus": staging,
        }

    def _names(self, network: str) -> list[str]:
        sql = "SELECT name FROM edgekv_namespaces WHERE network = ? ORDER BY rowid"
        return [row[0] for row in self.store.query(sql, (network,))]

    def _details(self, network: str, name: str) -> Any:
        sql = "SELECT details FROM edgekv_namespaces WHERE network = ? AND name = ?"
        rows = self.store.query(sql, (network, name))
        return json.loads(rows[0][0]) if rows else None

    def _add(self, network: str, new: NewNamespace) -> bool:
        details = json.dumps(msgspec.to_builtins(new))
        with self.store.writing() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO edgekv_namespaces VALUES (?, ?, ?)",
                (network, new.namespace, details),
            )
            return cursor.rowcount == 1

    def _pace(self) -> None:
        most = self.limits.hits_per_second
        if most is None:
            return
        hits = self._rates.count("hits")
        if hits > most:
            raise edgekv_problem(
                429,
                f"Your request has been denied: {hits} hits per second too high. "
                f"limit set at {most}. Please try again soon.",
                "EKV_9100",
            )


def _check(what: str, name: str) -> None:
    if not NAMES[what].fullmatch(name):
        said = f"{what} must only use a string that matches A-Z a-z 0-9 _ or -."
        raise edgekv_problem(400, said)
