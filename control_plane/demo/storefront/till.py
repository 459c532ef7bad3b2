"""Cart and checkout: one person's own pages, kept by no cache. Nothing is really sold."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Redirect

from control_plane.demo.storefront import basket, caching
from control_plane.demo.storefront.basket import Line
from control_plane.demo.storefront.browse import PICKS
from control_plane.demo.storefront.stock import Stock, as_row
from control_plane.schema import ADDED, CHECKOUT, ORDERED, REMOVED

#: Tells pages that caches keep how many things are in the cart; holds nothing else.
COUNT_COOKIE = "shop_cart"


def pages(stock: Stock) -> Blueprint:
    """Return cart and checkout."""
    page = Blueprint("till", __name__)
    page.before_request(caching.private)

    @page.after_request
    def count(response: Response) -> Response:
        number = sum(quantity for _, quantity in basket.lines(stock))
        response.set_cookie(COUNT_COOKIE, str(number), samesite="Lax")
        return response

    @page.get("/cart")
    def cart() -> str:
        found = basket.lines(stock)
        return render_template(
            "cart.html",
            lines=found,
            total=basket.total(found),
            beside=stock.beside(found[-1][0].category, PICKS) if found else [],
            tracks=session.pop("tell", []),
        )

    @page.post("/cart")
    def change() -> Redirect:
        product = stock.products.get(request.form.get("item", ""))
        if product is None or not product.available:
            abort(404)
        before = basket.has(product)
        wanted = request.form.get("quantity", before + 1, type=int)
        change = basket.put(product, wanted) - before
        if change:
            event = ADDED if change > 0 else REMOVED
            session["tell"] = [(event, as_row(product) | {"quantity": abs(change)})]
        return redirect(url_for(".cart"), 303)

    @page.get("/checkout")
    def checkout() -> str | Redirect:
        found = basket.lines(stock)
        if not found:
            return redirect(url_for(".cart"), 303)
        track = (CHECKOUT, _bill(found))
        return render_template("checkout.html", lines=found, total=basket.total(found), track=track)

    @page.post("/checkout")
    def buy() -> Redirect:
        found = basket.lines(stock)
        if found:
            order_id = f"T{secrets.randbelow(10**8):08d}"
            session["order"] = order_id
            session["tell"] = [(ORDERED, {"order_id": order_id, **_bill(found)})]
            basket.empty()
        return redirect(url_for(".thanks"), 303)

    @page.get("/checkout/thanks")
    def thanks() -> str | Redirect:
        order_id = session.get("order")
        if not order_id:
            return redirect(url_for(".cart"), 303)
        return render_template("thanks.html", order_id=order_id, tracks=session.pop("tell", []))

    return page


def _bill(cart: list[Line]) -> dict[str, Any]:
    products = [as_row(product) | {"quantity": quantity} for product, quantity in cart]
    return {"total": basket.total(cart), "currency": "EUR", "products": products}
