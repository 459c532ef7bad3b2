"""`frontshelf evaluate` as people and machines call it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import control_plane.cli.evaluate as command
from control_plane.cli.main import main
from control_plane.evaluation.page import evaluation_page
from control_plane.evaluation.report import EdgeFigures, Evaluation
from control_plane.evaluation.run import Choices, evaluate
from control_plane.evaluation.words import disagreements
from control_plane.settings import Project

GUIDE = Path(__file__).parents[2] / "docs" / "evaluate.md"


def call(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", "--project", str(project.root), *arguments])


def test_machines_get_every_figure(walkers: Project) -> None:
    result = call(walkers, "--days", "1", "--limit", "4", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    shelf = found["panels"][0]["results"][0]
    assert shelf["measures"]["hr"].keys() == {"value", "low", "high"}
    assert shelf["beyond"]["popular items"]["mrr"].keys() == {"value", "low", "high"}
    assert shelf["spread"].keys() == {"coverage", "novelty", "popularity", "gini"}
    assert found["trained"] is True
    assert found["each"]["item"] > 0


def test_people_get_the_summary_first_and_a_page_where_they_want_one(
    walkers: Project, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    result = call(walkers, "--since", "2026-03-11", "--limit", "4", "--html", str(page))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[2].startswith("Of 100 visitors in the middle of a session")
    html = page.read_text(encoding="utf-8")
    assert html.index("Of 100 visitors") < html.index("<svg") < html.index("NDCG at 4")
    assert not re.search(r"(?:src|href)=\"(?!#)", html)


def test_two_ways_to_cut_at_once_are_refused(walkers: Project) -> None:
    result = call(walkers, "--since", "2026-03-11", "--days", "2")
    assert result.exit_code == 2
    assert "--since and --days exclude each other" in result.stderr


def test_a_time_that_is_none_is_refused(walkers: Project) -> None:
    result = call(walkers, "--since", "yesterday")
    assert result.exit_code == 2
    assert "--since: 'yesterday' is not a time" in result.stderr


def test_a_worker_that_answers_otherwise_ends_with_status_1(
    walkers: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = with_other_lists(evaluate(walkers, Choices(days=1, k=4)))
    monkeypatch.setattr(command, "run_evaluation", lambda *_, **__: found)
    result = call(walkers, "--days", "1", "--through-edge")
    assert result.exit_code == 1
    assert "answers otherwise than worked out here" in result.stderr
    assert "60.0% of the worker's lists" in result.stderr


def with_other_lists(found: Evaluation) -> Evaluation:
    """Return the report with a first shelf whose worker shows other lists."""
    panel = found.panels[0]
    shelf = panel.results[0]
    other = {name: one.value - 0.1 for name, one in shelf.measures.items()}
    edge = EdgeFigures(identical=0.6, measures=other, p50_ms=1.0, p95_ms=1.0, p99_ms=1.0)
    shelf = msgspec.structs.replace(shelf, edge=edge)
    panel = msgspec.structs.replace(panel, results=[shelf, *panel.results[1:]])
    changed = msgspec.structs.replace(found, panels=[panel, *found.panels[1:]])
    return msgspec.structs.replace(changed, disagreements=disagreements(changed))


def test_the_same_report_makes_the_same_page(walkers: Project) -> None:
    found = evaluate(walkers, Choices(days=1, k=4))
    assert evaluation_page(found) == evaluation_page(found)


def test_the_guides_python_runs(
    walkers: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    monkeypatch.chdir(walkers.root)
    exec(compile(block, GUIDE.name, "exec"), {})
    assert "in a session discover standard-discover" in capsys.readouterr().out
