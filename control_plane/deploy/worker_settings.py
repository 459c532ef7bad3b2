"""What a project's settings and keys say to the worker: its variables and its secrets."""

from __future__ import annotations

import base64

from control_plane.keyring import (
    least_counter,
    load_ring,
    load_text,
    load_visitor_secrets,
)
from control_plane.settings import Project


def worker_variables(project: Project) -> dict[str, str]:
    """Return the variables that anybody may read, in the names that wrangler.jsonc gives them."""
    shop, edge = project.settings.shop, project.settings.edge
    ring = load_ring(project.keys)
    return {
        "SHOP": shop.name,
        "ENVIRONMENT": shop.environment,
        "PREFIX": edge.prefix,
        "RELEASE_KEYS": ",".join(key.public for key in ring.release),
        "HEAD_KEYS": ",".join(key.public for key in ring.head),
        "MIN_COUNTER": str(least_counter(project)),
        "SLOT_TAGS": ",".join(edge.slot_tags),
        "INCLUDE": ",".join(edge.include),
        "EXCLUDE": ",".join(edge.exclude),
        "COLLECT_URL": edge.collect_url,
    }


def worker_secrets(project: Project) -> dict[str, str]:
    """Return the variables that nobody may read; the current visitor secret stands first."""
    visitor = load_visitor_secrets(project.keys)
    ids = sorted(visitor.secrets, key=lambda id: id != visitor.current)
    return {
        "VISITOR_KEYS": ",".join(
            f"{id}:{base64.b64encode(visitor.secrets[id]).decode()}" for id in ids
        ),
        "COOKIE_KEY": load_text(project.keys, "cookie.secret"),
        "API_TOKEN": load_text(project.keys, "api.token"),
    }
