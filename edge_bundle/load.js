/**
 * Loads what fragments do without: modules that wrangler uploads beside the bundled
 * rest, as wrangler.jsonc says. It keeps an import's words, so that they must hold from here.
 */

import { kit } from "./core/kit.js";

const EXTRAS = {
  canary: () => import("./extras/canary.js"),
  collect: () => import("./cloudflare/collect.js"),
  decide: () => import("./extras/decide.js"),
  events: () => import("./extras/events.js"),
  explain: () => import("./extras/explain.js"),
  flags: () => import("./extras/ofrep.js"),
  format1: () => import("./extras/format1.js"),
  health: () => import("./extras/health.js"),
  overlays: () => import("./extras/overlays.js"),
  page: () => import("./cloudflare/page.js"),
  preview: () => import("./extras/preview.js"),
  rarer: () => import("./extras/rarer.js"),
  ribbon: () => import("./extras/ribbon.js"),
  users: () => import("./extras/users.js"),
  weights: () => import("./extras/weights.js"),
};

/** @param {keyof typeof EXTRAS} name */
export async function load(name) {
  (await import("./extras/core.js")).lend(kit);
  return EXTRAS[name]();
}
