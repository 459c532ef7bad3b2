"""Checks the JSDoc types of the worker with TypeScript's compiler, which npm fetches.

core/ is checked against scripts/types/core.d.ts alone, so that it names no platform's global;
the adapters against the web's own classes and their platforms'.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from control_plane.emulator.npm import lay_out, node_command
from control_plane.errors import FrontshelfError

#: 5.6 is the last in which arrays of bytes are not told apart by what holds them.
TYPESCRIPT = {
    "typescript@5.6.3": (
        "hjcS1mhfuyi4WW8IWtjP7brDrG2cuDZukyrYrSauoXGNgx0S7zceP07adYkJycEr56BOUTNPzbInooiN3fn1qw=="
    ),
}
ROOT = Path(__file__).resolve().parents[1]
#: What pages load travels through the worker as text.
TEXTS = ("sdk.js", "consent.js")
#: What is written into an Akamai bundle beside its own files.
MADE = {
    "assets.js": 'export const sdk = "", consent = "";',
    "settings.js": "export const settings = /** @type {Record<string, any>} */ ({});",
    "edgekv_tokens.js": "export const edgekv_access_tokens = /** @type {any} */ ({});",
}
OPTIONS = {
    "allowJs": True, "checkJs": True, "strict": True, "noEmit": True, "skipLibCheck": True,
    "target": "esnext", "module": "esnext", "moduleResolution": "bundler", "types": [],
}  # fmt: skip
#: Akamai's pass is core's too: neither has more than ECMAScript and what core.d.ts names.
PASSES = {
    "akamai": (
        ["esnext"],
        ["core.d.ts", "akamai.d.ts"],
        ["akamai/*.js", "akamai/core/*.js", "akamai/extras/*.js"],
    ),
    "cloudflare": (["esnext", "webworker"], ["workers.d.ts"], ["*.js"]),
    "pages": (["esnext", "dom", "dom.iterable"], [], ["pages/*.js"]),
}


def check(bundle: Path, folder: Path) -> str:
    """Return what is wrong with a bundle's types, "" when nothing is; `folder` is scratch."""
    node = node_command(os.environ)
    if node is None:
        sys.exit("check_types: no node here. Install Node.js, or pip install 'frontshelf[npm]'.")
    packages = lay_out(TYPESCRIPT, lambda line: print(line, file=sys.stderr))
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"
    copy = folder / "edge_bundle"
    shutil.copytree(bundle, copy)
    shutil.copytree(ROOT / "scripts" / "types", copy, dirs_exist_ok=True)
    for name in TEXTS:
        (copy / name).write_text('export default "";\n')
    for name, text in MADE.items():
        (copy / "akamai" / name).write_text(text)
    for shared in ("core", "extras"):
        (copy / "akamai" / shared).symlink_to(f"../{shared}")
    said = ""
    for name, (lib, files, include) in PASSES.items():
        config = {"compilerOptions": {**OPTIONS, "lib": lib}, "include": [*files, *include]}
        (copy / f"{name}.json").write_text(json.dumps(config))
        command = [node, compiler, "-p", f"edge_bundle/{name}.json", "--pretty", "false"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        said += re.sub(r"akamai/(core|extras)/", r"\1/", run.stdout) + run.stderr
    return said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        try:
            sys.exit(check(ROOT / "edge_bundle", Path(place)) or None)
        except FrontshelfError as error:
            sys.exit(str(error))
