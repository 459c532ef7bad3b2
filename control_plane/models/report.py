"""What a training run did, for people and for machines: counts, parameters, warnings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from control_plane.models.artifacts import Model, Rows
from control_plane.models.features import Features
from control_plane.models.neighbours import Neighbours
from control_plane.models.popular import people_of
from control_plane.models.segments import Clustering
from control_plane.profiles.interest import Interest
from control_plane.profiles.keys import distinct
from control_plane.settings import Train

#: Mean silhouette under which groups overlap so much that rules should not lean on them.
WEAK_SILHOUETTE = 0.05

#: Share of visitors in no segment that is worth a warning.
MANY_WITHOUT = 0.2


def count(
    interest: Interest, model: Model, event_count: int, scripted: tuple[int, int]
) -> dict[str, int]:
    """Return how much went in and came out; `scripted` days of events were left out."""
    return {
        "events": event_count,
        "scripted_days": scripted[0],
        "scripted_events": scripted[1],
        "interest_events": len(interest.item),
        "items": len(model.item_ids),
        "items_with_interest": int((model.item_events > 0).sum()),
        "sessions": len(interest.sessions().ends),
        "people": len(interest.people),
        "visitors": len(model.visitors.keys),
        "neighbours": len(model.neighbours.items),
        "visitor_items": len(model.visitors.rows.items),
    }


def table_facts(counted: Neighbours) -> dict[str, float]:
    """Return how much of the session table rests on single people."""
    return {
        "pairs": counted.pairs,
        "pairs_of_one_person": counted.lone_pairs,
        "share_of_one_person": round(counted.lone_pairs / max(counted.pairs, 1), 3),
    }


def make_report(
    model: Model, counts: dict[str, int], clustering: Clustering, features: Features, train: Train
) -> dict[str, Any]:
    """Return the JSON-able report of `model`, without timings."""
    return {
        "counts": counts,
        "parameters": msgspec.to_builtins(train),
        "segments": [
            {
                "key": segment.key,
                "name": segment.name,
                "size": segment.size,
                "traits": segment.traits,
            }
            for segment in model.segments
        ],
        "segmentation": _segmentation(clustering, features, train),
        "features": list(features.names),
        "popular": {key: len(items) for key, items in model.popular.items()},
        "warnings": _warnings(counts, clustering),
    }


def _segmentation(clustering: Clustering, features: Features, train: Train) -> dict[str, Any]:
    """Return how visitors were grouped: each grouping tried, and who is in no segment."""
    groups, people = clustering.suppressed
    return {
        "algorithm": train.segments_algorithm,
        "scaling": train.segments_scaling,
        "logged": list(features.logged),
        "parameter": clustering.parameter,
        "tried": [msgspec.to_builtins(one) for one in clustering.tried],
        "suppressed": {"groups": groups, "visitors": people},
        "without": int((clustering.labels < 0).sum()),
    }


def shelf_counts(model: Model, interest: Interest) -> dict[str, dict[str, int]]:
    """Return by stage how many items have a row or a place in the list, and from how many people.

    `similar` comes from the catalogue alone, and so from nobody.
    """
    people = len(distinct(people_of(interest)))
    similar = model.related.get("similar")
    return {
        "item": {"items": _rows_filled(model.neighbours), "people": people},
        "similar": {"items": _rows_filled(similar) if similar else 0, "people": 0},
        "popular": {"items": len(model.popular["all"]), "people": people},
    }


def _rows_filled(rows: Rows) -> int:
    return int(np.count_nonzero(np.diff(rows.indptr)))


def _warnings(counts: dict[str, int], clustering: Clustering) -> list[str]:
    """Say what a shop would wonder about: why something is empty, or weak."""
    warnings = []
    if not counts["events"]:
        warnings.append("every event is a bot's or a script's: nothing was learned")
    elif not counts["interest_events"]:
        warnings.append("no event shows an interest in an item: nothing was learned")
    elif not counts["people"]:
        warnings.append("nobody is known by user or device: no visitor rows")
    elif not counts["visitors"]:
        warnings.append("nobody consented to personalization: no visitor rows")
    if counts["scripted_days"]:
        warnings.append(
            f"{counts['scripted_events']:,} events of {counts['scripted_days']:,} days on which a "
            "visitor had more sessions than train.daily_sessions are left out: scripts, or an "
            "account that many share"
        )
    return [*warnings, *segment_warnings(clustering)]


def _silhouette(clustering: Clustering) -> float:
    """Return how clear the grouping is that was taken."""
    taken = (one for one in clustering.tried if one.parameter == clustering.parameter)
    return max(one.silhouette for one in taken)


def newest_warning(kept: tuple[int, int], events: int, train: Train) -> str:
    """Say that memory had room for the newest events alone: how many, since when."""
    count, since = kept
    day = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d")
    said = (
        f"learned from the newest {count:,} of {events:,} events, those since {day}: more do not "
        "fit memory (train.memory_gb)"
    )
    if train.engine == "embedded":
        return f'{said}; train.engine = "duckdb" counts the session table of all'
    return f"{said}; the session table is counted of all"


def segment_warnings(clustering: Clustering) -> list[str]:
    """Say why there are no segments, or what speaks against leaning on them."""
    warnings = []
    if clustering.note:
        warnings.append(clustering.note)
    if clustering.count and _silhouette(clustering) < WEAK_SILHOUETTE:
        warnings.append("visitors hardly fall into groups: take the segments with caution")
    without = float((clustering.labels < 0).mean()) if clustering.count else 0.0
    if without > MANY_WITHOUT:
        warnings.append(
            f"{without:.0%} of the visitors are in no segment: kmeans and hierarchical "
            "(train.segments_algorithm) leave nobody out"
        )
    if clustering.suppressed[0]:
        groups, people = clustering.suppressed
        warnings.append(
            f"groups too small to be told of ({groups}, of {people} visitors in all) were left "
            "out: train.segments_smallest"
        )
    return warnings
