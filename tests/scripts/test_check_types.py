"""The check of the worker's types finds what is wrong, and core/ has no platform's globals."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
from check_types import check

BUNDLE = {
    "core/a.js": "/** @param {string} text */\nexport const a = (text) => text.length;\n",
    "cloudflare.js": 'import sdk from "./sdk.js";\nexport default new Response(sdk);\n',
    "akamai/main.js": 'import { a } from "./core/a.js";\nexport const b = a("b");\n',
    "pages/c.js": "export const c = document.title;\n",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("cloudflare.js", 'import { a } from "./core/a.js";\na(1);\n', "cloudflare.js(2,3)"),
        ("core/a.js", "export const a = (/** @type {string} */ t) => fetch(t);\n", "core/a.js(1,"),
        ("akamai/main.js", "export const b = (text) => text;\n", "akamai/main.js(1,19)"),
        ("pages/c.js", "export const c = env.SHELF;\n", "pages/c.js(1,18)"),
        (None, "", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, source, said):
    for file, text in {**BUNDLE, **({name: source} if name else {})}.items():
        (tmp_path / "bundle" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / file).write_text(text)
    found = check(tmp_path / "bundle", tmp_path / "scratch")
    assert said in found
    assert bool(found) == bool(name)
