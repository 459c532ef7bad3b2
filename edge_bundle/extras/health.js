/** `GET health`: how an isolate fares. */

import { core } from "./core.js";
import { settingsOf } from "./settings.js";

const { json, only } = core;

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 */

/** @param {Edge} edge @param {Loader} loader @param {import("../core/visit.js").Call} call */
export function answer(edge, loader, call) {
  return only("GET", call) ?? loader.settled(() => {
    const report = reportOf(edge, loader);
    return report && json(200, report);
  });
}

/** Return the report; null when that needs a look at the head. @param {Edge} edge @param {Loader} loader */
function reportOf(edge, loader) {
  const { config, health, cache, releases } = edge;
  const live = releases.ready(loader);
  if (!live) return null;
  const { release, fresh } = live;
  const { counter, issuedAt, checkedAt, overlays, canary } = releases;
  const now = loader.platform.now();
  return {
    status: release ? (fresh ? "ok" : "stale") : "no_release",
    shop: config.shop,
    environment: config.environment,
    release: release?.id ?? null,
    canary: canary ? { release: canary.release.id, share: canary.share } : null,
    head: {
      counter,
      issued_at: issuedAt,
      age_seconds: checkedAt ? Math.round((now - checkedAt) / 1000) : null,
    },
    overlays: overlays?.told ?? null,
    slots: release ? Object.keys(release.rules.slots) : [],
    decisions: countsOf(health.reasons),
    faults: health.faults,
    recent_faults: health.recent,
    tables: { bytes: cache.bytes, values: cache.tables.size, hits: cache.hits, reads: cache.reads },
    local: settingsOf(edge).localApis ?? undefined,
  };
}

/** What rules and experiments decided, together. @param {Map<string, number>} reasons */
function countsOf(reasons) {
  /** @type {Record<string, number>} */
  const counts = Object.create(null);
  for (const [reason, count] of reasons) {
    const kind = reason.split(":", 1)[0];
    counts[kind] = (counts[kind] ?? 0) + count;
  }
  return counts;
}
