/** Attributes that few rules ask for: the address of the page, where a visitor came from, and the time. */

/**
 * @typedef {import("../core/scene.js").Scene} Scene
 */

/** @type {Map<string, (scene: Scene) => any>} */
export const MAKERS = new Map(Object.entries(/** @type {Record<string, (scene: Scene) => any>} */ ({
  path: (scene) => pageOf(scene)?.path ?? scene.visit.facts.call.path,
  // What led to the page of a later call is not known.
  referrer: (scene) => (pageOf(scene) ? "" : (scene.visit.facts.call.header("referer") ?? "")),
  query: (scene) => queryOf(scene, ""),
  utm: (scene) => queryOf(scene, "utm_"),
  hour: hourOf,
  weekday: weekdayOf,
})));

const NOTHING = Object.freeze(Object.create(null));
/** An address of the shop, as browsers write it: its host, path and query. */
const ADDRESS = /^https?:\/\/([^/?#]+)(\/[^?#]*)?(?:\?([^#]*))?/;
/** Offsets of a time zone change on quarter hours at most, so one answer serves that long. */
const ZONE_MS = 900_000;
/** @type {{zone: string, quarter: number, offset: number}} */
let zoneKept = { zone: "", quarter: -1, offset: 0 };

/** The page that a call of ours comes from, by its Referer; null for a page's own request. @param {Scene} scene */
function pageOf({ loader, visit: { facts } }) {
  if (facts.from === undefined) {
    const { call } = facts;
    const sent = call.path.startsWith(`${loader.config.prefix}/`) && call.header("referer");
    const [, host, path = "/", query = ""] = (sent && ADDRESS.exec(sent)) || [];
    facts.from = host && host === call.header("host") ? { path, query } : null;
  }
  return facts.from;
}

/** @param {Scene} scene @param {string} prefix @returns {Record<string, string>} */
function queryOf(scene, prefix) {
  const page = pageOf(scene);
  const { call } = scene.visit.facts;
  // A URL is parsed for its query alone, and most have none.
  if (page ? !page.query : !call.query) return NOTHING;
  const found = Object.create(null);
  for (const [name, value] of page ? pairs(page.query) : call.url.searchParams) {
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = value;
  }
  return found;
}

/** @param {string} query @returns {[string, string][]} what can be read of it */
function pairs(query) {
  return query.split("&").flatMap((part) => {
    const [, name, value] = /** @type {string[]} */ (/^([^=]*)=?(.*)$/s.exec(part.replaceAll("+", " ")));
    try {
      return [[decodeURIComponent(name), decodeURIComponent(value)]];
    } catch {
      return []; // half an escape is no value
    }
  });
}

/** @param {Scene} scene @returns {number} 0 to 23 */
export function hourOf(scene) {
  return localTime(scene).getUTCHours();
}

/** @param {Scene} scene @returns {number} 1 for Monday to 7 */
export function weekdayOf(scene) {
  return localTime(scene).getUTCDay() || 7;
}

/** @param {Scene} scene */
function localTime({ visit, release }) {
  return new Date(visit.now + zoneOffset(release.rules.timezone, visit.now));
}

/**
 * @param {string} timezone IANA name
 * @param {number} now
 * @returns {number} milliseconds to add to UTC
 */
function zoneOffset(timezone, now) {
  const quarter = Math.floor(now / ZONE_MS);
  if (zoneKept.zone !== timezone || zoneKept.quarter !== quarter) {
    zoneKept = { zone: timezone, quarter, offset: computeOffset(timezone, quarter * ZONE_MS) };
  }
  return zoneKept.offset;
}

/** @param {string} timezone @param {number} at a whole number of seconds */
function computeOffset(timezone, at) {
  const local = new Date(at).toLocaleString("en-US", { timeZone: timezone, hourCycle: "h23" });
  return Date.parse(`${local} UTC`) - at;
}
