"""Deploys a compiled shop to this machine's edge: what is written, at first and for each change."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from control_plane.collect.stock import StockLine
from control_plane.deploy.cloudflare.kv import CloudflareKV
from control_plane.deploy.overlays.move import change_overlays
from control_plane.deploy.overlays.stock import change_stock
from control_plane.deploy.publish import PublishReport, publish
from control_plane.deploy.target import Target
from control_plane.emulator.dev import local_api
from control_plane.settings import Project

Talk = Callable[[str], None]

#: The share of the items whose stock or price changes.
CHANGED = 0.01


class DeployReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `bench compile --deploy` measured.

    `again` are values that the same release wrote a second time, `rules` those of a release with
    other rules, without its manifest; `stock_share` are bytes of a stock overlay for 1 % of the
    items, of the catalogue's.
    """

    values: int
    bytes: int
    seconds: float
    again: int
    rules: int
    stock_items: int
    stock_bytes: int
    stock_share: float
    stock_seconds: float


def bench_deploy(
    project: Project,
    items: list[str],
    catalogue_bytes: int,
    other_rules: Callable[[], None],
    talk: Talk,
) -> DeployReport:
    """Deploy, deploy again, tell of stock, then deploy what `other_rules` compiled."""
    with (
        local_api(project) as api,
        CloudflareKV(
            api.base_url, api.token, api.account_id, api.namespace_id, name="local"
        ) as target,
    ):
        talk("deploying to this machine's edge")
        first, seconds = _publish(target, project)
        again, _ = _publish(target, project)
        every = max(1, round(1 / CHANGED))
        lines = {item: StockLine(True, 1_999 + n % 7, "") for n, item in enumerate(items[::every])}
        talk(f"telling of the stock of {len(lines):,} items")
        stock = change_overlays(
            target, project, lambda on, head: change_stock(on, project, head, lines, {})
        )
        talk("compiling and deploying other rules")
        other_rules()
        rules, _ = _publish(target, project)
    return DeployReport(
        values=first.written,
        bytes=first.bytes,
        seconds=round(seconds, 1),
        again=again.written,
        rules=rules.written - rules.plan.write_manifest,
        stock_items=len(lines),
        stock_bytes=stock.bytes,
        stock_share=round(stock.bytes / catalogue_bytes, 4),
        stock_seconds=stock.seconds,
    )


def _publish(target: Target, project: Project) -> tuple[PublishReport, float]:
    began = time.monotonic()
    return publish(target, project.build / "current", project), time.monotonic() - began
