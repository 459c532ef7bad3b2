"""The report of a training run as a page, for those who write rules and those who check models."""

from __future__ import annotations

from typing import Any

from control_plane.models.artifacts import Model
from control_plane.models.naming import TELLING, feature_words, habit_words, is_taste
from control_plane.models.page import Block, Card, Cards, Figure, Page, Section, Table, Text
from control_plane.models.plots import Bar, Series, bar_plot, line_plot
from control_plane.models.stability import UNSTABLE

#: Traits of a segment that its card draws.
MOST_TRAITS = 8

_GROUPED_BY = {
    "kmeans": "K-Means",
    "hierarchical": "hierarchical clustering (Ward)",
    "hdbscan": "HDBSCAN",
    "dbscan": "DBSCAN",
}
_PARAMETERS = {"hdbscan": "least visitors of a segment", "dbscan": "distance between neighbours"}


def report_page(model: Model, shop: str) -> Page:
    """Return the page about `model` of the shop of that name; same report, same page."""
    report = model.report
    counts, live = report["counts"], report["live_segments"]
    facts = [
        ("visitors with rows", f"{counts['visitors']:,}"),
        ("events", f"{counts['events']:,}"),
        ("items", f"{counts['items']:,}"),
        ("segments", str(len(model.segments))),
    ]
    if live["visitors"]:
        facts.append(("placed alike by a session", _percent(live["placed_alike"])))
    sections = [
        Section("Segments", _segments(model)),
        Section("How many segments", _numbers(report["segmentation"])),
        Section("Whether they last", _stability(model)),
        Section("Visitors the shop does not know yet", _live(model)),
        Section("Segments of your own", _own(report["own_segments"])),
        Section("Shelves", [_shelves(report["shelves"])]),
        Section("What visitors were compared by", [_features(report)]),
    ]
    return Page(
        title=f"What Frontshelf learned: {shop}",
        lead=f"From events up to {model.model_time[:16].replace('T', ' ')} UTC. The same numbers "
        "stand in the answer of “frontshelf train --json”.",
        facts=facts,
        warnings=report["warnings"],
        sections=[section for section in sections if section.blocks],
    )


def _segments(model: Model) -> list[Block]:
    if not model.segments:
        return [Text("There are none: the warnings above say why.")]
    how = model.report["segmentation"]
    text = (
        f"{_GROUPED_BY[how['algorithm']]} put visitors together who care for the same things and "
        "have like habits. Bars show how far a segment's visitors are from the shop's average, in "
        "standard deviations."
    )
    if how["without"]:
        text += f" {how['without']:,} visitors are in none."
    return [Text(text), Cards([_card(model, number) for number in range(len(model.segments))])]


def _card(model: Model, number: int) -> Card:
    segment, report = model.segments[number], model.report
    live = report["live_segments"]["segments"].get(segment.key, {})
    facts = [
        ("in rules", segment.key),
        ("visitors", f"{segment.size:,} ({_percent(segment.size / report['counts']['visitors'])})"),
        ("found again", _percent(report["stability"]["resampled"][segment.key])),
        ("told by a session", _percent(live.get("recall"))),
    ]
    strongest = list(segment.traits.items())[:MOST_TRAITS]
    bars = [Bar(name=feature_words(name), value=score) for name, score in strongest]
    title = f"What sets “{segment.name}” apart"
    drawn = bar_plot(title, bars, x_label="against the average visitor", width=4.2)
    return Card(segment.name, _apart(segment.traits), facts, drawn if bars else "")


def _apart(traits: dict[str, float]) -> str:
    """Say in words what sets a segment apart, the strongest first."""
    more = [feature_words(one) for one in traits if is_taste(one) and traits[one] >= TELLING]
    less = [feature_words(one) for one in traits if is_taste(one) and traits[one] <= -TELLING]
    habits = [words for one in traits if (words := habit_words(one, traits[one]))]
    told = [
        f"{head}: {', '.join(names[:5])}."
        for head, names in (
            ("More than others", more),
            ("Less than others", less),
            ("Habits", habits),
        )
        if names
    ]
    return " ".join(told) or "Much like the average visitor."


