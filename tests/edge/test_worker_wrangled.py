"""What an unmodified wrangler uploads does what the modules do, and stays within its budget."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_worker_decides
import test_worker_pages
from toy_shop import BUNDLE, World, make_project, origin, variables
from wrangled import start_wrangled, wrangle

from control_plane.deploy.preview import Preview, preview_token
from control_plane.deploy.wrangler import read_wrangler

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("world", ["wrangled"], indirect=True)]

#: Bytes as gzip -9 makes them; these bounds may only fall. The main script is counted without the
#: two that it serves as text and without those it loads when a request or release needs them.
#: Wrangler minifies the main script alone.
BUDGETS = {"cloudflare.js": 20_000, "sdk.js": 5_000, "consent.js": 6_000}
EXTRAS_BYTES = 60_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The toy shop, served by the bundled and minified worker."""
    project = make_project(tmp_path_factory.mktemp("wrangled"))
    defaults = read_wrangler(BUNDLE / "wrangler.jsonc").vars
    said = {**defaults, **variables(project)}
    with start_wrangled(variables=said, origin=origin) as worker:
        world = World(project, worker)
        world.publish()
        yield world


for module in (test_worker_decides, test_worker_pages):
    globals().update({name: test for name, test in vars(module).items() if name[:5] == "test_"})


def test_what_is_uploaded_stays_within_its_budget(world: World) -> None:
    sizes = {name: len(gzip.compress(source, 9)) for name, source in wrangle().items()}
    extras = {n: s for n, s in sizes.items() if n.startswith(("extras/", "cloudflare/"))}
    assert set(sizes) == set(BUDGETS) | set(extras)
    for name, budget in BUDGETS.items():
        assert sizes[name] <= budget, f"{name} is {sizes[name]} bytes gzipped: at most {budget}"
    assert sum(extras.values()) <= EXTRAS_BYTES, extras


def test_what_few_requests_need_is_loaded_by_the_first_that_does(world: World) -> None:
    token = preview_token(Preview(until=int(time.time()) + 60, country="FR"), world.project)
    page = world.get("/", {"fs_p": token})
    assert 'id="fs-preview"' in page.text
    assert "nouveau" in page.text
    assert world.decide("home.hero", explain=True)["explain"]["format"] == 2
    flags = world.worker.dispatch_fetch(
        "http://shop.example/ofrep/v1/evaluate/flags", method="POST", content="{}"
    )
    assert flags.json()["flags"]
    assert world.get("/_fs/health").json()["faults"].get("extra_failed") is None


def test_a_release_of_the_format_before_serves(world: World) -> None:
    kept = json.loads(Path(__file__).with_name("format1.json").read_text())
    said = {**read_wrangler(BUNDLE / "wrangler.jsonc").vars, **variables(world.project)}
    with start_wrangled(variables={**said, **kept["variables"]}, origin=origin) as worker:
        old = World(world.project, worker)
        for key, value in kept["values"].items():
            old.kv.put(key, base64.b64decode(value))
        assert "Hat &lt;hat-0&gt;" in old.get("/_fs/slot/home.recommended").text


@pytest.mark.parametrize("name", ["sdk.js", "consent.js"])
def test_the_scripts_are_served_as_they_are_in_the_bundle(world: World, name: str) -> None:
    served = world.get(f"/_fs/{name}").content
    assert served in wrangle().values()
