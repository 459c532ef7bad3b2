"""What tests of engines share."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_walkers import item_lines, log_lines, make_shop, take_in

from control_plane.settings import Project


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """The toy shop with its log."""
    project = make_shop(tmp_path)
    take_in(project, tmp_path / "items.csv", list(item_lines()))
    take_in(project, tmp_path / "log.csv", list(log_lines()))
    return project
