"""Akamai as a platform that runs the worker: one EdgeWorker, on one of the two networks."""

from __future__ import annotations

import logging

import msgspec

from control_plane.deploy.akamai.bundle import COMPRESSED_BYTES
from control_plane.deploy.akamai.edgeworkers import COMPLETE, UNDER_WAY, EdgeWorkersApi, Move
from control_plane.deploy.akamai.upload import (
    TOKEN,
    EdgeWorkerBundle,
    Uploaded,
    make_edgeworker_bundle,
    read_uploaded,
)
from control_plane.deploy.cloudflare.changes import differing
from control_plane.deploy.lock import Lock, deployment_lock
from control_plane.deploy.worker_settings import worker_secrets
from control_plane.deploy.worker_target import (
    Change,
    RunningVersion,
    WorkerPlan,
    WorkerStatus,
)
from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project

log = logging.getLogger(__name__)

#: How often an activation is looked at, and when it is left to go on by itself.
LOOK_SECONDS, DEADLINE_SECONDS = 10.0, 1800.0


class _State(msgspec.Struct, frozen=True):
    """What the platform says before anything is changed; `moves` are of one network."""

    versions: dict[str, str]
    moves: list[Move]

    @property
    def active(self) -> Move | None:
        """The activation that serves now."""
        done = [move for move in self.moves if move.status == COMPLETE]
        return done[-1] if done and not done[-1].deactivationId else None

    def serves(self, version: str) -> bool:
        """Whether a version serves this network."""
        return self.active is not None and self.active.version == version

    def under_way(self, version: str) -> Move | None:
        """Return the activation of a version that is on its way."""
        for move in reversed(self.moves):
            if move.version == version and move.activationId and move.status in UNDER_WAY:
                return move
        return None

    def before(self) -> str | None:
        """Return what a rollback goes back to: the last that served and is there, but for now."""
        now = self.active.version if self.active else None
        for move in reversed(self.moves):
            served = move.activationId and move.status == COMPLETE
            if served and move.version != now and move.version in self.versions:
                return move.version
        return None


