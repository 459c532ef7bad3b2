"""A worker of a test's own around the bundle's core and extras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from control_plane.deploy.wrangler import read_wrangler
from control_plane.emulator.options import Options

BUNDLE = Path(__file__).parents[1] / "edge_bundle"
SHARED = ("core/*.js", "extras/*.js", "cloudflare/*.js", "incoming.js", "load.js")
PLATFORM = Path(__file__).with_name("kept_values.js")


def around_core(main: Path, **more: Any) -> Options:
    """Return options for a worker whose `main` has the bundle's modules as its neighbours.

    Beside them stands `kept_values.js`, a platform of the test's own.
    """
    files = [file for pattern in SHARED for file in BUNDLE.glob(pattern)]
    modules = {file.relative_to(BUNDLE).as_posix(): file.read_bytes() for file in files}
    return Options(
        modules={**modules, **{file.name: file.read_bytes() for file in (PLATFORM, main)}},
        main=main.name,
        rules=read_wrangler(BUNDLE / "wrangler.jsonc").rules,
        find_additional_modules=True,
        **more,
    )
