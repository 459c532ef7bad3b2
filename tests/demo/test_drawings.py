"""Every product has a drawing: well-formed, of its own kind and colour, and always the same."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from control_plane.demo.palette import COLOURS, mix
from control_plane.demo.pictures import draw
from control_plane.demo.taxonomy import Category, load_taxonomy, silhouette

SHELVES = load_taxonomy().categories


@pytest.mark.parametrize("shelf", SHELVES, ids=lambda shelf: shelf.key)
def test_every_silhouette_of_a_category_is_drawn(shelf: Category) -> None:
    for place in range(len(shelf.nouns)):
        picture = ElementTree.fromstring(draw(shelf.key, place, shelf.colours[0], "g1"))
        groups = [node.get("class") for node in picture.iter() if node.tag.endswith("}g")]
        assert f"v{place}" in groups
        assert picture.get("viewBox") == "0 0 240 240"


def test_all_colours_of_the_taxonomy_are_in_the_palette() -> None:
    assert {colour for shelf in SHELVES for colour in shelf.colours} <= set(COLOURS)


def test_a_drawing_is_always_the_same() -> None:
    assert draw("tents", 0, "Moss", "10001") == draw("tents", 0, "Moss", "10001")


def test_colours_and_kinds_look_different() -> None:
    drawings = {
        draw(kind, shape, colour, "10001")
        for kind, shape in (("tents", 0), ("tents", 1), ("mugs", 0))
        for colour in ("Moss", "Rust")
    }
    assert len(drawings) == 6


def test_a_drawing_loads_nothing_from_elsewhere() -> None:
    for shelf in SHELVES:
        picture = draw(shelf.key, 0, "Moss", "g1").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in picture
        assert "href" not in picture


def test_a_title_s_noun_picks_the_silhouette() -> None:
    for shelf in SHELVES:
        for place, nouns in enumerate(shelf.nouns):
            for noun in nouns:
                assert silhouette(shelf, f"Brand Name {noun}, Moss") == place, noun


def test_mixing_goes_from_one_colour_to_the_other() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 0.5) == "#808080"
    assert mix("#000000", "#ffffff", 1) == "#ffffff"
