"""A toy shop evaluated from its log to the running worker's answers."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from toy_shop import toy_model
from toy_walkers import make_shop, take_in

from control_plane.errors import InputError
from control_plane.evaluation.baselines import OWN, POPULAR
from control_plane.evaluation.panels import DISCOVER, PAGE, REPEATS
from control_plane.evaluation.report import Evaluation, Panel, Result
from control_plane.evaluation.run import Choices, evaluate
from control_plane.models.artifacts import save
from control_plane.models.train import train
from control_plane.settings import Project

#: The last day begins here.
LAST_DAY = 1_773_223_200


def files_of(root: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def found(walkers: Project) -> Evaluation:
    before = files_of(walkers.root)
    result = evaluate(walkers, Choices(since=LAST_DAY, k=4, through_edge=True))
    assert files_of(walkers.root) == before
    return result


def panel(found: Evaluation, situation: str, view: str) -> Panel:
    return next(p for p in found.panels if (p.situation, p.view) == (situation, view))


def result(found: Evaluation, situation: str, view: str, name: str) -> Result:
    return next(one for one in panel(found, situation, view).results if one.name == name)


def test_the_running_worker_answers_exactly_as_worked_out(found: Evaluation) -> None:
    shelves = [one for p in found.panels for one in p.results if not one.baseline]
    assert {one.name for one in shelves} == {
        "standard",
        "standard-discover",
        "strip",
        "beside",
        "again",
        "pushed",
        "fresh",
    }
    for one in shelves:
        assert one.edge
        assert one.edge.identical == 1.0, one.name
        assert one.edge.measures == {name: e.value for name, e in one.measures.items()}
    assert not found.disagreements


def test_everybody_walks_on_as_before_so_that_every_next_step_is_shown(found: Evaluation) -> None:
    last = panel(found, "in a session", DISCOVER)
    # Twelve newcomers take three next steps each; two of them end with a variant of the last.
    assert (last.cases, last.units) == (34, 12)
    assert result(found, "in a session", DISCOVER, "standard-discover").measures["hr"].value == 1
    assert result(found, "in a session", DISCOVER, POPULAR).measures["hr"].value < 1


def test_differences_from_baselines_are_paired(found: Evaluation) -> None:
    one = result(found, "in a session", DISCOVER, "standard-discover")
    other = result(found, "in a session", DISCOVER, POPULAR)
    apart = one.beyond[POPULAR]["hr"]
    assert apart.value == pytest.approx(1 - other.measures["hr"].value)
    assert apart.low > 0


def test_known_visitors_are_tested_before_their_first_click(found: Evaluation) -> None:
    arrival = panel(found, "on arrival", REPEATS)
    assert arrival.units == arrival.cases == 12
    assert result(found, "on arrival", REPEATS, OWN).measures["hr"].value == 1


def test_shelves_of_an_items_page_are_asked_on_it(found: Evaluation) -> None:
    assert result(found, "in a session", PAGE, "beside").reasons
    names = {one.name for one in panel(found, "in a session", REPEATS).results}
    assert "beside" not in names
    # The page's own product is never shown, so that nobody is blamed for not repeating it.
    assert panel(found, "in a session", PAGE).cases == 24 * 3 - 4


def test_figures_stand_by_segment_session_and_country(found: Evaluation) -> None:
    groups = result(found, "in a session", REPEATS, "standard").groups
    assert set(groups) == {"segment", "session so far", "country"}
    assert (
        groups["country"]["FR"].cases
        > groups["country"].get("DE", groups["country"]["FR"]).cases - 1
    )


def test_few_visitors_are_said(found: Evaluation) -> None:
    assert any("in a session, discover: 12;" in text for text in found.warnings)


def test_the_summary_is_for_everybody(found: Evaluation) -> None:
    assert found.summary[0].startswith("Of 100 visitors in the middle of a session, ")
    assert "among the 4 shown" in found.summary[0]


def test_the_same_log_gives_the_same_report(walkers: Project, found: Evaluation) -> None:
    again = evaluate(walkers, Choices(since=LAST_DAY, k=4))

    def figures(one: Evaluation) -> list[object]:
        return [(r.name, r.measures, r.spread, r.beyond) for p in one.panels for r in p.results]

    assert figures(again) == figures(found)
    assert again.seconds.keys() == found.seconds.keys()


def test_the_newest_share_of_sessions_is_tested_unless_a_time_is_named(walkers: Project) -> None:
    found = evaluate(walkers, Choices(share=0.1))
    assert found.since == "2026-03-11 10:00:00 UTC"
    assert evaluate(walkers, Choices(days=1)).events["newer"] == found.events["newer"]


def test_a_model_is_not_tested_with_what_it_learned_from(walkers: Project, tmp_path: Path) -> None:
    trained = msgspec.structs.replace(walkers, root=tmp_path)
    for name in ("data", "keys"):
        (tmp_path / name).symlink_to(walkers.root / name)
    train(trained)
    with pytest.raises(InputError, match="learned from events until 2026-03-11") as raised:
        evaluate(walkers, Choices(model=trained.models, since=LAST_DAY))
    assert "not tested with what it learned from" in str(raised.value)
    with pytest.raises(InputError, match="no event is as new, to test with"):
        evaluate(walkers, Choices(model=trained.models))


def test_a_model_of_another_shop_is_refused(walkers: Project, tmp_path: Path) -> None:
    model = toy_model(walkers)
    names = [f"other-{item}" for item in model.item_ids]
    changed = {"item_ids": names, "model_time": "2026-03-10T23:00:00Z"}
    save(msgspec.structs.replace(model, **changed), tmp_path)
    with pytest.raises(InputError, match="the model knows 'other-"):
        evaluate(walkers, Choices(model=tmp_path))


@pytest.mark.parametrize(
    ("since", "lacks"),
    [(1_000_000_000, "older, to learn from"), (2_000_000_000, "as new, to test")],
)
def test_a_cut_that_leaves_nothing_is_refused(walkers: Project, since: int, lacks: str) -> None:
    with pytest.raises(InputError, match=lacks):
        evaluate(walkers, Choices(since=since))


def test_a_test_without_a_second_step_is_refused(tmp_path: Path) -> None:
    project = make_shop(tmp_path)
    lines = [f"2026-03-{day:02}T10:00:00Z,hat-{day % 3},s{day}" for day in range(1, 29)]
    take_in(project, tmp_path / "events.csv", ["timestamp,item_id,session_id", *lines])
    with pytest.raises(InputError, match="nobody took a second step"):
        evaluate(project)


def test_a_log_without_any_interest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no event of the log shows an interest"):
        evaluate(make_shop(tmp_path))
