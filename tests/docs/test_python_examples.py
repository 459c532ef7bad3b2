"""The Python that the guide to the edge shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse

from control_plane.emulator.server import ServerThread
from control_plane.keyring import make_keys

GUIDE = Path(__file__).parents[2] / "docs" / "edge.md"
SHOP = "http://127.0.0.1:3000"
SCRIPT = "export default {fetch: (request, env) => env.SHELF.get('i-1').then(() => new Response())}"


def test_the_guides_examples_run_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys(tmp_path / "shop" / "keys")
    (tmp_path / "shop" / "frontshelf.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
    assert len(blocks) == 4
    shop = ServerThread(HTMLResponse("<html><div data-fs-slot='home.hero'>own</div></html>"))
    shown = {"script": SCRIPT}
    try:
        for block in blocks:
            exec(compile(block.replace(SHOP, shop.url), GUIDE.name, "exec"), shown)
        shown["test_the_home_page_comes_whole_whatever_the_store_does"]()
    finally:
        shop.close()
