"""Akamai's APIs of a project's local edge, over the values that it serves."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from starlette.types import ASGIApp

from control_plane.deploy.akamai.edgerc import read_edgerc
from control_plane.emulator.akamai_api.api import AkamaiApi
from control_plane.emulator.akamai_api.auth import ApiClient, new_client
from control_plane.emulator.akamai_api.edgekv import NewNamespace
from control_plane.emulator.akamai_api.items import Shelf
from control_plane.emulator.options import LocalApp
from control_plane.emulator.store import Store
from control_plane.errors import InputError
from control_plane.settings import Project

EDGERC_FILE, SECTION = "edgerc", "default"
#: Where nothing is set, the shelf of this machine.
NAMESPACE, EDGEWORKER = "frontshelf", 1
#: A rehearsal need not take minutes: seconds after which an activation reaches each state.
PHASES = (("COMPLETE", 9.0), ("IN_PROGRESS", 3.0), ("PENDING", 1.0), ("PRESUBMIT", 0.0))


def local_client(project: Project) -> ApiClient:
    """Return the API client of a project's local edge, always the same."""
    try:
        credentials = read_edgerc(project.local / EDGERC_FILE, SECTION)
    except InputError:
        return new_client("127.0.0.1")
    return ApiClient(credentials=credentials)


def local_app(project: Project, client: ApiClient) -> LocalApp:
    """Return the APIs to mount; EdgeKV holds the project's namespace, EdgeWorkers its id."""
    akamai = project.settings.akamai
    shelf = Shelf(akamai.network, akamai.namespace or NAMESPACE, akamai.group)

    def make(store: Store) -> ASGIApp:
        api = AkamaiApi(store, [client], shelf=shelf)
        api.edgekv.prepare(NewNamespace(shelf.namespace, 0))
        api.edgeworkers.records.ensure(akamai.edgeworker_id or EDGEWORKER, "frontshelf")
        api.edgeworkers.phases = PHASES
        return api

    told = {
        "credentials": f".local/{EDGERC_FILE}",
        "network": shelf.network,
        "namespace": shelf.namespace,
        "group": shelf.group,
    }
    return LocalApp(name="akamai", paths=("edgekv", "edgeworkers"), make=make, told=told)


def write_edgerc(project: Project, client: ApiClient, url: str) -> Path:
    """Write the client's credentials, with where the APIs are now, for their owner alone."""
    known = msgspec.structs.replace(client.credentials, host=urlsplit(url).netloc)
    file = project.local / EDGERC_FILE
    partial = file.with_name(f".{EDGERC_FILE}.{os.getpid()}")
    fields = ("host", "client_token", "client_secret", "access_token")
    text = "".join(f"{name} = {getattr(known, name)}\n" for name in fields)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"[{SECTION}]\n{text}")
    partial.replace(file)
    return file
