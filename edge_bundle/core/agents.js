/** What a browser's name tells: whether it is a known crawler, and the kind of device. */

const CRAWLERS =
  /bot\b|bot\/|crawl|spider|slurp|bingpreview|facebookexternalhit|embedly|lighthouse|headlesschrome-lighthouse/i;
const TABLET = /ipad|tablet|android(?!.*mobile)/i;
const MOBILE = /mobi|iphone|android/i;
const MAX_KEPT = 500;

/** @typedef {{crawler: boolean, device: "desktop"|"mobile"|"tablet"}} Agent */

/** Few names make up most traffic, and the patterns cost more than the look-up. */
/** @type {Map<string, Agent>} */
const kept = new Map();

/** @param {string|null} name the User-Agent header @returns {Agent} */
export function agentOf(name) {
  const text = name ?? "";
  let agent = kept.get(text);
  if (agent) return agent;
  const device = TABLET.test(text) ? "tablet" : MOBILE.test(text) ? "mobile" : "desktop";
  agent = { crawler: CRAWLERS.test(text), device };
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(text, agent);
  return agent;
}
