"""Opens the worker at the platform that `--target` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from control_plane.cli.options import target_choice
from control_plane.cli.targets import cloudflare_token
from control_plane.deploy.cloudflare import checked_id
from control_plane.deploy.trust import refuse_unbelieved
from control_plane.deploy.worker_api import FORBIDDEN, RoutesApi, WorkersApi
from control_plane.deploy.worker_cloudflare import CloudflareWorker
from control_plane.deploy.worker_target import WorkerTarget, unknown_tables
from control_plane.emulator.dev import local_api
from control_plane.errors import PlatformError
from control_plane.settings import Project
from control_plane.tables import FORMAT

WORKER_TARGETS = ("local", "cloudflare")
PERMISSION = "Workers Scripts: Edit"

#: Adds `--target`.
worker_target_option = target_choice(
    WORKER_TARGETS, "Where the worker runs; local is the API of this machine, for rehearsals."
)


@contextmanager
def open_worker(project: Project, name: str) -> Iterator[WorkerTarget]:
    """Yield the worker at a platform; raise InputError when settings or credentials are missing."""
    settings = project.settings.cloudflare
    worker = checked_id("worker_name", settings.worker_name)
    if name == "local":
        with (
            local_api(project) as local,
            closing(WorkersApi(local.base_url, local.token, local.account_id, worker)) as api,
        ):
            yield CloudflareWorker(project, api, local.namespace_id, name="local")
        return
    zone = ("zone_id",) if settings.routes else ()
    token = cloudflare_token(project, PERMISSION, "account_id", "namespace_id", *zone)
    account = checked_id("account_id", settings.account_id)
    routes = (
        RoutesApi(settings.base_url, token, checked_id("zone_id", settings.zone_id))
        if settings.routes
        else None
    )
    api = WorkersApi(settings.base_url, token, account, worker)
    with closing(CloudflareWorker(project, api, settings.namespace_id, routes)) as target:
        yield target


def check_live_worker(project: Project, target_name: str) -> None:
    """Refuse what the live worker is too old for, or would not believe; say so when nobody knows.

    Raises TableError for tables, InputError for keys.
    """
    if target_name != "cloudflare":
        return
    try:
        with open_worker(project, target_name) as worker:
            status = worker.status()
            unknown = unknown_tables(status, FORMAT)
            if isinstance(worker, CloudflareWorker):
                refuse_unbelieved(worker.variables(status), project)
    except PlatformError as error:
        # A worker leaves alone what it can't read, so not knowing must not hold a release up.
        unknown = str(error).splitlines()[0]
        if error.status in FORBIDDEN:
            unknown = "the token may not read workers (permission 'Workers Scripts: Read')"
    if unknown:
        said = f"{unknown}: whether it reads tables of format {FORMAT} is not checked."
        click.echo(f"frontshelf: {said}", err=True)
