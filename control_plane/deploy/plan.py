"""What a deployment would write, and what that costs, known before the first write."""

from __future__ import annotations

import math

import msgspec

from control_plane.deploy.cloudflare.kv import MAX_BYTES, MAX_PAIRS, PAGE
from control_plane.deploy.head import Head
from control_plane.deploy.release import Release
from control_plane.deploy.target import Metered, Target, Terms

#: Values read back before the head moves.
SAMPLE = 16

#: Workers KV prices per operation: writes and lists $5 a million, reads $0.50.
USD_PER_WRITE = 5e-6
USD_PER_READ = 0.5e-6

CLOUDFLARE = Terms(
    pairs=MAX_PAIRS,
    bytes=MAX_BYTES,
    listed=PAGE,
    usd_per_write=USD_PER_WRITE,
    usd_per_read=USD_PER_READ,
)

#: A call to an API elsewhere, and what an office's line sends (20 Mbit/s). Rough on purpose.
SECONDS_PER_REQUEST = 0.2
BYTES_PER_SECOND = 2.5e6


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment would do.

    `write` are the keys that the target lacks, the manifest's left out; `skip` counts those it
    has. `requests` and `cost_usd` are estimates by the platform's limits and prices (None where
    they are by contract), `seconds` one by what a call and a line take; `largest` is the largest
    value to write.
    """

    target: str
    release: str
    live: str | None
    write: tuple[str, ...]
    skip: int
    write_manifest: bool
    move_head: bool
    bytes: int
    requests: int
    cost_usd: float | None
    seconds: float
    largest: int

    @property
    def nothing_to_do(self) -> bool:
        """Whether the target has it all, and shows it."""
        return not (self.write or self.write_manifest or self.move_head)


def make_plan(
    target: Target,
    release: Release,
    head: Head | None,
    *,
    current: bool = True,
    canary: float | None = None,
) -> Plan:
    """Compare a release with what the target holds; lists keys, writes nothing.

    A head that is not `current` is written again, though it names the same release. With `canary`
    the release is for that share of the devices.
    """
    sizes = release.sizes
    prefixes = {key.partition("-")[0] + "-" for key in (*sizes, release.manifest)}
    there = {key for prefix in sorted(prefixes) for key in target.keys(prefix)}
    write = tuple(key for key in sizes if key not in there)
    size = sum(sizes[key] for key in write)
    terms = target.terms if isinstance(target, Metered) else CLOUDFLARE
    lists = terms.lists or len(prefixes) + len(there) // terms.listed
    bulk = max(math.ceil(len(write) / terms.pairs), math.ceil(size / terms.bytes))
    write_manifest = release.manifest not in there
    moves = not (current and head and _shows(head, release.manifest, canary))
    singles = write_manifest + moves
    reads = 1 + (bool(write) or singles > 0) * (1 + min(SAMPLE, len(sizes))) + moves
    requests = lists + reads + bulk + singles
    return Plan(
        target=target.name,
        release=release.release,
        live=head.live.release if head else None,
        write=write,
        skip=len(sizes) - len(write),
        write_manifest=write_manifest,
        move_head=moves,
        bytes=size,
        requests=requests,
        cost_usd=_cost(terms, len(write) + singles + lists, reads),
        seconds=_seconds(terms, requests, size),
        largest=max((sizes[key] for key in write), default=0),
    )


def _cost(terms: Terms, writes: int, reads: int) -> float | None:
    if terms.usd_per_write is None or terms.usd_per_read is None:
        return None
    return terms.usd_per_write * writes + terms.usd_per_read * reads


def _seconds(terms: Terms, requests: int, size: int) -> float:
    calls = requests * SECONDS_PER_REQUEST / terms.at_once
    if terms.calls_per_second:
        calls = max(calls, requests / terms.calls_per_second)
    return calls + size / BYTES_PER_SECOND


def _shows(head: Head, manifest: str, canary: float | None) -> bool:
    """Return whether a head shows just this: to a share of the devices, or to everyone."""
    if canary is None:
        return head.live.manifest == manifest and head.canary is None
    return (
        head.canary is not None and head.canary.manifest == manifest and head.canary.share == canary
    )
