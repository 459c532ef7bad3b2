"""The toy shop of walkers, taken in once."""

from __future__ import annotations

import pytest
from toy_walkers import item_lines, log_lines, make_shop, take_in

from control_plane.settings import Project


@pytest.fixture(scope="session")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The toy shop's project: events, catalogue, rules, keys; never trained."""
    project = make_shop(tmp_path_factory.mktemp("walkers"))
    for name, lines in (("events", log_lines()), ("items", item_lines())):
        take_in(project, project.root / f"{name}.csv", list(lines))
    return project
