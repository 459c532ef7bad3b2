"""What known visitors take next, in public sets: as the edge answers, beside plain methods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.bench.public_visitors import VisitorSet
from control_plane.bench.quality_clicks import OURS, SEED
from control_plane.evaluation import baselines
from control_plane.evaluation.ask import from_edge
from control_plane.evaluation.baselines import Ranker
from control_plane.evaluation.cases import ARRIVAL, Cases, plain_cases, unseen
from control_plane.evaluation.edge import Edge
from control_plane.evaluation.measure import Scorer
from control_plane.evaluation.panels import DISCOVER, REPEATS, View
from control_plane.evaluation.report import Panel
from control_plane.evaluation.trial import timed
from control_plane.keyring import USER, format_visitor_key, load_visitor_secrets, visitor_key
from control_plane.models.artifacts import Sets
from control_plane.profiles.sessions import Sessions
from control_plane.settings import Project

COSINE = "item cosine, whole history"

RULES = """
content:
  repeats: {items: {from: [repurchase, visitor, popular], limit: 20, exclude: {bought: false}}}
  discover: {items: {from: [visitor, popular], limit: 20, exclude: {seen: true}}}
slots:
  repeats: {default: repeats}
  discover: {default: discover}
"""


class Visitors:
    """A public set in numbers: histories to learn from, and what each visitor took next."""

    rules = RULES

    def __init__(self, visitor_set: VisitorSet, k: int) -> None:
        self.set, self.k = visitor_set, k
        found = visitor_set.events.fetchnumpy()
        user, item = (np.asarray(found[name], dtype=str) for name in ("user_id", "item_id"))
        names = np.unique(np.concatenate([item, *(wanted for _, wanted in visitor_set.tests)]))
        self.item_ids: list[str] = names.tolist()
        self.number = {item: number for number, item in enumerate(self.item_ids)}
        self._users, group = np.unique(user, return_inverse=True)
        order = np.argsort(group, kind="stable")
        counts = np.bincount(group)
        self._history = Sets(
            np.append(0, np.cumsum(counts)).astype(np.int64),
            np.searchsorted(names, item).astype(np.int32)[order],
        )
        self.learned = {"visitors": len(counts), "events": len(item)}
        self._cases, self._past = self._tests()
        self._rankers: dict[str, Ranker] = {}
        self._popularity = np.zeros(0)

    def learn(self) -> None:
        """Learn all that the edge is held against."""
        items, visitors = len(self.item_ids), len(self._users)
        owner = np.repeat(np.arange(visitors), np.diff(self._history.indptr))
        pairs = np.unique(owner * items + self._history.items)
        self._popularity = np.bincount(pairs % items, minlength=items) / visitors
        sessions = Sessions(
            self._history.indptr,
            self._history.items,
            kinds=np.zeros(len(self._history.items), dtype=np.int8),
            ends=np.zeros(visitors, dtype=np.int64),
            owners=np.arange(visitors),
        )
        cosine = baselines.item_cosine(sessions, items)
        longest = int(np.diff(self._history.indptr).max())
        self._rankers = {
            baselines.POPULAR: baselines.popular(self._popularity),
            COSINE: msgspec.structs.replace(cosine, recent=longest),
        }

    def panels(self, edge: Edge, project: Project) -> Iterator[Panel]:
        """Yield what the edge and all others find, view by view."""
        keys = self._keys(project)
        if self.set.repeats:
            yield self._panel(REPEATS, "repeats", self._cases, edge, keys)
        new = unseen(self._cases, self._past)
        yield self._panel(DISCOVER, "discover", new, edge, keys)

    def _panel(self, view: str, slot: str, cases: Cases, edge: Edge, keys: NDArray[Any]) -> Panel:
        past = cases.met
        excluded = past if view == DISCOVER else None
        asked = View(ARRIVAL, view, "all that a visitor took next", cases, past, excluded)
        consent = {"personalization": True}
        bodies = [{"visitor": keys[unit], "consent": consent} for unit in cases.unit]
        ours = from_edge(edge.ask(slot, bodies, self.k), self.number, self.k)
        rankers = dict(self._rankers)
        if view == REPEATS:
            rankers[baselines.OWN] = baselines.own_again(past, len(self.item_ids))
        own = np.arange(len(self.item_ids), dtype=np.int32)
        scorer = Scorer(asked, own, self._popularity, SEED)
        shown = {name: timed(rank, asked, self.k) for name, rank in rankers.items()}
        scores = {name: scorer.scores(one.items) for name, one in shown.items()}
        return Panel(
            situation=ARRIVAL,
            view=view,
            says=asked.says,
            cases=len(cases),
            units=len(cases),
            results=[
                scorer.result(OURS, ours, baselines=scores, edge=ours),
                *(scorer.result(name, one) for name, one in shown.items()),
            ],
        )

    def _tests(self) -> tuple[Cases, Sets]:
        """Return a case for each visitor known from before; `unit` is their row."""
        row = {user: number for number, user in enumerate(self._users.tolist())}
        tests = [(row[user], wanted) for user, wanted in self.set.tests if user in row]
        rows = np.array([number for number, _ in tests], dtype=np.int64)
        counts = np.diff(self._history.indptr)[rows]
        starts = self._history.indptr[rows]
        indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
        at = np.repeat(starts - indptr[:-1], counts) + np.arange(indptr[-1])
        past = Sets(indptr, self._history.items[at])
        wanted = Sets(
            np.append(0, np.cumsum([len(items) for _, items in tests])).astype(np.int64),
            np.array([self.number[i] for _, items in tests for i in items], dtype=np.int32),
        )
        return plain_cases(ARRIVAL, past, wanted, rows), past

    def _keys(self, project: Project) -> NDArray[Any]:
        secrets = load_visitor_secrets(project.keys)
        secret = secrets.secrets[secrets.current]
        return np.array(
            [format_visitor_key(visitor_key(secret, USER, user)) for user in self._users.tolist()]
        )

    def write(self, folder: Path) -> list[Path]:
        """Write what is ingested into a folder."""
        files = []
        for name, relation in self.set.files.items():
            files.append(folder / f"{name}.parquet")
            relation.write_parquet(str(files[-1]))
        return files
