"""What a project's settings and keys say to the worker."""

from __future__ import annotations

import base64

from control_plane.keyring import (
    load_signing_key,
    load_text,
    load_visitor_secrets,
    public_key_text,
)
from control_plane.settings import Project

#: What was deployed shows on the next page, however busy the laptop is. A strict one keeps the
#: patience that wrangler.jsonc gives the worker everywhere else.
INSTANT = {
    "HEAD_SECONDS": "0.2",
    "HEAD_WAIT_MS": "2000",
    "READ_MS": "5000",
    "SLOT_MS": "5000",
}


def edge_variables(
    project: Project, trust_loopback: bool, *, strict: bool = False
) -> dict[str, str]:
    """Return the worker's variables and secrets for a project on this machine."""
    shop, edge = project.settings.shop, project.settings.edge
    visitor = load_visitor_secrets(project.keys)
    ids = sorted(visitor.secrets, key=lambda id: id != visitor.current)
    return {
        "SHOP": shop.name,
        "ENVIRONMENT": shop.environment,
        "PREFIX": edge.prefix,
        "RELEASE_KEYS": public_key_text(load_signing_key(project.keys, "release")),
        "HEAD_KEYS": public_key_text(load_signing_key(project.keys, "head")),
        "MIN_COUNTER": str(edge.min_counter),
        **({} if strict else INSTANT),
        "SLOT_TAGS": ",".join(edge.slot_tags),
        "INCLUDE": ",".join(edge.include),
        "EXCLUDE": ",".join(edge.exclude),
        # The inbox takes the events, whatever collector the shop has elsewhere.
        "COLLECT_URL": "",
        "TRUST_LOOPBACK": "1" if trust_loopback else "0",
        "VISITOR_KEYS": ",".join(
            f"{id}:{base64.b64encode(visitor.secrets[id]).decode()}" for id in ids
        ),
        "COOKIE_KEY": load_text(project.keys, "cookie.secret"),
        "API_TOKEN": load_text(project.keys, "api.token"),
    }
