"""Removes from the archive the releases that are old and live nowhere, and what only they name."""

from __future__ import annotations

import msgspec

from control_plane.deploy.archive.archived import RELEASES, VALUES, archived_releases, read_release
from control_plane.deploy.archive.bucket import Bucket
from control_plane.deploy.head import ErasedOverlay, parse
from control_plane.deploy.overlays.values import find, value_keys
from control_plane.keyring import load_ring
from control_plane.settings import Project

#: Values younger than this may be of a deployment that another machine is at.
YOUNG_SECONDS = 86_400.0


class ArchiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """What stays in the archive, and what went: releases by id, and a number of values."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    values: int


def clean_archive(bucket: Bucket, project: Project, *, dry_run: bool = False) -> ArchiveReport:
    """Keep the newest releases and those that a target's head names; remove the others.

    A release goes before the values that it names: whatever is listed is whole. Raises TableError
    when a head or a kept release cannot be read: nothing is removed then.
    """
    releases = [one.release for one in archived_releases(bucket)]
    named, erased = _named_by_heads(bucket, project)
    newest = releases[: project.settings.archive.keep_releases]
    kept = [one for one in releases if one in named or one in newest]
    values = {key for one in kept for key in _keys(bucket, one)} | erased
    gone = [one for one in releases if one not in kept]
    old = bucket.now() - YOUNG_SECONDS
    due = [
        one.key
        for one in bucket.list(VALUES)
        if one.key.removeprefix(VALUES) not in values and one.at < old
    ]
    if not dry_run:
        bucket.delete_many(f"{RELEASES}{one}.json" for one in gone)
        bucket.delete_many(due)
    return ArchiveReport(kept=tuple(kept), removed=tuple(gone), values=len(due))


def _keys(bucket: Bucket, release: str) -> set[str]:
    stored = read_release(bucket, release)
    return {*stored.sizes, stored.manifest}


def _named_by_heads(bucket: Bucket, project: Project) -> tuple[set[str], set[str]]:
    """Return the releases and the values of erased visitors that targets' heads name."""
    shop, ring = project.settings.shop, load_ring(project.keys)
    # A head that a revoked key signed keeps what it names, and no more is believed of it.
    keys = [one.key for one in (*ring.head, *ring.revoked)]
    releases: set[str] = set()
    erased: set[str] = set()
    for one in bucket.list("targets/"):
        stored = bucket.get(one.key) if one.key.endswith("/head") else None
        if stored is None:
            continue
        head = parse(stored.value, shop.name, shop.environment, keys)
        named = (head.live, head.previous, head.canary)
        releases |= {live.release for live in named if live}
        erased |= {key for one in find(head.overlays, ErasedOverlay) for key in value_keys(one)}
    return releases, erased
