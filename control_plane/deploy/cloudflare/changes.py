"""What an upload would change: variables by name and value, secrets by name alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from control_plane.deploy.cloudflare.bundle import Tag, WorkerBundle
from control_plane.deploy.cloudflare.workers import Route
from control_plane.deploy.worker_target import Change, ChangeKind
from control_plane.errors import InputError


def changes_between(
    bundle: WorkerBundle,
    resources: Mapping[str, Any],
    tag: Tag | None,
    observability: Mapping[str, Any] | None,
) -> tuple[Change, ...]:
    """Return what a bundle changes against a version's resources, and against the settings.

    `tag` is None for a version of another's making, `observability` for a worker yet to be made:
    then nobody knows whether code and secrets are the same, and both count as changed.
    """
    wanted = bundle.tag
    bindings = resources.get("bindings") or []
    changes = []
    if tag is None or tag.code != wanted.code:
        before = tag.code if tag else None
        changes.append(Change(kind="code", name="modules", before=before, after=wanted.code))
    if tag is None or tag.tables != wanted.tables:
        before = str(tag.tables) if tag else None
        changes.append(Change(kind="code", name="tables", before=before, after=str(wanted.tables)))
    texts = variables_of(resources)
    namespaces = _by_name(bindings, "kv_namespace", "namespace_id")
    changes += differing("variable", texts, bundle.variables)
    changes += differing("binding", namespaces, bundle.namespaces)
    changes += _secrets(bundle, bindings, changed=tag is None or tag.secrets != wanted.secrets)
    runtime = resources.get("script_runtime") or {}
    date = {"compatibility_date": bundle.compatibility_date}
    changes += differing("runtime", _only(runtime, "compatibility_date"), date)
    changes += _observability(observability, bundle.observability)
    return tuple(changes)


def variables_of(resources: Mapping[str, Any]) -> dict[str, str]:
    """Return a version's variables that anybody may read."""
    return _by_name(resources.get("bindings") or [], "plain_text", "text")


def route_changes(
    routes: Sequence[Route], patterns: Sequence[str], worker: str
) -> tuple[Change, ...]:
    """Return what a list of patterns changes; raise InputError when one is another worker's."""
    by_pattern = {route.pattern: route for route in routes}
    changes = []
    for pattern in patterns:
        route = by_pattern.get(pattern)
        if route is None:
            changes.append(Change(kind="route", name=pattern, after=worker))
        elif route.script != worker:
            raise InputError(
                f"the route {pattern} leads to {route.script or 'no worker'} already",
                field="cloudflare.routes",
                remedy="Remove that route at Cloudflare first, or leave it out here.",
            )
    return (
        *changes,
        *(
            Change(kind="route", name=route.pattern, before=worker)
            for route in routes
            if route.script == worker and route.pattern not in patterns
        ),
    )


def _secrets(
    bundle: WorkerBundle, bindings: Sequence[Mapping[str, Any]], *, changed: bool
) -> list[Change]:
    there = {one["name"] for one in bindings if one["type"] == "secret_text"}
    gone = [Change(kind="secret", name=name, before="set") for name in there - set(bundle.secrets)]
    written = [
        Change(kind="secret", name=name, before="set" if name in there else None, after="set")
        for name in bundle.secrets
        if changed or name not in there
    ]
    return [*written, *sorted(gone, key=lambda change: change.name)]


def _observability(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    # The platform fills in more than it was told.
    if before is not None and all(before.get(name) == value for name, value in after.items()):
        return []
    now = {"observability": _onoff(after)}
    return differing("setting", {} if before is None else {"observability": _onoff(before)}, now)


def _onoff(observability: Mapping[str, Any]) -> str:
    return "on" if observability.get("enabled") else "off"


def _by_name(bindings: Sequence[Mapping[str, Any]], type: str, field: str) -> dict[str, str]:
    return {one["name"]: str(one.get(field)) for one in bindings if one["type"] == type}


def _only(values: Mapping[str, Any], name: str) -> dict[str, str]:
    return {name: str(values[name])} if name in values else {}


def differing(
    kind: ChangeKind, before: Mapping[str, str], after: Mapping[str, str]
) -> list[Change]:
    """Return what texts of one kind become others, are new, or go."""
    return [
        Change(kind=kind, name=name, before=before.get(name), after=after.get(name))
        for name in (*after, *(name for name in before if name not in after))
        if before.get(name) != after.get(name)
    ]
