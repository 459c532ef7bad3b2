"""Opens the target that `--target` names; only here does a target meet the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from control_plane.cli.options import target_choice
from control_plane.deploy.akamai.api import AkamaiApi
from control_plane.deploy.akamai.edgekv import GRANT, MISSING, AkamaiKV, checked_name
from control_plane.deploy.akamai.edgerc import load_credentials
from control_plane.deploy.akamai.pace import Pace
from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.folder import Folder
from control_plane.deploy.target import Target
from control_plane.emulator.dev import local_api
from control_plane.errors import InputError
from control_plane.keyring import credential
from control_plane.settings import Project

TARGETS = ("local", "cloudflare", "akamai", "folder")
TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"

#: Those that other machines may deploy to, so that a person is asked first.
REMOTE = ("cloudflare", "akamai")
#: Akamai's.
NETWORKS: tuple[Literal["staging", "production"], ...] = ("staging", "production")

#: Adds `--target`.
target_option = target_choice(TARGETS, "Where releases live.")


@contextmanager
def open_target(project: Project, name: str) -> Iterator[Target]:
    """Yield the named target; raise InputError when its settings or credentials are missing."""
    if name == "folder":
        yield Folder(project.local / "folder")
    elif name == "local":
        with (
            local_api(project) as api,
            CloudflareKV(
                api.base_url, api.token, api.account_id, api.namespace_id, name="local"
            ) as target,
        ):
            yield target
    elif name == "akamai":
        with open_edgekv(project) as target:
            yield target
    else:
        with _cloudflare(project) as target:
            yield target


def open_edgekv(project: Project) -> AkamaiKV:
    """Return the project's place in EdgeKV; raise InputError when settings or secrets are missing.

    Each network has a history of its own: production's is that of `akamai`.
    """
    settings = project.settings.akamai
    checked_name("namespace", settings.namespace, 32)
    api = AkamaiApi(
        load_credentials(settings.edgerc_section),
        base_url=settings.base_url,
        grant=GRANT,
        missing=MISSING,
        pace=Pace(settings.calls_per_second),
    )
    name = name_on(settings.network)
    return AkamaiKV(api, settings.network, settings.namespace, settings.group, name=name)


def recorded(project: Project, name: str) -> str:
    """Return the name that a target's history is kept by."""
    return name_on(project.settings.akamai.network) if name == "akamai" else name


@contextmanager
def open_recorded(project: Project, record: str) -> Iterator[Target]:
    """Yield the target that a history is of, on whichever of Akamai's networks."""
    for network in NETWORKS:
        if record == name_on(network):
            akamai = msgspec.structs.replace(project.settings.akamai, network=network)
            settings = msgspec.structs.replace(project.settings, akamai=akamai)
            with open_edgekv(msgspec.structs.replace(project, settings=settings)) as target:
                yield target
            return
    with open_target(project, record) as target:
        yield target


def name_on(network: str) -> str:
    """Return what Akamai is called in histories and reports, by network."""
    return "akamai" if network == "production" else f"akamai-{network}"


def _cloudflare(project: Project) -> CloudflareKV:
    token = cloudflare_token(project, "Workers KV Storage: Edit", "account_id", "namespace_id")
    settings = project.settings.cloudflare
    return CloudflareKV(settings.base_url, token, settings.account_id, settings.namespace_id)


def cloudflare_token(project: Project, permission: str, *fields: str) -> str:
    """Return the API token; raise InputError when it, or one of the settings, is missing."""
    settings = project.settings.cloudflare
    for field in fields:
        if not getattr(settings, field):
            raise InputError(
                "not set",
                file=project.root / "frontshelf.toml",
                field=f"cloudflare.{field}",
                remedy="Copy it from the Cloudflare dashboard (docs/deploy.md).",
            )
    token = credential(TOKEN_VARIABLE)
    if not token:
        raise InputError(
            f"{TOKEN_VARIABLE} is not in the environment",
            remedy=f"Make a token with '{permission}' and export it, or keep it in the system's "
            "keyring (docs/deploy.md).",
        )
    return token
