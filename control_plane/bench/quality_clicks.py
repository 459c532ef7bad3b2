"""Next clicks of public sessions: as the edge answers, beside plain and nearest-session methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control_plane.bench.public_clicks import ClickSet
from control_plane.evaluation import baselines, nearest_sessions
from control_plane.evaluation.ask import from_edge
from control_plane.evaluation.baselines import Ranker
from control_plane.evaluation.cases import SESSION, Cases, plain_cases, unseen
from control_plane.evaluation.edge import Edge
from control_plane.evaluation.measure import Scorer
from control_plane.evaluation.nearest_sessions import NearestSessions
from control_plane.evaluation.panels import DISCOVER, REPEATS, View
from control_plane.evaluation.report import Panel
from control_plane.evaluation.trial import timed
from control_plane.models.artifacts import Sets
from control_plane.profiles.sessions import Sessions
from control_plane.settings import Project

#: Which slot answers in which view.
SLOTS = {REPEATS: "repeats", DISCOVER: "discover"}

RULES = """
content:
  repeats: {items: {from: [session, popular], limit: 20}}
  discover: {items: {from: [session, popular], limit: 20, exclude: {seen: true}}}
slots:
  repeats: {default: repeats}
  discover: {default: discover}
"""

OURS = "Frontshelf, as the edge answers"

SEED = 7


class Clicks:
    """A public set in numbers: sessions to learn from, cases to test with."""

    rules = RULES

    def __init__(self, click_set: ClickSet, k: int) -> None:
        self.set, self.k = click_set, k
        found = click_set.train.fetchnumpy()
        learned = np.asarray(found["item_id"], dtype=str)
        tested = np.array([*click_set.targets, *(i for p in click_set.prefixes for i in p)])
        names = np.unique(np.concatenate([learned, tested]))
        self.item_ids: list[str] = names.tolist()
        self.number = {item: number for number, item in enumerate(self.item_ids)}
        self.sessions = _sessions(found, np.searchsorted(names, learned).astype(np.int32))
        self.learned = {"sessions": len(self.sessions.ends), "clicks": len(learned)}
        self.cases = self._cases()
        self._others: dict[str, Ranker] = {}
        self._popularity = np.zeros(0)

    def learn(self) -> None:
        """Learn all that the edge is held against."""
        items = len(self.item_ids)
        session = np.repeat(np.arange(len(self.sessions.ends)), np.diff(self.sessions.indptr))
        pairs = np.unique(session * items + self.sessions.items)
        self._popularity = np.bincount(pairs % items, minlength=items) / len(self.sessions.ends)
        methods: dict[str, Callable[[], Ranker]] = {
            baselines.POPULAR: lambda: baselines.popular(self._popularity),
            baselines.ASSOCIATION: lambda: baselines.association_rules(self.sessions, items),
            baselines.COSINE: lambda: baselines.item_cosine(self.sessions, items),
            baselines.SEQUENTIAL: lambda: baselines.sequential_rules(self.sessions, items),
            nearest_sessions.VMIS: lambda: NearestSessions(
                nearest_sessions.VMIS_RECIPE, self.sessions, items
            ),
            nearest_sessions.VSTAN: lambda: NearestSessions(
                nearest_sessions.VSTAN_RECIPE, self.sessions, items
            ),
        }
        self._others = {name: fit() for name, fit in methods.items()}

    def write(self, folder: Path) -> list[Path]:
        """Write what is ingested into a folder."""
        self.set.train.write_parquet(str(folder / "train.parquet"))
        return [folder / "train.parquet"]

    def panels(self, edge: Edge, project: Project) -> Iterator[Panel]:
        """Yield what the edge and all others find, view by view."""
        for view, slot in SLOTS.items():
            yield self._panel(view, slot, edge)

    def _panel(self, view: str, slot: str, edge: Edge) -> Panel:
        nobody = Sets(np.zeros(len(self.cases) + 1, np.int64), np.zeros(0, np.int32))
        cases = self.cases if view == REPEATS else unseen(self.cases, nobody)
        excluded = None if view == REPEATS else cases.met
        asked = View(SESSION, view, "the very next click", cases, nobody, excluded)
        answers = edge.ask(slot, self._bodies(cases), self.k)
        ours = from_edge(answers, self.number, self.k)
        own = np.arange(len(self.item_ids), dtype=np.int32)
        scorer = Scorer(asked, own, self._popularity, SEED)
        shown = {name: timed(rank, asked, self.k) for name, rank in self._others.items()}
        scores = {name: scorer.scores(one.items) for name, one in shown.items()}
        return Panel(
            situation=SESSION,
            view=view,
            says=asked.says,
            cases=len(cases),
            units=len(np.unique(cases.unit)),
            results=[
                scorer.result(OURS, ours, baselines=scores, edge=ours),
                *(scorer.result(name, one) for name, one in shown.items()),
            ],
        )

    def _cases(self) -> Cases:
        prefixes = [[self.number[item] for item in prefix] for prefix in self.set.prefixes]
        lengths = np.array([len(prefix) for prefix in prefixes], dtype=np.int64)
        history = Sets(
            np.append(0, np.cumsum(lengths)),
            np.array([item for prefix in prefixes for item in prefix], dtype=np.int32),
        )
        targets = np.array([self.number[item] for item in self.set.targets], dtype=np.int32)
        wanted = Sets(np.arange(len(targets) + 1, dtype=np.int64), targets)
        return plain_cases(SESSION, history, wanted, self.set.session)

    def _bodies(self, cases: Cases) -> list[dict[str, Any]]:
        bodies = []
        for case in range(len(cases)):
            items = cases.history.items[cases.history.indptr[case] : cases.history.indptr[case + 1]]
            events = [{"event": "view", "item": self.item_ids[item]} for item in items]
            consent = {"personalization": True}
            bodies.append({"session": {"events": events}, "consent": consent})
        return bodies


def _sessions(found: dict[str, NDArray[Any]], items: NDArray[np.int32]) -> Sessions:
    """Return the sessions of clicks in their file's order."""
    _, first, group = np.unique(
        np.asarray(found["session_id"], dtype=str), return_index=True, return_inverse=True
    )
    order = np.lexsort((np.arange(len(items)), first[group]))
    sizes = np.bincount(first[group], minlength=len(items))
    indptr = np.append(0, np.cumsum(sizes[sizes > 0])).astype(np.int64)
    seconds = np.asarray(found["timestamp"]).astype(np.int64)[order]
    return Sessions(
        indptr,
        items[order],
        kinds=np.zeros(len(items), dtype=np.int8),
        ends=np.maximum.reduceat(seconds, indptr[:-1]),
        owners=np.arange(len(indptr) - 1),
    )
