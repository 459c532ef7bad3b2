"""What to start workerd with, so that it runs an Akamai code bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp

from control_plane.emulator.akamai.edgekv import EdgeKV
from control_plane.emulator.akamai.modules import MAIN, emulated_modules
from control_plane.emulator.options import Options, namespace_id
from control_plane.emulator.usage import Allowance
from control_plane.emulator.view import ViewedStore
from control_plane.emulator.wire import KVWire

#: The namespace that holds the values, whichever platform reads them.
BINDING = "SHELF"
#: Where a bundle reaches the local collector.
COLLECTOR = "https://collect.frontshelf.local"


#: What a request may use on the Dynamic tier, as far as it can be measured from outside. Its
#: 4 MB of memory cannot.
DYNAMIC = Allowance(cpu_ms=200, script_mb=0.512, subrequests=50)


class AkamaiLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of responseProvider that depend on the machine; the others are always kept."""

    wall_seconds: float = 8.0
    allowance: Allowance = DYNAMIC


def akamai_options(
    bundle: Mapping[str, bytes],
    *,
    namespace: str,
    group: str,
    token: str,
    **more: Any,
) -> Options:
    """Return options for a Miniflare that runs a bundle's files over the values of other platforms.

    They stand at one place of EdgeKV. What else there is, and raises: `bundle_options`.
    """

    def edgekv(store: ViewedStore) -> ASGIApp:
        return EdgeKV(KVWire(store, namespace_id(BINDING)), namespace, group, token)

    return bundle_options(bundle, edgekv, **more)


def bundle_options(
    bundle: Mapping[str, bytes],
    edgekv: Callable[[ViewedStore], ASGIApp],
    *,
    property_variables: Mapping[str, str] | None = None,
    collect: ASGIApp | None = None,
    origin: str | ASGIApp | None = None,
    persist: Path | None = None,
    limits: AkamaiLimits | None = None,
    **more: Any,
) -> Options:
    """Return options for a Miniflare that runs a bundle's files; `edgekv` makes what it reads.

    `property_variables` are the property's PMUSER_ variables. What the bundle sends to
    COLLECTOR goes to `collect`. Raises InputError for a bundle without
    main.js.
    """
    kept = limits or AkamaiLimits()
    return Options(
        modules=emulated_modules(bundle),
        main=MAIN,
        # Requests are told apart by what Node's AsyncLocalStorage knows.
        compatibility_flags=("nodejs_als",),
        kv_namespaces=(BINDING,),
        store_services={"EDGEKV": edgekv},
        services={"COLLECT": collect} if collect else {},
        variables={
            "PROPERTY": dict(property_variables or {}),
            "WALL_MS": round(kept.wall_seconds * 1000),
        },
        allowance=kept.allowance,
        origin=origin,
        persist=persist,
        **more,
    )
