"""Releases in the archive, so that a machine without a build can deploy any of them again.

`values/KEY`          values and manifests; visitors' rows are never among them
`releases/ID.json`    what a release is made of, written when all of it is there
`targets/NAME/…`      a target's lock, records and newest head

Erased visitors' overlays are archived before any head names them, so that whoever lost a target's
head, or all of the target, brings nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from control_plane.deploy.archive.bucket import Bucket, open_bucket
from control_plane.deploy.head import (
    ErasedOverlay,
    Head,
    OffOverlay,
    Overlay,
    archived_head,
    archived_head_key,
)
from control_plane.deploy.named import split
from control_plane.deploy.overlays.values import find, value_keys
from control_plane.deploy.release import Release, Source, manifest_body
from control_plane.deploy.target import Target, checked_key
from control_plane.errors import InputError, TableError, suggest
from control_plane.settings import Project
from control_plane.tables import value_key

VALUES = "values/"
RELEASES = "releases/"

Told = Callable[[str, int, int], None]


class ArchivedRelease(msgspec.Struct, frozen=True):
    """A release that the archive holds, and when it was archived (epoch ms)."""

    release: str
    at: int


class Archived:
    """A release of the archive as a source; visitors have no rows in it.

    Raises InputError when the archive does not hold it, TableError when its manifest is not
    genuine.
    """

    def __init__(self, project: Project, release: str) -> None:
        bucket = open_bucket(project)
        if bucket is None:
            raise InputError(
                "no archive is set", field="archive.url", remedy="See docs/deploy.md, Archive."
            )
        self._bucket = bucket
        self.release = read_release(bucket, release)
        shop = project.settings.shop
        if (self.release.shop, self.release.environment) != (shop.name, shop.environment):
            raise InputError(
                f"release {release} is of {self.release.shop}/{self.release.environment}, "
                f"the settings say {shop.name}/{shop.environment}",
                field="archive.url",
                remedy="Give each shop and environment a prefix of its own.",
            )
        again = "Compile and deploy instead."
        manifest_body(self.read(self.release.manifest), self.release, project, repr(bucket), again)

    def read(self, key: str) -> bytes:
        """Return a value's bytes; raise TableError unless they are those its key was made from."""
        stored = self._bucket.get(VALUES + checked_key(key))
        if stored is None or value_key(key.partition("-")[0], stored.value) != key:
            raise TableError(
                f"{self._bucket!r}: {VALUES}{key} is missing or changed. "
                "Choose another release, or compile and deploy."
            )
        return stored.value


def archive_release(
    project: Project, target: Target, source: Source, head: Head | None, told: Told
) -> bool:
    """Put what the archive lacks of a release into it; return whether there is an archive."""
    bucket = open_bucket(project)
    if bucket is None:
        return False
    release = source.release
    place = f"{RELEASES}{release.release}.json"
    if bucket.get(place) is None:
        kept = _without_visitors(source, project)
        there = {listed.key.removeprefix(VALUES) for listed in bucket.list(VALUES)}
        lacking = sorted({*kept.sizes, release.manifest} - there)
        _put(bucket, source, lacking, told)
        bucket.put(place, msgspec.json.encode(kept))
    if head:
        _archive_erased(bucket, target, head)
    return True


def archive_values(project: Project, values: Mapping[str, bytes]) -> None:
    """Put values into the archive, where there is one."""
    bucket = open_bucket(project)
    if bucket and values:
        bucket.put_all((VALUES + key, value) for key, value in values.items())


def archived_releases(bucket: Bucket) -> list[ArchivedRelease]:
    """Return the releases that the archive holds, the newest first."""
    found = [
        ArchivedRelease(one.key.removeprefix(RELEASES).removesuffix(".json"), int(one.at * 1000))
        for one in bucket.list(RELEASES)
    ]
    return sorted(found, key=lambda one: -one.at)


def is_archived(project: Project, release: str) -> bool | None:
    """Return whether the archive holds a release, None without an archive."""
    bucket = open_bucket(project)
    return None if bucket is None else bucket.get(f"{RELEASES}{release}.json") is not None


def lost_overlays(target: Target, project: Project) -> tuple[Overlay, ...]:
    """Bring back what an archived head said of the erased and of slots, for a target without one.

    Writes the values of it into the target. Stock is told anew by its feed.
    """
    head = archived_head(target, project)
    bucket = open_bucket(project)
    if head is None or bucket is None:
        return ()
    kept = tuple(one for one in head.overlays if isinstance(one, ErasedOverlay | OffOverlay))
    for key in _erased_keys(kept):
        stored = bucket.get(VALUES + key)
        if stored is None or value_key("e", stored.value) != key:
            raise TableError(
                f"{bucket!r}: {VALUES}{key} names erased visitors and is missing or changed; "
                "nothing was made live.\n  Bring it back from a version or a backup of the bucket, "
                "or erase them again after deleting "
                f"{archived_head_key(project, target.name)} there."
            )
        target.put(key, stored.value)
    return kept


def read_release(bucket: Bucket, release: str) -> Release:
    """Return what an archived release is made of; raise InputError when there is none."""
    stored = bucket.get(f"{RELEASES}{release}.json")
    if stored is None:
        known = [one.release for one in archived_releases(bucket)]
        raise InputError(
            f"no release {release!r} in {bucket!r}",
            remedy=suggest(release, known) if known else "Nothing was archived yet.",
        )
    try:
        return msgspec.json.decode(stored.value, type=Release)
    except msgspec.DecodeError as error:
        raise TableError(
            f"{bucket!r}: {RELEASES}{release}.json cannot be read: {error}."
        ) from error


def _without_visitors(source: Source, project: Project) -> Release:
    """Return a release without the values that name visitors, and without their index."""
    release = source.release
    manifest = source.read(release.manifest)
    part = manifest_body(manifest, release, project, release.manifest, "").get("visitors") or {}
    index = {f"x-{one}" for one in split(part["digests"])} if part.get("paged") else set()
    kept = (one for one in release.values if one.kind != "visitors" and one.key not in index)
    return msgspec.structs.replace(release, values=tuple(kept))


def _put(bucket: Bucket, source: Source, keys: list[str], told: Told) -> None:
    done = 0
    for start in range(0, len(keys), 64):
        some = keys[start : start + 64]
        bucket.put_all((VALUES + key, source.read(key)) for key in some)
        done += len(some)
        told("archiving", done, len(keys))


def _archive_erased(bucket: Bucket, target: Target, head: Head) -> None:
    """Archive what was erased before there was an archive."""
    for key in _erased_keys(head.overlays):
        value = target.get(key)
        if value is not None:
            bucket.put_new(VALUES + key, value)


def _erased_keys(overlays: tuple[Overlay, ...]) -> list[str]:
    return [key for one in find(overlays, ErasedOverlay) for key in value_keys(one)]
