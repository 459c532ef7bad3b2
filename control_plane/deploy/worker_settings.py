"""What a project's settings and keys say to the worker: its variables and its secrets."""

from __future__ import annotations

import base64

from control_plane.keyring import (
    load_signing_key,
    load_text,
    load_visitor_secrets,
    public_key_text,
)
from control_plane.settings import Project


def worker_variables(project: Project) -> dict[str, str]:
    """Return the variables that anybody may read, in the names that wrangler.jsonc gives them."""
    shop, edge = project.settings.shop, project.settings.edge
    return {
        "SHOP": shop.name,
        "ENVIRONMENT": shop.environment,
        "PREFIX": edge.prefix,
        "RELEASE_KEYS": public_key_text(load_signing_key(project.keys, "release")),
        "HEAD_KEYS": public_key_text(load_signing_key(project.keys, "head")),
        "MIN_COUNTER": str(edge.min_counter),
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
