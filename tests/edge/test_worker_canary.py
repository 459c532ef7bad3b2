"""A canary at the edge: a stable share sees it, the rest what is live, and nobody a mixture."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from broken import head_of
from msgspec import structs
from toy_shop import ADAPTERS, RULES, World, compile_toy, make_project

from control_plane.deploy.canary_health import CanaryHealth, canary_health
from control_plane.deploy.history import promote, rollback
from control_plane.deploy.publish import publish
from control_plane.settings import Deploy

CONSENT = f"1.personalization+analytics.{int(time.time())}"
DEVICES = [f"{number:022d}" for number in range(400)]


class Shop(World):
    """A shop with a canary, and who sees it."""

    live: str
    canary: str

    def begin(self, share: float) -> None:
        """Show the canary to a share of the devices."""
        publish(self.target, self.project.build / "current", self.project, canary=share)

    def release(self, device: str | None, consent: str = CONSENT, slot: str = "home.hero") -> str:
        """Return the release that a browser's fragment is of."""
        cookies = {"fs_c": consent, **({"fs_id": device} if device else {})}
        answer = self.get(f"/_fs/slot/{slot}", cookies)
        assert answer.status_code == 200
        return answer.headers["frontshelf-decision"].split(".")[1]

    def seen_by(self, count: int = 100) -> dict[str, str]:
        return {device: self.release(device) for device in DEVICES[:count]}


@pytest.fixture(scope="module", params=ADAPTERS)
def shop(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Shop]:
    project = make_project(tmp_path_factory.mktemp("toy"))
    with ADAPTERS[request.param](project) as worker:
        shop = Shop(project, worker)
        shop.live = shop.publish()
        project.rules.write_text(RULES.replace("<b>new</b>", "<b>newer</b>"))
        shop.canary = compile_toy(project).release
        yield shop


@pytest.fixture(autouse=True)
def half(shop: Shop) -> Iterator[None]:
    """Half of the devices see the canary."""
    shop.begin(0.5)
    yield
    head = head_of(shop)
    if head.live.release != shop.live:
        rollback(shop.target, shop.project, shop.live)


def test_a_share_of_the_devices_sees_it_and_stays_with_it_as_it_grows(shop: Shop) -> None:
    half = shop.seen_by()
    assert set(half.values()) == {shop.live, shop.canary}
    # 100 fair coins: six standard deviations either side.
    assert 20 < Counter(half.values())[shop.canary] < 80
    assert shop.seen_by() == half
    shop.begin(0.8)
    more = shop.seen_by()
    had = {device for device, release in half.items() if release == shop.canary}
    have = {device for device, release in more.items() if release == shop.canary}
    assert had < have


def test_without_a_device_or_consent_everyone_sees_what_is_live(shop: Shop) -> None:
    shop.begin(0.999)
    one = next(device for device in DEVICES if shop.release(device) == shop.canary)
    assert shop.release(one, "1.none.1") == shop.live
    assert shop.release(None, "1.none.1") == shop.live
    crawler = shop.get("/_fs/slot/home.hero", user_agent="Googlebot/2.1")
    assert crawler.headers.get("frontshelf-decision") is None


def test_a_page_a_fragment_decide_and_flags_agree_on_who_sees_it(shop: Shop) -> None:
    for device in DEVICES[:12]:
        release = shop.release(device)
        cookies = {"fs_c": CONSENT, "fs_id": device}
        page = shop.get("/", cookies).text
        assert f".{release}." in page
        other = shop.canary if release == shop.live else shop.live
        assert f".{other}." not in page
        assert shop.decide("home.hero", device=device)["release"] == release
        flags = shop.worker.dispatch_fetch(
            "http://shop.example/ofrep/v1/evaluate/flags/home.hero",
            method="POST",
            headers={"authorization": "Bearer a-token"},
            content=json.dumps(
                {"context": {"targetingKey": device, "consent": {"personalization": True}}}
            ),
        )
        assert flags.json()["metadata"]["release"] == release


def test_health_tells_the_canary_and_its_share(shop: Shop) -> None:
    told = shop.get("/_fs/health").json()
    assert told["release"] == shop.live
    assert told["canary"] == {"release": shop.canary, "share": 0.5}


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_where_it_cannot_be_had_everyone_sees_what_is_live(shop: Shop, harm: str) -> None:
    manifest = head_of(shop).canary.manifest
    value = shop.kv.get(manifest, "bytes")
    rollback(shop.target, shop.project)
    assert set(shop.seen_by(20).values()) == {shop.live}
    shop.begin(0.5)
    if harm == "missing":
        shop.kv.delete(manifest)
    else:
        shop.kv.put(manifest, value[:-1] + bytes([value[-1] ^ 1]))
    try:
        assert set(shop.seen_by(20).values()) == {shop.live}
        if shop.platform == "cloudflare":  # no count outlives a request elsewhere
            code = "canary_missing" if harm == "missing" else "canary_digest"
            assert shop.get("/_fs/health").json()["faults"][code]
    finally:
        shop.kv.put(manifest, value)
    assert shop.canary in shop.seen_by(20).values()


def restart(shop: Shop) -> None:
    """Begin with an empty memory."""
    options = shop.worker.options
    shop.worker.set_options(structs.replace(options, variables={**options.variables, "COLD": "1"}))


def health_of(shop: Shop) -> CanaryHealth:
    head = head_of(shop)
    return canary_health(shop.target, head, head.canary, Deploy(canary_decisions=1))


def test_isolates_put_counts_of_both_releases_into_the_store(shop: Shop) -> None:
    if shop.platform == "akamai":
        # No memory outlives a request there, so nothing is counted, and nothing promoted by rule.
        assert health_of(shop).verdict == "waiting"
        return
    restart(shop)
    seen = Counter(shop.release(device, slot="home.recommended") for device in DEVICES[:30])
    ends = time.monotonic() + 20

    def told() -> dict[str, Any]:
        shop.release(DEVICES[0])
        keys = list(shop.target.keys(f"h-{shop.canary}-"))
        return json.loads(shop.kv.get(keys[0])) if keys else {}

    while not (counts := told()):
        assert time.monotonic() < ends, "an isolate tells after five seconds"
        time.sleep(0.1)
    for release, count in seen.items():
        tally = counts["releases"][release]
        assert tally["decisions"] >= count
        assert (tally["faults"], tally["empty"]) == (0, 0)
    assert sum(tally["reads"] for tally in counts["releases"].values()) > 0
    text = json.dumps(counts)
    assert not any(device in text for device in DEVICES)
    health = health_of(shop)
    assert (health.verdict, health.isolates) == ("healthy", 1)


def test_promoting_shows_it_to_everyone(shop: Shop) -> None:
    promote(shop.target, shop.project)
    assert set(shop.seen_by(20).values()) == {shop.canary}
    assert shop.release(None, "1.none.1") == shop.canary
    assert shop.get("/_fs/health").json()["canary"] is None


def test_ending_it_shows_everyone_what_is_live(shop: Shop) -> None:
    rollback(shop.target, shop.project)
    assert set(shop.seen_by(20).values()) == {shop.live}