class AkamaiWorker:
    """One EdgeWorker on the network that the settings name; a version serves everyone or nobody."""

    def __init__(self, project: Project, api: EdgeWorkersApi, *, name: str = "akamai") -> None:
        self.name = name
        self._project, self._api = project, api
        self._network = project.settings.akamai.network
        self._known: dict[str, Uploaded] = {}

    def plan(self, share: float = 100.0) -> WorkerPlan:
        """Say what an upload would change; change nothing."""
        if share < 100:
            raise InputError(
                f"{share:g}%: an EdgeWorker's version serves everyone on a network, or nobody",
                field="--share",
                remedy="Leave --share out and try the version on staging first. A release can be "
                "shown to a share of the devices: 'frontshelf deploy --canary'.",
            )
        return self._plan(self._bundle(), self._state())

    def carry_out(self, plan: WorkerPlan) -> WorkerStatus:
        """Do what a plan of this target says, wait until it serves; return what runs then."""
        with deployment_lock(self._project, self.name) as lock:
            bundle, state = self._bundle(), self._state()
            if self._plan(bundle, state) != plan:
                raise PlatformError(
                    f"{self.name}: EdgeWorker {plan.worker} was changed since the plan was made. "
                    "Run the command again and look at the new plan."
                )
            if not plan.nothing_to_do:
                self._refuse_untried(bundle)
                if plan.version is None:
                    self._upload(bundle)
                self._activate(bundle.version, state, lock)
        status = self.status()
        if not any(one.version == bundle.version for one in status.running):
            raise PlatformError(
                f"{self.name}: EdgeWorker {plan.worker} does not run as it was deployed. Somebody "
                "may have changed it meanwhile: look with 'frontshelf worker status'."
            )
        return status

    def status(self) -> WorkerStatus:
        """Say what runs on the network."""
        state = self._state()
        active = state.active
        return WorkerStatus(
            target=self.name,
            worker=str(self._api.edgeworker),
            running=(self._running(active.version, state),) if active else (),
            since=(active.lastModifiedTime or active.createdTime) if active else None,
            previous=state.before(),
        )

    def roll_back(self, *, old_secrets: bool = False) -> WorkerStatus:
        """Activate the version that served the network before."""
        with deployment_lock(self._project, self.name) as lock:
            state = self._state()
            version = state.before()
            if version is None:
                raise InputError(
                    f"{self.name}: no other version of EdgeWorker {self._api.edgeworker} ever "
                    f"served {self._network}",
                    remedy="'frontshelf worker upload' uploads the one of this installation.",
                )
            if not old_secrets and state.active:
                self._refuse_old_secrets(version, state.active.version)
            self._activate(version, state, lock)
        return self.status()

    def variables(self, status: WorkerStatus) -> list[dict[str, str]]:
        """Return the variables of each version that runs, without secrets."""
        uploaded = [self._uploaded(one.version) for one in status.running]
        secret = worker_secrets(self._project).keys()
        return [
            {name: text for name, text in one.settings.items() if name not in secret}
            for one in uploaded
            if one.tag is not None
        ]

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _bundle(self) -> EdgeWorkerBundle:
        return make_edgeworker_bundle(self._project)

    def _state(self) -> _State:
        versions = {one.version: one.createdTime for one in self._api.versions()}
        return _State(versions, self._api.moves(self._network))

    def _plan(self, bundle: EdgeWorkerBundle, state: _State) -> WorkerPlan:
        there = bundle.version in state.versions
        serves = state.serves(bundle.version)
        files = bundle.files
        return WorkerPlan(
            target=self.name,
            worker=str(self._api.edgeworker),
            files=files,
            bytes=sum(file.bytes for file in files),
            gzipped=len(bundle.packed),
            limit=COMPRESSED_BYTES,
            tables=bundle.tag.tables,
            digest=str(bundle.tag),
            changes=() if serves else self._changes(bundle, state),
            version=bundle.version if there else None,
            share=100.0,
            share_now=100.0 if serves else 0.0,
        )

    def _changes(self, bundle: EdgeWorkerBundle, state: _State) -> tuple[Change, ...]:
        """Return what the bundle changes against what serves the network."""
        now = self._uploaded(state.active.version) if state.active else Uploaded(None, {}, "")
        old, new = now.tag, bundle.tag
        secrets = bundle.secrets
        # What this version does not know may be a secret of another's making.
        shown = {
            name: text if name in bundle.variables else "set"
            for name, text in now.settings.items()
            if name not in secrets
        }
        renewed = old is None or old.secrets != new.secrets
        return (
            *differing("code", {"modules": old.code} if old else {}, {"modules": new.code}),
            *differing(
                "code", {"tables": str(old.tables)} if old else {}, {"tables": str(new.tables)}
            ),
            *differing("variable", shown, bundle.variables),
            *differing("binding", _token(now.token_reference), _token(bundle.token_reference)),
            *(
                Change(kind="secret", name=name, before="set" if old else None, after="set")
                for name in (secrets if renewed else ())
            ),
        )

    def _upload(self, bundle: EdgeWorkerBundle) -> None:
        try:
            self._api.upload(bundle.packed)
        except PlatformError as error:
            if error.status != 400:
                raise
            # A call that was answered too late is refused when it is made again.
            if bundle.version not in {one.version for one in self._api.versions()}:
                raise PlatformError(
                    f"{error}\n  If version {bundle.version} was deleted at Akamai, its name can't "
                    "be used again: change a setting of the worker, or its secrets.",
                    error.status,
                ) from error

    def _activate(self, version: str, state: _State, lock: Lock) -> None:
        move = state.under_way(version)
        if move is None:
            lock.confirm()
            try:
                move = self._api.activate(version, self._network)
            except PlatformError as error:
                again = self._state()
                if error.status != 400 or not (again.serves(version) or again.under_way(version)):
                    raise
                move = again.under_way(version) or again.active
        if move is not None:
            self._wait(move, lock)

    def _wait(self, move: Move, lock: Lock) -> None:
        waited = 0.0
        while move.status in UNDER_WAY:
            if waited >= DEADLINE_SECONDS:
                raise PlatformError(
                    f"{self.name}: activation {move.activationId} of version {move.version} is "
                    f"{move.status} after {DEADLINE_SECONDS / 60:g} minutes.\n"
                    "  It goes on by itself: look with 'frontshelf worker status', or run the "
                    "command again to wait on."
                )
            log.info("activation %s is %s", move.activationId, move.status)
            self._api.api.retry.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            lock.keep()
            move = self._api.activation(move.activationId)
        if move.status != COMPLETE:
            raise PlatformError(
                f"{self.name}: activation {move.activationId} of version {move.version} ended as "
                f"{move.status}; what served before goes on serving.\n"
                "  Look at it in Akamai Control Center, then run the command again."
            )

    def _refuse_untried(self, bundle: EdgeWorkerBundle) -> None:
        if self._network != "production":
            return
        staging = _State({}, self._api.moves("staging"))
        if not staging.serves(bundle.version):
            raise InputError(
                f"version {bundle.version} does not run on staging yet",
                field="--network",
                remedy="Run 'frontshelf worker upload --target akamai --network staging' first, "
                "look at your pages there, then run this again.",
            )

    def _refuse_old_secrets(self, version: str, active: str) -> None:
        then, now = self._uploaded(version).tag, self._uploaded(active).tag
        if then is None or now is None or then.secrets != now.secrets:
            raise PlatformError(
                f"{self.name}: version {version} has its own, older secrets (or nobody knows).\n"
                "  Run the command again with --old-secrets if they may be used, else fix forward "
                "with 'frontshelf worker upload'."
            )

    def _uploaded(self, version: str) -> Uploaded:
        if version not in self._known:
            self._known[version] = read_uploaded(self._api.content(version))
        return self._known[version]

    def _running(self, version: str, state: _State) -> RunningVersion:
        tag = self._uploaded(version).tag
        return RunningVersion(
            version=version,
            share=100.0,
            uploaded_at=state.versions.get(version, ""),
            tables=tag.tables if tag else None,
            digest=str(tag) if tag else None,
        )


def _token(reference: str) -> dict[str, str]:
    return {TOKEN: reference} if reference else {}
