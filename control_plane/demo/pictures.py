"""Draws a product: its category's flat illustration (art/*.svg) in the product's colour.

An illustration paints by class, so that one drawing serves every colour: `m` main, `s` shade,
`l` light, `d` ink, `w`/`x` wood, `k`/`j` metal, `g` glow, `p`/`q` paper, `v` leaves; with an `l`
behind, the same colour as a stroke. Groups `v0`, `v1`, `v2` are alternative silhouettes.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from control_plane.demo.palette import COLOURS, GROUNDS, INK, PAPER, mix

_FIXED = {
    "w": "#b98a5c", "x": "#916642", "k": "#c3c8ca", "j": "#868d91", "g": "#ffdf94",
    "p": PAPER, "q": "#e6dccb", "v": "#64825c", "d": "#3a3835",
}  # fmt: skip
_WIDTHS = {"wl": 6, "xl": 7, "vl": 4, "jl": 5, "gl": 3, "pl": 4, "dl": 3.5, "sl": 3, "ll": 4}
_BACKDROPS = (
    '<circle cx="120" cy="118" r="96"/>',
    '<path d="M34 214V122a86 86 0 0 1 172 0v92Z"/>',
    '<path d="M0 168c60-34 104-10 140-22s64-30 100-20v114H0Z"/>',
    '<circle cx="176" cy="66" r="44"/>',
)


def draw(category: str, silhouette: int, colour: str, style: str) -> str:
    """Return the SVG of a product; `style` (its group) picks the ground and backdrop."""
    pick = hashlib.sha256(f"{category}:{style}".encode()).digest()
    ground = GROUNDS[pick[1] % len(GROUNDS)]
    head = (
        f"<style>{_rules(COLOURS.get(colour, COLOURS['Slate']), silhouette)}</style>"
        f'<rect width="240" height="240" fill="{ground}"/>'
        f'<g fill="{mix(ground, PAPER, 0.6)}">{_BACKDROPS[pick[2] % len(_BACKDROPS)]}</g>'
        f'<ellipse cx="120" cy="199" rx="92" ry="9" fill="{mix(ground, INK, 0.14)}"/>'
    )
    return _art(category).replace(">", f">{head}", 1)


@cache
def _art(category: str) -> str:
    folder = files("control_plane.demo").joinpath("art")
    file = folder.joinpath(f"{category}.svg")
    if not file.is_file():
        file = folder.joinpath("vases.svg")
    return file.read_text(encoding="utf-8").strip()


@cache
def _rules(main: str, silhouette: int) -> str:
    shades = {"m": main, "s": mix(main, "#1c1a22", 0.22), "l": mix(main, "#fff6e6", 0.42)}
    fills = shades | _FIXED
    rules = [f".{name}{{fill:{fill}}}" for name, fill in fills.items()]
    strokes = _WIDTHS | {"ml": 5}
    rules += [
        f".{name}{{fill:none;stroke:{fills[name[0]]};stroke-width:{width}}}"
        for name, width in strokes.items()
    ]
    rules.append(f".mw,.mlw{{fill:none;stroke:{main};stroke-width:11}}")
    rules.append("path{stroke-linecap:round;stroke-linejoin:round}")
    hidden = ",".join(f".v{place}" for place in range(3) if place != silhouette)
    rules.append(f"{hidden}{{display:none}}")
    return "".join(rules)
