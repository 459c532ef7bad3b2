"""EdgeWorkers' administration API: ids, versions of code, and activations that take their time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from control_plane.emulator.akamai_api.bundles import invalid, version_of_bundle
from control_plane.emulator.akamai_api.limits import Limits, Rates
from control_plane.emulator.akamai_api.problems import Problem, edgeworkers_problem
from control_plane.emulator.akamai_api.records import Action, EdgeWorker, Move, Records, Version
from control_plane.emulator.call import Call
from control_plane.emulator.store import Store

NETWORKS = ("STAGING", "PRODUCTION")
ACCOUNT, USER, CONTRACT, GROUP = "B-0-LOCAL", "this-machine", "1-LOCAL", 1
DYNAMIC_COMPUTE = 200

#: Seconds after which each state is reached.
PHASES = (("COMPLETE", 300.0), ("IN_PROGRESS", 30.0), ("PENDING", 5.0), ("PRESUBMIT", 0.0))

NOT_FOUND, BEING_ACTIVATED, BAD_REQUEST, TOO_MANY = "EW2002", "EW1021", "EW1000", "EW4290"
#: Of a deactivation.
BEING_DEACTIVATED, NOT_ACTIVE = "EW1031", "EW1032"


class NewEdgeWorker(msgspec.Struct, frozen=True):
    """The body that makes an id."""

    name: str
    groupId: int
    resourceTierId: int = DYNAMIC_COMPUTE


class NewMove(msgspec.Struct, frozen=True):
    """The body that makes a version run on a network, or stops it."""

    network: str
    version: str


class EdgeWorkersApi:
    """The API over the local store, by whose clock activations go forward."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self.records, self.limits = Records(store), limits
        self.phases = PHASES
        self._rates = Rates(store.clock)

    def answer(self, call: Call) -> Response:
        """Answer a call below `/edgeworkers/v1`; raise Problem as the platform would."""
        match call.method, call.path:
            case "GET", ("groups",):
                group = {"groupId": GROUP, "groupName": "This machine", "capabilities": ["EDIT"]}
                return JSONResponse({"permissionGroups": [group]})
            case "GET", ("contracts",):
                return JSONResponse({"contractIds": [CONTRACT]})
            case "GET", ("ids",):
                return JSONResponse({"edgeWorkerIds": list(map(_id, self.records.edgeworkers()))})
            case "POST", ("ids",):
                new = _body(call, NewEdgeWorker)
                made = self.records.add(new.name, new.groupId, new.resourceTierId)
                return JSONResponse(_id(made), 201)
            case _, ("ids", id, *_rest):
                return self._of(self._edgeworker(id), call.below(2))
        raise _no_resource()

    def active(self, id: int, network: str) -> str | None:
        """Return the version that runs on a network, None when none does."""
        for move in self.records.moves(id):
            if move.network == network and self._status(move) == "COMPLETE":
                return move.version if move.action == "activation" else None
        return None

    def _of(self, edgeworker: EdgeWorker, call: Call) -> Response:
        id = edgeworker.id
        match call.method, call.path:
            case "GET", ():
                return JSONResponse(_id(edgeworker))
            case "GET", ("versions",):
                found = [_version(id, one) for one in self.records.versions(id)]
                return JSONResponse({"versions": found})
            case "POST", ("versions",):
                return JSONResponse(_version(id, self._add_version(id, call)), 201)
            case _, ("versions", version, *rest):
                return self._of_version(id, self._version(id, version), call.method, rest)
            case method, (("activations" | "deactivations") as kind, *rest):
                return self._moves(
                    id, "activation" if kind[0] == "a" else "deactivation", method, rest, call
                )
        raise _no_resource()

    def _of_version(self, id: int, version: Version, method: str, rest: list[str]) -> Response:
        match method, rest:
            case "GET", []:
                return JSONResponse(_version(id, version))
            case "GET", ["content"]:
                bundle = self.records.bundle(id, version.version)
                return Response(bundle, media_type="application/gzip")
            case "DELETE", []:
                if any(self.active(id, network) == version.version for network in NETWORKS):
                    raise edgeworkers_problem(400, "The version is active.", BAD_REQUEST)
                self.records.delete_version(id, version.version)
                return Response(status_code=204)
        raise _no_resource()

    def _add_version(self, id: int, call: Call) -> Version:
        self._pace("versions", self.limits.versions_per_minute)
        if not call.content_type.startswith("application/gzip"):
            raise invalid("INVALID_GZIP_FORMAT", "Content-Type must be application/gzip")
        version = version_of_bundle(call.body)
        if len(self.records.versions(id)) >= self.limits.versions:
            raise edgeworkers_problem(429, "Too many versions of this EdgeWorker ID.", TOO_MANY)
        checksum = hashlib.sha256(call.body).hexdigest()
        if not self.records.add_version(id, version, checksum, call.body):
            said = f"Version {version} already exists, or existed, for this EdgeWorker ID."
            raise edgeworkers_problem(400, said, BAD_REQUEST)
        return self._version(id, version)

    def _moves(self, id: int, action: Action, method: str, rest: list[str], call: Call) -> Response:
        made = [move for move in self.records.moves(id) if move.action == action]
        match method, rest:
            case "GET", []:
                version = call.query.get("version")
                shown = [self._move(id, one) for one in made if version in (None, one.version)]
                return JSONResponse({f"{action}s": shown})
            case "POST", []:
                return JSONResponse(self._move(id, self._ask(id, action, call)), 201)
            case "GET", [number]:
                return JSONResponse(self._move(id, _numbered(made, number)))
            case "DELETE", [number] if action == "activation":
                move = _numbered(made, number)
                if self._status(move) != "PRESUBMIT":
                    raise edgeworkers_problem(400, "It cannot be canceled any more.", BAD_REQUEST)
                self.records.end_move(move.number, "CANCELED")
                return JSONResponse(self._move(id, _numbered(self.records.moves(id), number)))
        raise _no_resource()

    def _ask(self, id: int, action: Action, call: Call) -> Move:
        new = _body(call, NewMove)
        if new.network not in NETWORKS:
            raise edgeworkers_problem(400, f"network must be one of {NETWORKS}", BAD_REQUEST)
        version = self._version(id, new.version).version
        where = f"on {new.network.lower()}"
        under_way = [
            move
            for move in self.records.moves(id)
            if (move.action, move.network, move.version) == (action, new.network, version)
            and self._status(move) in ("PRESUBMIT", "PENDING", "IN_PROGRESS")
        ]
        running = self.active(id, new.network) == version
        if action == "activation" and (under_way or running):
            said = f"This version is already being activated {where}"
            raise edgeworkers_problem(400, said, BEING_ACTIVATED)
        if action == "deactivation" and under_way:
            said = f"This version is already being deactivated {where}"
            raise edgeworkers_problem(400, said, BEING_DEACTIVATED)
        if action == "deactivation" and not running:
            raise edgeworkers_problem(400, f"This version is not active {where}", NOT_ACTIVE)
        self._pace(f"{action}s-{new.network}", self.limits.activations_per_minute)
        return self.records.add_move(id, action, new.network, version)

    def _move(self, id: int, move: Move) -> dict[str, Any]:
        return {
            "edgeWorkerId": id,
            "version": move.version,
            f"{move.action}Id": move.number,
            "accountId": ACCOUNT,
            "status": self._status(move),
            "network": move.network,
            "createdBy": USER,
            "createdTime": _time(move.created),
            "lastModifiedTime": _time(self._changed(move)),
        }

    def _status(self, move: Move) -> str:
        age = self.records.store.clock() - move.created
        return move.ended or next(name for name, after in self.phases if age >= after)

    def _changed(self, move: Move) -> float:
        age = self.records.store.clock() - move.created
        return move.created + next(after for _name, after in self.phases if age >= after)

    def _edgeworker(self, id: str) -> EdgeWorker:
        for one in self.records.edgeworkers():
            if str(one.id) == id:
                return one
        raise edgeworkers_problem(404, "Unable to find the requested EdgeWorker ID", NOT_FOUND)

    def _version(self, id: int, version: str) -> Version:
        for one in self.records.versions(id):
            if one.version == version:
                return one
        raise edgeworkers_problem(404, "Unable to find the requested version", NOT_FOUND)

    def _pace(self, what: str, most: int) -> None:
        if self._rates.count(what, 60) > most:
            headers = {"Retry-After": "60", f"X-RateLimit-{what}-Per-Minute-Limit": str(most)}
            said = f"More than {most} {what} a minute."
            raise edgeworkers_problem(429, said, TOO_MANY, headers)


def _id(one: EdgeWorker) -> dict[str, Any]:
    return {
        "edgeWorkerId": one.id,
        "name": one.name,
        "accountId": ACCOUNT,
        "groupId": one.group_id,
        "resourceTierId": one.tier,
        "createdBy": USER,
        "createdTime": _time(one.created),
    }


def _version(id: int, one: Version) -> dict[str, Any]:
    return {
        "edgeWorkerId": id,
        "version": one.version,
        "accountId": ACCOUNT,
        "checksum": one.checksum,
        "sequenceNumber": one.number,
        "createdBy": USER,
        "createdTime": _time(one.created),
    }


def _numbered(moves: list[Move], number: str) -> Move:
    for move in moves:
        if str(move.number) == number:
            return move
    raise edgeworkers_problem(404, "Unable to find the requested activation", NOT_FOUND)


def _body(call: Call, type: Any) -> Any:
    try:
        return msgspec.json.decode(call.body, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise edgeworkers_problem(400, f"The body is malformed: {error}", BAD_REQUEST) from error


def _no_resource() -> Problem:
    return edgeworkers_problem(404, "Unable to find the requested resource", NOT_FOUND)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
