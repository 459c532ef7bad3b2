"""What makes a decision cheap holds what the plain way held."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_shop import BUNDLE, World, make_project, variables

from control_plane.emulator.miniflare import Miniflare, Options

few = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
keys = st.binary(max_size=200)
messages = st.text(st.characters(codec="utf-8"), max_size=300)

#: Says whether the bundle answers a call at once, or makes a promise of it.
TELLER = """
import worker from "./cloudflare.js";
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    const answered = worker.fetch(request, env, ctx);
    const atOnce = !(answered instanceof Promise);
    const { status } = await answered;
    return Response.json({ pathname, status, atOnce });
  },
};
"""


@few
@given(cases=st.lists(st.tuples(keys, messages), min_size=1, max_size=20))
def test_signatures_are_those_of_python(probe: Any, cases: list[tuple[bytes, str]]) -> None:
    sent = [(base64.b64encode(key).decode(), message) for key, message in cases]
    expected = [
        list(hmac.new(key, message.encode(), hashlib.sha256).digest()) for key, message in cases
    ]
    assert probe("hmac", cases=sent) == expected


def test_only_our_cookies_are_read_and_the_first_of_a_name(probe: Any) -> None:
    cases = {
        "fs_id=a": {"fs_id": "a"},
        "x=1; fs_id=a; y=2;fs_c=b": {"fs_id": "a", "fs_c": "b"},
        "fs_id=a; fs_id=b": {"fs_id": "a"},
        "fs_id=; fs_id=b": {"fs_id": ""},
        " fs_id = a ;\tfs_s=1=2": {"fs_id": "a", "fs_s": "1=2"},
        "xfs_id=a; x=fs_id=b; fs_idx=c; fs_id": {},
        "x=fs_c; fs_u=d": {"fs_u": "d"},
        "__proto__=a; fs___proto__=b; fs_constructor=c": {},
        f"fs_s={'a' * 3000}": {"fs_s": ""},
        "": {},
    }
    assert probe("cookies", headers=list(cases)) == list(cases.values())


@few
@given(text=st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z"]), max_size=60))
def test_markup_in_ascii_reads_the_same(probe: Any, text: str) -> None:
    shown = html.escape(text)
    (made,) = probe("ascii", texts=[shown])
    assert made.isascii()
    assert html.unescape(made) == html.unescape(shown)


def test_control_characters_that_references_cannot_name_are_left_out(probe: Any) -> None:
    assert probe("ascii", texts=["a\x80\x9fb"]) == ["ab"]


def test_scripts_and_styles_keep_their_letters(probe: Any) -> None:
    texts = ["<p>é</p><script>'é'</script><STYLE>.é{}</STYLE>é", "<script>'€"]
    made = probe("ascii", texts=texts)
    assert made == [
        "<p>&#233;</p><script>'é'</script><STYLE>.é{}</STYLE>&#233;",
        "<script>'&#8364;",
    ]


def test_a_decision_whose_values_are_in_memory_is_made_without_a_promise(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(BUNDLE, bundle, ignore=shutil.ignore_patterns("node_modules"))
    (bundle / "teller.js").write_text(TELLER)
    config = (bundle / "wrangler.jsonc").read_text()
    (bundle / "wrangler.jsonc").write_text(config.replace('"cloudflare.js"', '"teller.js"'))
    project = make_project(tmp_path / "shop")
    options = Options(
        config_path=bundle / "wrangler.jsonc",
        variables={**variables(project), "HEAD_SECONDS": "3600"},
    )
    with Miniflare(options) as worker:
        world = World(project, worker)
        world.publish()
        cookies = {"fs_c": "1.personalization.1", "fs_id": "D" * 22}
        for path in ("/_fs/slot/home.recommended", "/_fs/slot/home.hero"):
            first, second = (json.loads(world.get(path, cookies).text) for _ in range(2))
            assert first["status"] == second["status"] == 200
            assert second["atOnce"]
