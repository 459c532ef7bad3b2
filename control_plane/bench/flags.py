"""Twenty targeted flags, the same to our worker as slots and to GrowthBook's SDK as features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: The SDK that many shops use instead: fetched for measuring only. MIT.
GROWTHBOOK = {
    "@growthbook/growthbook@1.8.0": (
        "WlS5bCwm0EJQDdTNkiPGE1X9EdvU7BIaAbHP8pg/5xP1stRyUI7sPQMpC21p6B2c/VvgxatGn/tM+r0SYnhfQw=="
    ),
}
GROWTHBOOK_FILE = "node_modules/@growthbook/growthbook/dist/bundles/esm.min.js"

#: What is known of the one who asks.
ATTRIBUTES: Mapping[str, Any] = {
    "country": "FR",
    "region": "IDF",
    "device": "mobile",
    "path": "/p/boots",
    "traits": {"tier": "gold", "orders": 7, "tags": ["outdoor", "sale"], "app": "4.12.1"},
    "utm": {"source": "newsletter", "campaign": "autumn"},
}

_CONDITIONS: tuple[Mapping[str, Any], ...] = (
    {"country": {"$in": ["FR", "DE", "ES"]}, "device": "mobile"},
    {"country": {"$in": ["NO", "SE", "FI", "DK"]}},
    {"traits.tier": "gold", "traits.orders": {"$gt": 3}},
    {"traits.tags": {"$elemMatch": {"$eq": "outdoor"}}},
    {"traits.app": {"$vgte": "4.10.0"}},
    {"utm.source": "newsletter", "utm.campaign": {"$ne": "spring"}},
    {"$or": [{"device": "tablet"}, {"traits.tier": "silver"}]},
    {"path": {"$regex": "^/p/"}},
    {"$not": {"country": {"$in": ["US", "CA"]}}},
    {"region": {"$exists": True}, "traits.orders": {"$lte": 5}},
)


def conditions() -> list[Mapping[str, Any]]:
    """Return twenty conditions, half of which hold for `ATTRIBUTES`; no two are the same."""
    other = [{**one, "traits.segment": {"$ne": f"s{n}"}} for n, one in enumerate(_CONDITIONS)]
    return [*_CONDITIONS, *other]


def flag_rules() -> str:
    """Return rules in which twenty slots each have one targeted rule."""
    content = {"on": {"html": "on"}, "off": {"html": "off"}}
    slots = {
        f"flag.{n:02}": {"default": "off", "rules": [{"id": f"r{n}", "when": when, "show": "on"}]}
        for n, when in enumerate(conditions())
    }
    # JSON is YAML.
    return json.dumps({"timezone": "Europe/Paris", "content": content, "slots": slots}, indent=1)


def features() -> dict[str, Any]:
    """Return the same as GrowthBook's features."""
    return {
        f"flag.{n:02}": {"defaultValue": "off", "rules": [{"condition": when, "force": "on"}]}
        for n, when in enumerate(conditions())
    }


_GROWTHBOOK_WORKER = """import { GrowthBook, GrowthBookClient } from "./growthbook.js";
const payload = { features: FEATURES };
const keys = Object.keys(payload.features);
CREATE
export default { async fetch(request) {
  const { context } = await request.json();
  EVALUATE
  return Response.json({ flags });
} };"""
#: One client for the isolate's life, as fits a worker.
_KEPT = (
    "const client = new GrowthBookClient().initSync({ payload });",
    "const one = client.createScopedInstance({ attributes: context });"
    "const flags = keys.map((key) => ({ key, value: one.getFeatureValue(key, 'off') }));",
)
#: One instance a request, as its documentation for servers long showed.
_FRESH = (
    "",
    "const one = new GrowthBook({ attributes: context }).initSync({ payload });"
    "const flags = keys.map((key) => ({ key, value: one.getFeatureValue(key, 'off') }));"
    "one.destroy();",
)


def growthbook_worker(kept: bool) -> str:
    """Return a worker that evaluates the twenty features with GrowthBook's SDK."""
    create, evaluate = _KEPT if kept else _FRESH
    worker = _GROWTHBOOK_WORKER.replace("FEATURES", json.dumps(features()))
    return worker.replace("CREATE", create).replace("EVALUATE", evaluate)
