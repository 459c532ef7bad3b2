"""`frontshelf bench quality`: the public tables again, as the running edge answers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from control_plane.bench.public_clicks import LOGS, find_click_sets
from control_plane.bench.quality_clicks import SLOTS, Clicks
from control_plane.bench.steps import Step, run_step
from control_plane.errors import InputError
from control_plane.evaluation.edge import running_edge
from control_plane.evaluation.nearest_sessions import VMIS, VSTAN
from control_plane.evaluation.report import Panel
from control_plane.settings import load_project

Talk = Callable[[str], None]

#: Figures to reach by set: (view, measure) -> per cent.
BARS = {
    "retailrocket": {
        ("with repeats", "hr"): 57.5,
        ("with repeats", "mrr"): 30.0,
        ("discover", "hr"): 35.5,
    }
}

#: Whose hit rate to reach, and how many points less will do.
STANDING = {VMIS: 0.0, VSTAN: 1.0}

RULES = """
content:
  repeats: {items: {from: [session, popular], limit: 20}}
  discover: {items: {from: [session, popular], limit: 20, exclude: {seen: true}}}
slots:
  repeats: {default: repeats}
  discover: {default: discover}
"""


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
    sessions: int
    clicks: int
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
    found = find_click_sets(data)
    missing = [name for name in only if name not in found]
    if missing or not found:
        files = ", ".join(f"{log.name}/{log.file}" for log in LOGS)
        raise InputError(
            f"no data of {', '.join(missing)}" if missing else "no public data set",
            file=data,
            field="--set" if missing else "--data",
            remedy=f"Looked for {files}, retailrocket/train.parquet with test.jsonl "
            "(docs/bench.md says where each comes from).",
        )
    sets = []
    for name in only or found:
        talk(f"{name}: reading")
        with duckdb.connect() as duck, _folder(keep, name) as root:
            sets.append(_measure(Clicks(found[name](duck), k), root, talk))
    return QualityReport(k, sets)


def _measure(clicks: Clicks, root: Path, talk: Talk) -> SetReport:
    here, name = ["--project", str(root)], clicks.set.name
    steps = {"init": run_step("init", str(root))}
    (root / "rules.yaml").write_text(RULES, encoding="utf-8")
    clicks.set.train.write_parquet(str(root / "train.parquet"))
    for step, *more in (("ingest", str(root / "train.parquet")), ("train",), ("compile",)):
        talk(f"{name}: {step}")
        steps[step] = run_step(step, *more, *here)
    release = json.loads((root / "build" / "current" / "release.json").read_bytes())
    talk(f"{name}: learning what others do")
    clicks.learn()
    with running_edge(load_project(root)) as edge:
        panels = []
        for view, slot in SLOTS.items():
            talk(f"{name}: asking the edge, {view}")
            panels.append(clicks.panel(view, slot, edge))
    kinds = release["bytes_by_kind"]
    return SetReport(
        name=name,
        says=clicks.set.says,
        steps=steps,
        sessions=len(clicks.sessions.ends),
        clicks=len(clicks.sessions.items),
        items=release["items"],
        bytes_by_kind=kinds,
        bytes_an_item=round(kinds["items"] / release["items"], 2),
        panels=panels,
        bars=[bar for panel in panels for bar in _bars(name, panel)],
    )


def _bars(name: str, panel: Panel) -> Iterator[Bar]:
    """Yield the set's own bars, then those of VMIS-kNN and VSTAN."""
    ours = panel.results[0]
    figures = {key: 100 * found.value for key, found in ours.measures.items()}
    for (view, measure), bar in BARS.get(name, {}).items():
        if view == panel.view:
            says = f"{measure.upper()}, {view}"
            yield Bar(says, round(figures[measure], 2), bar, figures[measure] >= bar)
    for other, room in STANDING.items():
        hr = 100 * next(one for one in panel.results if one.name == other).measures["hr"].value
        says = f"HR, {panel.view}: {other}" + f" less {room:g}" * bool(room)
        yield Bar(says, round(figures["hr"], 2), round(hr - room, 2), figures["hr"] >= hr - room)


@contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep:
        root = keep / name
        if root.exists():
            shutil.rmtree(root)
        yield root
    else:
        with tempfile.TemporaryDirectory(prefix="frontshelf-quality-") as scratch:
            yield Path(scratch) / name
