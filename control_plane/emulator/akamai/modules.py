"""Puts EdgeWorkers' built-in modules beside a bundle's files, under the names it imports."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from importlib.resources import files

from control_plane.errors import InputError

#: Built-in module -> what stands for it here.
BUILT_IN = (
    "cookies", "create-response", "crypto", "encoding", "html-rewriter", "http-request", "log",
    "streams", "text-encode-transform", "url-search-params",
)  # fmt: skip
#: Where the emulator's own modules stand; no bundle has such a folder.
HOST = "frontshelf-host"
MAIN = f"{HOST}/entry.js"
_DEFAULT_EXPORTS = ("url-search-params",)
_IMPORT = re.compile(r"""\bfrom\s*(["'])(?P<name>[^"'\n]+)\1""")


def emulated_modules(bundle: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return all modules to run a bundle with; `MAIN` is the one to start.

    Raises InputError when the bundle has no main.js.
    """
    if "main.js" not in bundle:
        raise InputError("a code bundle needs a main.js", field="bundle")
    code = {name: source for name, source in bundle.items() if name.endswith(".js")}
    aliases = _aliases(code)
    folder = files("control_plane.emulator.akamai")
    ours = {f"{HOST}/{file.name}": file.read_bytes() for file in folder.iterdir() if _is_js(file)}
    imports = "".join(f'import "../{name}";\n' for name in aliases)
    return {**code, **aliases, **ours, f"{HOST}/built-in.js": imports.encode()}


def _is_js(file: object) -> bool:
    return str(getattr(file, "name", "")).endswith(".js")


def _aliases(code: Mapping[str, bytes]) -> dict[str, bytes]:
    # workerd resolves a bare name in the importing file's folder, so each folder needs its own.
    aliases = {}
    for name, source in code.items():
        home = posixpath.dirname(name)
        up = "../" * (home.count("/") + 1) if home else "./"
        for match in _IMPORT.finditer(source.decode("utf-8")):
            wanted = match["name"]
            if wanted in BUILT_IN:
                aliases[posixpath.join(home, wanted)] = _alias(wanted, up)
    return aliases


def _alias(name: str, up: str) -> bytes:
    target = f"{up}{HOST}/{name}.js"
    text = f'export * from "{target}";\n'
    if name in _DEFAULT_EXPORTS:
        text += f'export {{ default }} from "{target}";\n'
    return text.encode()
