/** Loads what fragments do without: modules that wrangler uploads beside the bundled rest, as wrangler.jsonc says. */

import { kit } from "./core/kit.js";

/** Those that stand elsewhere than in extras/ under their own name. @type {Record<string, string>} */
const PLACES = { collect: "cloudflare/collect", flags: "extras/ofrep", origin: "cloudflare/origin" };

/** @param {string} name */
export async function load(name) {
  // By words that no bundler can follow: it would bundle what is to stay apart.
  const [core, extra] = ["extras/core", PLACES[name] ?? `extras/${name}`].map((place) => `./${place}.js`);
  (await import(core)).lend(kit);
  return import(extra);
}
