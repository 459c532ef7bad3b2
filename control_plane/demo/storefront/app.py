"""Builds the sample shop's server from a shop folder."""

from __future__ import annotations

import secrets
from pathlib import Path

from flask import Flask, Response, render_template, request

from control_plane.demo.storefront import browse, caching, customers, till
from control_plane.demo.storefront.stock import Product, read_stock, swatch

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
NAME = "Tarn & Thistle"


def create_app(shop_folder: Path, *, secret: bytes | None = None) -> Flask:
    """Return the shop's WSGI application; raise InputError when the folder has no catalogue.

    `secret` signs the shop's own cookie; without one, signing in ends with the process.
    """
    app = Flask(__name__)
    stock = read_stock(shop_folder)
    app.config.update(
        SECRET_KEY=secret or secrets.token_bytes(32),
        SESSION_COOKIE_NAME="shop_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(money=money, swatch=swatch)
    app.jinja_env.globals.update(shop_name=NAME, departments=stock.taxonomy.departments)
    app.register_blueprint(browse.pages(stock))
    app.register_blueprint(till.pages(stock))
    app.register_blueprint(customers.pages(shop_folder))
    app.register_error_handler(404, _not_found)
    caching.watch(app)
    return app


def money(product: Product | float, currency: str = "EUR") -> str:
    """Return a price as the edge writes it: €12.90."""
    amount = product if isinstance(product, float | int) else product.price
    return f"{SIGNS.get(currency, currency + ' ')}{amount:.2f}"


def _not_found(_: Exception) -> tuple[str, int] | Response:
    if request.path.startswith("/_fs/") or "text/html" not in request.headers.get("Accept", ""):
        return Response("Not found\n", 404, mimetype="text/plain")
    return render_template("not_found.html"), 404
