"""wrangler.jsonc and the modules it leads to."""

from importlib.resources import files
from pathlib import Path

import pytest

from control_plane.deploy.jsonc import parse_jsonc
from control_plane.deploy.modules import collect_modules, inline_modules
from control_plane.deploy.wrangler import Rule, read_wrangler
from control_plane.errors import InputError

MINIMAL = '"name": "w", "main": "w.js", "compatibility_date": "2026-06-01"'


def write(tmp_path, text):
    file = tmp_path / "wrangler.jsonc"
    file.write_text(text)
    return file


def test_comments_and_trailing_commas_are_read_over():
    text = """{ // one
      /* two
         lines */ "a": [1, 2, ], // three
      "b": "no // comment, /* here */ , }", "c": "\\\\", "d": "\\"//",
    }"""
    assert parse_jsonc(text, "f") == {
        "a": [1, 2],
        "b": "no // comment, /* here */ , }",
        "c": "\\",
        "d": '"//',
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [('{\n/* a\n b */\n"a" 1}', 4), ('{"a": 1,\n\n"b" 2}', 3), ('{\n"a": "x\n"}', 2), ("", 1)],
)
def test_a_mistake_is_told_with_its_line(text, line):
    with pytest.raises(InputError) as caught:
        parse_jsonc(text, "wrangler.jsonc")
    assert caught.value.line == line


def test_a_worker_is_read(tmp_path):
    file = write(tmp_path, "{" + MINIMAL + ', "kv_namespaces": [{"binding": "KV"}]}')
    config = read_wrangler(file)
    assert (config.name, config.main, config.kv_namespaces[0].binding) == ("w", "w.js", "KV")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("{" + MINIMAL + ',\n"kv_namespace": []}', 2, "Did you mean 'kv_namespaces'"),
        ("{" + MINIMAL + ',\n"rules": [{"type": "Txt", "globs": []}]}', 2, "Txt"),
        ('{"name": "w"}', None, "missing required field `main`"),
        ("[]", 1, "not a JSON object"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, line, words):
    with pytest.raises(InputError, match="wrangler") as caught:
        read_wrangler(write(tmp_path, text))
    assert caught.value.line == line
    assert words in str(caught.value)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such worker configuration"):
        read_wrangler(tmp_path / "wrangler.jsonc")


SOURCES = {
    "main.js": """
import { a } from "./core/a.js";
import
  b, { c as d }
  from './b.js';
import "./effect.js";
export * from "./core/deep/e.js";
import text from "./text.js";
import { z } from "node:crypto";
/** @type {import("./types.js").T} */
const s = 'import x from "./no.js"';
 * import y from "./comment.js"
""",
    "core/a.js": 'export { default as x } from "../b.js";',
    "b.js": "export default 1;",
    "effect.js": "",
    "core/deep/e.js": 'import "../a.js"; import("./dynamic.js");',
    "text.js": "import './never-followed.js'",
}
TEXT = [
    Rule(type="Text", globs=("**/text.js", "text.js")),
    Rule(type="ESModule", globs=("*.js", "core/**/*.js")),
]


def test_static_imports_are_followed_and_nothing_else():
    found = {module.name: module.kind for module in inline_modules(SOURCES, "main.js", TEXT)}
    assert found == dict.fromkeys(SOURCES, "esModule") | {"text.js": "text"}
    assert next(iter(found)) == "main.js"


def test_minified_imports_are_followed_too():
    sources = {
        "main.js": "import a from'./a.js';function x(){}import{b as c}from\"./b.js\";"
        "import'./c.js';export{x};export*from'./d.js'; // then; import './not.js'",
        "a.js": "", "b.js": "", "c.js": "", "d.js": "",
    }  # fmt: skip
    assert {module.name for module in inline_modules(sources, "main.js")} == set(sources)


def test_a_missing_import_is_told_with_file_and_line(tmp_path):
    (tmp_path / "main.js").write_text('// first\nimport x from "./gone.js";\n')
    with pytest.raises(InputError, match=r"gone\.js") as caught:
        collect_modules(tmp_path, "main.js")
    assert (caught.value.file, caught.value.line) == (tmp_path / "main.js", 2)


def test_a_module_that_would_not_be_uploaded_is_refused(tmp_path):
    (tmp_path / "main.js").write_text('import "./other/x.js";')
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.js").write_text("")
    assert len(collect_modules(tmp_path, "main.js", TEXT)) == 2
    with pytest.raises(InputError, match="no rule names"):
        collect_modules(tmp_path, "main.js", TEXT, only_rules=True)


def test_a_bundlers_rule_matches_the_words_of_an_import():
    sources = {
        "main.js": 'import "./page.js";\nimport "./core/page.js";\nimport "./deep/other.js";',
        "page.js": "<b>a page</b>",
        "core/page.js": "never read as JavaScript: import './gone.js'",
        "deep/other.js": 'import "../sdk.js";',
        "sdk.js": "",
    }
    rules = [Rule(type="Text", globs=("*/page.js", "sdk.js"))]
    kinds = {module.name: module.kind for module in inline_modules(sources, "main.js", rules)}
    assert {name for name, kind in kinds.items() if kind == "text"} == {"page.js", "core/page.js"}


ATTACHED = {
    "main.js": 'const late = () => import("./extras/a.js");\nimport "./core.js";',
    "core.js": "",
    "extras/a.js": 'import "./b.js";',
    "extras/b.js": "",
    "other/extras/c.js": "",
    "left.js": "",
}
EXTRAS = [Rule(type="ESModule", globs=("**/extras/*.js",))]


def test_what_a_rule_names_is_attached_for_imports_at_run_time():
    found = inline_modules(ATTACHED, "main.js", EXTRAS, additional=True)
    assert {module.name for module in found} == set(ATTACHED) - {"left.js"}
    assert found[0].name == "main.js"
    assert {module.name for module in inline_modules(ATTACHED, "main.js", EXTRAS)} == {
        "main.js",
        "core.js",
    }


def test_attached_modules_are_found_in_folders_too(tmp_path):
    for name, source in ATTACHED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    found = collect_modules(tmp_path, "main.js", EXTRAS, additional=True)
    assert {module.name for module in found} == set(ATTACHED) - {"left.js"}


def test_an_attached_module_cannot_import_what_is_bundled():
    sources = {**ATTACHED, "extras/b.js": '// first\nimport "../core.js";'}
    with pytest.raises(InputError, match=r"imports 'core\.js'.*bundled") as caught:
        inline_modules(sources, "main.js", EXTRAS, additional=True)
    assert (caught.value.file, caught.value.line) == (Path("extras/b.js"), 2)


def test_the_bundle_takes_what_pages_load_as_text_and_nothing_else():
    config = read_wrangler(Path(str(files("edge_bundle"))) / "wrangler.jsonc")
    folder = config.file.parent
    modules = collect_modules(
        folder, config.main, config.rules, additional=config.find_additional_modules
    )
    kinds = {module.name: module.kind for module in modules}
    assert kinds["sdk.js"] == kinds["consent.js"] == "text"
    assert [name for name, kind in kinds.items() if kind == "text"] == ["consent.js", "sdk.js"]
    assert config.vars["TRUST_LOOPBACK"] == "0"
    assert config.kv_namespaces[0].binding == "SHELF"
