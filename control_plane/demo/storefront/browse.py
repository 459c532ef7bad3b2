"""The pages everyone may see and caches may keep: home, departments, shelves, products, search."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, abort, render_template, request

from control_plane.demo.pictures import draw
from control_plane.demo.storefront.stock import Product, Stock, as_row
from control_plane.demo.taxonomy import silhouette
from control_plane.schema import LISTED, SEARCHED, VIEWED

PER_PAGE = 24
RECOMMENDED, ALIKE, PICKS = 12, 6, 6
SORTS = {
    "": ("Our favourites", None, False),
    "price": ("Price, low first", lambda product: product.price, False),
    "-price": ("Price, high first", lambda product: product.price, True),
    "name": ("Name", lambda product: product.title, False),
}


def pages(stock: Stock) -> Blueprint:
    """Return the public pages of a shop with this stock."""
    page = Blueprint("browse", __name__)

    @page.get("/")
    def home() -> str:
        floors = stock.taxonomy.departments
        # From every floor something, and no two things of a kind.
        mixed = [floor.categories[(turn + 2 * round_) % len(floor.categories)].key
                 for round_ in range(2) for turn, floor in enumerate(floors)]  # fmt: skip
        return render_template(
            "home.html",
            favourites=stock.picks(mixed, RECOMMENDED),
            faces={floor.key: stock.picks([floor.categories[0].key], 1) for floor in floors},
        )

    @page.get("/d/<key>")
    def department(key: str) -> str:
        floor = next((one for one in stock.taxonomy.departments if one.key == key), None)
        if floor is None:
            abort(404)
        shelves = {shelf.key: stock.picks([shelf.key], PICKS) for shelf in floor.categories}
        return render_template("department.html", department=floor, shelves=shelves)

    @page.get("/c/<key>")
    def category(key: str) -> str:
        shelf = stock.taxonomy.category(key)
        if shelf is None:
            abort(404)
        floor = stock.taxonomy.department_of(key)
        found = _sorted(stock.shelf(key))
        return render_template(
            "category.html",
            category=shelf,
            department=floor,
            favourites=stock.beside(key, PICKS),
            track=(LISTED, {"list_id": key, "category": key, "products": _positions(found)}),
            **_paged(found),
        )

    @page.get("/p/<item_id>")
    def product(item_id: str) -> str:
        found = _product_or_404(stock, item_id)
        return render_template(
            "product.html",
            product=found,
            variants=stock.variants(found),
            category=stock.taxonomy.category(found.category),
            department=stock.taxonomy.department_of(found.category),
            alike=stock.alike(found, ALIKE),
            beside=stock.beside(found.category, PICKS),
            track=(VIEWED, as_row(found)),
        )

    @page.get("/search")
    def search() -> str:
        query = request.args.get("q", "").strip()[:100]
        found = _sorted(stock.search(query))
        track = (SEARCHED, {"query": query}) if query else None
        return render_template("search.html", query=query, track=track, **_paged(found))

    @page.get("/img/<item_id>.svg")
    def picture(item_id: str) -> Response:
        found = _product_or_404(stock, item_id)
        shelf = stock.taxonomy.category(found.category)
        shape = silhouette(shelf, found.title) if shelf else 0
        svg = draw(found.category, shape, found.colour, found.group_id)
        return Response(svg, mimetype="image/svg+xml")

    return page


def _product_or_404(stock: Stock, item_id: str) -> Product:
    found = stock.products.get(item_id)
    if found is None:
        abort(404)
    return found


def _sorted(products: list[Product]) -> list[Product]:
    _, key, backwards = SORTS.get(request.args.get("sort", ""), SORTS[""])
    return sorted(products, key=key, reverse=backwards) if key else products


def _paged(products: list[Product]) -> dict[str, object]:
    """Return what a page of a list shows, and where it stands in it."""
    last = max(1, -(-len(products) // PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), last)
    return {
        "products": products[(number - 1) * PER_PAGE : number * PER_PAGE],
        "count": len(products),
        "pages": _page_links(number, last) if last > 1 else [],
        "sorts": {key: label for key, (label, _, _) in SORTS.items()},
        "sort": request.args.get("sort", ""),
    }


def _positions(products: list[Product]) -> list[dict[str, object]]:
    return [
        {"product_id": product.item_id, "position": place}
        for place, product in enumerate(products[:6], 1)
    ]


def _page_links(number: int, last: int) -> list[tuple[int, str, bool]]:
    """Return (page, address, whether it is this one) of the first, last and nearby pages."""
    near = range(number - 2, number + 3)
    kept = {key: value for key, value in request.args.items() if key != "page" and value}
    return [
        (page, f"?{urlencode(kept | {'page': str(page)})}", page == number)
        for page in sorted({1, last, *near})
        if 1 <= page <= last
    ]
