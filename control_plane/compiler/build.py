"""Compiles a trained model, the catalogue and the rules into a release under `build/`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np

from control_plane.collect.log import EventLog
from control_plane.collect.stock import newest_item
from control_plane.compiler.items import item_values
from control_plane.compiler.locator import build_locator
from control_plane.compiler.manifest import Parts, make_manifest
from control_plane.compiler.markets import market_values
from control_plane.compiler.numbering import number_items, numbered
from control_plane.compiler.popular import popular_value
from control_plane.compiler.refresh import refresh
from control_plane.compiler.related import related_values
from control_plane.compiler.templates import load_template
from control_plane.compiler.values import Value
from control_plane.compiler.visitors import visitor_values
from control_plane.compiler.weights import compile_weights
from control_plane.errors import TableError, WorkError
from control_plane.hashing import hash_texts
from control_plane.keyring import load_signing_key
from control_plane.models.artifacts import Model, load
from control_plane.rules.load import load_rules, to_table, validate_segments
from control_plane.rules.phases import Past, past_of, validate_phases
from control_plane.rules.shapes import Rules
from control_plane.settings import Project, Settings
from control_plane.tables import FORMAT, digest

Progress = Callable[[str], None]


class Release(msgspec.Struct, frozen=True):
    """What `compile` made; `release.json` in the build folder holds the same."""

    release: str
    manifest: str
    digest: str
    format: int
    shop: str
    environment: str
    model_time: str
    items: int
    visitors: int
    values: list[dict[str, Any]]
    bytes_by_kind: dict[str, int]
    catalogue_at: int = 0
    experiments: dict[str, Past] = {}
    visitors_left_out: int = 0


def compile_project(project: Project, progress: Progress = lambda step: None) -> Release:
    """Compile the project's model and rules; the same input gives the same bytes."""
    event_log = EventLog(project)
    with event_log.connect() as log:
        told_at = newest_item(log, event_log.store.items)
        return compile_release(project, load(project.models), log, progress, told_at)


def compile_release(
    project: Project,
    model: Model,
    log: duckdb.DuckDBPyConnection,
    progress: Progress = lambda step: None,
    catalogue_at: int = 0,
    rules: Rules | None = None,
) -> Release:
    """Compile a model with the catalogue that `log` shows as `items`, and the project's rules.

    `rules` may stand in for those of the project's file.
    """
    rules = rules or load_rules(project.root)
    validate_segments(rules, [segment.key for segment in model.segments])
    table = to_table(rules)
    past, now = _past_experiments(project.build), past_of(table)
    validate_phases(rules, now, past)
    names = {entry["template"] for entry in table["content"].values() if "template" in entry}
    templates = {name: load_template(name, project.root / "templates") for name in sorted(names)}
    partial = project.build / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "values").mkdir(parents=True)
    listed: list[dict[str, Any]] = []

    def keep(values: Iterable[Value]) -> list[bytes]:
        digests = []
        for value in values:
            (partial / "values" / value.key).write_bytes(value.data)
            listed.append({"key": value.key, "bytes": len(value.data), "kind": value.kind})
            digests.append(value.digest)
        return digests

    shop = project.settings.shop
    try:
        parts = _compile_tables(model, log, keep, progress, table, templates, project.settings)
        key = load_signing_key(project.keys, "release")
        manifest, extra = make_manifest(parts, shop.name, shop.environment, key)
        keep([*extra, manifest])
        release = Release(
            release=manifest.key[2:14],
            manifest=manifest.key,
            digest=digest(manifest.data).hex(),
            format=FORMAT,
            shop=shop.name,
            environment=shop.environment,
            model_time=model.model_time,
            items=int(parts.item_cuts[-1]),
            visitors=parts.visitor_count,
            visitors_left_out=len(model.visitors.keys) - parts.visitor_count,
            values=listed,
            bytes_by_kind=_bytes_by_kind(listed),
            catalogue_at=catalogue_at,
            experiments={**past, **now},
        )
        (partial / "release.json").write_text(
            json.dumps(msgspec.to_builtins(release), indent=1) + "\n", encoding="utf-8"
        )
        _publish_folder(project.build, partial, release.release)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise WorkError(
            f"{project.build}: the release could not be written ({error.strerror}). "
            "The one before is untouched; make room and run 'frontshelf compile' again."
        ) from error
    return release


def _past_experiments(build: Path) -> dict[str, Past]:
    """Return what the release before, and those before it, said of their experiments."""
    file = build / "current" / "release.json"
    try:
        return dict(json.loads(file.read_bytes()).get("experiments", {}))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TableError(
            f"{file}: cannot be read ({error}). Remove {build / 'current'}, and compile again."
        ) from error


def _compile_tables(
    model: Model,
    log: duckdb.DuckDBPyConnection,
    keep: Callable[[Iterable[Value]], list[bytes]],
    progress: Progress,
    rules: dict[str, Any],
    templates: dict[str, Any],
    settings: Settings,
) -> Parts:
    shop = settings.shop
    progress("looking through the catalogue")
    model = refresh(model, log)
    progress("numbering items")
    rows, cards, place = number_items(model, log, shop.currency)
    lanes = hash_texts(cards.sku)
    rules = compile_weights(rules, cards, log, keep)
    progress("writing items")
    items = item_values(rows, cards, lanes)
    item_digests, card_digests = keep(items.values), keep(items.card_values)
    related = {
        kind: related_values(numbered(more, place), items.cuts)
        for kind, more in sorted(model.related.items())
    }
    related_digests = {kind: keep(values) for kind, (_, values) in related.items()}
    home = np.repeat(np.arange(len(items.cuts) - 1), np.diff(items.cuts))
    markets = {
        name: (made.firsts, keep(made.values))
        for name, made in market_values(log, cards.sku, shop.currency).items()
    }
    progress("writing visitors")
    visitors = visitor_values(model.visitors, place, model.key_id, settings.train.visitor_bytes)
    visitor_digests = keep(visitors.values)
    popular = popular_value(model.popular, place, cards)
    latest = [popular_value(model.latest, place, cards)] if model.latest else []
    keep([popular, *latest])
    return Parts(
        model_time=model.model_time,
        item_cuts=items.cuts,
        item_digests=item_digests,
        card_cuts=items.card_cuts,
        card_digests=card_digests,
        locator=build_locator(lanes, home),
        visitor_firsts=visitors.firsts,
        visitor_digests=visitor_digests,
        visitor_count=visitors.count,
        key_id=model.key_id,
        popular=popular.digest,
        latest=latest[0].digest if latest else None,
        related={kind: (related[kind][0], made) for kind, made in related_digests.items() if made},
        markets=markets,
        countries={country: name for country, name in shop.countries.items() if name in markets},
        reminder_scale=model.reminder_scale,
        serving=model.serving,
        segments=[(segment.key, segment.name, segment.when) for segment in model.segments],
        rules=rules,
        templates=templates,
    )


def _bytes_by_kind(values: list[dict[str, Any]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for value in values:
        totals[value["kind"]] = totals.get(value["kind"], 0) + value["bytes"]
    return totals


def _publish_folder(build: Path, partial: Path, release: str) -> None:
    """Put the finished folder under its release's name and point `current` at it, in one step."""
    target = build / f"r-{release}"
    if target.exists():
        shutil.rmtree(partial)
    else:
        partial.rename(target)
    link = build / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    os.replace(link, build / "current")
    for other in build.glob("r-*"):
        if other != target:
            shutil.rmtree(other)
