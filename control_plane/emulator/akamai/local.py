"""A project's code bundle for this machine, and what to run it with."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.types import ASGIApp

from control_plane.deploy.akamai.bundle import bundle_files
from control_plane.emulator.akamai.run import COLLECTOR, akamai_options
from control_plane.emulator.options import Options
from control_plane.emulator.variables import edge_variables
from control_plane.settings import Project

NAMESPACE, GROUP = "frontshelf", "local"


def local_akamai(
    project: Project, trust_loopback: bool, strict: bool, collect: ASGIApp, **more: Any
) -> Options:
    """Return options for a Miniflare that runs the project's bundle for Akamai.

    Raises InputError when keys are missing.
    """
    token = secrets.token_urlsafe(16)
    settings = {
        **edge_variables(project, trust_loopback, strict=strict),
        "COLLECT_URL": COLLECTOR,
        "EDGEKV_NAMESPACE": NAMESPACE,
        "EDGEKV_GROUP": GROUP,
    }
    bundle = bundle_files(settings, {f"namespace-{NAMESPACE}": {"value": token}}, "local")
    return akamai_options(
        bundle, namespace=NAMESPACE, group=GROUP, token=token, collect=collect, **more
    )
