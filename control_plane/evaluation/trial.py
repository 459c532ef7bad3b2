"""One release on trial: its shelves and the plain methods, view by view."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from control_plane.errors import InputError
from control_plane.evaluation.ask import (
    Asked,
    Shown,
    ask_for,
    from_edge,
    history_group,
    show_offline,
)
from control_plane.evaluation.baselines import Ranker
from control_plane.evaluation.cases import arrival_cases, past_of, session_cases
from control_plane.evaluation.clock import Clock
from control_plane.evaluation.edge import Edge
from control_plane.evaluation.measure import Scorer
from control_plane.evaluation.panels import Baselines, View, fits, make_views
from control_plane.evaluation.report import Panel
from control_plane.evaluation.split import iso
from control_plane.evaluation.tables import Tables
from control_plane.models.artifacts import Model
from control_plane.profiles.interest import Interest
from control_plane.profiles.sessions import session_table
from control_plane.rules.shapes import Items


class Trial:
    """Shows every case of an interest log since a moment to shelves and plain methods.

    `product` are the items' products (`cases.product_numbers`), `k` the length of lists; at most
    `most_cases` next steps are tried, drawn by `seed`. Raises InputError when there is none.
    """

    def __init__(
        self,
        interest: Interest,
        product: NDArray[np.int32],
        since: int,
        *,
        model: Model,
        k: int,
        most_cases: int,
        seed: int,
    ) -> None:
        self._interest, self._product, self._model = interest, product, model
        self._k, self._seed = k, seed
        session = session_cases(interest, product, since, most_cases, seed)
        arrival = arrival_cases(interest, product, since, model.visitors.keys)
        if not len(session) and not len(arrival):
            raise InputError(
                f"since {iso(since)} nobody took a second step in a session, and no known "
                "visitor came back",
                remedy="Name an earlier time with --since, or wait for more events.",
            )
        self._views = make_views(session, arrival, past_of(interest, product, since))
        self._number = {item: number for number, item in enumerate(interest.item_ids)}
        old = interest.seconds < since
        self._popularity = _popularity(interest, product, old)
        sessions = session_table(
            interest.session[old],
            interest.person[old],
            product[interest.item[old]],
            interest.event[old],
            interest.kind[old],
            interest.seconds[old],
        )
        self._baselines = Baselines(sessions, self._popularity)

    def panels(
        self, tables: Tables, shelves: dict[str, Items], edge: Edge | None, clock: Clock
    ) -> list[Panel]:
        """Return the results of every view that a shelf is meant for."""
        numbers = self._numbers(tables)
        panels = []
        for view in self._views:
            meant = {name: items for name, items in shelves.items() if fits(items, view)}
            if meant:
                with clock.step(f"testing {view.situation}, {view.view}"):
                    asked = ask_for(view, self._model, tables, self._interest)
                    shown = {
                        name: show_offline(tables, tables.contents[name], asked, numbers, self._k)
                        for name in meant
                    }
                    served = self._served(edge, asked, meant) if edge else {}
                    panels.append(self._panel(view, meant, asked, shown, served))
        return panels

    def _numbers(self, tables: Tables) -> NDArray[np.int32]:
        """Return the log's number of each of the release's items."""
        strange = [sku for sku in tables.skus if sku not in self._number]
        if strange:
            raise InputError(
                f"the model knows {strange[0]!r}, which neither the log nor the catalogue does",
                field="--model",
                remedy="Test a model that was trained on this project's events.",
            )
        return np.array([self._number[sku] for sku in tables.skus], dtype=np.int32)

    def _served(self, edge: Edge, asked: Asked, shelves: Iterable[str]) -> dict[str, Shown]:
        return {
            name: from_edge(edge.ask(name, asked.bodies, self._k), self._number, self._k)
            for name in shelves
        }

    def _panel(
        self,
        view: View,
        shelves: dict[str, Items],
        asked: Asked,
        shown: dict[str, Shown],
        served: dict[str, Shown],
    ) -> Panel:
        scorer = Scorer(view, self._product, self._popularity, self._seed)
        plain = {
            name: timed(rank, view, self._k) for name, rank in self._baselines.of(view).items()
        }
        scores = {name: scorer.scores(one.items) for name, one in plain.items()}
        groups = {
            "segment": asked.segment,
            "session so far": history_group(view),
            "country": [visit.country for visit in asked.visits],
        }
        results = [
            scorer.result(
                name,
                shown[name],
                baselines=scores,
                groups=groups,
                stages=[" + ".join(source for source, _ in stage) for stage in items.stages],
                edge=served.get(name),
            )
            for name, items in shelves.items()
        ]
        results += [scorer.result(name, one) for name, one in plain.items()]
        return Panel(
            situation=view.situation,
            view=view.view,
            says=view.says,
            cases=len(view.cases),
            units=len(np.unique(view.cases.unit)),
            results=results,
        )


def timed(rank: Ranker, view: View, k: int) -> Shown:
    """Return a method's lists for a view, with the CPU a list took."""
    started = time.process_time()
    items = rank(view.cases.met, view.excluded, k)
    return Shown(items, [], [(time.process_time() - started) / max(1, len(view.cases))])


def _popularity(
    interest: Interest, product: NDArray[np.int32], rows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return which share of people, or of sessions of nobody, met each product in `rows`."""
    person, items = interest.person[rows].astype(np.int64), len(interest.item_ids)
    unit = np.where(person >= 0, person, len(interest.people) + interest.session[rows])
    cells = np.unique(unit * max(items, 1) + product[interest.item[rows]])
    people = len(np.unique(unit))
    return np.bincount(cells % max(items, 1), minlength=items) / max(1, people)
