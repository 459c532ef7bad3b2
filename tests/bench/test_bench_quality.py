"""A made-up public set goes the whole way, from its file to the running edge's answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from control_plane.bench import public_visitors
from control_plane.bench.quality import bench_quality
from control_plane.cli.main import main
from control_plane.cli.quality_text import quality_lines
from control_plane.errors import InputError
from control_plane.evaluation.baselines import POPULAR
from control_plane.evaluation.nearest_sessions import VMIS, VSTAN

DAYS = 20


def write_circle(folder: Path) -> None:
    """Write sessions that walk a circle of thirty items, three steps each, every day."""
    lines = ["session_id;user_id;item_id;timeframe;eventdate"]
    for day in range(1, DAYS + 1):
        for start in range(30):
            for step in range(4):
                item = f"i{(start + step) % 30}"
                lines.append(f"{day}-{start};NA;{item};{1000 * step};2016-05-{day:02}")
    folder.mkdir()
    (folder / "train-item-views.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
def test_the_edge_finds_the_way_of_a_circle(tmp_path: Path) -> None:
    write_circle(tmp_path / "diginetica")
    said: list[str] = []
    report = bench_quality(tmp_path, ["diginetica"], said.append, k=5, keep=tmp_path / "kept")
    (found,) = report.sets
    assert found.learned == {"sessions": 13 * 30, "clicks": 13 * 30 * 4}
    repeats, discover = found.panels
    # Every session's three next steps are tested, and none goes back.
    assert repeats.cases == discover.cases == 7 * 30 * 3
    ours, *others = discover.results
    assert ours.measures["hr"].value == 1.0
    by_name = {one.name: one for one in others}
    assert by_name[VMIS].measures["hr"].value == by_name[VSTAN].measures["hr"].value == 1.0
    assert by_name[POPULAR].measures["hr"].value < 0.3
    assert all(bar.met for bar in found.bars)
    assert {"ingest train", "train", "compile"} <= found.steps.keys()
    assert (tmp_path / "kept" / "diginetica" / "models" / "model.npz").is_file()
    assert any("Frontshelf, as the edge answers" in line for line in quality_lines(report))
    assert "diginetica: train" in said


def test_a_folder_without_any_public_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_visitors, "GROCERIES_MODULE", "nothing_of_this_name")
    with pytest.raises(InputError, match="no public data set") as raised:
        bench_quality(tmp_path, (), print)
    assert "diginetica/train-item-views.csv" in str(raised.value)


def test_a_set_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    write_circle(tmp_path / "diginetica")
    arguments = ["bench", "quality", "--data", str(tmp_path), "--set", "tmall", "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "--set: no data of tmall" in result.stderr
