"""Tells each walk through the shop as the calls it sends: pages, lists, views, carts, orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from control_plane.demo import calls
from control_plane.demo.calls import CRAWLERS, Call, Speaker
from control_plane.demo.catalogue import Catalogue
from control_plane.demo.moments import DAY_MS, SECOND_MS, draw_gaps, draw_starts
from control_plane.demo.people import CONSENTS, COUNTRIES, DEVICES, UTC_OFFSETS, People, uuids
from control_plane.demo.walks import MAX_VIEWS, Walks
from control_plane.schema import ADDED, CHECKOUT, LISTED, ORDERED, REFUNDED, SEARCHED, VIEWED

HOME, BY_LIST, BY_SEARCH = 0.45, 0.40, 0.13
CART, CHECKS_OUT, BUYS, RETURNS = 0.09, 0.55, 0.75, 0.07
SIGNED_IN, ON_SECOND_DEVICE = 0.6, 0.35
VISITORS_PER_BOT, BOT_VIEWS = 500, 120

#: When, event name ("" is a page call), properties, path.
Moment = tuple[int, str, Call, str]


class Journeys(msgspec.Struct, frozen=True):
    """All sessions in the order they begin, and what chance holds for each step of them."""

    people: People
    shop: Catalogue
    walks: Walks
    start: NDArray[np.int64]
    gaps: NDArray[np.int64]
    luck: NDArray[np.float32]
    browser: NDArray[np.int64]
    signed_in: NDArray[np.bool_]


def plan_journeys(
    people: People, shop: Catalogue, walks: Walks, period: tuple[date, int], draws: Any
) -> Journeys:
    """Return the journeys of `walks` within a period (last day, days)."""
    end, days = period
    visitor = walks.visitor
    offsets = np.array(UTC_OFFSETS)[people.country[visitor]]
    start = draw_starts(offsets, end, days, draws)
    second = (people.browser[visitor, 1] >= 0) & (draws.random(len(visitor)) < ON_SECOND_DEVICE)
    signed_in = people.account[visitor] & (draws.random(len(visitor)) < SIGNED_IN)
    order = np.argsort(start, kind="stable")
    return Journeys(
        people=people,
        shop=shop,
        walks=Walks(*(getattr(walks, field)[order] for field in Walks.__struct_fields__)),
        start=start[order],
        gaps=draw_gaps((len(visitor), MAX_VIEWS), draws),
        luck=draws.random((len(visitor), MAX_VIEWS + 1, 3), dtype=np.float32),
        browser=people.browser[visitor, second.astype(np.int64)][order],
        signed_in=signed_in[order],
    )


def speaker_of(journeys: Journeys, session: int) -> Speaker:
    """Return who a session's calls are from."""
    people = journeys.people
    visitor = int(journeys.walks.visitor[session])
    consent = CONSENTS[int(people.consent[visitor])]
    browser = int(journeys.browser[session])
    known = any(consent)
    device = DEVICES[int(people.device[browser])]
    return Speaker(
        anonymous_id=people.browser_ids[browser] if known else None,
        user_id=user_id(visitor) if known and journeys.signed_in[session] else None,
        country=COUNTRIES[int(people.country[visitor])],
        device=device,
        agent=calls.agent_of(device),
        consent=consent,
    )


def user_id(visitor: int) -> str:
    """Return the account number of a visitor."""
    return f"cust-{visitor + 1:06d}"


def tell(journeys: Journeys, session: int) -> Iterator[Moment]:
    """Yield what happens in a session, in order of time."""
    shop, luck = journeys.shop, journeys.luck[session].tolist()
    length = int(journeys.walks.length[session])
    items = journeys.walks.items[session, :length].tolist()
    fresh = journeys.walks.fresh[session, :length].tolist()
    gaps = journeys.gaps[session].tolist()
    at = int(journeys.start[session])
    cart: dict[int, int] = {}
    if luck[-1][0] < HOME:
        yield at, "", {}, "/"
    for step, item in enumerate(items):
        at += gaps[step]
        if fresh[step]:
            yield from _arrival(shop, item, at - gaps[step] // 2, luck[step][0])
        yield at, VIEWED, calls.viewed(shop, item), f"/p/{shop.rows[item]['item_id']}"
        if luck[step][1] < CART and shop.available[item]:
            quantity = 2 if luck[step][2] < 0.12 else 1
            cart[item] = cart.get(item, 0) + quantity
            yield at + 2 * SECOND_MS, ADDED, calls.added(shop, item, quantity), "/cart"
    if cart:
        yield from _till(shop, f"order-{session + 1:07d}", cart, (at, luck[-1]))


def _arrival(shop: Catalogue, item: int, at: int, luck: float) -> Iterator[Moment]:
    if luck < BY_LIST:
        yield at, LISTED, calls.listed(shop, item), f"/c/{shop.rows[item]['category']}"
    elif luck < BY_LIST + BY_SEARCH:
        yield at, SEARCHED, calls.searched(shop, item), "/search"


def _till(
    shop: Catalogue, order_id: str, cart: dict[int, int], chance: tuple[int, list[float]]
) -> Iterator[Moment]:
    at, luck = chance
    lines = sorted(cart.items())
    if luck[1] >= CHECKS_OUT:
        return
    yield at + 30 * SECOND_MS, CHECKOUT, calls.checkout(shop, lines), "/checkout"
    if luck[1] >= CHECKS_OUT * BUYS:
        return
    order = calls.ordered(shop, order_id, lines)
    yield at + 90 * SECOND_MS, ORDERED, order, "/checkout/thanks"
    if luck[2] < RETURNS:
        later = at + int((3 + 12 * luck[2] / RETURNS) * DAY_MS)
        yield later, REFUNDED, calls.ordered(shop, order_id, lines[:1]), "/account"


def bot_journeys(
    visitors: int, shop: Catalogue, period: tuple[date, int], draws: Any
) -> list[tuple[Speaker, list[Moment]]]:
    """Return crawlers that read product after product, as (speaker, moments), by start."""
    count = -(-visitors // VISITORS_PER_BOT)
    starts = np.sort(draw_starts(np.zeros(count, dtype=np.int64), *period, draws))
    first = draws.integers(len(shop.rows), size=count)
    out = []
    for turn, name in enumerate(uuids(count, draws)):
        speaker = Speaker(name, None, "US", "desktop", CRAWLERS[turn % len(CRAWLERS)], (True, True))
        moments = [
            (int(starts[turn]) + step * 2 * SECOND_MS, VIEWED, calls.viewed(shop, item),
             f"/p/{shop.rows[item]['item_id']}")
            for step in range(BOT_VIEWS)
            for item in [int(first[turn] + step) % len(shop.rows)]
        ]  # fmt: skip
        out.append((speaker, moments))
    return out
