"""Cloudflare as a platform that runs the worker. The local edge speaks the same API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from control_plane.deploy.cloudflare.bundle import WorkerBundle, make_bundle, parse_tag
from control_plane.deploy.cloudflare.changes import changes_between, route_changes, variables_of
from control_plane.deploy.cloudflare.workers import (
    SECRETS_CHANGED,
    Deployment,
    RoutesApi,
    Share,
    Version,
    WorkersApi,
)
from control_plane.deploy.lock import deployment_lock
from control_plane.deploy.worker_target import (
    Change,
    RunningVersion,
    WorkerPlan,
    WorkerStatus,
)
from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project

#: Gzipped bytes of an upload on the free plan; a paid one takes 10 MiB.
LIMIT_BYTES = 3 * 1024 * 1024


class _State(msgspec.Struct, frozen=True):
    """What the platform says before anything is changed; `live` is None when nothing serves."""

    exists: bool
    deployments: list[Deployment]
    versions: dict[str, Version]

    @property
    def live(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None

    def share_of(self, version: str | None) -> float:
        """Return the percentage of visitors that a version serves."""
        shares = self.live.versions if self.live else ()
        return next((one.percentage for one in shares if one.version_id == version), 0.0)

    def beside(self, version: str | None) -> str | None:
        """Return the live version that serves most visitors but for this one."""
        shares = (
            [one for one in self.live.versions if one.version_id != version] if self.live else []
        )
        return max(shares, key=lambda one: one.percentage).version_id if shares else None

    def before(self) -> str | None:
        """Return what a rollback goes back to: the last that served everyone, now not alone."""
        now = self.live.versions if self.live else ()
        for deployment in self.deployments:
            [first, *others] = deployment.versions
            if not others and deployment.versions != now:
                return first.version_id
        return None


class CloudflareWorker:
    """One worker of a Cloudflare account, and the routes that lead to it."""

    def __init__(
        self,
        project: Project,
        api: WorkersApi,
        namespace_id: str,
        routes: RoutesApi | None = None,
        *,
        name: str = "cloudflare",
    ) -> None:
        self.name = name
        self._project, self._api, self._routes = project, api, routes
        self._namespace_id = namespace_id
        self._patterns = project.settings.cloudflare.routes if routes else ()

    def plan(self, share: float = 100.0) -> WorkerPlan:
        """Say what an upload for `share` percent of visitors would change; change nothing."""
        return self._plan(self._bundle(), self._state(), share)

    def carry_out(self, plan: WorkerPlan) -> WorkerStatus:
        """Do what a plan of this target says; return what runs then."""
        with deployment_lock(self._project, self.name):
            bundle, state = self._bundle(), self._state()
            now = self._plan(bundle, state, plan.share)
            if now != plan:
                raise PlatformError(
                    f"{self.name}: the worker {plan.worker} was changed since the plan was made. "
                    "Run the command again and look at the new plan."
                )
            if not plan.nothing_to_do:
                self._upload(bundle, state, plan)
                self._set_routes()
        status = self.status()
        if not any(self._is(one, bundle) and one.share == plan.share for one in status.running):
            raise PlatformError(
                f"{self.name}: the worker {plan.worker} does not run as it was deployed. Somebody "
                "may have changed it meanwhile: look with 'frontshelf worker status'."
            )
        return status

    def status(self) -> WorkerStatus:
        """Say what runs."""
        return self._shown(self._state())

    def roll_back(self, *, old_secrets: bool = False) -> WorkerStatus:
        """Give every visitor the version that served all of them before."""
        with deployment_lock(self._project, self.name):
            state = self._state()
            version = state.before()
            if version is None:
                raise InputError(
                    f"{self.name}: no other version of {self._api.worker} ever served everyone",
                    remedy="'frontshelf worker upload' uploads the one of this installation.",
                )
            try:
                self._api.deploy([Share(version, 100)], "worker rollback", force=old_secrets)
            except PlatformError as error:
                if SECRETS_CHANGED in error.codes:
                    raise PlatformError(
                        f"{error}\n  That version has its own, older secrets. Run the command "
                        "again with --old-secrets if they may be used, else fix forward with "
                        "'frontshelf worker upload'.",
                        error.status,
                        error.codes,
                    ) from error
                raise
        return self.status()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        if self._routes:
            self._routes.close()

    def _bundle(self) -> WorkerBundle:
        return make_bundle(self._project, self._namespace_id)

    def _state(self) -> _State:
        deployments = self._api.deployments()
        if deployments is None:
            return _State(False, [], {})
        return _State(True, deployments, {one.id: one for one in self._api.versions()})

    def _plan(self, bundle: WorkerBundle, state: _State, share: float) -> WorkerPlan:
        if share < 100 and not state.live:
            raise InputError(
                f"nothing serves at {self.name} yet: the first upload is for every visitor",
                field="--share",
                remedy="Leave --share out.",
            )
        tagged = [one.id for one in state.versions.values() if one.tag == str(bundle.tag)]
        # Of several, the one that serves already; else the newest.
        version = max(tagged, key=state.share_of, default=None)
        if version is not None and state.beside(version) is None:
            share = 100.0  # it serves alone: there is nobody to share with
        files = bundle.files
        return WorkerPlan(
            target=self.name,
            worker=self._api.worker,
            files=files,
            bytes=sum(file.bytes for file in files),
            gzipped=sum(file.gzipped for file in files),
            limit=LIMIT_BYTES,
            tables=bundle.tag.tables,
            digest=str(bundle.tag),
            changes=(*self._changes(bundle, state, version), *self._route_changes()),
            version=version,
            share=share,
            share_now=state.share_of(version),
        )

    def _changes(
        self, bundle: WorkerBundle, state: _State, version: str | None
    ) -> tuple[Change, ...]:
        """Return what the bundle changes for those visitors whom it does not serve yet."""
        observed = self._api.settings().get("observability") or {} if state.exists else None
        compared = state.beside(version) or version
        known = state.versions.get(compared) if compared else None
        resources: Mapping[str, Any] = self._api.resources(compared) if compared else {}
        tag = parse_tag(known.tag) if known else None
        return changes_between(bundle, resources, tag, observed)

    def _route_changes(self) -> tuple[Change, ...]:
        if not self._routes:
            return ()
        return route_changes(self._routes.routes(), self._patterns, self._api.worker)

    def _upload(self, bundle: WorkerBundle, state: _State, plan: WorkerPlan) -> None:
        if not state.exists:
            self._api.create(bundle)
            return
        if any(change.kind == "setting" for change in plan.changes):
            self._api.change_settings(observability=bundle.observability)
        version = plan.version or self._api.upload(bundle)
        if plan.version is not None and plan.share == plan.share_now:
            return
        shares = [Share(version, plan.share)]
        other = state.beside(version)
        if plan.share < 100 and other is not None:
            shares.append(Share(other, 100 - plan.share))
        # Its secrets are those of this project, whatever others were set meanwhile.
        self._api.deploy(shares, bundle.message, force=True)

    def _set_routes(self) -> None:
        if not self._routes:
            return
        # Last, so that a route never leads to a worker that is not there.
        mine = [one for one in self._routes.routes() if one.script == self._api.worker]
        for pattern in self._patterns:
            if pattern not in {route.pattern for route in mine}:
                self._routes.add(pattern, self._api.worker)
        for route in mine:
            if route.pattern not in self._patterns:
                self._routes.remove(route)

    def _shown(self, state: _State) -> WorkerStatus:
        shares = state.live.versions if state.live else ()
        running = [self._running(state.versions.get(one.version_id), one) for one in shares]
        return WorkerStatus(
            target=self.name,
            worker=self._api.worker,
            running=tuple(sorted(running, key=lambda one: -one.share)),
            since=state.live.created_on if state.live else None,
            previous=state.before(),
        )

    def _running(self, version: Version | None, share: Share) -> RunningVersion:
        tag = parse_tag(version.tag) if version else None
        return RunningVersion(
            version=share.version_id,
            share=share.percentage,
            uploaded_at=str(version.metadata.get("created_on", "")) if version else "",
            tables=tag.tables if tag else None,
            digest=str(tag) if tag else None,
        )

    def variables(self, status: WorkerStatus) -> list[dict[str, str]]:
        """Return the variables of each version that runs, without secrets."""
        return [variables_of(self._api.resources(one.version)) for one in status.running]

    def _is(self, running: RunningVersion, bundle: WorkerBundle) -> bool:
        return running.digest == str(bundle.tag)
