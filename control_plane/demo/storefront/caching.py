"""Says of each response who may keep it, and vouches for who is signed in."""

from __future__ import annotations

from flask import Flask, Response, g, request, session

PUBLIC = "public, max-age=60"
PICTURES = "public, max-age=86400"
PRIVATE = "private, no-store"
VOUCHES = "Frontshelf-User"


def watch(app: Flask) -> None:
    """Set the caching headers of every response of `app`."""
    app.after_request(_finish)


def private() -> None:
    """Mark the response of this request as one person's own."""
    g.private = True


def _finish(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    if g.get("private") or request.method not in ("GET", "HEAD") or response.status_code >= 400:
        response.headers["Cache-Control"] = PRIVATE
        if user := session.get("user"):
            response.headers[VOUCHES] = user
        elif g.get("left"):
            # An empty name ends what an earlier response vouched for.
            response.headers[VOUCHES] = ""
        return response
    pictures = request.path.startswith(("/img/", "/static/"))
    response.headers["Cache-Control"] = PICTURES if pictures else PUBLIC
    if not response.direct_passthrough:
        response.add_etag()
        response.make_conditional(request)
    return response
