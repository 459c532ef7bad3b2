/** Those of the worker's variables that only pages and calls of servers take. */

import { core } from "./core.js";
import { kindsOf } from "./tags.js";

const { list } = core;

/**
 * @typedef {object} Settings
 * @property {number} slotMs how long a slot may hold back the rest of its page
 * @property {Map<number, number>} kinds of elements, those of slots among them
 * @property {string[]} include
 * @property {string[]} exclude
 * @property {boolean} trustLoopback
 * @property {string} apiToken
 * @property {any} localApis addresses of the local CDN APIs, on a laptop
 */

/** @type {WeakMap<import("../core/edge.js").Edge, Settings>} */
const known = new WeakMap();

/** Read once per isolate. @param {import("../core/edge.js").Edge} edge @returns {Settings} */
export function settingsOf(edge) {
  let settings = known.get(edge);
  if (!settings) known.set(edge, (settings = readSettings(edge.env)));
  return settings;
}

/** @param {Record<string, any>} env @returns {Settings} */
function readSettings(env) {
  return {
    slotMs: Number(env.SLOT_MS ?? 500),
    kinds: kindsOf(list(env.SLOT_TAGS)),
    include: list(env.INCLUDE),
    exclude: list(env.EXCLUDE),
    trustLoopback: env.TRUST_LOOPBACK === "1",
    apiToken: env.API_TOKEN ?? "",
    localApis: env.LOCAL_APIS ? JSON.parse(env.LOCAL_APIS) : null,
  };
}
