"""What the worker is told on this machine."""

from __future__ import annotations

from control_plane.deploy.worker_settings import worker_secrets, worker_variables
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
    return {
        **worker_variables(project),
        **worker_secrets(project),
        **({} if strict else INSTANT),
        # The inbox takes the events, whatever collector the shop has elsewhere.
        "COLLECT_URL": "",
        "TRUST_LOOPBACK": "1" if trust_loopback else "0",
    }
