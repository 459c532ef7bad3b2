"""Our splicer fills pages as workerd's own parser does, wherever they are cut, and some more."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.emulator.miniflare import Miniflare
from control_plane.emulator.options import Options

EXTRAS = Path(__file__).parents[2] / "edge_bundle" / "extras"


class Filled(NamedTuple):
    """A page as our splicer and as workerd's parser fill it, None where that breaks off."""

    ours: bytes
    theirs: bytes | None
    asked: list[list[str]]
    asked_by_theirs: list[list[str]]
    #: How many bytes had gone on when the first decision was waited for.
    before: int


Fill = Callable[..., Filled]


@pytest.fixture(scope="module")
def fill() -> Iterator[Fill]:
    """Return a function that fills a page both ways, cut into pieces of these sizes."""
    modules = {f"extras/{name}": (EXTRAS / name).read_bytes() for name in ("splice.js", "tags.js")}
    modules["splicers.js"] = Path(__file__).with_name("splicers.js").read_bytes()
    with Miniflare(Options(modules=modules, main="splicers.js")) as worker:

        def fill(page: bytes, *sizes: int) -> Filled:
            asked = {"page": base64.b64encode(page).decode(), "sizes": sizes or [65536]}
            response = worker.dispatch_fetch("http://splicers/", method="POST", json=asked)
            assert response.status_code == 200, response.text
            said = response.json()
            parsed = said["theirs"]
            theirs = None if parsed is None else at_names(base64.b64decode(parsed))
            slots = said["asked"]
            ours = base64.b64decode(said["ours"])
            return Filled(ours, theirs, slots["ours"], slots["theirs"], said["before"])

        yield fill


def at_names(page: bytes) -> bytes:
    """Put decisions, which stand before their tags, where we put them: behind the name."""
    return re.sub(rb"<!--\[(d-\d+)\]-->(<[^\s/>]+)", rb'\2 data-fs-decision="\1"', page)


NAMES = [
    "div", "section", "ul", "li", "p", "span", "a", "br", "img", "body", "script", "style",
    "textarea", "title", "noscript", "iframe", "template", "table", "select",
    "option", "x-card", "DIV", "Script",
]  # fmt: skip
OURS = [
    'data-fs-slot="{}"', "data-fs-slot='{}'", "data-fs-slot={}", 'DATA-FS-Slot = "{}"',
    "data-fs-item={}", 'data-fs-category="{}"',
]  # fmt: skip
OTHERS = [
    "class=card", 'title="a > b"', "alt='<div data-fs-slot=one>'", "hidden", "href=\"/?a=b&c='d'\"",
    "=odd", "/", 'a="b"c="d"', "data-fs-slot", "href=/a/b/", '"quoted"', "x=''", "a= b",
]  # fmt: skip
ODD = [
    "<!-- c -->", "<!-- a -- > b -->", "<!-->", "<!--->", "<!--->-->", "<!doctype html>", "<!>",
    "<!x y='>'>", "<?pi?>", "</ x>", "</>", "<", "<3", "a<b", "<<p>", ">", "--", "'", '"', "]]>",
    "<![CDATA[", "<![CDATA[x>]]>", "</div", "</script", "</script\t", "<script", "</div a='>'>",
    "&amp;", "é", "<svg><path d='M0'/><title/><script/><![CDATA[ > <p> ]]></svg>", "<svg/>",
]  # fmt: skip

values = st.sampled_from(["one", "two.three", "keep", "none", "late", "keep-late", "", "ü"])
attributes = st.lists(
    st.one_of(st.builds(str.format, st.sampled_from(OURS), values), st.sampled_from(OTHERS)),
    max_size=3,
).map(" ".join)
names = st.sampled_from(NAMES)
slots = st.builds("<{} data-fs-slot={}>".format, st.sampled_from(["div", "section", "UL"]), values)
ends = st.sampled_from(["div", "section", "ul", "script", *NAMES])
tokens = st.one_of(
    slots, slots, st.builds("<{} {}>".format, names, attributes), st.builds("<{}>".format, names),
    st.builds("</{}>".format, ends), st.builds("</{}>".format, ends),
    st.builds("<{} {}/>".format, names, attributes), st.sampled_from(ODD), st.just("text "),
)  # fmt: skip
pages = st.lists(tokens, max_size=25).map("".join).map(str.encode)
cuts = st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(any)


@settings(max_examples=600, deadline=None)
@given(page=pages, sizes=cuts)
def test_any_page_is_filled_as_the_platforms_parser_fills_it(
    fill: Fill, page: bytes, sizes: list[int]
) -> None:
    filled = fill(page, *sizes)
    if filled.theirs is None:
        assert filled.ours == fill(page).ours
        return
    assert filled.asked == filled.asked_by_theirs
    if filled.ours != filled.theirs:
        # A slot without an end, in nothing that ends: here all that follows is kept.
        assert filled.ours.startswith(filled.theirs)
        assert page.endswith(filled.ours[len(filled.theirs) :])


