"""The made-up shop as a compiled project, kept so that the next run starts at once."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from control_plane.bench.rules import RULES
from control_plane.bench.shop import Size, catalogue, make_model
from control_plane.compiler.build import compile_release
from control_plane.deploy.publish import publish
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.namespace import KVNamespace
from control_plane.emulator.npm import Talk, cache_folder
from control_plane.keyring import DEVICE, load_visitor_secrets, make_keys, visitor_key
from control_plane.settings import Project, Settings, Shop

#: Compiled shops of one size that stay in the cache.
KEPT = 3


def device_id(number: int) -> str:
    """Return the device id of the shop's visitor of that number."""
    return f"{number:022d}"


def bench_project(size: Size, talk: Talk, rules: str = RULES) -> Project:
    """Return the compiled project, made when this version of the code has not made it yet."""
    root = cache_folder(os.environ) / "bench"
    kept = root / f"{size.items}-{size.visitors}-{_version(rules)}"
    settings = Settings(shop=Shop(name="bench", environment="bench"))
    if not (kept / "build" / "current").exists():
        talk(f"making a shop of {size.items:,} items and {size.visitors:,} visitors, once")
        partial = root / f".{kept.name}.{os.getpid()}"
        try:
            _compile(Project(partial, settings), size, rules, talk)
            _forget_older(root, size)
            partial.rename(kept)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return Project(kept, settings)


def _compile(project: Project, size: Size, rules: str, talk: Talk) -> None:
    make_keys(project.keys)
    project.rules.write_text(rules, encoding="utf-8")
    secrets = load_visitor_secrets(project.keys)
    secret = secrets.secrets[secrets.current]
    keys = [visitor_key(secret, DEVICE, device_id(n)) for n in range(size.visitors)]
    model = make_model(size, np.sort(np.array(keys, dtype=np.uint64)), secrets.current)
    with catalogue(size) as log:
        compile_release(project, model, log, talk)


def _version(rules: str) -> str:
    """Return a digest of the rules and of the code that makes the shop and its tables."""
    home = Path(__file__).parents[1]
    files = [home / "tables.py", home / "bench" / "shop.py", home / "bench" / "project.py"]
    files += sorted((home / "compiler").rglob("*.*"))
    files += sorted((home / "rules").glob("*.py"))
    digest = hashlib.sha256(rules.encode())
    for file in files:
        if file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _forget_older(root: Path, size: Size) -> None:
    """Keep the last few shops of a size: one a set of rules, and one of another branch."""
    kept = sorted(root.glob(f"{size.items}-{size.visitors}-*"), key=lambda f: f.stat().st_mtime)
    for old in kept[:-KEPT]:
        shutil.rmtree(old)


class _Shelf:
    """The target that is a running worker's own namespace."""

    name = "bench"

    def __init__(self, namespace: KVNamespace) -> None:
        self._namespace = namespace

    def get(self, key: str) -> bytes | None:
        value: bytes | None = self._namespace.get(key, "bytes")
        return value

    def put(self, key: str, value: bytes) -> None:
        self._namespace.put(key, value)

    def put_many(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        for key, value in pairs:
            self.put(key, value)

    def delete_many(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._namespace.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return iter([key.name for key in self._namespace.list(prefix=prefix).keys])


def publish_to(worker: Miniflare, project: Project) -> None:
    """Make the compiled shop live in a running worker's own store."""
    publish(_Shelf(worker.get_kv_namespace("SHELF")), project.build / "current", project)
