"""The cart: item and quantity, kept in the shop's own signed cookie."""

from __future__ import annotations

from flask import session

from control_plane.demo.storefront.stock import Product, Stock

MOST_LINES, MOST_EACH = 30, 9

Line = tuple[Product, int]


def lines(stock: Stock) -> list[Line]:
    """Return what is in the cart; what the shop no longer has is left out."""
    kept = session.get("cart", {})
    return [(stock.products[item], count) for item, count in kept.items() if item in stock.products]


def put(product: Product, quantity: int) -> int:
    """Set how many of a product are in the cart; return how many are now."""
    kept = dict(session.get("cart", {}))
    quantity = max(0, min(quantity, MOST_EACH))
    if quantity and (product.item_id in kept or len(kept) < MOST_LINES):
        kept[product.item_id] = quantity
    else:
        kept.pop(product.item_id, None)
    session["cart"] = kept
    return int(kept.get(product.item_id, 0))


def has(product: Product) -> int:
    """Return how many of a product are in the cart."""
    return int(session.get("cart", {}).get(product.item_id, 0))


def empty() -> None:
    """Take everything out."""
    session.pop("cart", None)


def total(cart: list[Line]) -> float:
    """Return the sum in the shop's currency."""
    return round(sum(product.price * count for product, count in cart), 2)
