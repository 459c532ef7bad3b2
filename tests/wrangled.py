"""What an unmodified wrangler makes of the bundle: bundled and minified, ready to upload."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from control_plane.deploy.wrangler import read_wrangler
from control_plane.emulator.binary import find_workerd, platform_name
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.npm import lay_out, node_command
from control_plane.emulator.options import Options

BUNDLE = Path(__file__).parents[1] / "edge_bundle"
WRANGLE_SECONDS = 120

#: All that a dry run loads. The workerd it looks for is ours; its bundler's program is by platform.
WRANGLER = {
    "wrangler@4.86.0": (
        "9aa/gbF/HiUeeUEwyQpW5LDPBEzyt7iaE6xHwm0vk2Ly8A6J+jh03pzchqVnCCWR832mNyA28MD8oAYt0Kfvlw=="
    ),
    "miniflare@4.20260426.0": (
        "KM+v76d04qT+NsPfVKVQEgnnuLNE3uzCCl2QKMTJ5OXor5JbBm1vpkQwQ+l7o5ELCrZ74RnyKhJKLiJyUA39Tw=="
    ),
    "workerd@1.20260426.1": (
        "ELvGgN8c9oo+E6EPyecxk1TEf6/eAK4TxxQTW5mQ87C7jbjCzhMbg0P2ije49UBHV0dkBYPJcJvcklUltipl2A=="
    ),
    "blake3-wasm@2.1.5": (
        "F1+K8EbfOZE49dtoPtmxUQrpXaBIl3ICvasLh+nJta0xkz+9kF/7uet9fLnwKqhDrmj6g+6K3Tw9yQPUg2ka5g=="
    ),
    "undici@7.24.8": (
        "6KQ/+QxK49Z/p3HO6E5ZCZWNnCasyZLa5ExaVYyvPxUwKtbCPMKELJOqh7EqOle0t9cH/7d2TaaTRRa6Nhs4YQ=="
    ),
    "ws@8.18.0": (
        "8VbfWfHLbbwu3+N6OKsOMpBdT4kXPDDB9cJk2bJ6mh9ucxdlnNvH1e+roYkKmN9Nxw2yjz7VzeO9oOz2zJ04Pw=="
    ),
    "esbuild@0.27.3": (
        "8VwMnyGCONIs6cWue2IdpHxHnAjzxnw2Zr7MkVxB2vjmQ2ivqGFb4LEG3SMnv0Gb2F/G/2yA8zUaiL1gywDCCg=="
    ),
}
ESBUILD = {
    "linux-64": {
        "@esbuild/linux-x64@0.27.3": (
            "Czi8yzXUWIQYAtL/2y6vogER8pvcsOsk5cpwL4Gk5nJqH5UZiVByIY8Eorm5R13gq+DQKYg0+JyQoytLQas4dA=="
        ),
    },
    "linux-arm64": {
        "@esbuild/linux-arm64@0.27.3": (
            "sZOuFz/xWnZ4KH3YfFrKCf1WyPZHakVzTiqji3WDc0BCl2kBwiJLCXpzLzUBLgmp4veFZdvN5ChW4Eq/8Fc2Fg=="
        ),
    },
}


@cache
def wrangle() -> dict[str, bytes]:
    """Return the files that `wrangler deploy --dry-run --outdir` makes of edge_bundle/."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        run = Wrangler(Path(place)).run("deploy", "--dry-run", "--outdir", str(out))
        assert run.returncode == 0, run.stdout + run.stderr
        return {file.relative_to(out).as_posix(): file.read_bytes() for file in out.rglob("*.js")}


class Wrangler:
    """An unmodified wrangler in a copy of edge_bundle/, made in `place`."""

    def __init__(self, place: Path, **environment: str) -> None:
        packages = lay_out({**WRANGLER, **ESBUILD[platform_name()]}, print)
        self.folder = place / "edge_bundle"
        self.environment = environment
        shutil.copytree(BUNDLE, self.folder)
        modules = place / "node_modules"
        modules.mkdir()
        for package in (packages / "node_modules").iterdir():
            (modules / package.name).symlink_to(package)
        _lend_workerd(packages / "node_modules")
        self._program = packages / "node_modules" / "wrangler" / "bin" / "wrangler.js"

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of wrangler's."""
        node = node_command(os.environ)
        assert node, "wrangler needs node: pip install 'frontshelf[npm]'"
        return subprocess.run(
            [node, self._program, *arguments], cwd=self.folder, capture_output=True, text=True,
            timeout=WRANGLE_SECONDS, check=False, input=stdin,
            env={
                **os.environ, "WRANGLER_SEND_METRICS": "false", "CI": "true", "NO_COLOR": "1",
                **self.environment,
            },
        )  # fmt: skip


def _lend_workerd(modules: Path) -> None:
    """Put ours where wrangler looks for one; a dry run only asks whether it is there."""
    program = modules / "@cloudflare" / f"workerd-{platform_name()}" / "bin" / "workerd"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to(find_workerd(print))


def start_wrangled(**options: object) -> Miniflare:
    """Start what wrangler would upload."""
    return Miniflare(
        Options(
            modules=dict(wrangle()),
            main="cloudflare.js",
            rules=read_wrangler(BUNDLE / "wrangler.jsonc").rules,
            find_additional_modules=True,
            kv_namespaces=("SHELF",),
            **options,  # type: ignore[arg-type]
        )
    )
