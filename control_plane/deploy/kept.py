"""Which releases a target keeps and why, and until when their visitor values stay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from control_plane.deploy.head import Head
from control_plane.deploy.record import GOES_LIVE, OF_CANARIES, WRITES, Record

#: How long visitor values outlive their release's time at the edge (nobody comes back by rollback).
VISITOR_HOURS = 24
HOUR_MS = 3_600_000

Why = Literal["live", "canary", "previous", "newest", "draft", "lately"]

_LIVE = ("start", *GOES_LIVE)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A release that stays whole, but for visitor values from `visitors_until` on (epoch ms).

    None: as long as the reason holds. `lately` is what was live or written within the grace period.
    """

    release: str
    manifest: str
    why: Why
    visitors_until: int | None


def kept_releases(
    head: Head, known: list[Record], there: Iterable[str], *, keep: int, grace_ms: int, now: int
) -> list[Kept]:
    """Return the kept ones of the releases in the head and in the records, each once.

    `there` are the target's keys; `keep` counts those last live, the live one among them, and the
    drafts likewise.
    """
    why = _named_by_head(head)
    held = set(there)
    recorded = {record.manifest: record for record in known if record.manifest in held}
    drafts = _drafts(recorded, known)[:keep]
    for manifest in _newest(recorded, known)[:keep]:
        why.setdefault(manifest, "newest")
    for manifest in drafts:
        why.setdefault(manifest, "draft")
    for manifest in recorded:
        if now - left_at(manifest, head, known) < grace_ms:
            why.setdefault(manifest, "lately")
    names = {record.manifest: record.release for record in known}
    return [
        Kept(
            release=names.get(manifest, manifest[2:14]),
            manifest=manifest,
            why=reason,
            visitors_until=None
            if reason in ("live", "canary") or manifest in drafts
            else visitors_until(manifest, head, known),
        )
        for manifest, reason in why.items()
    ]


def visitors_until(manifest: str, head: Head, known: list[Record]) -> int:
    """Return when the visitor values of a release that is not live are to go (epoch ms)."""
    return left_at(manifest, head, known) + VISITOR_HOURS * HOUR_MS


def left_at(manifest: str, head: Head, known: list[Record]) -> int:
    """Return when a release that is not live was last so, or written, or a canary (epoch ms).

    A start alone ends no other release's time: the deployment may have been killed before the head.
    """
    own = [record for record in known if record.manifest == manifest]
    began = (*WRITES, *OF_CANARIES)
    written = max((record.at for record in own if record.action in began), default=0)
    went = max((record.counter for record in own if record.action in _LIVE), default=0)
    after = [
        record.at
        for record in known
        if record.action in GOES_LIVE and record.counter > went and record.manifest != manifest
    ]
    return max(written, min([*after, head.live.since or head.issued_at]))


def _named_by_head(head: Head) -> dict[str, Why]:
    why: dict[str, Why] = {head.live.manifest: "live"}
    if head.canary is not None:
        why.setdefault(head.canary.manifest, "canary")
    if head.previous:
        why.setdefault(head.previous.manifest, "previous")
    return why


def _newest(recorded: Iterable[str], known: list[Record]) -> list[str]:
    """Return the releases that went live, the last to do so first."""
    went = {record.manifest: record.counter for record in known if record.action in _LIVE}
    return sorted((one for one in recorded if one in went), key=lambda one: -went[one])


def _drafts(recorded: Iterable[str], known: list[Record]) -> list[str]:
    """Return the drafts that did not go live since, the newest first."""
    last = {one.manifest: one for one in known if one.action in (*_LIVE, "draft")}
    drafts = [one for one in recorded if one in last and last[one].action == "draft"]
    return sorted(drafts, key=lambda one: -last[one].at)
