"""A thin client of the EdgeWorkers API: the versions of one EdgeWorker, and what runs where."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from control_plane.deploy.akamai.api import AkamaiApi

Network = Literal["staging", "production"]

GRANT = "EdgeWorkers: READ-WRITE"
MISSING = (
    "Check akamai.edgeworker_id in frontshelf.toml: 'akamai edgeworkers list-ids' shows those "
    "there are (docs/akamai.md)."
)
COMPLETE = "COMPLETE"
UNDER_WAY = ("PRESUBMIT", "PENDING", "IN_PROGRESS")


class Version(msgspec.Struct, frozen=True):
    """An uploaded version, as lists show it."""

    version: str
    createdTime: str = ""


class Move(msgspec.Struct, frozen=True):
    """An activation or a deactivation; which one it is says the id that is not 0."""

    version: str
    network: str
    status: str
    createdTime: str
    lastModifiedTime: str = ""
    activationId: int = 0
    deactivationId: int = 0

    @property
    def order(self) -> tuple[str, bool, int]:
        """What moves are sorted by, oldest first."""
        return self.createdTime, bool(self.deactivationId), self.activationId


class EdgeWorkersApi:
    """The calls about one EdgeWorker id."""

    def __init__(self, api: AkamaiApi, edgeworker: int) -> None:
        self.api, self.edgeworker = api, edgeworker
        self._path = f"edgeworkers/v1/ids/{edgeworker}"
        self._name = f"EdgeWorker {edgeworker}"

    def close(self) -> None:
        """Close the connections."""
        self.api.close()

    def versions(self) -> list[Version]:
        """Return the versions that are there."""
        return self._list("versions", list[Version])

    def content(self, version: str) -> bytes:
        """Return a version's code bundle."""
        path = f"{self._path}/versions/{version}/content"
        return self.api.send("GET", path, f"read version {version} of {self._name}").content

    def upload(self, packed: bytes) -> None:
        """Upload a code bundle, which names its version."""
        headers = {"Content-Type": "application/gzip"}
        what = f"upload a version of {self._name}"
        self.api.send("POST", f"{self._path}/versions", what, content=packed, headers=headers)

    def moves(self, network: Network) -> list[Move]:
        """Return the activations and deactivations on a network, oldest first."""
        every = [
            *self._list("activations", list[Move]),
            *self._list("deactivations", list[Move]),
        ]
        return sorted(
            (move for move in every if move.network == network.upper()),
            key=lambda move: move.order,
        )

    def activate(self, version: str, network: Network) -> Move:
        """Ask for a version to run on a network."""
        what = f"activate version {version} of {self._name} on {network}"
        body = {"version": version, "network": network.upper()}
        response = self.api.send("POST", f"{self._path}/activations", what, json=body)
        return self.api.read(response, what, Move)

    def activation(self, id: int) -> Move:
        """Return how an activation goes."""
        what = f"look at activation {id} of {self._name}"
        response = self.api.send("GET", f"{self._path}/activations/{id}", what)
        return self.api.read(response, what, Move)

    def _list(self, kind: str, type: Any) -> Any:
        what = f"list the {kind} of {self._name}"
        response = self.api.send("GET", f"{self._path}/{kind}", what)
        return self.api.read(response, what, dict[str, type])[kind]
