/** The session: `fs_s` for the edge, so that the very next page can follow, `fs_v` for events. */

import { IDLE_SECONDS, forget, keep, kept, randomId, readCookie, seconds, spare, writeCookie }
  from "./base.js";

/** @type {Record<string, "v"|"c"|"o">} */
const KINDS = {
  "Product Viewed": "v", "Product Clicked": "v", "Product Added": "c", "Order Completed": "o",
};
const VISIT = "fs_v";

function readSession() {
  const match = /^1\.([0-9a-z]+)\.([0-9a-z]+)\.(\d+)\.(\d+)\.(\d+)\.(\S*)$/
    .exec(readCookie("fs_s") ?? "");
  if (!match || seconds() - parseInt(match[2], 36) > IDLE_SECONDS) {
    return { start: seconds().toString(36), v: 0, c: 0, o: 0, items: /** @type {string[]} */ ([]) };
  }
  const [, start, , v, c, o, items] = match;
  return { start, v: +v, c: +c, o: +o, items: items.split("~").filter(Boolean) };
}

/** Note in `fs_s` what was viewed, put in the cart or ordered. */
export function noteSession(/** @type {string} */ event, /** @type {any} */ properties) {
  const kind = KINDS[event];
  const products = Array.isArray(properties.products) ? properties.products : [properties];
  /** @type {string[]} */
  const entries = kind ? products.map((/** @type {any} */ product) => entryOf(kind, product)).filter(Boolean) : [];
  if (!entries.length) return;
  const session = readSession();
  // A click and the page it leads to are one view; so is a page loaded again.
  if (kind !== "v" || entries[0] !== session.items.at(-1)) {
    session[kind] = Math.min(session[kind] + 1, 999999);
    session.items = [...session.items, ...entries].slice(-10);
  }
  const { start, v, c, o, items } = session;
  const value = () => `1.${start}.${seconds().toString(36)}.${v}.${c}.${o}.${items.join("~")}`;
  while (items.length && value().length > 200) items.shift();
  writeCookie("fs_s", value(), IDLE_SECONDS);
}

/** @param {string} kind @param {any} product */
function entryOf(kind, product) {
  try {
    const sku = encodeURIComponent(String(product?.product_id ?? product?.sku ?? ""));
    return sku && kind + sku.replace(/~/g, "%7E").replace(/\./g, "%2E");
  } catch {
    return ""; // half a surrogate pair is no SKU
  }
}

/**
 * Return the session of the events: one for all tabs, over after half an hour without any.
 * `seen` are the experiments whose exposure it has sent.
 */
export function visit() {
  let [id, at, seen] = /** @type {[string, number, string[]]} */ (["", 0, []]);
  try {
    [id, at, seen] = JSON.parse(kept[VISIT] ?? spare[VISIT]);
  } catch {
    // None yet, or not ours.
  }
  if (!id || !Array.isArray(seen) || seconds() - at > IDLE_SECONDS) [id, seen] = [randomId(), []];
  return { id, seen };
}

/** @param {ReturnType<typeof visit>} visit */
export const keepVisit = ({ id, seen }) => keep(VISIT, JSON.stringify([id, seconds(), seen]));
export const forgetVisit = () => forget(VISIT);