def _numbers(how: dict[str, Any]) -> list[Block]:
    tried = how["tried"]
    if not tried:
        return []
    x_label = _PARAMETERS.get(how["algorithm"], "number of segments")
    x = [one["parameter"] for one in tried]
    mark = (how["parameter"], "taken")
    curves = [
        (
            "Silhouette",
            "silhouette",
            "Silhouette: how much nearer visitors are to their own segment than to the next, from "
            "-1 to 1. The clearest grouping is taken, unless the number in use is as good.",
        ),
        (
            "Elbow",
            "within",
            "Elbow: how far visitors are from the middle of their segment, as a share of how far "
            "they are from the middle of all. Past the bend, more segments explain little more.",
        ),
    ]
    blocks: list[Block] = [
        Figure(
            line_plot(
                title,
                [Series(name=title, x=x, y=[one[key] for one in tried])],
                x_label=x_label,
                y_label=title.lower(),
                mark=mark,
            ),
            caption,
        )
        for title, key, caption in curves
    ]
    rows = [
        [f"{one['parameter']:g}", str(one["segments"]), f"{one['silhouette']:.3f}",
         f"{one['within']:.3f}", _percent(one["grouped"])]
        for one in tried
    ]  # fmt: skip
    head = [x_label, "segments", "silhouette", "elbow", "visitors in a segment"]
    return [*blocks, Table(head, rows, "The numbers", folded=True)]


def _stability(model: Model) -> list[Block]:
    stability = model.report["stability"]
    found, since = stability["resampled"], stability["since_last_run"]
    blocks: list[Block] = []
    if model.segments:
        weak = [one.name for one in model.segments if found[one.key] < UNSTABLE]
        text = (
            "Visitors were drawn anew and grouped again; “found again” is how far each segment "
            f"overlaps with its like. Under {_percent(UNSTABLE)} it may be an accident. "
        )
        blocks.append(
            Text(text + (f"Doubtful: {'; '.join(weak)}." if weak else "None is doubtful."))
        )
    if since["visitors"]:
        text = (
            f"Of {since['visitors']:,} visitors who were in a segment before, "
            f"{_percent(since['kept'])} are in the same one (adjusted Rand index of both runs: "
            f"{since['adjusted_rand']:.2f})."
        )
        blocks.append(Text(text))
    if since.get("ended"):
        blocks.append(Text(f"Segments that are no more: {', '.join(since['ended'])}."))
    return blocks


def _live(model: Model) -> list[Block]:
    live = model.report["live_segments"]
    if not live["visitors"]:
        return []
    how = {
        "categories": "a list of telling categories, the purest first",
        "tree": "a shallow decision tree over what a session shows",
        "none": "nothing: no session tells enough",
    }[live["kind"]]
    text = (
        f"The edge places them by {how}: conditions of {live['bytes']:,} bytes in every release. "
        f"Of {live['visitors']:,} known visitors who were kept out of learning, their newest "
        f"session alone places {_percent(live['placed_alike'])} as all their history does, "
        f"{_percent(live['placed_otherwise'])} otherwise and {_percent(live['unplaced'])} in no "
        "segment. Those with one session stand for visitors whom the edge meets for the first time."
    )
    groups = [
        (f"{name} session{'s' * (name != '1')}", one) for name, one in live["by_sessions"].items()
    ]
    groups += [
        (f"{name} item{'s' * (name != '1')} in the session", one)
        for name, one in live["by_items"].items()
    ]
    rows = [
        [name, f"{one['visitors']:,}", *(_percent(one[key]) for key in _PLACED)]
        for name, one in groups
    ]
    names = {one.key: one.name for one in model.segments}
    told = [
        [names[key], _percent(one["precision"]), _percent(one["recall"])]
        for key, one in live["segments"].items()
    ]
    return [
        Text(text),
        Table(["visitors with", "how many", "alike", "otherwise", "in none"], rows),
        Table(["segment", "right when told", "of its visitors told"], told, "By segment", True),
    ]


_PLACED = ("placed_alike", "placed_otherwise", "unplaced")


def _own(sizes: dict[str, dict[str, Any]]) -> list[Block]:
    if not sizes:
        return []
    rows = [
        [name, _percent(one["visitors"] / one["of"]), f"{one['visitors']:,} of {one['of']:,}"]
        if one["visitors"] is not None and one["of"]
        else [name, "–", f"events say nothing of {', '.join(one['unknown']) or 'anyone'}"]
        for name, one in sizes.items()
    ]
    text = "Known visitors in the segments of rules.yaml, at the end of their newest session."
    return [Text(text), Table(["segment", "share", "visitors"], rows)]


def _shelves(shelves: dict[str, dict[str, int]]) -> Table:
    rows = [
        [
            stage.replace("_", " "),
            f"{one['items']:,}",
            f"{one['people']:,}" if one["people"] else "the catalogue",
        ]
        for stage, one in shelves.items()
        if one["items"]
    ]
    return Table(["stage", "items", "people it comes from"], rows)


def _features(report: dict[str, Any]) -> Table:
    logged = set(report["segmentation"]["logged"])
    rows = [
        [feature_words(name), "logarithm" if name in logged else "as it is"]
        for name in report["features"]
    ]
    return Table(["feature", "scale"], rows, f"{len(rows)} features", folded=True)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
