"""A thin client of Cloudflare's Workers API: versions, deployments, settings, routes."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from control_plane.deploy.cloudflare.api import Api
from control_plane.deploy.cloudflare.bundle import WorkerBundle
from control_plane.deploy.modules import Kind, Module
from control_plane.deploy.retry import Retry
from control_plane.errors import PlatformError

#: A worker of that name was never uploaded.
WORKER_NOT_FOUND = 10007
#: A route of that pattern is there already.
ROUTE_EXISTS = 10020
#: Secrets were changed after the version that is to come back.
SECRETS_CHANGED = 10220
#: Refused for want of a permission.
FORBIDDEN = (401, 403)

CONTENT_TYPES: dict[Kind, str] = {
    "esModule": "application/javascript+module",
    "text": "text/plain",
    "data": "application/octet-stream",
}


class Version(msgspec.Struct, frozen=True):
    """An uploaded version, as lists show it."""

    id: str
    number: int
    metadata: dict[str, Any]
    annotations: dict[str, str] = {}

    @property
    def tag(self) -> str | None:
        """What its uploader called it."""
        return self.annotations.get("workers/tag")


class Share(msgspec.Struct, frozen=True):
    """A version and the percentage of visitors that it serves."""

    version_id: str
    percentage: float


class Deployment(msgspec.Struct, frozen=True):
    """Which versions serve since `created_on`."""

    id: str
    created_on: str
    versions: tuple[Share, ...]


class Route(msgspec.Struct, frozen=True):
    """A pattern of URLs, and the worker that answers for it."""

    id: str
    pattern: str
    script: str | None = None


class WorkersApi:
    """One worker of an account. The token is sent as a header and shown nowhere."""

    def __init__(
        self,
        base_url: str,
        token: str,
        account_id: str,
        worker: str,
        *,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.worker = worker
        self._path = f"accounts/{account_id}/workers/scripts/{worker}"
        self._api = Api(
            base_url,
            token,
            retry,
            transport,
            permission="Workers Scripts: Edit",
            missing="Check cloudflare.account_id and cloudflare.worker_name in frontshelf.toml.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def deployments(self) -> list[Deployment] | None:
        """Return the newest deployments, the live one first; None when there is no such worker."""
        try:
            found = self._get("deployments", f"read the deployments of {self.worker}")
        except PlatformError as error:
            if WORKER_NOT_FOUND in error.codes:
                return None
            raise
        return msgspec.convert(found["deployments"], list[Deployment])

    def versions(self) -> list[Version]:
        """Return the versions that can be deployed, the newest first."""
        found = self._get("versions?deployable=true", f"list the versions of {self.worker}")
        versions = msgspec.convert(found["items"], list[Version])
        return sorted(versions, key=lambda version: -version.number)

    def resources(self, version_id: str) -> dict[str, Any]:
        """Return what a version is made of; of secrets, the names."""
        version = self._get(f"versions/{version_id}", f"read version {version_id}")
        return dict(version["resources"])

    def settings(self) -> dict[str, Any]:
        """Return the settings that belong to no version."""
        return dict(self._get("script-settings", f"read the settings of {self.worker}"))

    def create(self, bundle: WorkerBundle) -> None:
        """Make the worker; its first version serves every visitor."""
        what = f"upload the worker {self.worker}"
        self._result("PUT", "", what, files=_form(bundle, first=True))

    def upload(self, bundle: WorkerBundle) -> str:
        """Upload a version that serves nobody yet; return its id."""
        what = f"upload a version of {self.worker}"
        made = self._result("POST", "versions", what, files=_form(bundle, first=False))
        return str(made["id"])

    def deploy(self, shares: list[Share], message: str, *, force: bool) -> None:
        """Let versions serve; without `force`, never one whose secrets were changed since."""
        body = {
            "strategy": "percentage",
            "versions": msgspec.to_builtins(shares),
            "annotations": {"workers/message": message},
        }
        path = "deployments?force=true" if force else "deployments"
        self._result("POST", path, f"deploy {shares[0].version_id}", json=body)

    def change_settings(self, **settings: Any) -> None:
        """Change settings that belong to no version."""
        what = f"change the settings of {self.worker}"
        self._result("PATCH", "script-settings", what, json=settings)

    def _get(self, path: str, what: str) -> dict[str, Any]:
        return dict(self._result("GET", path, what))

    def _result(self, method: str, path: str, what: str, **request: Any) -> Any:
        whole = f"{self._path}/{path}" if path else self._path
        response = self._api.send(method, whole, what, **request)
        return self._api.read(response, what)["result"]


class RoutesApi:
    """The routes of one zone."""

    def __init__(
        self,
        base_url: str,
        token: str,
        zone_id: str,
        *,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._path = f"zones/{zone_id}/workers/routes"
        self._api = Api(
            base_url,
            token,
            retry,
            transport,
            permission="Workers Routes: Edit' of the zone, besides 'Workers Scripts: Edit",
            missing="Check cloudflare.zone_id in frontshelf.toml.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def routes(self) -> list[Route]:
        """Return all routes of the zone."""
        what = "list the zone's routes"
        answer = self._api.read(self._api.send("GET", self._path, what), what)
        return msgspec.convert(answer["result"], list[Route])

    def add(self, pattern: str, worker: str) -> None:
        """Let a worker answer for a pattern."""
        body, what = {"pattern": pattern, "script": worker}, f"add the route {pattern}"
        try:
            self._api.read(self._api.send("POST", self._path, what, json=body), what)
        except PlatformError as error:
            # An answer that was lost, and the call made again: the route may be ours by now.
            there = {(route.pattern, route.script) for route in self.routes()}
            if ROUTE_EXISTS not in error.codes or (pattern, worker) not in there:
                raise

    def remove(self, route: Route) -> None:
        """Let no worker answer for a pattern any more."""
        what = f"remove the route {route.pattern}"
        try:
            self._api.read(self._api.send("DELETE", f"{self._path}/{route.id}", what), what)
        except PlatformError:
            if route.id in {one.id for one in self.routes()}:
                raise


def _form(bundle: WorkerBundle, *, first: bool) -> list[tuple[str, tuple[str | None, bytes, str]]]:
    metadata: dict[str, Any] = {
        "main_module": bundle.modules[0].name,
        "compatibility_date": bundle.compatibility_date,
        "compatibility_flags": list(bundle.compatibility_flags),
        "bindings": bundle.bindings(),
        # All of the worker's bindings stand above: one that is not there is to go.
        "keep_bindings": [],
        "annotations": {"workers/tag": str(bundle.tag), "workers/message": bundle.message},
    }
    if first:
        metadata["observability"] = bundle.observability
    described = ("metadata", (None, msgspec.json.encode(metadata), "application/json"))
    return [described, *(_part(module) for module in bundle.modules)]


def _part(module: Module) -> tuple[str, tuple[str | None, bytes, str]]:
    return module.name, (module.name, module.source, CONTENT_TYPES[module.kind])
