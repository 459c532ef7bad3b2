/** Makes a visit of a request: consent first, then only what that consent allows to be read. */

import { readConsent } from "./purposes.js";
import { readCookies, setCookie } from "./cookies.js";
import { newDevice, readDevice, readUser } from "./identity.js";
import { NO_SESSION, readSession } from "./session.js";

/**
 * @typedef {object} Call one request, free of any platform's classes
 * @property {string} method
 * @property {URL} url
 * @property {(name: string) => string|null} header
 * @property {string|null} country
 * @property {string|null} region
 * @property {(limit: number) => Promise<string>} body throws when longer than limit bytes
 *
 * @typedef {import("./decide.js").Visit} Visit
 */

const CRAWLERS =
  /bot\b|bot\/|crawl|spider|slurp|bingpreview|facebookexternalhit|embedly|lighthouse|headlesschrome-lighthouse/i;
const TABLET = /ipad|tablet|android(?!.*mobile)/i;
const MOBILE = /mobi|iphone|android/i;

/** @param {Call} call */
export function isCrawler(call) {
  return CRAWLERS.test(call.header("user-agent") ?? "");
}

/**
 * Return the visit and the cookies to set or clear. A device is minted on consent.
 * @param {Call} call
 * @param {import("./loader.js").Loader} loader
 * @returns {Promise<{visit: Visit, cookies: string[]}>}
 */
export async function visitOf(call, { platform, config }) {
  const sent = readCookies(call.header("cookie"));
  const consent = readConsent(sent.fs_c, call.header("sec-gpc") === "1");
  const personal = consent.personalization;
  const known = personal ? readDevice(sent.fs_id) : null;
  const user = personal ? await readUser(platform, config, sent.fs_u) : null;
  const now = platform.now();
  const session = personal && sent.fs_s ? readSession(sent.fs_s, now / 1000) : NO_SESSION;
  const device = known ?? (personal ? newDevice(platform) : null);
  const secure = call.url.protocol === "https:";
  const good = { fs_id: known, fs_u: user, fs_s: session && personal, fs_c: consent.chosen };
  const cookies = Object.entries(good)
    .filter(([name, valid]) => name in sent && !valid)
    .map(([name]) => setCookie(name, "", { secure, readable: name === "fs_c" || name === "fs_s" }));
  if (device && !known) {
    // A cleared and a set cookie of one name would contradict each other.
    if ("fs_id" in sent) cookies.splice(cookies.findIndex((c) => c.startsWith("fs_id=")), 1);
    cookies.push(setCookie("fs_id", device, { secure, days: 395 }));
  }
  const visit = {
    now,
    consent,
    device,
    isNew: !known,
    user,
    visitor: null,
    session: session ?? NO_SESSION,
    page: { item: "", category: "" },
    facts: factsOf(call),
  };
  return { visit, cookies };
}

/** @param {Call} call @returns {Record<string, any>} what rules may ask of the request itself */
function factsOf(call) {
  const agent = call.header("user-agent") ?? "";
  /** @type {Record<string, string>} */
  const query = Object.create(null);
  /** @type {Record<string, string>} */
  const utm = Object.create(null);
  for (const [name, value] of call.url.searchParams) {
    if (name.startsWith("utm_")) utm[name.slice(4)] = value;
    query[name] = value;
  }
  return {
    country: call.country,
    region: call.region,
    device: TABLET.test(agent) ? "tablet" : MOBILE.test(agent) ? "mobile" : "desktop",
    path: call.url.pathname,
    referrer: call.header("referer") ?? "",
    query,
    utm,
  };
}
