"""Zones, and the routes that lead a zone's URLs to workers."""

from __future__ import annotations

import re
import secrets
from typing import Any

import msgspec
from starlette.responses import Response

from control_plane.emulator.call import Call, no_endpoint, page_of, success
from control_plane.emulator.limits import INVALID_REQUEST, Refusal
from control_plane.emulator.workers.limits import (
    BAD_ROUTE,
    ROUTE_EXISTS,
    ROUTE_WITHOUT_WORKER,
    ROUTES,
)
from control_plane.emulator.workers.records import Records, Route

ZONES_PER_PAGE, LARGEST_PAGE = 20, 50
ZONE_NOT_FOUND, ZONE_EXISTS, ROUTE_NOT_FOUND = 7003, 1061, 10014

_HOST = re.compile(r"(?:\*\.?)?[a-z0-9.-]+", re.IGNORECASE)


class NewZone(msgspec.Struct):
    """The body that makes a zone."""

    name: str
    account: dict[str, str] = {}


class NewRoute(msgspec.Struct):
    """The body that makes or changes a route; without a script, no worker answers there."""

    pattern: str
    script: str | None = None


class WantedRoute(msgspec.Struct):
    """One of the routes that a worker is given all at once."""

    pattern: str
    zone_id: str | None = None
    zone_name: str | None = None


class ZonesApi:
    """Answers calls below `zones`; `account` is whose they are."""

    def __init__(self, records: Records, account: str) -> None:
        self.records, self.account = records, account

    def answer(self, call: Call) -> Response:
        """Answer a call; raise Refusal as the platform would."""
        match call.method, call.path:
            case "GET", ():
                name = call.query.get("name")
                zones = [zone for zone in self.records.zones() if name in (None, zone[1])]
                page, info = page_of(zones, call.query, ZONES_PER_PAGE, LARGEST_PAGE)
                return success([self._shown(*zone) for zone in page], info)
            case "POST", ():
                return success(self._make(call.json(NewZone)))
            case "GET", (id,):
                return success(self._shown(id, self._name(id)))
            case _, (id, "workers", "routes", *_):
                self._name(id)
                return self._routes(id, call.below(3))
        raise no_endpoint()

    def _routes(self, zone: str, call: Call) -> Response:
        match call.method, call.path:
            case "GET", ():
                return success(msgspec.to_builtins(self.records.routes(zone)))
            case "POST", ():
                return success(self._put(zone, secrets.token_hex(16), call.json(NewRoute)))
        route = self._route(zone, call.path[0] if len(call.path) == 1 else "")
        match call.method:
            case "GET":
                return success(msgspec.to_builtins(route))
            case "PUT":
                return success(self._put(zone, route.id, call.json(NewRoute)))
            case "DELETE":
                self.records.put_routes(zone, [], [route.id])
                return success({"id": route.id})
        raise no_endpoint()

    def _put(self, zone: str, id: str, wanted: NewRoute) -> dict[str, Any]:
        others = [route for route in self.records.routes(zone) if route.id != id]
        check_pattern(wanted.pattern, self._name(zone))
        if any(route.pattern == wanted.pattern for route in others):
            raise Refusal("A route with the same pattern already exists.", 409, ROUTE_EXISTS)
        if len(others) >= ROUTES:
            raise Refusal(f"A zone has at most {ROUTES} routes.")
        if wanted.script and self.records.worker(wanted.script) is None:
            raise Refusal(
                "Cannot configure a route for a Worker which does not exist. Please ensure this "
                "Worker exists and try again.",
                code=ROUTE_WITHOUT_WORKER,
            )
        route = Route(id, wanted.pattern, wanted.script)
        self.records.put_routes(zone, [route], [id])
        return {"id": id, "pattern": route.pattern, "script": route.script}

    def _route(self, zone: str, id: str) -> Route:
        for route in self.records.routes(zone):
            if route.id == id:
                return route
        raise Refusal("Route not found.", 404, ROUTE_NOT_FOUND)

    def _name(self, id: str) -> str:
        for known, name in self.records.zones():
            if known == id:
                return name
        raise Refusal(f"Could not route to /zones/{id}, perhaps your object identifier is "
                      "invalid?", 404, ZONE_NOT_FOUND)  # fmt: skip

    def _make(self, wanted: NewZone) -> dict[str, Any]:
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", wanted.name):
            raise Refusal(f"{wanted.name!r} is not a domain name.", code=INVALID_REQUEST)
        id = secrets.token_hex(16)
        if not self.records.add_zone(id, wanted.name):
            raise Refusal(f"{wanted.name} already exists.", code=ZONE_EXISTS)
        return self._shown(id, wanted.name)

    def _shown(self, id: str, name: str) -> dict[str, Any]:
        return {"id": id, "name": name, "status": "active", "account": {"id": self.account}}


def assign_routes(records: Records, script: str, call: Call) -> list[dict[str, Any]]:
    """Give a worker these routes and no others, in whatever zones they are."""
    wanted = call.json(list[WantedRoute])
    zones = {name: id for id, name in records.zones()}
    placed: dict[str, list[str]] = {id: [] for id in zones.values()}
    for route in wanted:
        zone = route.zone_id or zones.get(route.zone_name or _zone_name(route.pattern, zones))
        if zone not in placed:
            raise Refusal(f"Could not find zone for `{route.pattern}`.", code=BAD_ROUTE)
        placed[zone].append(route.pattern)
    for zone, patterns in placed.items():
        known = records.routes(zone)
        for other in known:
            if other.pattern in patterns and other.script != script:
                words = f"The route {other.pattern} is assigned to {other.script}."
                raise Refusal(words, 409, ROUTE_EXISTS)
    for zone, patterns in placed.items():
        known = [route for route in records.routes(zone) if route.script == script]
        kept = {route.pattern for route in known}
        fresh = [Route(secrets.token_hex(16), one, script) for one in patterns if one not in kept]
        records.put_routes(zone, fresh, [one.id for one in known if one.pattern not in patterns])
    return [{"pattern": route.pattern, "script": script} for route in wanted]


def check_pattern(pattern: str, zone: str) -> None:
    """Refuse what is no pattern, or one of another zone."""
    host = re.sub(r"^(\*|https?)?://", "", pattern).partition("/")[0]
    bare = host.lstrip("*").lstrip(".")
    inside = bare == zone or bare.endswith(f".{zone}")
    if not _HOST.fullmatch(host) or "?" in pattern or not inside:
        raise Refusal(f"{pattern!r} is not a route of the zone {zone}.", code=BAD_ROUTE)


def _zone_name(pattern: str, zones: dict[str, str]) -> str:
    host = re.sub(r"^(\*|https?)?://", "", pattern).partition("/")[0].lstrip("*").lstrip(".")
    fitting = [name for name in zones if host == name or host.endswith(f".{name}")]
    return max(fitting, key=len, default="")
