"""How the Workers API shows workers, versions and deployments: secrets by name only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from control_plane.emulator.workers.records import Deployment, Version, Worker

AUTHOR = {"author_email": "local@frontshelf.invalid", "author_id": "local"}
STARTUP_MS = 1


def time_text(epoch: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def bindings(stored: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return bindings without the texts of secrets, which nobody is told."""
    return [
        {key: value for key, value in binding.items() if key != "text"}
        if binding["type"] == "secret_text"
        else binding
        for binding in stored
    ]


def secret_names(stored: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the secrets among bindings."""
    return [
        {"name": binding["name"], "type": "secret_text"}
        for binding in stored
        if binding["type"] == "secret_text"
    ]


def worker(known: Worker, newest: Version) -> dict[str, Any]:
    """Return a worker as lists show it."""
    return {
        "id": known.name,
        "tag": known.tag,
        "tags": known.settings.get("tags", []),
        "etag": newest.etag,
        "handlers": ["fetch"],
        "last_deployed_from": known.source,
        "logpush": known.settings.get("logpush", False),
        "observability": known.settings.get("observability", {"enabled": False}),
        "compatibility_date": newest.compatibility_date,
        "compatibility_flags": list(newest.compatibility_flags),
        "usage_model": "standard",
        "has_modules": True,
        "has_assets": False,
        "created_on": time_text(known.created),
        "modified_on": time_text(known.modified),
    }


def service(known: Worker, newest: Version) -> dict[str, Any]:
    """Return a worker as `workers/services` shows it."""
    environment = {
        "environment": "production",
        "script_tag": known.tag,
        "created_on": time_text(known.created),
        "modified_on": time_text(known.modified),
        "script": worker(known, newest),
    }
    return {
        "id": known.name,
        "default_environment": environment,
        "environments": [environment],
        "created_on": environment["created_on"],
        "modified_on": environment["modified_on"],
    }


def listed_version(version: Version) -> dict[str, Any]:
    """Return a version as lists show it."""
    created = time_text(version.created)
    return {
        "id": version.id,
        "number": version.number,
        "metadata": {
            **AUTHOR,
            "created_on": created,
            "modified_on": created,
            "source": version.source,
            "has_preview": False,
            "hasPreview": False,
        },
        "annotations": version.annotations,
    }


def full_version(version: Version) -> dict[str, Any]:
    """Return a version with what it is made of."""
    return {
        **listed_version(version),
        "resources": {
            "bindings": bindings(version.bindings),
            "script": {
                "etag": version.etag,
                "handlers": ["fetch"],
                "last_deployed_from": version.source,
            },
            "script_runtime": {
                "compatibility_date": version.compatibility_date,
                "compatibility_flags": list(version.compatibility_flags),
                "usage_model": "standard",
            },
        },
        "startup_time_ms": STARTUP_MS,
    }


def deployment(made: Deployment) -> dict[str, Any]:
    """Return a deployment."""
    return {
        "id": made.id,
        "source": made.source,
        "strategy": "percentage",
        "author_email": AUTHOR["author_email"],
        "created_on": time_text(made.created),
        "annotations": made.annotations,
        "versions": [
            {"version_id": share.version_id, "percentage": share.percentage}
            for share in made.versions
        ],
    }
