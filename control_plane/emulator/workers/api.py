"""Cloudflare's Workers API v4 of an account: scripts and what belongs to them."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
from starlette.responses import Response

from control_plane.deploy.modules import Module
from control_plane.emulator.call import Call, no_endpoint, page_of, success
from control_plane.emulator.limits import Refusal
from control_plane.emulator.store import Store
from control_plane.emulator.workers import deployments, shown
from control_plane.emulator.workers.limits import (
    DEPLOYABLE_VERSIONS,
    SERVICE_NOT_FOUND,
    WORKER_NOT_FOUND,
    check_name,
)
from control_plane.emulator.workers.records import Records, Version, Worker, new_id
from control_plane.emulator.workers.routes import assign_routes
from control_plane.emulator.workers.secrets import change_secrets, secret_named
from control_plane.emulator.workers.settings import (
    all_settings,
    change_settings,
    script_settings,
    with_settings,
)
from control_plane.emulator.workers.upload import (
    Upload,
    bindings_of,
    new_version,
    read_upload,
)

SUBDOMAIN = "frontshelf"
PER_PAGE, LARGEST_PAGE = 10, 100


class NewSubdomain(msgspec.Struct):
    """Whether a worker, and previews of its versions, answer below workers.dev."""

    enabled: bool
    previews_enabled: bool | None = None


class WorkersApi:
    """Answers calls below `accounts/{account}/workers`; `plan` is whose limits hold."""

    def __init__(self, store: Store, plan: str = "free") -> None:
        self.records, self.clock, self.plan = Records(store), store.clock, plan
        # Two uploads at once must not take one number.
        self._lock = threading.Lock()

    def answer(self, call: Call) -> Response:
        """Answer a call; raise Refusal as the platform would."""
        with self._lock:
            return self._answer(call)

    def _answer(self, call: Call) -> Response:
        match call.method, call.path:
            case "GET", ("subdomain",):
                return success({"subdomain": SUBDOMAIN})
            case "GET", ("scripts",):
                every = self.records.workers()
                return success([shown.worker(one, self._versions(one.name)[0]) for one in every])
            case "GET", ("services", name):
                worker = self._worker(name, SERVICE_NOT_FOUND)
                return success(shown.service(worker, self._versions(name)[0]))
            case ("DELETE", ("services" | "scripts", name)):
                self.records.delete(self._worker(name).name)
                return success(None)
            case "PUT", ("scripts", name):
                return success(self._put(name, call))
            case "POST", ("scripts", name, "versions"):
                return success(shown.full_version(self._add_version(name, call)))
            case _, ("scripts", name, *_):
                return self._script(self._worker(name), call.below(2))
        raise no_endpoint()

    def _script(self, worker: Worker, call: Call) -> Response:
        versions = self._versions(worker.name)
        match call.method, call.path:
            case "GET", () | ("content", "v2"):
                return self._content(worker, versions, call.query.get("version"))
            case "GET", ("settings",):
                return success(all_settings(worker, versions[0]))
            case ("GET", ("script-settings",)):
                return success(script_settings(worker))
            case ("PATCH", ("script-settings",)):
                changed = with_settings(worker, call.json(dict[str, Any]))
                self.records.save(changed)
                return success(script_settings(changed))
            case "PATCH", ("settings",):
                return success(self._change_settings(worker, versions[0], call))
            case "GET", ("versions",):
                return self._list_versions(versions, call.query)
            case "GET", ("versions", id):
                return success(shown.full_version(deployments.version_of(versions, id)))
            case "PUT" | "GET" | "DELETE" | "PATCH", ("secrets", *_):
                return self._secrets(worker, versions, call)
            case _, ("deployments", *_):
                return self._deployments(worker, versions, call)
            case "GET" | "POST" | "DELETE", ("subdomain",):
                return success(self._subdomain(worker, call))
            case "PUT", ("routes",):
                return success(assign_routes(self.records, worker.name, call))
        raise no_endpoint()

    def _put(self, name: str, call: Call) -> dict[str, Any]:
        worker, version, upload = self._received(name, call)
        deployment = deployments.everyone(version, self.clock(), call.client, "upload")
        self.records.save(worker, version, upload.modules, deployment)
        return {
            **shown.worker(worker, version),
            "deployment_id": version.id.replace("-", ""),
            "startup_time_ms": shown.STARTUP_MS,
        }

    def _add_version(self, name: str, call: Call) -> Version:
        self._worker(name)
        worker, version, upload = self._received(name, call)
        self.records.save(worker, version, upload.modules)
        return version

    def _received(self, name: str, call: Call) -> tuple[Worker, Version, Upload]:
        check_name(name)
        upload = read_upload(call.parts(), self.plan)
        before = self.records.versions(name)
        strict = call.query.get("bindings_inherit") == "strict"
        old = before[0].bindings if before else ()
        bindings = bindings_of(upload.metadata, old, self.plan, strict=strict)
        now, number = self.clock(), before[0].number + 1 if before else 1
        version = new_version(upload, bindings, number, now, call.client)
        worker = self.records.worker(name) or Worker(
            name=name, tag=new_id().replace("-", ""), created=now, modified=now, source=call.client
        )
        settings = {**worker.settings, **upload.metadata.settings}
        changed = msgspec.structs.replace(
            worker, modified=now, source=call.client, settings=settings
        )
        return changed, version, upload

    def _content(self, worker: Worker, versions: list[Version], id: str | None) -> Response:
        live = self.records.deployments(worker.name)
        wanted = id or (live[0].versions[0].version_id if live else versions[0].id)
        version = deployments.version_of(versions, wanted)
        modules = self.records.modules(worker.name, version.id)
        return _form(modules, {"cf-entrypoint": version.main_module, "etag": version.etag})

    def _list_versions(self, versions: list[Version], query: dict[str, str]) -> Response:
        if query.get("deployable") == "true":
            able = versions[:DEPLOYABLE_VERSIONS]
            return success({"items": [shown.listed_version(one) for one in able]})
        page, info = page_of(versions, query, PER_PAGE, LARGEST_PAGE)
        return success({"items": [shown.listed_version(one) for one in page]}, info)

    def _secrets(self, worker: Worker, versions: list[Version], call: Call) -> Response:
        match call.method, call.path[1:]:
            case "GET", ():
                return success(shown.secret_names(versions[0].bindings))
            case "GET", (name,):
                return success(secret_named(versions[0], name))
        live = self.records.deployments(worker.name)
        version, result = change_secrets(versions[0], live, call, self.clock(), self.plan)
        self._save_changed(worker, version, versions[0], "secret")
        return success(result)

    def _change_settings(self, worker: Worker, newest: Version, call: Call) -> dict[str, Any]:
        live = self.records.deployments(worker.name)
        worker, version = change_settings(worker, newest, live, call, self.clock(), self.plan)
        self._save_changed(worker, version, newest, "settings")
        return all_settings(worker, version)

    def _save_changed(self, worker: Worker, version: Version, newest: Version, why: str) -> None:
        """Keep a version of the modules of the one before, and let it serve everyone."""
        modules = self.records.modules(worker.name, newest.id)
        deployment = deployments.everyone(version, self.clock(), version.source, why)
        self.records.save(worker, version, modules, deployment)

    def _deployments(self, worker: Worker, versions: list[Version], call: Call) -> Response:
        made = self.records.deployments(worker.name)
        match call.method, call.path[1:]:
            case "GET", ():
                page, info = page_of(made, call.query, LARGEST_PAGE, LARGEST_PAGE)
                return success({"deployments": [shown.deployment(one) for one in page]}, info)
            case "GET", (id,):
                for one in made:
                    if one.id == id:
                        return success(shown.deployment(one))
                raise Refusal(f"Deployment {id} not found.", 404, WORKER_NOT_FOUND)
            case "POST", ():
                live = made[0] if made else None
                deployment = deployments.read_deployment(call, versions, live, self.clock())
                self.records.save(worker, deployment=deployment)
                return success(shown.deployment(deployment))
        raise no_endpoint()

    def _subdomain(self, worker: Worker, call: Call) -> dict[str, bool]:
        if call.method != "GET":
            wanted = call.json(NewSubdomain) if call.method == "POST" else NewSubdomain(False)
            previews = wanted.previews_enabled
            worker = msgspec.structs.replace(
                worker,
                on_subdomain=wanted.enabled,
                previews=wanted.enabled if previews is None else previews,
            )
            self.records.save(worker)
        return {"enabled": worker.on_subdomain, "previews_enabled": worker.previews}

    def _worker(self, name: str, code: int = WORKER_NOT_FOUND) -> Worker:
        worker = self.records.worker(name)
        if worker is None:
            raise Refusal("This Worker does not exist on your account.", 404, code)
        return worker

    def _versions(self, name: str) -> list[Version]:
        return self.records.versions(name)


def _form(modules: tuple[Module, ...], headers: dict[str, str]) -> Response:
    types = {"esModule": "application/javascript+module", "text": "text/plain"}
    boundary = new_id()
    body = b""
    for module in modules:
        kind = types.get(module.kind, "application/octet-stream")
        heading = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{module.name}"; '
            f'filename="{module.name}"\r\nContent-Type: {kind}\r\n\r\n'
        )
        body += heading.encode() + module.source + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return Response(body, headers=headers, media_type=f"multipart/form-data; boundary={boundary}")
