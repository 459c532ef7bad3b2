"""Plots as inline SVG for the reports: in the page's own colours, the same bytes for the same data.

Colours are names that the page's style sheet fills in (see page.html), so that a plot follows
light and dark; texts stay texts, which readers can search, copy and have read to them.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

#: Stands for a colour while matplotlib draws -> the style sheet's name for it.
_INKS = {"#010203": "--ink", "#010204": "--soft", "#010205": "--line"}
_TINTS = {f"#0102{16 + number:02x}": f"--tint-{number + 1}" for number in range(6)}
_INK, _SOFT, _LINE = _INKS
_SERIES = tuple(_TINTS)

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "legend.frameon": False,
}


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plot; `low` and `high`, when given, are drawn as a band around `y`."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar of a plot; `low` and `high` are the ends of its confidence interval.

    `aside`: what the others are held against, drawn as the quieter one.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    aside: bool = False


def line_plot(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    mark: tuple[float, str] | None = None,
    size: tuple[float, float] = (5.6, 3.0),
) -> str:
    """Return lines as one `<svg>`; `mark` is a place on the x axis and what to write there.

    `size` is the plot's width and height in inches; the page scales it to fit.
    """

    def draw(axes: Any) -> None:
        for number, one in enumerate(series):
            colour = _SERIES[number % len(_SERIES)]
            axes.plot(one.x, one.y, color=colour, label=one.name, marker="o", markersize=4)
            if one.low and one.high:
                axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.15, linewidth=0)
        if mark:
            axes.axvline(mark[0], color=_SOFT, linestyle=(0, (3, 3)), linewidth=1)
            axes.annotate(f" {mark[1]}", (mark[0], 1), xycoords=("data", "axes fraction"),
                          va="bottom", ha="center", color=_SOFT)  # fmt: skip
        if len(series) > 1:
            axes.legend(loc="best")
        if all(float(x).is_integer() for one in series for x in one.x):
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(title, draw, size)


def bar_plot(title: str, bars: Sequence[Bar], *, x_label: str, width: float = 5.6) -> str:
    """Return bars that lie below each other, the first on top, as one `<svg>`.

    Bars below zero have the second colour. `width` is in inches; the height follows the bars.
    """

    def draw(axes: Any) -> None:
        places = range(len(bars))
        colours = [_SOFT if bar.aside else _SERIES[bar.value < 0] for bar in bars]
        axes.barh(places, [bar.value for bar in bars], color=colours, height=0.62)
        for place, bar in enumerate(bars):
            if bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [place, place], color=_INK, linewidth=1.4)
        axes.axvline(0, color=_SOFT, linewidth=0.8)
        axes.set_yticks(list(places), [bar.name for bar in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=_INK)
        axes.set_xlabel(x_label)

    return _svg(title, draw, (width, 0.75 + 0.27 * max(1, len(bars))))


def _svg(title: str, draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    # Matplotlib takes half a second to load; only a report is worth it.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    out = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": title}), warnings.catch_warnings():
        # Names in other scripts: the reader's browser has the letters that this font lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        figure.savefig(
            out,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _inline(out.getvalue(), title)


def _inline(drawn: str, title: str) -> str:
    """Return a standalone SVG as an element of a page that holds others: no id of two."""
    text = " ".join(drawn[drawn.index("<svg") :].split())
    salt = hashlib.sha256(drawn.encode() + title.encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{salt}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(href="|url\()#', rf"\g<1>#{salt}-", text)
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text)
    text = re.sub(r"font(-family)?: ([\w.]+px )?'[^;\"]*", r"font\1: \2system-ui, sans-serif", text)
    for stand_in, name in (_INKS | _TINTS).items():
        text = text.replace(stand_in, f"var({name})")
    tag, rest = text.split(">", 1)
    tag = re.sub(r' (?:width|height)="[^"]*"', "", tag)
    return f'{tag} role="img" aria-label="{html.escape(title)}">{rest}'
