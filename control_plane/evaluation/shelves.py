"""Which shelves are tested: the marketer's own, and two that every shop is measured by."""

from __future__ import annotations

from pathlib import Path

import msgspec

from control_plane.rules.load import load_rules
from control_plane.rules.shapes import Exclude, Items, Rules, Slot

#: Sources that need an item's page.
BESIDE = ("item", "also_bought", "similar")

#: Sources that know somebody before the first click.
KNOWING = ("visitor", "segment", "repurchase")

#: What every shop is measured by, so that figures compare. The first may show all again.
STANDARD = {
    "standard": Items(
        stages=(
            (("session", 1.0),),
            (("visitor", 1.0), ("repurchase", 1.0)),
            (("popular", 1.0),),
        ),
        exclude=Exclude(in_cart=False, bought=False),
    ),
    "standard-discover": Items(
        stages=((("session", 1.0),), (("visitor", 1.0),), (("popular", 1.0),)),
        exclude=Exclude(seen=True),
        reminder=False,
    ),
}


def tested_shelves(root: Path) -> dict[str, Items]:
    """Return the shelves of a project's rules and the standard ones, by name."""
    own = {
        name: content
        for name, content in load_rules(root).content.items()
        if isinstance(content, Items) and name not in STANDARD
    }
    return {**STANDARD, **own}


def test_rules(shelves: dict[str, Items], root: Path) -> Rules:
    """Return rules by which each shelf fills a slot of its own name, whoever asks."""
    return Rules(
        file=str(root / "rules.yaml"),
        timezone="UTC",
        content={
            name: msgspec.structs.replace(items, template="product-strip")
            for name, items in shelves.items()
        },
        slots={name: Slot(default=name) for name in shelves},
    )


def sources(items: Items) -> set[str]:
    """Return all that a shelf is filled from."""
    return {source for stage in items.stages for source, _ in stage}
