"""Reports as pages: plots that follow the page, texts that stay texts, nothing from elsewhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from control_plane.models.page import (
    Card,
    Cards,
    Figure,
    Page,
    Section,
    Table,
    Text,
    page_html,
    write_page,
)
from control_plane.models.plots import Bar, Series, bar_plot, line_plot

HOSTILE = '<script>alert("&")</script>'
CURVE = Series(name="one", x=[2, 3, 4], y=[0.1, 0.3, 0.2], low=[0, 0.2, 0.1], high=[0.2, 0.4, 0.3])


def curve(title="Curve", *others):
    return line_plot(title, [CURVE, *others], x_label="groups", y_label="quality", mark=(3, "best"))


def bars(title="Bars"):
    return bar_plot(title, [Bar(name="Shoes", value=2, low=1, high=3), Bar(name="Hats", value=-1)],
                    x_label="times")  # fmt: skip


def page(**parts):
    return page_html(Page(title="Report", lead="What it is.", **parts))


@pytest.mark.parametrize("plot", [curve, bars])
def test_the_same_data_give_the_same_bytes(plot):
    assert plot() == plot()


@pytest.mark.parametrize("plot", [curve, bars])
def test_plots_have_only_the_pages_colours(plot):
    assert not re.search(r"(?:fill|stroke|color): #", plot())
    names = set(re.findall(r"var\((--[\w-]+)\)", plot()))
    assert names >= {"--tint-1", "--ink" if plot is bars else "--soft"}
    assert all(f"{name}:" in page() for name in names)


def test_two_plots_of_a_page_share_no_id():
    one, other = (set(re.findall(r'id="([^"]+)"', plot)) for plot in (curve(), curve("Other")))
    assert one
    assert not one & other
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', curve()))
    assert used == one


def test_texts_of_plots_stay_texts_and_are_escaped():
    drawn = bar_plot(HOSTILE, [Bar(name=HOSTILE, value=1)], x_label="$x$")
    assert HOSTILE not in drawn
    root = ElementTree.fromstring(drawn)
    assert root.attrib["aria-label"] == HOSTILE
    assert {HOSTILE, "$x$"} <= set(root.itertext())


def test_names_in_any_script_can_be_drawn():
    assert "スニーカー" in bar_plot("Names", [Bar(name="スニーカー", value=1)], x_label="x")


@pytest.mark.parametrize("count", [0, 1])
def test_a_plot_of_little_is_still_a_plot(count):
    assert bar_plot("Bars", [Bar(name="a", value=0)] * count, x_label="x").startswith("<svg")
    empty = Series(name="a", x=[1] * count, y=[1] * count)
    assert line_plot("Line", [empty], x_label="x", y_label="y").startswith("<svg")


def test_a_page_shows_all_that_it_was_given_and_as_it_is_written():
    blocks = [
        Text(HOSTILE),
        Figure(curve(), "caption"),
        Table(["name", "count"], [[HOSTILE, "12"], ["b", ""]], "A table"),
        Table(["name", "count"], [["folded", "1"]], "More", folded=True),
        Cards([Card(HOSTILE, "words", [("size", "9")], bars())]),
    ]
    told = page(facts=[("visitors", "1,200")], warnings=[HOSTILE], sections=[Section("S", blocks)])
    assert "<script" not in told
    assert told.count("&lt;script&gt;") == 4
    assert told.count("<svg") == 2
    assert '<td class="number">12</td>' in told
    assert "<details><summary>More</summary>" in told
    assert all(f">{text}</" in told for text in ("1,200", "caption", "A table", "words", "9"))


def test_a_page_needs_nothing_from_elsewhere():
    told = page(sections=[Section("S", [Figure(curve(), "c")])])
    links = re.findall(r'(?:src|href)="([^"]*)"', told)
    assert all(link.startswith("#") for link in links)
    assert "url(http" not in told
    assert "@import" not in told


def test_a_page_that_cannot_be_written_leaves_the_older_one(tmp_path):
    file = tmp_path / "report.html"
    write_page(Page(title="Old", lead=""), file)
    (tmp_path / "report.html.partial").mkdir()
    with pytest.raises(OSError, match=r"report\.html\.partial"):
        write_page(Page(title="New", lead=""), file)
    assert "<h1>Old</h1>" in file.read_text()
