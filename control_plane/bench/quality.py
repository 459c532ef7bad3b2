"""`frontshelf bench quality`: the public tables again, as the running edge answers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from control_plane.bench.public_clicks import LOGS, find_click_sets
from control_plane.bench.public_visitors import GROCERIES, find_visitor_sets
from control_plane.bench.quality_clicks import Clicks
from control_plane.bench.quality_visitors import Visitors
from control_plane.bench.steps import Step, run_step
from control_plane.collect.duck import open_duck
from control_plane.errors import InputError
from control_plane.evaluation.baselines import OWN, POPULAR
from control_plane.evaluation.cases import ARRIVAL, SESSION
from control_plane.evaluation.edge import running_edge
from control_plane.evaluation.metrics import HR, MRR, NDCG, RECALL
from control_plane.evaluation.nearest_sessions import VMIS, VSTAN
from control_plane.evaluation.panels import DISCOVER, REPEATS
from control_plane.evaluation.report import Panel, Result
from control_plane.settings import load_project

Talk = Callable[[str], None]

#: Figures to reach by set: (view, measure) -> per cent.
BARS = {
    "retailrocket": {(REPEATS, HR): 57.5, (REPEATS, MRR): 30.0, (DISCOVER, HR): 35.5},
    "gowalla": {(DISCOVER, RECALL): 19.2, (DISCOVER, NDCG): 15.9},
}

#: Whose figures to reach in a situation and view, and how many points less will do.
STANDING = {
    (SESSION, REPEATS): {(VMIS, HR): 0.0, (VSTAN, HR): 1.0},
    (SESSION, DISCOVER): {(VMIS, HR): 0.0, (VSTAN, HR): 1.0},
    (ARRIVAL, REPEATS): {(OWN, RECALL): 0.0},
    (ARRIVAL, DISCOVER): {(POPULAR, RECALL): 0.0},
}


class Bar(msgspec.Struct, frozen=True):
    """A figure to reach, in per cent, and whether it is."""

    says: str
    figure: float
    bar: float
    met: bool


class SetReport(msgspec.Struct, frozen=True, kw_only=True):
    """One public set: what the steps took, what the tables take, how good the answers are."""

    name: str
    says: str
    steps: dict[str, Step]
    learned: dict[str, int]
    items: int
    bytes_by_kind: dict[str, int]
    bytes_an_item: float
    panels: list[Panel]
    bars: list[Bar]


class QualityReport(msgspec.Struct, frozen=True):
    """All sets that were measured, at lists of `k`."""

    k: int
    sets: list[SetReport]


def bench_quality(
    data: Path, only: Sequence[str], talk: Talk, *, k: int = 20, keep: Path | None = None
) -> QualityReport:
    """Return how the edge answers on the public sets found in `data`, beside what others do.

    `only` names some of them; `keep` is a folder that their projects stay in. Raises InputError
    when there is none.
    """
    clicks, visitors = find_click_sets(data), find_visitor_sets(data)
    found = [*clicks, *visitors]
    _refuse_missing(data, only, found)
    sets = []
    for name in only or found:
        talk(f"{name}: reading")
        with _folder(keep, name) as root, open_duck(root.parent / f".{name}-spill") as duck:
            asked: Clicks | Visitors = (
                Clicks(clicks[name](duck), k)
                if name in clicks
                else Visitors(visitors[name](duck), k)
            )
            sets.append(_measure(asked, root, talk))
    return QualityReport(k, sets)


def _refuse_missing(data: Path, only: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in only if name not in found]
    if missing or not found:
        files = ", ".join(f"{log.name}/{log.file}" for log in LOGS)
        raise InputError(
            f"no data of {', '.join(missing)}" if missing else "no public data set",
            file=data,
            field="--set" if missing else "--data",
            remedy=f"Looked for {files}, retailrocket/ and gowalla/ as docs/bench.md has them, "
            f"and the package {GROCERIES}.",
        )


def _measure(asked: Clicks | Visitors, root: Path, talk: Talk) -> SetReport:
    here, name = ["--project", str(root)], asked.set.name
    steps = {"init": run_step("init", str(root))}
    (root / "rules.yaml").write_text(asked.rules, encoding="utf-8")
    for file in asked.write(root):
        talk(f"{name}: ingest {file.stem}")
        steps[f"ingest {file.stem}"] = run_step("ingest", str(file), *here)
    for step in ("train", "compile"):
        talk(f"{name}: {step}")
        steps[step] = run_step(step, *here)
    release = json.loads((root / "build" / "current" / "release.json").read_bytes())
    talk(f"{name}: learning what others do")
    asked.learn()
    project, panels = load_project(root), []
    with running_edge(project) as edge:
        talk(f"{name}: asking the edge")
        for panel in asked.panels(edge, project):
            panels.append(panel)
            talk(f"{name}: asked {panel.cases:,} times, {panel.view}")
    kinds = release["bytes_by_kind"]
    return SetReport(
        name=name,
        says=asked.set.says,
        steps=steps,
        learned=asked.learned,
        items=release["items"],
        bytes_by_kind=kinds,
        bytes_an_item=round(kinds["items"] / release["items"], 2),
        panels=panels,
        bars=[bar for panel in panels for bar in _bars(name, panel)],
    )


def _bars(name: str, panel: Panel) -> Iterator[Bar]:
    """Yield the set's own bars, then what others reach."""
    ours = _per_cent(panel.results[0])
    for (view, measure), bar in BARS.get(name, {}).items():
        if view == panel.view:
            says = f"{measure}, {view}"
            yield Bar(says, round(ours[measure], 2), bar, ours[measure] >= bar)
    for (other, measure), room in STANDING[panel.situation, panel.view].items():
        bar = _per_cent(next(one for one in panel.results if one.name == other))[measure] - room
        says = f"{measure}, {panel.view}: {other}" + f" less {room:g}" * bool(room)
        yield Bar(says, round(ours[measure], 2), round(bar, 2), ours[measure] >= bar)


def _per_cent(one: Result) -> dict[str, float]:
    return {name: 100 * found.value for name, found in one.measures.items()}


@contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(keep / name, ignore_errors=True)
        yield keep / name
    else:
        with tempfile.TemporaryDirectory(prefix="frontshelf-quality-") as scratch:
            yield Path(scratch) / name
