/** What a browser's name tells: whether it is a known crawler, and the kind of device. */

import { memo } from "./memo.js";

const CRAWLERS =
  /bot\b|crawl|spider|slurp|bingpreview|facebookexternalhit|embedly|lighthouse/i;
const TABLET = /ipad|tablet|android(?!.*mobile)/i;
const MOBILE = /mobi|iphone|android/i;
const MAX_LENGTH = 512;

/** @typedef {{crawler: boolean, device: "desktop"|"mobile"|"tablet"}} Agent */

/** Few names make up most traffic, and the patterns cost more than the look-up. */
/** @type {(text: string, make: (text: string) => Agent) => Agent} */
const kept = memo(500);

/** @param {string|null} name the User-Agent header @returns {Agent} */
export function agentOf(name) {
  // A name of any length would take the patterns, and memory, as long as its sender likes.
  return kept((name ?? "").slice(0, MAX_LENGTH), readAgent);
}

/** @param {string} text @returns {Agent} */
function readAgent(text) {
  const device = TABLET.test(text) ? "tablet" : MOBILE.test(text) ? "mobile" : "desktop";
  return { crawler: CRAWLERS.test(text), device };
}
