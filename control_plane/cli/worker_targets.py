"""Opens the worker at the platform that `--target` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
import msgspec

from control_plane.cli.options import target_choice
from control_plane.cli.targets import NETWORKS, REMOTE, cloudflare_token, name_on
from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.edgerc import load_credentials
from control_plane.deploy.akamai.edgeworkers import GRANT, MISSING, EdgeWorkersApi
from control_plane.deploy.akamai.worker import AkamaiWorker
from control_plane.deploy.cloudflare.kv import checked_id
from control_plane.deploy.cloudflare.worker import CloudflareWorker
from control_plane.deploy.cloudflare.workers import FORBIDDEN, RoutesApi, WorkersApi
from control_plane.deploy.trust import refuse_unbelieved
from control_plane.deploy.worker_target import WorkerTarget, unknown_tables
from control_plane.emulator.dev import local_api
from control_plane.errors import InputError, PlatformError
from control_plane.settings import Project
from control_plane.tables import FORMAT

WORKER_TARGETS = ("local", "cloudflare", "akamai")
PERMISSION = "Workers Scripts: Edit"
#: What a deployment's look at the live worker needs.
READS = {
    "cloudflare": "permission 'Workers Scripts: Read'",
    "akamai": "grant 'EdgeWorkers: READ-ONLY'",
}

#: Adds `--target`.
worker_target_option = target_choice(
    WORKER_TARGETS, "Where the worker runs; local is the API of this machine, for rehearsals."
)


#: Adds `--network`.
network_option = click.option(
    "--network",
    type=click.Choice(NETWORKS),
    help="Akamai's network, instead of the one that akamai.network names.",
)


@contextmanager
def open_worker(project: Project, name: str, network: str | None = None) -> Iterator[WorkerTarget]:
    """Yield the worker at a platform; raise InputError when settings or credentials are missing."""
    if network and name != "akamai":
        raise InputError(
            f"{name} has one network only",
            field="--network",
            remedy="Leave --network out, or say --target akamai.",
        )
    if name == "akamai":
        with closing(_edgeworker(project, network)) as target:
            yield target
        return
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


def _edgeworker(project: Project, network: str | None) -> AkamaiWorker:
    replace = msgspec.structs.replace
    akamai = project.settings.akamai
    if network:
        akamai = replace(akamai, network=network)
        project = replace(project, settings=replace(project.settings, akamai=akamai))
    if not akamai.edgeworker_id:
        raise InputError(
            "not set",
            file=project.root / "frontshelf.toml",
            field="akamai.edgeworker_id",
            remedy="Make an EdgeWorker ID on the Dynamic Compute tier (docs/akamai.md).",
        )
    api = AkamaiApi(
        load_credentials(akamai.edgerc_section),
        base_url=akamai.base_url,
        grant=GRANT,
        missing=MISSING,
    )
    name = name_on(akamai.network)
    return AkamaiWorker(project, EdgeWorkersApi(api, akamai.edgeworker_id), name=name)


def check_live_worker(project: Project, target_name: str) -> None:
    """Refuse what the live worker is too old for, or would not believe; say so when nobody knows.

    Raises TableError for tables, InputError for keys.
    """
    if target_name not in REMOTE:
        return
    if target_name == "akamai" and not project.settings.akamai.edgeworker_id:
        unset = "akamai.edgeworker_id is not set: whether the worker reads these tables is not"
        click.echo(f"frontshelf: {unset} checked.", err=True)
        return
    try:
        with open_worker(project, target_name) as worker:
            status = worker.status()
            unknown = unknown_tables(status, FORMAT)
            if isinstance(worker, CloudflareWorker | AkamaiWorker):
                refuse_unbelieved(worker.variables(status), project)
    except PlatformError as error:
        # A worker leaves alone what it can't read, so not knowing must not hold a release up.
        unknown = str(error).splitlines()[0]
        if error.status in FORBIDDEN:
            unknown = f"the credentials may not read workers ({READS[target_name]})"
    if unknown:
        said = f"{unknown}: whether it reads tables of format {FORMAT} is not checked."
        click.echo(f"frontshelf: {said}", err=True)
