"""A compiled release on this machine, checked before anything of it is written elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from control_plane.deploy.head import Live
from control_plane.deploy.target import checked_key
from control_plane.envelope import MANIFEST, unseal
from control_plane.errors import InputError, TableError
from control_plane.keyring import trusted_keys
from control_plane.settings import Project
from control_plane.tables import FORMAT, digest, value_key

AGAIN = "Run 'frontshelf compile' again."


class Value(msgspec.Struct, frozen=True):
    """One value of a release: its key, raw size and kind."""

    key: str
    bytes: int
    kind: str


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What `release.json` says; `digest` is the SHA-256 of the manifest's value, hexadecimal."""

    release: str
    manifest: str
    digest: str
    format: int
    shop: str
    environment: str
    values: tuple[Value, ...]
    catalogue_at: int = 0

    @property
    def live(self) -> Live:
        """The release as a head names it."""
        return Live(
            manifest=self.manifest,
            digest=bytes.fromhex(self.digest),
            release=self.release,
            catalogue_at=self.catalogue_at,
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Raw bytes by key, of all values but the manifest."""
        return {value.key: value.bytes for value in self.values if value.key != self.manifest}


class Source(Protocol):
    """Where the values of a release come from: a build on this machine, or the archive."""

    @property
    def release(self) -> Release:
        """What is to be deployed."""

    def read(self, key: str) -> bytes:
        """Return a value's bytes; raise TableError unless they are those its key was made from."""


class Built:
    """A build folder as a source, all of it checked; `checked` is told how far that is."""

    def __init__(
        self,
        folder: Path,
        project: Project,
        checked: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._folder = folder.resolve()  # `current` may be pointed elsewhere meanwhile
        self.release = load_release(self._folder, project, checked)

    def read(self, key: str) -> bytes:
        """Return a value's bytes."""
        return read_value(self._folder, key)


def load_release(
    folder: Path, project: Project, checked: Callable[[int, int], None] = lambda done, total: None
) -> Release:
    """Read and check a build folder: InputError for another shop's, TableError for changed files.

    `checked` is told how many values of how many were read.
    """
    release = _read(folder / "release.json")
    _refuse_other_owner(release, project, folder)
    keys = release.sizes
    for number, key in enumerate(keys, start=1):
        read_value(folder, key)
        checked(number, len(keys))
    _check_manifest(folder, release, project)
    return release


def read_value(folder: Path, key: str) -> bytes:
    """Return a value's bytes; raise TableError unless they are those its key was made from."""
    file = folder / "values" / checked_key(key)
    try:
        value = file.read_bytes()
    except OSError as error:
        raise TableError(f"{file}: cannot be read ({error.strerror}). {AGAIN}") from error
    if value_key(key.partition("-")[0], value) != key:
        raise TableError(f"{file}: changed since it was compiled. {AGAIN}")
    return value


def _read(file: Path) -> Release:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Release)
    except FileNotFoundError as error:
        raise InputError(
            "nothing is compiled yet", file=file, remedy="Run 'frontshelf compile' first."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{file}: cannot be read ({error}). {AGAIN}") from error


def _refuse_other_owner(release: Release, project: Project, folder: Path) -> None:
    shop = project.settings.shop
    if (release.shop, release.environment) != (shop.name, shop.environment):
        raise InputError(
            f"compiled for {release.shop}/{release.environment}, "
            f"the settings say {shop.name}/{shop.environment}",
            file=folder,
            remedy=AGAIN,
        )
    if release.format != FORMAT:
        raise InputError(
            f"tables of format {release.format}, this version writes {FORMAT}",
            file=folder,
            remedy=AGAIN,
        )


def _check_manifest(folder: Path, release: Release, project: Project) -> None:
    value = read_value(folder, release.manifest)
    if digest(value).hex() != release.digest:
        raise TableError(f"{folder}: release.json does not fit its manifest. {AGAIN}")
    manifest_body(value, release, project, str(folder), AGAIN)


def manifest_body(
    value: bytes, release: Release, project: Project, place: str, remedy: str
) -> dict[str, Any]:
    """Return what a manifest says; raise TableError unless a key of today signed it."""
    keys = trusted_keys(project.keys, "release")
    try:
        sealed = unseal(MANIFEST, release.shop, release.environment, value, keys)
        return msgspec.msgpack.decode(sealed, type=dict[str, Any])
    except (TableError, msgspec.DecodeError) as error:
        raise TableError(
            f"{place}: the edge would refuse this release: {error} {remedy}"
        ) from error
