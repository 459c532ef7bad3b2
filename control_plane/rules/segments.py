"""Reads `segments`: groups of visitors that a marketer describes, beside the learned ones."""

from __future__ import annotations

from typing import Any

from control_plane.rules.problems import Place
from control_plane.rules.slots import SlotReader, read_name

MAX_SEGMENTS = 50


def read_segments(place: Place, reader: SlotReader) -> dict[str, dict[str, Any]]:
    """Return conditions by segment; `reader` reads conditions."""
    segments: dict[str, dict[str, Any]] = {}
    for name, one in place.entries().items():
        found = one.keys(("when",), required=["when"])
        if "when" in found:
            condition = _read_condition(found["when"], reader)
            segments[read_name(one, name, "a segment's name")] = condition
    if len(segments) > MAX_SEGMENTS:
        place.wrong(f"{len(segments)} segments", f"Describe at most {MAX_SEGMENTS}.")
    return segments


def _read_condition(place: Place, reader: SlotReader) -> dict[str, Any]:
    uses = len(reader.segment_uses)
    condition = reader.condition(place)
    if len(reader.segment_uses) > uses:
        del reader.segment_uses[uses:]
        place.wrong("asks about segments", "Describe people by what they do and where they are.")
    if condition == {}:
        place.wrong("is empty: everyone would be in it", "Write 'attribute: value'.")
    return condition or {}
