"""The comparison of the edge with simpler workers: which scenarios there are, and their bars."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import msgspec

from control_plane.bench.client import get, post
from control_plane.bench.measure import Contender, Round, Spread, alternate, ratios
from control_plane.bench.project import Talk, bench_project
from control_plane.bench.shop import Size
from control_plane.bench.workers import CONSTANT, PARSE, edge_worker, some_visitor
from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options
from control_plane.errors import InputError, suggest

SLOT = "home.recommended"
DEFAULT_SIZE = Size()


class Pair(msgspec.Struct, frozen=True):
    """Two contenders to compare; `bar` is the most that their ratio may be, `aim` a wish."""

    name: str
    over: str
    under: str
    says: str
    bar: float | None = None
    aim: float | None = None


PAIRS = (
    Pair("slot", "slot", "constant", "a 12-card strip / a 1 KB constant", 1.5, 1.25),
    Pair("slot-html", "slot-html", "constant", "a slot of fixed markup / a 1 KB constant"),
    Pair("decide", "decide", "parse", "decide / JSON parsed, a constant returned", 1.3),
    Pair("parse", "parse", "constant", "JSON parsed, a constant returned / a 1 KB constant"),
)


class Measured(msgspec.Struct, frozen=True):
    """A pair's ratio over all rounds, and whether its median is within the bar."""

    name: str
    says: str
    ratio: Spread
    bar: float | None
    aim: float | None
    within: bool | None


class EdgeReport(msgspec.Struct, frozen=True):
    """What `bench edge` found; `micros` are medians of server CPU a request on this machine."""

    rounds: int
    requests: int
    items: int
    ratios: list[Measured]
    micros: dict[str, float]


def bench_edge(
    rounds: int, requests: int, only: Sequence[str], talk: Talk, size: Size = DEFAULT_SIZE
) -> EdgeReport:
    """Run the comparison; raise InputError for scenarios that are none."""
    pairs = chosen(only)
    project = bench_project(size, talk)
    names = {name for pair in pairs for name in (pair.over, pair.under)}
    with ExitStack() as closing:
        starting: Mapping[str, Callable[[], Miniflare]] = {
            "edge": lambda: edge_worker(project),
            "constant": lambda: Miniflare(Options(script=CONSTANT)),
            "parse": lambda: Miniflare(Options(script=PARSE)),
        }
        workers: dict[str, Miniflare] = {}

        def worker(name: str) -> Miniflare:
            if name not in workers:
                workers[name] = closing.enter_context(starting[name]())
            return workers[name]

        contenders = [_contender(name, worker, size) for name in sorted(names)]
        measured: list[Round] = []
        for one in alternate(contenders, rounds, requests):
            measured.append(one)
            talk(f"round {len(measured)} of {rounds}")
    return EdgeReport(
        rounds=rounds,
        requests=requests,
        items=size.items,
        ratios=[_measured(pair, measured) for pair in pairs],
        micros={
            name: round(statistics.median(one.micros[name] for one in measured), 1)
            for name in sorted(names)
        },
    )


def chosen(only: Sequence[str]) -> list[Pair]:
    """Return the pairs of these names, all when none is named."""
    known = [pair.name for pair in PAIRS]
    for name in only:
        if name not in known:
            raise InputError("no such scenario", field=name, remedy=suggest(name, known))
    return [pair for pair in PAIRS if not only or pair.name in only]


def _contender(name: str, worker: Callable[[str], Miniflare], size: Size) -> Contender:
    visitor = some_visitor(size.items)
    browser = {"Cookie": visitor.cookies, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    body = post("/_fs/decide", visitor.decide_body(SLOT))
    asked: Mapping[str, tuple[str, bytes, bytes, int]] = {
        "constant": ("constant", get("/", browser), b"x", 1024),
        "parse": ("parse", body, b"x", 1024),
        "slot": ("edge", get(f"/_fs/slot/{SLOT}", browser), b"fs-card", 12),
        "slot-html": ("edge", get("/_fs/slot/home.hero", browser), b"/new", 1),
        "decide": ("edge", body, b'"key":"blend"', 1),
    }
    of, request, shows, times = asked[name]
    return Contender(name, worker(of), [request], shows, times)


def _measured(pair: Pair, rounds: Sequence[Round]) -> Measured:
    ratio = ratios(rounds, pair.over, pair.under)
    within = None if pair.bar is None else ratio.median <= pair.bar
    return Measured(pair.name, pair.says, ratio, pair.bar, pair.aim, within)
