"""The comparison of the edge with simpler workers, and what else is measured of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from control_plane.bench.contenders import LineUp
from control_plane.bench.first_byte import first_byte
from control_plane.bench.inside import cold_isolates, core_compute
from control_plane.bench.measure import Round, alternate
from control_plane.bench.pairs import PAIRS, Measured, Pair, measured
from control_plane.bench.shop import Size
from control_plane.bench.traffic import memory, zipf
from control_plane.emulator.npm import Talk
from control_plane.errors import InputError, suggest

DEFAULT_SIZE = Size()

#: What is no ratio of CPU; each is given the line-up, the shop's size and the requests a round.
OTHERS: Mapping[str, Callable[[LineUp, Size, int, Talk], Mapping[str, Any]]] = {
    "first-byte": first_byte,
    "compute": core_compute,
    "cold": cold_isolates,
    "zipf": zipf,
    "memory": memory,
}
#: Takes minutes: measured only when named.
ASKED_FOR = ("memory",)
NAMES = (*(pair.name for pair in PAIRS), *OTHERS)


class EdgeReport(msgspec.Struct, frozen=True):
    """What `bench edge` found; `micros` are medians of server CPU a request on this machine."""

    rounds: int
    requests: int
    items: int
    ratios: list[Measured]
    micros: dict[str, float]
    others: dict[str, Mapping[str, Any]]


def bench_edge(
    rounds: int, requests: int, only: Sequence[str], talk: Talk, size: Size = DEFAULT_SIZE
) -> EdgeReport:
    """Run the comparison; raise InputError for scenarios that are none."""
    for name in only:
        if name not in NAMES:
            raise InputError("no such scenario", field=name, remedy=suggest(name, list(NAMES)))
    pairs = [pair for pair in PAIRS if not only or pair.name in only]
    others = [name for name in OTHERS if (name in only if only else name not in ASKED_FOR)]
    with LineUp(size, talk) as line_up:
        seen = list(_rounds(line_up, pairs, rounds, requests, talk)) if pairs else []
        found = {}
        for name in others:
            talk(f"measuring {name}")
            found[name] = OTHERS[name](line_up, size, requests, talk)
    names = sorted(seen[0].micros) if seen else []
    return EdgeReport(
        rounds=rounds,
        requests=requests,
        items=size.items,
        ratios=[measured(pair, seen) for pair in pairs],
        micros={
            name: round(statistics.median(one.micros[name] for one in seen), 1) for name in names
        },
        others=found,
    )


def _rounds(
    line_up: LineUp, pairs: Sequence[Pair], rounds: int, requests: int, talk: Talk
) -> list[Round]:
    names = sorted({name for pair in pairs for name in (pair.over, pair.under)})
    contenders = [line_up.contender(name) for name in names]
    done: list[Round] = []
    for one in alternate(contenders, rounds, requests):
        done.append(one)
        talk(f"round {len(done)} of {rounds}")
    return done