PAGE = (
    "<html><body data-fs-item=shoe>zebra <!-- a > <div data-fs-slot=none> -->"
    "<div class=a data-fs-slot=one><b>own one</b></div><script>'<div data-fs-slot=one>'</script>"
    "<p title='<div data-fs-slot=one>'>between</p><div data-fs-slot='keep'>own two"
    "<DIV data-fs-slot=late>inner <div>deep</div></DIV></div> < <!->"
    "<div data-fs-slot=none>own three</div><footer>pâté</footer></body></html>"
)
FILLED = (
    "<html><body data-fs-item=shoe>zebra <!-- a > <div data-fs-slot=none> -->"
    '<div data-fs-decision="d-3" class=a data-fs-slot=one><i>3</i></div>'
    "<script>'<div data-fs-slot=one>'</script><p title='<div data-fs-slot=one>'>between</p>"
    "<div data-fs-decision=\"d-4\" data-fs-slot='keep'>own two"
    '<DIV data-fs-decision="d-4" data-fs-slot=late><i>4</i></DIV></div> < <!->'
    "<div data-fs-slot=none>own three</div><footer>pâté</footer></body></html>"
)


def test_slots_are_filled_wherever_the_pieces_end(fill: Fill) -> None:
    for size in [*range(1, 40), 10_000]:
        filled = fill(PAGE.encode(), size)
        assert filled.ours.decode() == FILLED, f"pieces of {size}"
        assert [name for name, *_ in filled.asked] == ["one", "keep", "late", "none"]
        assert filled.asked[0][1] == "shoe"


def test_what_stands_before_a_slot_that_waits_has_gone_on(fill: Fill) -> None:
    first, _, _ = PAGE.partition("<DIV")
    added = len("<i>3</i>") - len("<b>own one</b>") + 2 * len(' data-fs-decision="d-3"')
    assert fill(PAGE.encode()).before == len(first) + added


def test_a_slot_that_never_ends_costs_nothing_of_the_page(fill: Fill) -> None:
    for page in (
        b"<body><div data-fs-slot=one>own<p>rest</p><footer>end</footer></body></html>",
        b"<div data-fs-slot=one>own<p>rest</p><footer>end</footer>",
    ):
        for size in (5, 10_000):
            filled = fill(page, size).ours
            assert b"<i>3</i>" in filled
            assert filled.endswith(page[-9:])


def test_a_slot_may_hold_more_than_is_kept(fill: Fill) -> None:
    page = b"<body><div data-fs-slot=one>%s</div><footer>end" % (b"x" * 600_000)
    expected = b'<body><div data-fs-decision="d-3" data-fs-slot=one><i>3</i></div><footer>end'
    assert fill(page).ours == expected


def test_values_are_read_as_browsers_read_them(fill: Fill) -> None:
    values = "data-fs-item='A&amp;B' data-fs-category='Men&#x27;s &lt;b&gt; &toString; &eacute;'"
    assert fill(f"<div data-fs-slot=none {values}>".encode()).asked == [
        ["none", "A&B", "Men's <b> &toString; &eacute;"]
    ]


SLOT = b"<div data-fs-slot=one>own</div><footer>end"
SLOT_FILLED = b'<div data-fs-decision="d-3" data-fs-slot=one><i>3</i></div><footer>end'
BEYOND_THE_PARSER = {
    "a tag of 5 MB": b"<div style='%s'>" % (b"a>" * 2_500_000),
    "30,000 open elements": b"<p>text" * 30_000,
    "text in a list of options": b"<select><option><style>a{}</style></select>",
}


@pytest.mark.parametrize("kind", BEYOND_THE_PARSER)
def test_pages_at_which_the_platforms_parser_breaks_off_are_filled(fill: Fill, kind: str) -> None:
    large = BEYOND_THE_PARSER[kind]
    filled = fill(large + SLOT)
    assert filled.theirs is None
    assert filled.ours == large + SLOT_FILLED


def test_a_slots_tag_may_be_long_and_one_that_is_too_long_is_none(fill: Fill) -> None:
    long = b"<div data-fs-slot=one style='%s'>own</div>%s"
    assert fill(long % (b"a" * 500_000, SLOT)).ours.count(b"data-fs-decision") == 2
    too_long = b"a" * 2_000_000
    assert fill(long % (too_long, SLOT)).ours == long % (too_long, SLOT_FILLED)


def test_a_name_without_an_end_is_text_and_nothing_is_lost(fill: Fill) -> None:
    page = b"<div data-fs-slot=none><" + b"a" * 3_000_000
    assert fill(page).ours == page
