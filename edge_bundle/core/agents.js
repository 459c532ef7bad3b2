/** What a browser's name tells: whether it is a known crawler, and the kind of device. */

const CRAWLERS =
  /bot\b|bot\/|crawl|spider|slurp|bingpreview|facebookexternalhit|embedly|lighthouse|headlesschrome-lighthouse/i;
const TABLET = /ipad|tablet|android(?!.*mobile)/i;
const MOBILE = /mobi|iphone|android/i;
const MAX_KEPT = 500;
const MAX_LENGTH = 512;

/** @typedef {{crawler: boolean, device: "desktop"|"mobile"|"tablet"}} Agent */

/** Few names make up most traffic, and the patterns cost more than the look-up. */
/** @type {Map<string, Agent>} */
const kept = new Map();

/** @param {string|null} name the User-Agent header @returns {Agent} */
export function agentOf(name) {
  // A name of any length would take the patterns, and memory, as long as its sender likes.
  const text = (name ?? "").slice(0, MAX_LENGTH);
  let agent = kept.get(text);
  if (agent) return agent;
  const device = TABLET.test(text) ? "tablet" : MOBILE.test(text) ? "mobile" : "desktop";
  agent = { crawler: CRAWLERS.test(text), device };
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(text, agent);
  return agent;
}
