"""Preview tokens: what a signed link forces in one browser, and until when.

    1.<payload>.<mac>

The payload is base64url of JSON; the mac the first 16 bytes of HMAC-SHA256 by the project's
cookie secret over fs_p, NUL, shop, NUL, environment, NUL, "1.<payload>", so that no other
cookie passes for a preview and staging's not for production's. edge_bundle/core/preview.js
reads it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec

from control_plane.deploy.history import releases
from control_plane.deploy.release import load_release
from control_plane.deploy.target import Target
from control_plane.errors import InputError, suggest
from control_plane.keyring import load_text
from control_plane.settings import Project
from control_plane.tables import digest

DRAFT = "draft"
#: A longer token would not fit the cookie that keeps it.
MAX_TOKEN = 1900


class Named(msgspec.Struct, frozen=True):
    """A release by its manifest; `digest` is the SHA-256 of the manifest's value."""

    release: str
    manifest: str
    digest: bytes


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a preview forces; `until` is epoch seconds, `at` epoch milliseconds."""

    until: int
    segments: Sequence[str] | None = None
    variations: Mapping[str, int] = {}
    slots: Mapping[str, str] = {}
    at: int | None = None
    country: str | None = None
    release: Named | None = None


def preview_token(preview: Preview, project: Project) -> str:
    """Return the signed token; raise InputError when it says too much for a cookie."""
    payload = f"1.{_text(msgspec.json.encode(_claims(preview)))}"
    shop = project.settings.shop
    message = "\0".join(("fs_p", shop.name, shop.environment, payload)).encode()
    secret = base64.b64decode(load_text(project.keys, "cookie.secret"))
    token = f"{payload}.{_text(hmac.digest(secret, message, hashlib.sha256)[:16])}"
    if len(token) > MAX_TOKEN:
        raise InputError(
            f"the link would be {len(token):,} characters long, {MAX_TOKEN:,} fit a cookie",
            remedy="Force fewer slots, variations or segments at once.",
        )
    return token


def named_release(target: Target, project: Project, release: str) -> Named:
    """Return a release that the target holds: by id, or `draft` for the one compiled last.

    Raises InputError when the target does not hold it.
    """
    if release == DRAFT:
        built = load_release((project.build / "current").resolve(), project)
        value = target.get(built.manifest)
        if value is None or digest(value).hex() != built.digest:
            raise InputError(
                f"{target!r} does not hold the compiled release {built.release}",
                remedy="Put it there without making it live: 'frontshelf deploy --draft'.",
            )
        return Named(built.release, built.manifest, bytes.fromhex(built.digest))
    held = {entry.release: entry for entry in releases(target, project)}
    if release not in held:
        raise InputError(
            f"no release {release!r} in this target", remedy=suggest(release, [*held, DRAFT])
        )
    entry = held[release]
    return Named(entry.release, entry.manifest, bytes.fromhex(entry.digest))


def _claims(preview: Preview) -> dict[str, object]:
    claims: dict[str, object] = {
        "until": preview.until,
        "segments": preview.segments,
        "variations": dict(preview.variations),
        "slots": dict(preview.slots),
        "at": preview.at,
        "country": preview.country,
    }
    if preview.release:
        claims["manifest"] = preview.release.manifest
        claims["digest"] = _text(preview.release.digest)
    return {name: value for name, value in claims.items() if value not in (None, {})}


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
