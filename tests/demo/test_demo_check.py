"""The demo's own check does not pass where there is no edge."""

from __future__ import annotations

from pathlib import Path

import pytest

from control_plane.demo.check import check_edge
from control_plane.demo.sample import generate
from control_plane.demo.storefront import StorefrontServer
from control_plane.errors import PlatformError


def test_an_origin_without_an_edge_fails_with_a_message(tmp_path: Path) -> None:
    generate(tmp_path, products=80, visitors=60)
    with (
        StorefrontServer(tmp_path) as store,
        pytest.raises(PlatformError, match="does not answer as an edge"),
    ):
        check_edge(store.url, tmp_path)


def test_an_address_where_nothing_listens_fails_with_a_message(tmp_path: Path) -> None:
    generate(tmp_path, products=80, visitors=60)
    with StorefrontServer(tmp_path) as store:
        left = store.url
    with pytest.raises(PlatformError, match="does not answer as an edge"):
        check_edge(left, tmp_path)
