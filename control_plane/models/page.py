"""A report as one HTML file that needs nothing else: no script, no font, no other host."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec


class Text(msgspec.Struct, frozen=True, tag=True):
    """A paragraph."""

    text: str


class Figure(msgspec.Struct, frozen=True, tag=True):
    """A plot (an `<svg>` of `plots`) and what to see in it."""

    svg: str
    caption: str


class Table(msgspec.Struct, frozen=True, tag=True):
    """Rows of cells below a head; the first cell names its row. `folded` tables open by a click."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    folded: bool = False


class Card(msgspec.Struct, frozen=True):
    """One thing among others of its kind: what it is, in words, facts and a plot."""

    title: str
    text: str = ""
    facts: Sequence[tuple[str, str]] = ()
    svg: str = ""


class Cards(msgspec.Struct, frozen=True, tag=True):
    """Cards that stand beside each other where there is room."""

    cards: Sequence[Card]


Block = Text | Figure | Table | Cards


class Section(msgspec.Struct, frozen=True):
    """A part of a page under a heading."""

    title: str
    blocks: Sequence[Block]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A report: what it is about, the facts that matter most, warnings, and all the rest.

    Texts are plain: whatever they hold is shown as it is written.
    """

    title: str
    lead: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = ()


def page_html(page: Page) -> str:
    """Return the page as HTML; same page, same bytes."""
    return str(_template().render(page=page))


def write_page(page: Page, file: Path) -> Path:
    """Write the page, replacing an older one in one step; OSError leaves the older in place."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(page_html(page))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return file


@cache
def _template() -> Any:
    # Not at the top: only who writes a report waits for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("control_plane.models", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda text: text[:1] in "0123456789−-+<" if text else True
    environment.globals["kind"] = lambda block: type(block).__name__
    return environment.get_template("page.html")
